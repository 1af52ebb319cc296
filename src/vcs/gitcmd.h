/* SPDX-License-Identifier: Apache-2.0 */
/* One run of the git program as a child of a lane thread: nothing of our environment, no configuration but
 * what is given here, no hooks, prompts, submodules or redirects, limits on time, output and what it writes,
 * a process group of its own that ends with it. The calling thread feeds it, reads it and waits; the child
 * dies with that thread. A cancel is heard within 200 ms, and then nothing of the group is left. Several
 * children may run at once, each used by one thread at a time. */
#ifndef VCS_GITCMD_H
#define VCS_GITCMD_H

#include "base/buf.h"
#include "base/err.h"
#include "loop/cancel.h"

#include <stdbool.h>
#include <stdint.h>

struct gitcmd;

struct gitcmd_spec {
	const char *git;         /* the program's absolute path */
	const char *folder;      /* GIT_DIR, and where it runs; must exist */
	const char *const *args; /* the command and its arguments, up to a NULL */
	/* "name=value" of the configuration besides ours, up to a NULL; seen by every user of the machine. NULL:
	 * none. */
	const char *const *config;
	char *const *
		env; /* what the environment has besides ours, up to a NULL; may be secret. NULL: none */
	const char *protocols;       /* GIT_ALLOW_PROTOCOL; NULL: none, it stays off the network */
	const struct cancel *cancel; /* NULL: none */
	int ruleset;                 /* Landlock, which the child puts on itself; -1: none */
	bool talks;          /* it reads its standard input (gitcmd_send); else that is empty */
	uint32_t limit_ms;   /* from start, or from the last gitcmd_send, to the end */
	uint64_t output_max; /* bytes of its standard output; more is MG_CORRUPT */
	uint64_t write_max;  /* bytes of any one file it writes */
};

/* MG_UNAVAILABLE (STORAGE) when there is no process to be had. */
MG_CHECK enum mg_code gitcmd_start(const struct gitcmd_spec *spec, struct gitcmd **out,
				   struct mg_err *err);
/* Writes to its standard input; the answer to what was sent before must have been read. */
MG_CHECK enum mg_code gitcmd_send(struct gitcmd *c, struct mg_span bytes, struct mg_err *err);
/* The end of its standard input. */
void gitcmd_send_end(struct gitcmd *c);
/* Reads what there is of its standard output, at most n bytes: *got is 0 at the end of it. MG_TIMEOUT,
 * MG_CANCELED, MG_CORRUPT (over output_max): the child is to be ended. */
MG_CHECK enum mg_code gitcmd_read(struct gitcmd *c, void *to, size_t n, size_t *got,
				  struct mg_err *err);
/* Waits for it to exit by itself: *status is its exit status, or 128 and the signal that ended it. Its output
 * must have been read to the end. */
MG_CHECK enum mg_code gitcmd_wait(struct gitcmd *c, int *status, struct mg_err *err);
/* The end of what it has written to its standard error so far; after gitcmd_wait, of all. */
struct mg_span gitcmd_complaint(const struct gitcmd *c);
/* Kills what still runs of it, reaps, and frees; fine on NULL. */
void gitcmd_end(struct gitcmd **c);

/* All of the above: each piece of output goes to take (which may be NULL; any result but MG_OK ends the run with
 * it). complaint (may be NULL) gets the end of standard error. MG_OK whatever the exit status. */
MG_CHECK enum mg_code gitcmd_run(const struct gitcmd_spec *spec,
				 enum mg_code (*take)(void *arg, struct mg_span piece,
						      struct mg_err *err),
				 void *arg, int *status, struct mg_buf *complaint,
				 struct mg_err *err);

#endif
