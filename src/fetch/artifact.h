/* SPDX-License-Identifier: Apache-2.0 */
/* The immutable artifacts of a version: .info, .mod, .zip. Each is got, checked and committed by
 * itself. Blocks; lane thread. */
#ifndef FETCH_ARTIFACT_H
#define FETCH_ARTIFACT_H

#include "fetch/job.h"

/* Brings the artifact t (INFO, MOD or ZIP; asserted) into the store, if it is not there already:
 * from an Athens tree in the store's root, else from the origins. damaged: the stored copy failed its
 * check; it is quarantined first. *asked as origin_walk. */
MG_CHECK enum mg_code artifact_get(const struct job *j, const struct target *t, bool damaged,
				   bool *asked, struct mg_err *err);

#endif
