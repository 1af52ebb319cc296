/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/scrub.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/check.h"
#include "fetch/artifact.h"
#include "fetch/storedcopy.h"
#include "store/artifactwalk.h"

#define KEY_MAX 16384

/* Hits come first, whoever asks for a scrub. */
#define NICE      10
#define NICE_IDLE 19

/* The kernel's ioprio_set(2), which libc does not wrap. */
#define IOPRIO_WHO_PROCESS 1
#define IOPRIO_DEFAULT     0
#define IOPRIO_IDLE        (3 << 13)

struct scrub {
	const struct job_means *means;
	const struct scrub_options *options;
	pthread_mutex_t mutex; /* of what follows, and of the callbacks */
	struct artifactwalk *walk;
	uint64_t total;
	struct scrub_summary sum;
};

/* One thread's hands. */
struct hands {
	struct scrub *scrub;
	struct arena arena;
	struct mg_buf key;
	struct target target;
	_Atomic unsigned requests;
	struct job job;
};

const char *scrub_finding_name(enum scrub_finding what)
{
	static const char *const names[SCRUB_FINDINGS] = {
		[SCRUB_HEALED] = "healed",
		[SCRUB_DAMAGED] = "damaged",
		[SCRUB_UNREADABLE] = "unreadable",
	};
	return names[what];
}

/* Of this thread. A kernel that knows no such classes has no need of them. */
static void set_io_priority(int priority)
{
	(void)syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, priority);
}

static void give_way(bool idle)
{
	(void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), idle ? NICE_IDLE : NICE);
	if (idle) set_io_priority(IOPRIO_IDLE);
}

/* --- one artifact --- */

static void tell(struct hands *h, enum scrub_finding what, const char *why)
{
	struct scrub *s = h->scrub;
	const struct scrub_options *o = s->options;
	pthread_mutex_lock(&s->mutex);
	s->sum.found[what]++;
	if (o->on_finding != NULL) o->on_finding(o->arg, what, buf_cstr(&h->key), why);
	pthread_mutex_unlock(&s->mutex);
}

static void note_unproven(struct scrub *s, const struct mg_err *why)
{
	pthread_mutex_lock(&s->mutex);
	if (s->sum.unproven++ == 0) s->sum.unproven_why = *why;
	pthread_mutex_unlock(&s->mutex);
}

/* The ordinary way of a miss, which looks for itself what is still there. */
static void heal(struct hands *h, enum scrub_finding what, const struct mg_err *why)
{
	struct mg_err now;
	bool asked;
	if (!h->scrub->options->repair) {
		tell(h, what, why->text);
	} else if (artifact_get(&h->job, &h->target, true, &asked, &now) == MG_OK) {
		tell(h, SCRUB_HEALED, why->text);
	} else {
		char both[MG_ERR_TEXT];
		snprintf(both, sizeof both, "%.230s; not healed: %.200s", why->text, now.text);
		tell(h, what, both);
	}
}

static void treat(struct hands *h, struct storedcopy_check *check)
{
	struct mg_err why = { 0 };
	const enum storedcopy_state state = storedcopy_check(&h->job, &h->target, check, &why);
	if (check->mended)
		tell(h, SCRUB_HEALED, "corrupt store: the .ziphash beside it had another hash");
	/* What was not looked at to its end says nothing. */
	if (cancel_is_set(h->job.cancel) && state != STOREDCOPY_DAMAGED) return;
	switch (state) {
	case STOREDCOPY_SOUND:
	case STOREDCOPY_ABSENT:
	case STOREDCOPY_SUSPECT:
		break;
	case STOREDCOPY_UNASKED:
		note_unproven(h->scrub, &why);
		break;
	case STOREDCOPY_DAMAGED:
		heal(h, SCRUB_DAMAGED, &why);
		break;
	case STOREDCOPY_TROUBLED:
		heal(h, SCRUB_UNREADABLE, &why);
		break;
	}
}

/* Without giving way to anybody: others wait for the locks it takes. */
static void treat_at_once(struct hands *h, struct storedcopy_check *check)
{
	set_io_priority(IOPRIO_DEFAULT);
	treat(h, check);
	set_io_priority(IOPRIO_IDLE);
}

static uint64_t see_to(struct hands *h)
{
	const struct scrub_options *o = h->scrub->options;
	struct storedcopy_check check = { .thorough = o->thorough, .keep_cold = o->idle };
	struct mg_err none;
	h->job.target = h->target;
	if (!o->idle) {
		treat(h, &check);
		return check.bytes;
	}
	check.look_only = true;
	const bool suspect =
		storedcopy_check(&h->job, &h->target, &check, &none) == STOREDCOPY_SUSPECT;
	check.look_only = false;
	if (suspect && !cancel_is_set(o->cancel)) treat_at_once(h, &check);
	return check.bytes;
}

/* A folder that is none hides what lies below it; where nothing stands, all of it can be had again. */
static void see_to_folder(struct hands *h, struct mg_err *why)
{
	const struct scrub *s = h->scrub;
	struct mg_err err;
	const char *key = buf_cstr(&h->key);
	if (why->code == MG_CORRUPT && s->options->repair &&
	    store_quarantine(s->means->store, key, why->text, &err) == MG_OK)
		tell(h, SCRUB_HEALED, why->text);
	else
		tell(h, SCRUB_UNREADABLE, why->text);
}

/* --- all of them --- */

static enum artifactwalk_result next(struct hands *h, struct mg_err *err)
{
	struct scrub *s = h->scrub;
	arena_deinit(&h->arena);
	if (cancel_is_set(s->options->cancel)) return ARTIFACTWALK_END;
	pthread_mutex_lock(&s->mutex);
	const enum artifactwalk_result r =
		artifactwalk_next(s->walk, &h->arena, &h->key, &h->target, err);
	pthread_mutex_unlock(&s->mutex);
	return r;
}

static void count_done(struct hands *h, uint64_t bytes)
{
	struct scrub *s = h->scrub;
	const struct scrub_options *o = s->options;
	pthread_mutex_lock(&s->mutex);
	s->sum.artifacts++;
	s->sum.bytes += bytes;
	/* What came in meanwhile was not counted. */
	if (s->total > 0 && s->total < s->sum.artifacts) s->total = s->sum.artifacts;
	if (o->on_progress != NULL)
		o->on_progress(o->arg, s->sum.artifacts, s->total, s->sum.bytes, buf_cstr(&h->key));
	pthread_mutex_unlock(&s->mutex);
}

static void look_at(struct hands *h)
{
	const uint64_t bytes = see_to(h);
	if (!cancel_is_set(h->scrub->options->cancel)) count_done(h, bytes);
}

static void *work(void *arg)
{
	struct hands *h = arg;
	struct mg_err err;
	enum artifactwalk_result r;
	give_way(h->scrub->options->idle);
	while ((r = next(h, &err)) != ARTIFACTWALK_END) {
		if (r == ARTIFACTWALK_FAULT)
			see_to_folder(h, &err);
		else
			look_at(h);
	}
	return NULL;
}

static uint64_t count_all(const struct job_means *m, const struct scrub_options *o)
{
	struct artifactwalk *w = artifactwalk_new(m->store, o->after);
	struct arena arena = ARENA_INIT;
	struct mg_buf key = BUF_MAX(KEY_MAX);
	struct target t;
	struct mg_err err;
	enum artifactwalk_result r;
	uint64_t n = 0;
	while (!cancel_is_set(o->cancel) &&
	       (r = artifactwalk_next(w, &arena, &key, &t, &err)) != ARTIFACTWALK_END) {
		n += r == ARTIFACTWALK_FOUND;
		arena_deinit(&arena);
	}
	arena_deinit(&arena);
	buf_deinit(&key);
	artifactwalk_free(&w);
	return n;
}

static unsigned threads_of(const struct scrub_options *o)
{
	cpu_set_t cpus;
	unsigned n = o->threads;
	if (n == 0)
		n = sched_getaffinity(0, sizeof cpus, &cpus) == 0 ? (unsigned)CPU_COUNT(&cpus) : 1;
	return n < 1 ? 1 : n > SCRUB_THREADS_MAX ? SCRUB_THREADS_MAX : n;
}

enum mg_code scrub_run(const struct job_means *m, const struct scrub_options *options,
		       struct scrub_summary *out, struct mg_err *err)
{
	const unsigned n = threads_of(options);
	struct scrub s = { .means = m, .options = options, .mutex = PTHREAD_MUTEX_INITIALIZER };
	struct hands hands[SCRUB_THREADS_MAX];
	pthread_t threads[SCRUB_THREADS_MAX];
	if (options->count) s.total = count_all(m, options);
	s.walk = artifactwalk_new(m->store, options->after);
	for (unsigned i = 0; i < n; i++) {
		hands[i] = (struct hands){ .scrub = &s, .key = BUF_MAX(KEY_MAX) };
		hands[i].job = (struct job){ .means = m,
					     .arena = &hands[i].arena,
					     .flags = TICKET_UNPROVEN | TICKET_DAMAGED,
					     .cancel = options->cancel,
					     .requests = &hands[i].requests };
		/* Threads of its own, always: priorities of the caller's thread could not be raised again. */
		MG_ASSERT(pthread_create(&threads[i], NULL, work, &hands[i]) == 0);
	}
	for (unsigned i = 0; i < n; i++) {
		pthread_join(threads[i], NULL);
		arena_deinit(&hands[i].arena);
		buf_deinit(&hands[i].key);
	}
	artifactwalk_free(&s.walk);
	pthread_mutex_destroy(&s.mutex);
	*out = s.sum;
	if (cancel_is_set(options->cancel))
		return err_set(err, MG_CANCELED, MG_CAUSE_NONE, "stopped before its end");
	return MG_OK;
}
