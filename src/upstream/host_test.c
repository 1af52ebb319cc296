/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/host.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct host_limits limits = {
	.per_host = 2, .queue_ms = 0, .breaker_failures = 2, .breaker_open_ms = 3600000
};

static enum mg_code enter(struct host_table *t, const char *origin, struct host_permit *p)
{
	struct mg_err err;
	return host_enter(t, origin, origin, NULL, p, &err);
}

static void permits_are_counted_by_origin(void **state)
{
	struct host_table *t = host_table_new(&limits);
	struct host_permit a, b, c;
	assert_int_equal(enter(t, "http://a:80", &a), MG_OK);
	assert_int_equal(enter(t, "http://a:80", &b), MG_OK);
	assert_int_equal(enter(t, "http://a:80", &c), MG_UNAVAILABLE);
	assert_int_equal(enter(t, "http://b:80", &c), MG_OK);
	host_leave(t, &c, HOST_ALIVE, NULL);
	host_leave(t, &a, HOST_ALIVE, NULL);
	assert_int_equal(enter(t, "http://a:80", &a), MG_OK);
	host_leave(t, &a, HOST_UNTOLD, NULL);
	host_leave(t, &b, HOST_ALIVE, NULL);
	host_leave(t, &b, HOST_ALIVE, NULL); /* given back already */
	host_table_free(&t);
	host_table_free(&t);
}

static void failures_open_the_circuit(void **state)
{
	struct host_table *t = host_table_new(&limits);
	struct mg_err err, why = { .cause = MG_CAUSE_TLS, .text = "bad handshake" };
	for (int i = 0; i < 2; i++) {
		struct host_permit p;
		assert_int_equal(enter(t, "http://a:80", &p), MG_OK);
		host_leave(t, &p, HOST_FAILED, &why);
	}
	struct host_permit p;
	assert_int_equal(host_enter(t, "http://a:80", "a", NULL, &p, &err), MG_UNAVAILABLE);
	assert_int_equal(err.cause, MG_CAUSE_TLS);
	assert_non_null(strstr(err.text, "bad handshake"));
	assert_in_range(err.retry_after_s, 3500, 3601);
	assert_int_equal(enter(t, "http://b:80", &p), MG_OK);
	host_leave(t, &p, HOST_ALIVE, NULL);
	host_table_free(&t);
}

static void canceled_callers_do_not_wait(void **state)
{
	struct host_limits patient = limits;
	patient.per_host = 1;
	patient.queue_ms = 3600000;
	struct host_table *t = host_table_new(&patient);
	struct host_permit p, q;
	struct cancel cancel;
	struct mg_err err;
	cancel_init(&cancel);
	cancel_set(&cancel);
	assert_int_equal(enter(t, "http://a:80", &p), MG_OK);
	assert_int_equal(host_enter(t, "http://a:80", "a", &cancel, &q, &err), MG_CANCELED);
	host_leave(t, &p, HOST_ALIVE, NULL);
	host_table_free(&t);
}

#define THREADS 8
#define ROUNDS  200

struct crowd {
	struct host_table *t;
	atomic_int inside, most, served;
};

static void *go_through(void *arg)
{
	struct crowd *c = arg;
	for (int i = 0; i < ROUNDS; i++) {
		struct host_permit p;
		struct mg_err err;
		if (host_enter(c->t, "http://a:80", "a", NULL, &p, &err) != MG_OK) continue;
		int now = atomic_fetch_add(&c->inside, 1) + 1;
		int most = atomic_load(&c->most);
		while (now > most && !atomic_compare_exchange_weak(&c->most, &most, now))
			;
		atomic_fetch_sub(&c->inside, 1);
		atomic_fetch_add(&c->served, 1);
		host_leave(c->t, &p, HOST_ALIVE, NULL);
	}
	return NULL;
}

static void never_more_than_allowed(void **state)
{
	struct host_limits patient = limits;
	patient.queue_ms = 60000;
	struct crowd c = { .t = host_table_new(&patient) };
	pthread_t threads[THREADS];
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, go_through, &c);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_in_range(atomic_load(&c.most), 1, 2);
	assert_int_equal(atomic_load(&c.served), THREADS * ROUNDS);
	host_table_free(&c.t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(permits_are_counted_by_origin),
		cmocka_unit_test(failures_open_the_circuit),
		cmocka_unit_test(canceled_callers_do_not_wait),
		cmocka_unit_test(never_more_than_allowed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
