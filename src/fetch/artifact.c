/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/artifact.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "fetch/ask.h"
#include "fetch/origin.h"
#include "gomod/info.h"
#include "gomod/modzip.h"
#include "store/athenstree.h"
#include "store/provenance.h"
#include "store/stage.h"

#define KEY_MAX  16384
#define URL_MAX  16384
#define INFO_MAX (1u << 20)
#define MOD_MAX  (16u << 20)
#define ZIP_MAX  524288000u
#define LOCKS    64

/* Records of one version are changed by one thread at a time. */
static pthread_mutex_t locks[LOCKS] = { [0 ... LOCKS - 1] = PTHREAD_MUTEX_INITIALIZER };

static pthread_mutex_t *lock_of(const struct target *t)
{
	return &locks[(span_hash(t->epath) ^ span_hash(t->eversion)) % LOCKS];
}

struct attempt {
	const struct job *j;
	const struct target *t;
	const struct provenance
		*known; /* what was recorded of this version before; NULL: nothing */
};

static const uint64_t max_bytes[PROVENANCE_KINDS] = {
	[PROVENANCE_INFO] = INFO_MAX,
	[PROVENANCE_MOD] = MOD_MAX,
	[PROVENANCE_ZIP] = ZIP_MAX,
};

/* --- checks --- */

static enum mg_code read_staged(const struct stage *st, struct mg_buf *out, struct mg_err *err)
{
	const size_t n = (size_t)stage_size(st);
	char *to = buf_reserve(out, n + 1);
	MG_ASSERT(to != NULL);
	while (out->n < n) {
		const ssize_t got = pread(stage_fd(st), out->p + out->n, n - out->n, (off_t)out->n);
		if (got < 0 && errno == EINTR) continue;
		if (got <= 0)
			return err_errno(err, got < 0 ? errno : EIO, "reading back a staged file");
		out->n += (size_t)got;
	}
	return MG_OK;
}

static enum mg_code check_info(const struct attempt *a, const struct stage *st, struct mg_err *err)
{
	struct mg_buf bytes = BUF_MAX(INFO_MAX + 1);
	struct arena arena = ARENA_INIT;
	struct info info;
	enum mg_code rc = read_staged(st, &bytes, err);
	if (rc == MG_OK) rc = info_parse(buf_span(&bytes), a->t, &arena, &info, err);
	arena_deinit(&arena);
	buf_deinit(&bytes);
	return rc;
}

/* The bytes are served as they are; only what is plainly no go.mod (a login page) is refused. */
static enum mg_code check_mod(const struct stage *st, struct provenance_artifact *out,
			      struct mg_err *err)
{
	struct mg_buf bytes = BUF_MAX(MOD_MAX + 1);
	enum mg_code rc = read_staged(st, &bytes, err);
	if (rc == MG_OK) {
		const struct mg_span text = buf_span(&bytes);
		const struct mg_span start = span_trim(span_first(text, 256));
		if (span_has_prefix(start, SPAN("<")) || span_index(text, '\0') >= 0)
			rc = err_set(err, MG_CORRUPT, MG_CAUSE_UPSTREAM,
				     "the answer is no go.mod file (an HTML page or binary data)");
		dirhash_gomod(text, out->h1);
	}
	buf_deinit(&bytes);
	return rc;
}

static enum mg_code read_stage_at(void *arg, uint64_t offset, void *out, size_t n,
				  struct mg_err *err)
{
	const struct stage *st = arg;
	char *to = out;
	for (size_t done = 0; done < n;) {
		const ssize_t got =
			pread(stage_fd(st), to + done, n - done, (off_t)(offset + done));
		if (got < 0 && errno == EINTR) continue;
		if (got <= 0)
			return err_errno(err, got < 0 ? errno : EIO, "reading back a staged zip");
		done += (size_t)got;
	}
	return MG_OK;
}

/* Is it the text that was recorded? git archive may write CRLF where the .mod, read from the commit,
 * has LF (eol=crlf in .gitattributes, protocol §3.10): that is no difference. */
static bool is_same_text(struct mg_span gomod, const char *recorded_h1, char h1[DIRHASH_SIZE])
{
	dirhash_gomod(gomod, h1);
	if (strcmp(h1, recorded_h1) == 0) return true;
	struct mg_buf plain = BUF_MAX(MODZIP_SPECIAL_MAX);
	for (size_t i = 0; i < gomod.n; i++)
		if (gomod.p[i] != '\r' || i + 1 == gomod.n || gomod.p[i + 1] != '\n')
			buf_append_char(&plain, gomod.p[i]);
	char plain_h1[DIRHASH_SIZE];
	dirhash_gomod(buf_span(&plain), plain_h1);
	buf_deinit(&plain);
	return strcmp(plain_h1, recorded_h1) == 0;
}

/* A zip must bring the go.mod that another origin gave before: origins may disagree about a version. */
static enum mg_code check_same_mod(const struct attempt *a, const struct modzip_report *report,
				   struct mg_span gomod, const char *origin, struct mg_err *err)
{
	if (a->known == NULL || !report->has_gomod) return MG_OK;
	const struct provenance_artifact *mod = &a->known->artifact[PROVENANCE_MOD];
	char h1[DIRHASH_SIZE];
	if (!mod->present || strcmp(mod->origin, origin) == 0 || is_same_text(gomod, mod->h1, h1))
		return MG_OK;
	return err_set(err, MG_CORRUPT, MG_CAUSE_PROOF,
		       "the zip's go.mod (%s) is not the .mod served before (%s, from %s): two "
		       "upstreams disagree about this version",
		       h1, mod->h1, mod->origin);
}

static enum mg_code check_zip(const struct attempt *a, struct stage *st,
			      struct provenance_artifact *out, struct mg_err *err)
{
	const struct zipsource source = { .read_at = read_stage_at,
					  .arg = st,
					  .size = stage_size(st) };
	struct mg_buf gomod = BUF_MAX(MODZIP_SPECIAL_MAX);
	struct modzip_report report;
	enum mg_code rc = modzip_check(&source, a->t->path, a->t->version, &gomod, &report, err);
	if (rc == MG_OK) rc = check_same_mod(a, &report, buf_span(&gomod), out->origin, err);
	if (rc == MG_OK) snprintf(out->h1, sizeof out->h1, "%s", report.h1);
	buf_deinit(&gomod);
	return rc;
}

/* First bytes win for ever: what was once recorded may come again, but not changed (T13, T14). */
static enum mg_code check_unchanged(const struct attempt *a, const struct provenance_artifact *now,
				    struct mg_err *err)
{
	const enum provenance_kind kind = provenance_kind_of(a->t->kind);
	if (a->known == NULL || kind == PROVENANCE_INFO) return MG_OK;
	const struct provenance_artifact *then = &a->known->artifact[kind];
	if (!then->present || then->h1[0] == '\0' || strcmp(then->h1, now->h1) == 0) return MG_OK;
	return err_set(
		err, MG_CORRUPT, MG_CAUSE_PROOF,
		"upstream now serves %s where %s was recorded from %s: re-tagged or altered; "
		"refused",
		now->h1, then->h1, then->origin);
}

static enum mg_code check(const struct attempt *a, struct stage *st,
			  struct provenance_artifact *out, struct mg_err *err)
{
	enum mg_code rc = MG_INTERNAL;
	switch (provenance_kind_of(a->t->kind)) {
	case PROVENANCE_INFO:
		rc = check_info(a, st, err);
		break;
	case PROVENANCE_MOD:
		rc = check_mod(st, out, err);
		break;
	case PROVENANCE_ZIP:
		rc = check_zip(a, st, out, err);
		break;
	case PROVENANCE_KINDS:
		MG_ASSERT(false && "no artifact");
	}
	return rc == MG_OK ? check_unchanged(a, out, err) : rc;
}

/* --- one origin --- */

static enum mg_code write_stage(void *arg, struct mg_span bytes, struct mg_err *err)
{
	return stage_write(arg, bytes, err);
}

static enum mg_code restart_stage(void *arg, struct mg_err *err)
{
	return stage_reset(arg, err);
}

/* As Go's own cache has it beside the zip, for those who serve the folder without us. */
static void put_ziphash(struct store *s, const struct target *t, const char *h1)
{
	struct mg_buf key = BUF_MAX(KEY_MAX);
	struct mg_err err;
	store_key(t, &key);
	buf_append(&key, SPAN("hash"));
	if (store_put(s, buf_cstr(&key), span_of(h1), STAGE_REPLACE, &err) != MG_OK)
		log_warn("cannot write .ziphash", LOG_S("key", key.p), LOG_S("reason", err.text));
	buf_deinit(&key);
}

static enum mg_code visit(void *arg, const struct proxylist_entry *proxy, struct mg_err *err)
{
	const struct attempt *a = arg;
	const struct job_means *m = a->j->means;
	struct stage *st = NULL;
	struct mg_buf url = BUF_MAX(URL_MAX), from = BUF_MAX(URL_MAX);
	origin_url(proxy, a->t, &url);
	enum mg_code rc = stage_new(m->store, &st, err);
	if (rc != MG_OK) goto out;
	rc = ask_url(a->j, proxy, buf_span(&url), max_bytes[provenance_kind_of(a->t->kind)],
		     &(struct upstream_sink){
			     .write = write_stage, .restart = restart_stage, .arg = st },
		     err);
	if (rc != MG_OK) goto out;

	struct provenance_artifact artifact = { .present = true,
						.verified = "none",
						.fetched_s = clock_wall_s() };
	upstream_redact(proxy->url, &from);
	snprintf(artifact.origin, sizeof artifact.origin, "%.*s", SPAN_ARG(buf_span(&from)));
	rc = check(a, st, &artifact, err);
	if (rc != MG_OK) {
		if (err->cause != MG_CAUSE_STORAGE)
			rc = err_wrap(err, "%.*s sent a bad answer",
				      SPAN_ARG(span_first(buf_span(&from), 120)));
		goto out;
	}
	pthread_mutex_lock(lock_of(a->t));
	rc = provenance_commit(m->store, a->t, &st, &artifact, err);
	pthread_mutex_unlock(lock_of(a->t));
	if (rc == MG_OK && a->t->kind == TARGET_ZIP) put_ziphash(m->store, a->t, artifact.h1);
out:
	stage_free(&st);
	buf_deinit(&url);
	buf_deinit(&from);
	return rc;
}

/* --- the whole --- */

static bool is_stored(const struct job *j, const char *key, bool damaged, struct mg_err *err)
{
	struct store_file file;
	const enum store_find found = store_find(j->means->store, key, true, &file, err);
	if (found == STORE_HIT) close(file.fd);
	if (found == STORE_HIT && !damaged) return true;
	if (found == STORE_HIT || (found == STORE_FAULT && err->code == MG_CORRUPT)) {
		if (store_quarantine(j->means->store, key, "failed its check", err) != MG_OK)
			log_error("cannot quarantine", LOG_S("key", key),
				  LOG_S("reason", err->text));
	}
	return false;
}

static bool adopt(const struct job *j, const struct target *t)
{
	struct mg_err err;
	pthread_mutex_lock(lock_of(t));
	const enum mg_code rc = athenstree_adopt(j->means->store, t, &err);
	pthread_mutex_unlock(lock_of(t));
	if (rc != MG_OK && rc != MG_NOT_FOUND) {
		struct mg_buf name = BUF_MAX(KEY_MAX);
		target_name(t, &name);
		log_warn("not adopted from Athens", LOG_SP("target", buf_span(&name)),
			 LOG_S("reason", err.text));
		buf_deinit(&name);
	}
	return rc == MG_OK;
}

/* All artifacts of a version come from one origin: the one on record is asked first. */
static struct proxylist order_of(const struct job *j, const struct provenance *known)
{
	struct proxylist list = j->means->origins;
	if (known == NULL) return list;
	for (size_t i = 1; i < list.n; i++) {
		if (list.entries[i].kind != PROXYLIST_URL) break;
		struct mg_buf url = BUF_MAX(URL_MAX);
		upstream_redact(list.entries[i].url, &url);
		bool same = false;
		for (int k = 0; k < PROVENANCE_KINDS; k++)
			same |= known->artifact[k].present &&
				span_eq(buf_span(&url), span_of(known->artifact[k].origin));
		buf_deinit(&url);
		if (!same) continue;
		/* To the front, followed by the others in their order; a 404 there moves on. */
		struct proxylist_entry *entries = arena_alloc(j->arena, list.n * sizeof *entries);
		entries[0] = list.entries[i];
		for (size_t from = 0, to = 1; from < list.n; from++)
			if (from != i) entries[to++] = list.entries[from];
		list.entries = entries;
		break;
	}
	return list;
}

enum mg_code artifact_get(const struct job *j, const struct target *t, bool damaged, bool *asked,
			  struct mg_err *err)
{
	MG_ASSERT(!target_is_mutable(t->kind));
	*asked = false;
	struct mg_buf key = BUF_MAX(KEY_MAX);
	store_key(t, &key);
	const bool stored = is_stored(j, buf_cstr(&key), damaged, err);
	buf_deinit(&key);
	if (stored || adopt(j, t)) return MG_OK;
	if (origin_is_private(span_of(j->means->options->private), t->path))
		return err_set(
			err, MG_NOT_FOUND, MG_CAUSE_POLICY,
			"not stored; a private module (GOPRIVATE, GONOPROXY) is not asked of "
			"upstream proxies");

	struct provenance known;
	struct attempt a = { .j = j, .t = t };
	const enum mg_code recorded = provenance_read(j->means->store, t, &known, err);
	if (recorded == MG_OK) a.known = &known;
	/* An unreadable record is begun anew by the commit; a disk that fails is not. */
	if (recorded != MG_OK && recorded != MG_NOT_FOUND && recorded != MG_CORRUPT)
		return recorded;
	const struct proxylist list = order_of(j, a.known);
	return origin_walk(&list, visit, &a, asked, err);
}
