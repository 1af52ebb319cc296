/* SPDX-License-Identifier: Apache-2.0 */
#include "http/quota.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct address address(const char *text)
{
	struct sockaddr_storage ss = { 0 };
	struct address a;

	if (strchr(text, ':') != NULL) {
		struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
		assert_int_equal(inet_pton(AF_INET6, text, &in6.sin6_addr), 1);
		memcpy(&ss, &in6, sizeof in6);
	} else {
		struct sockaddr_in in4 = { .sin_family = AF_INET };
		assert_int_equal(inet_pton(AF_INET, text, &in4.sin_addr), 1);
		memcpy(&ss, &in4, sizeof in4);
	}
	address_from(&ss, &a);
	return a;
}

static void connections_of_one_address(void **state)
{
	struct quota *q = quota_new(&(struct quota_options){ .connections = 2 });
	const struct address a = address("192.0.2.1"), mapped = address("::ffff:192.0.2.1"),
			     b = address("192.0.2.2");

	assert_true(quota_enter(q, &a));
	assert_true(quota_enter(q, &mapped)); /* the same */
	assert_false(quota_enter(q, &a));
	assert_true(quota_enter(q, &b));
	quota_leave(q, &a);
	assert_true(quota_enter(q, &a));
	quota_leave(q, &a);
	quota_leave(q, &mapped);
	quota_leave(q, &b);
	assert_int_equal(quota_addresses(q), 0);
	quota_free(&q);
}

static void networks_of_64_bits_are_one(void **state)
{
	struct quota *q = quota_new(&(struct quota_options){ .connections = 1 });
	const struct address a = address("2001:db8:1:2::1"), b = address("2001:db8:1:2:ffff::9"),
			     c = address("2001:db8:1:3::1");

	assert_true(quota_enter(q, &a));
	assert_false(quota_enter(q, &b));
	assert_true(quota_enter(q, &c));
	quota_free(&q);
}

static void no_address_no_limit(void **state)
{
	struct quota *q =
		quota_new(&(struct quota_options){ .connections = 1, .requests = 1, .burst = 1 });
	const struct address local = { .family = 0 };
	uint32_t retry_after_s;

	for (int i = 0; i < 10; i++) {
		assert_true(quota_enter(q, &local));
		assert_true(quota_request(q, &local, 0, &retry_after_s));
	}
	quota_leave(q, &local);
	assert_int_equal(quota_addresses(q), 0);
	quota_free(&q);
}

static void requests_come_back_with_time(void **state)
{
	static const struct {
		uint64_t at_ms;
		bool ok;
		uint32_t retry_after_s;
	} steps[] = {
		{ 1000000, true, 0 },  { 1000000, true, 0 },  { 1000000, true, 0 },
		{ 1000000, false, 1 }, { 1000499, false, 1 }, { 1000500, true, 0 },
		{ 1000500, false, 1 }, { 999999, false, 1 }, /* clocks do not go back; if so */
		{ 1001000, true, 0 },  { 9000000, true, 0 },  { 9000000, true, 0 },
		{ 9000000, true, 0 },  { 9000000, false, 1 },
	};
	struct quota *q = quota_new(&(struct quota_options){ .requests = 2, .burst = 3 });
	const struct address a = address("192.0.2.1"), b = address("192.0.2.2");
	uint32_t retry_after_s;

	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		retry_after_s = 0;
		assert_int_equal(quota_request(q, &a, steps[i].at_ms, &retry_after_s), steps[i].ok);
		assert_int_equal(retry_after_s, steps[i].retry_after_s);
	}
	assert_true(quota_request(q, &b, 9000000, &retry_after_s));
	quota_free(&q);
}

static void a_flood_of_addresses_takes_no_more_memory(void **state)
{
	struct quota *q =
		quota_new(&(struct quota_options){ .connections = 10, .requests = 1, .burst = 1 });
	struct address held = address("198.51.100.7"), a = address("2001:db8::1");
	uint32_t retry_after_s;

	assert_true(quota_enter(q, &held));
	assert_true(quota_request(q, &held, 5, &retry_after_s));
	for (uint32_t i = 0; i < 10 * QUOTA_IDLE_MAX; i++) {
		memcpy(a.ip + 4, &i, sizeof i);
		if (i % 2 == 0) {
			assert_true(quota_request(q, &a, 5, &retry_after_s));
		} else {
			assert_true(quota_enter(q, &a));
			quota_leave(q, &a);
		}
		assert_true(i % 1000 != 0 || quota_addresses(q) <= QUOTA_IDLE_MAX + 1);
	}
	/* Who is connected is not forgotten. */
	assert_false(quota_request(q, &held, 5, &retry_after_s));
	quota_leave(q, &held);
	quota_free(&q);
}

static void *come_and_go(void *arg)
{
	struct quota *q = arg;
	const struct address a = address("192.0.2.1");

	for (int i = 0; i < 20000; i++)
		if (quota_enter(q, &a)) quota_leave(q, &a);
	return NULL;
}

static void several_threads(void **state)
{
	struct quota *q = quota_new(&(struct quota_options){ .connections = 2 });
	pthread_t threads[3];

	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, q), 0);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(quota_addresses(q), 0);
	quota_free(&q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connections_of_one_address),
		cmocka_unit_test(networks_of_64_bits_are_one),
		cmocka_unit_test(no_address_no_limit),
		cmocka_unit_test(requests_come_back_with_time),
		cmocka_unit_test(a_flood_of_addresses_takes_no_more_memory),
		cmocka_unit_test(several_threads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
