/* SPDX-License-Identifier: Apache-2.0 */
/* The layer of the go command's own settings (go.dev/ref/mod#environment-variables): GOPROXY and its
 * kin from the environment, else from the user's go/env file ($GOENV), else from $GOROOT/go.env. */
#ifndef CLI_GOSETTINGS_H
#define CLI_GOSETTINGS_H

#include "cli/draft.h"

/* Sets those of d's settings that have a go_name. Reads files, starts no process. */
void gosettings_apply(struct draft *d, char *const *envp);
/* The user's go/env file as the go command finds it; NULL: none. It need not exist. */
const char *gosettings_user_file(struct arena *a, char *const *envp);

#endif
