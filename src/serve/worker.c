/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/worker.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "fetch/hook.h"
#include "gomod/modpath.h"
#include "gomod/target.h"
#include "record/metrics.h"
#include "serve/answer.h"
#include "serve/hookroute.h"
#include "serve/importpage.h"
#include "serve/orders.h"
#include "serve/pending.h"
#include "serve/scrape.h"
#include "serve/sumroute.h"

/* How long one storage fault keeps the workers from calling themselves ready. */
#define FAULT_MEMORY_MS 10000
/* To the socket of the metrics alone. */
#define METRICS_CONNECTIONS_MAX 64
#define PAGE_MAX                (64u << 10)

static void send_once(struct exchange *x, struct reply *r)
{
	exchange_send(x, r);
	reply_unref(&r);
}

static void send_not_found(struct exchange *x, const char *reason)
{
	struct mg_err err;
	err_set(&err, MG_NOT_FOUND, MG_CAUSE_NONE, "%s", reason);
	send_once(x, answer_error(&err, x->head.path, 0));
}

/* --- health: at the root, whatever the path prefix --- */

static void send_ready(struct worker *w, struct exchange *x)
{
	const uint64_t fault_ms = atomic_load(w->storage_fault_ms);
	const char *why = NULL;
	if (w->leaving) {
		why = "draining: this process is going down";
	} else if (!orders_connected(w->orders)) {
		why = "fetch: the fetch process is being restarted";
	} else if (fault_ms != 0 && clock_mono_ms() - fault_ms < FAULT_MEMORY_MS) {
		why = "store: reading or writing it failed within the last 10 s; see the log";
	}
	if (why == NULL) {
		exchange_send(x, w->ready);
		return;
	}
	char line[160];
	snprintf(line, sizeof line, "not ready: %s\n", why);
	send_once(x, answer_text(503, span_of(line), SPAN("Retry-After: 1\r\n")));
}

static bool route_health(struct worker *w, struct exchange *x)
{
	struct mg_span path = x->head.path;
	/* /healthz: its older name, which Athens' probes ask for. */
	if (span_eq(path, SPAN("/livez")) || span_eq(path, SPAN("/healthz"))) {
		exchange_send(x, w->live);
	} else if (span_eq(path, SPAN("/readyz"))) {
		send_ready(w, x);
	} else if (span_eq(path, SPAN("/"))) {
		exchange_send(x, w->root);
	} else if (w->options->metrics && w->options->metrics_fd < 0 &&
		   span_eq(path, SPAN("/metrics"))) {
		send_once(x, scrape_reply(w->options->metrics_athens, w->fs));
	} else {
		return false;
	}
	return true;
}

static bool is_read(const struct exchange *x)
{
	return x->head.method == HEAD_GET || x->head.method == HEAD_HEAD;
}

/* On the socket of the metrics: these, and the health of the process that tells them. */
static void handle_metrics(struct exchange *x, void *arg)
{
	struct worker *w = arg;
	if (!is_read(x)) {
		exchange_send(x, w->bad_method);
	} else if (span_eq(x->head.path, SPAN("/metrics"))) {
		send_once(x, scrape_reply(w->options->metrics_athens, w->fs));
	} else if (!route_health(w, x)) {
		send_not_found(x, "here are only /metrics, /livez (or /healthz) and /readyz");
	}
}

/* --- GOPROXY --- */

/* Is "go-get=1" one of the query's parameters? Other queries are ignored (protocol §1.1). */
static bool asks_go_get(struct mg_span query)
{
	while (query.p != NULL) {
		if (span_eq(span_cut(&query, '&'), SPAN("go-get=1"))) return true;
	}
	return false;
}

/* Removes a leading path element, which must end at a slash or at the end. */
static bool cut_prefix(struct mg_span *path, struct mg_span prefix)
{
	if (!span_has_prefix(*path, prefix)) return false;
	struct mg_span rest = span_from(*path, prefix.n);
	if (rest.n > 0 && rest.p[0] != '/') return false;
	*path = rest;
	return true;
}

/* The path is asked upstream as it stands: another spelling of a name ("%2e") would pass by the private
 * patterns, and import paths need none. */
static void route_go_get(struct worker *w, struct exchange *x, struct mg_span path,
			 bool stored_only)
{
	struct mg_err err;
	if (!w->options->go_get || stored_only) {
		send_not_found(x, "go-import pages are not passed through (setting go-get)");
	} else if (path.n > TARGET_URL_MAX) {
		send_not_found(x, "the path is too long");
	} else if (modpath_check_import(span_from(path, 1), &err) != MG_OK) {
		send_not_found(x, err.text);
	} else {
		pending_ask(w->pending, x, TICKET_GO_GET, path);
	}
}

/* A vanity host's paths stand at its root, whatever the prefix of the GOPROXY URL. */
static bool route_import_page(struct worker *w, struct exchange *x)
{
	struct mg_buf page = BUF_MAX(PAGE_MAX);
	const bool found = importpage_find(w->options->import_pages, w->options->import_pages_n,
					   x->head.field[HEAD_FIELD_HOST], x->head.path, &page);
	if (found) send_once(x, answer_page(buf_span(&page)));
	buf_deinit(&page);
	return found;
}

/* Lookups and tiles never change, and are no modules: who must not fetch modules may ask for them. */
static bool route_sumdb(struct worker *w, struct exchange *x, struct mg_span path)
{
	struct mg_span what;
	struct mg_err err;
	const struct sumroute_names names = { w->options->sumdb, w->options->sumdb_also,
					      w->options->sumdb_also_n };
	switch (sumroute_of(path, &names, &x->arena, &what, &err)) {
	case SUMROUTE_NONE:
		return false;
	case SUMROUTE_SUPPORTED:
		exchange_send(x, w->supported);
		break;
	case SUMROUTE_ASK:
		pending_ask(w->pending, x, TICKET_SUMDB, what);
		break;
	case SUMROUTE_REFUSED:
		send_once(x, answer_error(&err, path, 0));
		break;
	}
	return true;
}

static void route_module(struct worker *w, struct exchange *x)
{
	struct mg_span path = x->head.path;
	if (!cut_prefix(&path, span_of(w->options->path_prefix))) {
		send_not_found(
			x, "this server's GOPROXY URL has a path prefix, which is missing here");
		return;
	}
	if (path.n == 0 || span_eq(path, SPAN("/"))) {
		exchange_send(x, w->root);
		return;
	}
	bool stored_only =
		cut_prefix(&path, SPAN("/cached-only")) ||
		span_eq_nocase(x->head.field[HEAD_FIELD_DISABLE_MODULE_FETCH], SPAN("true"));
	if (route_sumdb(w, x, path)) return;
	if (asks_go_get(x->head.query)) {
		route_go_get(w, x, path, stored_only);
		return;
	}
	struct target t;
	struct mg_err err;
	if (target_parse(path, &x->arena, &t, &err) != MG_OK) {
		send_once(x, answer_error(&err, path, 0));
		return;
	}
	pending_begin(w->pending, x, &t, stored_only);
}

/* Via = #( received-protocol RWS received-by [ RWS comment ] ) (RFC 9110 §7.6.3). Are we one of them? */
static bool passed_here(struct mg_span via, struct mg_span name)
{
	while (via.p != NULL) {
		struct mg_span hop = span_trim(span_cut(&via, ','));
		span_cut(&hop, ' ');
		hop = span_trim(hop);
		if (span_eq(span_cut(&hop, ' '), name)) return true;
	}
	return false;
}

static void route_method(struct worker *w, struct exchange *x)
{
	exchange_send(x, x->head.method == HEAD_OPTIONS ? w->options_reply : w->bad_method);
}

/* The way of every request; the first lines are the way of a hit. */
static void handle(struct exchange *x, void *arg)
{
	struct worker *w = arg;
	const struct head *h = &x->head;
	if (!is_read(x)) {
		if (!hookroute(w, x)) route_method(w, x);
		return;
	}
	if (passed_here(h->field[HEAD_FIELD_VIA], w->via)) {
		exchange_send(x, w->looped);
		return;
	}
	const bool go_get = h->query.p != NULL && asks_go_get(h->query);
	if (!go_get) {
		struct reply *r = hot_get(w->hot, h->path, loop_now_ms(w->loop));
		if (r != NULL) {
			const unsigned from = reply_status(r) == 200 ? METRICS_LOOKUP_MEMORY
								     : METRICS_LOOKUP_FAILED;
			metrics_add(METRICS_LOOKED_UP + from * METRICS_KINDS + reply_kind(r), 1);
			exchange_send(x, r);
			return;
		}
	}
	if (go_get && w->options->import_pages_n > 0 && route_import_page(w, x)) return;
	if (!route_health(w, x)) route_module(w, x);
}

/* --- life --- */

void worker_remember(struct worker *w, struct mg_span path, struct reply *r, uint64_t until_ms)
{
	const uint64_t now = loop_now_ms(w->loop);
	if (until_ms <= now || hot_get(w->hot, path, now) != NULL) return;
	reply_ref(r);
	hot_put(w->hot, path, r, reply_bytes(r), until_ms);
}

/* One damaged file is that file's trouble, an absence is none: neither makes the worker unready. */
void worker_note_fault(struct worker *w, const struct mg_err *err)
{
	if (err->cause != MG_CAUSE_STORAGE) return;
	if (err->code == MG_CORRUPT || err->code == MG_NOT_FOUND) return;
	metrics_add(METRICS_STORE_FAULTS, 1);
	atomic_store(w->storage_fault_ms, clock_mono_ms());
}

/* Some stored file was damaged and has left its place; replies hold files open, and their bytes. */
static void forget(void *arg)
{
	struct worker *w = arg;
	w->forgotten++;
	hot_clear(w->hot);
}

static void release_reply(void *value)
{
	struct reply *r = value;
	reply_unref(&r);
}

/* What holds for clients of any of our servers. */
static struct server_options limits_of(const struct front_options *o)
{
	return (struct server_options){ .header_timeout_ms = o->header_timeout_ms,
					.idle_timeout_ms = o->idle_timeout_ms,
					.stall_timeout_ms = o->stall_timeout_ms,
					.min_rate = o->min_rate,
					.max_handshakes = o->max_handshakes };
}

void worker_init(struct worker *w, const struct front_options *options, struct store *store,
		 struct lane *fs, _Atomic uint64_t *storage_fault_ms,
		 const struct server_listener *listeners, size_t listener_count,
		 struct tlsserver *tls, int channel_fd, struct mg_span server_fields,
		 struct quota *quota, unsigned workers)
{
	*w = (struct worker){
		.options = options,
		.loop = loop_new(),
		.store = store,
		.fs = fs,
		.storage_fault_ms = storage_fault_ms,
		.hot = hot_new(options->hot_bytes / workers, release_reply),
		.via = span_of(options->via),
	};
	list_init(&w->hooks);
	w->root = answer_text(
		200,
		SPAN("modgate " MODGATE_VERSION " serves Go modules: set GOPROXY to this URL.\n"),
		SPAN(""));
	w->live = answer_text(200, SPAN("ok\n"), SPAN(""));
	w->ready = answer_text(200, SPAN("ready\n"), SPAN(""));
	w->supported = answer_text(200, SPAN(""), SPAN(""));
	reply_count_as(w->supported, METRICS_KIND_SUMDB);
	w->options_reply = answer_text(204, SPAN(""), SPAN("Allow: GET, HEAD, OPTIONS\r\n"));
	w->bad_method = answer_text(405, SPAN("only GET and HEAD are served here\n"),
				    SPAN("Allow: GET, HEAD, OPTIONS\r\n"));
	w->looped = answer_text(
		508,
		SPAN("loop: this request already passed through this modgate; an upstream in "
		     "its GOPROXY list leads back here\n"),
		SPAN(""));
	struct server_options so = limits_of(options);
	so.max_connections = options->max_connections / workers;
	so.quota = quota;
	so.proxied_from = options->proxied_from;
	so.forwarded_from = options->forwarded_from;
	so.forwarded_rfc7239 = options->forwarded_rfc7239;
	so.fields = server_fields;
	so.takes_body = options->hooks ? hookroute_takes_body : NULL;
	so.body_max = options->hooks ? HOOK_BODY_MAX : 0;
	so.fs_lane = fs;
	so.tls = tls;
	w->orders = orders_new(w->loop, options->order_timeout_ms);
	orders_on_forget(w->orders, forget, w);
	orders_connect(w->orders, channel_fd);
	w->pending = pending_table_new(w);
	w->server = server_new(w->loop, listeners, listener_count, &so, handle, w);
}

void worker_serve_metrics(struct worker *w)
{
	struct server_options so = limits_of(w->options);
	so.max_connections = METRICS_CONNECTIONS_MAX;
	const struct server_listener listener = { .fd = w->options->metrics_fd };
	w->metrics_server = server_new(w->loop, &listener, 1, &so, handle_metrics, w);
}

static void on_server_drained(void *arg)
{
	struct worker *w = arg;
	log_debug("worker drained", LOG_I("connections", server_connections(w->server)));
	w->on_drained(w->on_drained_arg);
}

/* Nobody waits for those. */
static void on_metrics_drained(void *arg)
{
	struct worker *w = arg;
	log_debug("metrics drained", LOG_I("worker", w->index));
}

/* What was posted may come after the server's end: see worker_deinit. */
void worker_last_call(struct worker *w)
{
	if (w->server == NULL) return;
	w->leaving = true;
	server_last_call(w->server);
}

void worker_drain(struct worker *w, uint64_t deadline_ms)
{
	if (w->draining || w->server == NULL) return;
	w->leaving = w->draining = true;
	server_drain(w->server, deadline_ms, on_server_drained, w);
}

void worker_retire(struct worker *w, uint64_t deadline_ms)
{
	if (w->draining || w->retired || w->server == NULL) return;
	w->retired = true;
	if (w->metrics_server != NULL)
		server_retire(w->metrics_server, deadline_ms, on_metrics_drained, w);
	server_retire(w->server, deadline_ms, on_server_drained, w);
}

static void stop_loop(void *loop)
{
	loop_stop(loop);
}

void worker_deinit(struct worker *w)
{
	server_free(&w->server);
	server_free(&w->metrics_server);
	/* Looks that the fs lane finished are still posted: they end in one more turn, without the lane. What fetch says in it
	 * would begin others. */
	orders_close(w->orders);
	loop_post(w->loop, stop_loop, w->loop);
	loop_run(w->loop);
	pending_table_free(&w->pending);
	hookroute_free(w);
	orders_free(&w->orders);
	hot_free(&w->hot);
	reply_unref(&w->root);
	reply_unref(&w->live);
	reply_unref(&w->ready);
	reply_unref(&w->supported);
	reply_unref(&w->options_reply);
	reply_unref(&w->bad_method);
	reply_unref(&w->looped);
	loop_free(&w->loop);
}
