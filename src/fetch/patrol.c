/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/patrol.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "fetch/scrub.h"

#define KEY       "meta/scrub"
#define STATE_MAX 20000
/* A server that starts has better things to do; and one that a scrub brings down serves meanwhile. */
#define FIRST_MS (10 * 60 * 1000)
/* How much of its way a crash may cost. */
#define SAVE_MS (30 * 1000)

struct patrol {
	const struct job_means *means;
	uint64_t every_ms;
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t wake;
	struct cancel cancel;
	/* the thread's own */
	struct mg_buf after; /* the last key of this round; empty: none has begun */
	int64_t finished_s;  /* wall clock; 0: never */
	uint64_t saved_ms;
};

/* state = key LF finished LF */

static void load(struct patrol *p)
{
	struct mg_buf text = BUF_MAX(STATE_MAX);
	struct mg_err err;
	uint64_t finished;
	if (store_read(p->means->store, KEY, true, &text, NULL, &err) == STORE_HIT) {
		struct mg_span rest = buf_span(&text);
		const struct mg_span after = span_cut(&rest, '\n');
		/* What cannot be read costs a round. */
		if (span_u64(span_cut(&rest, '\n'), INT64_MAX, &finished)) {
			buf_append(&p->after, after);
			p->finished_s = (int64_t)finished;
		}
	}
	buf_deinit(&text);
}

static void save(struct patrol *p)
{
	struct mg_buf text = BUF_MAX(STATE_MAX);
	struct mg_err err;
	buf_append(&text, buf_span(&p->after));
	buf_printf(&text, "\n%lld\n", (long long)p->finished_s);
	if (store_put(p->means->store, KEY, buf_span(&text), STAGE_REPLACE, &err) != MG_OK)
		log_warn("how far the scrub came is not kept", LOG_S("reason", err.text));
	buf_deinit(&text);
	p->saved_ms = clock_mono_ms();
}

/* --- a round --- */

static void on_progress(void *arg, uint64_t done, uint64_t total, uint64_t bytes, const char *key)
{
	struct patrol *p = arg;
	buf_clear(&p->after);
	buf_append_str(&p->after, key);
	if (clock_mono_ms() - p->saved_ms >= SAVE_MS) save(p);
}

static void on_finding(void *arg, enum scrub_finding what, const char *key, const char *why)
{
	log_error("scrub: corrupt store", LOG_S("key", key),
		  LOG_S("finding", scrub_finding_name(what)), LOG_S("reason", why));
}

static void go_round(struct patrol *p)
{
	struct scrub_summary sum;
	struct mg_err err;
	struct mg_buf from = BUF_MAX(STATE_MAX);
	buf_append(&from, buf_span(&p->after));
	p->saved_ms = clock_mono_ms();
	const enum mg_code rc = scrub_run(p->means,
					  &(struct scrub_options){
						  .threads = 1,
						  .repair = true,
						  .idle = true,
						  .after = from.n > 0 ? buf_cstr(&from) : NULL,
						  .cancel = &p->cancel,
						  .on_progress = on_progress,
						  .on_finding = on_finding,
						  .arg = p,
					  },
					  &sum, &err);
	if (rc == MG_OK) {
		buf_clear(&p->after);
		p->finished_s = clock_wall_s();
		log_info("scrub: the whole store was looked at", LOG_I("artifacts", sum.artifacts),
			 LOG_I("bytes", sum.bytes), LOG_I("healed", sum.found[SCRUB_HEALED]),
			 LOG_I("damaged", sum.found[SCRUB_DAMAGED]),
			 LOG_I("unreadable", sum.found[SCRUB_UNREADABLE]),
			 LOG_I("unproven", sum.unproven));
	}
	save(p);
	buf_deinit(&from);
}

/* --- its days --- */

/* Clocks are set: what lies in the future was never. */
static uint64_t wait_ms(const struct patrol *p)
{
	const int64_t since_ms = (clock_wall_s() - p->finished_s) * 1000;
	if (p->after.n > 0 || since_ms < 0 || (uint64_t)since_ms >= p->every_ms) return 0;
	return p->every_ms - (uint64_t)since_ms;
}

/* False: it is to end. */
static bool sleep_for(struct patrol *p, uint64_t ms)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(ms / 1000);
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	int rc = 0;
	pthread_mutex_lock(&p->mutex);
	while (rc == 0 && !cancel_is_set(&p->cancel))
		rc = pthread_cond_timedwait(&p->wake, &p->mutex, &until);
	pthread_mutex_unlock(&p->mutex);
	return !cancel_is_set(&p->cancel);
}

static void *work(void *arg)
{
	struct patrol *p = arg;
	load(p);
	if (!sleep_for(p, p->every_ms < FIRST_MS ? p->every_ms : FIRST_MS)) return NULL;
	while (sleep_for(p, wait_ms(p)))
		go_round(p);
	return NULL;
}

struct patrol *patrol_new(const struct job_means *m, uint64_t every_ms)
{
	struct patrol *p = check_calloc(1, sizeof *p);
	pthread_condattr_t attr;
	MG_ASSERT(every_ms > 0);
	p->means = m;
	p->every_ms = every_ms;
	p->after = BUF_MAX(STATE_MAX - 32);
	cancel_init(&p->cancel);
	pthread_mutex_init(&p->mutex, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&p->wake, &attr);
	pthread_condattr_destroy(&attr);
	MG_ASSERT(pthread_create(&p->thread, NULL, work, p) == 0);
	return p;
}

void patrol_free(struct patrol **pp)
{
	struct patrol *p = *pp;
	*pp = NULL;
	if (p == NULL) return;
	pthread_mutex_lock(&p->mutex);
	cancel_set(&p->cancel);
	pthread_cond_signal(&p->wake);
	pthread_mutex_unlock(&p->mutex);
	pthread_join(p->thread, NULL);
	pthread_cond_destroy(&p->wake);
	pthread_mutex_destroy(&p->mutex);
	buf_deinit(&p->after);
	free(p);
}
