/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/job.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "fetch/ahead.h"
#include "fetch/artifact.h"
#include "fetch/ask.h"
#include "fetch/database.h"
#include "fetch/direct.h"
#include "fetch/origin.h"
#include "fetch/push.h"
#include "fetch/refresh.h"
#include "fetch/versions.h"
#include "gomod/modpath.h"
#include "record/metrics.h"

#define KEY_MAX 16384
#define URL_MAX 16384
/* Guesses from one .mod: some have a thousand requirements. */
#define NEXT_MAX 48
/* A proven absence this old is no longer repeated when upstreams are down (F10). */
#define ABSENCE_MAX_S (24 * 3600)

enum mg_code job_means_open(struct job_means *m, const struct fetch_options *options,
			    struct store *store, struct upstream *upstream,
			    struct negative *negative, struct arena *a, struct mg_err *err)
{
	*m = (struct job_means){
		.options = options, .store = store, .upstream = upstream, .negative = negative
	};
	enum mg_code rc = proxylist_parse(span_of(options->goproxy), a, &m->origins, err);
	if (options->vcs != NULL) {
		m->direct = direct_new(options->vcs);
		m->refresher = refresh_queue_new(m);
	}
	if (rc == MG_OK && options->sumdb != FETCH_SUMDB_OFF)
		rc = database_new(options->gosumdb, store, &m->database, err);
	if (options->sumdb == FETCH_SUMDB_OFF) return rc;
	MG_ASSERT(options->sumdb_also_n <= FETCH_SUMDB_ALSO_MAX);
	for (size_t i = 0; i < options->sumdb_also_n && rc == MG_OK; i++) {
		rc = database_new(options->sumdb_also[i], store, &m->also[m->also_n], err);
		m->also_n += m->also[m->also_n] != NULL;
	}
	return rc;
}

void job_means_close(struct job_means *m)
{
	refresh_queue_free(&m->refresher);
	direct_free(&m->direct);
	database_free(&m->database);
	for (size_t i = 0; i < m->also_n; i++)
		database_free(&m->also[i]);
}

/* --- PATH?go-get=1 --- */

static enum mg_code write_body(void *arg, struct mg_span bytes, struct mg_err *err)
{
	if (buf_append(arg, bytes)) return MG_OK;
	return err_set(err, MG_CORRUPT, MG_CAUSE_UPSTREAM, "the page is longer than 64 KiB");
}

static enum mg_code restart_body(void *arg, struct mg_err *err)
{
	buf_clear(arg);
	return MG_OK;
}

static enum mg_code visit_go_get(void *arg, const struct proxylist_entry *proxy, struct mg_err *err)
{
	struct job *j = arg;
	struct mg_buf url = BUF_MAX(URL_MAX);
	buf_clear(&j->body);
	buf_append(&url, proxy->url);
	buf_append(&url, j->name);
	buf_append(&url, SPAN("?go-get=1"));
	enum mg_code rc = ask_url(j, proxy, buf_span(&url), j->body.max,
				  &(struct upstream_sink){
					  .write = write_body,
					  .restart = restart_body,
					  .arg = &j->body,
				  },
				  NULL, err);
	buf_deinit(&url);
	return rc;
}

static void run_go_get(struct job *j)
{
	bool asked;
	struct mg_err why;
	struct mg_span path = span_from(j->name, 1);
	if (!j->means->options->go_get) {
		j->code = err_set(&j->err, MG_NOT_FOUND, MG_CAUSE_NONE,
				  "go-import pages are not passed through (setting go-get)");
	} else if (modpath_check_import(path, &why) != MG_OK) {
		/* Spelled otherwise a name would pass the patterns below, or climb out of the
		 * upstream's folder. */
		j->code = err_set(&j->err, MG_NOT_FOUND, MG_CAUSE_NONE, "no import path: %s",
				  why.text);
	} else if (origin_is_private(span_of(j->means->options->private), path)) {
		j->code = err_set(&j->err, MG_NOT_FOUND, MG_CAUSE_POLICY,
				  "private (GOPRIVATE, GONOPROXY): not asked of upstream proxies");
	} else {
		j->code = origin_walk(&j->means->origins, false, visit_go_get, j, &asked, &j->err);
	}
}

/* --- the checksum database --- */

static bool cut(struct mg_span *s, struct mg_span prefix)
{
	if (!span_has_prefix(*s, prefix)) return false;
	*s = span_from(*s, prefix.n);
	return true;
}

/* *path: what is asked of it. NULL: it is none of ours. */
static struct database *find_database(const struct job_means *m, struct mg_span *path)
{
	if (!cut(path, SPAN("@"))) return m->database;
	for (size_t i = 0; i < m->also_n; i++) {
		struct mg_span rest = *path;
		if (!cut(&rest, span_of(database_name(m->also[i]))) || !cut(&rest, SPAN("/")))
			continue;
		*path = rest;
		return m->also[i];
	}
	return NULL;
}

static void run_sumdb(struct job *j)
{
	const struct job_means *m = j->means;
	struct mg_span path = j->name;
	struct database *d = find_database(m, &path);
	if (d == NULL) {
		j->code = err_set(&j->err, MG_NOT_FOUND, MG_CAUSE_NONE,
				  "this server has no checksum database (GOSUMDB=off)");
	} else {
		j->code = database_get(d, j, path, m->options->nosumdb, &j->body, &j->err);
		if (j->code == MG_OK && buf_failed(&j->body))
			j->code = err_set(&j->err, MG_CORRUPT, MG_CAUSE_PROOF,
					  "the answer is longer than 64 KiB");
	}
	/* A tile that is not there yet is there with the next record. */
	if (j->code == MG_NOT_FOUND && span_has_prefix(path, SPAN("lookup/")))
		j->ttl_ms = m->options->absent_ms;
}

/* --- targets --- */

/* Nobody can say now; but an absence proven before may be repeated, so that the go command's probes of
 * parent paths do not fail a build that needs nothing new. */
static void recall_absence(struct job *j, struct mg_span key)
{
	struct mg_err was;
	int64_t since_s;
	if (!negative_get(j->means->negative, key, &was, &since_s)) return;
	const int64_t age_s = clock_wall_s() - since_s;
	if (age_s < 0 || age_s > ABSENCE_MAX_S) return;
	struct mg_err now = j->err;
	j->code = err_set(&j->err, MG_NOT_FOUND, MG_CAUSE_NONE,
			  "%.150s (known for %lld s; it cannot be asked again now: %.150s)",
			  was.text, (long long)age_s, now.text);
	j->ttl_ms = j->means->options->down_ms;
}

static void set_ttl(struct job *j, struct mg_span key, bool asked)
{
	const struct fetch_options *o = j->means->options;
	switch (j->code) {
	case MG_OK:
		if (j->stale) j->ttl_ms = o->down_ms;
		break;
	case MG_NOT_FOUND:
		j->ttl_ms = o->absent_ms;
		if (asked)
			negative_put(j->means->negative, key, &j->err, clock_wall_s());
		else
			recall_absence(j, key);
		break;
	case MG_DENIED:
		j->ttl_ms = o->denied_ms;
		break;
	case MG_TIMEOUT:
	case MG_UNAVAILABLE:
		/* What could not be proven was there. */
		if (j->err.cause != MG_CAUSE_STORAGE && j->err.cause != MG_CAUSE_PROOF)
			recall_absence(j, key);
		break;
	case MG_CORRUPT:
		/* A bad zip of 500 MB is not fetched again for each one who asks (F09). */
		if (j->err.cause == MG_CAUSE_UPSTREAM || j->err.cause == MG_CAUSE_PROOF)
			j->ttl_ms = o->denied_ms;
		break;
	case MG_INVALID:
	case MG_CANCELED:
	case MG_INTERNAL:
		break;
	}
}

void job_run(struct job *j)
{
	if (j->flags & TICKET_GO_GET) {
		run_go_get(j);
		return;
	}
	if (j->flags & TICKET_SUMDB) {
		run_sumdb(j);
		return;
	}
	if (j->flags & TICKET_HOOK) {
		push_run(j);
		return;
	}
	struct mg_buf key = BUF_MAX(KEY_MAX);
	bool asked = false;
	store_key(&j->target, &key);
	if (target_is_mutable(j->target.kind))
		j->code = versions_get(j, &j->target, &j->stale, &asked, &j->err);
	else
		j->code = artifact_get(j, &j->target, (j->flags & TICKET_DAMAGED) != 0, &asked,
				       &j->err);
	set_ttl(j, buf_span(&key), asked);
	if (j->code == MG_OK && asked) negative_forget(j->means->negative, buf_span(&key));
	if (j->code == MG_OK && asked && j->means->options->prefetch) {
		j->next = arena_alloc(j->arena, NEXT_MAX * sizeof *j->next);
		j->nexts = ahead_guess(j, j->next, NEXT_MAX, &j->next_pruned);
	}
	buf_deinit(&key);
}

void job_log(const struct job *j, uint64_t started_ms)
{
	const bool plain = j->code == MG_OK || j->code == MG_NOT_FOUND || j->code == MG_CANCELED;
	/* Nobody waits for a guess: that it failed is no trouble to anybody. */
	const enum log_level level = j->guess && j->code != MG_OK ? LOG_LEVEL_DEBUG
				     : plain                      ? LOG_LEVEL_INFO
								  : LOG_LEVEL_WARN;
	struct mg_buf name = BUF_MAX(KEY_MAX);
	if (!log_enabled(level)) return;
	if (j->flags & (TICKET_GO_GET | TICKET_SUMDB | TICKET_HOOK))
		buf_append(&name, j->name);
	else
		target_name(&j->target, &name);
	LOG_LINE(level, "fetched", LOG_SP("target", buf_span(&name)),
		 LOG_S("kind", j->flags & TICKET_GO_GET  ? "go-get"
			       : j->flags & TICKET_SUMDB ? "sumdb"
			       : j->flags & TICKET_HOOK  ? "hook"
							 : target_kind_name(j->target.kind)),
		 LOG_S("result",
		       j->code == MG_OK ? (j->stale ? "stale" : "ok") : err_code_name(j->code)),
		 LOG_S("ahead", j->guess ? "yes" : "no"),
		 LOG_S("reason", j->code == MG_OK ? "" : j->err.text),
		 LOG_I("ms", clock_mono_ms() - started_ms));
	buf_deinit(&name);
}

static unsigned kind_of(const struct job *j)
{
	_Static_assert(METRICS_KIND_LIST + TARGET_QUERY == METRICS_KIND_QUERY, "in one order");
	if (j->flags & (TICKET_GO_GET | TICKET_HOOK)) return METRICS_KIND_OTHER;
	if (j->flags & TICKET_SUMDB) return METRICS_KIND_SUMDB;
	return METRICS_KIND_LIST + j->target.kind;
}

void job_count(const struct job *j)
{
	_Static_assert(METRICS_RESULTS == MG_CODE_COUNT + 1, "every code, and stale");
	const unsigned result = j->code == MG_OK && j->stale ? METRICS_RESULTS - 1 : j->code;
	metrics_add(METRICS_FLIGHTS_ENDED + result * METRICS_KINDS + kind_of(j), 1);
}
