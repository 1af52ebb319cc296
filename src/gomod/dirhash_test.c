/* SPDX-License-Identifier: Apache-2.0 */
#include "gomod/dirhash.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define PREFIX "example.com/hello@v1.0.0/"

static struct dirhash_file file(const char *name, const char *content)
{
	struct dirhash_file f = { .name = span_of(name) };
	sha256_of(span_of(content), f.sha256);
	return f;
}

static void vectors(void **state)
{
	char out[DIRHASH_SIZE];
	struct dirhash_file hello[] = {
		file(PREFIX "hello.go", "package hello\n"),
		file(PREFIX "go.mod", "module example.com/hello\n\ngo 1.21\n"),
	};
	assert_true(dirhash_files(hello, 2, out));
	assert_string_equal(out, "h1:pKFu5tHfljqp2Zr9PLlh8XHdPpeGCCxqljPAeAdak0c=");
	assert_true(dirhash_files(NULL, 0, out));
	assert_string_equal(out, "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
	struct dirhash_file broken = file(PREFIX "a\nb", "");
	assert_false(dirhash_files(&broken, 1, out));
}

/* A repository whose attributes change what is archived, and the module in its folder m. */
static void repository_vectors(void **state)
{
#define FX "git.example.com/fx@v1.0.0/"
#define M  "git.example.com/fx/m@v0.1.0/"
	char out[DIRHASH_SIZE];
	struct dirhash_file fx[] = {
		file(FX ".gitattributes", "crlf.txt text eol=crlf\nid.txt ident\n"
					  "sub.txt export-subst\nign.txt export-ignore\n"),
		file(FX "LICENSE", "L\n"),
		file(FX "crlf.txt", "a\r\nb\r\n"),
		file(FX "go.mod", "module git.example.com/fx\n"),
		file(FX "id.txt", "$Id: 055c8729cdcc372500a08db659c045e16c4409fb $\n"),
		file(FX "ign.txt", "x\n"),
		file(FX "run.sh", "#!/bin/sh\n"),
		file(FX "sub.txt", "$Format:%H$\n"),
		file(FX "vendor/modules.txt", "v\n"),
	};
	assert_true(dirhash_files(fx, sizeof fx / sizeof fx[0], out));
	assert_string_equal(out, "h1:aQOdT8EoRd421TeiiryRqPbpq5JixeBHWODYLT9mE4Y=");
	struct dirhash_file m[] = {
		file(M "go.mod", "module git.example.com/fx/m\n"),
		file(M "a.go", "package m\n"),
		file(M "LICENSE", "L\n"),
	};
	assert_true(dirhash_files(m, 3, out));
	assert_string_equal(out, "h1:/hUI13PJ9shjjo3phPpSpeV61GR88t/fCCacP4sVJc8=");
}

static void gomod_vectors(void **state)
{
	static const struct {
		const char *mod, *h1;
	} rows[] = {
		{ "module example.com/hello\n\ngo 1.21\n",
		  "h1:NnGvEkTHyKKlgPcQSue0skqyqiS1EfBSAh+0WaWZYmE=" },
		{ "module example.com/legacy\n",
		  "h1:pS2KLshur9YBlehNARWQ3af1njEt+NcOfNS6ku9j6Ng=" },
		{ "module git.example.com/fx\n",
		  "h1:5+OOfVYjXkZOrizdiOScC52HuMW1RTsbXpb5koZ1+NE=" },
		{ "module git.example.com/fx/m\n",
		  "h1:0+SI1kXR5L3ZKKu1wpiuK7Xyel/4GyTX0cVF1uEVsBI=" },
		{ "", "h1:G7mAYYxgmS0lVkHyy2hEOLQCFB0DlQFTMLWggykrydY=" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char out[DIRHASH_SIZE];
		dirhash_gomod(span_of(rows[i].mod), out);
		assert_string_equal(out, rows[i].h1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(vectors),
					    cmocka_unit_test(repository_vectors),
					    cmocka_unit_test(gomod_vectors) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
