/* SPDX-License-Identifier: Apache-2.0 */
/* The settings files of the go command: the user's go/env and $GOROOT/go.env. Any thread. */
#ifndef GOMOD_GOENV_H
#define GOMOD_GOENV_H

#include "base/span.h"

/* The value key has in a file of that content: what stands behind "=" to the line's end, unquoted and
 * untrimmed; the last line wins. False when there is none. *out is a part of file. */
bool goenv_get(struct mg_span file, const char *key, struct mg_span *out);

#endif
