/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/logline.h"

#define RING_SIZE ((size_t)256 << 10)
/* The writer lets lines gather this long, so that a busy process makes a write per batch and not
 * one per request. Warnings and errors do not wait. */
#define LINGER_MS 5
#define STOP_MS   2000

/* Where the lines go, set by log_init before there are threads. */
static struct {
	const char *role;
	int fd;
	enum log_format format;
} out = { .role = "modgate", .fd = STDERR_FILENO };
static _Atomic int threshold = LOG_LEVEL_INFO;
static _Atomic uint64_t dropped;

enum ring_mode {
	RING_DIRECT,  /* no thread: lines are written by their callers */
	RING_RUNNING, /* lines are queued */
	RING_STOPPING,
	RING_STUCK, /* the sink took nothing at stop: lines are dropped */
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t wake;  /* the writer's */
	pthread_cond_t ended; /* log_stop's */
	pthread_t thread;
	enum ring_mode mode;
	bool exited;
	bool urgent;      /* do not linger */
	size_t head, len; /* first byte and number of bytes queued */
	char bytes[RING_SIZE];
} ring = { .lock = PTHREAD_MUTEX_INITIALIZER,
	   .wake = PTHREAD_COND_INITIALIZER,
	   .ended = PTHREAD_COND_INITIALIZER };

void log_init(const char *role, int fd, enum log_level level, enum log_format format)
{
	out.role = role;
	out.fd = fd;
	out.format = format;
	atomic_store_explicit(&threshold, (int)level, memory_order_relaxed);
}

bool log_enabled(enum log_level level)
{
	return (int)level >= atomic_load_explicit(&threshold, memory_order_relaxed);
}

uint64_t log_dropped(void)
{
	return atomic_load_explicit(&dropped, memory_order_relaxed);
}

static void drop(uint64_t lines)
{
	atomic_fetch_add_explicit(&dropped, lines, memory_order_relaxed);
}

/* Writes all of it, waiting for a sink that is set to not block. */
static bool write_all(const char *p, size_t n)
{
	while (n > 0) {
		ssize_t done = write(out.fd, p, (unsigned)n);
		if (done >= 0) {
			p += done;
			n -= (size_t)done;
		} else if (errno == EAGAIN) {
			nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
		} else if (errno != EINTR) {
			return false;
		}
	}
	return true;
}

static struct timespec deadline(unsigned ms)
{
	int64_t at = clock_wall_ms() + ms;
	return (struct timespec){ .tv_sec = (time_t)(at / 1000),
				  .tv_nsec = (long)(at % 1000) * 1000000 };
}

static bool may_linger(void)
{
	return ring.mode == RING_RUNNING && !ring.urgent && ring.len < RING_SIZE / 2;
}

/* With the lock held: waits for lines worth writing; false when there is nothing left to do. */
static bool wait_for_lines(void)
{
	while (ring.len == 0 && ring.mode == RING_RUNNING)
		pthread_cond_wait(&ring.wake, &ring.lock);
	struct timespec until = deadline(LINGER_MS);
	while (may_linger())
		if (pthread_cond_timedwait(&ring.wake, &ring.lock, &until) != 0) break;
	ring.urgent = false;
	return ring.len > 0;
}

static uint64_t count_lines(const char *p, size_t n)
{
	uint64_t lines = 0;
	for (size_t i = 0; i < n; i++)
		lines += p[i] == '\n';
	return lines;
}

/* Tells of lines lost since the last time. */
static void report_drops(uint64_t *reported)
{
	uint64_t total = log_dropped();
	if (total == *reported) return;
	struct log_field count = LOG_I("lines", total - *reported);
	struct logline line;
	logline_make(&line, out.format, clock_wall_ms(), out.role, LOG_LEVEL_WARN,
		     "log lines dropped: the sink is too slow or failed", &count, 1);
	if (write_all(line.text, line.n)) *reported = total;
}

static void *writer(void *arg)
{
	uint64_t reported = log_dropped();
	pthread_mutex_lock(&ring.lock);
	while (wait_for_lines()) {
		/* Up to the end of the array: writers only fill the free part, so these bytes may be
		 * read without the lock. */
		const char *p = ring.bytes + ring.head;
		size_t n = ring.len < RING_SIZE - ring.head ? ring.len : RING_SIZE - ring.head;
		pthread_mutex_unlock(&ring.lock);
		if (!write_all(p, n)) drop(count_lines(p, n));
		pthread_mutex_lock(&ring.lock);
		ring.head = (ring.head + n) % RING_SIZE;
		ring.len -= n;
		if (ring.len == 0) {
			pthread_mutex_unlock(&ring.lock);
			report_drops(&reported);
			pthread_mutex_lock(&ring.lock);
		}
	}
	ring.exited = true;
	ring.mode = RING_DIRECT;
	pthread_cond_signal(&ring.ended);
	pthread_mutex_unlock(&ring.lock);
	return NULL;
}

void log_start(void)
{
	MG_ASSERT(ring.mode == RING_DIRECT);
	ring.mode = RING_RUNNING;
	ring.exited = false;
	ring.head = ring.len = 0;
#ifndef _WIN32
	/* Signals are for the other threads; a closed sink shall be EPIPE here, not the end. */
	sigset_t all, old;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
#endif
	MG_ASSERT(pthread_create(&ring.thread, NULL, writer, NULL) == 0);
#ifndef _WIN32
	pthread_sigmask(SIG_SETMASK, &old, NULL);
#endif
}

void log_stop(void)
{
	pthread_mutex_lock(&ring.lock);
	if (ring.mode != RING_RUNNING) {
		pthread_mutex_unlock(&ring.lock);
		return;
	}
	ring.mode = RING_STOPPING;
	pthread_cond_signal(&ring.wake);
	struct timespec until = deadline(STOP_MS);
	while (!ring.exited)
		if (pthread_cond_timedwait(&ring.ended, &ring.lock, &until) != 0) break;
	bool exited = ring.exited;
	if (!exited) ring.mode = RING_STUCK;
	pthread_mutex_unlock(&ring.lock);
	if (exited)
		pthread_join(ring.thread, NULL);
	else
		pthread_detach(ring.thread);
}

/* With the lock held. Lines are queued whole or not at all. */
static bool enqueue(const struct logline *line)
{
	if (line->n > RING_SIZE - ring.len) return false;
	size_t tail = (ring.head + ring.len) % RING_SIZE;
	size_t first = line->n < RING_SIZE - tail ? line->n : RING_SIZE - tail;
	memcpy(ring.bytes + tail, line->text, first);
	memcpy(ring.bytes, line->text + first, line->n - first);
	ring.len += line->n;
	return true;
}

void log_write(enum log_level level, const char *msg, const struct log_field *fields, size_t n)
{
	struct logline line __attribute__((uninitialized)); /* 8 KiB a line need no clearing */
	logline_make(&line, out.format, clock_wall_ms(), out.role, level, msg, fields, n);

	pthread_mutex_lock(&ring.lock);
	enum ring_mode mode = ring.mode;
	bool wake = false, kept = false;
	if (mode == RING_RUNNING || mode == RING_STOPPING) {
		wake = ring.len == 0;
		kept = enqueue(&line);
		if (level >= LOG_LEVEL_WARN) ring.urgent = true;
		wake = wake || ring.urgent || ring.len >= RING_SIZE / 2;
	}
	if (wake) pthread_cond_signal(&ring.wake);
	pthread_mutex_unlock(&ring.lock);

	if (mode == RING_DIRECT) kept = write_all(line.text, line.n);
	if (!kept) drop(1);
}
