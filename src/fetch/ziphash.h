/* SPDX-License-Identifier: Apache-2.0 */
/* The .ziphash beside a stored zip, as Go's own cache has it: for those who use the folder without us.
 * Derived from the record, and believed by nobody here. Any thread; calls block. */
#ifndef FETCH_ZIPHASH_H
#define FETCH_ZIPHASH_H

#include "gomod/target.h"
#include "store/store.h"

/* zip: of kind ZIP. A failure is logged, and no more. */
void ziphash_put(struct store *s, const struct target *zip, const char *h1);
/* Puts it if something else stands there, or nothing. True: something else. */
bool ziphash_mend(struct store *s, const struct target *zip, const char *h1);

#endif
