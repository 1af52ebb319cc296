/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/loop.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include <uv.h>

#include "base/check.h"
#include "base/list.h"

struct post {
	loop_fn *fn;
	void *arg;
};

struct post_queue {
	struct post *p;
	size_t n, cap;
};

struct loop {
	uv_loop_t uv;
	uv_async_t wake;
	struct list handles;
	pthread_t thread; /* valid while owned */
	bool owned;
	pthread_mutex_t post_lock;
	struct post_queue posted; /* under post_lock */
	struct post_queue draining;
};

enum handle_kind {
	HANDLE_IO,
	HANDLE_TIMER,
	HANDLE_CHORE,
	HANDLE_SIGNAL
};

/* What every registration begins with. uv_close completes later in the turn, so the memory goes in
 * its callback, while to the caller the handle is gone at once. */
struct handle {
	struct list node;
	struct loop *loop;
	enum handle_kind kind;
	union {
		uv_handle_t any;
		uv_poll_t poll;
		uv_timer_t timer;
		uv_idle_t chore;
		uv_signal_t signal;
	} uv;
};

struct loop_io {
	struct handle h;
	loop_io_fn *fn;
	void *arg;
	int fd;
	unsigned wanted;
	bool reads_all; /* loop_io_news_only was called */
	bool edge;      /* the kernel tells each arrival once */
};

struct loop_timer {
	struct handle h;
	loop_fn *fn;
	void *arg;
};

struct loop_chore {
	struct handle h;
	loop_fn *fn;
	void *arg;
};

struct loop_signal {
	struct handle h;
	loop_fn *fn;
	void *arg;
};

static void assert_thread(const struct loop *l)
{
	MG_ASSERT(!l->owned || pthread_equal(l->thread, pthread_self()));
}

static void on_wake(uv_async_t *async)
{
	struct loop *l = async->data;

	pthread_mutex_lock(&l->post_lock);
	struct post_queue batch = l->posted;
	l->posted = l->draining;
	l->posted.n = 0;
	pthread_mutex_unlock(&l->post_lock);

	for (size_t i = 0; i < batch.n; i++)
		batch.p[i].fn(batch.p[i].arg);
	l->draining = batch;
}

struct loop *loop_new(void)
{
	struct loop *l = check_calloc(1, sizeof *l);

	list_init(&l->handles);
	MG_ASSERT(pthread_mutex_init(&l->post_lock, NULL) == 0);
	MG_ASSERT(uv_loop_init(&l->uv) == 0);
	MG_ASSERT(uv_async_init(&l->uv, &l->wake, on_wake) == 0);
	l->wake.data = l;
	return l;
}

static void handle_add(struct loop *l, struct handle *h, enum handle_kind kind)
{
	h->loop = l;
	h->kind = kind;
	h->uv.any.data = h;
	list_append(&l->handles, &h->node);
}

static void on_handle_closed(uv_handle_t *uv)
{
	free(uv->data);
}

static void handle_close(struct handle *h)
{
	list_remove(&h->node);
	uv_close(&h->uv.any, on_handle_closed);
}

void loop_free(struct loop **lp)
{
	struct loop *l = *lp;

	if (l == NULL) return;
	*lp = NULL;
	assert_thread(l);
	while (l->posted.n > 0)
		on_wake(&l->wake);
	LIST_EACH_SAFE(it, &l->handles) handle_close(LIST_OWNER(it, struct handle, node));
	uv_close((uv_handle_t *)&l->wake, NULL);
	uv_run(&l->uv, UV_RUN_DEFAULT);
	MG_ASSERT(uv_loop_close(&l->uv) == 0);
	pthread_mutex_destroy(&l->post_lock);
	free(l->posted.p);
	free(l->draining.p);
	free(l);
}

void loop_run(struct loop *l)
{
	MG_ASSERT(!l->owned);
	l->thread = pthread_self();
	l->owned = true;
	uv_run(&l->uv, UV_RUN_DEFAULT);
	l->owned = false;
}

void loop_stop(struct loop *l)
{
	assert_thread(l);
	uv_stop(&l->uv);
}

uint64_t loop_now_ms(const struct loop *l)
{
	return uv_now(&l->uv);
}

void loop_post(struct loop *l, loop_fn *fn, void *arg)
{
	pthread_mutex_lock(&l->post_lock);
	struct post_queue *q = &l->posted;
	if (q->n == q->cap) {
		q->cap = q->cap ? q->cap * 2 : 64;
		q->p = check_realloc(q->p, q->cap * sizeof *q->p);
	}
	q->p[q->n++] = (struct post){ fn, arg };
	/* Inside the lock: once it is released the loop may run fn and be freed. */
	if (q->n == 1) uv_async_send(&l->wake);
	pthread_mutex_unlock(&l->post_lock);
}

static void on_poll(uv_poll_t *poll, int status, int uv_events);

static bool news_only(const struct loop_io *io)
{
	return io->reads_all && io->wanted == LOOP_READ;
}

static void start_poll(struct loop_io *io)
{
	int uv_events = ((io->wanted & LOOP_READ) ? UV_READABLE : 0) |
			((io->wanted & LOOP_WRITE) ? UV_WRITABLE : 0) |
			(news_only(io) ? UV_DISCONNECT : 0);

	io->edge = false;

	MG_ASSERT(uv_poll_start(&io->h.uv.poll, uv_events, on_poll) == 0);
}

/* libuv knows no edge-triggered polling. It registers a handle when the loop next waits and touches
 * the registration no more until the wanted events change, so once it has reported the first event
 * the registration may be altered under it. */
static void make_edge(struct loop_io *io)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data.fd = io->fd };

	io->edge = epoll_ctl(uv_backend_fd(&io->h.loop->uv), EPOLL_CTL_MOD, io->fd, &ev) == 0;
}

static void on_poll(uv_poll_t *poll, int status, int uv_events)
{
	struct loop_io *io = poll->data;
	unsigned events = 0;

	if (status < 0) {
		/* libuv stops a handle on POLLERR, but there may be bytes to read before the error. */
		start_poll(io);
		events = LOOP_READ | LOOP_WRITE | LOOP_BROKEN;
	}
	if (uv_events & UV_READABLE) events |= LOOP_READ;
	if (uv_events & UV_WRITABLE) events |= LOOP_WRITE;
	if (uv_events & UV_DISCONNECT) events |= LOOP_READ | LOOP_HANGUP;
	if (news_only(io) && !io->edge && status == 0) make_edge(io);
	io->fn(io->arg, events);
}

struct loop_io *loop_io_new(struct loop *l, int fd, loop_io_fn *fn, void *arg)
{
	struct loop_io *io = check_calloc(1, sizeof *io);

	assert_thread(l);
	io->fn = fn;
	io->arg = arg;
	io->fd = fd;
	MG_ASSERT(uv_poll_init(&l->uv, &io->h.uv.poll, fd) == 0);
	handle_add(l, &io->h, HANDLE_IO);
	return io;
}

void loop_io_news_only(struct loop_io *io)
{
	assert_thread(io->h.loop);
	MG_ASSERT(io->wanted == 0);
	io->reads_all = true;
}

void loop_io_want(struct loop_io *io, unsigned events)
{
	assert_thread(io->h.loop);
	/* uv_poll_start always goes through epoll_ctl, even where nothing changes. */
	if (events == io->wanted) return;
	io->wanted = events;
	if (events == 0)
		uv_poll_stop(&io->h.uv.poll);
	else
		start_poll(io);
}

void loop_io_free(struct loop_io **iop)
{
	struct loop_io *io = *iop;

	if (io == NULL) return;
	*iop = NULL;
	assert_thread(io->h.loop);
	handle_close(&io->h);
}

static void on_timer(uv_timer_t *timer)
{
	struct loop_timer *t = timer->data;

	t->fn(t->arg);
}

struct loop_timer *loop_timer_new(struct loop *l, loop_fn *fn, void *arg)
{
	struct loop_timer *t = check_calloc(1, sizeof *t);

	assert_thread(l);
	t->fn = fn;
	t->arg = arg;
	MG_ASSERT(uv_timer_init(&l->uv, &t->h.uv.timer) == 0);
	handle_add(l, &t->h, HANDLE_TIMER);
	return t;
}

void loop_timer_start(struct loop_timer *t, uint64_t after_ms, uint64_t repeat_ms)
{
	assert_thread(t->h.loop);
	uv_timer_start(&t->h.uv.timer, on_timer, after_ms, repeat_ms);
}

void loop_timer_stop(struct loop_timer *t)
{
	assert_thread(t->h.loop);
	uv_timer_stop(&t->h.uv.timer);
}

void loop_timer_free(struct loop_timer **tp)
{
	struct loop_timer *t = *tp;

	if (t == NULL) return;
	*tp = NULL;
	assert_thread(t->h.loop);
	handle_close(&t->h);
}

static void on_chore(uv_idle_t *chore)
{
	struct loop_chore *c = chore->data;

	c->fn(c->arg);
}

struct loop_chore *loop_chore_new(struct loop *l, loop_fn *fn, void *arg)
{
	struct loop_chore *c = check_calloc(1, sizeof *c);

	assert_thread(l);
	c->fn = fn;
	c->arg = arg;
	MG_ASSERT(uv_idle_init(&l->uv, &c->h.uv.chore) == 0);
	handle_add(l, &c->h, HANDLE_CHORE);
	return c;
}

void loop_chore_start(struct loop_chore *c)
{
	assert_thread(c->h.loop);
	uv_idle_start(&c->h.uv.chore, on_chore);
}

void loop_chore_stop(struct loop_chore *c)
{
	assert_thread(c->h.loop);
	uv_idle_stop(&c->h.uv.chore);
}

void loop_chore_free(struct loop_chore **cp)
{
	struct loop_chore *c = *cp;

	if (c == NULL) return;
	*cp = NULL;
	assert_thread(c->h.loop);
	handle_close(&c->h);
}

static void on_signal(uv_signal_t *signal, int signum)
{
	struct loop_signal *s = signal->data;

	s->fn(s->arg);
}

void loop_on_signal(struct loop *l, int signum, loop_fn *fn, void *arg)
{
	struct loop_signal *s = check_calloc(1, sizeof *s);

	assert_thread(l);
	s->fn = fn;
	s->arg = arg;
	MG_ASSERT(uv_signal_init(&l->uv, &s->h.uv.signal) == 0);
	handle_add(l, &s->h, HANDLE_SIGNAL);
	MG_ASSERT(uv_signal_start(&s->h.uv.signal, on_signal, signum) == 0);
}
