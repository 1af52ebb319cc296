/* SPDX-License-Identifier: Apache-2.0 */
/* A child process that runs this same binary. It dies with the thread that started it (the parent's
 * loop thread: PR_SET_PDEATHSIG is per thread), it inherits only descriptors it was given, and its end
 * is told on the loop. Restarting is the caller's decision. Parent side: the loop's thread only. */
#ifndef LOOP_CHILD_H
#define LOOP_CHILD_H

#include "loop/loop.h"

#include <stddef.h>
#include <sys/types.h>

struct child;

/* The parent's descriptor `from` is the child's descriptor `to` (3 or more, each once). */
struct child_fd {
	int from, to;
};

struct child_spec {
	const char *const *argv;    /* NULL-terminated; argv[0] is what ps shows */
	const struct child_fd *fds; /* besides 0, 1 and 2, which are inherited as they are */
	size_t fd_count;
	const char *program; /* NULL: this same binary */
	char *const *envp;   /* NULL: ours */
	bool outlives;       /* it does not die with the thread that started it */
};

/* wait_status as of waitpid(2): WIFEXITED and so on. The child is reaped; the owner frees the handle
 * (may do it here). */
typedef void child_exit_fn(void *arg, int wait_status);

/* Returns when the new program image runs (about a millisecond). NULL with errno when there is no
 * process; then nothing is called. The environment is inherited; signal mask and dispositions are
 * reset to the defaults (SIGPIPE stays ignored). */
struct child *child_spawn(struct loop *l, const struct child_spec *spec, child_exit_fn *on_exit,
			  void *arg);
pid_t child_pid(const struct child *c);
/* Sends a signal; nothing happens once the child has ended, so a reused pid is never hit. */
void child_signal(struct child *c, int signum);
/* It goes on without us: frees the handle, on_exit is not called. */
void child_leave(struct child **c);
/* Kills (SIGKILL) and reaps a child that still runs. on_exit is not called. */
void child_free(struct child **c);

/* For the child's main: names the process (comm, at most 15 characters) and ties its life to the
 * parent's. To be called again after the user id was changed: the kernel forgets the tie then. */
void child_begin(const char *name);

#endif
