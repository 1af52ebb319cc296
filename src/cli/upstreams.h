/* SPDX-License-Identifier: Apache-2.0 */
/* Settles which upstreams are asked: takes modgate's own addresses out of the GOPROXY list (a developer
 * who points go at modgate must not make modgate its own upstream), falls back to what an earlier run
 * used, and says how to set it when nothing does. */
#ifndef CLI_UPSTREAMS_H
#define CLI_UPSTREAMS_H

#include "cli/draft.h"

/* Puts the list to use into d's goproxy. Notes tell what was left out; an ERROR note when nothing is
 * left. Reads the store, writes nothing. */
void upstreams_settle(struct draft *d);
/* Does this URL name one of our listening addresses? Compares port and host: as written, loopback,
 * an address or the name of this machine. No name is looked up. */
bool upstreams_is_ours(struct mg_span url, const struct settings_list *listen);

#endif
