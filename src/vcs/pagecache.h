/* SPDX-License-Identifier: Apache-2.0 */
/* go-import pages that were fetched a while ago. Those who ask for one that is being fetched wait for it
 * (loop/share.h). Any thread; blocks. */
#ifndef VCS_PAGECACHE_H
#define VCS_PAGECACHE_H

#include "gomod/goimport.h"
#include "loop/cancel.h"

struct pagecache;

struct pagecache_options {
	uint32_t found_ms;  /* how long a page with tags is kept */
	uint32_t absent_ms; /* so long one without, and that there is none; faults are not kept */
	size_t pages_max;
	/* As gopage_fetch. */
	enum mg_code (*fetch)(void *arg, struct mg_span path, const struct cancel *cancel,
			      struct arena *a, struct goimport_page *out, struct mg_err *err);
	void *arg;
};

struct pagecache *pagecache_new(const struct pagecache_options *options);
void pagecache_free(struct pagecache **c); /* no call may be running */
/* The tag that the page of `at` has for path, in the arena. Fails as the fetch and goimport_match do. */
MG_CHECK enum mg_code pagecache_match(struct pagecache *c, struct mg_span at, struct mg_span path,
				      const struct cancel *cancel, struct arena *a,
				      struct goimport_tag *out, struct mg_err *err);

#endif
