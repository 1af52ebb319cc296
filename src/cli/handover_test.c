/* SPDX-License-Identifier: Apache-2.0 */
/* What is left is taken in a child: its descriptors have fixed numbers. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/handover.h"
#include "fetch/ticket.h"

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) return __LINE__;                                                 \
	} while (0)

typedef int child_fn(void);

/* fds as for exec; the child's exit code is the line of its first failure, 0: none. */
static int run_child(const struct child_fd *fds, size_t n, child_fn *fn)
{
	int moved[HANDOVER_FDS_MAX], status = 0;
	const pid_t pid = fork();

	if (pid == 0) {
		for (size_t i = 0; i < n; i++)
			moved[i] = fcntl(fds[i].from, F_DUPFD, 100);
		for (size_t i = 0; i < n; i++)
			dup2(moved[i], fds[i].to);
		setenv(HANDOVER_VARIABLE, "1", 1);
		const int line = fn();
		if (line != 0) fprintf(stderr, "line %d\n", line);
		_exit(line != 0);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int run_with_text(const char *text, child_fn *fn)
{
	const int fd = memfd_create("text", MFD_CLOEXEC), other = memfd_create("", MFD_CLOEXEC);
	const struct child_fd fds[] = {
		{ fd, 3 }, { other, 4 }, { other, 5 }, { other, 6 }, { other, 7 },
	};

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	const int rc = run_child(fds, sizeof fds / sizeof fds[0], fn);
	close(fd);
	close(other);
	return rc;
}

static int listening(void)
{
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	return fd;
}

/* Is it kept from the children? */
static bool closes_on_exec(int fd)
{
	return fd >= 0 && (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0;
}

/* --- the whole estate --- */

static int takes_the_whole(void)
{
	struct handover h;
	struct mg_err err;
	char text[8] = "";

	CHECK(handover_take(&h, &err) == MG_OK);
	CHECK(getenv(HANDOVER_VARIABLE) == NULL);
	CHECK(h.same_tickets);
	CHECK(strcmp(h.via, "modgate-1") == 0 && strcmp(h.store, "/a store/of mine") == 0);
	CHECK(strcmp(h.user, "") == 0 && strcmp(h.group, "go") == 0);
	CHECK(h.given.n == 1 && strcmp(h.given.one[0].name, "systemd:http") == 0);
	CHECK(h.open.n == 2 && strcmp(h.open.one[0].name, "127.0.0.1:3000") == 0);
	CHECK(strcmp(h.open.one[1].name, "unix:/run/x.sock") == 0);
	CHECK(h.open.one[1].made.device == 7 && h.open.one[1].made.inode == 1ull << 40);
	CHECK(h.metrics_places == (1ull << 63 | 5));
	CHECK(closes_on_exec(h.channel) && closes_on_exec(h.lock) && closes_on_exec(h.metrics));
	CHECK(closes_on_exec(h.given.one[0].fd) && closes_on_exec(h.open.one[1].fd));
	CHECK(pread(h.lock, text, sizeof text, 0) == 4 && memcmp(text, "lock", 4) == 0);
	CHECK(pread(h.metrics, text, sizeof text, 0) == 6 && memcmp(text, "counts", 6) == 0);
	handover_tell_failure(&h, "no luck");
	handover_deinit(&h);
	return 0;
}

static int memory_of(const char *text)
{
	const int fd = memfd_create("test", MFD_CLOEXEC);

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	return fd;
}

static void what_is_left_is_taken(void **state)
{
	const struct settings settings = {
		.via = "modgate-1", .store = "/a store/of mine", .user = "", .group = "go"
	};
	struct sockets given = { 0 }, open = { 0 };
	struct child_fd fds[HANDOVER_FDS_MAX];
	int channel[2], text_fd = -1;
	char message[64];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel), 0);
	sockets_add(&given, SPAN("systemd:http"), listening());
	sockets_add(&open, SPAN("127.0.0.1:3000"), listening());
	/* Sets share sockets; those of the manager are left once. */
	sockets_add(&open, SPAN("systemd:http"), listening());
	sockets_add(&open, SPAN("unix:/run/x.sock"), listening());
	open.one[2].made = (struct unixlistener){ .device = 7, .inode = 1ull << 40 };
	const struct handover_estate estate = {
		.settings = &settings,
		.given = &given,
		.open = &open,
		.channel = channel[1],
		.lock = memory_of("lock"),
		.metrics = memory_of("counts"),
		.metrics_places = 1ull << 63 | 5,
	};
	const size_t n = handover_leave(&estate, &text_fd, fds);
	assert_int_equal(n, 3 + 3 + 1);
	assert_int_equal(run_child(fds, n, takes_the_whole), 0);
	assert_int_equal(recv(channel[0], message, sizeof message, MSG_DONTWAIT), 8);
	assert_memory_equal(message, "Fno luck", 8);
	close(text_fd);
	close(estate.lock);
	close(estate.metrics);
	close(channel[0]);
	close(channel[1]);
	sockets_close(&given);
	sockets_close(&open);
}

/* --- other versions --- */

static int takes_it_with_other_tickets(void)
{
	struct handover h;

	CHECK(handover_take(&h, NULL) == MG_OK && !h.same_tickets);
	CHECK(h.metrics == -1 && h.open.n == 1);
	handover_deinit(&h);
	return 0;
}

static int takes_it_with_our_tickets(void)
{
	struct handover h;

	CHECK(handover_take(&h, NULL) == MG_OK && h.same_tickets);
	handover_deinit(&h);
	return 0;
}

static void other_versions_leave_more_or_less(void **state)
{
	char text[256];

	snprintf(text, sizeof text, "tickets %d\nsocket 0 0 :1\n", TICKET_FORMAT + 1);
	assert_int_equal(run_with_text(text, takes_it_with_other_tickets), 0);
	assert_int_equal(run_with_text("socket 0 0 :1\n", takes_it_with_other_tickets), 0);
	assert_int_equal(
		run_with_text("tickets many\nsocket 0 0 :1\n", takes_it_with_other_tickets), 0);
	snprintf(text, sizeof text, "tomorrow's news\ntickets %d\nsocket 0 0 :1\n", TICKET_FORMAT);
	assert_int_equal(run_with_text(text, takes_it_with_our_tickets), 0);
}

/* --- no estate --- */

static int refuses_it(void)
{
	struct handover h;
	struct mg_err err;

	CHECK(handover_take(&h, &err) == MG_INVALID);
	CHECK(strstr(err.text, HANDOVER_VARIABLE) != NULL && getenv(HANDOVER_VARIABLE) == NULL);
	CHECK(h.channel == -1 && h.lock == -1);
	handover_tell_failure(&h, "to nobody");
	handover_deinit(&h);
	return 0;
}

static void what_is_no_estate_is_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"socket 1\n",
		"socket 1 x :3000\n",
		"metrics\n",
		"metrics many\n",
		"metrics 1\nmetrics 1\n",
		/* More sockets than descriptors. */
		"socket 0 0 :1\nsocket 0 0 :2\nsocket 0 0 :3\n",
	};
	char many[32 * (SOCKETS_MAX + 1)];
	size_t n = 0;

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		assert_int_equal(run_with_text(texts[i], refuses_it), 0);
	assert_int_equal(run_child(NULL, 0, refuses_it), 0);
	for (int i = 0; i <= SOCKETS_MAX; i++)
		n += (size_t)snprintf(many + n, sizeof many - n, "socket 0 0 :%d\n", i);
	assert_int_equal(run_with_text(many, refuses_it), 0);
}

static void a_start_like_any_other_takes_nothing(void **state)
{
	struct handover h;
	struct mg_err err;

	unsetenv(HANDOVER_VARIABLE);
	assert_int_equal(handover_take(&h, &err), MG_OK);
	assert_int_equal(h.channel, -1);
	assert_int_equal(h.given.n + h.open.n, 0);
	handover_deinit(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_left_is_taken),
		cmocka_unit_test(other_versions_leave_more_or_less),
		cmocka_unit_test(what_is_no_estate_is_refused),
		cmocka_unit_test(a_start_like_any_other_takes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
