/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the value of every setting: flags over environment over modgate.yaml over the go command's
 * own settings over what an earlier run kept over defaults. */
#ifndef CLI_SETTINGS_LOAD_H
#define CLI_SETTINGS_LOAD_H

#include "cli/draft.h"

/* args: what follows the subcommand, flags only. The draft must be fresh (draft_init). Afterwards
 * d->errors says whether the settings can be used; the notes say why not. Reads files, writes none. */
void settings_load(struct draft *d, char *const *args, char *const *envp);

#endif
