/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/envproxy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void no_proxy(void **state)
{
	static const struct {
		const char *no, *host;
		uint16_t port;
		bool proxied;
	} cases[] = {
		{ NULL, "mirror.example", 443, true },
		{ "", "mirror.example", 443, true },
		{ "*", "mirror.example", 443, false },
		{ "mirror.example", "mirror.example", 443, false },
		{ "mirror.example", "a.mirror.example", 443, false },
		{ "MIRROR.example", "mirror.example", 443, false },
		{ "mirror.example", "notmirror.example", 443, true },
		{ ".mirror.example", "mirror.example", 443, true },
		{ ".mirror.example", "a.mirror.example", 443, false },
		{ "*.mirror.example", "a.mirror.example", 443, false },
		{ "*.mirror.example", "mirror.example", 443, true },
		{ "x, mirror.example ,y", "mirror.example", 443, false },
		{ "mirror.example:443", "mirror.example", 443, false },
		{ "mirror.example:443", "mirror.example", 80, true },
		{ "10.0.0.0/8", "10.200.3.4", 80, false },
		{ "10.0.0.0/9", "10.200.3.4", 80, true },
		{ "10.1.2.3", "10.1.2.3", 80, false },
		{ "10.1.2.3:80", "10.1.2.3", 80, false },
		{ "10.1.2.3:80", "10.1.2.3", 81, true },
		{ "10.0.0.0/33", "10.0.0.1", 80, true },
		{ "10.0.0.0/x", "10.0.0.1", 80, true },
		{ "x/8", "10.0.0.1", 80, true },
		{ "fd00::/8", "[fd12::1]", 80, false },
		{ "fd00::/8", "10.0.0.1", 80, true },
		{ "fd12::1", "[fd12::1]", 80, false },
		{ "[fd12::1]:80", "[fd12::1]", 80, false },
		{ "[fd12::1]:80", "[fd12::1]", 81, true },
		{ "0.0.0.0/0", "mirror.example", 80, true },
		{ ",,.,:80", "mirror.example", 80, true },
		{ NULL, "localhost", 80, false },
		{ NULL, "127.0.0.1", 80, false },
		{ NULL, "127.9.9.9", 80, false },
		{ NULL, "[::1]", 80, false },
		{ NULL, "localhost.example", 80, true },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct envproxy e = { .http = "p:1", .https = "q:1", .no = cases[i].no };
		const char *p = envproxy_pick(&e, "http", cases[i].host, cases[i].port);
		if ((p != NULL) != cases[i].proxied)
			fail_msg("NO_PROXY=%s, %s:%u", cases[i].no ? cases[i].no : "(unset)",
				 cases[i].host, cases[i].port);
	}
}

static void schemes(void **state)
{
	const struct envproxy e = { .http = "p:1" };
	assert_string_equal(envproxy_pick(&e, "http", "h.example", 80), "p:1");
	assert_null(envproxy_pick(&e, "https", "h.example", 443));
}

static void environment(void **state)
{
	static const char *const names[] = { "HTTP_PROXY",  "http_proxy", "HTTPS_PROXY",
					     "https_proxy", "NO_PROXY",   "no_proxy" };
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		unsetenv(names[i]);
	struct envproxy e = envproxy_read();
	assert_null(e.http);
	setenv("http_proxy", "low:1", 1);
	setenv("HTTP_PROXY", "", 1);
	setenv("HTTPS_PROXY", "up:1", 1);
	setenv("https_proxy", "low:1", 1);
	e = envproxy_read();
	assert_string_equal(e.http, "low:1");
	assert_string_equal(e.https, "up:1");
	assert_null(e.no);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_proxy),
		cmocka_unit_test(schemes),
		cmocka_unit_test(environment),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
