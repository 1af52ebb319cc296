/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"

static void fail_assert(void)
{
	MG_ASSERT(1 + 1 == 3);
}

static void fail_with_long_text(void)
{
	char text[2000];
	memset(text, 'x', sizeof text);
	text[sizeof text - 1] = '\0';
	check_fail("file", 2147483647, text);
}

/* Runs fn in a child with its stderr on a pipe; the child must die by SIGABRT. */
static void died_saying(void (*fn)(void), const char *wanted)
{
	int ends[2];
	char said[1024] = "";
	assert_int_equal(pipe(ends), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		setrlimit(RLIMIT_CORE, &(struct rlimit){ 0 });
		signal(SIGABRT, SIG_DFL);
		dup2(ends[1], STDERR_FILENO);
		fn();
		_exit(0);
	}
	close(ends[1]);
	size_t n = 0;
	for (ssize_t got; (got = read(ends[0], said + n, sizeof said - 1 - n)) > 0;)
		n += (size_t)got;
	close(ends[0]);
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	assert_non_null(strstr(said, wanted));
}

static void test_assert_says_where_and_aborts(void **state)
{
	died_saying(fail_assert, "check_test.c:");
	died_saying(fail_assert, ": 1 + 1 == 3\n");
	died_saying(fail_with_long_text, "internal error at file:2147483647: xxx");
}

static void test_true_asserts_are_silent(void **state)
{
	MG_ASSERT(1 + 1 == 2);
}

static void test_allocators(void **state)
{
	void *p = check_malloc(0);
	assert_non_null(p);
	p = check_realloc(p, 10);
	assert_non_null(p);
	p = check_realloc(p, 0);
	assert_non_null(p);
	free(p);
	char *z = check_calloc(3, 5);
	for (int i = 0; i < 15; i++)
		assert_int_equal(z[i], 0);
	free(z);
	free(check_calloc(0, 0));
	char *s = check_strndup("abcdef", 3);
	assert_string_equal(s, "abc");
	free(s);
	s = check_strndup(NULL, 0);
	assert_string_equal(s, "");
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_assert_says_where_and_aborts),
		cmocka_unit_test(test_true_asserts_are_silent),
		cmocka_unit_test(test_allocators),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
