/* SPDX-License-Identifier: Apache-2.0 */
/* What is to be got ahead, as people name it: a go.mod, a go.sum, MODULE@VERSION. No I/O. */
#ifndef CLI_WISHLIST_H
#define CLI_WISHLIST_H

#include "fetch/errand.h"

/* A go.mod's requirements, as its replace lines have them (those by a folder are left out): .info, .mod
 * and .zip of each. MG_INVALID: what is wrong, and in which line. */
MG_CHECK enum mg_code wishlist_gomod(struct errand *e, struct mg_span text, struct mg_err *err);
/* A go.sum's lines: of "/go.mod" lines the .mod alone. MG_INVALID as above. */
MG_CHECK enum mg_code wishlist_gosum(struct errand *e, struct mg_span text, struct mg_err *err);
/* MODULE@VERSION, the version canonical. */
MG_CHECK enum mg_code wishlist_module(struct errand *e, struct mg_span word, struct mg_err *err);

#endif
