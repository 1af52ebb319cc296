/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/warm.h"

#include <pthread.h>
#include <unistd.h>

#include "base/check.h"

#define KEY_MAX 16384
#define THREADS 16

struct warm {
	const struct job_means *means;
	const struct warm_options *options;
	const struct target *targets;
	size_t n;
	pthread_mutex_t mutex; /* of what follows, and of the callbacks */
	size_t next;
	struct warm_summary sum;
};

static bool is_stored(const struct job_means *m, const struct target *t, uint64_t *bytes)
{
	struct mg_buf key = BUF_MAX(KEY_MAX);
	struct store_file file;
	struct mg_err none;
	store_key(t, &key);
	const bool found = store_find(m->store, buf_cstr(&key), true, &file, &none) == STORE_HIT;
	if (found) {
		*bytes = file.size;
		close(file.fd);
	}
	buf_deinit(&key);
	return found;
}

static void get(struct warm *w, const struct target *t)
{
	const struct warm_options *o = w->options;
	struct arena arena = ARENA_INIT;
	_Atomic unsigned requests = 0;
	uint64_t bytes = 0;
	struct job j = { .means = w->means,
			 .arena = &arena,
			 .target = *t,
			 .flags = TICKET_UNPROVEN,
			 .cancel = o->cancel,
			 .requests = &requests };
	const bool had = is_stored(w->means, t, &bytes);
	job_run(&j);
	if (j.code == MG_OK && !had) (void)is_stored(w->means, t, &bytes);
	pthread_mutex_lock(&w->mutex);
	w->sum.done++;
	if (j.code == MG_OK) {
		w->sum.bytes += bytes;
		w->sum.had += had;
		w->sum.got += !had;
	} else if (j.code != MG_CANCELED) {
		w->sum.failed++;
		if (o->on_failure != NULL) o->on_failure(o->arg, t, &j.err);
	}
	if (o->on_progress != NULL) o->on_progress(o->arg, w->sum.done, w->n, w->sum.bytes);
	pthread_mutex_unlock(&w->mutex);
	arena_deinit(&arena);
}

static void *work(void *arg)
{
	struct warm *w = arg;
	for (;;) {
		pthread_mutex_lock(&w->mutex);
		const size_t i = w->next < w->n ? w->next++ : w->n;
		pthread_mutex_unlock(&w->mutex);
		if (i == w->n || cancel_is_set(w->options->cancel)) return NULL;
		get(w, &w->targets[i]);
	}
}

enum mg_code warm_run(const struct job_means *m, const struct target *targets, size_t n,
		      const struct warm_options *options, struct warm_summary *out,
		      struct mg_err *err)
{
	struct warm w = { .means = m,
			  .options = options,
			  .targets = targets,
			  .n = n,
			  .mutex = PTHREAD_MUTEX_INITIALIZER };
	pthread_t threads[WARM_THREADS_MAX];
	size_t count = options->threads == 0 ? THREADS : options->threads;
	if (count > WARM_THREADS_MAX) count = WARM_THREADS_MAX;
	if (count > n) count = n;
	for (size_t i = 0; i < count; i++)
		MG_ASSERT(pthread_create(&threads[i], NULL, work, &w) == 0);
	for (size_t i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	pthread_mutex_destroy(&w.mutex);
	*out = w.sum;
	if (cancel_is_set(options->cancel))
		return err_set(err, MG_CANCELED, MG_CAUSE_NONE, "stopped before its end");
	return MG_OK;
}
