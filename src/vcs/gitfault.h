/* SPDX-License-Identifier: Apache-2.0 */
/* What git's complaints mean. Its words (LC_ALL=C) are read here and nowhere else; what is not known is a fault of
 * the remote, never an absence. Any thread. */
#ifndef VCS_GITFAULT_H
#define VCS_GITFAULT_H

#include "base/err.h"

/* Sets *err for a command that talked to the repository at url and exited with a status other than 0. MG_NOT_FOUND
 * only when the remote has said that there is no such repository; a login that is missing or wrong is MG_DENIED
 * (AUTH). MG_CORRUPT: the mirror is damaged, and a new one would do. */
enum mg_code gitfault_of_remote(struct mg_err *err, struct mg_span url, struct mg_span complaint,
				int status);
/* The same for one that only read the mirror: MG_CORRUPT, unless it was killed or the machine is at fault
 * (MG_UNAVAILABLE), or git refuses a path of the tree (MG_NOT_FOUND). */
enum mg_code gitfault_of_mirror(struct mg_err *err, struct mg_span complaint, int status);

#endif
