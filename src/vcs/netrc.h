/* SPDX-License-Identifier: Apache-2.0 */
/* The text of a netrc file, as the go command reads it. Pure functions, any thread. */
#ifndef VCS_NETRC_H
#define VCS_NETRC_H

#include "base/span.h"

/* The first complete entry for the machine, which is "host" or "host:port" as it stands there. Entries named
 * "default" are never used. Spans of text. */
bool netrc_find(struct mg_span text, struct mg_span machine, struct mg_span *login,
		struct mg_span *password);

#endif
