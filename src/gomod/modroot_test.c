/* SPDX-License-Identifier: Apache-2.0 */
#include "gomod/modroot.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define NONE (-1)

/* A go.mod's module path; "-": there is no file; "": it names none. */
static struct modroot_file file_of(const char *path)
{
	bool exists = strcmp(path, "-") != 0;
	return (struct modroot_file){ exists, exists ? span_of(path) : SPAN("") };
}

static void choices(void **state)
{
	static const struct {
		const char *dir, *major, *outer, *inner; /* inner NULL: there can be none */
		int root;
	} rows[] = {
		{ "", "", "a.b/m", NULL, MODROOT_OUTER },
		{ "", "", "other.example/fork", NULL, MODROOT_OUTER },
		{ "", "", "-", NULL, MODROOT_MADE_UP },
		{ "", "", "", NULL, NONE },
		{ "", "", "a.b/m/v2", NULL, NONE },
		{ "", "", "a.b/m/v1", NULL, NONE },
		{ "", "", "(", NULL, MODROOT_OUTER }, /* of "module (" */
		{ "", "", "gopkg.in/x.v1", NULL, MODROOT_OUTER },
		{ "", "", "gopkg.in/x.v0-unstable", NULL, MODROOT_OUTER },
		{ "", "", "gopkg.in/x.v3", NULL, MODROOT_OUTER }, /* golang.org/issue/34254 */
		{ "s", "", "a.b/m/s", NULL, MODROOT_OUTER },
		{ "s", "", "-", NULL, NONE },
		{ "", "/v2", "a.b/m/v2", "-", MODROOT_OUTER },
		{ "", "/v2", "-", "a.b/m/v2", MODROOT_INNER },
		{ "", "/v2", "a.b/m", "a.b/m/v2", MODROOT_INNER },
		{ "", "/v2", "a.b/m/v2", "a.b/m/v2", NONE },
		{ "", "/v2", "a.b/m/v2", "a.b/m", NONE },
		{ "", "/v2", "a.b/m/v2", "", NONE },
		{ "", "/v2", "a.b/m/v3", "-", NONE },
		{ "", "/v2", "a.b/m", "-", NONE },
		{ "", "/v2", "-", "-", NONE },
		{ "", "/v2", "gopkg.in/x.v2", "-", MODROOT_OUTER },
		{ "", "/v2", "-", NULL, NONE },
		{ "", "/v2", "a.b/m/v2", NULL, MODROOT_OUTER },
		{ "", ".v2", "gopkg.in/x.v2", NULL, MODROOT_OUTER },
		{ "", ".v2", "-", NULL, MODROOT_MADE_UP },
		{ "", ".v1", "a.b/m", NULL, NONE },
		{ "", ".v2", "gopkg.in/x.v2-unstable", NULL, NONE },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct modroot_file outer = file_of(rows[i].outer), inner = { 0 };
		if (rows[i].inner != NULL) inner = file_of(rows[i].inner);
		enum modroot root = MODROOT_OUTER;
		struct mg_err err;
		enum mg_code rc =
			modroot_choose(span_of(rows[i].dir), span_of(rows[i].major), &outer,
				       rows[i].inner != NULL ? &inner : NULL, &root, &err);
		if (rc != (rows[i].root == NONE ? MG_NOT_FOUND : MG_OK) ||
		    (rc == MG_OK && (int)root != rows[i].root))
			fail_msg("row %zu: %d, root %d", i, (int)rc, (int)root);
	}
	assert_true(modroot_has_inner(SPAN("/v2"), false));
	assert_false(modroot_has_inner(SPAN("/v2"), true));
	assert_false(modroot_has_inner(SPAN(".v2"), false));
	assert_false(modroot_has_inner(SPAN(""), false));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(choices) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
