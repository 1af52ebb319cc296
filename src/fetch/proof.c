/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/proof.h"

#include <stdio.h>

#include "base/log.h"
#include "fetch/ask.h"
#include "fetch/database.h"
#include "fetch/origin.h"
#include "fetch/verdict.h"
#include "record/metrics.h"

#define NAME_MAX_BYTES 16384

bool proof_is_due(const struct job_means *m, struct mg_span path)
{
	return m->database != NULL && !origin_is_exempt(span_of(m->options->nosumdb), path);
}

static void mark(struct provenance_artifact *a, const char *verified)
{
	snprintf(a->verified, sizeof a->verified, "%s", verified);
	a->by[0] = '\0';
}

static void mark_proven(const struct job_means *m, struct provenance_artifact *a)
{
	mark(a, PROOF_SUMDB);
	snprintf(a->by, sizeof a->by, "%08x", database_key(m->database)->hash);
}

bool proof_is_recorded(const struct job_means *m, const struct provenance_artifact *record)
{
	struct provenance_artifact proven;
	mark_proven(m, &proven);
	return strcmp(record->verified, proven.verified) == 0 && strcmp(record->by, proven.by) == 0;
}

static void count(enum metrics_proof result)
{
	metrics_add(METRICS_PROVED + result, 1);
}

static void log_refusal(const struct target *t, const struct provenance_artifact *a,
			const struct mg_err *err)
{
	struct mg_buf name = BUF_MAX(NAME_MAX_BYTES);
	target_name(t, &name);
	count(METRICS_PROOF_MISMATCH);
	log_error("not what the checksum database has recorded", LOG_SP("target", buf_span(&name)),
		  LOG_S("kind", target_kind_name(t->kind)), LOG_S("received", a->h1),
		  LOG_S("origin", a->origin), LOG_S("reason", err->text));
	buf_deinit(&name);
}

/* The database did not say. */
static enum mg_code unproven(const struct job *j, const struct target *t,
			     struct provenance_artifact *artifact, struct mg_err *err)
{
	const char *db = database_name(j->means->database);
	if (err->code != MG_CANCELED)
		count(err->code == MG_NOT_FOUND ? METRICS_PROOF_UNKNOWN
						: METRICS_PROOF_UNREACHABLE);
	if (err->code == MG_NOT_FOUND) {
		struct mg_err why = *err;
		return err_set(
			err, MG_DENIED, MG_CAUSE_PROOF,
			"the checksum database %s does not know this version (%.150s); if it "
			"is private, name it in GOPRIVATE or GONOSUMDB",
			db, why.text);
	}
	const bool silent = err->cause != MG_CAUSE_STORAGE &&
			    (err->code == MG_UNAVAILABLE || err->code == MG_TIMEOUT);
	if (!silent || j->means->options->sumdb == FETCH_SUMDB_REQUIRED) {
		const enum mg_code rc = err_wrap(err, "not proven by %s", db);
		if (err->cause != MG_CAUSE_STORAGE) err->cause = MG_CAUSE_PROOF;
		return rc;
	}
	struct mg_buf name = BUF_MAX(NAME_MAX_BYTES);
	target_name(t, &name);
	log_warn("taken without proof (sumdb: when-reachable)", LOG_SP("target", buf_span(&name)),
		 LOG_S("reason", err->text));
	buf_deinit(&name);
	mark(artifact, PROOF_UNASKED);
	return MG_OK;
}

static const char *recorded_hash(const struct target *t, const struct lookup_sums *sums)
{
	return t->kind == TARGET_ZIP ? sums->zip : sums->mod;
}

enum mg_code proof_check(const struct job *j, const struct target *t,
			 const struct proof_evidence *evidence,
			 struct provenance_artifact *artifact, struct mg_err *err)
{
	struct lookup_sums sums;
	const bool exempt = j->means->database != NULL && t->kind != TARGET_INFO;
	mark(artifact, exempt ? PROOF_EXEMPT : PROOF_NONE);
	if (t->kind == TARGET_INFO) return MG_OK;
	if (!proof_is_due(j->means, t->path)) {
		if (exempt) count(METRICS_PROOF_EXEMPT);
		return MG_OK;
	}
	if (database_lookup(j->means->database, j, t->path, t->version, &sums, err) != MG_OK)
		return unproven(j, t, artifact, err);
	if (strcmp(artifact->h1, recorded_hash(t, &sums)) == 0) {
		count(METRICS_PROOF_PROVEN);
		mark_proven(j->means, artifact);
		return MG_OK;
	}
	/* Second looks are for who asks: a .mod would cost a zip. */
	if (j->guess)
		return err_set(err, MG_CANCELED, MG_CAUSE_PROOF,
			       "not what the checksum database has recorded");
	verdict_mismatch(j, t, evidence, artifact, &sums, err);
	log_refusal(t, artifact, err);
	return err->code;
}

void proof_blame_broken(const struct job *j, const struct target *t,
			const struct provenance_artifact *artifact, struct mg_err *err)
{
	struct lookup_sums sums;
	struct mg_err none, why = *err;
	char seen[40];
	if (t->kind == TARGET_INFO || j->guess || !proof_is_due(j->means, t->path)) return;
	if (database_lookup(j->means->database, j, t->path, t->version, &sums, &none) != MG_OK)
		return;
	verdict_first_seen(j, t, seen, sizeof seen);
	/* A database never records what is no module, so the origin once had better bytes. */
	err_set(err, MG_CORRUPT, MG_CAUSE_PROOF,
		"altered on the way: %s has recorded %s, and this is no such file (%.160s); %s",
		database_name(j->means->database), recorded_hash(t, &sums), why.text, seen);
	log_refusal(t, artifact, err);
}

void proof_ask(const struct job *j, const struct target *t, bool again, struct proof_word *out)
{
	struct provenance known;
	struct mg_err none;
	*out = (struct proof_word){ .again = again };
	if (t->kind == TARGET_INFO || !proof_is_due(j->means, t->path)) return;
	const struct provenance_artifact *a = &known.artifact[provenance_kind_of(t->kind)];
	if (!again && provenance_read(j->means->store, t, &known, &none) == MG_OK && a->present &&
	    proof_is_recorded(j->means, a))
		return;
	out->asked = true;
	out->code =
		database_lookup(j->means->database, j, t->path, t->version, &out->sums, &out->err);
}

enum mg_code proof_stored(const struct job *j, const struct target *t,
			  const struct proof_word *word, bool *differs, struct mg_err *err)
{
	struct provenance known;
	*differs = false;
	if (t->kind == TARGET_INFO || !proof_is_due(j->means, t->path)) return MG_OK;
	enum mg_code rc = provenance_read(j->means->store, t, &known, err);
	if (rc != MG_OK) return rc;
	struct provenance_artifact *a = &known.artifact[provenance_kind_of(t->kind)];
	if (!a->present) return err_set(err, MG_NOT_FOUND, MG_CAUSE_STORAGE, "no record");
	const bool recorded = proof_is_recorded(j->means, a);
	if (recorded && !word->again) return MG_OK;
	if (!word->asked)
		return err_set(err, MG_UNAVAILABLE, MG_CAUSE_STORAGE,
			       "its record changed while it was looked at; try again");
	if (word->code != MG_OK) {
		const bool known_unasked = strcmp(a->verified, PROOF_UNASKED) == 0;
		*err = word->err;
		rc = unproven(j, t, a, err);
		if (rc != MG_OK || recorded || known_unasked) return rc;
		return provenance_record(j->means->store, t, a, err);
	}
	*differs = strcmp(a->h1, recorded_hash(t, &word->sums)) != 0;
	if (*differs) {
		char seen[40];
		verdict_first_seen(j, t, seen, sizeof seen);
		err_set(err, MG_CORRUPT, MG_CAUSE_PROOF,
			"corrupt store: the stored copy (from %.80s) is %s where %s has recorded "
			"%s; %s",
			ask_name(a->origin), a->h1, database_name(j->means->database),
			recorded_hash(t, &word->sums), seen);
		log_refusal(t, a, err);
		return err->code;
	}
	count(METRICS_PROOF_PROVEN);
	if (recorded) return MG_OK;
	mark_proven(j->means, a);
	return provenance_record(j->means->store, t, a, err);
}
