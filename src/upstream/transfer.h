/* SPDX-License-Identifier: Apache-2.0 */
/* One HTTP GET exchange on one curl handle: no retry, no redirect, every limit enforced here. */
#ifndef UPSTREAM_TRANSFER_H
#define UPSTREAM_TRANSFER_H

#include "upstream/answerhead.h"
#include "upstream/pool.h"
#include "upstream/upstream.h"
#include "upstream/url.h"

struct transfer {
	/* in */
	const struct upstream_options *options;
	const struct url *url;
	const char *userinfo;         /* "user:password" for Authorization: Basic; NULL: none */
	bool bearer;                  /* the request's is sent along */
	const char *proxy;            /* NULL: direct */
	const char *ca_file, *ca_dir; /* NULL: curl's own */
	const struct upstream_request *request;
	struct mg_buf *text; /* start of the body of any answer that is not delivered to the sink */
	uint64_t place;      /* hash of the URL without its query, which may be a fresh signature */
	const char *etag;    /* with at > 0: resume there if this strong validator still holds… */
	uint64_t etag_place; /* …at the place that gave it */

	/* in and out */
	uint64_t at; /* body bytes the sink has */

	/* out */
	bool started; /* set here, cleared by the caller before */
	struct answerhead head;
	bool framed;    /* as upstream_answer */
	bool transient; /* failures: another try may go better */
	bool unwanted; /* …: the request's sink would not have what came; the host has done its part */
};

/* MG_OK: answered completely. 200 went to the sink; a 206 that continues at `at` too, and head.status
 * is then 200. Other failures as upstream_get. */
MG_CHECK enum mg_code transfer_run(struct transfer *t, struct pool_handle *h, struct mg_err *err);
/* The failure of a request whose reach the URL's host is not in. */
enum mg_code transfer_out_of_reach(const struct url *url, struct mg_err *err);

#endif
