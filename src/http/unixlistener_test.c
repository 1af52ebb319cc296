/* SPDX-License-Identifier: Apache-2.0 */
#include "http/unixlistener.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "http/listener.h"

struct fixture {
	char folder[32];
	char address[64];
};

static int setup(void **state)
{
	static struct fixture f;

	snprintf(f.folder, sizeof f.folder, "/tmp/unixlistenerXXXXXX");
	if (mkdtemp(f.folder) == NULL) return -1;
	snprintf(f.address, sizeof f.address, "unix:%s/s", f.folder);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	unlink(f->address + 5);
	return rmdir(f->folder);
}

static enum mg_code try(const char *address, struct unixlistener *l, int *fd, struct mg_err *err)
{
	return unixlistener_open(span_of(address), l, fd, err);
}

static void names(void **state)
{
	char longest[200] = "unix:/";

	assert_true(unixlistener_is(SPAN("unix:/run/a")));
	assert_false(unixlistener_is(SPAN("unix:/")));
	assert_false(unixlistener_is(SPAN("unix:run/a")));
	assert_false(unixlistener_is(SPAN("/run/a")));
	memset(longest + 6, 'x', 106);
	assert_true(unixlistener_is(span_of(longest)));
	memset(longest + 6, 'x', 107);
	assert_false(unixlistener_is(span_of(longest)));
}

static void a_life(void **state)
{
	struct fixture *f = *state;
	struct unixlistener l, other;
	struct mg_err err;
	struct stat st;
	char text[LISTENER_ADDRESS_SIZE];
	int fd, second;

	assert_int_equal(try(f->address, &l, &fd, &err), MG_OK);
	assert_int_equal(stat(f->address + 5, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(unixlistener_share(span_of(f->address), 0640, (uid_t)-1, (gid_t)-1, &err),
			 MG_OK);
	assert_int_equal(stat(f->address + 5, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	listener_address(fd, text);
	assert_string_equal(text, f->address);
	/* Alive it is not replaced. */
	assert_int_equal(try(f->address, &other, &second, &err), MG_UNAVAILABLE);
	assert_non_null(strstr(err.text, "another server"));
	close(fd);
	/* Dead it is. */
	assert_int_equal(try(f->address, &other, &second, &err), MG_OK);
	unixlistener_remove(span_of(f->address), &l); /* not that one's any more */
	assert_int_equal(access(f->address + 5, F_OK), l.inode == other.inode ? -1 : 0);
	unixlistener_remove(span_of(f->address), &other);
	assert_int_equal(access(f->address + 5, F_OK), -1);
	close(second);
}

static void what_is_no_socket_stays(void **state)
{
	struct fixture *f = *state;
	struct unixlistener l;
	struct mg_err err;
	int fd = open(f->address + 5, O_CREAT | O_WRONLY | O_CLOEXEC, 0600), none;

	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(try(f->address, &l, &none, &err), MG_UNAVAILABLE);
	assert_non_null(strstr(err.text, "no socket"));
	assert_int_equal(access(f->address + 5, F_OK), 0);
	assert_int_equal(try("unix:/no/such/folder/s", &l, &none, &err), MG_UNAVAILABLE);
	assert_int_equal(try("unix:s", &l, &none, &err), MG_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test_setup_teardown(a_life, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_no_socket_stays, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
