/* SPDX-License-Identifier: Apache-2.0 */
#include "meta/meta.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "meta/meta_file.h"
#include "store/store_fixture.h"

static struct meta *opened(struct fixture *f)
{
	struct meta *m = NULL;
	if (meta_open(f->root, &m, &f->err) != MG_OK) fail_msg("%s", f->err.text);
	return m;
}

static void test_get_put_swap(void **state)
{
	struct fixture *f = *state;
	struct meta *m = opened(f);
	struct mg_buf b = BUF_MAX(100);
	uint64_t revision = 77;
	assert_int_equal(meta_get(m, "upstreams", &b, &revision, &f->err), MG_NOT_FOUND);
	assert_int_equal(revision, 77);
	assert_int_equal(meta_swap(m, "upstreams", 1, SPAN("x"), &f->err), META_LOST);
	assert_int_equal(meta_put_if_absent(m, "upstreams", SPAN("one\n"), &f->err), META_DONE);
	assert_int_equal(meta_put_if_absent(m, "upstreams", SPAN("two\n"), &f->err), META_LOST);
	assert_int_equal(meta_get(m, "upstreams", &b, &revision, &f->err), MG_OK);
	assert_string_equal(buf_cstr(&b), "one\n");
	assert_int_equal(revision, 1);
	assert_int_equal(meta_swap(m, "upstreams", 1, SPAN(""), &f->err), META_DONE);
	assert_int_equal(meta_swap(m, "upstreams", 1, SPAN("late"), &f->err), META_LOST);
	meta_close(&m);
	assert_null(m);
	m = opened(f);
	assert_int_equal(meta_get(m, "upstreams", &b, &revision, &f->err), MG_OK);
	assert_int_equal(b.n, 0);
	assert_int_equal(revision, 2);
	struct mg_buf small = BUF_MAX(2);
	assert_int_equal(meta_swap(m, "upstreams", 2, SPAN("long"), &f->err), META_DONE);
	assert_int_equal(meta_get(m, "upstreams", &small, &revision, &f->err), MG_CORRUPT);
	meta_close(&m);
	buf_deinit(&b);
	buf_deinit(&small);
}

static void test_damage(void **state)
{
	static const char *const texts[] = {
		"",
		"modgate-meta 1 1",
		"modgate-meta 1 1 00\nvalue",
		"other",
		"modgate-meta 1 0 "
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\nabc",
		"modgate-meta 1 1 "
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\nabd",
	};
	struct fixture *f = *state;
	struct meta *m = opened(f);
	struct mg_buf b = BUF_MAX(100);
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		FILE *out = fopen(fixture_path(f, "meta/name"), "w");
		fputs(texts[i], out);
		fclose(out);
		assert_int_equal(meta_get(m, "name", &b, NULL, &f->err), MG_CORRUPT);
		assert_int_equal(meta_swap(m, "name", 1, SPAN("x"), &f->err), META_FAULT);
		assert_int_equal(meta_put_if_absent(m, "name", SPAN("x"), &f->err), META_FAULT);
	}
	assert_int_equal(unlink(fixture_path(f, "meta/name")), 0);
	assert_int_equal(mkdir(fixture_path(f, "meta/name"), 0700), 0);
	assert_int_equal(meta_get(m, "name", &b, NULL, &f->err), MG_UNAVAILABLE);
	meta_close(&m);
	buf_deinit(&b);
}

struct plan {
	int fail_at, seen;
};

static int plan_gate(void *arg, enum io_op op, const char *name)
{
	(void)op, (void)name;
	struct plan *p = arg;
	return p->seen++ == p->fail_at ? ENOSPC : 0;
}

static void test_failing_disk(void **state)
{
	struct fixture *f = *state;
	struct meta_file m;
	struct mg_buf b = BUF_MAX(100);
	uint64_t revision;
	assert_int_equal(meta_file_open(f->root, &m, &f->err), MG_OK);
	assert_int_equal(meta_file_put(&m, "name", 0, SPAN("old"), &f->err), META_DONE);
	/* The lock, the tmp file, its emptying, head, value, sync, rename, and the sync of the folder. */
	for (int i = 0; i < 8; i++) {
		struct plan plan = { .fail_at = i };
		m.io = (struct io){ plan_gate, &plan };
		assert_int_equal(meta_file_put(&m, "name", 1, SPAN("new"), &f->err), META_FAULT);
		m.io = (struct io){ 0 };
		assert_int_equal(f->err.code, MG_UNAVAILABLE);
		assert_int_equal(meta_file_get(&m, "name", &b, &revision, &f->err), MG_OK);
		assert_string_equal(buf_cstr(&b), i < 7 ? "old" : "new");
		assert_int_equal(revision, i < 7 ? 1 : 2);
	}
	assert_int_equal(meta_file_put(&m, "name", 2, SPAN("newer"), &f->err), META_DONE);
	meta_file_close(&m);
	buf_deinit(&b);
}

enum {
	PROCESSES = 4,
	THREADS = 2,
	ROUNDS = 25
};

static void *count_up(void *arg)
{
	struct fixture *f = arg;
	struct mg_err err;
	struct meta *m = NULL;
	struct mg_buf b = BUF_MAX(100);
	if (meta_open(f->root, &m, &err) != MG_OK) return arg;
	for (int done = 0; done < ROUNDS;) {
		uint64_t revision, n;
		char text[24];
		if (meta_get(m, "counter", &b, &revision, &err) != MG_OK) return arg;
		if (!span_u64(buf_span(&b), 1000000, &n)) return arg;
		const int len = snprintf(text, sizeof text, "%d", (int)n + 1);
		const enum meta_outcome swapped =
			meta_swap(m, "counter", revision, span_make(text, (size_t)len), &err);
		if (swapped == META_FAULT) return arg;
		done += swapped == META_DONE;
	}
	meta_close(&m);
	buf_deinit(&b);
	return NULL;
}

/* No swap is lost, whoever makes it. */
static void test_many_writers(void **state)
{
	struct fixture *f = *state;
	struct meta *m = opened(f);
	assert_int_equal(meta_put_if_absent(m, "counter", SPAN("0"), &f->err), META_DONE);
	pid_t pids[PROCESSES];
	for (int i = 0; i < PROCESSES; i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i] != 0) continue;
		pthread_t thread;
		void *failed = NULL;
		if (pthread_create(&thread, NULL, count_up, f) != 0) _exit(1);
		const bool bad = count_up(f) != NULL;
		pthread_join(thread, &failed);
		_exit(bad || failed != NULL);
	}
	for (int i = 0; i < PROCESSES; i++) {
		int status;
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	struct mg_buf b = BUF_MAX(100);
	uint64_t revision;
	char expected[24];
	snprintf(expected, sizeof expected, "%d", PROCESSES * THREADS * ROUNDS);
	assert_int_equal(meta_get(m, "counter", &b, &revision, &f->err), MG_OK);
	assert_string_equal(buf_cstr(&b), expected);
	assert_int_equal(revision, PROCESSES * THREADS * ROUNDS + 1);
	buf_deinit(&b);
	meta_close(&m);
}

static void test_lease(void **state)
{
	static const struct {
		const char *owner;
		int64_t at_ms;
		bool give_back;
		enum meta_outcome outcome;
		uint64_t fence;
		int64_t until_ms;
	} steps[] = {
		{ "a", 1000, true, META_LOST, 0, 0 },     { "a", 1000, false, META_DONE, 1, 2000 },
		{ "b", 1999, false, META_LOST, 1, 2000 }, { "a", 1500, false, META_DONE, 1, 2500 },
		{ "b", 2000, true, META_LOST, 0, 0 },     { "b", 2500, false, META_DONE, 2, 3500 },
		{ "a", 2501, true, META_LOST, 0, 0 },     { "a", 2501, false, META_LOST, 2, 3500 },
		{ "b", 3500, true, META_LOST, 0, 0 },     { "b", 3500, false, META_DONE, 3, 4500 },
		{ "b", 4000, true, META_DONE, 0, 0 },     { "a", 4000, false, META_DONE, 4, 5000 },
	};
	struct fixture *f = *state;
	struct meta *m = opened(f);
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		struct meta_lease lease = { 0 };
		const enum meta_outcome outcome =
			steps[i].give_back ? meta_lease_give_back(m, "refresh", steps[i].owner,
								  steps[i].at_ms, &f->err)
					   : meta_lease_take(m, "refresh", steps[i].owner,
							     steps[i].at_ms, 1000, &lease, &f->err);
		assert_int_equal(outcome, steps[i].outcome);
		assert_int_equal(lease.fence, steps[i].fence);
		assert_int_equal(lease.until_ms, steps[i].until_ms);
	}
	meta_close(&m);
}

/* Of many who want it, one gets it. */
static void test_lease_race(void **state)
{
	struct fixture *f = *state;
	int got = 0;
	pid_t pids[PROCESSES];
	for (int i = 0; i < PROCESSES; i++) {
		pids[i] = fork();
		if (pids[i] != 0) continue;
		struct mg_err err;
		struct meta *m;
		struct meta_lease lease;
		char owner[16];
		snprintf(owner, sizeof owner, "p%d", i);
		if (meta_open(f->root, &m, &err) != MG_OK) _exit(2);
		const enum meta_outcome outcome =
			meta_lease_take(m, "one", owner, 1000, 1000, &lease, &err);
		_exit(outcome == META_FAULT ? 2 : outcome == META_DONE);
	}
	for (int i = 0; i < PROCESSES; i++) {
		int status;
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) < 2);
		got += WEXITSTATUS(status);
	}
	assert_int_equal(got, 1);
}

static void test_watch(void **state)
{
	struct fixture *f = *state;
	struct meta *m = opened(f);
	uint64_t revision = 0;
	assert_int_equal(meta_watch(m, "name", 0, 0, &revision, &f->err), MG_TIMEOUT);
	const pid_t pid = fork();
	if (pid == 0) {
		struct meta *other;
		_exit(meta_open(f->root, &other, NULL) != MG_OK ||
		      meta_put_if_absent(other, "name", SPAN("x"), NULL) != META_DONE);
	}
	assert_int_equal(meta_watch(m, "name", 0, 20000, &revision, &f->err), MG_OK);
	assert_int_equal(revision, 1);
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	const uint64_t before_ms = clock_mono_ms();
	assert_int_equal(meta_watch(m, "name", 1, 60, &revision, &f->err), MG_TIMEOUT);
	assert_true(clock_mono_ms() - before_ms >= 60);
	meta_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(test_get_put_swap), FIXTURE_TEST(test_damage),
		FIXTURE_TEST(test_failing_disk), FIXTURE_TEST(test_many_writers),
		FIXTURE_TEST(test_lease),        FIXTURE_TEST(test_lease_race),
		FIXTURE_TEST(test_watch),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
