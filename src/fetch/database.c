/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/database.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "fetch/ask.h"
#include "fetch/fork.h"
#include "fetch/origin.h"
#include "fetch/provenheads.h"
#include "gomod/modpath.h"
#include "loop/share.h"
#include "sumdb/forkreport.h"
#include "sumdb/gosumdb.h"

#define KEY_MAX  16384
#define URL_MAX  16384
#define NOTE_MAX (1u << 20)
/* A tile or lookup that was got stays at hand until it is in the store. */
#define SHARE_MS  5000
#define SHARE_MAX 512
/* The .mod, its client's lookup and the zip want the same proof one after the other. */
#define PROVEN_MS (10 * 60 * 1000)
/* How long the way to the database is believed to stay the same. */
#define BASE_MS (30 * 60 * 1000)
/* "supported" is answered with any body. */
#define SUPPORTED_MAX 4096
#define ASKERS_MAX    32

struct database {
	struct arena arena;
	struct gosumdb settings;
	struct sumclient client; /* its ops' arg is each call's own */
	struct store *store;
	struct share *share;   /* what was received, until it is in the store */
	struct share *proven;  /* lookups and tiles that were proven of late: they never change */
	pthread_mutex_t mutex; /* of what follows */
	struct mg_buf head_note;
	struct treehead head;
	struct provenheads heads; /* that `head` extends */
	unsigned beginnings;      /* of trust: who began before the last knows nothing of `heads` */
	struct mg_buf base;       /* where it is reached; empty: not known */
	uint64_t base_until_ms;
	struct fork fork;
};

/* One call, on behalf of one job. */
struct call {
	struct database *database;
	const struct job *job;
	unsigned beginnings; /* when it began */
};

static struct call call_for(struct database *d, const struct job *j)
{
	pthread_mutex_lock(&d->mutex);
	const struct call c = { .database = d, .job = j, .beginnings = d->beginnings };
	pthread_mutex_unlock(&d->mutex);
	return c;
}

static void key_of(const struct database *d, struct mg_span path, struct mg_buf *out)
{
	buf_printf(out, "sumdb/%s/%.*s", d->client.key.name, SPAN_ARG(path));
}

/* --- the way there --- */

/* base = URL [ "?" query ], as GOPROXY has it */
static enum mg_code ask_at(const struct job *j, struct mg_span base, struct mg_span path,
			   struct mg_buf *out, struct mg_err *err)
{
	struct mg_span rest = base;
	const struct mg_span url = span_cut(&rest, '?');
	const struct proxylist_entry there = { .url = url, .query = span_from(base, url.n) };
	return ask_path(j, &there, path, out, err);
}

struct negotiation {
	const struct call *call;
	struct mg_buf *base;
};

/* A proxy that answers 200 takes all questions, one that answers 404 or 410 is passed by (§6.1). */
static enum mg_code visit_supported(void *arg, const struct proxylist_entry *proxy,
				    struct mg_err *err)
{
	const struct negotiation *n = arg;
	const char *name = n->call->database->client.key.name;
	struct mg_buf path = BUF_MAX(URL_MAX), body = BUF_MAX(SUPPORTED_MAX);
	buf_printf(&path, "/sumdb/%s/supported", name);
	const enum mg_code rc = ask_path(n->call->job, proxy, buf_span(&path), &body, err);
	if (rc == MG_OK) {
		buf_append(n->base, proxy->url);
		buf_printf(n->base, "/sumdb/%s%.*s", name, SPAN_ARG(proxy->query));
	}
	buf_deinit(&path);
	buf_deinit(&body);
	return rc;
}

static enum mg_code negotiate(void *arg, struct mg_buf *out, struct mg_err *err)
{
	const struct call *c = arg;
	struct database *d = c->database;
	struct negotiation n = { .call = c, .base = out };
	bool asked;
	enum mg_code rc = MG_NOT_FOUND;
	if (!d->settings.direct)
		rc = origin_walk(&c->job->means->origins, false, visit_supported, &n, &asked, err);
	if (rc == MG_NOT_FOUND) {
		buf_append_str(out, d->settings.url);
		rc = MG_OK;
	}
	if (rc != MG_OK) return rc;
	struct mg_buf shown = BUF_MAX(URL_MAX);
	upstream_redact(buf_span(out), &shown);
	log_info("checksum database", LOG_S("name", d->client.key.name),
		 LOG_SP("reached_at", buf_span(&shown)));
	buf_deinit(&shown);
	pthread_mutex_lock(&d->mutex);
	buf_clear(&d->base);
	buf_append(&d->base, buf_span(out));
	d->base_until_ms = clock_mono_ms() + BASE_MS;
	pthread_mutex_unlock(&d->mutex);
	return MG_OK;
}

static enum mg_code find_base(const struct call *c, struct mg_buf *out, struct mg_err *err)
{
	struct database *d = c->database;
	pthread_mutex_lock(&d->mutex);
	if (clock_mono_ms() < d->base_until_ms) buf_append(out, buf_span(&d->base));
	pthread_mutex_unlock(&d->mutex);
	if (out->n > 0) return MG_OK;
	return share_get(d->share, SPAN("supported"), c->job->cancel, negotiate,
			 (void *)(uintptr_t)c, out, err);
}

/* --- what the client needs: upstream --- */

struct question {
	const struct call *call;
	struct mg_span path;
};

static enum mg_code ask_remote(void *arg, struct mg_buf *out, struct mg_err *err)
{
	const struct question *q = arg;
	struct mg_buf base = BUF_MAX(URL_MAX), path = BUF_MAX(URL_MAX);
	enum mg_code rc = find_base(q->call, &base, err);
	buf_append_char(&path, '/');
	for (size_t i = 0; i < q->path.n; i++) {
		if (q->path.p[i] == '!')
			buf_append_str(&path, "%21");
		else
			buf_append_char(&path, q->path.p[i]);
	}
	if (rc == MG_OK) rc = ask_at(q->call->job, buf_span(&base), buf_span(&path), out, err);
	buf_deinit(&base);
	buf_deinit(&path);
	return rc;
}

struct asker {
	const struct call *call;
	struct sumclient_fetch *fetch;
	pthread_t thread;
	bool started;
};

static void *run_asker(void *arg)
{
	struct asker *a = arg;
	struct sumclient_fetch *f = a->fetch;
	struct question q = { .call = a->call, .path = f->path };
	/* Who needs a newer head is not helped by one that was asked for before. */
	if (span_eq(f->path, SPAN("latest")))
		f->code = ask_remote(&q, &f->body, &f->err);
	else
		f->code = share_get(a->call->database->share, f->path, a->call->job->cancel,
				    ask_remote, &q, &f->body, &f->err);
	return NULL;
}

/* A lookup's tiles are a hand's breadth of small answers: asked for one by one they would cost as many
 * round trips. The threads live as long as the question. */
static void read_remote(void *arg, struct sumclient_fetch *list, size_t n)
{
	struct asker askers[ASKERS_MAX];
	for (size_t from = 0; from < n; from += ASKERS_MAX) {
		const size_t count = n - from < ASKERS_MAX ? n - from : ASKERS_MAX;
		for (size_t i = 0; i < count; i++) {
			askers[i] = (struct asker){ .call = arg, .fetch = &list[from + i] };
			askers[i].started =
				i + 1 < count &&
				pthread_create(&askers[i].thread, NULL, run_asker, &askers[i]) == 0;
		}
		for (size_t i = 0; i < count; i++)
			if (!askers[i].started) run_asker(&askers[i]);
		for (size_t i = 0; i < count; i++)
			if (askers[i].started) pthread_join(askers[i].thread, NULL);
	}
}

/* --- the store --- */

static enum mg_code read_cache(void *arg, struct mg_span path, struct mg_buf *body,
			       struct mg_err *err)
{
	const struct call *c = arg;
	struct mg_buf key = BUF_MAX(KEY_MAX);
	struct mg_err why;
	key_of(c->database, path, &key);
	enum mg_code rc = MG_OK;
	switch (store_read(c->database->store, buf_cstr(&key), true, body, NULL, &why)) {
	case STORE_HIT:
		break;
	case STORE_MISS:
		rc = err_set(err, MG_NOT_FOUND, MG_CAUSE_STORAGE, "not kept");
		break;
	case STORE_WOULD_BLOCK:
	case STORE_FAULT:
		rc = why.code;
		if (err != NULL) *err = why;
		/* Something that is no file stands there; it must not be in the way of the right one. */
		if (rc == MG_CORRUPT &&
		    store_quarantine(c->database->store, buf_cstr(&key), why.text, &why) != MG_OK)
			log_error("cannot quarantine", LOG_S("key", key.p),
				  LOG_S("reason", why.text));
	}
	buf_deinit(&key);
	return rc;
}

static enum mg_code write_cache(void *arg, struct mg_span path, struct mg_span body,
				struct mg_err *err)
{
	const struct call *c = arg;
	struct mg_buf key = BUF_MAX(KEY_MAX);
	key_of(c->database, path, &key);
	const enum mg_code rc =
		store_put(c->database->store, buf_cstr(&key), body, STAGE_REPLACE, err);
	buf_deinit(&key);
	return rc;
}

static enum mg_code read_head(void *arg, struct arena *a, struct sumclient_head *out,
			      struct mg_err *err)
{
	const struct call *c = arg;
	struct database *d = c->database;
	pthread_mutex_lock(&d->mutex);
	*out = (struct sumclient_head){ .tree = d->head,
					.note = arena_dup(a, buf_span(&d->head_note)) };
	pthread_mutex_unlock(&d->mutex);
	return MG_OK;
}

static enum mg_code swap_head(void *arg, const struct treehead *old,
			      const struct sumclient_head *next, bool *swapped, struct mg_err *err)
{
	const struct call *c = arg;
	struct database *d = c->database;
	enum mg_code rc = MG_OK;
	pthread_mutex_lock(&d->mutex);
	*swapped = treehead_eq(&d->head, old);
	if (*swapped) rc = write_cache(arg, SPAN("latest"), next->note, err);
	if (*swapped && rc == MG_OK) {
		d->head = next->tree;
		buf_clear(&d->head_note);
		buf_append(&d->head_note, next->note);
	}
	pthread_mutex_unlock(&d->mutex);
	return rc;
}

static bool recall_head(void *arg, struct mg_span note, struct treehead *out)
{
	const struct call *c = arg;
	struct database *d = c->database;
	pthread_mutex_lock(&d->mutex);
	const bool found = c->beginnings == d->beginnings && provenheads_find(&d->heads, note, out);
	pthread_mutex_unlock(&d->mutex);
	return found;
}

static void remember_head(void *arg, const struct sumclient_head *head)
{
	const struct call *c = arg;
	struct database *d = c->database;
	pthread_mutex_lock(&d->mutex);
	if (c->beginnings == d->beginnings) provenheads_add(&d->heads, head->note, &head->tree);
	pthread_mutex_unlock(&d->mutex);
}

/* --- two histories --- */

static void keep_evidence(void *arg, struct mg_span evidence)
{
	const struct call *c = arg;
	struct database *d = c->database;
	pthread_mutex_lock(&d->mutex);
	fork_keep(&d->fork, evidence);
	pthread_mutex_unlock(&d->mutex);
}

static enum mg_code check_not_forked(struct database *d, struct mg_err *err)
{
	bool forked;
	pthread_mutex_lock(&d->mutex);
	const enum mg_code rc = fork_find(&d->fork, &forked, err);
	pthread_mutex_unlock(&d->mutex);
	if (rc != MG_OK || !forked) return rc;
	return err_set(err, MG_CORRUPT, MG_CAUSE_PROOF,
		       "%s has shown two histories (a fork): nothing is proven with it until the "
		       "operator has looked at the evidence and acknowledged it",
		       d->client.key.name);
}

enum mg_code database_acknowledge(struct database *d, bool start_over, int64_t wall_s,
				  struct mg_buf *kept, struct mg_err *err)
{
	pthread_mutex_lock(&d->mutex);
	const enum mg_code rc = fork_acknowledge(&d->fork, start_over, wall_s, kept, err);
	if (rc == MG_OK && start_over) {
		/* Trust begins anew: with the next head that is seen. */
		d->head = treehead_empty();
		buf_clear(&d->head_note);
		provenheads_clear(&d->heads);
		d->beginnings++;
	}
	pthread_mutex_unlock(&d->mutex);
	share_clear(d->share);
	share_clear(d->proven);
	return rc;
}

/* --- life --- */

static const struct sumclient_ops ops = {
	.read_remote = read_remote,
	.read_cache = read_cache,
	.write_cache = write_cache,
	.read_head = read_head,
	.swap_head = swap_head,
	.fork = keep_evidence,
	.recall_head = recall_head,
	.remember_head = remember_head,
};

/* GOPROXY=off: nobody is to be asked, unless the operator has named where. */
static bool may_ask(const struct call *c)
{
	return !c->job->means->options->offline &&
	       (c->database->settings.direct ||
		c->job->means->origins.entries[0].kind != PROXYLIST_OFF);
}

static struct sumclient client_for(const struct call *c)
{
	struct sumclient client = c->database->client;
	client.ops.arg = (void *)(uintptr_t)c;
	if (!may_ask(c)) client.ops.read_remote = NULL;
	return client;
}

/* The name is a part of keys. */
static bool is_path(struct mg_span name)
{
	struct mg_span rest = name;
	while (rest.p != NULL) {
		const struct mg_span part = span_cut(&rest, '/');
		if (part.n == 0 || part.p[0] == '.') return false;
	}
	return true;
}

static enum mg_code open_head(struct database *d, struct mg_err *err)
{
	struct call c = { .database = d };
	struct mg_buf note = BUF_MAX(NOTE_MAX), key = BUF_MAX(KEY_MAX);
	d->head = treehead_empty();
	enum mg_code rc = read_cache(&c, SPAN("latest"), &note, err);
	if (rc == MG_OK) rc = sumclient_open_head(&d->client, buf_span(&note), &d->head, err);
	if (rc == MG_OK) buf_append(&d->head_note, buf_span(&note));
	if (rc == MG_CORRUPT) {
		d->head = treehead_empty();
		key_of(d, SPAN("latest"), &key);
		log_error(
			"the trusted head of the checksum database was damaged: trust begins anew",
			LOG_S("key", key.p), LOG_S("reason", err->text));
		rc = store_quarantine(d->store, buf_cstr(&key), err->text, err);
	}
	buf_deinit(&note);
	buf_deinit(&key);
	return rc == MG_NOT_FOUND ? MG_OK : rc;
}

enum mg_code database_new(const char *gosumdb, struct store *store, struct database **out,
			  struct mg_err *err)
{
	struct database *d = check_calloc(1, sizeof *d);
	*out = NULL;
	d->store = store;
	d->head_note = BUF_MAX(NOTE_MAX);
	d->base = BUF_MAX(URL_MAX);
	pthread_mutex_init(&d->mutex, NULL);
	d->share = share_new(&(struct share_options){ .keep_ms = SHARE_MS, .max = SHARE_MAX });
	d->proven = share_new(&(struct share_options){ .keep_ms = PROVEN_MS, .max = SHARE_MAX });
	enum mg_code rc = gosumdb_parse(span_of(gosumdb), &d->arena, &d->settings, err);
	if (rc == MG_OK && !d->settings.off) {
		d->client = (struct sumclient){ .key = d->settings.key,
						.ops = ops,
						.height = SUMCLIENT_TILE_HEIGHT };
		if (!is_path(span_of(d->client.key.name)))
			rc = err_set(err, MG_INVALID, MG_CAUSE_NONE,
				     "the name of the checksum database is no host and path: %s",
				     d->client.key.name);
		fork_init(&d->fork, store, d->client.key.name);
		if (rc == MG_OK) rc = open_head(d, err);
	}
	if (rc == MG_OK && !d->settings.off)
		*out = d;
	else
		database_free(&d);
	return rc;
}

void database_free(struct database **dp)
{
	struct database *d = *dp;
	if (d == NULL) return;
	share_free(&d->share);
	share_free(&d->proven);
	pthread_mutex_destroy(&d->mutex);
	buf_deinit(&d->head_note);
	buf_deinit(&d->base);
	fork_deinit(&d->fork);
	arena_deinit(&d->arena);
	free(d);
	*dp = NULL;
}

const struct notekey *database_key(const struct database *d)
{
	return &d->client.key;
}

/* --- questions --- */

/* One thing to be proven, by one thread for all that want it. */
struct claim {
	const struct call *call;
	struct mg_span path, version; /* of a module */
	struct mg_span at;            /* lookup_path of it */
	const struct tile *tile;
};

/* The lookup as it is stored now, if it says what was proven. */
static enum mg_code read_proven(const struct claim *c, const struct lookup_sums *proven,
				struct mg_buf *out, struct mg_err *err)
{
	struct lookup lookup;
	struct lookup_sums sums;
	const enum mg_code rc = read_cache((void *)(uintptr_t)c->call, c->at, out, err);
	/* It stood there a moment ago, which is no word of the database's. */
	if (rc == MG_NOT_FOUND)
		return err_set(err, MG_UNAVAILABLE, MG_CAUSE_STORAGE,
			       "a proven lookup has gone from the store");
	if (rc != MG_OK) return rc;
	if (lookup_parse(buf_span(out), &lookup) &&
	    lookup_find(lookup.text, c->path, c->version, &sums, err) == MG_OK &&
	    strcmp(sums.zip, proven->zip) == 0 && strcmp(sums.mod, proven->mod) == 0)
		return MG_OK;
	return err_set(err, MG_CORRUPT, MG_CAUSE_STORAGE,
		       "a proven lookup was changed in the store");
}

static enum mg_code prove_lookup(void *arg, struct mg_buf *out, struct mg_err *err)
{
	const struct claim *c = arg;
	const struct sumclient client = client_for(c->call);
	struct sumclient_answer answer;
	const enum mg_code rc = sumclient_lookup(&client, c->path, c->version, &answer, err);
	return rc == MG_OK ? read_proven(c, &answer.sums, out, err) : rc;
}

static enum mg_code prove_tile(void *arg, struct mg_buf *out, struct mg_err *err)
{
	const struct claim *c = arg;
	const struct sumclient client = client_for(c->call);
	return sumclient_tile(&client, c->tile, out, err);
}

static enum mg_code get_proven(const struct call *c, struct mg_span path, share_ask_fn *prove,
			       struct claim *claim, struct mg_buf *out, struct mg_err *err)
{
	struct database *d = c->database;
	/* Who asks first must not bound what the others may get. */
	struct mg_buf body = BUF_MAX(LOOKUP_SIZE_MAX);
	enum mg_code rc = check_not_forked(d, err);
	claim->call = c;
	if (rc == MG_OK) rc = share_get(d->proven, path, c->job->cancel, prove, claim, &body, err);
	if (rc == MG_OK) buf_append(out, buf_span(&body));
	/* Bytes that prove nothing are not to be shared with those who ask next. */
	if (rc == MG_CORRUPT) share_clear(d->share);
	buf_deinit(&body);
	return rc;
}

static enum mg_code get_lookup(const struct call *c, struct mg_span path, struct mg_span version,
			       struct mg_buf *out, struct mg_err *err)
{
	struct mg_buf at = BUF_MAX(KEY_MAX);
	enum mg_code rc = lookup_path(path, version, &at, err);
	struct claim claim = { .path = path, .version = version, .at = buf_span(&at) };
	if (rc == MG_OK) rc = get_proven(c, claim.at, prove_lookup, &claim, out, err);
	buf_deinit(&at);
	return rc;
}

enum mg_code database_lookup(struct database *d, const struct job *j, struct mg_span path,
			     struct mg_span version, struct lookup_sums *out, struct mg_err *err)
{
	const struct call c = call_for(d, j);
	struct mg_buf body = BUF_MAX(LOOKUP_SIZE_MAX);
	struct lookup lookup;
	enum mg_code rc = get_lookup(&c, path, version, &body, err);
	if (rc == MG_OK && !lookup_parse(buf_span(&body), &lookup))
		rc = err_set(err, MG_CORRUPT, MG_CAUSE_STORAGE,
			     "a proven lookup was changed in the store");
	if (rc == MG_OK) rc = lookup_find(lookup.text, path, version, out, err);
	buf_deinit(&body);
	return rc;
}

/* lookup_path backwards. */
static enum mg_code get_named(const struct call *c, struct mg_span name, const char *globs,
			      struct mg_buf *out, struct mg_err *err)
{
	struct mg_buf path = BUF_MAX(KEY_MAX), version = BUF_MAX(KEY_MAX);
	struct mg_span rest = name;
	const struct mg_span epath = span_cut(&rest, '@');
	struct mg_err why = { 0 };
	enum mg_code rc = MG_NOT_FOUND;
	if (rest.p == NULL || name.n > LOOKUP_PATH_MAX ||
	    modpath_unescape(epath, &path, &why) != MG_OK ||
	    modpath_unescape_rev(rest, &version, &why) != MG_OK ||
	    modpath_check_version(buf_span(&path), buf_span(&version), &why) != MG_OK)
		err_set(err, rc, MG_CAUSE_NONE, "no module version: %s",
			rest.p == NULL ? "a lookup is lookup/MODULE@VERSION" : why.text);
	else if (origin_is_exempt(span_of(globs), buf_span(&path)))
		err_set(err, rc, MG_CAUSE_POLICY,
			"a private module (GONOSUMDB, GOPRIVATE) is not asked of a checksum "
			"database; the client's own settings should say so too");
	else
		rc = get_lookup(c, buf_span(&path), buf_span(&version), out, err);
	buf_deinit(&path);
	buf_deinit(&version);
	return rc;
}

/* The newest head that is proven; when nobody can be asked, the one that is trusted. */
static enum mg_code get_latest(const struct call *c, struct mg_buf *out, struct mg_err *err)
{
	const struct sumclient client = client_for(c);
	struct arena arena = ARENA_INIT;
	struct sumclient_head head;
	enum mg_code rc = check_not_forked(c->database, err);
	if (rc != MG_OK) return rc;
	rc = sumclient_refresh(&client, &arena, &head, err);
	if (rc == MG_CORRUPT) share_clear(c->database->share);
	if (rc == MG_UNAVAILABLE || rc == MG_TIMEOUT || rc == MG_NOT_FOUND) {
		const enum mg_code why = rc;
		rc = read_head((void *)(uintptr_t)c, &arena, &head, err);
		if (head.tree.size == 0) rc = why;
	}
	if (rc == MG_OK) buf_append(out, head.note);
	arena_deinit(&arena);
	return rc;
}

enum mg_code database_get(struct database *d, const struct job *j, struct mg_span path,
			  const char *globs, struct mg_buf *out, struct mg_err *err)
{
	const struct call c = call_for(d, j);
	struct tile tile;
	struct claim claim = { .tile = &tile };
	if (span_has_prefix(path, SPAN("lookup/")))
		return get_named(&c, span_from(path, strlen("lookup/")), globs, out, err);
	if (span_eq(path, SPAN("latest"))) return get_latest(&c, out, err);
	if (tile_parse(path, &tile)) return get_proven(&c, path, prove_tile, &claim, out, err);
	return err_set(err, MG_NOT_FOUND, MG_CAUSE_NONE,
		       "a checksum database has lookup/…, tile/… and latest");
}
