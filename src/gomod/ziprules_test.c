/* SPDX-License-Identifier: Apache-2.0 */
#include "gomod/ziprules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define P "example.com/m@v1.0.0/"

static size_t list(const char *const *names, struct dirhash_file *out)
{
	size_t n = 0;
	for (; names[n] != NULL; n++)
		out[n] = (struct dirhash_file){ .name = span_of(names[n]), .sha256 = { 1 } };
	return n;
}

static void test_match(void **state)
{
	static const struct {
		const char *sent[8], *recorded[8], *says;
	} cases[] = {
		{ { P, P "d/", P "d/a", P "go.mod" },
		  { P "d/a", P "go.mod" },
		  "without its directory entries" },
		{ { P "a", P "vendor/modules.txt" },
		  { P "a" },
		  "without the vendored files that go 1.24 leaves out" },
		{ { P "vendor/modules.txt", P "vendor/x/y.go", P "p/vendor/v.go" },
		  { P "vendor/modules.txt" },
		  "without the vendored files that go before 1.24 leaves out" },
		{ { P "vendor/modules.txt", P "vendor/x/y.go", P "p/vendor/v.go",
		    P "p/vendor/x/z" },
		  { P "p/vendor/v.go" },
		  "without the vendored files that go 1.24 leaves out" },
		{ { P "a", P "d/", P "vendor/x/y" },
		  { P "a" },
		  "without directory entries and vendored files" },
		{ { P ".hg_archival.txt", P "a" }, { P "a" }, "without its .hg_archival.txt" },
		{ { P "a", P "b" }, { P "a" }, NULL },
		{ { P "a", P "vendor/f.go" }, { P "a" }, NULL },
		{ { P "a" }, { P "a" }, NULL },
		{ { NULL }, { P "a" }, NULL },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct dirhash_file files[8];
		char want[DIRHASH_SIZE];
		size_t n = list(cases[i].recorded, files);
		assert_true(dirhash_files(files, n, want));
		n = list(cases[i].sent, files);
		const char *says = ziprules_match(files, n, strlen(P), want);
		if (cases[i].says == NULL) {
			assert_null(says);
			continue;
		}
		assert_non_null(says);
		assert_string_equal(says, cases[i].says);
		files[n - 1].sha256[0] ^= 1;
		if (strcmp(cases[i].recorded[0], cases[i].sent[n - 1]) == 0)
			assert_null(ziprules_match(files, n, strlen(P), want));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_match) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
