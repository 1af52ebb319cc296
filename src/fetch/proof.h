/* SPDX-License-Identifier: Apache-2.0 */
/* Promise 1: a public .mod or .zip is complete only when its hash is the one that the checksum database
 * has recorded. Any thread; calls block. */
#ifndef FETCH_PROOF_H
#define FETCH_PROOF_H

#include "fetch/job.h"
#include "gomod/proxylist.h"
#include "gomod/zipsource.h"
#include "store/provenance.h"
#include "sumdb/lookup.h"

/* What a record's "verified" says. */
#define PROOF_NONE    "none"    /* nobody was asked */
#define PROOF_SUMDB   "sumdb"   /* it is what a checksum database has recorded; "by" says which */
#define PROOF_EXEMPT  "exempt"  /* under GONOSUMDB or GOPRIVATE */
#define PROOF_UNASKED "unasked" /* the database could not be asked, and sumdb is when-reachable */

/* Is this module's version to be proven? Toolchains always are (protocol §7). */
bool proof_is_due(const struct job_means *m, struct mg_span path);
/* Does its record say that it is? What another database has proven is not. There is a database. */
bool proof_is_recorded(const struct job_means *m, const struct provenance_artifact *record);

/* What was received, for the search of a mismatch's cause. */
struct proof_evidence {
	const struct proxylist_entry *proxy;
	const struct zipsource *zip; /* ZIP only */
};

/* Sets artifact->verified of a MOD or ZIP (INFO has no hash: MG_OK). MG_CORRUPT, PROOF: its h1 is not
 * what is recorded; the text says why, as far as can be found out: "re-tagged upstream", "altered on the
 * way", "built by other zip rules". MG_DENIED, PROOF: the database does not know the version.
 * MG_UNAVAILABLE and others: it could not be asked. */
MG_CHECK enum mg_code proof_check(const struct job *j, const struct target *t,
				  const struct proof_evidence *evidence,
				  struct provenance_artifact *artifact, struct mg_err *err);
/* What was received is no go.mod or no zip at all (*err says why): says whether somebody on the way is to
 * blame. */
void proof_blame_broken(const struct job *j, const struct target *t,
			const struct provenance_artifact *artifact, struct mg_err *err);
/* What the database says of something that is stored. */
struct proof_word {
	bool again; /* also of what has a proof on record */
	bool asked;
	enum mg_code code; /* the rest is of this question */
	struct lookup_sums sums;
	struct mg_err err;
};

/* Asks, if it is due. That may take its time: before the version's lock is taken. */
void proof_ask(const struct job *j, const struct target *t, bool again, struct proof_word *out);
/* The same proof for what is stored without one; its record says so afterwards. *differs: the stored
 * bytes are not what is recorded (MG_CORRUPT, PROOF). MG_NOT_FOUND: it has no record. Does not ask
 * anybody; the caller holds the version's lock. */
MG_CHECK enum mg_code proof_stored(const struct job *j, const struct target *t,
				   const struct proof_word *word, bool *differs,
				   struct mg_err *err);

#endif
