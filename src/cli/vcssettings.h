/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold of the settings about private modules, repositories and webhooks. */
#ifndef CLI_VCSSETTINGS_H
#define CLI_VCSSETTINGS_H

#include "cli/draft.h"

/* Notes every mistake: files of secrets that are missing or open to others, items that mean nothing, patterns that
 * match nothing. A host whose secret is missing is a warning. */
void vcssettings_check(struct draft *d);
/* May a repository be asked for: are there private patterns, or `direct` in the list of upstreams? */
bool vcssettings_in_use(const struct settings *s);

#endif
