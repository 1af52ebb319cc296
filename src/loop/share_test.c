/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/share.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/clock.h"

#define THREADS 12

/* A source of answers whose first question waits until it is let go. */
struct source {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	struct share *share;
	unsigned asked, entered;
	bool hold, held;
	enum mg_code code; /* of the first */
	const char *text;
};

static enum mg_code ask(void *arg, struct mg_buf *out, struct mg_err *err)
{
	struct source *s = arg;
	pthread_mutex_lock(&s->mutex);
	const bool first = s->asked++ == 0;
	const enum mg_code code = first ? s->code : MG_OK;
	if (first && s->hold) {
		s->held = true;
		pthread_cond_broadcast(&s->changed);
		while (s->hold)
			pthread_cond_wait(&s->changed, &s->mutex);
	}
	if (code == MG_OK) buf_append_str(out, s->text);
	pthread_mutex_unlock(&s->mutex);
	return code == MG_OK ? MG_OK : err_set(err, code, MG_CAUSE_HTTP, "as told");
}

struct asker {
	pthread_t thread;
	struct source *source;
	enum mg_code code;
	struct mg_err err;
	char text[64];
};

static enum mg_code get(struct source *s, const char *key, char *text, size_t n, struct mg_err *err)
{
	struct mg_buf out = BUF_MAX(100);
	const enum mg_code rc = share_get(s->share, span_of(key), NULL, ask, s, &out, err);
	snprintf(text, n, "%.*s", SPAN_ARG(buf_span(&out)));
	buf_deinit(&out);
	return rc;
}

static void *run(void *arg)
{
	struct asker *a = arg;
	pthread_mutex_lock(&a->source->mutex);
	a->source->entered++;
	pthread_cond_broadcast(&a->source->changed);
	pthread_mutex_unlock(&a->source->mutex);
	a->code = get(a->source, "key", a->text, sizeof a->text, &a->err);
	return NULL;
}

static void source_init(struct source *s, uint32_t keep_ms)
{
	*s = (struct source){ .text = "answer" };
	pthread_mutex_init(&s->mutex, NULL);
	pthread_cond_init(&s->changed, NULL);
	s->share = share_new(&(struct share_options){ .keep_ms = keep_ms, .max = 512 });
}

static void source_deinit(struct source *s)
{
	share_free(&s->share);
	assert_null(s->share);
	pthread_mutex_destroy(&s->mutex);
	pthread_cond_destroy(&s->changed);
}

/* Many ask while the first is held; between is called meanwhile. */
static void ask_at_once(struct source *s, struct asker *askers, void (*between)(struct source *s))
{
	s->hold = true;
	for (size_t i = 0; i < THREADS; i++) {
		askers[i] = (struct asker){ .source = s };
		assert_int_equal(pthread_create(&askers[i].thread, NULL, run, &askers[i]), 0);
	}
	pthread_mutex_lock(&s->mutex);
	while (!s->held || s->entered < THREADS)
		pthread_cond_wait(&s->changed, &s->mutex);
	pthread_mutex_unlock(&s->mutex);
	if (between != NULL) between(s);
	pthread_mutex_lock(&s->mutex);
	s->hold = false;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->mutex);
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(askers[i].thread, NULL), 0);
}

static void one_asks_for_all(void **state)
{
	struct source s;
	struct asker askers[THREADS];
	source_init(&s, 60000);
	ask_at_once(&s, askers, NULL);
	for (size_t i = 0; i < THREADS; i++) {
		assert_int_equal(askers[i].code, MG_OK);
		assert_string_equal(askers[i].text, "answer");
	}
	/* And it is kept for those who come later. */
	assert_int_equal(s.asked, 1);
	source_deinit(&s);
}

static void a_failure_is_shared_and_not_kept(void **state)
{
	struct source s;
	struct asker askers[THREADS];
	char text[64];
	struct mg_err err;
	size_t failed = 0;
	source_init(&s, 60000);
	s.code = MG_UNAVAILABLE;
	ask_at_once(&s, askers, NULL);
	for (size_t i = 0; i < THREADS; i++) {
		if (askers[i].code == MG_OK) {
			assert_string_equal(askers[i].text, "answer");
			continue;
		}
		failed++;
		assert_int_equal(askers[i].code, MG_UNAVAILABLE);
		assert_int_equal(askers[i].err.cause, MG_CAUSE_HTTP);
		assert_string_equal(askers[i].err.text, "as told");
		assert_string_equal(askers[i].text, "");
	}
	assert_true(failed >= 1);
	assert_int_equal(get(&s, "key", text, sizeof text, &err), MG_OK);
	assert_in_range(s.asked, 2, 2);
	source_deinit(&s);
}

static void who_was_canceled_does_not_speak_for_the_others(void **state)
{
	struct source s;
	struct asker askers[THREADS];
	size_t canceled = 0;
	source_init(&s, 60000);
	s.code = MG_CANCELED;
	ask_at_once(&s, askers, NULL);
	for (size_t i = 0; i < THREADS; i++)
		canceled += askers[i].code == MG_CANCELED;
	assert_int_equal(canceled, 1);
	assert_int_equal(s.asked, 2);
	source_deinit(&s);
}

static void clear(struct source *s)
{
	char text[64];
	struct mg_err err;
	/* Other keys do not wait. */
	assert_int_equal(get(s, "other", text, sizeof text, &err), MG_OK);
	share_clear(s->share);
	/* Nor does this one any more. */
	assert_int_equal(get(s, "key", text, sizeof text, &err), MG_OK);
	share_clear(s->share);
}

static void it_is_cleared_while_someone_asks(void **state)
{
	struct source s;
	struct asker askers[THREADS];
	source_init(&s, 60000);
	ask_at_once(&s, askers, clear);
	for (size_t i = 0; i < THREADS; i++)
		assert_string_equal(askers[i].text, "answer");
	/* Who begins to ask after that gets none of it. */
	char text[64];
	struct mg_err err;
	const unsigned asked = s.asked;
	s.text = "new";
	share_clear(s.share);
	assert_int_equal(get(&s, "key", text, sizeof text, &err), MG_OK);
	assert_string_equal(text, "new");
	assert_int_equal(s.asked, asked + 1);
	source_deinit(&s);
}

static void what_is_kept_grows_old(void **state)
{
	struct source s;
	char text[64];
	struct mg_err err;
	source_init(&s, 30);
	assert_int_equal(get(&s, "key", text, sizeof text, &err), MG_OK);
	const uint64_t until_ms = clock_mono_ms() + 30;
	s.text = "new";
	while (clock_mono_ms() < until_ms)
		;
	assert_int_equal(get(&s, "key", text, sizeof text, &err), MG_OK);
	assert_string_equal(text, "new");
	source_deinit(&s);
	/* Nothing is kept that may not be. */
	source_init(&s, 0);
	for (unsigned i = 1; i <= 3; i++) {
		assert_int_equal(get(&s, "key", text, sizeof text, &err), MG_OK);
		assert_int_equal(s.asked, i);
	}
	source_deinit(&s);
}

static void an_absence_is_kept_as_long_as_it_may(void **state)
{
	static const struct {
		enum mg_code code;
		bool kept;
	} rows[] = { { MG_NOT_FOUND, true },
		     { MG_INVALID, true },
		     { MG_UNAVAILABLE, false },
		     { MG_TIMEOUT, false },
		     { MG_DENIED, false } };
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct source s;
		char text[64];
		struct mg_err err = { 0 };
		source_init(&s, 0);
		share_free(&s.share);
		s.share = share_new(&(struct share_options){ .absent_ms = 60000, .max = 1 });
		s.code = rows[i].code;
		assert_int_equal(get(&s, "key", text, sizeof text, &err), rows[i].code);
		err = (struct mg_err){ 0 };
		if (rows[i].kept) {
			assert_int_equal(get(&s, "key", text, sizeof text, &err), rows[i].code);
			assert_string_equal(err.text, "as told");
			assert_int_equal(s.asked, 1);
		} else {
			assert_int_equal(get(&s, "key", text, sizeof text, &err), MG_OK);
			assert_int_equal(s.asked, 2);
		}
		source_deinit(&s);
	}
}

static void who_waits_may_be_canceled(void **state)
{
	struct source s;
	struct asker asker;
	struct cancel cancel;
	struct mg_buf out = BUF_MAX(100);
	struct mg_err err;
	source_init(&s, 60000);
	s.hold = true;
	asker = (struct asker){ .source = &s };
	assert_int_equal(pthread_create(&asker.thread, NULL, run, &asker), 0);
	pthread_mutex_lock(&s.mutex);
	while (!s.held)
		pthread_cond_wait(&s.changed, &s.mutex);
	pthread_mutex_unlock(&s.mutex);
	/* The first one is held until we are through: only a cancel ends this wait. */
	cancel_init(&cancel);
	cancel_set(&cancel);
	assert_int_equal(share_get(s.share, span_of("key"), &cancel, ask, &s, &out, &err),
			 MG_CANCELED);
	assert_int_equal(out.n, 0);
	pthread_mutex_lock(&s.mutex);
	s.hold = false;
	pthread_cond_broadcast(&s.changed);
	pthread_mutex_unlock(&s.mutex);
	assert_int_equal(pthread_join(asker.thread, NULL), 0);
	assert_int_equal(asker.code, MG_OK);
	assert_int_equal(s.asked, 1);
	buf_deinit(&out);
	source_deinit(&s);
}

static void the_oldest_go_first(void **state)
{
	struct source s;
	char text[64], key[16];
	struct mg_err err;
	source_init(&s, 60000);
	for (unsigned i = 0; i < 2000; i++) {
		snprintf(key, sizeof key, "%u", i);
		assert_int_equal(get(&s, key, text, sizeof text, &err), MG_OK);
	}
	assert_int_equal(s.asked, 2000);
	assert_int_equal(get(&s, "1999", text, sizeof text, &err), MG_OK);
	assert_int_equal(get(&s, "1500", text, sizeof text, &err), MG_OK);
	assert_int_equal(s.asked, 2000);
	assert_int_equal(get(&s, "0", text, sizeof text, &err), MG_OK);
	assert_int_equal(s.asked, 2001);
	source_deinit(&s);
}

/* --- everything at once --- */

struct crowd {
	struct share *share;
	atomic_uint asked;
};

struct question {
	struct crowd *crowd;
	unsigned key, nth;
};

static enum mg_code ask_crowd(void *arg, struct mg_buf *out, struct mg_err *err)
{
	const struct question *q = arg;
	atomic_fetch_add(&q->crowd->asked, 1);
	if (q->nth % 7 == 0) return err_set(err, MG_CANCELED, MG_CAUSE_NONE, "canceled");
	if (q->nth % 5 == 0) return err_set(err, MG_TIMEOUT, MG_CAUSE_NONE, "late");
	buf_printf(out, "%u", q->key);
	return MG_OK;
}

static void *mill_about(void *arg)
{
	struct crowd *c = arg;
	for (unsigned i = 1; i <= 3000; i++) {
		struct question q = { c, i * 7919u % 13, i };
		struct mg_buf out = BUF_MAX(100);
		struct mg_err err;
		char key[16], want[16];
		const int n = snprintf(key, sizeof key, "key %u", q.key);
		const enum mg_code rc = share_get(c->share, span_make(key, (size_t)n), NULL,
						  ask_crowd, &q, &out, &err);
		snprintf(want, sizeof want, "%u", q.key);
		/* Not cmocka's: it knows one thread only. */
		if (rc == MG_OK) MG_ASSERT(span_eq(buf_span(&out), span_of(want)));
		if (rc == MG_CANCELED) MG_ASSERT(i % 7 == 0);
		if (i % 11 == 0) share_clear(c->share);
		buf_deinit(&out);
	}
	return NULL;
}

static void a_crowd_is_served(void **state)
{
	struct crowd c = { .share =
				   share_new(&(struct share_options){ .keep_ms = 1, .max = 512 }) };
	pthread_t threads[THREADS];
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, mill_about, &c), 0);
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_true(c.asked > 0);
	share_free(&c.share);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_asks_for_all),
		cmocka_unit_test(a_failure_is_shared_and_not_kept),
		cmocka_unit_test(who_was_canceled_does_not_speak_for_the_others),
		cmocka_unit_test(it_is_cleared_while_someone_asks),
		cmocka_unit_test(what_is_kept_grows_old),
		cmocka_unit_test(an_absence_is_kept_as_long_as_it_may),
		cmocka_unit_test(who_waits_may_be_canceled),
		cmocka_unit_test(the_oldest_go_first),
		cmocka_unit_test(a_crowd_is_served),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
