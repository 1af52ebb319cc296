/* SPDX-License-Identifier: Apache-2.0 */
/* Where modules come from: the walk over the GOPROXY list as the go command does it (protocol §1.9,
 * §1.11). No I/O of its own: asking is the visitor's. Any thread. */
#ifndef FETCH_ORIGIN_H
#define FETCH_ORIGIN_H

#include "gomod/proxylist.h"
#include "gomod/target.h"

/* Asks one proxy. MG_NOT_FOUND: it says there is no such thing. Anything else but MG_OK: it could not
 * say, or what it gave is of no use. */
typedef enum mg_code origin_visit_fn(void *arg, const struct proxylist_entry *proxy,
				     struct mg_err *err);

/* Visits proxies in order until one gives MG_OK; after a failure goes on as the separators say. Of
 * several failures the last that is not MG_NOT_FOUND is reported, else the last. direct: repositories can be
 * read, and "direct" is visited too. *asked: was any visited? ("off" is none, nor is an empty list: then the result
 * is MG_NOT_FOUND, but proves nothing.) MG_CANCELED ends the walk. */
MG_CHECK enum mg_code origin_walk(const struct proxylist *list, bool direct, origin_visit_fn *visit,
				  void *arg, bool *asked, struct mg_err *err);
/* Who of all may be asked about path: of a private module its repository alone, about a parent of one nobody. */
struct proxylist origin_list(const struct proxylist *all, struct mg_span private,
			     struct mg_span path);
/* Is it a name that must not leave the house? True for modules under a private pattern and for every
 * parent path of such a pattern: a probe of corp.example.com names the house as well as its modules. */
bool origin_is_private(struct mg_span globs, struct mg_span path);
/* Is it a module whose versions are never looked up in the checksum database? Toolchains always are
 * (protocol §7). */
bool origin_is_exempt(struct mg_span nosumdb, struct mg_span path);
/* The URL of a target at a proxy. */
void origin_url(const struct proxylist_entry *proxy, const struct target *t, struct mg_buf *out);

#endif
