/* SPDX-License-Identifier: Apache-2.0 */
#include "vcs/netrc.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/buf.h"

static void entries(void **state)
{
	static const struct {
		const char *text, *machine, *want; /* login:password; NULL: none */
	} rows[] = {
		{ "machine a login b password c", "a", "b:c" },
		{ "machine a\nlogin b\r\n\tpassword c\n", "a", "b:c" },
		{ "machine a password c login b", "a", "b:c" },
		{ "machine a login b account x password c", "a", "b:c" },
		{ "machine a login b password c\nmachine a login d password e", "a", "b:c" },
		{ "machine x login b password c machine a login d password e", "a", "d:e" },
		{ "machine a:1 login b password c", "a:1", "b:c" },
		{ "machine a:1 login b password c", "a", NULL },
		{ "machine a login b", "a", NULL },
		{ "machine a machine b login c password d", "a", NULL },
		{ "default login b password c", "a", NULL },
		{ "machine b default login b password c\nmachine a login d password e", "a",
		  "d:e" },
		{ "macdef m\nmachine a login b password c\n\nmachine a login d password e", "a",
		  "d:e" },
		{ "", "a", NULL },
		{ "machine", "a", NULL },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct mg_span login, password;
		struct mg_buf out = BUF_MAX(100);
		print_message("%s\n", rows[i].text);
		bool found = netrc_find(span_of(rows[i].text), span_of(rows[i].machine), &login,
					&password);
		assert_int_equal(found, rows[i].want != NULL);
		if (!found) continue;
		buf_printf(&out, "%.*s:%.*s", SPAN_ARG(login), SPAN_ARG(password));
		assert_string_equal(buf_cstr(&out), rows[i].want);
		buf_deinit(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(entries) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
