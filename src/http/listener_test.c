/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "http/listener.h"

static void addresses_are_read_as_people_write_them(void **state)
{
	static const struct {
		const char *text, *bound; /* bound: up to the port; NULL: refused */
	} cases[] = {
		{ "127.0.0.1:0", "127.0.0.1:" },
		{ "localhost:0", "127.0.0.1:" },
		{ ":0", "[::]:" },
		{ "[::1]:0", "[::1]:" },
		{ "0.0.0.0:0", "0.0.0.0:" },
		{ "", NULL },
		{ "127.0.0.1", NULL },
		{ "127.0.0.1:", NULL },
		{ "127.0.0.1:65536", NULL },
		{ "127.0.0.1:-1", NULL },
		{ "127.0.0.1:080", NULL },
		{ "127.0.0.1:http", NULL },
		{ "127.0.0.256:1", NULL },
		{ "127.1:1", NULL },
		{ "::1:80", NULL },
		{ "[127.0.0.1]:80", NULL },
		{ "[::1:80", NULL },
		{ "[]:80", NULL },
		{ "example.test:80", NULL },
		{ "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:80", NULL },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct mg_err err = { 0 };
		char bound[LISTENER_ADDRESS_SIZE];
		int fd = -1;
		enum mg_code code = listener_open(span_of(cases[i].text), false, &fd, &err);
		if (cases[i].bound == NULL) {
			assert_int_equal(code, MG_INVALID);
			assert_non_null(strstr(err.text, "127.0.0.1:3000"));
			continue;
		}
		/* A machine may have no IPv6; then the text says so. */
		if (code == MG_UNAVAILABLE && strchr(cases[i].bound, '[') != NULL) continue;
		assert_int_equal(code, MG_OK);
		listener_address(fd, bound);
		if (strcmp(cases[i].text, ":0") != 0 || bound[0] == '[')
			assert_memory_equal(bound, cases[i].bound, strlen(cases[i].bound));
		close(fd);
	}
}

static void taken_port_is_explained_and_can_be_shared_on_request(void **state)
{
	struct mg_err err = { 0 };
	char bound[LISTENER_ADDRESS_SIZE];
	int first, second;

	assert_int_equal(listener_open(SPAN("127.0.0.1:0"), false, &first, &err), MG_OK);
	listener_address(first, bound);
	assert_int_equal(listener_open(span_of(bound), false, &second, &err), MG_UNAVAILABLE);
	assert_non_null(strstr(err.text, "already in use"));
	close(first);

	assert_int_equal(listener_open(SPAN("127.0.0.1:0"), true, &first, &err), MG_OK);
	listener_address(first, bound);
	assert_int_equal(listener_open(span_of(bound), true, &second, &err), MG_OK);
	close(first);
	close(second);
}

static void foreign_address_is_explained(void **state)
{
	struct mg_err err = { 0 };
	int fd;

	assert_int_equal(listener_open(SPAN("192.0.2.1:3000"), false, &fd, &err), MG_UNAVAILABLE);
	assert_non_null(strstr(err.text, "no such address"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_read_as_people_write_them),
		cmocka_unit_test(taken_port_is_explained_and_can_be_shared_on_request),
		cmocka_unit_test(foreign_address_is_explained),
	};

	return cmocka_run_group_tests_name("listener", tests, NULL, NULL);
}
