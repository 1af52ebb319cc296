/* SPDX-License-Identifier: Apache-2.0 */
/* The far end of each channel is this test, in the part of fetch. */
#include "serve/orders.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "loop/channel.h"

struct ask {
	struct order order;
	unsigned results;
	enum mg_code code;
	char text[200];
	struct loop *stop; /* the loop to stop on a result */
};

static void on_result(struct order *o, const struct ticket *result)
{
	struct ask *a = (struct ask *)(void *)o;
	a->results++;
	a->code = result->code;
	snprintf(a->text, sizeof a->text, "%.*s", SPAN_ARG(result->text));
	if (a->stop != NULL) loop_stop(a->stop);
}

static struct ask ask_for(const char *path, struct loop *stop)
{
	return (struct ask){
		.order = { .kind = TARGET_LIST, .path = span_of(path), .on_result = on_result },
		.stop = stop,
	};
}

static struct ticket receive(int fd, char *bytes, size_t size)
{
	ssize_t n;
	do {
		n = recv(fd, bytes, size, 0);
	} while (n < 0); /* the pair is non-blocking */
	struct ticket t;
	assert_true(ticket_decode(span_make(bytes, (size_t)n), &t));
	return t;
}

static void answer(int fd, uint32_t id, enum mg_code code)
{
	struct mg_buf out = BUF_MAX(4096);
	ticket_encode(&(struct ticket){ .type = TICKET_RESULT, .id = id, .code = code }, &out);
	assert_int_equal(send(fd, out.p, out.n, 0), (ssize_t)out.n);
	buf_deinit(&out);
}

static void give_back(int fd, uint32_t id)
{
	struct mg_buf out = BUF_MAX(64);
	ticket_encode(&(struct ticket){ .type = TICKET_BACK, .id = id }, &out);
	assert_int_equal(send(fd, out.p, out.n, 0), (ssize_t)out.n);
	buf_deinit(&out);
}

static void test_order_is_answered(void **state)
{
	struct loop *l = loop_new();
	struct orders *os = orders_new(l, 60000);
	int ends[2];
	assert_int_equal(channel_pair(ends), 0);
	orders_connect(os, ends[0]);
	struct ask a = ask_for("example.com/m", l);
	orders_place(os, &a.order);
	char bytes[4096];
	struct ticket t = receive(ends[1], bytes, sizeof bytes);
	assert_int_equal(t.type, TICKET_ORDER);
	assert_true(span_eq(t.path, SPAN("example.com/m")));
	answer(ends[1], t.id, MG_OK);
	loop_run(l);
	assert_int_equal(a.results, 1);
	assert_int_equal(a.code, MG_OK);
	close(ends[1]);
	orders_free(&os);
	loop_free(&l);
}

static void stop(void *loop)
{
	loop_stop(loop);
}

/* Turns the loop until what lies in its sockets has been seen. */
static void turn(struct loop *l)
{
	for (int i = 0; i < 3; i++) {
		loop_post(l, stop, l);
		loop_run(l);
	}
}

/* One restart of fetch costs nothing, what is open at two of them is answered. */
static void test_restart(void **state)
{
	struct loop *l = loop_new();
	struct orders *os = orders_new(l, 60000);
	struct ask a = ask_for("example.com/m", NULL);
	orders_place(os, &a.order); /* before there is a channel */
	char bytes[4096];
	for (int i = 0; i < 2; i++) {
		int ends[2];
		assert_int_equal(channel_pair(ends), 0);
		orders_connect(os, ends[0]);
		assert_int_equal(receive(ends[1], bytes, sizeof bytes).type, TICKET_ORDER);
		assert_int_equal(a.results, 0);
		close(ends[1]);
		while (orders_connected(os))
			turn(l);
	}
	assert_int_equal(a.results, 1);
	assert_int_equal(a.code, MG_UNAVAILABLE);
	assert_non_null(strstr(a.text, "twice"));
	orders_free(&os);
	loop_free(&l);
}

static bool closed(int fd)
{
	char byte;
	return recv(fd, &byte, 1, 0) == 0;
}

/* A fetch that is going answers what it can and gives back the rest, as often as it likes; the next one is
 * asked meanwhile. */
static void test_handing_over(void **state)
{
	struct loop *l = loop_new();
	struct orders *os = orders_new(l, 60000);
	struct ask slow = ask_for("example.com/slow", NULL),
		   quick = ask_for("example.com/quick", NULL);
	char bytes[4096];
	int ends[2], before;
	assert_int_equal(channel_pair(ends), 0);
	orders_connect(os, ends[0]);
	orders_place(os, &slow.order);
	orders_place(os, &quick.order);
	uint32_t id = receive(ends[1], bytes, sizeof bytes).id;
	uint32_t quick_id = receive(ends[1], bytes, sizeof bytes).id;
	for (int i = 0; i < 5; i++) {
		before = ends[1];
		/* Given back before the next is there: it waits. */
		if (i == 2) give_back(before, id);
		if (i == 2) turn(l);
		assert_int_equal(channel_pair(ends), 0);
		orders_connect(os, ends[0]);
		struct ask later = ask_for("example.com/later", NULL);
		orders_place(os, &later.order);
		if (i == 2) assert_int_equal(receive(ends[1], bytes, sizeof bytes).id, id);
		answer(ends[1], receive(ends[1], bytes, sizeof bytes).id, MG_OK);
		if (i == 0) answer(before, quick_id, MG_NOT_FOUND);
		if (i != 2) give_back(before, id);
		while (!closed(before) || later.results == 0)
			turn(l);
		close(before);
		assert_int_equal(later.results, 1);
		assert_int_equal(quick.results, 1);
		assert_int_equal(slow.results, 0);
		if (i != 2) assert_int_equal(receive(ends[1], bytes, sizeof bytes).id, id);
	}
	answer(ends[1], id, MG_OK);
	while (slow.results == 0)
		turn(l);
	assert_int_equal(slow.code, MG_OK);
	close(ends[1]);
	orders_free(&os);
	loop_free(&l);
}

static void test_cancel_is_told(void **state)
{
	struct loop *l = loop_new();
	struct orders *os = orders_new(l, 60000);
	int ends[2];
	assert_int_equal(channel_pair(ends), 0);
	orders_connect(os, ends[0]);
	struct ask a = ask_for("example.com/m", NULL);
	orders_place(os, &a.order);
	char bytes[4096];
	uint32_t id = receive(ends[1], bytes, sizeof bytes).id;
	orders_cancel(&a.order);
	struct ticket t = receive(ends[1], bytes, sizeof bytes);
	assert_int_equal(t.type, TICKET_CANCEL);
	assert_int_equal(t.id, id);
	orders_cancel(&a.order); /* harmless */
	answer(ends[1], id, MG_OK);
	struct ask b = ask_for("example.com/n", l);
	orders_place(os, &b.order);
	answer(ends[1], receive(ends[1], bytes, sizeof bytes).id, MG_NOT_FOUND);
	loop_run(l);
	assert_int_equal(a.results, 0);
	assert_int_equal(b.code, MG_NOT_FOUND);
	close(ends[1]);
	orders_free(&os);
	loop_free(&l);
}

static void answer_the_last(void *arg, struct mg_span message, int *fds, size_t fd_count)
{
	struct channel **fetch = arg;
	struct ticket t;
	assert_true(ticket_decode(message, &t));
	if (t.type != TICKET_ORDER || !span_eq(t.path, SPAN("example.com/last"))) return;
	struct mg_buf out = BUF_MAX(4096);
	ticket_encode(&(struct ticket){ .type = TICKET_RESULT, .id = t.id }, &out);
	channel_send(*fetch, buf_span(&out), NULL, 0);
	buf_deinit(&out);
}

static void unexpected_end(void *arg)
{
	fail_msg("the channel was cut");
}

/* Fetch takes nothing for a while, and those who asked leave again and again: the channel is not cut,
 * for nobody would give another, and what is asked later arrives. */
static void test_fetch_that_sleeps(void **state)
{
	struct loop *l = loop_new();
	struct orders *os = orders_new(l, 60000);
	int ends[2];
	char path[1000];
	memset(path, 'x', sizeof path);
	assert_int_equal(channel_pair(ends), 0);
	orders_connect(os, ends[0]);
	for (int i = 0; i < 50000; i++) {
		struct ask a = ask_for("", NULL);
		a.order.path = span_make(path, sizeof path);
		orders_place(os, &a.order);
		orders_cancel(&a.order);
	}
	struct ask last = ask_for("example.com/last", l);
	orders_place(os, &last.order);
	struct channel *fetch = NULL;
	fetch = channel_new(l, ends[1], answer_the_last, unexpected_end, &fetch);
	loop_run(l);
	assert_int_equal(last.results, 1);
	assert_int_equal(last.code, MG_OK);
	channel_free(&fetch);
	orders_free(&os);
	loop_free(&l);
}

static void test_forget_is_heard(void **state)
{
	struct loop *l = loop_new();
	struct orders *os = orders_new(l, 60000);
	struct mg_buf out = BUF_MAX(64);
	int ends[2];
	assert_int_equal(channel_pair(ends), 0);
	orders_on_forget(os, stop, l);
	orders_connect(os, ends[0]);
	ticket_encode(&(struct ticket){ .type = TICKET_FORGET }, &out);
	assert_int_equal(send(ends[1], out.p, out.n, 0), (ssize_t)out.n);
	loop_run(l); /* until it is heard */
	buf_deinit(&out);
	close(ends[1]);
	orders_free(&os);
	loop_free(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order_is_answered), cmocka_unit_test(test_restart),
		cmocka_unit_test(test_cancel_is_told),    cmocka_unit_test(test_fetch_that_sleeps),
		cmocka_unit_test(test_forget_is_heard),   cmocka_unit_test(test_handing_over),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
