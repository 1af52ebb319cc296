/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/lane.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/list.h"

/* Touched pages count, not this; libcurl, OpenSSL and the resolver fit, with sanitizers too. */
#define LANE_STACK   (1u << 20)
#define LANE_IDLE_MS 10000

struct lane_job {
	struct list node;
	struct loop *loop;
	lane_run_fn *run;
	lane_done_fn *done;
	void *job;
	uint64_t since_ms;
	bool ran;
};

struct lane {
	char name[16];
	unsigned max_threads, max_queue;
	uint64_t max_wait_ms, idle_ms;
	pthread_mutex_t lock;
	/* The rest is under the lock. */
	pthread_cond_t work;   /* a job came, or closing */
	pthread_cond_t expiry; /* for the expirer: a job waits, or closing */
	pthread_cond_t gone;   /* a thread left */
	struct list queue;
	unsigned waiting;
	unsigned threads; /* workers */
	unsigned idle;    /* of these, waiting for work */
	unsigned running; /* jobs */
	bool expirer;     /* its thread runs */
	bool closing;
	/* The thread that left last; it joins the one before it, so that joining it joins all. */
	bool has_left;
	pthread_t left;
};

static void init_cond(pthread_cond_t *c)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	MG_ASSERT(pthread_cond_init(c, &attr) == 0);
	pthread_condattr_destroy(&attr);
}

struct lane *lane_new(const char *name, unsigned max_threads, unsigned max_queue,
		      uint64_t max_wait_ms)
{
	struct lane *lane = check_calloc(1, sizeof *lane);

	MG_ASSERT(max_threads > 0);
	for (size_t i = 0; i + 1 < sizeof lane->name && name[i] != '\0'; i++)
		lane->name[i] = name[i];
	lane->max_threads = max_threads;
	lane->max_queue = max_queue;
	lane->max_wait_ms = max_wait_ms;
	lane->idle_ms = LANE_IDLE_MS;
	MG_ASSERT(pthread_mutex_init(&lane->lock, NULL) == 0);
	init_cond(&lane->work);
	init_cond(&lane->expiry);
	init_cond(&lane->gone);
	list_init(&lane->queue);
	return lane;
}

void lane_set_idle_ms(struct lane *lane, uint64_t idle_ms)
{
	pthread_mutex_lock(&lane->lock);
	lane->idle_ms = idle_ms;
	pthread_mutex_unlock(&lane->lock);
}

static void deliver(void *arg)
{
	struct lane_job *j = arg;
	lane_done_fn *done = j->done;
	void *job = j->job;
	bool ran = j->ran;

	free(j);
	done(job, ran);
}

static struct lane_job *take(struct lane *lane)
{
	struct lane_job *j = LIST_OWNER(list_first(&lane->queue), struct lane_job, node);

	list_remove(&j->node);
	lane->waiting--;
	return j;
}

/* Gives up the jobs at the head of the queue that waited too long. */
static void expire(struct lane *lane)
{
	if (lane->max_wait_ms == 0) return;
	uint64_t now = clock_mono_ms();
	while (lane->waiting > 0) {
		struct lane_job *j = LIST_OWNER(list_first(&lane->queue), struct lane_job, node);
		if (now - j->since_ms <= lane->max_wait_ms) return;
		take(lane);
		loop_post(j->loop, deliver, j);
	}
}

/* False when the time ran out. */
static bool wait_until(struct lane *lane, pthread_cond_t *cond, uint64_t mono_ms)
{
	struct timespec t = { .tv_sec = (time_t)(mono_ms / 1000),
			      .tv_nsec = (long)(mono_ms % 1000) * 1000000 };

	return pthread_cond_timedwait(cond, &lane->lock, &t) == 0;
}

/* Waits for a job; NULL when the thread should leave. */
static struct lane_job *next_job(struct lane *lane)
{
	uint64_t leave_at = clock_mono_ms() + lane->idle_ms;

	for (;;) {
		expire(lane);
		if (lane->waiting > 0 && !lane->closing) return take(lane);
		if (lane->closing) return NULL;
		lane->idle++;
		bool woken = wait_until(lane, &lane->work, leave_at);
		lane->idle--;
		if (!woken && lane->waiting == 0) return NULL;
	}
}

/* The last act of a thread. The lane may be gone once its thread is joined, not before: thread-local
 * state of libraries (OpenSSL) ends with the thread, and must end before the process does. */
static void leave(struct lane *lane)
{
	const bool follows = lane->has_left;
	const pthread_t before = lane->left;

	lane->has_left = true;
	lane->left = pthread_self();
	pthread_cond_broadcast(&lane->gone);
	pthread_mutex_unlock(&lane->lock);
	if (follows) pthread_join(before, NULL);
}

static void *work(void *arg)
{
	struct lane *lane = arg;
	struct lane_job *j;

	pthread_setname_np(pthread_self(), lane->name);
	pthread_mutex_lock(&lane->lock);
	while ((j = next_job(lane)) != NULL) {
		lane->running++;
		pthread_mutex_unlock(&lane->lock);
		j->run(j->job);
		j->ran = true;
		loop_post(j->loop, deliver, j);
		pthread_mutex_lock(&lane->lock);
		lane->running--;
	}
	lane->threads--;
	leave(lane);
	return NULL;
}

/* Runs only while every worker may be stuck: otherwise a job that waits too long behind hung ones
 * would learn of it when one of them ends. */
static void *watch_expiry(void *arg)
{
	struct lane *lane = arg;

	pthread_setname_np(pthread_self(), lane->name);
	pthread_mutex_lock(&lane->lock);
	uint64_t leave_at = clock_mono_ms() + lane->idle_ms;
	while (!lane->closing) {
		expire(lane);
		if (lane->waiting > 0) {
			struct lane_job *j =
				LIST_OWNER(list_first(&lane->queue), struct lane_job, node);
			wait_until(lane, &lane->expiry, j->since_ms + lane->max_wait_ms + 1);
			leave_at = clock_mono_ms() + lane->idle_ms;
		} else if (!wait_until(lane, &lane->expiry, leave_at) && lane->waiting == 0) {
			break;
		}
	}
	lane->expirer = false;
	leave(lane);
	return NULL;
}

static bool start_thread(struct lane *lane, void *(*main_fn)(void *))
{
	pthread_attr_t attr;
	pthread_t thread;
	sigset_t all, before;

	/* Signals belong to the loops. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, LANE_STACK);
	bool ok = pthread_create(&thread, &attr, main_fn, lane) == 0;
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return ok;
}

/* Sees to it that somebody will take what waits. False when nobody can. */
static bool staff(struct lane *lane)
{
	if (lane->waiting < lane->idle) {
		pthread_cond_signal(&lane->work);
		return true;
	}
	if (lane->threads < lane->max_threads) {
		lane->threads++;
		if (start_thread(lane, work)) return true;
		lane->threads--;
		if (lane->threads == 0) return false;
	}
	pthread_cond_signal(&lane->work);
	return true;
}

bool lane_submit(struct lane *lane, struct loop *l, lane_run_fn *run, lane_done_fn *done, void *job)
{
	struct lane_job *j = check_malloc(sizeof *j);
	bool ok = false;

	*j = (struct lane_job){
		.loop = l, .run = run, .done = done, .job = job, .since_ms = clock_mono_ms()
	};
	pthread_mutex_lock(&lane->lock);
	expire(lane);
	if (lane->closing || lane->waiting + lane->running >= lane->max_threads + lane->max_queue)
		goto out;
	if (!staff(lane)) goto out;
	list_append(&lane->queue, &j->node);
	lane->waiting++;
	ok = true;
	if (lane->max_wait_ms > 0 && lane->threads == lane->max_threads &&
	    lane->waiting > lane->idle) {
		if (lane->expirer)
			pthread_cond_signal(&lane->expiry);
		else
			lane->expirer = start_thread(lane, watch_expiry);
	}
out:
	pthread_mutex_unlock(&lane->lock);
	if (!ok) free(j);
	return ok;
}

unsigned lane_waiting(struct lane *lane)
{
	pthread_mutex_lock(&lane->lock);
	unsigned n = lane->waiting;
	pthread_mutex_unlock(&lane->lock);
	return n;
}

unsigned lane_threads(struct lane *lane)
{
	pthread_mutex_lock(&lane->lock);
	unsigned n = lane->threads;
	pthread_mutex_unlock(&lane->lock);
	return n;
}

void lane_free(struct lane **lp)
{
	struct lane *lane = *lp;

	if (lane == NULL) return;
	*lp = NULL;
	pthread_mutex_lock(&lane->lock);
	lane->closing = true;
	while (lane->waiting > 0) {
		struct lane_job *j = take(lane);
		loop_post(j->loop, deliver, j);
	}
	pthread_cond_broadcast(&lane->work);
	pthread_cond_broadcast(&lane->expiry);
	while (lane->threads > 0 || lane->expirer)
		pthread_cond_wait(&lane->gone, &lane->lock);
	pthread_mutex_unlock(&lane->lock);
	if (lane->has_left) pthread_join(lane->left, NULL);
	pthread_cond_destroy(&lane->work);
	pthread_cond_destroy(&lane->expiry);
	pthread_cond_destroy(&lane->gone);
	pthread_mutex_destroy(&lane->lock);
	free(lane);
}
