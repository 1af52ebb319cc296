/* SPDX-License-Identifier: Apache-2.0 */
/* Notices when the files of the tls settings change, and takes them when they fit together: what does not is
 * refused with an error in the log, and what was served before is served on. */
#ifndef CLI_TLSWATCH_H
#define CLI_TLSWATCH_H

#include "cli/tlsfiles.h"
#include "loop/loop.h"

struct tlswatch;

/* The descriptors become those of whom it is told. */
typedef void tlswatch_fn(void *arg, const struct tlsfiles *files);

/* The settings outlive it. taken: tlsfiles_stamp before what is served was read. */
struct tlswatch *tlswatch_new(struct loop *l, const struct settings *s, uint64_t taken,
			      tlswatch_fn *on_change, void *arg);
/* The same files by another copy of the settings, which outlives it from now on. */
void tlswatch_look_at(struct tlswatch *w, const struct settings *s);
void tlswatch_free(struct tlswatch **w);
/* Looks now, and says what is wrong (SIGHUP). */
void tlswatch_reload(struct tlswatch *w);

#endif
