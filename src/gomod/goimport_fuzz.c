/* SPDX-License-Identifier: Apache-2.0 */
/* A page: every tag has its three fields; a page that ended before its last byte has the same tags without it;
 * a tag's own prefix is matched unless several compete. */
#include "base/check.h"
#include "gomod/goimport.h"
#include "gomod/repourl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena a = ARENA_INIT;
	struct goimport_page page, shorter;
	struct goimport_tag tag;
	struct repourl url;
	struct mg_err err;
	enum mg_code rc = goimport_parse(span_make(data, n), &a, &page, &err);
	MG_ASSERT(rc == MG_OK || (rc == MG_INVALID && page.n == 0));
	for (size_t i = 0; i < page.n; i++) {
		const struct goimport_tag *t = &page.tags[i];
		MG_ASSERT(t->prefix.n > 0 && t->vcs.n > 0 && t->url.n > 0);
		if (goimport_match(&page, t->prefix, &tag, &err) == MG_OK)
			MG_ASSERT(tag.prefix.n <= t->prefix.n);
		if (goimport_check(t, &err) == MG_OK)
			MG_ASSERT(span_find(t->subdir, SPAN("/../")) < 0);
		if (repourl_parse(t->url, &url, &err) == MG_OK)
			MG_ASSERT(url.host.n > 0 && url.host.p[0] != '-');
	}
	if (page.ended && n > 0) {
		rc = goimport_parse(span_make(data, n - 1), &a, &shorter, &err);
		MG_ASSERT(shorter.n == page.n || !shorter.ended);
	}
	arena_deinit(&a);
	return 0;
}
