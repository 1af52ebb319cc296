/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/front.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/check.h"
#include "base/err.h"
#include "base/log.h"
#include "http/server.h"
#include "loop/channel.h"
#include "record/metrics.h"
#include "serve/certificates.h"
#include "serve/orders.h"
#include "serve/worker.h"

#define FS_THREADS   8
#define FS_QUEUE     4096
#define FS_WAIT_MS   20000
#define CUT_GRACE_MS 1000 /* the supervisor is gone: a short farewell */

struct front {
	struct worker *workers;
	unsigned count;
	_Atomic uint64_t storage_fault_ms;
	struct channel *control;
	struct certificates certificates; /* the first worker's loop */
	void (*on_ready)(void);
	void (*on_alive)(void);
	void (*on_deaf)(void);
	atomic_uint running; /* loops */
	atomic_uint silent;  /* loops that have not answered the ping */
	atomic_uint deaf;    /* loops that accept no more */
	atomic_uint drained; /* loops that have nobody left */
	const struct server_listener *listeners;
	size_t listener_count;
	int metrics_fd; /* told until the end of a drain */
};

struct command {
	struct front *front;
	struct worker *worker;
	uint64_t deadline_ms;
	int channel_fd;
	struct tlsserver *tls; /* a reference; NULL: none */
};

/* Commands are carried out on the worker's own loop. */
static void post(struct front *f, unsigned i, loop_fn *fn, uint64_t deadline_ms, int fd)
{
	struct command *c = check_malloc(sizeof *c);
	*c = (struct command){
		.front = f, .worker = &f->workers[i], .deadline_ms = deadline_ms, .channel_fd = fd
	};
	loop_post(f->workers[i].loop, fn, c);
}

static void post_all(struct front *f, loop_fn *fn, uint64_t deadline_ms)
{
	for (unsigned i = 0; i < f->count; i++)
		post(f, i, fn, deadline_ms, -1);
}

/* As long as anybody holds a socket that is not listened on any more, clients wait for us in vain. */
static void close_listening(struct front *f)
{
	if (atomic_fetch_add(&f->deaf, 1) + 1 != f->count) return;
	for (size_t i = 0; i < f->listener_count; i++)
		close(f->listeners[i].fd);
	if (f->metrics_fd >= 0 && f->workers[0].retired) close(f->metrics_fd);
	if (f->on_deaf != NULL) f->on_deaf();
}

static void stop_loop(void *loop)
{
	loop_stop(loop);
}

/* The loops end together: until then each hears of a new fetch, or the old one would wait for it. */
static void on_drained(void *arg)
{
	struct front *f = arg;
	if (atomic_fetch_add(&f->drained, 1) + 1 != f->count) return;
	for (unsigned i = 0; i < f->count; i++)
		loop_post(f->workers[i].loop, stop_loop, f->workers[i].loop);
}

static void greet_one(void *arg)
{
	struct command *c = arg;
	if (c->worker->server != NULL) server_set_tls(c->worker->server, c->tls);
	tlsserver_unref(&c->tls);
	free(c);
}

/* Connections that are there go on with what they were greeted with. */
static void change_certificates(struct front *f, int fd)
{
	struct mg_err err;
	if (certificates_load(&f->certificates, fd, &err) != MG_OK) {
		log_error("new certificates refused, the old ones are served on",
			  LOG_S("error", err.text));
		return;
	}
	for (unsigned i = 0; i < f->count; i++) {
		struct command *c = check_calloc(1, sizeof *c);
		tlsserver_ref(f->certificates.now);
		c->worker = &f->workers[i];
		c->tls = f->certificates.now;
		loop_post(f->workers[i].loop, greet_one, c);
	}
	log_info("new certificates are served", LOG_I("workers", f->count));
}

static void drain_one(void *arg)
{
	struct command *c = arg;
	const bool deaf = c->worker->draining || c->worker->retired;
	worker_drain(c->worker, c->deadline_ms);
	if (!deaf) close_listening(c->front);
	free(c);
}

static void retire_one(void *arg)
{
	struct command *c = arg;
	const bool deaf = c->worker->draining || c->worker->retired;
	worker_retire(c->worker, c->deadline_ms);
	if (!deaf) close_listening(c->front);
	free(c);
}

static void last_call_one(void *arg)
{
	struct command *c = arg;
	worker_last_call(c->worker);
	free(c);
}

static void connect_one(void *arg)
{
	struct command *c = arg;
	orders_connect(c->worker->orders, c->channel_fd);
	free(c);
}

static void alive_one(void *arg)
{
	struct front *f = arg;
	if (atomic_fetch_sub(&f->silent, 1) == 1 && f->on_alive != NULL) f->on_alive();
}

static void ping_all(struct front *f)
{
	/* Whoever has not answered the one before answers for both. */
	if (atomic_load(&f->silent) > 0) return;
	atomic_store(&f->silent, f->count);
	for (unsigned i = 0; i < f->count; i++)
		loop_post(f->workers[i].loop, alive_one, f);
}

static uint32_t read_u32(const char *p)
{
	const uint8_t *b = (const uint8_t *)p;
	return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static void on_control(void *arg, struct mg_span message, int *fds, size_t fd_count)
{
	struct front *f = arg;
	if (message.n == 5 && message.p[0] == FRONT_CONTROL_DRAIN) {
		post_all(f, drain_one, read_u32(message.p + 1));
	} else if (message.n == 5 && message.p[0] == FRONT_CONTROL_RETIRE) {
		post_all(f, retire_one, read_u32(message.p + 1));
	} else if (message.n == 1 && message.p[0] == FRONT_CONTROL_PING) {
		ping_all(f);
	} else if (message.n == 1 && message.p[0] == FRONT_CONTROL_LAST_CALL) {
		post_all(f, last_call_one, 0);
	} else if (message.n == 1 && message.p[0] == FRONT_CONTROL_TLS && fd_count == 1) {
		change_certificates(f, fds[0]);
	} else if (message.n == 1 && message.p[0] == FRONT_CONTROL_CHANNELS &&
		   fd_count == f->count) {
		for (unsigned i = 0; i < f->count; i++) {
			post(f, i, connect_one, 0, fds[i]);
			fds[i] = -1;
		}
	} else {
		log_error("malformed control message", LOG_I("bytes", message.n),
			  LOG_I("fds", fd_count));
	}
}

static void on_control_closed(void *arg)
{
	struct front *f = arg;
	channel_free(&f->control);
	post_all(f, drain_one, CUT_GRACE_MS);
}

static void count_one(void *arg)
{
	struct front *f = arg;
	if (atomic_fetch_add(&f->running, 1) + 1 == f->count && f->on_ready != NULL) f->on_ready();
}

static void *run_worker(void *arg)
{
	struct worker *w = arg;
	metrics_own(w->index);
	loop_run(w->loop);
	return NULL;
}

static void run_all(struct front *f)
{
	pthread_t *threads = check_calloc(f->count, sizeof *threads);
	for (unsigned i = 0; i < f->count; i++)
		loop_post(f->workers[i].loop, count_one, f);
	for (unsigned i = 1; i < f->count; i++) {
		MG_ASSERT(pthread_create(&threads[i], NULL, run_worker, &f->workers[i]) == 0);
	}
	metrics_own(0);
	loop_run(f->workers[0].loop);
	for (unsigned i = 1; i < f->count; i++)
		pthread_join(threads[i], NULL);
	free(threads);
}

/* Of four descriptors one is kept for files: without any, what is stored could not be opened, nor the
 * channels to a new fetch be taken. */
static uint32_t connections_of(const struct front_options *options, unsigned workers)
{
	struct rlimit files;
	uint64_t n = options->max_connections;
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur != RLIM_INFINITY &&
	    n > files.rlim_cur / 4 * 3) {
		n = files.rlim_cur / 4 * 3;
		log_warn("fewer connections than set: raise LimitNOFILE", LOG_I("connections", n),
			 LOG_I("descriptors", files.rlim_cur));
	}
	return n < workers ? workers : (uint32_t)n;
}

/* One address alone never takes the place of all others. */
static struct quota *quota_of(const struct front_options *o)
{
	const uint32_t most = o->max_connections - (o->max_connections + 7) / 8;
	return quota_new(&(struct quota_options){
		.connections = o->connections_per_address > 0 ? o->connections_per_address
			       : most > 0                     ? most
							      : 1,
		.requests = o->requests_per_address,
		.burst = o->burst_per_address,
	});
}

int front_run(const struct front_options *given, const struct server_listener *listeners,
	      size_t listener_count, int control_fd, const int *channel_fds, unsigned workers)
{
	struct store *store;
	struct mg_err err;
	struct front_options settled = *given;
	const struct front_options *options = &settled;
	settled.max_connections = connections_of(given, workers);
	if (store_open(options->store_root, STORE_READ, &store, &err) != MG_OK) {
		log_error("cannot open the store", LOG_S("root", options->store_root),
			  LOG_S("reason", err.text));
		return 1;
	}
	struct certificates certificates;
	certificates_init(&certificates, options->tls_ticket_rotate_ms);
	if (options->tls_fd >= 0 &&
	    certificates_load(&certificates, options->tls_fd, &err) != MG_OK) {
		log_error("cannot use the certificates", LOG_S("error", err.text));
		certificates_deinit(&certificates);
		store_close(&store);
		return 1;
	}
	char fields[256];
	int n = snprintf(fields, sizeof fields, "X-Go-Proxy: %s\r\n", options->go_proxy);
	MG_ASSERT(n > 0 && (size_t)n < sizeof fields);

	struct quota *quota = quota_of(options);
	struct lane *fs = lane_new("fs", FS_THREADS, FS_QUEUE, FS_WAIT_MS);
	struct front f = { .count = workers,
			   .workers = check_calloc(workers, sizeof(struct worker)),
			   .certificates = certificates,
			   .on_ready = options->on_ready,
			   .on_alive = options->on_alive,
			   .on_deaf = options->on_deaf,
			   .listeners = listeners,
			   .listener_count = listener_count,
			   .metrics_fd = options->metrics_fd };
	for (unsigned i = 0; i < workers; i++) {
		worker_init(&f.workers[i], options, store, fs, &f.storage_fault_ms, listeners,
			    listener_count, certificates.now, channel_fds[i],
			    span_make(fields, (size_t)n), quota, workers);
		f.workers[i].index = i;
		f.workers[i].on_drained = on_drained;
		f.workers[i].on_drained_arg = &f;
	}
	if (options->metrics && options->metrics_fd >= 0) worker_serve_metrics(&f.workers[0]);
	f.control = channel_new(f.workers[0].loop, control_fd, on_control, on_control_closed, &f);
	run_all(&f);

	lane_free(&fs);
	channel_free(&f.control);
	for (unsigned i = 0; i < workers; i++)
		worker_deinit(&f.workers[i]);
	free(f.workers);
	quota_free(&quota);
	certificates_deinit(&f.certificates);
	store_close(&store);
	return 0;
}
