/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/artifact.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "fetch/ask.h"
#include "fetch/database.h"
#include "fetch/direct.h"
#include "fetch/landing.h"
#include "fetch/origin.h"
#include "fetch/proof.h"
#include "fetch/storedcopy.h"
#include "fetch/ziphash.h"
#include "gomod/info.h"
#include "gomod/modfile.h"
#include "gomod/modzip.h"
#include "store/athenstree.h"
#include "store/provenance.h"
#include "store/stage.h"
#include "vcs/vcs.h"

#define KEY_MAX  16384
#define URL_MAX  16384
#define INFO_MAX (1u << 20)
#define MOD_MAX  (16u << 20)
#define ZIP_MAX  524288000u

struct attempt {
	const struct job *j;
	const struct target *t;
	bool unreadable; /* what is stored cannot be read: it makes way when there is better */
	struct landing landing; /* of one origin after the other */
	/* Of a zip: its go.mod was hashed, as it is and with plain line ends; "": it has none. */
	bool mod_is_hashed;
	char mod_h1[DIRHASH_SIZE], plain_mod_h1[DIRHASH_SIZE];
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
	const enum mg_code rc = stage_read(st, 0, to, n, err);
	if (rc == MG_OK) out->n += n;
	return rc;
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

/* The bytes are served as they are; but what names no module is no go.mod to any go command: a login
 * page, an error in words, nothing at all (Athens after a power loss). */
static enum mg_code check_mod(const struct stage *st, struct provenance_artifact *out,
			      struct mg_err *err)
{
	struct mg_buf bytes = BUF_MAX(MOD_MAX + 1), path = BUF_MAX(MOD_MAX + 1);
	enum mg_code rc = read_staged(st, &bytes, err);
	if (rc == MG_OK) {
		const struct mg_span text = buf_span(&bytes);
		modfile_scan_path(text, &path);
		if (path.n == 0 || span_index(text, '\0') >= 0)
			rc = err_set(err, MG_CORRUPT, MG_CAUSE_UPSTREAM,
				     "the answer is no go.mod file: it names no module");
		dirhash_gomod(text, out->h1);
	}
	buf_deinit(&bytes);
	buf_deinit(&path);
	return rc;
}

static enum mg_code read_stage_at(void *arg, uint64_t offset, void *out, size_t n,
				  struct mg_err *err)
{
	return stage_read(arg, offset, out, n, err);
}

/* git archive may write CRLF where the .mod, read from the commit, has LF (eol=crlf in .gitattributes,
 * protocol §3.10): that is no difference. */
static void hash_mod(struct attempt *a, struct mg_span gomod)
{
	struct mg_buf plain = BUF_MAX(MODZIP_SPECIAL_MAX);
	for (size_t i = 0; i < gomod.n; i++)
		if (gomod.p[i] != '\r' || i + 1 == gomod.n || gomod.p[i + 1] != '\n')
			buf_append_char(&plain, gomod.p[i]);
	dirhash_gomod(gomod, a->mod_h1);
	dirhash_gomod(buf_span(&plain), a->plain_mod_h1);
	buf_deinit(&plain);
}

static enum mg_code read_zip(struct attempt *a, struct stage *st, struct provenance_artifact *out,
			     struct mg_err *err)
{
	const struct zipsource source = { .read_at = read_stage_at,
					  .arg = st,
					  .size = stage_size(st) };
	struct mg_buf gomod = BUF_MAX(MODZIP_SPECIAL_MAX);
	struct modzip_report report;
	a->mod_h1[0] = a->plain_mod_h1[0] = '\0';
	enum mg_code rc = modzip_check(&source, a->t->path, a->t->version, &gomod, &report, err);
	a->mod_is_hashed = rc == MG_OK;
	if (rc == MG_OK && report.has_gomod) hash_mod(a, buf_span(&gomod));
	if (rc == MG_OK) snprintf(out->h1, sizeof out->h1, "%s", report.h1);
	buf_deinit(&gomod);
	return rc;
}

/* A zip that was packed here has its h1 from the bytes that went into it, and obeys the rules by the way it was made
 * (vcs/gitarchive); nobody else had it in hands, so it is not unpacked again. */
static enum mg_code check_zip(struct attempt *a, struct stage *st, struct provenance_artifact *out,
			      struct mg_err *err)
{
	a->mod_is_hashed = false;
	return out->h1[0] != '\0' ? MG_OK : read_zip(a, st, out, err);
}

static enum mg_code check(struct attempt *a, struct stage *st, struct provenance_artifact *out,
			  struct mg_err *err)
{
	switch (provenance_kind_of(a->t->kind)) {
	case PROVENANCE_INFO:
		return check_info(a, st, err);
	case PROVENANCE_MOD:
		return check_mod(st, out, err);
	case PROVENANCE_ZIP:
		return check_zip(a, st, out, err);
	case PROVENANCE_KINDS:
		break;
	}
	MG_ASSERT(false && "no artifact");
	return MG_INTERNAL;
}

/* --- against what is known of the version --- */

static enum mg_code read_file_at(void *arg, uint64_t offset, void *out, size_t n,
				 struct mg_err *err)
{
	const struct store_file *f = arg;
	for (size_t done = 0; done < n;) {
		const ssize_t got =
			pread(f->fd, (char *)out + done, n - done, (off_t)(offset + done));
		if (got < 0 && errno == EINTR) continue;
		if (got <= 0) return err_errno(err, got < 0 ? errno : EIO, "reading a stored zip");
		done += (size_t)got;
	}
	return MG_OK;
}

/* The go.mod of the zip that is stored. What cannot be read disproves nothing. */
static void look_into_stored_zip(struct attempt *a)
{
	struct target zip;
	struct store_file file;
	struct mg_err err;
	a->mod_h1[0] = a->plain_mod_h1[0] = '\0';
	if (target_make(TARGET_ZIP, a->t->path, a->t->version, a->j->arena, &zip, &err) != MG_OK)
		return;
	struct mg_buf key = BUF_MAX(KEY_MAX), gomod = BUF_MAX(MODZIP_SPECIAL_MAX);
	store_key(&zip, &key);
	if (store_find(a->j->means->store, buf_cstr(&key), true, &file, &err) == STORE_HIT) {
		const struct zipsource source = { .read_at = read_file_at,
						  .arg = &file,
						  .size = file.size };
		struct modzip_report report;
		if (modzip_check(&source, zip.path, zip.version, &gomod, &report, &err) == MG_OK &&
		    report.has_gomod)
			hash_mod(a, buf_span(&gomod));
		close(file.fd);
	}
	buf_deinit(&key);
	buf_deinit(&gomod);
}

/* The .mod and the go.mod in the zip, when they come from two origins: those may disagree. What is proven
 * needs no second witness, and least of all a record that may be damaged. */
static enum mg_code check_same_mod(struct attempt *a, struct stage *st,
				   const struct provenance *known, struct provenance_artifact *now,
				   struct mg_err *err)
{
	const bool is_zip = a->t->kind == TARGET_ZIP;
	const struct provenance_artifact *other =
		&known->artifact[is_zip ? PROVENANCE_MOD : PROVENANCE_ZIP];
	if (a->t->kind == TARGET_INFO || !other->present ||
	    strcmp(other->origin, now->origin) == 0 || strcmp(now->verified, PROOF_SUMDB) == 0)
		return MG_OK;
	if (!is_zip) look_into_stored_zip(a);
	if (is_zip && !a->mod_is_hashed) {
		const enum mg_code rc = read_zip(a, st, now, err);
		if (rc != MG_OK) return rc;
	}
	const char *mod = is_zip ? other->h1 : now->h1;
	if (a->mod_h1[0] == '\0' || strcmp(a->mod_h1, mod) == 0 ||
	    strcmp(a->plain_mod_h1, mod) == 0)
		return MG_OK;
	return err_set(err, MG_CORRUPT, MG_CAUSE_PROOF,
		       "the zip's go.mod (%s) is not the .mod (%s); the one served before is from "
		       "%s: two upstreams disagree about this version",
		       a->mod_h1, mod, ask_name(other->origin));
}

/* First bytes win for ever: what was once recorded may come again, but not changed (T13, T14). */
static enum mg_code check_unchanged(const struct attempt *a, const struct provenance *known,
				    const struct provenance_artifact *now, struct mg_err *err)
{
	const struct provenance_artifact *then = &known->artifact[provenance_kind_of(a->t->kind)];
	if (!then->present || then->h1[0] == '\0' || strcmp(then->h1, now->h1) == 0) return MG_OK;
	/* What was taken on trust, or a record that was damaged, gives way to what is proven. */
	if (strcmp(now->verified, PROOF_SUMDB) == 0) return MG_OK;
	return err_set(
		err, MG_CORRUPT, MG_CAUSE_PROOF,
		"upstream now serves %s where %s was recorded from %s: re-tagged or altered; "
		"refused",
		now->h1, then->h1, ask_name(then->origin));
}

/* Holding the version's lock: its other artifacts may have come in while this one was on its way. */
static enum mg_code commit(struct attempt *a, struct stage **st,
			   struct provenance_artifact *artifact, struct mg_err *err)
{
	struct store *s = a->j->means->store;
	struct provenance known;
	pthread_mutex_lock(storedcopy_lock(a->t));
	enum mg_code rc = provenance_read(s, a->t, &known, err);
	if (rc == MG_OK) rc = check_unchanged(a, &known, artifact, err);
	if (rc == MG_OK) rc = check_same_mod(a, *st, &known, artifact, err);
	/* No record; an unreadable one is begun anew by the commit. */
	if (err->cause == MG_CAUSE_STORAGE && (rc == MG_NOT_FOUND || rc == MG_CORRUPT)) rc = MG_OK;
	if (rc == MG_OK && a->unreadable)
		rc = storedcopy_set_aside(a->j->means, a->t, "cannot be read", err);
	if (rc == MG_OK) rc = provenance_commit(s, a->t, st, artifact, err);
	pthread_mutex_unlock(storedcopy_lock(a->t));
	return rc;
}

/* --- one origin --- */

static enum mg_code prove(struct attempt *a, const struct proxylist_entry *proxy, struct stage *st,
			  struct provenance_artifact *artifact, struct mg_err *err)
{
	const struct zipsource zip = { read_stage_at, st, stage_size(st) };
	const struct proof_evidence evidence = { .proxy = proxy, .zip = &zip };
	return proof_check(a->j, a->t, &evidence, artifact, err);
}

static enum mg_code ask_proxy(struct attempt *a, const struct proxylist_entry *proxy,
			      struct mg_buf *from, bool *framed, struct mg_err *err)
{
	const struct upstream_sink sink = landing_sink(&a->landing);
	struct mg_buf url = BUF_MAX(URL_MAX);
	upstream_redact(proxy->url, from);
	origin_url(proxy, a->t, &url);
	const enum mg_code rc =
		ask_url(a->j, proxy, buf_span(&url), max_bytes[provenance_kind_of(a->t->kind)],
			&sink, framed, err);
	buf_deinit(&url);
	return rc;
}

static enum mg_code visit(void *arg, const struct proxylist_entry *proxy, struct mg_err *err);

/* The .info says which commit the version is: that of the first bytes, whatever its tag names later. */
static enum mg_code pin(struct attempt *a, const struct proxylist_entry *direct, struct mg_err *err)
{
	struct target info;
	struct store_file file;
	struct mg_buf key = BUF_MAX(KEY_MAX);
	enum mg_code rc =
		target_make(TARGET_INFO, a->t->path, a->t->version, a->j->arena, &info, err);
	if (rc != MG_OK || a->t->kind == TARGET_INFO) return rc;
	store_key(&info, &key);
	const enum store_find found =
		store_find(a->j->means->store, buf_cstr(&key), true, &file, err);
	if (found == STORE_HIT) close(file.fd);
	if (found == STORE_MISS) {
		struct attempt b = { .j = a->j, .t = &info };
		landing_init(&b.landing, a->j, &info);
		rc = visit(&b, direct, err);
		landing_deinit(&b.landing);
	} else if (found != STORE_HIT) {
		rc = err->code;
	}
	buf_deinit(&key);
	return rc;
}

/* May older rules make another zip of it? Packed here it has a hash; or these rules make none, but others may: what
 * lacks any version is found lacking by all. */
static bool may_be_older(enum mg_code rc, const char *h1)
{
	return rc == MG_NOT_FOUND || (rc == MG_OK && h1[0] != '\0');
}

/* What the checksum database has recorded of a public zip may have been packed by the rules of an older go
 * command: the first that give its hash are taken. */
static enum mg_code ask_repository_for_zip(struct attempt *a, struct mg_buf *from, bool *framed,
					   struct provenance_artifact *artifact, struct mg_err *err)
{
	const struct upstream_sink sink = landing_sink(&a->landing);
	const struct job_means *m = a->j->means;
	struct lookup_sums sums;
	struct mg_err unknown;
	char *const h1 = artifact->h1;
	const bool recorded = proof_is_due(m, a->t->path) &&
			      database_lookup(m->database, a->j, a->t->path, a->t->version, &sums,
					      &unknown) == MG_OK;
	enum mg_code rc = direct_get(a->j, a->t, 0, &sink, from, framed, h1, err);
	if (!recorded || !may_be_older(rc, h1) || strcmp(h1, sums.zip) == 0) return rc;
	for (unsigned rules = 1; rules < VCS_ZIP_RULES; rules++) {
		buf_clear(from);
		rc = direct_get(a->j, a->t, rules, &sink, from, framed, h1, err);
		if (!may_be_older(rc, h1)) return rc;
		if (rc != MG_OK || strcmp(h1, sums.zip) != 0) continue;
		snprintf(artifact->rules, sizeof artifact->rules, "%s", vcs_zip_rules_name(rules));
		return MG_OK;
	}
	/* Whatever is said of it now is to be said of what go makes of it today. */
	buf_clear(from);
	return direct_get(a->j, a->t, 0, &sink, from, framed, h1, err);
}

static enum mg_code ask_repository(struct attempt *a, const struct proxylist_entry *direct,
				   struct mg_buf *from, bool *framed,
				   struct provenance_artifact *artifact, struct mg_err *err)
{
	const struct upstream_sink sink = landing_sink(&a->landing);
	const enum mg_code rc = pin(a, direct, err);
	if (rc != MG_OK) return rc;
	if (a->t->kind == TARGET_ZIP) return ask_repository_for_zip(a, from, framed, artifact, err);
	return direct_get(a->j, a->t, 0, &sink, from, framed, NULL, err);
}

static enum mg_code visit(void *arg, const struct proxylist_entry *proxy, struct mg_err *err)
{
	struct attempt *a = arg;
	struct landing *l = &a->landing;
	struct mg_buf from = BUF_MAX(URL_MAX);
	struct provenance_artifact artifact = { .present = true, .verified = "none" };
	bool framed = false;
	enum mg_code rc = landing_begin(l, err);
	if (rc != MG_OK) goto out;
	rc = proxy->kind == PROXYLIST_DIRECT
		     ? ask_repository(a, proxy, &from, &framed, &artifact, err)
		     : ask_proxy(a, proxy, &from, &framed, err);
	snprintf(artifact.origin, sizeof artifact.origin, "%.*s", SPAN_ARG(buf_span(&from)));
	/* The other kinds show it themselves when they are cut. */
	if (rc == MG_OK && !framed && a->t->kind == TARGET_MOD)
		rc = err_set(err, MG_UNAVAILABLE, MG_CAUSE_HTTP,
			     "%.120s sends a .mod without its length: it may be cut",
			     ask_name(artifact.origin));
	if (rc != MG_OK) goto out;
	artifact.fetched_s = clock_wall_s();
	rc = landing_finish(l, err);
	if (rc == MG_OK) rc = check(a, l->stage, &artifact, err);
	if (rc == MG_CORRUPT && err->cause == MG_CAUSE_UPSTREAM)
		proof_blame_broken(a->j, a->t, &artifact, err);
	/* A mismatch names the origin itself; that the database cannot be asked is not its fault. */
	bool named = rc == MG_OK;
	if (rc == MG_OK) rc = prove(a, proxy, l->stage, &artifact, err);
	named &= rc != MG_OK;
	if (rc == MG_OK) rc = commit(a, &l->stage, &artifact, err);
	if (rc != MG_OK && !named && err->cause != MG_CAUSE_STORAGE)
		rc = err_wrap(err, "%.120s sent a bad answer", ask_name(artifact.origin));
	if (rc != MG_OK)
		landing_reject(l, err);
	else if (a->t->kind == TARGET_ZIP)
		ziphash_put(a->j->means->store, a->t, artifact.h1);
out:
	buf_deinit(&from);
	return rc;
}

/* --- the whole --- */

/* From an Athens tree. MG_NOT_FOUND: it is not there, or of no use. */
static enum mg_code adopt(const struct job *j, const struct target *t, struct mg_err *err)
{
	pthread_mutex_lock(storedcopy_lock(t));
	enum mg_code rc = athenstree_adopt(j->means->store, t, err);
	pthread_mutex_unlock(storedcopy_lock(t));
	if (rc != MG_OK && rc != MG_NOT_FOUND) {
		struct mg_buf name = BUF_MAX(KEY_MAX);
		target_name(t, &name);
		log_warn("not adopted from Athens", LOG_SP("target", buf_span(&name)),
			 LOG_S("reason", err->text));
		buf_deinit(&name);
	}
	return rc == MG_CORRUPT ? MG_NOT_FOUND : rc;
}

/* All artifacts of a version come from one origin: the one on record is asked first. */
static struct proxylist order_of(const struct job *j, struct proxylist list,
				 const struct provenance *known)
{
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
		/* Who would have been asked after any failure of those before is not held to less. */
		entries[0].any_error |= list.entries[i - 1].any_error;
		for (size_t from = 0, to = 1; from < list.n; from++)
			if (from != i) entries[to++] = list.entries[from];
		list.entries = entries;
		break;
	}
	return list;
}

static enum mg_code ask_origins(struct attempt *a, bool *asked, struct mg_err *err)
{
	const struct job *j = a->j;
	const struct proxylist all =
		origin_list(&j->means->origins, span_of(j->means->options->private), a->t->path);
	struct provenance known;
	const enum mg_code recorded = provenance_read(j->means->store, a->t, &known, err);
	/* An unreadable record is begun anew by the commit; a disk that fails is not. */
	if (recorded != MG_OK && recorded != MG_NOT_FOUND && recorded != MG_CORRUPT)
		return recorded;
	const struct proxylist list = order_of(j, all, recorded == MG_OK ? &known : NULL);
	return origin_walk(&list, j->means->direct != NULL, visit, a, asked, err);
}

/* From an Athens tree, proven. MG_NOT_FOUND: it is not there, or of no use. */
static enum mg_code adopt_proven(const struct job *j, const struct target *t, struct mg_err *err)
{
	bool gone = false;
	enum mg_code rc = adopt(j, t, err);
	if (rc == MG_OK) rc = storedcopy_prove(j, t, &gone, err);
	return gone ? MG_NOT_FOUND : rc;
}

/* What has lost its record may still be what the checksum database has recorded. */
static bool may_be_proven(const struct job *j, const struct target *t, enum storedcopy stored)
{
	return stored == STOREDCOPY_GOOD ||
	       (stored == STOREDCOPY_UNPROVEN && t->kind != TARGET_INFO &&
		proof_is_due(j->means, t->path));
}

enum mg_code artifact_get(const struct job *j, const struct target *t, bool damaged, bool *asked,
			  struct mg_err *err)
{
	MG_ASSERT(!target_is_mutable(t->kind));
	*asked = false;
	/* What is wrong with the stored copy: it is gone then, or the disk has it and cannot give it. */
	struct mg_err trouble = { 0 };
	enum storedcopy stored = STOREDCOPY_NONE;
	enum mg_code rc = storedcopy_look(j, t, damaged, &stored, &trouble);
	if (rc == MG_OK && stored == STOREDCOPY_GOOD && (j->flags & TICKET_UNPROVEN) == 0)
		return MG_OK;
	if (rc == MG_OK && may_be_proven(j, t, stored)) {
		bool gone = false;
		rc = storedcopy_prove(j, t, &gone, &trouble);
		if (rc == MG_OK && !gone) return MG_OK;
		/* Where its record cannot be read the same bytes from an origin give it another. */
		const bool unreadable = rc == MG_CORRUPT && trouble.cause == MG_CAUSE_STORAGE;
		if (unreadable) stored = STOREDCOPY_UNPROVEN;
		if (gone) stored = STOREDCOPY_NONE;
		if (gone || stored == STOREDCOPY_UNPROVEN) rc = MG_OK;
	}
	if (rc != MG_OK) {
		*err = trouble;
		return rc;
	}
	bool faulty = stored == STOREDCOPY_UNPROVEN || stored == STOREDCOPY_UNREADABLE;
	if (!faulty) {
		struct mg_err athens;
		rc = adopt_proven(j, t, &athens);
		if (rc == MG_OK) return MG_OK;
		faulty = rc != MG_NOT_FOUND;
		if (faulty) trouble = athens;
	}
	struct attempt a = { .j = j, .t = t, .unreadable = stored == STOREDCOPY_UNREADABLE };
	landing_init(&a.landing, j, t);
	rc = ask_origins(&a, asked, err);
	landing_deinit(&a.landing);
	if (rc == MG_OK || rc == MG_CANCELED) return rc;
	if (faulty) {
		/* What an origin lacks may well be stored: the disk, not the origin, is what failed. */
		*asked = false;
		*err = trouble;
		if (err->code == MG_NOT_FOUND) err->code = MG_UNAVAILABLE;
	} else if (trouble.text[0] != '\0') {
		struct mg_err now = *err;
		err_set(err, rc, now.cause, "%.320s; it is set aside; %s", trouble.text, now.text);
	}
	return err->code;
}
