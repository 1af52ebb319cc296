/* SPDX-License-Identifier: Apache-2.0 */
/* Idle curl handles with their kept-alive connections, last in first out: the handle that worked
 * for the same origin most recently is the one whose connection is still open. Any thread. */
#ifndef UPSTREAM_POOL_H
#define UPSTREAM_POOL_H

#include <curl/curl.h>

#include "base/list.h"

struct pool;

struct pool_handle {  /* belongs to one thread between take and give */
	CURLM *multi; /* drives the one easy handle, and holds its connections */
	CURL *easy;
	struct list node;
	unsigned long long idle_since_ms;
	char origin[300]; /* of its last exchange */
};

struct pool *pool_new(unsigned max_idle);
void pool_free(struct pool **p); /* all handles given back */
/* Never NULL: makes a new handle where none is idle. */
struct pool_handle *pool_take(struct pool *p, const char *origin);
void pool_give(struct pool *p, struct pool_handle *h, const char *origin);
void pool_sweep(struct pool *p, unsigned long long idle_ms); /* closes handles idle for longer */

#endif
