/* SPDX-License-Identifier: Apache-2.0 */
/* Confines this process to the files and calls its role needs: Landlock for paths, TCP and signals
 * (whatever of it the kernel has), seccomp for system calls. Before any thread is started: both bind
 * the calling thread and those it makes. */
#ifndef CLI_SANDBOX_H
#define CLI_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

struct sandbox_rules {
	const char *const
		*readable; /* directories and files, with all below; missing ones are skipped */
	size_t readable_n;
	const char *const *writable; /* the same; readable too */
	size_t writable_n;
	bool may_connect; /* outgoing TCP */
	bool may_exec;    /* the system's programs */
};

/* Besides the rules, what libc and OpenSSL read is readable (/usr, /lib, /etc/ssl, …).
 * Returns the Landlock ABI in force, 0 when the kernel has none. */
int sandbox_paths(const struct sandbox_rules *rules);
/* The same for children that exec: a descriptor that each puts on itself (landlock_restrict_self) between fork and
 * exec, beside what binds its parent. Before sandbox_paths. -1 when the kernel has no Landlock. */
int sandbox_ruleset(const struct sandbox_rules *rules);
/* Refuses (EPERM, logged by the kernel) the calls no role needs: exec, ptrace, mounts, io_uring, bpf,
 * keys and the like. only_reads: also new sockets, changes of files that need no open descriptor, and
 * signals to others, of which older kernels' Landlock knows nothing. may_exec: exec is not refused. False when the kernel, or this
 * build, has no seccomp. Needs no_new_privs. */
bool sandbox_calls(bool only_reads, bool may_exec);

#endif
