/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "loop/child.h"

struct fixture {
	struct loop *l;
	struct child *child;
	int exits, status;
};

static void on_exit_stop(void *arg, int status)
{
	struct fixture *f = arg;

	f->exits++;
	f->status = status;
	child_signal(f->child, SIGKILL); /* harmless now */
	loop_stop(f->l);
}

static int setup(void **state)
{
	struct fixture *f = test_calloc(1, sizeof *f);

	f->l = loop_new();
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	child_free(&f->child);
	loop_free(&f->l);
	test_free(f);
	return 0;
}

static void start(struct fixture *f, const char *role, const struct child_fd *fds, size_t n)
{
	const char *argv[] = { "modgate-test", role, NULL };
	const struct child_spec spec = { .argv = argv, .fds = fds, .fd_count = n };

	f->child = child_spawn(f->l, &spec, on_exit_stop, f);
	assert_non_null(f->child);
	assert_true(child_pid(f->child) > 0);
}

static void exit_status_is_told(void **state)
{
	struct fixture *f = *state;

	start(f, "child-exit", NULL, 0);
	loop_run(f->l);
	assert_int_equal(f->exits, 1);
	assert_true(WIFEXITED(f->status));
	assert_int_equal(WEXITSTATUS(f->status), 7);
}

static void signal_ends_the_child(void **state)
{
	struct fixture *f = *state;

	start(f, "child-pause", NULL, 0);
	child_signal(f->child, SIGTERM);
	loop_run(f->l);
	assert_true(WIFSIGNALED(f->status));
	assert_int_equal(WTERMSIG(f->status), SIGTERM);
}

/* The targets 3 and 4 are, crosswise, where the sources stand or the report pipe might. */
static void only_mapped_fds_are_inherited(void **state)
{
	struct fixture *f = *state;
	int in[2], out[2], stray = dup(2);
	char got[64] = "";

	assert_int_equal(pipe(in), 0);
	assert_int_equal(pipe(out), 0);
	const struct child_fd fds[] = { { out[1], 3 }, { in[0], 4 }, { out[1], 9 } };
	start(f, "child-fds", fds, 3);
	close(out[1]);
	assert_int_equal(write(in[1], "ping", 4), 4);
	close(in[1]);
	loop_run(f->l);
	assert_int_equal(WEXITSTATUS(f->status), 0);
	assert_true(read(out[0], got, sizeof got - 1) > 0);
	assert_string_equal(got, "fds 0 1 2 3 4 9 name modgate-kid got ping");
	close(in[0]);
	close(out[0]);
	close(stray);
}

static void free_kills_and_reaps(void **state)
{
	struct fixture *f = *state;

	start(f, "child-pause", NULL, 0);
	pid_t pid = child_pid(f->child);
	child_free(&f->child);
	assert_null(f->child);
	assert_int_equal(kill(pid, 0), -1);
	assert_int_equal(errno, ESRCH);
	assert_int_equal(f->exits, 0);
}

static void bad_fd_is_an_error(void **state)
{
	struct fixture *f = *state;
	const char *argv[] = { "modgate-test", "child-exit", NULL };
	const struct child_fd fds[] = { { 1000, 3 } };
	const struct child_spec spec = { .argv = argv, .fds = fds, .fd_count = 1 };

	assert_null(child_spawn(f->l, &spec, on_exit_stop, f));
	assert_int_equal(errno, EBADF);
}

/* A middle process starts a pausing child and dies; the child's end closes the pipe. */
static void dies_with_its_parent(void **state)
{
	struct fixture *f = *state;
	int out[2];
	char c;

	assert_int_equal(pipe(out), 0);
	const struct child_fd fds[] = { { out[1], 3 } };
	start(f, "child-parent", fds, 1);
	close(out[1]);
	loop_run(f->l);
	assert_int_equal(WEXITSTATUS(f->status), 0);
	assert_int_equal(read(out[0], &c, 1), 1);
	assert_int_equal(read(out[0], &c, 1), 0);
	close(out[0]);
}

static int child_fds_main(void)
{
	char line[256], name[16] = "", got[16] = "";
	int n = snprintf(line, sizeof line, "fds");

	for (int fd = 0; fd < 200; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			n += snprintf(line + n, sizeof line - (size_t)n, " %d", fd);
	prctl(PR_GET_NAME, name);
	if (read(4, got, sizeof got - 1) < 0) return 1;
	n += snprintf(line + n, sizeof line - (size_t)n, " name %s got %s", name, got);
	return write(3, line, (size_t)n) == n ? 0 : 1;
}

static int child_parent_main(void)
{
	struct loop *l = loop_new();
	const char *argv[] = { "modgate-test", "child-pause", NULL };
	const struct child_fd fds[] = { { 3, 3 } };
	const struct child_spec spec = { .argv = argv, .fds = fds, .fd_count = 1 };

	if (child_spawn(l, &spec, NULL, NULL) == NULL) return 1;
	_exit(write(3, "x", 1) == 1 ? 0 : 1);
}

int main(int argc, char **argv)
{
	if (argc > 1) {
		child_begin("modgate-kid");
		if (strcmp(argv[1], "child-exit") == 0) return 7;
		if (strcmp(argv[1], "child-fds") == 0) return child_fds_main();
		if (strcmp(argv[1], "child-parent") == 0) return child_parent_main();
		for (;;)
			pause();
	}
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(exit_status_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(signal_ends_the_child, setup, teardown),
		cmocka_unit_test_setup_teardown(only_mapped_fds_are_inherited, setup, teardown),
		cmocka_unit_test_setup_teardown(free_kills_and_reaps, setup, teardown),
		cmocka_unit_test_setup_teardown(bad_fd_is_an_error, setup, teardown),
		cmocka_unit_test_setup_teardown(dies_with_its_parent, setup, teardown),
	};

	return cmocka_run_group_tests_name("child", tests, NULL, NULL);
}
