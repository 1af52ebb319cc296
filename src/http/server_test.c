/* SPDX-License-Identifier: Apache-2.0 */
#include "http/serverthread_fixture.h"

static void answers_and_keeps_the_connection(void **state)
{
	struct fixture *f = *state;
	char me[64];
	struct sockaddr_in own;
	socklen_t size = sizeof own;

	start(f);
	int fd = dial(f);
	ask(fd, "/hello");
	expect(fd, "hello");
	getsockname(fd, (struct sockaddr *)&own, &size);
	snprintf(me, sizeof me, "127.0.0.1:%u", ntohs(own.sin_port));
	ask(fd, "/peer");
	expect(fd, me);
	close(fd);
}

static void parked_request_holds_back_the_ones_behind_it(void **state)
{
	struct fixture *f = *state;

	start(f);
	int fd = dial(f);
	say(fd, "GET /park HTTP/1.1\r\nHost: t\r\n\r\nGET /hello HTTP/1.1\r\nHost: t\r\n\r\nGET /");
	wait_event(f);
	say(fd, "hello HTTP/1.1\r\nHost: t\r\n\r\n");
	int other = dial(f);
	ask(other, "/hello");
	expect(other, "hello");
	on_loop(f, wake_all);
	for (int i = 0; i < 3; i++)
		expect(fd, "hello");
	assert_int_equal(f->requests, 4);
	close(fd);
	close(other);
}

static void departure_of_a_parked_client_is_told_once(void **state)
{
	struct fixture *f = *state;

	start(f);
	int fd = dial(f);
	ask(fd, "/park");
	wait_event(f);
	close(fd);
	wait_event(f);
	assert_int_equal(f->gone, 1);
}

static void answer_to_a_client_that_left_goes_nowhere(void **state)
{
	struct fixture *f = *state;

	f->deaf = true;
	start(f);
	int fd = dial(f);
	ask(fd, "/park");
	wait_event(f);
	close(fd);
	do
		on_loop(f, nothing);
	while (f->connections > 0);
	on_loop(f, wake_all);
}

static void parked_clients_are_told_when_the_server_ends(void **state)
{
	struct fixture *f = *state;

	start(f);
	int fd = dial(f);
	ask(fd, "/park");
	wait_event(f);
	on_loop(f, stop_loop);
	pthread_join(f->thread, NULL);
	assert_int_equal(f->gone, 1);
	assert_true(ended(fd));
	close(fd);
	start(f);
}

static void large_bodies_arrive_whole(void **state)
{
	struct fixture *f = *state;
	static const char *const paths[] = { "/big", "/file" };
	size_t n;

	start(f);
	int fd = dial(f);
	for (int round = 0; round < 4; round++) {
		ask(fd, paths[round % 2]);
		assert_int_equal(hear(fd, NULL, 0, &n), 200);
		assert_int_equal(n, 4 << 20);
	}
	close(fd);
}

/* The whole lane, held until the test lets go. */
struct hold {
	sem_t held, release;
};

static void run_hold(void *job)
{
	struct hold *h = job;

	sem_post(&h->held);
	while (sem_wait(&h->release) != 0)
		continue;
}

static void on_held(void *job, bool ran)
{
}

/* A file of 4 MiB whose pages are not in memory; -1 where the file system keeps them there. */
static int cold_file(void)
{
	static const char block[64 << 10] = "cold";
	char path[] = "./server_test.XXXXXX", first;
	struct iovec iov = { .iov_base = &first, .iov_len = 1 };
	int fd = mkostemp(path, O_CLOEXEC);

	if (fd < 0) return -1;
	unlink(path);
	for (int i = 0; i < 64; i++)
		assert_int_equal(write(fd, block, sizeof block), sizeof block);
	if (fsync(fd) == 0 && posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0 &&
	    preadv2(fd, &iov, 1, 0, RWF_NOWAIT) < 0 && errno == EAGAIN)
		return fd;
	close(fd);
	return -1;
}

static void disk_is_waited_for_on_the_lane_only(void **state)
{
	struct fixture *f = *state;
	struct hold hold;
	size_t n;
	int cold = cold_file();

	if (cold < 0) {
		start(f);
		print_message("no cold pages on this file system\n");
		return;
	}
	struct reply_file *file = calloc(1, sizeof *file);
	*file = (struct reply_file){ .fd = cold, .size = 4 << 20, .release = release_file };
	reply_unref(&f->file);
	f->file = reply_of((struct mg_span){ 0 }, file);
	sem_init(&hold.held, 0, 0);
	sem_init(&hold.release, 0, 0);
	start(f);
	assert_true(lane_submit(f->lane, f->loop, run_hold, on_held, &hold));
	sem_wait(&hold.held);
	int waits = dial(f), leaves = dial(f), other = dial(f);
	ask(waits, "/file");
	ask(leaves, "/file");
	while (lane_waiting(f->lane) < 2) {
		ask(other, "/hello");
		expect(other, "hello");
	}
	close(leaves);
	sem_post(&hold.release);
	assert_int_equal(hear(waits, NULL, 0, &n), 200);
	assert_int_equal(n, 4 << 20);
	close(waits);
	close(other);
	sem_destroy(&hold.held);
	sem_destroy(&hold.release);
}

static void connections_beyond_the_maximum_wait(void **state)
{
	struct fixture *f = *state;

	f->options.max_connections = 2;
	start(f);
	int a = dial(f), b = dial(f);
	ask(a, "/hello");
	ask(b, "/hello");
	expect(a, "hello");
	expect(b, "hello");
	int c = dial(f);
	ask(c, "/hello");
	on_loop(f, nothing);
	assert_int_equal(f->connections, 2);
	close(a);
	expect(c, "hello");
	close(b);
	close(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(answers_and_keeps_the_connection, setup, teardown),
		cmocka_unit_test_setup_teardown(parked_request_holds_back_the_ones_behind_it, setup,
						teardown),
		cmocka_unit_test_setup_teardown(departure_of_a_parked_client_is_told_once, setup,
						teardown),
		cmocka_unit_test_setup_teardown(answer_to_a_client_that_left_goes_nowhere, setup,
						teardown),
		cmocka_unit_test_setup_teardown(parked_clients_are_told_when_the_server_ends, setup,
						teardown),
		cmocka_unit_test_setup_teardown(large_bodies_arrive_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(disk_is_waited_for_on_the_lane_only, setup,
						teardown),
		cmocka_unit_test_setup_teardown(connections_beyond_the_maximum_wait, setup,
						teardown),
	};

	return cmocka_run_group_tests_name("server", tests, NULL, NULL);
}
