/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/secretfile.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char path[] = "/tmp/secretfile_test.XXXXXX";

static void put(struct mg_span text, mode_t mode)
{
	const int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text.p, text.n), text.n);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void one_rule_for_modes(void **state)
{
	static const struct {
		mode_t mode;
		const char *want; /* in the message; NULL: it is taken */
	} rows[] = {
		{ 0600, NULL },
		{ 0400, NULL },
		{ 0640, NULL },
		{ 0440, NULL },
		{ 0604, "others may read this secret (mode 604): chmod o-rwx,g-w" },
		{ 0644, "others may read" },
		{ 0601, "others may read" },
		{ 0660, "others may change this secret (mode 660)" },
		{ 0602, "others may change" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct mg_buf out = BUF_MAX(SECRETFILE_MAX + 1);
		struct mg_err err = { 0 };
		put(SPAN("word\n"), rows[i].mode);
		const enum mg_code rc = secretfile_read(path, &out, &err);
		if (rows[i].want == NULL) {
			assert_int_equal(rc, MG_OK);
			assert_true(span_eq(buf_span(&out), SPAN("word\n")));
		} else {
			assert_int_equal(rc, MG_UNAVAILABLE);
			assert_int_equal(err.code, MG_UNAVAILABLE);
			assert_true(strstr(err.text, rows[i].want) != NULL);
			assert_true(strstr(err.text, path) != NULL);
			assert_int_equal(out.n, 0);
		}
		secretfile_forget(&out);
		assert_int_equal(secretfile_check_mode(path, rows[i].mode, &err),
				 rows[i].want == NULL ? MG_OK : MG_DENIED);
	}
}

static void what_is_no_secret(void **state)
{
	struct mg_buf out = BUF_MAX(SECRETFILE_MAX + 1);
	struct mg_err err;
	assert_int_equal(secretfile_read("/tmp", &out, &err), MG_UNAVAILABLE);
	assert_int_equal(secretfile_read("/tmp/secretfile_test none", &out, &err), MG_UNAVAILABLE);
	assert_true(strstr(err.text, "none: No such file") != NULL);
	put(SPAN(""), 0600);
	assert_int_equal(truncate(path, SECRETFILE_MAX + 1), 0);
	assert_int_equal(secretfile_read(path, &out, &err), MG_UNAVAILABLE);
	assert_int_equal(truncate(path, SECRETFILE_MAX), 0);
	assert_int_equal(secretfile_read(path, &out, &err), MG_OK);
	assert_int_equal(out.n, SECRETFILE_MAX);
	secretfile_forget(&out);
}

static void one_line(void **state)
{
	static const struct {
		struct mg_span text;
		const char *want; /* NULL: refused */
	} rows[] = {
		{ SPAN("word"), "word" },
		{ SPAN(" two words\r\n\n"), "two words" },
		{ SPAN("w\xc3\xb6rd\n"), "w\xc3\xb6rd" },
		{ SPAN(""), NULL },
		{ SPAN(" \n"), NULL },
		{ SPAN("one\ntwo"), NULL },
		{ SPAN("a\tb"), NULL },
		{ SPAN("a\0b"), NULL },
		{ SPAN("a\x7f"), NULL },
		{ SPAN("much longer than there is room for"), NULL },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct mg_buf out = BUF_MAX(12);
		struct mg_err err;
		put(rows[i].text, 0600);
		buf_append_str(&out, "x:");
		if (rows[i].want == NULL) {
			assert_int_equal(secretfile_read_line(path, &out, &err), MG_UNAVAILABLE);
			assert_true(strstr(err.text, path) != NULL);
		} else {
			assert_int_equal(secretfile_read_line(path, &out, &err), MG_OK);
			assert_string_equal(buf_cstr(&out) + 2, rows[i].want);
		}
		secretfile_forget(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_rule_for_modes),
		cmocka_unit_test(what_is_no_secret),
		cmocka_unit_test(one_line),
	};
	const int fd = mkstemp(path);
	if (fd < 0) return 1;
	close(fd);
	const int failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return failed;
}
