/* SPDX-License-Identifier: Apache-2.0 */
/* One loop thread of the front: takes each request from its head to an answer. Internal to serve. */
#ifndef SERVE_WORKER_H
#define SERVE_WORKER_H

#include <stdatomic.h>

#include "base/list.h"
#include "http/quota.h"
#include "http/server.h"
#include "loop/lane.h"
#include "loop/loop.h"
#include "serve/front.h"
#include "store/hot.h"
#include "store/store.h"

struct worker {
	const struct front_options *options;
	struct loop *loop;
	struct store *store; /* shared by all workers: read-only */
	struct lane *fs;     /* shared: blocking looks into the store */
	struct server *server;
	struct server *metrics_server; /* NULL but in the one worker that has options->metrics_fd */
	struct hot *hot;
	struct pending_table *pending;
	struct orders *orders;
	struct list hooks;  /* serve/hookroute.h: those under way */
	size_t hooks_bytes; /* of their bodies */
	struct reply *root, *live, *ready, *supported, *options_reply, *bad_method, *looped;
	struct mg_span via; /* options->via */
	/* Shared: when the storage last failed one of the workers (clock_mono_ms); 0: never. */
	_Atomic uint64_t *storage_fault_ms;
	unsigned index; /* among the workers of front */
	bool leaving, draining, retired;
	loop_fn *on_drained; /* the owner's to set */
	void *on_drained_arg;
	/* How often everything that was held ready was dropped: who looked at the store before the last
	 * time must not put what he saw there. */
	unsigned forgotten;
};

/* channel_fd is taken over, of tls (NULL: none) a reference is taken. server_fields: the lines for every answer. quota: shared by
 * the workers. Any thread; from then on the
 * loop's. */
void worker_init(struct worker *w, const struct front_options *options, struct store *store,
		 struct lane *fs, _Atomic uint64_t *storage_fault_ms,
		 const struct server_listener *listeners, size_t listener_count,
		 struct tlsserver *tls, int channel_fd, struct mg_span server_fields,
		 struct quota *quota, unsigned workers);
/* Before the first worker's loop runs: it answers /metrics on a socket of its own as well. */
void worker_serve_metrics(struct worker *w);
/* Going down soon: /readyz says so, each answer is the last of its connection. */
void worker_last_call(struct worker *w);
/* Stops accepting; on_drained is called when the last answer is sent, at the latest after deadline_ms. The
 * loop goes on. */
void worker_drain(struct worker *w, uint64_t deadline_ms);
/* Keeps r ready for that path until then, unless something is. */
void worker_remember(struct worker *w, struct mg_span path, struct reply *r, uint64_t until_ms);
/* A request failed with this: was it the storage's fault? */
void worker_note_fault(struct worker *w, const struct mg_err *err);
/* The same when another process accepts on the same sockets from now on (server_retire). */
void worker_retire(struct worker *w, uint64_t deadline_ms);
void worker_deinit(struct worker *w); /* after its loop ended and the fs lane was freed */

#endif
