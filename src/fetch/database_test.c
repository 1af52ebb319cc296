/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/database.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fetch/sumtree_fixture.h"

#define STORED  "sumdb/" SUMTREE_NAME "/"
#define THREADS 8

static enum mg_code look_up(struct sumbench *b, size_t i, struct mg_err *err)
{
	char path[64], zip[DIRHASH_SIZE], mod[DIRHASH_SIZE];
	struct lookup_sums sums;
	snprintf(path, sizeof path, "example.com/m%zu", i);
	const enum mg_code rc = database_lookup(b->means.database, &b->job, span_of(path),
						SPAN("v1.0.0"), &sums, err);
	if (rc != MG_OK) return rc;
	sumtree_hash(&b->tree, i, true, zip);
	sumtree_hash(&b->tree, i, false, mod);
	/* Not cmocka's: this may be any thread. */
	MG_ASSERT(strcmp(sums.zip, zip) == 0 && strcmp(sums.mod, mod) == 0);
	return MG_OK;
}

static enum mg_code get(struct sumbench *b, const char *path, const char *globs, struct mg_buf *out,
			struct mg_err *err)
{
	buf_clear(out);
	return database_get(b->means.database, &b->job, span_of(path), globs, out, err);
}

static enum mg_code get_code(struct sumbench *b, const char *path)
{
	struct mg_buf out = BUF_MAX(1 << 16);
	struct mg_err err;
	const enum mg_code rc = get(b, path, "", &out, &err);
	buf_deinit(&out);
	return rc;
}

static void assert_looked_up(struct sumbench *b, size_t i)
{
	struct mg_err err;
	if (look_up(b, i, &err) != MG_OK) fail_msg("%zu: %s", i, err.text);
}

/* Changes one byte in the middle of a file below root. */
static void damage(const char *root, const char *file)
{
	char path[512];
	snprintf(path, sizeof path, "%s/%s", root, file);
	FILE *f = fopen(path, "r+");
	if (f == NULL) fail_msg("%s is not there", path);
	fseek(f, 0, SEEK_END);
	const long middle = ftell(f) / 2;
	fseek(f, middle, SEEK_SET);
	const int was = fgetc(f);
	fseek(f, middle, SEEK_SET);
	fputc(was ^ 4, f);
	fclose(f);
}

static void take_away(struct sumbench *b)
{
	char gone[100];
	snprintf(gone, sizeof gone, "%s/gone", b->root);
	assert_int_equal(rename(b->a, gone), 0);
}

static void answers_are_proven_and_kept(void **state)
{
	struct sumbench *b = *state;
	struct mg_buf out = BUF_MAX(1 << 16);
	struct mg_err err;
	sumtree_grow(&b->tree, 700);
	sumtree_publish(&b->tree);
	for (size_t i = 0; i < 700; i += 50)
		assert_looked_up(b, i);
	assert_int_equal(get(b, "latest", "", &out, &err), MG_OK);
	assert_true(span_has_prefix(buf_span(&out), SPAN("go.sum database tree\n700\n")));
	assert_int_equal(get(b, "lookup/example.com/m600@v1.0.0", "", &out, &err), MG_OK);
	assert_true(span_has_prefix(buf_span(&out), SPAN("600\nexample.com/m600 v1.0.0 h1:")));
	assert_int_equal(get(b, "tile/8/0/001", "", &out, &err), MG_OK);
	assert_int_equal(out.n, 256 * 32);
	assert_int_equal(get(b, "tile/8/0/002.p/188", "", &out, &err), MG_OK);
	assert_int_equal(out.n, 188 * 32);
	assert_int_equal(get(b, "tile/8/0/002.p/7", "", &out, &err), MG_OK);
	assert_int_equal(out.n, 7 * 32);
	const unsigned asked = b->requests;
	assert_looked_up(b, 600);
	assert_int_equal(b->requests, asked);
	/* Everybody is gone. */
	take_away(b);
	sumbench_restart(b);
	for (size_t i = 0; i < 700; i += 50)
		assert_looked_up(b, i);
	assert_int_equal(get(b, "tile/8/0/001", "", &out, &err), MG_OK);
	assert_int_equal(get(b, "tile/8/0/002.p/7", "", &out, &err), MG_OK);
	assert_int_equal(get(b, "latest", "", &out, &err), MG_OK);
	assert_int_equal(look_up(b, 1, &err), MG_UNAVAILABLE);
	/* And nobody may be asked. */
	snprintf(b->proxies, sizeof b->proxies, "off");
	sumbench_restart(b);
	const unsigned before = b->requests;
	assert_looked_up(b, 650);
	assert_int_equal(look_up(b, 1, &err), MG_UNAVAILABLE);
	assert_int_equal(get(b, "latest", "", &out, &err), MG_OK);
	assert_int_equal(b->requests, before);
	buf_deinit(&out);
}

static void what_is_no_question_is_not_asked(void **state)
{
	struct sumbench *b = *state;
	struct mg_buf out = BUF_MAX(1 << 16);
	struct mg_err err;
	static const char *const paths[] = { "lookup/example.com/m1",
					     "lookup/example.com/M1@v1.0.0",
					     "lookup/../x@v1.0.0",
					     "lookup/example.com/m1@latest",
					     "lookup/example.com/m1@v1.0.0@v1.0.0",
					     "lookup/",
					     "tile/8/0/1",
					     "tile/9/0/000",
					     "tile/8/data/000",
					     "tile/8/0/000.p/0",
					     "fork",
					     "supported",
					     "" };
	static const char *const private[] = { "lookup/corp.example.com/team/x@v1.0.0",
					       "lookup/corp.example.com/team@v1.0.0",
					       "lookup/corp.example.com@v1.0.0" };
	sumtree_grow(&b->tree, 3);
	sumtree_publish(&b->tree);
	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
		if (get(b, paths[i], "", &out, &err) != MG_NOT_FOUND) fail_msg("%s", paths[i]);
	for (size_t i = 0; i < sizeof private / sizeof private[0]; i++) {
		if (get(b, private[i], "corp.example.com/team/*", &out, &err) != MG_NOT_FOUND)
			fail_msg("%s", private[i]);
		assert_int_equal(err.cause, MG_CAUSE_POLICY);
	}
	assert_int_equal(b->requests, 0);
	/* What the database does not know. */
	assert_int_equal(get(b, "lookup/example.com/m99@v1.0.0", "", &out, &err), MG_NOT_FOUND);
	buf_deinit(&out);
}

/* A client may have its head from another server. */
static void a_tile_is_there_with_the_next_record(void **state)
{
	struct sumbench *b = *state;
	sumtree_grow(&b->tree, 100);
	sumtree_publish(&b->tree);
	assert_looked_up(b, 5);
	assert_int_equal(get_code(b, "tile/8/0/000.p/101"), MG_NOT_FOUND);
	sumtree_grow(&b->tree, 101);
	sumtree_publish(&b->tree);
	assert_int_equal(get_code(b, "tile/8/0/000.p/101"), MG_OK);
}

static void the_first_proxy_that_answers_for_it_is_asked(void **state)
{
	struct sumbench *b = *state;
	struct mg_err err;
	char empty[100];
	snprintf(empty, sizeof empty, "%s/empty", b->root);
	assert_int_equal(mkdir(empty, 0700), 0);
	snprintf(b->proxies, sizeof b->proxies, "file://%s,file://%s", empty, b->a);
	sumbench_restart(b);
	sumtree_grow(&b->tree, 10);
	sumtree_publish(&b->tree);
	assert_looked_up(b, 5);
	/* One that fails is not passed by: it might be the one that keeps names in the house. */
	snprintf(b->proxies, sizeof b->proxies, "file://%s/none,file://%s", b->root, b->a);
	sumbench_restart(b);
	assert_int_equal(look_up(b, 6, &err), MG_UNAVAILABLE);
	assert_looked_up(b, 5);
}

static void damage_in_the_store_heals(void **state)
{
	struct sumbench *b = *state;
	struct mg_err err;
	static const char *const files[] = { STORED "lookup/example.com/m300@v1.0.0",
					     STORED "tile/8/0/001.p/144", STORED "tile/8/0/000",
					     STORED "tile/8/1/000.p/1", STORED "latest" };
	sumtree_grow(&b->tree, 400);
	sumtree_publish(&b->tree);
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		assert_looked_up(b, 300);
		assert_looked_up(b, 3);
		assert_int_equal(get_code(b, "tile/8/1/000.p/1"), MG_OK);
		damage(b->store_path, files[i]);
		sumbench_restart(b);
		assert_looked_up(b, 300);
		assert_looked_up(b, 3);
		assert_int_equal(get_code(b, "tile/8/1/000.p/1"), MG_OK);
	}
	/* Without an upstream damage is not healed, but seen. */
	damage(b->store_path, files[0]);
	take_away(b);
	sumbench_restart(b);
	assert_int_not_equal(look_up(b, 300, &err), MG_OK);
	assert_looked_up(b, 3);
}

static void what_is_altered_on_the_way_is_refused(void **state)
{
	struct sumbench *b = *state;
	struct mg_err err;
	static const char *const files[] = { "lookup/example.com/m300@v1.0.0", "tile/8/0/001.p/144",
					     "tile/8/1/000.p/1" };
	sumtree_grow(&b->tree, 400);
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		char file[200];
		sumtree_publish(&b->tree);
		snprintf(file, sizeof file, "sumdb/" SUMTREE_NAME "/%s", files[i]);
		damage(b->a, file);
		/* A head is trusted before that whose tiles are right. */
		assert_int_equal(look_up(b, 300, &err), MG_CORRUPT);
		assert_int_equal(err.cause, MG_CAUSE_PROOF);
		assert_int_equal(look_up(b, 300, &err), MG_CORRUPT);
		/* As soon as it is right again. */
		sumtree_publish(&b->tree);
		assert_looked_up(b, 300);
		char store[100];
		snprintf(store, sizeof store, "%s/sumdb", b->store_path);
		assert_int_equal(nftw(store, sumbench_remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
		sumbench_restart(b);
	}
}

static void fork_the_tree(struct sumbench *b)
{
	sumtree_grow(&b->tree, 20);
	sumtree_publish(&b->tree);
	assert_looked_up(b, 3);
	static struct sumtree other;
	sumtree_init(&other, b->a);
	other.other = true;
	sumtree_grow(&other, 30);
	sumtree_publish(&other);
	sumtree_deinit(&other);
}

static void a_fork_ends_all_trust(void **state)
{
	struct sumbench *b = *state;
	struct mg_buf out = BUF_MAX(1 << 16), kept = BUF_MAX(1000);
	struct mg_err err;
	assert_int_equal(database_acknowledge(b->means.database, false, 0, &kept, &err),
			 MG_NOT_FOUND);
	fork_the_tree(b);
	assert_int_equal(get(b, "latest", "", &out, &err), MG_CORRUPT);
	assert_non_null(strstr(err.text, "SECURITY ERROR"));
	for (int i = 0; i < 2; i++) {
		/* Even what was proven. */
		assert_int_equal(look_up(b, 3, &err), MG_CORRUPT);
		assert_int_equal(get_code(b, "tile/8/0/000.p/20"), MG_CORRUPT);
		assert_int_equal(get_code(b, "latest"), MG_CORRUPT);
		sumbench_restart(b);
	}
	struct mg_buf evidence = BUF_MAX(1 << 20);
	assert_int_equal(store_read(b->store, STORED "fork", true, &evidence, NULL, &err),
			 STORE_HIT);
	assert_true(span_find(buf_span(&evidence), SPAN("\t20\n")) >= 0);
	assert_true(span_find(buf_span(&evidence), SPAN("\t30\n")) >= 0);
	assert_int_equal(database_acknowledge(b->means.database, false, 0, &kept, &err), MG_OK);
	assert_looked_up(b, 3);
	buf_deinit(&out);
	buf_deinit(&kept);
	buf_deinit(&evidence);
}

/* The disk may be full at that very moment. */
static void a_fork_is_known_without_the_store(void **state)
{
	struct sumbench *b = *state;
	struct mg_err err;
	char path[200];
	fork_the_tree(b);
	snprintf(path, sizeof path, "%s/" STORED "fork", b->store_path);
	assert_int_equal(mkdir(path, 0700), 0);
	/* Whether there is evidence cannot be said: that is no fork, and no licence either. */
	assert_int_equal(look_up(b, 3, &err), MG_CORRUPT);
	assert_int_equal(err.cause, MG_CAUSE_STORAGE);
	assert_int_equal(rmdir(path), 0);
	/* A folder comes to stand there while the fork is found. */
	snprintf(path, sizeof path, "%s/" STORED, b->store_path);
	assert_int_equal(chmod(path, 0500), 0);
	const bool root = access(path, W_OK) == 0;
	assert_int_equal(get_code(b, "latest"), MG_CORRUPT);
	assert_int_equal(look_up(b, 3, &err), MG_CORRUPT);
	assert_int_equal(chmod(path, 0700), 0);
	assert_int_equal(look_up(b, 3, &err), MG_CORRUPT);
	if (!root) assert_non_null(strstr(err.text, "two histories"));
	sumbench_restart(b);
	assert_int_equal(look_up(b, 3, &err), MG_CORRUPT);
}

/* --- many at once --- */

struct hand {
	struct sumbench *b;
	pthread_t thread;
	unsigned seed;
	size_t done;
};

static _Atomic size_t published;
static atomic_bool enough;

static void *ask_around(void *arg)
{
	struct hand *h = arg;
	struct mg_buf out = BUF_MAX(1 << 16);
	while (!atomic_load(&enough)) {
		struct mg_err err;
		const size_t size = atomic_load(&published);
		const unsigned dice = h->seed = h->seed * 1103515245u + 12345u;
		const size_t i = (dice >> 8) % size;
		enum mg_code rc;
		char path[64];
		switch (dice >> 28) {
		case 0:
			rc = get(h->b, "latest", "", &out, &err);
			break;
		case 1:
		case 2:
			snprintf(path, sizeof path, "tile/8/0/%03zu.p/%zu", i / 256, i % 256 + 1);
			if (i % 256 == 255) snprintf(path, sizeof path, "tile/8/0/%03zu", i / 256);
			rc = get(h->b, path, "", &out, &err);
			MG_ASSERT(rc != MG_OK || out.n == (i % 256 + 1) * 32);
			break;
		case 3:
		case 4:
			snprintf(path, sizeof path, "lookup/example.com/m%zu@v1.0.0", i);
			rc = get(h->b, path, "", &out, &err);
			break;
		default:
			rc = look_up(h->b, i, &err);
		}
		if (rc != MG_OK) fprintf(stderr, "%s\n", err.text);
		MG_ASSERT(rc == MG_OK);
		h->done++;
	}
	buf_deinit(&out);
	return NULL;
}

static void many_ask_while_the_log_grows(void **state)
{
	struct sumbench *b = *state;
	struct hand hands[THREADS];
	struct mg_err err;
	atomic_store(&enough, false);
	sumtree_grow(&b->tree, 100);
	sumtree_publish(&b->tree);
	atomic_store(&published, 100);
	for (unsigned i = 0; i < THREADS; i++) {
		hands[i] = (struct hand){ .b = b, .seed = i };
		assert_int_equal(pthread_create(&hands[i].thread, NULL, ask_around, &hands[i]), 0);
	}
	for (size_t size = 150; size <= 600; size += 50) {
		sumtree_grow(&b->tree, size);
		sumtree_publish_from(&b->tree, size - 50);
		atomic_store(&published, size);
	}
	atomic_store(&enough, true);
	size_t done = 0;
	for (unsigned i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(hands[i].thread, NULL), 0);
		done += hands[i].done;
	}
	assert_true(done > THREADS);
	for (size_t i = 0; i < 600; i += 20)
		assert_looked_up(b, i);
	take_away(b);
	sumbench_restart(b);
	for (size_t i = 0; i < 600; i += 20)
		assert_looked_up(b, i);
	assert_int_equal(look_up(b, 99999, &err), MG_UNAVAILABLE);
}

/* Who leaves does not take along what others wait for. */
static void the_canceled_fail_alone(void **state)
{
	struct sumbench *b = *state;
	struct mg_err err;
	sumtree_grow(&b->tree, 100);
	sumtree_publish(&b->tree);
	cancel_set(&b->cancel);
	assert_int_equal(look_up(b, 7, &err), MG_CANCELED);
	cancel_init(&b->cancel);
	assert_looked_up(b, 7);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, sumbench_set_up, sumbench_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(answers_are_proven_and_kept),
		TEST(what_is_no_question_is_not_asked),
		TEST(a_tile_is_there_with_the_next_record),
		TEST(the_first_proxy_that_answers_for_it_is_asked),
		TEST(damage_in_the_store_heals),
		TEST(what_is_altered_on_the_way_is_refused),
		TEST(a_fork_ends_all_trust),
		TEST(a_fork_is_known_without_the_store),
		TEST(many_ask_while_the_log_grows),
		TEST(the_canceled_fail_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
