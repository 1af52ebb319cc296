/* SPDX-License-Identifier: Apache-2.0 */
/* Why bytes are not those that the checksum database has recorded: the question that a developer asks
 * next. Found out by a second look at the same origin. Any thread; calls block. */
#ifndef FETCH_VERDICT_H
#define FETCH_VERDICT_H

#include "fetch/proof.h"
#include "sumdb/lookup.h"

/* artifact is what was received, of another h1 than sums says. *err becomes MG_CORRUPT, PROOF, with the
 * verdict first:
 *   "built by other zip rules"  the same content, but for files that other rules leave out
 *   "altered on the way"        the origin does not stand by these bytes: asked again it sends others,
 *                               or its other artifact of this version is the recorded one
 *   "re-tagged upstream"        the origin means it: its content of this version has changed */
void verdict_mismatch(const struct job *j, const struct target *t,
		      const struct proof_evidence *evidence,
		      const struct provenance_artifact *artifact, const struct lookup_sums *sums,
		      struct mg_err *err);
/* "first seen 2026-11-23T09:15:00Z" or "first seen now", for such texts. */
void verdict_first_seen(const struct job *j, const struct target *t, char *out, size_t n);

#endif
