/* SPDX-License-Identifier: Apache-2.0 */
/* kill_at PID N [NAME]: kills the process when any of its threads begins the Nth system call from now (of
 * that name; NAME+: the one that the same thread begins after it), before that call does anything. Prints "ready" when it counts, and at the end "killed NAME"
 * or, when standard input has ended before, "counted ALL NAME=K NAME=K ...", and lets go of the process. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define OPTIONS   (PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE)
#define CALL_STOP (SIGTRAP | 0x80)

static struct {
	long number;
	const char *name;
	uint64_t counted;
} calls[] = {
	{ SYS_openat, "openat", 0 },
	{ SYS_openat2, "openat2", 0 },
	{ SYS_pwrite64, "pwrite64", 0 },
	{ SYS_fsync, "fsync", 0 },
	{ SYS_linkat, "linkat", 0 },
	{ SYS_renameat, "renameat", 0 },
	{ SYS_unlinkat, "unlinkat", 0 },
	{ SYS_mkdirat, "mkdirat", 0 },
	{ SYS_pread64, "pread64", 0 },
	{ SYS_preadv2, "preadv2", 0 },
	{ SYS_close, "close", 0 },
	{ SYS_recvfrom, "recvfrom", 0 },
	{ SYS_sendto, "sendto", 0 },
	{ SYS_recvmsg, "recvmsg", 0 },
	{ SYS_sendmsg, "sendmsg", 0 },
	{ SYS_futex, "futex", 0 },
	{ -1, "other", 0 }, /* the last one takes what no other is */
};

#define CALLS (sizeof calls / sizeof calls[0])

static pid_t pid;
static uint64_t wanted, counted;
static const char *only; /* NULL: calls of any name */
static size_t only_n;
static bool next;     /* not at the call, but at the one after */
static pid_t reached; /* the thread that has come to it */

static size_t which(uint64_t number)
{
	size_t i = 0;
	while (i < CALLS - 1 && (uint64_t)calls[i].number != number)
		i++;
	return i;
}

static _Noreturn void say(const char *what, const char *name)
{
	printf("%s %s\n", what, name);
	fflush(stdout);
	_exit(0);
}

static void on_call(pid_t thread)
{
	struct __ptrace_syscall_info info;
	if (ptrace(PTRACE_GET_SYSCALL_INFO, thread, sizeof info, &info) <= 0) return;
	if (info.op != PTRACE_SYSCALL_INFO_ENTRY) return;
	const size_t i = which(info.entry.nr);
	calls[i].counted++;
	if (thread != reached) {
		if (only != NULL &&
		    (strncmp(only, calls[i].name, only_n) != 0 || calls[i].name[only_n] != '\0'))
			return;
		if (++counted != wanted) return;
		reached = thread;
		if (next) return;
	}
	kill(pid, SIGKILL);
	say("killed", calls[i].name);
}

static void on_stop(pid_t thread, int status)
{
	if (WIFEXITED(status) || WIFSIGNALED(status)) {
		if (thread == pid) say("counted", "all: it has ended");
		return;
	}
	int number = WSTOPSIG(status);
	if (number == CALL_STOP) {
		on_call(thread);
		number = 0;
	} else if (status >> 16 != 0) {
		number = 0; /* an event of ptrace, not a signal */
	}
	ptrace(PTRACE_SYSCALL, thread, NULL, (void *)(intptr_t)number);
}

/* Threads may be started while we look: again until a round finds none that is new. */
static void take_all(void)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%ld/task", (long)pid);
	for (int fresh = 1; fresh > 0;) {
		fresh = 0;
		DIR *d = opendir(path);
		if (d == NULL) say("counted", "none: no such process");
		for (struct dirent *e; (e = readdir(d)) != NULL;) {
			const pid_t thread = (pid_t)strtol(e->d_name, NULL, 10);
			if (thread <= 0 ||
			    ptrace(PTRACE_SEIZE, thread, NULL, (void *)(intptr_t)OPTIONS) != 0)
				continue; /* EPERM: it is ours already */
			ptrace(PTRACE_INTERRUPT, thread, NULL, NULL);
			fresh++;
		}
		closedir(d);
	}
}

int main(int argc, char **argv)
{
	if (argc < 3 || argc > 4) return 2;
	pid = (pid_t)strtol(argv[1], NULL, 10);
	wanted = strtoull(argv[2], NULL, 10);
	only = argv[3];
	only_n = only != NULL ? strcspn(only, "+") : 0;
	next = only != NULL && only[only_n] == '+';
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	struct pollfd fds[] = {
		{ .fd = 0, .events = POLLIN },
		{ .fd = signalfd(-1, &set, SFD_CLOEXEC), .events = POLLIN },
	};
	take_all();
	puts("ready");
	fflush(stdout);
	for (;;) {
		struct signalfd_siginfo taken;
		int status;
		for (pid_t t; (t = waitpid(-1, &status, __WALL | WNOHANG)) > 0;)
			on_stop(t, status);
		if (poll(fds, 2, -1) < 0 && errno != EINTR) return 1;
		if (fds[0].revents != 0) break;
		if (fds[1].revents != 0 && read(fds[1].fd, &taken, sizeof taken) < 0) return 1;
	}
	printf("counted %" PRIu64, counted);
	for (size_t i = 0; i < CALLS; i++)
		printf(" %s=%" PRIu64, calls[i].name, calls[i].counted);
	putchar('\n');
	return 0;
}
