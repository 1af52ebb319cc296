/* SPDX-License-Identifier: Apache-2.0 */
/* The socket over which a running supervisor is told what to do, STORE/supervisor.sock, for its own user and
 * root. One line asks, a single word: nothing that comes here names a file or a program. One line answers:
 * "ok TEXT" or "failed TEXT". */
#ifndef CLI_STEERING_H
#define CLI_STEERING_H

#include "base/err.h"
#include "base/span.h"
#include "loop/loop.h"

struct steering;

/* A line has come; steering_answer is called for it, here or later. No other comes until then. */
typedef void steering_line_fn(void *arg, struct mg_span line);

/* Listens from now on; what an earlier supervisor listened on is replaced. NULL with *err. */
struct steering *steering_new(struct loop *l, const char *store, steering_line_fn *fn, void *arg,
			      struct mg_err *err);
/* To who asked; nothing happens if nobody did, or has gone. */
void steering_answer(struct steering *s, bool ok, const char *text);
/* The name goes, unless another supervisor has replaced it. */
void steering_free(struct steering **s);

/* For commands: sends the line to the supervisor on this store, waits for its answer and prints it. An exit
 * code. */
int steering_ask(const char *store, const char *command, const char *line);

#endif
