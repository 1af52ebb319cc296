/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/transfer.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/check.h"
#include "base/clock.h"
#include "crypto/wipe.h"

#define POLL_MS          200 /* how late a cancel or a limit may be noticed */
#define STALL_BYTES_S    1024
#define TEXT_DRAIN_MAX   (64u << 10) /* of an answer not wanted: read to keep the connection */
#define CONNECT_GRACE_MS 1000
#define VIA_MAX          1024 /* of what others put there */
#define BEARER_MAX       (16u << 10)

enum phase {
	CONNECTING, /* DNS, TCP, TLS: curl's own time-out */
	WAITING,    /* request sent, head not complete */
	SINKING,    /* body to the sink */
	DRAINING,   /* body of an answer that is not delivered */
};

struct exchange_state {
	struct transfer *t;
	enum phase phase;
	uint64_t since_ms;     /* start of the phase; in a body: of the stall window */
	uint64_t window_bytes; /* body bytes within the window */
	uint64_t body_bytes;   /* of this exchange */
	bool joined;           /* a 206 continues what the sink has */
	bool enough;           /* we ended it on purpose, with all that was wanted */
	enum mg_code code;     /* our own verdict, over curl's */
	struct mg_err err;
	char curl_text[CURL_ERROR_SIZE];
};

static const char *label(const struct exchange_state *x)
{
	return x->t->url->label;
}

static void enter(struct exchange_state *x, enum phase phase)
{
	x->phase = phase;
	x->since_ms = clock_mono_ms();
	x->window_bytes = 0;
}

static bool fail(struct exchange_state *x, enum mg_code code)
{
	x->code = code;
	return false;
}

static bool check_continuation(struct exchange_state *x)
{
	struct transfer *t = x->t;
	const struct answerhead *h = &t->head;
	if (h->has_range && h->range_from == t->at && h->range_to + 1 == h->range_size &&
	    (h->etag[0] == '\0' || strcmp(h->etag, t->etag) == 0))
		return true;
	t->transient = true;
	t->etag = NULL;
	return fail(x, err_set(&x->err, MG_CORRUPT, MG_CAUSE_HTTP,
			       "%s answered 206 with another part than was asked for", label(x)));
}

static bool too_large(struct exchange_state *x)
{
	return fail(x, err_set(&x->err, MG_CORRUPT, MG_CAUSE_UPSTREAM,
			       "%s sends more than the %llu bytes allowed here", label(x),
			       (unsigned long long)x->t->request->max_bytes));
}

/* Bodies are joined only when both parts come from one place: another mirror's validators are its own. */
static bool resumes(const struct transfer *t)
{
	return t->at > 0 && t->etag != NULL && t->etag_place == t->place;
}

static bool announce(struct exchange_state *x)
{
	const struct upstream_sink *sink = &x->t->request->sink;
	const struct answerhead *h = &x->t->head;
	const uint64_t size = h->has_length && !h->chunked ? h->length : UPSTREAM_SIZE_UNKNOWN;
	const enum mg_code rc = sink->begin != NULL ? sink->begin(sink->arg, size, &x->err) : MG_OK;
	return rc == MG_OK || fail(x, rc);
}

/* The head is complete and the body begins: where does it go? */
static bool begin_body(struct exchange_state *x)
{
	struct transfer *t = x->t;
	struct answerhead *h = &t->head;
	if (h->status == 206 && resumes(t)) {
		if (!check_continuation(x)) return false;
		h->status = 200;
		x->joined = true;
	} else if (h->status != 200) {
		enter(x, DRAINING);
		return true;
	} else if (t->at > 0) {
		t->at = 0;
		t->etag = NULL;
		enum mg_code rc = t->request->sink.restart(t->request->sink.arg, &x->err);
		if (rc != MG_OK) return fail(x, rc);
	}
	if (h->content_encoding[0] != '\0')
		return fail(x, err_set(&x->err, MG_CORRUPT, MG_CAUSE_UPSTREAM,
				       "%s encodes its answer as %s, which was not asked for",
				       label(x), h->content_encoding));
	if (h->has_length && h->length > t->request->max_bytes - t->at) return too_large(x);
	enter(x, SINKING);
	return x->joined || announce(x);
}

static size_t on_header(char *bytes, size_t size, size_t n, void *arg)
{
	struct exchange_state *x = arg;
	struct answerhead *h = &x->t->head;
	if (x->phase == SINKING || x->phase == DRAINING) return size * n; /* trailers */
	enum mg_code rc = answerhead_line(h, span_make(bytes, size * n), clock_wall_s(), &x->err);
	if (rc != MG_OK) {
		err_wrap(&x->err, "%s", label(x));
		fail(x, rc);
		return 0;
	}
	bool begins = h->complete && h->status >= 200;
	return begins && !begin_body(x) ? 0 : size * n;
}

/* Bytes of an answer that is not delivered: its start is kept, the rest read up to a bound so that
 * the connection stays usable. */
static bool drain(struct exchange_state *x, struct mg_span bytes)
{
	struct mg_buf *text = x->t->text;
	size_t room = text->max > text->n ? text->max - text->n : 0;
	buf_append(text, span_first(bytes, room));
	x->enough = x->body_bytes > TEXT_DRAIN_MAX;
	return !x->enough;
}

static bool sink(struct exchange_state *x, struct mg_span bytes)
{
	struct transfer *t = x->t;
	if (bytes.n > t->request->max_bytes - t->at) return too_large(x);
	uint64_t before_ms = clock_mono_ms();
	enum mg_code rc = t->request->sink.write(t->request->sink.arg, bytes, &x->err);
	t->unwanted = rc != MG_OK;
	if (t->unwanted) return fail(x, rc);
	t->at += bytes.n;
	x->since_ms += clock_mono_ms() - before_ms; /* our slow disk is not their stall */
	return true;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *arg)
{
	struct exchange_state *x = arg;
	struct mg_span s = span_make(bytes, size * n);
	x->body_bytes += s.n;
	x->window_bytes += s.n;
	bool more = x->phase == SINKING ? sink(x, s) : drain(x, s);
	return more ? s.n : 0;
}

/* Behind a proxy the address is the proxy's, which the operator has named. */
static bool in_reach(struct exchange_state *x, const struct ipaddr *peer)
{
	const struct transfer *t = x->t;
	if (t->proxy != NULL || reach_allows(t->request->reach, t->options->networks, peer))
		return true;
	return fail(x, transfer_out_of_reach(t->url, &x->err));
}

static curl_socket_t on_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *to)
{
	const struct ipaddr peer = ipaddr_of(&to->addr);
	if (!in_reach(arg, &peer)) return CURL_SOCKET_BAD;
	return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

/* Asked again here, because a connection may be one that was made for a request of another reach. */
static int on_request(void *arg, char *peer, char *local, int peer_port, int local_port)
{
	struct exchange_state *x = arg;
	const struct ipaddr a = ipaddr_parse(span_of(peer));
	if (!in_reach(x, &a)) return CURL_PREREQFUNC_ABORT;
	if (x->t->request->peer != NULL)
		snprintf(x->t->request->peer, UPSTREAM_PEER_SIZE, "%s",
			 x->t->proxy == NULL ? peer : "");
	x->code = MG_OK; /* of several addresses a host has, this one is fine */
	enter(x, WAITING);
	return CURL_PREREQFUNC_OK;
}

static bool timed_out(struct exchange_state *x, uint64_t now_ms)
{
	const struct upstream_options *o = x->t->options;
	uint64_t spent_ms = now_ms - x->since_ms;
	if (x->phase == CONNECTING) {
		if (spent_ms < (uint64_t)o->connect_ms + CONNECT_GRACE_MS) return false;
		err_set(&x->err, MG_TIMEOUT, MG_CAUSE_CONNECT, "%s: no connection within %u ms",
			label(x), (unsigned)o->connect_ms);
	} else if (x->phase == WAITING) {
		if (spent_ms < o->first_byte_ms) return false;
		err_set(&x->err, MG_TIMEOUT, MG_CAUSE_HTTP,
			"%s took the request and did not answer within %u ms", label(x),
			(unsigned)o->first_byte_ms);
	} else {
		if (spent_ms < o->stall_ms) return false;
		if (x->window_bytes >= (uint64_t)o->stall_ms * STALL_BYTES_S / 1000) {
			enter(x, x->phase);
			return false;
		}
		err_set(&x->err, MG_TIMEOUT, MG_CAUSE_HTTP,
			"%s stalled in the body: %llu bytes within %u ms", label(x),
			(unsigned long long)x->window_bytes, (unsigned)o->stall_ms);
	}
	x->code = MG_TIMEOUT;
	return true;
}

/* Drives the exchange to its end, or to ours. False: ended by us, x->code says why. */
static bool drive(struct exchange_state *x, struct pool_handle *h)
{
	for (;;) {
		int running = 0;
		if (curl_multi_perform(h->multi, &running) != CURLM_OK) abort();
		if (running == 0) return true;
		if (cancel_is_set(x->t->request->cancel))
			return fail(x, err_set(&x->err, MG_CANCELED, MG_CAUSE_NONE,
					       "nobody waits any more"));
		if (timed_out(x, clock_mono_ms())) return false;
		if (curl_multi_poll(h->multi, NULL, 0, POLL_MS, NULL) != CURLM_OK) abort();
	}
}

static CURLcode verdict_of_curl(struct pool_handle *h)
{
	int left = 0;
	CURLcode code = CURLE_OK;
	for (CURLMsg *m; (m = curl_multi_info_read(h->multi, &left)) != NULL;)
		if (m->msg == CURLMSG_DONE) code = m->data.result;
	return code;
}

static const struct {
	CURLcode curl;
	enum mg_code code;
	enum mg_cause cause;
	bool transient;
} verdicts[] = {
	{ CURLE_COULDNT_RESOLVE_HOST, MG_UNAVAILABLE, MG_CAUSE_DNS, true },
	{ CURLE_COULDNT_RESOLVE_PROXY, MG_UNAVAILABLE, MG_CAUSE_DNS, true },
	{ CURLE_COULDNT_CONNECT, MG_UNAVAILABLE, MG_CAUSE_CONNECT, true },
	{ CURLE_PROXY, MG_UNAVAILABLE, MG_CAUSE_CONNECT, true },
	{ CURLE_SSL_CONNECT_ERROR, MG_UNAVAILABLE, MG_CAUSE_TLS, true },
	{ CURLE_PEER_FAILED_VERIFICATION, MG_UNAVAILABLE, MG_CAUSE_TLS, false },
	{ CURLE_SSL_CACERT_BADFILE, MG_UNAVAILABLE, MG_CAUSE_TLS, false },
	{ CURLE_SSL_CERTPROBLEM, MG_UNAVAILABLE, MG_CAUSE_TLS, false },
	{ CURLE_SSL_CIPHER, MG_UNAVAILABLE, MG_CAUSE_TLS, false },
	{ CURLE_SSL_ISSUER_ERROR, MG_UNAVAILABLE, MG_CAUSE_TLS, false },
	{ CURLE_OPERATION_TIMEDOUT, MG_TIMEOUT, MG_CAUSE_CONNECT, false },
	{ CURLE_URL_MALFORMAT, MG_INVALID, MG_CAUSE_NONE, false },
	{ CURLE_UNSUPPORTED_PROTOCOL, MG_UNAVAILABLE, MG_CAUSE_HTTP, false },
	{ CURLE_WEIRD_SERVER_REPLY, MG_CORRUPT, MG_CAUSE_HTTP, false },
};

/* How far the connection had come when its time was up. */
static enum mg_cause late_step(CURL *c, const char *text)
{
	/* curl 7.88 notes the time of the TCP connection only when TLS is done too. */
	if (strstr(text, "SSL") != NULL) return MG_CAUSE_TLS;
	curl_off_t resolved = 0, connected = 0;
	curl_easy_getinfo(c, CURLINFO_NAMELOOKUP_TIME_T, &resolved);
	curl_easy_getinfo(c, CURLINFO_CONNECT_TIME_T, &connected);
	if (resolved == 0) return MG_CAUSE_DNS;
	return connected == 0 ? MG_CAUSE_CONNECT : MG_CAUSE_TLS;
}

static enum mg_code judge(struct exchange_state *x, CURLcode code, CURL *c, struct mg_err *err)
{
	/* Cut connections, short bodies, bad chunks and whatever else may happen on the way. */
	enum mg_code mine = MG_UNAVAILABLE;
	enum mg_cause cause = MG_CAUSE_HTTP;
	x->t->transient = true;
	for (size_t i = 0; i < sizeof verdicts / sizeof verdicts[0]; i++) {
		if (verdicts[i].curl != code) continue;
		mine = verdicts[i].code;
		cause = verdicts[i].cause;
		x->t->transient = verdicts[i].transient;
	}
	if (code == CURLE_OPERATION_TIMEDOUT) cause = late_step(c, x->curl_text);
	/* curl quotes a proxy's URL that it cannot read, with the password in it. */
	const bool tells = x->t->proxy != NULL && strstr(x->curl_text, x->t->proxy) != NULL;
	const char *text =
		x->curl_text[0] != '\0' && !tells ? x->curl_text : curl_easy_strerror(code);
	return err_set(err, mine, cause, "%s: %s", label(x), text);
}

static enum mg_code conclude(struct exchange_state *x, CURLcode code, CURL *c, struct mg_err *err)
{
	struct transfer *t = x->t;
	if (x->code != MG_OK) {
		if (err != NULL) *err = x->err;
		return x->code;
	}
	if (x->enough) return MG_OK;
	if (code != CURLE_OK) return judge(x, code, c, err);
	/* curl has counted as well; some of its versions call a cut body complete (reliability). */
	if (!t->head.complete || t->head.status < 200 ||
	    (t->head.has_length && !t->head.chunked && x->phase == SINKING &&
	     t->head.length != x->body_bytes) ||
	    (x->joined && t->head.range_size != t->at)) {
		t->transient = true;
		return err_set(err, MG_UNAVAILABLE, MG_CAUSE_HTTP,
			       "%s: the answer ended after %llu bytes of its body", label(x),
			       (unsigned long long)x->body_bytes);
	}
	t->framed = t->head.has_length || t->head.chunked || strcmp(t->url->scheme, "https") == 0;
	return MG_OK;
}

/* What was received is passed on only if it can be a field value; a hostile one would add fields. */
static struct mg_span received_via(const struct transfer *t)
{
	const struct mg_span via = t->request->via;
	for (size_t i = 0; i < via.n; i++)
		if ((unsigned char)via.p[i] < ' ' || via.p[i] == 0x7f) return SPAN("");
	return via.n <= VIA_MAX ? via : SPAN("");
}

static struct curl_slist *request_fields(const struct transfer *t)
{
	char line[VIA_MAX + 512];
	struct curl_slist *fields = curl_slist_append(NULL, "Accept:");
	if (t->bearer) {
		struct mg_buf field = BUF_MAX(BEARER_MAX);
		buf_append(&field, SPAN("Authorization: Bearer "));
		buf_append(&field, t->request->bearer);
		MG_ASSERT(!buf_failed(&field));
		fields = curl_slist_append(fields, buf_cstr(&field));
		wipe_bytes(field.p, field.n);
		buf_deinit(&field);
	}
	if (t->options->via != NULL) {
		const struct mg_span before = received_via(t);
		snprintf(line, sizeof line, "Via: %.*s%s%s", SPAN_ARG(before),
			 before.n > 0 ? ", " : "", t->options->via);
		fields = curl_slist_append(fields, line);
	}
	for (size_t i = 0; t->request->fields[i] != NULL; i++)
		fields = curl_slist_append(fields, t->request->fields[i]);
	if (resumes(t)) {
		snprintf(line, sizeof line, "Range: bytes=%llu-", (unsigned long long)t->at);
		fields = curl_slist_append(fields, line);
		snprintf(line, sizeof line, "If-Range: %s", t->etag);
		fields = curl_slist_append(fields, line);
	}
	return fields;
}

static void set_security(const struct transfer *t, CURL *c)
{
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(c, CURLOPT_PROXY, t->proxy != NULL ? t->proxy : "");
	curl_easy_setopt(c, CURLOPT_NOPROXY, "");
	curl_easy_setopt(c, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	if (t->request->insecure) {
		curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	if (t->ca_dir != NULL) {
		/* A directory is looked up certificate by certificate; a bundle is parsed whole for
		 * each connection pool. */
		curl_easy_setopt(c, CURLOPT_CAPATH, t->ca_dir);
		curl_easy_setopt(c, CURLOPT_CAINFO, t->ca_file);
	} else if (t->ca_file != NULL) {
		curl_easy_setopt(c, CURLOPT_CAINFO, t->ca_file);
	}
	if (t->userinfo != NULL) {
		curl_easy_setopt(c, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
		curl_easy_setopt(c, CURLOPT_USERPWD, t->userinfo);
	}
}

static void set_up(struct exchange_state *x, CURL *c, struct curl_slist *fields)
{
	const struct transfer *t = x->t;
	curl_easy_setopt(c, CURLOPT_URL, t->url->text);
	curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, fields);
	curl_easy_setopt(c, CURLOPT_USERAGENT, t->options->user_agent);
	/* curl below 8.5 can report a reset HTTP/2 body as complete. */
	curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_QUICK_EXIT, 1L); /* a hung resolver thread is not waited for */
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)t->options->connect_ms);
	curl_easy_setopt(c, CURLOPT_TCP_NODELAY, 1L);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, x->curl_text);
	if (t->request->post) {
		curl_easy_setopt(c, CURLOPT_POST, 1L);
		curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE, (long)t->request->body.n);
		curl_easy_setopt(c, CURLOPT_POSTFIELDS,
				 t->request->body.n > 0 ? t->request->body.p : "");
	}
	curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, on_socket);
	curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, x);
	curl_easy_setopt(c, CURLOPT_PREREQFUNCTION, on_request);
	curl_easy_setopt(c, CURLOPT_PREREQDATA, x);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, x);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, x);
	set_security(t, c);
}

enum mg_code transfer_out_of_reach(const struct url *url, struct mg_err *err)
{
	return err_set(
		err, MG_DENIED, MG_CAUSE_POLICY,
		"%s has an address that requests like this may not reach; the operator can allow "
		"its network (vcs.networks)",
		url->label);
}

enum mg_code transfer_run(struct transfer *t, struct pool_handle *h, struct mg_err *err)
{
	struct exchange_state x = { .t = t };
	t->head = (struct answerhead){ 0 };
	t->transient = false;
	t->unwanted = false;
	t->started = true;
	buf_clear(t->text);
	struct curl_slist *fields = request_fields(t);
	set_up(&x, h->easy, fields);
	enter(&x, CONNECTING);
	if (curl_multi_add_handle(h->multi, h->easy) != CURLM_OK) abort();
	CURLcode code = drive(&x, h) ? verdict_of_curl(h) : CURLE_OK;
	curl_multi_remove_handle(h->multi, h->easy); /* midway this closes the connection */
	enum mg_code rc = conclude(&x, code, h->easy, err);
	curl_easy_reset(h->easy); /* it pointed into this frame */
	curl_slist_free_all(fields);
	return rc;
}
