/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/refresh.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/list.h"
#include "base/log.h"
#include "fetch/direct.h"

/* --- now --- */

static void run(const struct job_means *m, const struct target *t, struct cancel *cancel,
		struct refresh_summary *sum)
{
	struct arena arena = ARENA_INIT;
	_Atomic unsigned requests = 0;
	struct job j = { .means = m,
			 .arena = &arena,
			 .target = *t,
			 .flags = TICKET_REFRESH,
			 .cancel = cancel,
			 .requests = &requests };
	job_run(&j);
	if (j.code == MG_OK && !j.stale) {
		sum->good++;
	} else if (j.code == MG_NOT_FOUND) {
		sum->absent++;
	} else {
		sum->failed++;
		if (j.code == MG_OK)
			err_set(&sum->why, MG_UNAVAILABLE, MG_CAUSE_NONE,
				"%s: nobody could be asked; what was stored stands",
				target_kind_name(t->kind));
		else
			sum->why = j.err;
	}
	arena_deinit(&arena);
}

static void run_all(const struct job_means *m, const struct target *targets, size_t n,
		    struct cancel *cancel, struct refresh_summary *sum)
{
	for (size_t i = 0; i < n && !cancel_is_set(cancel); i++)
		run(m, &targets[i], cancel, sum);
	if (n > 0 && m->on_damage != NULL) m->on_damage(m->on_damage_arg);
}

void refresh_module(const struct job_means *m, struct mg_span path, struct cancel *cancel,
		    struct refresh_summary *out)
{
	static const enum target_kind kinds[] = { TARGET_LIST, TARGET_LATEST };
	struct arena a = ARENA_INIT;
	struct target both[2], *queries = NULL;
	size_t n = 0;
	*out = (struct refresh_summary){ 0 };
	if (m->direct != NULL) direct_expire(m->direct, path);
	for (size_t i = 0; i < 2; i++)
		n += target_make(kinds[i], path, SPAN(""), &a, &both[n], &out->why) == MG_OK;
	out->failed += 2 - n;
	run_all(m, both, n, cancel, out);
	if (m->direct != NULL) {
		n = repobook_queries(direct_book(m->direct), path, &a, &queries);
		run_all(m, queries, n, cancel, out);
	}
	arena_deinit(&a);
}

/* --- later --- */

struct push {
	struct list node;
	size_t n;
	char address[];
};

struct refresh_queue {
	const struct job_means *means;
	pthread_mutex_t mutex;
	pthread_cond_t wake;
	pthread_t thread;
	bool begun, closing;
	struct list pushes;
	size_t waiting;
	struct cancel cancel;
};

static void refresh_repository(struct refresh_queue *r, struct mg_span address)
{
	struct arena a = ARENA_INIT;
	struct refresh_summary sum = { 0 };
	struct target *targets;
	const size_t n =
		repobook_of_repository(direct_book(r->means->direct), address, &a, &targets);
	run_all(r->means, targets, n, &r->cancel, &sum);
	log_info("refreshed after a push", LOG_SP("repository", address), LOG_I("good", sum.good),
		 LOG_I("absent", sum.absent), LOG_I("failed", sum.failed),
		 LOG_S("reason", sum.failed > 0 ? sum.why.text : ""));
	arena_deinit(&a);
}

static void *work(void *arg)
{
	struct refresh_queue *r = arg;
	pthread_mutex_lock(&r->mutex);
	while (!r->closing) {
		struct list *first = list_first(&r->pushes);
		if (first == NULL) {
			pthread_cond_wait(&r->wake, &r->mutex);
			continue;
		}
		struct push *p = LIST_OWNER(first, struct push, node);
		list_remove(&p->node);
		r->waiting--;
		pthread_mutex_unlock(&r->mutex);
		refresh_repository(r, span_make(p->address, p->n));
		free(p);
		pthread_mutex_lock(&r->mutex);
	}
	pthread_mutex_unlock(&r->mutex);
	return NULL;
}

struct refresh_queue *refresh_queue_new(const struct job_means *m)
{
	struct refresh_queue *r = check_calloc(1, sizeof *r);
	r->means = m;
	pthread_mutex_init(&r->mutex, NULL);
	pthread_cond_init(&r->wake, NULL);
	list_init(&r->pushes);
	cancel_init(&r->cancel);
	return r;
}

void refresh_queue_free(struct refresh_queue **rp)
{
	struct refresh_queue *r = *rp;
	*rp = NULL;
	if (r == NULL) return;
	cancel_set(&r->cancel);
	pthread_mutex_lock(&r->mutex);
	r->closing = true;
	pthread_cond_signal(&r->wake);
	pthread_mutex_unlock(&r->mutex);
	if (r->begun) pthread_join(r->thread, NULL);
	while (!list_empty(&r->pushes)) {
		struct push *p = LIST_OWNER(r->pushes.next, struct push, node);
		list_remove(&p->node);
		free(p);
	}
	pthread_cond_destroy(&r->wake);
	pthread_mutex_destroy(&r->mutex);
	free(r);
}

/* Who waits already will see this push too. */
static bool is_waiting(const struct refresh_queue *r, struct mg_span address)
{
	LIST_EACH(it, &r->pushes)
	{
		const struct push *p = LIST_OWNER(it, struct push, node);
		if (span_eq(span_make(p->address, p->n), address)) return true;
	}
	return false;
}

static void add(struct refresh_queue *r, struct mg_span address)
{
	struct push *p = check_malloc(sizeof *p + address.n);
	p->n = address.n;
	memcpy(p->address, address.p, address.n);
	list_append(&r->pushes, &p->node);
	r->waiting++;
	if (!r->begun) MG_ASSERT(pthread_create(&r->thread, NULL, work, r) == 0);
	r->begun = true;
	pthread_cond_signal(&r->wake);
}

size_t refresh_queue_push(struct refresh_queue *r, struct mg_span address)
{
	struct arena a = ARENA_INIT;
	struct target *targets;
	direct_expire(r->means->direct, address);
	const size_t n =
		repobook_of_repository(direct_book(r->means->direct), address, &a, &targets);
	arena_deinit(&a);
	pthread_mutex_lock(&r->mutex);
	if (n > 0 && r->waiting < REFRESH_QUEUE_MAX && !is_waiting(r, address)) add(r, address);
	pthread_mutex_unlock(&r->mutex);
	return n;
}
