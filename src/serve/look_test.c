/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/look.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/check.h"
#include "store/stage.h"

#define KEY   "12345678"
#define LARGE (3 * LOOK_SMALL)

struct shelf {
	char root[64];
	struct store *store;
	struct arena arena;
};

static int set_up(void **state)
{
	struct shelf *s = calloc(1, sizeof *s);
	struct mg_err err;
	snprintf(s->root, sizeof s->root, "/tmp/modgate-look-XXXXXX");
	if (mkdtemp(s->root) == NULL) return -1;
	*state = s;
	return store_open(s->root, STORE_WRITE, &s->store, &err) == MG_OK ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static int tear_down(void **state)
{
	struct shelf *s = *state;
	store_close(&s->store);
	arena_deinit(&s->arena);
	const int rc = nftw(s->root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(s);
	return rc;
}

static struct target target_of(struct shelf *s, enum target_kind kind)
{
	struct target t;
	struct mg_err err;
	const bool list = kind == TARGET_LIST;
	assert_int_equal(target_make(kind, SPAN("example.com/m"), list ? SPAN("") : SPAN("v1.0.0"),
				     &s->arena, &t, &err),
			 MG_OK);
	return t;
}

static const char *key_of(struct shelf *s, enum target_kind kind)
{
	const struct target t = target_of(s, kind);
	struct mg_buf key = BUF_MAX(1000);
	store_key(&t, &key);
	const char *copy = arena_strdup(&s->arena, buf_span(&key));
	buf_deinit(&key);
	return copy;
}

static struct mg_span bytes_of(struct shelf *s, size_t n, char c)
{
	char *bytes = arena_alloc(&s->arena, n);
	memset(bytes, c, n);
	return span_make(bytes, n);
}

/* With a record that says how it was verified. */
static void commit(struct shelf *s, enum target_kind kind, struct mg_span bytes,
		   const char *verified, const char *by)
{
	struct stage *st = NULL;
	struct mg_err err;
	const struct target t = target_of(s, kind);
	struct provenance_artifact a = { .present = true,
					 .origin = "https://mirror.example",
					 .fetched_s = 1 };
	snprintf(a.verified, sizeof a.verified, "%s", verified);
	snprintf(a.by, sizeof a.by, "%s", by);
	assert_int_equal(stage_new(s->store, &st, &err), MG_OK);
	assert_int_equal(stage_write(st, bytes, &err), MG_OK);
	if (provenance_commit(s->store, &t, &st, &a, &err) != MG_OK) fail_msg("%s", err.text);
}

/* Copied into the store by hand. */
static void put(struct shelf *s, const char *key, struct mg_span bytes)
{
	struct mg_err err;
	if (store_put(s->store, key, bytes, STAGE_REPLACE, &err) != MG_OK) fail_msg("%s", err.text);
}

/* On the lane; on the loop it may be that a disk would have to be asked, but nothing else. */
static enum look_result look_for(struct shelf *s, enum target_kind kind, bool prove,
				 struct mg_err *err)
{
	const struct target t = target_of(s, kind);
	struct look l;
	look_init(&l, s->store, &t, key_of(s, kind), prove ? KEY : NULL);
	const enum look_result quick = look_run(&l, false);
	look_deinit(&l);
	look_init(&l, s->store, &t, key_of(s, kind), prove ? KEY : NULL);
	const enum look_result res = look_run(&l, true);
	if (quick != LOOK_WOULD_BLOCK) assert_int_equal(quick, res);
	if (err != NULL) *err = l.err;
	if (res == LOOK_HIT && l.fd >= 0) assert_int_equal(l.size, LARGE);
	look_deinit(&l);
	return res;
}

static void what_has_no_proof_is_not_shown(void **state)
{
	struct shelf *s = *state;
	struct mg_err err;
	static const struct {
		enum target_kind kind;
		size_t n;
		const char *verified; /* NULL: there is no record */
		const char *by;
		enum look_result result;
	} cases[] = {
		{ TARGET_MOD, 100, "sumdb", KEY, LOOK_HIT },
		{ TARGET_MOD, 100, "none", "", LOOK_UNPROVEN },
		{ TARGET_MOD, 100, "exempt", "", LOOK_UNPROVEN },
		{ TARGET_MOD, 100, "sumdbx", KEY, LOOK_UNPROVEN },
		{ TARGET_MOD, 100, "unasked", "", LOOK_UNPROVEN },
		{ TARGET_MOD, 100, "sumdb", "", LOOK_UNPROVEN },
		{ TARGET_MOD, 100, "sumdb", "12345679", LOOK_UNPROVEN },
		{ TARGET_ZIP, LARGE, "sumdb", "12345679", LOOK_UNPROVEN },
		{ TARGET_MOD, 100, NULL, "", LOOK_UNPROVEN },
		{ TARGET_ZIP, 100, "sumdb", KEY, LOOK_HIT },
		{ TARGET_ZIP, 100, "none", "", LOOK_UNPROVEN },
		{ TARGET_ZIP, LARGE, "sumdb", KEY, LOOK_HIT },
		{ TARGET_ZIP, LARGE, "none", "", LOOK_UNPROVEN },
		{ TARGET_ZIP, LARGE, NULL, "", LOOK_UNPROVEN },
		{ TARGET_INFO, 100, "none", "", LOOK_HIT },
		{ TARGET_INFO, 100, NULL, "", LOOK_HIT },
		{ TARGET_LIST, 100, NULL, "", LOOK_HIT },
		{ TARGET_LIST, LARGE, NULL, "", LOOK_HIT },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct mg_span bytes = bytes_of(s, cases[i].n, (char)('a' + i));
		if (cases[i].verified != NULL)
			commit(s, cases[i].kind, bytes, cases[i].verified, cases[i].by);
		else
			put(s, key_of(s, cases[i].kind), bytes);
		/* Twice: what was seen before is remembered. */
		for (int again = 0; again < 2; again++) {
			const enum look_result res = look_for(s, cases[i].kind, true, &err);
			if (res != cases[i].result) fail_msg("case %zu: %d %s", i, res, err.text);
			if (res != LOOK_UNPROVEN) continue;
			assert_int_equal(err.code, MG_UNAVAILABLE);
			assert_int_equal(err.cause, MG_CAUSE_PROOF);
		}
		/* Where no proof is wanted it is shown. */
		assert_int_equal(look_for(s, cases[i].kind, false, NULL), LOOK_HIT);
		tear_down(state);
		assert_int_equal(set_up(state), 0);
		s = *state;
	}
}

/* The proof comes later, with the same bytes. */
static void what_was_proven_meanwhile_is_shown(void **state)
{
	struct shelf *s = *state;
	struct mg_err err;
	static const size_t sizes[] = { 100, LARGE };
	static const enum target_kind kinds[] = { TARGET_MOD, TARGET_ZIP };
	for (size_t i = 0; i < 2; i++) {
		const struct target t = target_of(s, kinds[i]);
		struct provenance known;
		commit(s, kinds[i], bytes_of(s, sizes[i], 'x'), "none", "");
		assert_int_equal(look_for(s, kinds[i], true, NULL), LOOK_UNPROVEN);
		assert_int_equal(provenance_read(s->store, &t, &known, &err), MG_OK);
		struct provenance_artifact *a = &known.artifact[provenance_kind_of(kinds[i])];
		snprintf(a->verified, sizeof a->verified, "sumdb");
		snprintf(a->by, sizeof a->by, KEY);
		assert_int_equal(provenance_record(s->store, &t, a, &err), MG_OK);
		assert_int_equal(look_for(s, kinds[i], true, NULL), LOOK_HIT);
	}
}

/* Whoever said so meant what nobody could be asked about, and nothing else. */
static void without_a_database_what_it_was_not_asked_about_is_shown(void **state)
{
	struct shelf *s = *state;
	static const struct {
		const char *verified;
		enum look_result result;
	} cases[] = { { "unasked", LOOK_HIT }, { "none", LOOK_UNPROVEN } };
	for (size_t i = 0; i < 2; i++) {
		const struct target t = target_of(s, TARGET_MOD);
		struct look l;
		commit(s, TARGET_MOD, bytes_of(s, 100, 'x'), cases[i].verified, "");
		look_init(&l, s->store, &t, key_of(s, TARGET_MOD), KEY);
		l.lenient = true;
		assert_int_equal(look_run(&l, true), cases[i].result);
		look_deinit(&l);
		tear_down(state);
		assert_int_equal(set_up(state), 0);
		s = *state;
	}
}

static void damage_is_no_want_of_proof(void **state)
{
	struct shelf *s = *state;
	struct mg_err err;
	struct mg_buf key = BUF_MAX(1000);
	const struct target t = target_of(s, TARGET_MOD);
	provenance_key(&t, &key);
	assert_int_equal(look_for(s, TARGET_MOD, true, NULL), LOOK_MISS);
	commit(s, TARGET_MOD, bytes_of(s, 100, 'x'), "none", "");
	put(s, key_of(s, TARGET_MOD), bytes_of(s, 100, 'y'));
	assert_int_equal(look_for(s, TARGET_MOD, true, &err), LOOK_DAMAGED);
	assert_int_equal(err.code, MG_CORRUPT);
	put(s, key_of(s, TARGET_MOD), bytes_of(s, 101, 'x'));
	assert_int_equal(look_for(s, TARGET_MOD, true, NULL), LOOK_DAMAGED);
	put(s, key_of(s, TARGET_MOD), bytes_of(s, LARGE, 'x'));
	assert_int_equal(look_for(s, TARGET_MOD, true, NULL), LOOK_DAMAGED);
	put(s, key_of(s, TARGET_MOD), bytes_of(s, 100, 'x'));
	assert_int_equal(look_for(s, TARGET_MOD, true, NULL), LOOK_UNPROVEN);
	put(s, buf_cstr(&key), SPAN("junk"));
	assert_int_equal(look_for(s, TARGET_MOD, true, NULL), LOOK_DAMAGED);
	buf_deinit(&key);
}

/* Its name is there and may go again with the power: only fetch, which is at it, knows when not. */
static void what_is_not_durable_yet_is_left_to_fetch(void **state)
{
	struct shelf *s = *state;
	char path[200], other[200];
	commit(s, TARGET_MOD, bytes_of(s, 100, 'x'), "sumdb", KEY);
	snprintf(path, sizeof path, "%s/%s", s->root, key_of(s, TARGET_MOD));
	snprintf(other, sizeof other, "%s/tmp/0", s->root);
	assert_int_equal(link(path, other), 0);
	assert_int_equal(look_for(s, TARGET_MOD, true, NULL), LOOK_MISS);
	const struct target t = target_of(s, TARGET_MOD);
	struct look l;
	look_init(&l, s->store, &t, key_of(s, TARGET_MOD), KEY);
	l.settling = true;
	assert_int_equal(look_run(&l, true), LOOK_HIT);
	look_deinit(&l);
	assert_int_equal(unlink(other), 0);
	assert_int_equal(look_for(s, TARGET_MOD, true, NULL), LOOK_HIT);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_has_no_proof_is_not_shown),
		TEST(what_was_proven_meanwhile_is_shown),
		TEST(without_a_database_what_it_was_not_asked_about_is_shown),
		TEST(damage_is_no_want_of_proof),
		TEST(what_is_not_durable_yet_is_left_to_fetch),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
