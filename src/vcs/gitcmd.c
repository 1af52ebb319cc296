/* SPDX-License-Identifier: Apache-2.0 */
#include "vcs/gitcmd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"

#define TICK_MS       200 /* how often a cancel is looked for */
#define COMPLAINT_MAX 4096
#define WORDS_MAX     128 /* of arguments, and of the environment */
#define FILES_MAX     1024
#define MEMORY_MAX    ((uint64_t)2 << 30) /* bytes, but for files that are mapped */

struct gitcmd {
	pid_t pid; /* and its group; 0: reaped */
	int pidfd;
	int in, out, errors; /* our ends; -1: closed */
	const struct cancel *cancel;
	uint32_t limit_ms;
	uint64_t deadline_ms;
	uint64_t output_left;
	size_t complaint_n;
	char complaint[COMPLAINT_MAX];
};

/* What no repository and no file of this machine may decide. Of what is written only the packs must survive power
 * loss: an object that vanished would pass for one that never was, all else is found to be damaged. Packs are kept as
 * they come, and big files stay out of memory. */
static const char *const fixed_config[] = {
	"core.hooksPath=/dev/null",     "core.attributesFile=/dev/null",
	"core.fsmonitor=false",         "core.fsync=pack,pack-metadata",
	"core.bigFileThreshold=16m",    "core.warnAmbiguousRefs=false",
	"credential.helper=",           "gc.auto=0",
	"maintenance.auto=false",       "fetch.recurseSubmodules=false",
	"submodule.recurse=false",      "fetch.unpackLimit=1",
	"fetch.writeCommitGraph=false", "protocol.version=2",
	"http.followRedirects=false",   "http.lowSpeedLimit=1000",
	"http.lowSpeedTime=30",
};

/* HOME is no folder, so that neither git nor the libraries it uses find a file of theirs there. */
static const char *const fixed_env[] = {
	"PATH=/usr/bin:/bin:/usr/local/bin",
	"HOME=/dev/null",
	"XDG_CONFIG_HOME=/dev/null",
	"LC_ALL=C",
	"TZ=UTC",
	"GIT_CONFIG_NOSYSTEM=1",
	"GIT_CONFIG_SYSTEM=/dev/null",
	"GIT_CONFIG_GLOBAL=/dev/null",
	"GIT_ATTR_NOSYSTEM=1",
	"GIT_ASKPASS=/bin/false",
	"SSH_ASKPASS=/bin/false",
	"GIT_TERMINAL_PROMPT=0",
	"GCM_INTERACTIVE=never",
	"GIT_NO_REPLACE_OBJECTS=1",
	"GIT_OPTIONAL_LOCKS=0",
	"GIT_LITERAL_PATHSPECS=1",
	"GIT_SSH_VARIANT=ssh",
	"GIT_FLUSH=1",
};

/* The way out of this network, and who vouches for servers, is the machine's to say. */
static const char *const kept_env[] = {
	"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy",
	"ALL_PROXY",  "no_proxy",    "NO_PROXY",    "GIT_SSL_CAINFO",
};

struct words {
	const char *v[WORDS_MAX];
	size_t n;
	struct mg_buf text; /* of those that are made here */
};

static void add_word(struct words *w, const char *word)
{
	MG_ASSERT(w->n + 1 < WORDS_MAX);
	w->v[w->n++] = word;
	w->v[w->n] = NULL;
}

/* NAME=value, kept until the words are freed. The buffer has its room from the start, so that no word moves. */
static void add_pair(struct words *w, const char *name, const char *value)
{
	size_t at = w->text.n;

	buf_printf(&w->text, "%s=%s", name, value);
	buf_append_char(&w->text, '\0');
	MG_ASSERT(!buf_failed(&w->text));
	add_word(w, w->text.p + at);
}

static size_t pair_room(const char *name, const char *value)
{
	return value == NULL ? 0 : strlen(name) + strlen(value) + 3;
}

static void build_args(const struct gitcmd_spec *spec, struct words *w)
{
	add_word(w, "git");
	for (size_t i = 0; i < sizeof fixed_config / sizeof fixed_config[0]; i++) {
		add_word(w, "-c");
		add_word(w, fixed_config[i]);
	}
	for (const char *const *c = spec->config; c != NULL && *c != NULL; c++) {
		add_word(w, "-c");
		add_word(w, *c);
	}
	for (const char *const *a = spec->args; *a != NULL; a++)
		add_word(w, *a);
}

static bool is_given(char *const *env, const char *name)
{
	const size_t n = strlen(name);

	for (; env != NULL && *env != NULL; env++)
		if (strncmp(*env, name, n) == 0 && (*env)[n] == '=') return true;
	return false;
}

static void build_env(const struct gitcmd_spec *spec, struct words *w)
{
	const char *protocols = spec->protocols != NULL ? spec->protocols : "";
	size_t room = 64 + strlen(spec->folder) + strlen(protocols);

	for (size_t i = 0; i < sizeof kept_env / sizeof kept_env[0]; i++)
		room += pair_room(kept_env[i], getenv(kept_env[i]));
	w->text = BUF_MAX(room);
	MG_ASSERT(buf_reserve(&w->text, room) != NULL);
	for (size_t i = 0; i < sizeof fixed_env / sizeof fixed_env[0]; i++)
		add_word(w, fixed_env[i]);
	add_pair(w, "GIT_DIR", spec->folder);
	/* Set and empty it allows nothing. */
	add_pair(w, "GIT_ALLOW_PROTOCOL", protocols);
	for (size_t i = 0; i < sizeof kept_env / sizeof kept_env[0]; i++) {
		const char *value = getenv(kept_env[i]);
		/* Of two of one name git sees the first; what our settings say goes before the machine's. */
		if (value != NULL && *protocols != '\0' && !is_given(spec->env, kept_env[i]))
			add_pair(w, kept_env[i], value);
	}
	for (char *const *e = spec->env; e != NULL && *e != NULL; e++)
		add_word(w, *e);
}

/* ---- the child's side ---- */

static void limit(int what, uint64_t most)
{
	struct rlimit now, want = { .rlim_cur = most, .rlim_max = most };

	if (getrlimit(what, &now) == 0 && now.rlim_max < most)
		want = (struct rlimit){ .rlim_cur = now.rlim_max, .rlim_max = now.rlim_max };
	setrlimit(what, &want);
}

/* Between vfork and exec the memory is the parent's: nothing but system calls here, and only locals change. */
static __attribute__((noinline)) int become_git(const struct gitcmd_spec *spec, char *const *args,
						char *const *env, const int fds[3], pid_t parent)
{
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		if (i != SIGKILL && i != SIGSTOP) signal(i, SIG_DFL);
	if (setpgid(0, 0) != 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return errno;
	if (getppid() != parent) return ECANCELED;
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_NOFILE, FILES_MAX);
	limit(RLIMIT_FSIZE, spec->write_max);
	limit(RLIMIT_DATA, MEMORY_MAX);
	if (chdir(spec->folder) != 0) return errno;
	/* The three are above 2, each an own descriptor. */
	for (int i = 0; i < 3; i++)
		if (dup2(fds[i], i) < 0) return errno;
	if (syscall(SYS_close_range, 3u, ~0u, CLOSE_RANGE_CLOEXEC) != 0) return errno;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno;
	if (spec->ruleset >= 0 && syscall(SYS_landlock_restrict_self, spec->ruleset, 0u) != 0)
		return errno;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execve(spec->git, args, env);
	return errno;
}

/* Signals are blocked meanwhile, so that no handler of ours runs on the memory that both share. vfork, because
 * fork copies the page tables of a process with hundreds of threads' worth of memory for nothing. */
static pid_t launch(const struct gitcmd_spec *spec, const int fds[3], int *why)
{
	struct words args = { .n = 0 }, env = { .n = 0 };
	sigset_t all, before;
	pid_t parent = getpid();
	volatile int failure = 0;

	build_args(spec, &args);
	build_env(spec, &env);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	char *const *argv = (char *const *)(uintptr_t)args.v;
	char *const *envp = (char *const *)(uintptr_t)env.v;
	/* The analyzer allows nothing but exec after it; Linux allows system calls. */
	pid_t pid = vfork(); /* NOLINT(clang-analyzer-security.insecureAPI.vfork) */
	if (pid == 0) {
		/* NOLINTNEXTLINE(clang-analyzer-unix.Vfork) */
		failure = become_git(spec, argv, envp, fds, parent);
		_exit(127);
	}
	*why = pid < 0 ? errno : failure;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	buf_deinit(&args.text);
	buf_deinit(&env.text);
	if (pid > 0 && *why != 0) {
		waitpid(pid, NULL, 0);
		pid = -1;
	}
	return pid;
}

/* ---- ours ---- */

static void shut(int *fd)
{
	if (*fd >= 0) close(*fd);
	*fd = -1;
}

/* A pipe whose ends are all above 2. */
static bool make_pipe(int ends[2])
{
	if (pipe2(ends, O_CLOEXEC) != 0) return false;
	for (int i = 0; i < 2; i++) {
		if (ends[i] > 2) continue;
		int moved = fcntl(ends[i], F_DUPFD_CLOEXEC, 3);
		close(ends[i]);
		ends[i] = moved;
		if (moved < 0) return false;
	}
	return true;
}

static bool make_pipes(const struct gitcmd_spec *spec, int in[2], int out[2], int errors[2])
{
	if (spec->talks) {
		if (!make_pipe(in)) return false;
	} else if ((in[0] = open("/dev/null", O_RDONLY | O_CLOEXEC)) < 0) {
		return false;
	} else if (in[0] <= 2) {
		int moved = fcntl(in[0], F_DUPFD_CLOEXEC, 3);
		close(in[0]);
		if ((in[0] = moved) < 0) return false;
	}
	return make_pipe(out) && make_pipe(errors);
}

enum mg_code gitcmd_start(const struct gitcmd_spec *spec, struct gitcmd **out, struct mg_err *err)
{
	int in[2] = { -1, -1 }, answers[2] = { -1, -1 }, errors[2] = { -1, -1 }, why = 0;
	struct gitcmd *c = NULL;
	pid_t pid = -1;

	if (cancel_is_set(spec->cancel))
		return err_set(err, MG_CANCELED, MG_CAUSE_NONE, "nobody waits for it any more");
	if (make_pipes(spec, in, answers, errors)) {
		const int theirs[3] = { in[0], answers[1], errors[1] };
		pid = launch(spec, theirs, &why);
	} else {
		why = errno;
	}
	shut(&in[0]);
	shut(&answers[1]);
	shut(&errors[1]);
	if (pid < 0) {
		shut(&in[1]);
		shut(&answers[0]);
		shut(&errors[0]);
		err_errno(err, why, "the git program %s could not be started", spec->git);
		if (err != NULL) err->code = MG_UNAVAILABLE;
		return MG_UNAVAILABLE;
	}
	c = check_calloc(1, sizeof *c);
	c->pid = pid;
	c->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	c->in = in[1];
	c->out = answers[0];
	c->errors = errors[0];
	c->cancel = spec->cancel;
	c->limit_ms = spec->limit_ms;
	c->deadline_ms = clock_mono_ms() + spec->limit_ms;
	c->output_left = spec->output_max;
	fcntl(c->errors, F_SETFL, O_NONBLOCK);
	fcntl(c->out, F_SETFL, O_NONBLOCK);
	if (c->in >= 0) fcntl(c->in, F_SETFL, O_NONBLOCK);
	if (c->pidfd < 0) {
		err_errno(err, errno, "the git program cannot be watched");
		gitcmd_end(&c);
		if (err != NULL) err->code = MG_UNAVAILABLE;
		return MG_UNAVAILABLE;
	}
	*out = c;
	return MG_OK;
}

/* What stands on its standard error; of more than there is room for, the end. */
static void take_complaint(struct gitcmd *c)
{
	for (;;) {
		if (c->complaint_n == sizeof c->complaint) {
			memmove(c->complaint, c->complaint + sizeof c->complaint / 2,
				sizeof c->complaint / 2);
			c->complaint_n = sizeof c->complaint / 2;
		}
		ssize_t n = read(c->errors, c->complaint + c->complaint_n,
				 sizeof c->complaint - c->complaint_n);
		if (n < 0 && errno == EINTR) continue;
		if (n == 0) shut(&c->errors);
		if (n <= 0) return;
		c->complaint_n += (size_t)n;
	}
}

/* Waits until fd is ready, taking standard error meanwhile. */
static enum mg_code await(struct gitcmd *c, int fd, short events, struct mg_err *err)
{
	for (;;) {
		struct pollfd p[2] = { { .fd = fd, .events = events },
				       { .fd = c->errors, .events = POLLIN } };
		uint64_t now = clock_mono_ms();

		if (cancel_is_set(c->cancel))
			return err_set(err, MG_CANCELED, MG_CAUSE_NONE,
				       "nobody waits for it any more");
		if (now >= c->deadline_ms)
			return err_set(err, MG_TIMEOUT, MG_CAUSE_VCS, "git took longer than %u s",
				       c->limit_ms / 1000);
		uint64_t left = c->deadline_ms - now;
		int n = poll(p, 2, (int)(left < TICK_MS ? left : TICK_MS));
		if (n < 0 && errno != EINTR)
			return err_errno(err, errno, "git cannot be waited for");
		if (n <= 0) continue;
		if (c->errors >= 0 && p[1].revents != 0) take_complaint(c);
		if (p[0].revents != 0) return MG_OK;
	}
}

enum mg_code gitcmd_send(struct gitcmd *c, struct mg_span bytes, struct mg_err *err)
{
	c->deadline_ms = clock_mono_ms() + c->limit_ms;
	while (bytes.n > 0) {
		ssize_t n = write(c->in, bytes.p, bytes.n);
		if (n >= 0) {
			bytes = span_from(bytes, (size_t)n);
			continue;
		}
		if (errno == EINTR) continue;
		if (errno != EAGAIN)
			return err_set(err, MG_UNAVAILABLE, MG_CAUSE_VCS,
				       "git ended before its work");
		enum mg_code code = await(c, c->in, POLLOUT, err);
		if (code != MG_OK) return code;
	}
	return MG_OK;
}

void gitcmd_send_end(struct gitcmd *c)
{
	shut(&c->in);
}

enum mg_code gitcmd_read(struct gitcmd *c, void *to, size_t n, size_t *got, struct mg_err *err)
{
	for (;;) {
		/* Also when bytes come all the time the cancel is heard. */
		if (cancel_is_set(c->cancel))
			return err_set(err, MG_CANCELED, MG_CAUSE_NONE,
				       "nobody waits for it any more");
		ssize_t r = read(c->out, to, n);
		if (r >= 0) {
			if ((uint64_t)r > c->output_left)
				return err_set(err, MG_CORRUPT, MG_CAUSE_VCS,
					       "git writes more than it may");
			c->output_left -= (uint64_t)r;
			*got = (size_t)r;
			return MG_OK;
		}
		if (errno == EINTR) continue;
		if (errno != EAGAIN) return err_errno(err, errno, "git cannot be read");
		enum mg_code code = await(c, c->out, POLLIN, err);
		if (code != MG_OK) return code;
	}
}

/* The group goes while its leader is not yet reaped, so that the number is still its own. Whom the leader has
 * left behind are our children then (PR_SET_CHILD_SUBREAPER), still of that group. */
static int reap(struct gitcmd *c)
{
	int status = 0;
	pid_t got;

	kill(-c->pid, SIGKILL);
	do
		got = waitpid(c->pid, &status, 0);
	while (got < 0 && errno == EINTR);
	do
		got = waitpid(-c->pid, NULL, 0);
	while (got > 0 || (got < 0 && errno == EINTR));
	c->pid = 0;
	return status;
}

enum mg_code gitcmd_wait(struct gitcmd *c, int *status, struct mg_err *err)
{
	MG_ASSERT(c->pid != 0);
	shut(&c->in);
	shut(&c->out);
	enum mg_code code = await(c, c->pidfd, POLLIN, err);
	if (code != MG_OK) return code;
	int how = reap(c);
	if (c->errors >= 0) take_complaint(c);
	*status = WIFEXITED(how) ? WEXITSTATUS(how) : 128 + WTERMSIG(how);
	return MG_OK;
}

struct mg_span gitcmd_complaint(const struct gitcmd *c)
{
	return span_make(c->complaint, c->complaint_n);
}

void gitcmd_end(struct gitcmd **cp)
{
	struct gitcmd *c = *cp;

	if (c == NULL) return;
	*cp = NULL;
	shut(&c->in);
	shut(&c->out);
	if (c->pid != 0) reap(c);
	shut(&c->errors);
	shut(&c->pidfd);
	free(c);
}

enum mg_code gitcmd_run(const struct gitcmd_spec *spec,
			enum mg_code (*take)(void *arg, struct mg_span piece, struct mg_err *err),
			void *arg, int *status, struct mg_buf *complaint, struct mg_err *err)
{
	struct gitcmd *c = NULL;
	enum {
		PIECE = 65536
	};
	char *piece = check_malloc(PIECE);
	size_t got = 1;

	enum mg_code code = gitcmd_start(spec, &c, err);
	while (code == MG_OK && got > 0) {
		code = gitcmd_read(c, piece, PIECE, &got, err);
		if (code == MG_OK && got > 0 && take != NULL)
			code = take(arg, span_make(piece, got), err);
	}
	if (code == MG_OK) code = gitcmd_wait(c, status, err);
	if (c != NULL && complaint != NULL) buf_append(complaint, gitcmd_complaint(c));
	gitcmd_end(&c);
	free(piece);
	return code;
}
