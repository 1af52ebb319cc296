/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/libraries.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void versions_compare_by_number(void **state)
{
	static const struct {
		const char *version, *floor;
		bool reaches;
	} cases[] = {
		{ "1.52.0", "1.52.0", true },
		{ "1.9.9", "1.52.0", false },
		{ "1.100", "1.52.0", true },
		{ "2", "1.52.0", true },
		{ "1.51.9", "1.52.0", false },
		{ "libcurl/7.88.1 OpenSSL/3.0.17", "7.88.1", true },
		{ "libcurl/7.87.9 OpenSSL/9.9.9", "7.88.1", false },
		{ "OpenSSL 3.0.17 1 Jul 2025", "3.0.0", true },
		{ "1.3.1.zlib-ng", "1.2.13", true },
		{ "1.2.11", "1.2.13", false },
		{ "", "0.2.5", false },
		{ "of no number", "0.2.5", false },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_int_equal(libraries_reach(cases[i].version, cases[i].floor),
				 cases[i].reaches);
}

static void those_of_this_system_will_do(void **state)
{
	struct mg_err err;

	assert_int_equal(libraries_check(&err), MG_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(versions_compare_by_number),
		cmocka_unit_test(those_of_this_system_will_do),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
