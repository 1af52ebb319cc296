/* SPDX-License-Identifier: Apache-2.0 */
/* Where the bytes of one version came from and what they hash to: one small JSON file a version
 * ("…/@v/<eversion>.provenance"), primary data, written durably *before* its artifact so that a
 * stored artifact always has a record to be checked against. */
#ifndef STORE_PROVENANCE_H
#define STORE_PROVENANCE_H

#include "store/store.h"

enum provenance_kind {
	PROVENANCE_INFO,
	PROVENANCE_MOD,
	PROVENANCE_ZIP,
	PROVENANCE_KINDS
};

struct provenance_artifact {
	bool present;
	uint8_t sha256[32];
	uint64_t size;
	char h1[64];       /* dirhash for mod and zip; "" for info */
	char origin[256];  /* redacted base URL, "import", "athens" */
	char verified[16]; /* how: "sumdb", "exempt", "unasked", "none" (fetch/proof.h) */
	char by[12];       /* "sumdb": by which, the hash of its key; else "" */
	char rules[48];    /* zip packed here: by which older rules; else "" */
	int64_t fetched_s; /* wall clock */
};

struct provenance {
	int64_t first_seen_s;
	struct provenance_artifact artifact[PROVENANCE_KINDS];
};

#define PROVENANCE_MAX 8192 /* bytes of the file */

void provenance_key(const struct target *t, struct mg_buf *out);
/* From and to the text of the file of t's version. MG_CORRUPT: it is no such record, or names another
 * version (those of older stores name none). No I/O. */
MG_CHECK enum mg_code provenance_parse(struct mg_span text, const struct target *t,
				       struct provenance *out, struct mg_err *err);
void provenance_print(const struct provenance *p, const struct target *t, struct mg_buf *out);
/* Does a record's text, as provenance_print writes it, say that artifact t has these bytes? Far
 * cheaper than a parse. False says nothing: parse it. *verified and *by are parts of text. */
bool provenance_says(struct mg_span text, const struct target *t, const uint8_t sha256[32],
		     uint64_t size, struct mg_span *verified, struct mg_span *by);
/* The artifact slot of a target kind; INFO, MOD and ZIP only (asserted). */
enum provenance_kind provenance_kind_of(enum target_kind kind);
/* MG_NOT_FOUND when there is none; MG_CORRUPT when it cannot be parsed. may_block as store_find:
 * MG_UNAVAILABLE "would block" never occurs with true. */
MG_CHECK enum mg_code provenance_read(struct store *s, const struct target *t,
				      struct provenance *out, struct mg_err *err);
/* Sets one artifact's record, keeping the others; durable on MG_OK. Callers serialise per version.
 * A record that cannot be parsed is quarantined and begun anew. */
MG_CHECK enum mg_code provenance_record(struct store *s, const struct target *t,
					const struct provenance_artifact *artifact,
					struct mg_err *err);
/* The way an artifact enters the store: record first, then the bytes; on MG_OK *st is NULL. Size and
 * SHA-256 of *artifact are filled in from the stage. If the artifact is there already and its record
 * agrees with its size, the first bytes win and the stage is dropped (MG_OK); one without a record is
 * given one if its bytes are the same as the stage's, and quarantined if they are not; what is damaged
 * is quarantined. Callers serialise per version. */
MG_CHECK enum mg_code provenance_commit(struct store *s, const struct target *t, struct stage **st,
					struct provenance_artifact *artifact, struct mg_err *err);

#endif
