/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/fileurl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct tree {
	char root[64];
	char url[80];
};

static void make(const char *root, const char *name, const char *text)
{
	char path[128];
	snprintf(path, sizeof path, "%s/%s", root, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int set_up(void **state)
{
	struct tree *t = calloc(1, sizeof *t);
	snprintf(t->root, sizeof t->root, "/tmp/fileurl.XXXXXX");
	if (mkdtemp(t->root) == NULL) return -1;
	snprintf(t->url, sizeof t->url, "file://%s", t->root);
	make(t->root, "a", "hello");
	make(t->root, "!b", "bang");
	make(t->root, "empty", "");
	char path[128];
	snprintf(path, sizeof path, "%s/folder", t->root);
	mkdir(path, 0700);
	snprintf(path, sizeof path, "%s/fifo", t->root);
	if (mkfifo(path, 0600) != 0) return -1;
	*state = t;
	return 0;
}

static int tear_down(void **state)
{
	static const char *const names[] = { "a", "!b", "empty", "fifo" };
	struct tree *t = *state;
	char path[128];
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		snprintf(path, sizeof path, "%s/%s", t->root, names[i]);
		unlink(path);
	}
	snprintf(path, sizeof path, "%s/folder", t->root);
	rmdir(path);
	rmdir(t->root);
	free(t);
	return 0;
}

static enum mg_code write_body(void *arg, struct mg_span bytes, struct mg_err *err)
{
	buf_append(arg, bytes);
	return MG_OK;
}

static enum mg_code get(const char *url, const char *root, uint64_t max, int *status,
			struct mg_buf *body)
{
	struct upstream_answer answer = { .text = BUF_MAX(256) };
	struct mg_err err;
	buf_clear(body);
	const enum mg_code rc = fileurl_get(
		&(struct upstream_request){ .url = span_of(url),
					    .root = span_of(root),
					    .max_bytes = max,
					    .sink = { .write = write_body, .arg = body } },
		&answer, &err);
	*status = answer.status;
	buf_deinit(&answer.text);
	return rc;
}

static void answers(void **state)
{
	const struct tree *t = *state;
	const struct {
		const char *name;
		enum mg_code code;
		int status;
		const char *body;
	} cases[] = {
		{ "/a", MG_OK, 200, "hello" },      { "/%61", MG_OK, 200, "hello" },
		{ "/!b", MG_OK, 200, "bang" },      { "/%21b", MG_OK, 200, "bang" },
		{ "/empty", MG_OK, 200, "" },       { "/none", MG_OK, 404, "" },
		{ "/a/below", MG_OK, 404, "" },     { "/folder", MG_OK, 404, "" },
		{ "/fifo", MG_UNAVAILABLE, 0, "" }, { "/%0", MG_INVALID, 0, "" },
		{ "/%zz", MG_INVALID, 0, "" },      { "/a%00", MG_INVALID, 0, "" },
	};
	struct mg_buf body = BUF_MAX(1024);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char url[128];
		int status;
		snprintf(url, sizeof url, "%s%s", t->url, cases[i].name);
		const enum mg_code rc = get(url, t->url, 1024, &status, &body);
		if (rc != cases[i].code || (rc == MG_OK && status != cases[i].status) ||
		    !span_eq(buf_span(&body), span_of(cases[i].body)))
			fail_msg("%s: code %d, status %d", cases[i].name, rc, status);
	}
	buf_deinit(&body);
}

static void a_tree_that_is_gone_proves_nothing(void **state)
{
	struct mg_buf body = BUF_MAX(1024);
	int status;
	assert_int_equal(
		get("file:///nonexistent/m/@v/list", "file:///nonexistent", 9, &status, &body),
		MG_UNAVAILABLE);
	assert_int_equal(get("file:///nonexistent/m/@v/list", "", 9, &status, &body), MG_OK);
	assert_int_equal(status, 404);
	buf_deinit(&body);
}

static void bounds_and_names(void **state)
{
	const struct tree *t = *state;
	struct mg_buf body = BUF_MAX(1024);
	char url[128];
	int status;
	snprintf(url, sizeof url, "%s/a", t->url);
	assert_int_equal(get(url, "", 5, &status, &body), MG_OK);
	assert_int_equal(get(url, "", 4, &status, &body), MG_CORRUPT);
	assert_int_equal(get("file://host/a", "", 4, &status, &body), MG_INVALID);
	assert_int_equal(get("file://", "", 4, &status, &body), MG_INVALID);
	assert_true(fileurl_is(SPAN("FILE:///a")));
	assert_false(fileurl_is(SPAN("http:///a")));
	assert_false(fileurl_is(SPAN("file:/a")));
	buf_deinit(&body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers),
		cmocka_unit_test(a_tree_that_is_gone_proves_nothing),
		cmocka_unit_test(bounds_and_names),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
