/* SPDX-License-Identifier: Apache-2.0 */
/* The machinery of children, with a shell in git's place: it gets git's arguments and ignores them. */
#include "vcs/gitcmd.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"

static char folder[] = "/tmp/gitcmd_test.XXXXXX";
static char program[64];

static void write_script(const char *text)
{
	FILE *f = fopen(program, "w");

	fprintf(f, "#!/bin/sh\n%s", text);
	fclose(f);
	chmod(program, 0700);
}

static struct gitcmd_spec spec_of(const char *script)
{
	static const char *const args[] = { "say", NULL };

	write_script(script);
	return (struct gitcmd_spec){ .git = program,
				     .folder = folder,
				     .args = args,
				     .ruleset = -1,
				     .limit_ms = 60000,
				     .output_max = 1 << 20 };
}

static enum mg_code collect(void *arg, struct mg_span piece, struct mg_err *err)
{
	buf_append(arg, piece);
	return MG_OK;
}

static enum mg_code run(const struct gitcmd_spec *spec, struct mg_buf *out, int *status,
			struct mg_buf *complaint)
{
	struct mg_err err;

	return gitcmd_run(spec, collect, out, status, complaint, &err);
}

/* Nobody of us is left: neither running nor to be reaped. */
static void assert_childless(void)
{
	assert_int_equal(waitpid(-1, NULL, 0), -1);
	assert_int_equal(errno, ECHILD);
}

static int count_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		if (fcntl(fd, F_GETFD) >= 0) n++;
	return n;
}

static void its_environment_is_made_from_nothing(void **state)
{
	struct gitcmd_spec spec = spec_of(
		"env; echo \"cwd=$PWD\"; ulimit -c; ls /proc/self/fd; echo oops >&2; exit 3");
	char ssh[] = "GIT_SSH_COMMAND=ssh -x", *env[] = { ssh, NULL };
	struct mg_buf out = BUF_MAX(1 << 16), complaint = BUF_MAX(8192);
	int status = 0, leak = open("/dev/null", O_RDONLY);

	setenv("MODGATE_SECRET", "s3cret", 1);
	spec.env = env;
	assert_int_equal(run(&spec, &out, &status, &complaint), MG_OK);
	assert_int_equal(status, 3);
	assert_true(span_eq(buf_span(&complaint), SPAN("oops\n")));
	const char *text = buf_cstr(&out);
	assert_null(strstr(text, "s3cret"));
	assert_non_null(strstr(text, "GIT_CONFIG_NOSYSTEM=1\n"));
	assert_non_null(strstr(text, "GIT_TERMINAL_PROMPT=0\n"));
	assert_non_null(strstr(text, "GIT_ALLOW_PROTOCOL=\n"));
	assert_non_null(strstr(text, "GIT_SSH_COMMAND=ssh -x\n"));
	assert_non_null(strstr(text, "HOME=/dev/null\n"));
	/* No core; and the three standard descriptors, with that of the listed folder. */
	assert_non_null(strstr(text, "\n0\n0\n1\n2\n3\n"));
	assert_null(strstr(text, "\n4\n"));
	close(leak);
	buf_deinit(&out);
	buf_deinit(&complaint);
	assert_childless();
}

static void our_settings_go_before_the_machines(void **state)
{
	struct gitcmd_spec spec = spec_of("env");
	char ca[] = "GIT_SSL_CAINFO=/ours", *env[] = { ca, NULL };
	struct mg_buf out = BUF_MAX(1 << 16);
	int status = 0;

	setenv("GIT_SSL_CAINFO", "/theirs", 1);
	spec.protocols = "https";
	assert_int_equal(run(&spec, &out, &status, NULL), MG_OK);
	assert_non_null(strstr(buf_cstr(&out), "GIT_SSL_CAINFO=/theirs\n"));
	buf_clear(&out);
	spec.env = env;
	assert_int_equal(run(&spec, &out, &status, NULL), MG_OK);
	assert_non_null(strstr(buf_cstr(&out), "GIT_SSL_CAINFO=/ours\n"));
	assert_null(strstr(buf_cstr(&out), "/theirs"));
	unsetenv("GIT_SSL_CAINFO");
	buf_deinit(&out);
	assert_childless();
}

static void it_is_talked_to(void **state)
{
	struct gitcmd_spec spec = spec_of("while read x; do echo \"got $x\"; done");
	struct gitcmd *c = NULL;
	struct mg_err err;
	char line[64];
	int status = -1;
	size_t got = 0;

	spec.talks = true;
	assert_int_equal(gitcmd_start(&spec, &c, &err), MG_OK);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(gitcmd_send(c, SPAN("abc\n"), &err), MG_OK);
		assert_int_equal(gitcmd_read(c, line, sizeof line, &got, &err), MG_OK);
		assert_true(span_eq(span_make(line, got), SPAN("got abc\n")));
	}
	assert_int_equal(gitcmd_wait(c, &status, &err), MG_OK);
	assert_int_equal(status, 0);
	gitcmd_end(&c);
	assert_childless();
}

static void limits(void **state)
{
	struct mg_buf out = BUF_MAX(1 << 22);
	int status;

	struct gitcmd_spec spec =
		spec_of("while :; do echo yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy; done");
	assert_int_equal(run(&spec, &out, &status, NULL), MG_CORRUPT);
	assert_childless();

	spec = spec_of("sleep 1000 & sleep 1000");
	spec.limit_ms = 100;
	assert_int_equal(run(&spec, &out, &status, NULL), MG_TIMEOUT);
	assert_childless();

	spec = spec_of("head -c 100000 /dev/zero > big");
	spec.write_max = 4096;
	assert_int_equal(run(&spec, &out, &status, NULL), MG_OK);
	assert_int_not_equal(status, 0);

	/* What it leaves behind ends with it, though it holds the pipe of errors. */
	spec = spec_of("sleep 1000 >/dev/null & echo done");
	assert_int_equal(run(&spec, &out, &status, NULL), MG_OK);
	assert_int_equal(status, 0);
	assert_childless();

	spec = spec_of("kill -9 $$");
	assert_int_equal(run(&spec, &out, &status, NULL), MG_OK);
	assert_int_equal(status, 128 + SIGKILL);
	spec.git = "/nonexistent";
	assert_int_equal(run(&spec, &out, &status, NULL), MG_UNAVAILABLE);
	buf_deinit(&out);
	assert_childless();
}

static void *cancel_soon(void *arg)
{
	usleep(20000);
	cancel_set(arg);
	return NULL;
}

static void a_cancel_is_heard_and_leaves_nobody(void **state)
{
	struct gitcmd_spec spec = spec_of("sleep 1000 & sleep 1000 | sleep 1000");
	struct mg_buf out = BUF_MAX(1 << 16);
	struct cancel cancel;
	pthread_t t;
	int status, before = count_fds();

	for (int i = 0; i < 20; i++) {
		cancel_init(&cancel);
		spec.cancel = &cancel;
		pthread_create(&t, NULL, cancel_soon, &cancel);
		uint64_t began = clock_mono_ms();
		assert_int_equal(run(&spec, &out, &status, NULL), MG_CANCELED);
		assert_true(clock_mono_ms() - began < 10000);
		pthread_join(t, NULL);
		assert_childless();
	}
	assert_int_equal(count_fds(), before);
	/* Nor is it begun when nobody waits. */
	assert_int_equal(run(&spec, &out, &status, NULL), MG_CANCELED);
	buf_deinit(&out);
}

static int set_up(void **state)
{
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (mkdtemp(folder) == NULL) return -1;
	snprintf(program, sizeof program, "%s/git", folder);
	return 0;
}

static int tear_down(void **state)
{
	char big[64];

	snprintf(big, sizeof big, "%s/big", folder);
	unlink(big);
	unlink(program);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(its_environment_is_made_from_nothing),
		cmocka_unit_test(our_settings_go_before_the_machines),
		cmocka_unit_test(it_is_talked_to),
		cmocka_unit_test(limits),
		cmocka_unit_test(a_cancel_is_heard_and_leaves_nobody),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
