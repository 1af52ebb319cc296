/* SPDX-License-Identifier: Apache-2.0 */
/* Lets the black box tests drive src/upstream: upstream_probe URL [name=value …]. Prints one JSON
 * line a GET: what came back, and how long it took. Options of upstream.h by name, and
 *   times=N (one after the other)  parallel=N (threads, each doing all of them)  gap_ms=N (between)
 *   max=BYTES  cancel_ms=N (token set that long after the start)  root=FILE-URL  bearer=TOKEN
 *   reach=N (as in reach.h; only of GETs behind the first after_reach ones)  insecure=1  post=1 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "text/json.h"
#include "upstream/upstream_fixture.h"

struct probe {
	struct upstream *upstream;
	struct upstream_options options;
	const char *url, *root, *bearer;
	uint64_t times, parallel, gap_ms, max, cancel_ms, reach, after_reach, insecure, post;
	struct cancel cancel;
	pthread_mutex_t print;
};

struct body {
	struct mg_buf bytes;
	unsigned restarts;
};

static enum mg_code on_write(void *arg, struct mg_span bytes, struct mg_err *err)
{
	struct body *b = arg;
	buf_append(&b->bytes, bytes);
	return MG_OK;
}

static enum mg_code on_restart(void *arg, struct mg_err *err)
{
	struct body *b = arg;
	buf_clear(&b->bytes);
	b->restarts++;
	return MG_OK;
}

static void sleep_ms(uint64_t ms)
{
	const struct timespec ts = { .tv_sec = (time_t)(ms / 1000),
				     .tv_nsec = (long)(ms % 1000) * 1000000 };
	nanosleep(&ts, NULL);
}

static void member(struct mg_buf *out, const char *key, struct mg_span value)
{
	buf_printf(out, "\"%s\":", key);
	json_quote(value, out);
	buf_append_str(out, ",");
}

static void print_result(struct probe *p, enum mg_code rc, const struct mg_err *err,
			 const struct upstream_answer *a, const struct body *b,
			 struct mg_span landed, uint64_t ms)
{
	struct mg_buf out = BUF_MAX(16u << 20);
	buf_append_str(&out, "{");
	member(&out, "code", span_of(err_code_name(rc)));
	member(&out, "cause", span_of(err_cause_name(rc == MG_OK ? MG_CAUSE_NONE : err->cause)));
	member(&out, "error", span_of(rc == MG_OK ? "" : err->text));
	member(&out, "type", span_of(a->content_type));
	member(&out, "text", buf_span(&a->text));
	struct mg_buf shown = BUF_MAX(16u << 10);
	upstream_redact(landed, &shown);
	member(&out, "landed", buf_span(&shown));
	buf_deinit(&shown);
	member(&out, "body", span_first(buf_span(&b->bytes), 256));
	buf_printf(&out,
		   "\"status\":%d,\"bytes\":%llu,\"sunk\":%zu,\"restarts\":%u,\"retry_after\":%u,"
		   "\"ms\":%llu}",
		   a->status, (unsigned long long)a->bytes, b->bytes.n, b->restarts,
		   rc == MG_OK ? a->retry_after_s : err->retry_after_s, (unsigned long long)ms);
	pthread_mutex_lock(&p->print);
	puts(buf_cstr(&out));
	fflush(stdout);
	pthread_mutex_unlock(&p->print);
	buf_deinit(&out);
}

static void one_get(struct probe *p, uint64_t number)
{
	struct mg_buf landed = BUF_MAX(16u << 10);
	struct body body = { .bytes = BUF_MAX(8u << 20) };
	struct upstream_answer answer = { .text = BUF_MAX(1024) };
	struct mg_err err = { 0 };
	const struct upstream_request rq = {
		.url = span_of(p->url),
		.root = span_of(p->root),
		.bearer = span_of(p->bearer),
		.post = p->post != 0,
		.reach = number < p->after_reach ? REACH_ANYWHERE : (enum reach)p->reach,
		.insecure = p->insecure != 0,
		.landed = &landed,
		.max_bytes = p->max,
		.sink = { .write = on_write, .restart = on_restart, .arg = &body },
		.cancel = &p->cancel,
	};
	uint64_t start_ms = clock_mono_ms();
	enum mg_code rc = upstream_get(p->upstream, &rq, &answer, &err);
	print_result(p, rc, &err, &answer, &body, buf_span(&landed), clock_mono_ms() - start_ms);
	buf_deinit(&landed);
	buf_deinit(&answer.text);
	buf_deinit(&body.bytes);
}

static void *run(void *arg)
{
	struct probe *p = arg;
	for (uint64_t i = 0; i < p->times; i++) {
		if (i > 0 && p->gap_ms > 0) sleep_ms(p->gap_ms);
		one_get(p, i);
	}
	return NULL;
}

static void *cancel_later(void *arg)
{
	struct probe *p = arg;
	sleep_ms(p->cancel_ms);
	cancel_set(&p->cancel);
	return NULL;
}

static bool set_option(struct probe *p, struct mg_span name, const char *value)
{
	const struct {
		const char *name;
		uint32_t *small;
		uint64_t *large;
	} numbers[] = {
		{ "connect_ms", &p->options.connect_ms, NULL },
		{ "first_byte_ms", &p->options.first_byte_ms, NULL },
		{ "stall_ms", &p->options.stall_ms, NULL },
		{ "retries", &p->options.retries, NULL },
		{ "redirects", &p->options.redirects, NULL },
		{ "per_host", &p->options.per_host, NULL },
		{ "queue_ms", &p->options.queue_ms, NULL },
		{ "breaker_failures", &p->options.breaker_failures, NULL },
		{ "breaker_open_ms", &p->options.breaker_open_ms, NULL },
		{ "times", NULL, &p->times },
		{ "parallel", NULL, &p->parallel },
		{ "gap_ms", NULL, &p->gap_ms },
		{ "max", NULL, &p->max },
		{ "cancel_ms", NULL, &p->cancel_ms },
		{ "reach", NULL, &p->reach },
		{ "after_reach", NULL, &p->after_reach },
		{ "insecure", NULL, &p->insecure },
		{ "post", NULL, &p->post },
	};
	if (span_eq(name, SPAN("root"))) return p->root = value, true;
	if (span_eq(name, SPAN("bearer"))) return p->bearer = value, true;
	if (span_eq(name, SPAN("networks"))) return p->options.networks = value, true;
	if (span_eq(name, SPAN("ca_file"))) return p->options.ca_file = value, true;
	if (span_eq(name, SPAN("via"))) return p->options.via = value, true;
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
		uint64_t v;
		if (!span_eq(name, span_of(numbers[i].name))) continue;
		if (!span_u64(span_of(value), UINT32_MAX, &v)) return false;
		if (numbers[i].small != NULL)
			*numbers[i].small = (uint32_t)v;
		else
			*numbers[i].large = v;
		return true;
	}
	return false;
}

int main(int argc, char **argv)
{
	struct probe p = { .options = UPSTREAM_FIXTURE_OPTIONS,
			   .times = 1,
			   .parallel = 1,
			   .max = 4u << 20,
			   .print = PTHREAD_MUTEX_INITIALIZER };
	if (argc < 2) return 2;
	p.url = argv[1];
	for (int i = 2; i < argc; i++) {
		struct mg_span rest = span_of(argv[i]);
		struct mg_span name = span_cut(&rest, '=');
		if (rest.p == NULL || !set_option(&p, name, rest.p)) {
			fprintf(stderr, "what is %s?\n", argv[i]);
			return 2;
		}
	}
	cancel_init(&p.cancel);
	p.upstream = upstream_new(&p.options);
	pthread_t canceler, threads[256];
	if (p.parallel > 256) return 2;
	if (p.cancel_ms > 0) pthread_create(&canceler, NULL, cancel_later, &p);
	for (uint64_t i = 0; i < p.parallel; i++)
		pthread_create(&threads[i], NULL, run, &p);
	for (uint64_t i = 0; i < p.parallel; i++)
		pthread_join(threads[i], NULL);
	if (p.cancel_ms > 0) pthread_join(canceler, NULL);
	upstream_free(&p.upstream);
	return 0;
}
