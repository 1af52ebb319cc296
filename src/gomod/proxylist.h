/* SPDX-License-Identifier: Apache-2.0 */
/* The value of GOPROXY: whom to ask, and when to go on to the next (protocol §1.11). Any thread. */
#ifndef GOMOD_PROXYLIST_H
#define GOMOD_PROXYLIST_H

#include "base/arena.h"
#include "base/err.h"

enum proxylist_kind {
	PROXYLIST_URL,    /* a proxy */
	PROXYLIST_DIRECT, /* the module's own repository; always last */
	PROXYLIST_OFF,    /* nobody; always last */
};

struct proxylist_entry {
	enum proxylist_kind kind;
	/* PROXYLIST_URL: "https://user:pw@host:1/base" without a trailing slash, and its query with the
	 * "?" or empty. A file is at url "/" target_url(…) query. Schemes: http, https, file ("file:///…"). */
	struct mg_span url;
	struct mg_span query;
	bool found;     /* by a go-import page, which strangers write; not of a parsed list */
	bool any_error; /* "|" follows: after any failure the next is asked, not only after NOT_FOUND */
};

struct proxylist {
	struct proxylist_entry *entries; /* in the arena, as are the spans */
	size_t n;                        /* at least 1 */
};

/* MG_INVALID with the reason (which names no password) when the go command would refuse the value, or
 * could never reach the host it names. */
MG_CHECK enum mg_code proxylist_parse(struct mg_span value, struct arena *a, struct proxylist *out,
				      struct mg_err *err);

#endif
