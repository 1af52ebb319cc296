/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/stapler.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/log.h"
#include "crypto/random.h"
#include "crypto/sha256.h"
#include "record/metrics.h"
#include "tls/bundle.h"
#include "tls/ocspquery.h"

#define BACKOFF_FIRST_S 5
#define BACKOFF_MAX_S   3600
/* Wall clocks are set, machines sleep: so often is looked what is due. */
#define NAP_S 60

struct one {
	char *name;
	char key[STAPLER_KEY_SIZE];
	struct ocspquery *query;
	struct ocspquery_term term; /* of what the store has; 0: nothing that counts */
	int64_t due_s;              /* wall clock */
	unsigned failures;          /* in a row */
};

struct list_of_ones {
	struct one ones[BUNDLE_PAIRS_MAX];
	size_t n;
};

struct stapler {
	struct store *store;
	struct upstream *upstream;
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t wake;
	struct cancel cancel;
	struct list_of_ones *next; /* under mutex: to be taken over; NULL: none */
	struct list_of_ones *now;  /* the thread's own */
};

void stapler_key(struct mg_span name, char out[STAPLER_KEY_SIZE])
{
	uint8_t digest[SHA256_SIZE];
	char hex[17] = "";

	sha256_of(name, digest);
	hex_encode(digest, 8, hex);
	snprintf(out, STAPLER_KEY_SIZE, "meta/ocsp.%s", hex);
}

int64_t stapler_due(int64_t from, int64_t until, int64_t now_s, uint32_t random)
{
	const int64_t middle = from + (until - from) / 2;
	/* Authorities answer from caches: it may be late already. */
	const int64_t base = middle > now_s ? middle : now_s + (until - now_s) / 2;
	const int64_t play = (until - base) / 4;
	const int64_t due = base + (play > 0 ? random % play : 0);

	return due > now_s ? due : now_s + 1;
}

uint32_t stapler_backoff_s(unsigned failures, uint32_t random)
{
	uint32_t wait = BACKOFF_FIRST_S;

	while (failures-- > 1 && wait < BACKOFF_MAX_S)
		wait *= 2;
	if (wait > BACKOFF_MAX_S) wait = BACKOFF_MAX_S;
	return wait + random % (wait / 4 + 1);
}

static uint32_t any_number(void)
{
	uint32_t n;

	random_bytes(&n, sizeof n);
	return n;
}

/* --- what there is to ask about --- */

static void free_list(struct list_of_ones *l)
{
	if (l == NULL) return;
	for (size_t i = 0; i < l->n; i++) {
		ocspquery_free(&l->ones[i].query);
		free(l->ones[i].name);
	}
	free(l);
}

void stapler_set(struct stapler *s, struct mg_span bytes)
{
	struct list_of_ones *l = check_calloc(1, sizeof *l);
	struct bundle b;
	struct mg_err err;

	if (bytes.n == 0)
		b.n = 0;
	else if (bundle_decode(bytes, &b, &err) != MG_OK)
		log_error("no OCSP answers are fetched", LOG_S("reason", err.text));
	for (size_t i = 0; i < b.n; i++) {
		struct one *o = &l->ones[l->n];
		/* The supervisor has told what cannot be asked about. */
		if (ocspquery_new(b.pairs[i].cert, &o->query, &err) != MG_OK) continue;
		o->name = check_strndup(b.pairs[i].name.p, b.pairs[i].name.n);
		stapler_key(b.pairs[i].name, o->key);
		l->n++;
	}
	pthread_mutex_lock(&s->mutex);
	free_list(s->next);
	s->next = l;
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->mutex);
}

static void load(struct stapler *s, struct one *o, int64_t now_s)
{
	struct mg_buf der = BUF_MAX(OCSPQUERY_ANSWER_MAX);
	struct mg_err err;

	o->due_s = now_s;
	if (store_read(s->store, o->key, true, &der, NULL, &err) == STORE_HIT && der.n > 0 &&
	    ocspquery_check(o->query, buf_span(&der), now_s, &o->term, &err) == MG_OK)
		o->due_s = stapler_due(o->term.from, o->term.until, now_s, any_number());
	else
		o->term = (struct ocspquery_term){ 0 };
	buf_deinit(&der);
}

/* The same certificate goes on where it was: what an authority says changes files, and those are news. */
static void take_over(struct stapler *s, struct list_of_ones *next)
{
	const int64_t now_s = clock_wall_s();

	for (size_t i = 0; i < next->n; i++) {
		struct one *o = &next->ones[i], *old = NULL;
		for (size_t k = 0; s->now != NULL && k < s->now->n; k++)
			if (strcmp(s->now->ones[k].key, o->key) == 0 &&
			    ocspquery_same(s->now->ones[k].query, o->query))
				old = &s->now->ones[k];
		if (old == NULL) {
			load(s, o, now_s);
			continue;
		}
		o->term = old->term;
		o->due_s = old->due_s;
		o->failures = old->failures;
	}
	free_list(s->now);
	s->now = next;
}

/* --- asking --- */

static enum mg_code on_bytes(void *arg, struct mg_span bytes, struct mg_err *err)
{
	buf_append(arg, bytes);
	return MG_OK;
}

static enum mg_code on_restart(void *arg, struct mg_err *err)
{
	buf_clear(arg);
	return MG_OK;
}

static enum mg_code get(struct stapler *s, const struct one *o, struct mg_buf *der,
			struct mg_err *err)
{
	struct upstream_answer answer = { .text = BUF_MAX(256) };
	const struct upstream_request request = {
		.url = span_of(ocspquery_url(o->query)),
		.max_bytes = OCSPQUERY_ANSWER_MAX,
		.sink = { .write = on_bytes, .restart = on_restart, .arg = der },
		.cancel = &s->cancel,
	};
	enum mg_code rc = upstream_get(s->upstream, &request, &answer, err);

	if (rc == MG_OK && answer.status != 200)
		rc = err_set(err, MG_UNAVAILABLE, MG_CAUSE_UPSTREAM, "the responder answered %d",
			     answer.status);
	buf_deinit(&answer.text);
	return rc;
}

static void put(struct stapler *s, struct one *o, struct mg_span der)
{
	struct mg_err err;

	if (store_put(s->store, o->key, der, STAGE_REPLACE, &err) != MG_OK)
		log_error("an OCSP answer cannot be kept", LOG_S("file", o->name),
			  LOG_S("reason", err.text));
}

static void on_good(struct stapler *s, struct one *o, struct mg_span der,
		    const struct ocspquery_term *term, int64_t now_s)
{
	char until[21];

	o->term = *term;
	o->failures = 0;
	o->due_s = stapler_due(term->from, term->until, now_s, any_number());
	put(s, o, der);
	metrics_add(METRICS_OCSP_FETCHES + METRICS_OCSP_GOOD, 1);
	clock_rfc3339(term->until, until);
	log_info("OCSP answer", LOG_S("file", o->name), LOG_S("until", until),
		 LOG_I("again_s", o->due_s - now_s));
}

/* A "good" that is known to be true no more is not shown to anybody. */
static void on_revoked(struct stapler *s, struct one *o, int64_t now_s)
{
	if (o->term.until != 0 || o->failures == 0) put(s, o, SPAN(""));
	o->term = (struct ocspquery_term){ 0 };
	o->failures++;
	o->due_s = now_s + stapler_backoff_s(o->failures, any_number());
	metrics_add(METRICS_OCSP_FETCHES + METRICS_OCSP_REVOKED, 1);
	log_error("the authority has revoked this certificate: clients will refuse it; get another",
		  LOG_S("file", o->name));
}

static void on_failure(struct one *o, int64_t now_s, const struct mg_err *err)
{
	const bool bare = o->term.until <= now_s;

	o->failures++;
	o->due_s = now_s + stapler_backoff_s(o->failures, any_number());
	metrics_add(METRICS_OCSP_FETCHES + METRICS_OCSP_FAILED, 1);
	LOG_LINE(bare && ocspquery_must(o->query) ? LOG_LEVEL_ERROR : LOG_LEVEL_WARN,
		 bare && ocspquery_must(o->query)
			 ? "no OCSP answer to staple, which the certificate demands: clients will "
			   "refuse it"
		 : bare ? "no OCSP answer to staple"
			: "no new OCSP answer, the last one still counts",
		 LOG_S("file", o->name), LOG_S("reason", err->text),
		 LOG_I("again_s", o->due_s - now_s));
}

static void take(struct stapler *s, struct one *o, struct mg_span der)
{
	const int64_t now_s = clock_wall_s();
	struct ocspquery_term term;
	struct mg_err err;
	enum mg_code rc = ocspquery_check(o->query, der, now_s, &term, &err);

	if ((rc == MG_OK || rc == MG_DENIED) && term.from < o->term.from)
		rc = err_set(&err, MG_INVALID, MG_CAUSE_TLS,
			     "the OCSP answer is older than the last one");
	if (rc == MG_OK)
		on_good(s, o, der, &term, now_s);
	else if (rc == MG_DENIED)
		on_revoked(s, o, now_s);
	else
		on_failure(o, now_s, &err);
}

static void ask(struct stapler *s, struct one *o)
{
	struct mg_buf der = BUF_MAX(OCSPQUERY_ANSWER_MAX);
	struct mg_err err;
	const enum mg_code rc = get(s, o, &der, &err);

	if (cancel_is_set(&s->cancel))
		o->due_s = INT64_MAX;
	else if (rc == MG_OK)
		take(s, o, buf_span(&der));
	else
		on_failure(o, clock_wall_s(), &err);
	buf_deinit(&der);
}

/* --- its days --- */

/* Until something is due, or there is news. False: it is to end. */
static bool rest(struct stapler *s)
{
	struct list_of_ones *next;
	struct timespec until;
	int64_t nap_s = NAP_S;

	for (size_t i = 0; s->now != NULL && i < s->now->n; i++) {
		const int64_t left = s->now->ones[i].due_s - clock_wall_s();
		if (left < nap_s) nap_s = left;
	}
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += nap_s > 0 ? nap_s : 0;
	pthread_mutex_lock(&s->mutex);
	if (nap_s > 0 && s->next == NULL && !cancel_is_set(&s->cancel))
		pthread_cond_timedwait(&s->wake, &s->mutex, &until);
	next = s->next;
	s->next = NULL;
	pthread_mutex_unlock(&s->mutex);
	if (next != NULL) take_over(s, next);
	return !cancel_is_set(&s->cancel);
}

static void *work(void *arg)
{
	struct stapler *s = arg;

	while (rest(s))
		for (size_t i = 0; s->now != NULL && i < s->now->n; i++)
			if (s->now->ones[i].due_s <= clock_wall_s()) ask(s, &s->now->ones[i]);
	return NULL;
}

struct stapler *stapler_new(struct store *store, struct upstream *upstream)
{
	struct stapler *s = check_calloc(1, sizeof *s);
	pthread_condattr_t attr;

	s->store = store;
	s->upstream = upstream;
	cancel_init(&s->cancel);
	pthread_mutex_init(&s->mutex, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->wake, &attr);
	pthread_condattr_destroy(&attr);
	MG_ASSERT(pthread_create(&s->thread, NULL, work, s) == 0);
	return s;
}

void stapler_free(struct stapler **sp)
{
	struct stapler *s = *sp;

	*sp = NULL;
	if (s == NULL) return;
	pthread_mutex_lock(&s->mutex);
	cancel_set(&s->cancel);
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->mutex);
	pthread_join(s->thread, NULL);
	pthread_cond_destroy(&s->wake);
	pthread_mutex_destroy(&s->mutex);
	free_list(s->next);
	free_list(s->now);
	free(s);
}
