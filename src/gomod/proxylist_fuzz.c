/* SPDX-License-Identifier: Apache-2.0 */
/* A go env file: its GOPROXY is refused or gives entries that are accepted again; its GOPRIVATE is
 * matched against the URL of the first. */
#include "base/buf.h"
#include "base/check.h"
#include "gomod/goenv.h"
#include "gomod/pattern.h"
#include "gomod/proxylist.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_entry(const struct proxylist_entry *e, struct arena *a)
{
	struct proxylist again;
	struct mg_buf text = BUF_MAX(1 << 22);
	MG_ASSERT((e->kind == PROXYLIST_URL) == (e->url.n >= strlen("file://")));
	if (e->kind == PROXYLIST_URL) {
		buf_append(&text, e->url);
		buf_append_char(&text, '/');
		buf_append(&text, e->query);
		MG_ASSERT(proxylist_parse(buf_span(&text), a, &again, NULL) == MG_OK);
		MG_ASSERT(again.n == 1 && span_eq(again.entries[0].url, e->url));
		MG_ASSERT(span_eq(again.entries[0].query, e->query));
	}
	buf_deinit(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct mg_span file = span_make(data, n), value, globs;
	struct arena a = ARENA_INIT;
	struct proxylist list;
	struct mg_err err;
	if (goenv_get(file, "GOPROXY", &value) &&
	    proxylist_parse(value, &a, &list, &err) == MG_OK) {
		MG_ASSERT(list.n > 0);
		for (size_t i = 0; i < list.n; i++)
			check_entry(&list.entries[i], &a);
		if (goenv_get(file, "GOPRIVATE", &globs)) pattern_match(globs, list.entries[0].url);
	}
	arena_deinit(&a);
	return 0;
}
