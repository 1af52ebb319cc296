/* SPDX-License-Identifier: Apache-2.0 */
/* An Athens disk store whose root is also modgate's: MODULE/VERSION/{go.mod,source.zip,VERSION.info},
 * names as they are, not escaped. Read where it lies, and adopted artifact by artifact as they are
 * asked for; Athens' files are never changed. The first part of a module path has a dot, the store's
 * own folders have none, so the two trees do not meet. Functions block; any thread. */
#ifndef STORE_ATHENSTREE_H
#define STORE_ATHENSTREE_H

#include "store/store.h"

/* The canonical versions, no pseudo-versions, that have a zip there; one a line, sorted; appended.
 * MG_NOT_FOUND: the module is not in the tree. */
MG_CHECK enum mg_code athenstree_versions(struct store *s, struct mg_span path, struct mg_buf *out,
					  struct mg_err *err);
/* Checks the artifact t (INFO, MOD or ZIP; asserted) and commits it to the store (open for writing). MG_OK: the store has it now, or
 * had it already. MG_NOT_FOUND: Athens has none. MG_CORRUPT: it fails the checks (Athens is known to
 * keep empty files after a power loss): ask an upstream. Callers serialise per version. */
MG_CHECK enum mg_code athenstree_adopt(struct store *s, const struct target *t, struct mg_err *err);

#endif
