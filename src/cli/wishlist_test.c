/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/wishlist.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

typedef enum mg_code take_fn(struct errand *e, struct mg_span text, struct mg_err *err);

static void assert_wishes(take_fn *take, const char *text, const char *want)
{
	struct errand e;
	struct mg_err err = { 0 };
	struct mg_buf out = BUF_MAX(1u << 20);
	errand_init(&e);
	if (take(&e, span_of(text), &err) == MG_OK) {
		e.type = ERRAND_WARM;
		errand_print(&e, &out);
		assert_string_equal(buf_cstr(&out), want);
	} else if (strstr(err.text, want) == NULL || want[0] == '\0') {
		fail_msg("%s: %s", text, err.text);
	}
	buf_deinit(&out);
	errand_deinit(&e);
}

#define ALL(m) "want info " m "\nwant mod " m "\nwant zip " m "\n"

static void gomod(void **state)
{
	assert_wishes(wishlist_gomod, "module a.b/c\n\ngo 1.20\n", "warm\n");
	assert_wishes(wishlist_gomod,
		      "module a.b/c\nrequire (\n\tx.y/Z v1.2.3 // indirect\n\tx.y/w v0.1.0\n)\n",
		      ALL("x.y/Z@v1.2.3") ALL("x.y/w@v0.1.0") "warm\n");
	assert_wishes(wishlist_gomod,
		      "module a.b/c\nrequire x.y/a v1.0.0\nrequire x.y/b v1.0.0\n"
		      "require x.y/c v1.0.0\nreplace x.y/a => ../a\n"
		      "replace x.y/b => x.y/fork v1.5.0\nreplace x.y/c v1.1.0 => x.y/d v1.0.0\n",
		      ALL("x.y/fork@v1.5.0") ALL("x.y/c@v1.0.0") "warm\n");
	assert_wishes(wishlist_gomod,
		      "module a.b/c\nrequire x.y/a v1.0.0\nreplace x.y/a => x.y/d v1.0.0\n"
		      "replace x.y/a v1.0.0 => x.y/e v1.0.0\n",
		      ALL("x.y/e@v1.0.0") "warm\n");
	assert_wishes(wishlist_gomod, "module a.b/c\nnonsense\n", "2");
}

#define HASH " h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"

static void gosum(void **state)
{
	assert_wishes(wishlist_gosum, "", "warm\n");
	assert_wishes(wishlist_gosum,
		      "x.y/a v1.0.0" HASH "x.y/a v1.0.0/go.mod" HASH "x.y/b v1.0.0/go.mod" HASH
		      "\n",
		      ALL("x.y/a@v1.0.0") "want mod x.y/b@v1.0.0\nwarm\n");
	assert_wishes(wishlist_gosum, "x.y/a v1.0.0" HASH "x.y/a v1.0.0\n", "line 2");
	assert_wishes(wishlist_gosum, "x.y/a master" HASH, "line 1");
	assert_wishes(wishlist_gosum, "x.y/a v1.0.0 h1:a b\n", "line 1");
	assert_wishes(wishlist_gosum, "nodot v1.0.0" HASH, "line 1");
}

static void module(void **state)
{
	assert_wishes(wishlist_module, "x.y/Azure@v1.0.0", ALL("x.y/Azure@v1.0.0") "warm\n");
	assert_wishes(wishlist_module, "x.y/m/v2@v2.0.0", ALL("x.y/m/v2@v2.0.0") "warm\n");
	assert_wishes(wishlist_module, "x.y/m@v2.0.0", "no version");
	assert_wishes(wishlist_module, "x.y/m@latest", "no version");
	assert_wishes(wishlist_module, "x.y/m@", "neither");
	assert_wishes(wishlist_module, "x.y/m", "neither");
	assert_wishes(wishlist_module, "../m@v1.0.0", "path");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gomod),
		cmocka_unit_test(gosum),
		cmocka_unit_test(module),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
