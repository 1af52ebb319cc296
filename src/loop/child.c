/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"

#define CHILD_FDS_MAX 256

struct child {
	pid_t pid;
	int pidfd; /* readable when the process has ended; -1 when it is reaped */
	struct loop_io *io;
	child_exit_fn *on_exit;
	void *arg;
};

static void reset_signals(void)
{
	sigset_t none;

	/* Before the mask is opened: libuv's handlers would write into the parent's pipes. */
	for (int i = 1; i < NSIG; i++)
		if (i != SIGPIPE && i != SIGKILL && i != SIGSTOP) signal(i, SIG_DFL);
	sigemptyset(&none);
	pthread_sigmask(SIG_SETMASK, &none, NULL);
}

/* Gives the child its descriptors under their new numbers and marks all others close-on-exec.
 * In two steps, through numbers above all targets, because the two sets may overlap. */
static bool map_fds(const struct child_spec *spec, int *report_fd)
{
	int moved[CHILD_FDS_MAX], above = 3;

	for (size_t i = 0; i < spec->fd_count; i++)
		if (spec->fds[i].to >= above) above = spec->fds[i].to + 1;
	for (size_t i = 0; i < spec->fd_count; i++)
		if ((moved[i] = fcntl(spec->fds[i].from, F_DUPFD, above)) < 0) return false;
	if ((*report_fd = fcntl(*report_fd, F_DUPFD, above)) < 0) return false;
	if (syscall(SYS_close_range, 3u, ~0u, CLOSE_RANGE_CLOEXEC) != 0) return false;
	for (size_t i = 0; i < spec->fd_count; i++)
		if (dup2(moved[i], spec->fds[i].to) < 0) return false;
	return true;
}

/* Between fork and exec only async-signal-safe calls: other threads' locks may be held for ever. */
static _Noreturn void become_child(const struct child_spec *spec, int report_fd, pid_t parent)
{
	reset_signals();
	if (!spec->outlives) prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == parent && map_fds(spec, &report_fd))
		execve(spec->program != NULL ? spec->program : "/proc/self/exe",
		       (char *const *)(uintptr_t)spec->argv,
		       spec->envp != NULL ? spec->envp : environ);
	int why = errno;
	ssize_t unused = write(report_fd, &why, sizeof why);
	(void)unused;
	_exit(127);
}

/* The errno of a child that could not start; 0 once the new image runs (the pipe closes by exec). */
static int read_report(int fd)
{
	int why = 0;
	ssize_t n;

	do
		n = read(fd, &why, sizeof why);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof why ? why : 0;
}

static int reap(struct child *c)
{
	int status = 0;
	pid_t got;

	do
		got = waitpid(c->pid, &status, 0);
	while (got < 0 && errno == EINTR);
	loop_io_free(&c->io);
	close(c->pidfd);
	c->pidfd = -1;
	return status;
}

static void on_ended(void *arg, unsigned events)
{
	struct child *c = arg;

	c->on_exit(c->arg, reap(c));
}

struct child *child_spawn(struct loop *l, const struct child_spec *spec, child_exit_fn *on_exit,
			  void *arg)
{
	int report[2] = { -1, -1 };
	sigset_t all, before;
	pid_t parent = getpid();

	MG_ASSERT(spec->fd_count <= CHILD_FDS_MAX);
	if (pipe2(report, O_CLOEXEC) != 0) return NULL;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid_t pid = fork();
	if (pid == 0) become_child(spec, report[1], parent);
	int why = errno;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	close(report[1]);
	if (pid > 0) why = read_report(report[0]);
	close(report[0]);

	int pidfd = -1;
	if (pid > 0 && why == 0) {
		/* Not reaped before this, so the pid is still that process's. */
		pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
		if (pidfd < 0) why = errno;
	}
	if (pidfd < 0) {
		if (pid > 0) {
			kill(pid, SIGKILL);
			waitpid(pid, NULL, 0);
		}
		errno = why;
		return NULL;
	}

	struct child *c = check_calloc(1, sizeof *c);
	c->pid = pid;
	c->pidfd = pidfd;
	c->on_exit = on_exit;
	c->arg = arg;
	c->io = loop_io_new(l, pidfd, on_ended, c);
	loop_io_want(c->io, LOOP_READ);
	return c;
}

pid_t child_pid(const struct child *c)
{
	return c->pid;
}

void child_signal(struct child *c, int signum)
{
	if (c->pidfd >= 0) kill(c->pid, signum);
}

void child_leave(struct child **cp)
{
	struct child *c = *cp;

	if (c == NULL) return;
	*cp = NULL;
	loop_io_free(&c->io);
	if (c->pidfd >= 0) close(c->pidfd);
	free(c);
}

void child_free(struct child **cp)
{
	struct child *c = *cp;

	if (c == NULL) return;
	*cp = NULL;
	if (c->pidfd >= 0) {
		kill(c->pid, SIGKILL);
		reap(c);
	}
	free(c);
}

void child_begin(const char *name)
{
	prctl(PR_SET_NAME, name);
	/* The parent may have died since it was last tied; then no signal will come. */
	static pid_t parent;
	if (parent == 0) parent = getppid();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent) _exit(1);
}
