/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/upstream.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/check.h"
#include "base/clock.h"
#include "record/metrics.h"
#include "upstream/envproxy.h"
#include "upstream/fileurl.h"
#include "upstream/host.h"
#include "upstream/pool.h"
#include "upstream/redact.h"
#include "upstream/transfer.h"
#include "upstream/url.h"

#define IDLE_HANDLES_MAX     64
#define IDLE_MS              60000
#define BACKOFF_FIRST_MS     100
#define BACKOFF_MAX_MS       1000
#define RETRY_AFTER_OBEYED_S 2 /* a longer wait is the asker's to decide */
#define SLEEP_SLICE_MS       50
#define HOPS_MAX             20

struct upstream {
	struct upstream_options options;
	struct host_table *hosts;
	struct pool *pool;
	struct envproxy proxies;
	const char *ca_file, *ca_dir;
};

static char *duplicate(const char *s)
{
	return check_strndup(s, strlen(s));
}

/* Out of memory, curl has many reasons why it could not do a thing, some of which would put the blame on a URL. */
static void global_init(void)
{
	if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, check_malloc, free, check_realloc, duplicate,
				 check_calloc) != 0)
		abort();
}

/* Does the folder hold the hashed names ("5ed36f99.0") that OpenSSL looks certificates up by? */
static bool is_hashed(const char *dir)
{
	bool hashed = false;
	DIR *d = opendir(dir);
	if (d == NULL) return false;
	for (struct dirent *e; !hashed && (e = readdir(d)) != NULL;)
		hashed = strlen(e->d_name) == 10 && e->d_name[8] == '.';
	closedir(d);
	return hashed;
}

static const char *set_or_null(const char *name)
{
	const char *v = getenv(name);
	return v != NULL && *v != '\0' ? v : NULL;
}

static void find_trust(struct upstream *u)
{
	const curl_version_info_data *v = curl_version_info(CURLVERSION_NOW);
	const char *dir = set_or_null("SSL_CERT_DIR");
	if (dir == NULL) dir = v->capath;
	u->ca_file = u->options.ca_file != NULL ? u->options.ca_file : set_or_null("SSL_CERT_FILE");
	if (dir != NULL && is_hashed(dir)) u->ca_dir = dir;
}

struct upstream *upstream_new(const struct upstream_options *options)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, global_init);
	struct sigaction old;
	if (sigaction(SIGPIPE, NULL, &old) == 0 && old.sa_handler == SIG_DFL)
		signal(SIGPIPE, SIG_IGN); /* OpenSSL writes to sockets without MSG_NOSIGNAL */

	struct upstream *u = check_calloc(1, sizeof *u);
	u->options = *options;
	if (u->options.redirects > HOPS_MAX) u->options.redirects = HOPS_MAX;
	u->hosts = host_table_new(&(struct host_limits){
		.per_host = options->per_host,
		.queue_ms = options->queue_ms,
		.breaker_failures = options->breaker_failures,
		.breaker_open_ms = options->breaker_open_ms,
	});
	u->pool = pool_new(IDLE_HANDLES_MAX);
	u->proxies = envproxy_read();
	find_trust(u);
	return u;
}

void upstream_free(struct upstream **up)
{
	struct upstream *u = *up;
	if (u == NULL) return;
	pool_free(&u->pool);
	host_table_free(&u->hosts);
	free(u);
	*up = NULL;
}

void upstream_sweep(struct upstream *u)
{
	pool_sweep(u->pool, IDLE_MS);
}

/* Answers that say the host as a whole is down or overloaded. A 500 does not count: some proxies
 * answer it for each module they cannot find, and the others must not suffer for that. */
static bool is_down(int status)
{
	return status >= 502 && status <= 504;
}

static enum host_outcome outcome_of(const struct transfer *t, enum mg_code rc, struct mg_err *why)
{
	if (rc == MG_OK && is_down(t->head.status)) {
		err_set(why, MG_UNAVAILABLE, MG_CAUSE_UPSTREAM, "%s answered %d", t->url->label,
			t->head.status);
		return HOST_FAILED;
	}
	if (rc == MG_OK || t->unwanted) return HOST_ALIVE;
	bool theirs = why->cause == MG_CAUSE_DNS || why->cause == MG_CAUSE_CONNECT ||
		      why->cause == MG_CAUSE_TLS || why->cause == MG_CAUSE_HTTP;
	return theirs && rc != MG_INVALID ? HOST_FAILED : HOST_UNTOLD;
}

static void count(const struct transfer *t, enum mg_code rc, uint64_t since_us, uint64_t bytes)
{
	const int class = t->head.status / 100;

	metrics_upstream(t->url->label, rc == MG_CANCELED ? METRICS_CLASS_CANCELED
					: rc != MG_OK     ? METRICS_CLASS_ERROR
					: class == 3      ? METRICS_CLASS_3XX
					: class == 4      ? METRICS_CLASS_4XX
					: class == 5      ? METRICS_CLASS_5XX
							  : METRICS_CLASS_2XX);
	metrics_observe(METRICS_UPSTREAM_SECONDS, clock_mono_us() - since_us);
	metrics_add(METRICS_UPSTREAM_BYTES, bytes);
}

/* One exchange under the host's permit. */
static enum mg_code exchange(struct upstream *u, struct transfer *t, struct mg_err *err)
{
	struct host_permit permit = { 0 };
	t->started = false;
	/* Known before anybody is asked, and all that can be known when a proxy will do the asking. */
	if (!reach_allows_host(t->request->reach, u->options.networks, t->url->host)) {
		t->transient = false;
		return transfer_out_of_reach(t->url, err);
	}
	enum mg_code rc = host_enter(u->hosts, t->url->origin, t->url->label, t->request->cancel,
				     &permit, err);
	if (rc != MG_OK) {
		t->transient = false;
		return rc;
	}
	t->proxy = envproxy_pick(&u->proxies, t->url->scheme, t->url->host, t->url->port);
	struct mg_err why = { 0 };
	struct pool_handle *h = pool_take(u->pool, t->url->origin);
	const uint64_t since_us = clock_mono_us(), at = t->at;
	rc = transfer_run(t, h, &why);
	count(t, rc, since_us, t->at > at ? t->at - at : 0);
	pool_give(u->pool, h, t->url->origin);
	host_leave(u->hosts, &permit, outcome_of(t, rc, &why), &why);
	if (rc != MG_OK && err != NULL) *err = why;
	return rc;
}

static bool is_redirect(const struct answerhead *h)
{
	return h->location[0] != '\0' && (h->status == 301 || h->status == 302 ||
					  h->status == 303 || h->status == 307 || h->status == 308);
}

static enum mg_code refused_redirect(struct mg_err *err, const struct url *from, const char *why)
{
	return err_set(err, MG_UNAVAILABLE, MG_CAUSE_UPSTREAM, "%s redirects %s", from->label, why);
}

/* The next hop, or why there is none. seen: the URLs asked so far, `from` the last of them. */
static enum mg_code next_hop(const struct upstream *u, struct url *seen, size_t n,
			     const struct upstream_request *rq, const char *location,
			     struct mg_err *err)
{
	const struct url *from = &seen[n - 1];
	if (n > u->options.redirects) return refused_redirect(err, from, "too often");
	if (rq->post) return refused_redirect(err, from, "what cannot be sent twice");
	if (rq->stay) return refused_redirect(err, from, "what is not to be asked elsewhere");
	struct url to = { 0 };
	if (url_resolve(from, span_of(location), &to, NULL) != MG_OK)
		return refused_redirect(err, from, "to something that is no http or https URL");
	enum mg_code rc = MG_OK;
	if (strcmp(from->scheme, "https") == 0 && strcmp(to.scheme, "https") != 0)
		rc = refused_redirect(err, from, "from https to http, which is refused");
	for (size_t i = 0; rc == MG_OK && i < n; i++)
		if (strcmp(seen[i].text, to.text) == 0)
			rc = refused_redirect(err, from, "in a circle");
	if (rc != MG_OK)
		url_deinit(&to);
	else
		seen[n] = to;
	return rc;
}

static uint64_t place_of(const struct url *url)
{
	struct mg_span rest = span_of(url->text);
	return span_hash(span_cut(&rest, '?'));
}

/* One try: the URL and the redirects it leads to. */
static enum mg_code follow(struct upstream *u, struct transfer *t, const struct url *first,
			   struct mg_err *err)
{
	struct url seen[HOPS_MAX + 2] = { 0 };
	size_t n = 1;
	enum mg_code rc;
	seen[0] = *first;
	for (;;) {
		t->url = &seen[n - 1];
		t->place = place_of(t->url);
		/* Credentials are bound to the origin they were configured for. */
		const bool home = url_same_origin(t->url, first);
		t->userinfo = home ? first->userinfo : NULL;
		t->bearer = home && t->request->bearer.n > 0;
		rc = exchange(u, t, err);
		if (rc != MG_OK || !is_redirect(&t->head)) break;
		rc = next_hop(u, seen, n, t->request, t->head.location, err);
		if (rc != MG_OK) {
			t->transient = false;
			break;
		}
		n++;
	}
	if (t->request->landed != NULL) {
		buf_clear(t->request->landed);
		buf_append_str(t->request->landed, t->url->text);
	}
	t->url = first;
	while (n > 1)
		url_deinit(&seen[--n]);
	return rc;
}

static uint64_t backoff_ms(unsigned attempt)
{
	static _Thread_local unsigned seed;
	if (seed == 0) seed = (unsigned)clock_mono_us() | 1;
	uint64_t base = (uint64_t)BACKOFF_FIRST_MS << (attempt < 8 ? attempt : 8);
	if (base > BACKOFF_MAX_MS) base = BACKOFF_MAX_MS;
	return base / 2 + (uint64_t)rand_r(&seed) % base;
}

static bool sleep_unless(const struct cancel *cancel, uint64_t ms)
{
	for (uint64_t end_ms = clock_mono_ms() + ms, now_ms;
	     (now_ms = clock_mono_ms()) < end_ms && !cancel_is_set(cancel);) {
		uint64_t left = end_ms - now_ms;
		if (left > SLEEP_SLICE_MS) left = SLEEP_SLICE_MS;
		const struct timespec ts = { .tv_nsec = (long)left * 1000000 };
		nanosleep(&ts, NULL);
	}
	return !cancel_is_set(cancel);
}

/* How long to wait before another try; false: there is none. */
static bool may_retry(const struct upstream *u, const struct transfer *t, enum mg_code rc,
		      unsigned attempt, uint64_t *wait_ms)
{
	if (attempt >= u->options.retries) return false;
	*wait_ms = backoff_ms(attempt);
	if (rc != MG_OK) return t->transient;
	uint32_t asked_s = t->head.retry_after_s;
	if (asked_s > RETRY_AFTER_OBEYED_S) return false;
	if (asked_s > 0) *wait_ms = (uint64_t)asked_s * 1000;
	return is_down(t->head.status) || (t->head.status == 429 && asked_s > 0) ||
	       (t->head.status == 416 && t->etag != NULL);
}

/* Makes the sink ready for another try: a body with a strong validator goes on where it died, any
 * other starts over. etag is where that validator is kept between tries. */
static enum mg_code rewind_body(struct transfer *t, char *etag, size_t size, struct mg_err *err)
{
	if (t->at == 0) return MG_OK;
	/* There are no parts of the answer to a POST. */
	if (t->head.status == 200 && !t->request->post && answerhead_strong_etag(&t->head)) {
		snprintf(etag, size, "%s", t->head.etag);
		t->etag = etag;
		t->etag_place = t->place;
	}
	if (t->head.status == 416) t->etag = NULL;
	if (t->etag != NULL) return MG_OK;
	t->at = 0;
	return t->request->sink.restart(t->request->sink.arg, err);
}

/* Tries until it is answered, fails for good or has used up its tries. */
static enum mg_code get_with_retries(struct upstream *u, struct transfer *t, const struct url *url,
				     struct mg_err *err)
{
	char etag[sizeof t->head.etag];
	enum mg_code rc = MG_OK;
	uint64_t wait_ms = 0;
	for (unsigned attempt = 0;; attempt++) {
		struct mg_err failure = { 0 };
		enum mg_code now = follow(u, t, url, &failure);
		/* When the circuit opened meanwhile, the fault that opened it is the better answer. */
		if (now != MG_OK && rc != MG_OK && !t->started) return rc;
		rc = now;
		if (rc != MG_OK) *err = failure;
		if (!may_retry(u, t, rc, attempt, &wait_ms)) return rc;
		if (!sleep_unless(t->request->cancel, wait_ms))
			return err_set(err, MG_CANCELED, MG_CAUSE_NONE, "nobody waits any more");
		now = rewind_body(t, etag, sizeof etag, err);
		if (now != MG_OK) return now;
	}
}

static enum mg_code get_http(struct upstream *u, const struct upstream_request *rq,
			     struct upstream_answer *answer, struct mg_err *err)
{
	struct url url = { 0 };
	enum mg_code rc = url_parse(rq->url, &url, err);
	if (rc != MG_OK) return rc;
	struct transfer *t = check_calloc(1, sizeof *t); /* its head is large for a lane's stack */
	*t = (struct transfer){ .options = &u->options,
				.ca_file = u->ca_file,
				.ca_dir = u->ca_dir,
				.request = rq,
				.text = &answer->text };
	struct mg_err failure = { 0 };
	rc = get_with_retries(u, t, &url, &failure);
	if (rc == MG_OK) {
		answer->status = t->head.status;
		answer->retry_after_s = t->head.retry_after_s;
		answer->framed = t->framed;
		answer->bytes = t->head.status == 200 ? t->at : 0;
		memcpy(answer->content_type, t->head.content_type, sizeof answer->content_type);
	} else if (err != NULL) {
		*err = failure;
	}
	free(t);
	url_deinit(&url);
	return rc;
}

enum mg_code upstream_get(struct upstream *u, const struct upstream_request *rq,
			  struct upstream_answer *answer, struct mg_err *err)
{
	answer->status = 0;
	answer->content_type[0] = '\0';
	answer->retry_after_s = 0;
	answer->bytes = 0;
	answer->framed = false;
	buf_clear(&answer->text);
	if (fileurl_is(rq->url)) return fileurl_get(rq, answer, err);
	return get_http(u, rq, answer, err);
}

enum mg_code upstream_check_host(const struct upstream *u, enum reach reach, struct mg_span host,
				 struct mg_err *err)
{
	char *text = check_strndup(host.p, host.n);
	const bool fine = reach_allows_host(reach, u->options.networks, text);
	free(text);
	if (fine) return MG_OK;
	return err_set(
		err, MG_DENIED, MG_CAUSE_POLICY,
		"%.*s is an address that may not be reached for modules like this; the operator "
		"can allow its network (vcs.networks)",
		SPAN_ARG(host));
}

void upstream_redact(struct mg_span url, struct mg_buf *out)
{
	redact_url(url, out);
}
