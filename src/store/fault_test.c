/* SPDX-License-Identifier: Apache-2.0 */
/* Every write operation of a commit fails once, with each error a disk can give. */
#include "store/io.h"

#include <errno.h>

#include "base/clock.h"
#include "store/store_fixture.h"

#define KEY "modules/example.com/m/@v/v1.0.0.zip"

struct plan {
	int fail_at; /* the n-th operation; -1: none */
	int errnum;
	int seen;
	enum io_op failed;
};

static int plan_gate(void *arg, enum io_op op, const char *name)
{
	(void)name;
	struct plan *p = arg;
	if (p->seen++ != p->fail_at) return 0;
	p->failed = op;
	return p->errnum;
}

static void forget_errors(struct fixture *f)
{
	guard_deinit(&f->store->guard);
	guard_init(&f->store->guard);
}

/* Returns false once fail_at is beyond the last operation. */
static bool commit_failing_at(struct fixture *f, int fail_at, int errnum, enum stage_how how)
{
	struct store_file file;
	struct plan plan = { .fail_at = fail_at, .errnum = errnum };
	char key[100];
	snprintf(key, sizeof key, "modules/example.com/m%d/@v/e%d-%d.zip", fail_at, errnum,
		 (int)how);
	if (how == STAGE_REPLACE) fixture_put(f, key, "old");

	f->store->io = (struct io){ plan_gate, &plan };
	const enum mg_code rc = store_put(f->store, key, SPAN("new"), how, &f->err);
	f->store->io = (struct io){ 0 };
	const bool failed = plan.seen > fail_at;
	const enum store_find found = store_find(f->store, key, true, &file, &f->err);
	if (found == STORE_HIT) close(file.fd);
	if (rc == MG_OK) {
		/* Only the removal of the tmp name may fail without harm. */
		if (failed) assert_int_equal(plan.failed, IO_UNLINK);
		fixture_expect(f, key, "new");
	} else {
		assert_true(failed);
		assert_int_equal(rc, MG_UNAVAILABLE);
		if (how == STAGE_CREATE) assert_int_equal(found, STORE_MISS);
		if (how == STAGE_REPLACE && plan.failed != IO_FSYNC_FOLDER)
			fixture_expect(f, key, "old");
	}
	forget_errors(f);
	/* And the next try finds nothing in its way. */
	assert_int_equal(store_put(f->store, key, SPAN("new"), how, &f->err), MG_OK);
	fixture_expect(f, key, "new");
	return failed;
}

static void test_each_operation(void **state)
{
	static const int errors[] = { ENOSPC, EIO, EDQUOT, EROFS };
	struct fixture *f = *state;
	for (size_t e = 0; e < sizeof errors / sizeof errors[0]; e++) {
		for (int how = STAGE_CREATE; how <= STAGE_REPLACE; how++) {
			int n = 0;
			while (commit_failing_at(f, n, errors[e], (enum stage_how)how))
				n++;
			assert_in_range(n, 5, 40);
		}
	}
	store_close(&f->store);
	assert_int_equal(store_open(f->root, STORE_WRITE, &f->store, &f->err), MG_OK);
	assert_int_equal(fixture_count(f, "tmp"), 0);
}

static int fail_fsync(void *arg, enum io_op op, const char *name)
{
	(void)name;
	return op == IO_FSYNC ? *(int *)arg : 0;
}

/* fsync that failed once is not asked again for the same bytes. */
static void test_lost_stage(void **state)
{
	struct fixture *f = *state;
	struct stage *st;
	int errnum = EIO;
	assert_int_equal(stage_new(f->store, &st, &f->err), MG_OK);
	assert_int_equal(stage_write(st, SPAN("bytes"), &f->err), MG_OK);
	f->store->io = (struct io){ fail_fsync, &errnum };
	assert_int_equal(stage_commit(&st, KEY, STAGE_CREATE, &f->err), MG_UNAVAILABLE);
	f->store->io = (struct io){ 0 };
	forget_errors(f);
	assert_int_equal(stage_commit(&st, KEY, STAGE_CREATE, &f->err), MG_UNAVAILABLE);
	assert_int_equal(stage_reset(st, &f->err), MG_UNAVAILABLE);
	stage_free(&st);
	assert_int_equal(fixture_count(f, "tmp"), 0);
	assert_int_equal(access(fixture_path(f, KEY), F_OK), -1);
}

struct watch {
	struct fixture *f;
	int linked, settling;
};

static int look_while_syncing(void *arg, enum io_op op, const char *name)
{
	(void)name;
	struct watch *w = arg;
	struct store_file file;
	if (op == IO_LINK) w->linked = 1;
	if (op != IO_FSYNC_FOLDER || !w->linked) return 0;
	assert_int_equal(store_find(w->f->store, KEY, true, &file, &w->f->err), STORE_HIT);
	close(file.fd);
	w->settling += file.settling;
	return 0;
}

/* Between the name and the sync of its folder a reader can tell. */
static void test_not_durable_yet(void **state)
{
	struct fixture *f = *state;
	struct watch w = { .f = f };
	struct store_file file;
	f->store->io = (struct io){ look_while_syncing, &w };
	assert_int_equal(store_put(f->store, KEY, SPAN("x"), STAGE_CREATE, &f->err), MG_OK);
	f->store->io = (struct io){ 0 };
	assert_int_equal(w.settling, 1);
	assert_int_equal(store_find(f->store, KEY, true, &file, &f->err), STORE_HIT);
	close(file.fd);
	assert_false(file.settling);
}

static int fail_write(void *arg, enum io_op op, const char *name)
{
	(void)name;
	return op == IO_WRITE ? *(int *)arg : 0;
}

static void test_full_then_space(void **state)
{
	struct fixture *f = *state;
	int errnum = ENOSPC;
	struct stage *st;
	assert_int_equal(stage_new(f->store, &st, &f->err), MG_OK);
	f->store->io = (struct io){ fail_write, &errnum };
	for (int i = 0; i < 10; i++) {
		assert_int_equal(stage_write(st, SPAN("bytes"), &f->err), MG_UNAVAILABLE);
		assert_int_equal(f->err.cause, MG_CAUSE_STORAGE);
		assert_non_null(strstr(f->err.text, "No space left"));
	}
	assert_int_equal(stage_commit(&st, KEY, STAGE_CREATE, &f->err), MG_UNAVAILABLE);
	f->store->io = (struct io){ 0 };
	assert_int_equal(stage_reset(st, &f->err), MG_OK);
	assert_int_equal(stage_write(st, SPAN("bytes"), &f->err), MG_OK);
	assert_int_equal(stage_commit(&st, KEY, STAGE_CREATE, &f->err), MG_OK);
	fixture_expect(f, KEY, "bytes");
}

static void test_refusal(void **state)
{
	struct fixture *f = *state;
	int errnum = EIO;
	struct stage *st;
	fixture_put(f, KEY, "bytes");
	f->store->io = (struct io){ fail_fsync, &errnum };
	for (int i = 0; i < 3; i++)
		assert_int_equal(
			store_put(f->store, "modules/a/@v/list", SPAN("x"), STAGE_REPLACE, &f->err),
			MG_UNAVAILABLE);
	f->store->io = (struct io){ 0 };
	assert_int_equal(stage_new(f->store, &st, &f->err), MG_UNAVAILABLE);
	assert_non_null(strstr(f->err.text, "refused"));
	assert_in_range(f->err.retry_after_s, 1, 60);
	fixture_expect(f, KEY, "bytes"); /* reading goes on, and so does healing */
	assert_int_equal(store_quarantine(f->store, KEY, "test", &f->err), MG_OK);
}

static void test_guard(void **state)
{
	(void)state;
	static const struct {
		uint64_t at_ms;
		int errnum;
		bool refused_after;
	} steps[] = {
		{ 1000, EIO, false },
		{ 2000, ENOSPC, false },
		{ 3000, EIO, false },
		{ 61001, EIO, false }, /* the first is more than 60 s old */
		{ 62000, EDQUOT, false },
		{ 62999, EIO, true },
		{ 122998, 0, true },
		{ 122999, 0, false },
		{ 123000, EIO, false },
		{ 123001, EROFS, false },
		{ 123002, ENAMETOOLONG, false },
		{ 123003, EIO, true },
	};
	struct guard g;
	guard_init(&g);
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		if (steps[i].errnum != 0) guard_note(&g, steps[i].errnum, steps[i].at_ms);
		assert_int_equal(guard_admit(&g, steps[i].at_ms, NULL) != MG_OK,
				 steps[i].refused_after);
	}
	guard_deinit(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(test_each_operation),  FIXTURE_TEST(test_lost_stage),
		FIXTURE_TEST(test_full_then_space), FIXTURE_TEST(test_refusal),
		FIXTURE_TEST(test_not_durable_yet), cmocka_unit_test(test_guard),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
