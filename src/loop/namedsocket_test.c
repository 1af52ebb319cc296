/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "loop/namedsocket.h"

#define NAME "a.sock"

struct fixture {
	char folder[512];
	char path[540];
};

static int setup(void **state)
{
	struct fixture *f = test_calloc(1, sizeof *f);

	snprintf(f->folder, sizeof f->folder, "/tmp/namedsocket.XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->path, sizeof f->path, "%s/" NAME, f->folder);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	unlink(f->path);
	rmdir(f->folder);
	test_free(f);
	return 0;
}

static bool reaches(const struct fixture *f, const struct namedsocket *s)
{
	const int here = namedsocket_connect(f->folder, NAME);
	const int there = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);
	const bool met = here >= 0 && there >= 0;

	if (here >= 0) close(here);
	if (there >= 0) close(there);
	return met;
}

static void who_connects_reaches_who_listens(void **state)
{
	const struct fixture *f = *state;
	struct namedsocket s;
	struct stat st;

	assert_int_equal(namedsocket_connect(f->folder, NAME), -1);
	assert_int_equal(errno, ENOENT);
	assert_true(namedsocket_listen(f->folder, NAME, &s));
	assert_true(reaches(f, &s));
	assert_int_equal(lstat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	namedsocket_remove(f->folder, NAME, &s);
	assert_int_equal(lstat(f->path, &st), -1);
	close(s.fd);
}

static void a_successor_takes_the_name_and_keeps_it(void **state)
{
	const struct fixture *f = *state;
	struct namedsocket first, second;

	assert_true(namedsocket_listen(f->folder, NAME, &first));
	assert_true(namedsocket_listen(f->folder, NAME, &second));
	assert_true(reaches(f, &second));
	namedsocket_remove(f->folder, NAME, &first);
	close(first.fd);
	assert_true(reaches(f, &second));
	close(second.fd);
	assert_int_equal(namedsocket_connect(f->folder, NAME), -1);
	assert_int_equal(errno, ECONNREFUSED);
}

static void what_is_no_socket_stays(void **state)
{
	const struct fixture *f = *state;
	struct namedsocket s;
	const int fd = open(f->path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	close(fd);
	assert_false(namedsocket_listen(f->folder, NAME, &s));
	assert_int_equal(errno, EADDRINUSE);
	assert_int_equal(access(f->path, F_OK), 0);
	assert_false(namedsocket_listen("/nowhere/at/all", NAME, &s));
	assert_int_equal(errno, ENOENT);
}

static void a_path_may_be_longer_than_an_address(void **state)
{
	struct fixture *f = *state;
	char shallow[sizeof f->folder];
	struct namedsocket s;

	memcpy(shallow, f->folder, sizeof shallow);
	const size_t n = strlen(f->folder);
	memset(f->folder + n, 'x', 200);
	f->folder[n] = '/';
	f->folder[n + 200] = '\0';
	assert_int_equal(mkdir(f->folder, 0700), 0);
	assert_true(namedsocket_listen(f->folder, NAME, &s));
	assert_true(reaches(f, &s));
	namedsocket_remove(f->folder, NAME, &s);
	close(s.fd);
	assert_int_equal(rmdir(f->folder), 0);
	memcpy(f->folder, shallow, sizeof shallow);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(who_connects_reaches_who_listens, setup, teardown),
		cmocka_unit_test_setup_teardown(a_successor_takes_the_name_and_keeps_it, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_is_no_socket_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(a_path_may_be_longer_than_an_address, setup,
						teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
