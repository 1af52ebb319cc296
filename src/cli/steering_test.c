/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <pthread.h>
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

#include "cli/steering.h"
#include "loop/namedsocket.h"

#define NAME "supervisor.sock"

struct fixture {
	char store[64];
	struct loop *loop;
	struct steering *steering;
	char lines[4][80];
	int heard;
	int stop_at; /* lines, after which the loop stops; 0: none */
	/* What is answered at once; NULL: nothing */
	const char *answer;
	bool ok;
};

static void on_line(void *arg, struct mg_span line)
{
	struct fixture *f = arg;

	assert_in_range(f->heard, 0, 3);
	snprintf(f->lines[f->heard++], sizeof f->lines[0], "%.*s", SPAN_ARG(line));
	if (f->answer != NULL) steering_answer(f->steering, f->ok, f->answer);
	if (f->heard == f->stop_at) loop_stop(f->loop);
}

static int set_up(void **state)
{
	struct fixture *f = test_calloc(1, sizeof *f);
	struct mg_err err;

	snprintf(f->store, sizeof f->store, "/tmp/modgate-steering-XXXXXX");
	if (mkdtemp(f->store) == NULL) return -1;
	f->loop = loop_new();
	f->steering = steering_new(f->loop, f->store, on_line, f, &err);
	assert_non_null(f->steering);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	steering_free(&f->steering);
	loop_free(&f->loop);
	const int rc = rmdir(f->store); /* its socket is gone */
	test_free(f);
	return rc;
}

static int connect_and_say(const struct fixture *f, const char *words)
{
	const int fd = namedsocket_connect(f->store, NAME);

	assert_true(fd >= 0);
	assert_int_equal(send(fd, words, strlen(words), MSG_NOSIGNAL), strlen(words));
	return fd;
}

static void hear_until(struct fixture *f, int lines)
{
	f->stop_at = lines;
	loop_run(f->loop);
	assert_int_equal(f->heard, lines);
}

static void assert_answer(int fd, const char *want)
{
	char got[256];
	size_t n = 0;
	ssize_t more;

	while ((more = read(fd, got + n, sizeof got - 1 - n)) > 0)
		n += (size_t)more;
	got[n] = '\0';
	assert_string_equal(got, want);
	close(fd);
}

static void a_line_is_answered(void **state)
{
	struct fixture *f = *state;

	f->answer = "new settings are in force";
	f->ok = true;
	const int fd = connect_and_say(f, "reload\n");
	hear_until(f, 1);
	assert_string_equal(f->lines[0], "reload");
	assert_answer(fd, "ok new settings are in force\n");
}

static void one_waits_for_the_other(void **state)
{
	struct fixture *f = *state;
	const int first = connect_and_say(f, "reload\n"), second = connect_and_say(f, "upgrade\n");

	hear_until(f, 1);
	steering_answer(f->steering, false, "no");
	assert_answer(first, "failed no\n");
	f->answer = "yes";
	f->ok = true;
	hear_until(f, 2);
	assert_string_equal(f->lines[1], "upgrade");
	assert_answer(second, "ok yes\n");
	steering_answer(f->steering, true, "nobody asked");
}

/* What its answer is when it comes is nobody else's. */
static void who_leaves_gets_no_answer_nor_does_another(void **state)
{
	struct fixture *f = *state;

	close(connect_and_say(f, "reload\n"));
	hear_until(f, 1);
	const int second = connect_and_say(f, "upgrade\n");
	steering_answer(f->steering, true, "reloaded");
	f->answer = "upgraded";
	f->ok = true;
	hear_until(f, 2);
	assert_answer(second, "ok upgraded\n");
}

static void long_lines_and_silence_are_hung_up_on(void **state)
{
	struct fixture *f = *state;
	char words[256];

	memset(words, 'x', sizeof words - 1);
	words[sizeof words - 1] = '\0';
	const int silent = connect_and_say(f, ""), slow = connect_and_say(f, "relo");
	const int endless = connect_and_say(f, words);
	close(connect_and_say(f, "relo"));
	f->answer = "good";
	f->ok = true;
	const int good = connect_and_say(f, "reload\n");
	hear_until(f, 1);
	assert_string_equal(f->lines[0], "reload");
	assert_answer(good, "ok good\n");
	const int hung_up_on[] = { silent, slow, endless };
	for (size_t i = 0; i < 3; i++) {
		char byte;
		assert_true(recv(hung_up_on[i], &byte, 1, 0) <= 0);
		close(hung_up_on[i]);
	}
}

static void *ask(void *arg)
{
	const struct fixture *f = arg;

	return (void *)(intptr_t)steering_ask(f->store, "modgate reload", "reload");
}

static void a_command_s_exit_code_is_its_answer(void **state)
{
	struct fixture *f = *state;
	pthread_t thread;
	void *code;

	for (int i = 0; i < 2; i++) {
		f->ok = i == 0;
		f->answer = "so\033[1m it is";
		assert_int_equal(pthread_create(&thread, NULL, ask, f), 0);
		hear_until(f, i + 1);
		pthread_join(thread, &code);
		assert_int_equal((intptr_t)code, i);
	}
	steering_free(&f->steering);
	assert_int_equal((intptr_t)ask(f), 1);
}

static void a_successor_s_socket_stays(void **state)
{
	struct fixture *f = *state;
	struct mg_err err;
	struct steering *old = f->steering;

	f->steering = steering_new(f->loop, f->store, on_line, f, &err);
	assert_non_null(f->steering);
	steering_free(&old);
	f->answer = "here";
	const int fd = connect_and_say(f, "reload\n");
	hear_until(f, 1);
	assert_answer(fd, "failed here\n");
}

static void where_none_can_be_made_the_reason_is_told(void **state)
{
	struct fixture *f = *state;
	struct mg_err err;

	assert_null(steering_new(f->loop, "/nowhere/at/all", on_line, f, &err));
	assert_non_null(strstr(err.text, "/nowhere/at/all/" NAME));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_line_is_answered),
		CASE(one_waits_for_the_other),
		CASE(who_leaves_gets_no_answer_nor_does_another),
		CASE(long_lines_and_silence_are_hung_up_on),
		CASE(a_command_s_exit_code_is_its_answer),
		CASE(a_successor_s_socket_stays),
		CASE(where_none_can_be_made_the_reason_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
