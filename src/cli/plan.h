/* SPDX-License-Identifier: Apache-2.0 */
/* What one generation of processes runs on: settings that hold together, the listening sockets they name,
 * and the settings as the children are given them. Made by the supervisor at start, and again at each reload.
 * Blocks for a moment: files are read. */
#ifndef CLI_PLAN_H
#define CLI_PLAN_H

#include "cli/draft.h"
#include "cli/handover.h"
#include "cli/sockets.h"
#include "cli/tlsfiles.h"

struct plan {
	struct draft draft;
	struct sockets sockets;
	int front_fd, fetch_fd; /* sealed memory: the settings without and with secrets */
	struct tlsfiles tls;    /* bundle_fd -1: no TLS */
	bool same_tls;          /* those of the plan before: nothing about them is set otherwise */
	uint64_t tls_stamp;     /* of the files they were read from (cli/tlsfiles.h) */
	unsigned workers;       /* of a front */
};

/* Where settings come from: what does not change while the program runs. */
struct plan_source {
	char *const *args; /* flags */
	char *const *envp;
	const struct sockets *given; /* opened by the service manager */
	const struct handover *left; /* by a supervisor before us; its channel may be -1 */
};

/* Reads everything anew, checks it, and opens what is not open yet. before: the plan in force, whose sockets
 * stay and of which some things cannot change; NULL at start, when what was left takes its place, and the log begins as
 * they say. Never NULL: with errors in the draft it is
 * good for nothing but telling them. */
struct plan *plan_make(const struct plan_source *from, const struct plan *before);
/* It comes into force after one that had these sockets: names in the file system that it does not have go, those that
 * it has get the modes it wants. */
void plan_take_over(const struct plan *p, const struct sockets *before);
/* What is wrong with it, for people, in one line. */
void plan_errors(const struct plan *p, struct mg_buf *out);
void plan_free(struct plan **p);
/* The same for one that will not be in force, or not any more: the names in the file system go that it made,
 * but for those of another one (may be NULL). */
void plan_discard(struct plan **p, const struct sockets *other);
/* Names of the settings whose values differ, joined by ", ", for people; each goes to the log with both. */
void plan_log_changes(const struct plan *before, const struct plan *after, struct mg_buf *names);

#endif
