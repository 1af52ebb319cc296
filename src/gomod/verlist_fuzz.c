/* SPDX-License-Identifier: Apache-2.0 */
/* An upstream's answer, read as a version list and as an info: what is printed is read back the same. */
#include "base/check.h"
#include "gomod/info.h"
#include "gomod/verlist.h"
#include "gomod/version.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_list(struct mg_span body, struct mg_span path, struct arena *a)
{
	struct verlist list = VERLIST_INIT, again = VERLIST_INIT;
	struct mg_buf one = BUF_MAX(1 << 22), two = BUF_MAX(1 << 22);
	if (verlist_parse(body, path, a, &list, NULL) == MG_OK) {
		verlist_sort(&list);
		verlist_print(&list, &one);
		MG_ASSERT(verlist_parse(buf_span(&one), path, a, &again, NULL) == MG_OK);
		verlist_sort(&again);
		verlist_print(&again, &two);
		MG_ASSERT(span_eq(buf_span(&one), buf_span(&two)));
		MG_ASSERT((verlist_latest(&list, true).n > 0) == (list.n > 0));
		MG_ASSERT((verlist_latest(&list, false).n > 0) == (list.n > 0));
	}
	struct mg_span newest = verlist_newest(body);
	MG_ASSERT(newest.n == 0 || version_is_valid(newest));
	buf_deinit(&one);
	buf_deinit(&two);
}

static void check_info(struct mg_span body, enum target_kind kind, struct mg_span rev,
		       struct arena *a)
{
	struct target t;
	struct info info, again;
	struct mg_buf json = BUF_MAX(1 << 22);
	MG_ASSERT(target_make(kind, SPAN("a.b/m"), rev, a, &t, NULL) == MG_OK);
	if (info_parse(body, &t, a, &info, NULL) == MG_OK) {
		info_write(&info, &json);
		/* A moment beyond year 9999 in its zone's hours is clamped when written. */
		MG_ASSERT(info_parse(buf_span(&json), &t, a, &again, NULL) == MG_OK);
		MG_ASSERT(span_eq(info.version, again.version) && info.has_time == again.has_time);
	}
	buf_deinit(&json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct mg_span body = span_make(data, n);
	struct arena a = ARENA_INIT;
	check_list(body, SPAN("a.b/m"), &a);
	check_list(body, SPAN("a.b/m/v2"), &a);
	check_info(body, TARGET_INFO, SPAN("v1.2.3"), &a);
	check_info(body, TARGET_QUERY, SPAN("main"), &a);
	check_info(body, TARGET_LATEST, SPAN(""), &a);
	arena_deinit(&a);
	return 0;
}
