/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/ahead.h"
#include "fetch/fetch_fixture.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "store/store.h"

#define MINUTE 60000u

static struct mg_span key_of(const struct target *t, char *text, size_t n)
{
	const int size =
		snprintf(text, n, "%d%.*s@%.*s", t->kind, SPAN_ARG(t->path), SPAN_ARG(t->version));
	return span_make(text, (size_t)size);
}

static void offer(struct ahead *a, enum target_kind kind, const char *path, const char *version,
		  bool pruned, uint64_t now_ms)
{
	char text[256];
	const struct target t = { .kind = kind,
				  .path = span_of(path),
				  .version = span_of(version) };
	ahead_offer(a, &t, key_of(&t, text, sizeof text), SPAN("1.1 them"), pruned, now_ms);
}

/* The path of what is taken next; "": nothing is. It costs what was paid. */
static const char *take(struct ahead *a, uint64_t now_ms)
{
	static char path[64];
	char text[256];
	struct ticket t;
	struct ahead_purse purse;
	if (!ahead_take(a, &t, &purse, now_ms)) return "";
	assert_true(t.kind == TARGET_MOD || t.kind == TARGET_INFO);
	assert_true(span_eq(t.via, SPAN("1.1 them")));
	snprintf(path, sizeof path, "%.*s", SPAN_ARG(t.path));
	const struct target what = { .kind = t.kind, .path = t.path, .version = t.version };
	const unsigned paid = purse.paid;
	ahead_end(a, key_of(&what, text, sizeof text), &purse,
		  &(struct ahead_outcome){ .kind = t.kind, .requests = paid, .got = true }, now_ms);
	return path;
}

static void nothing_is_guessed_on_credit(void **state)
{
	struct ahead *a = ahead_new();
	offer(a, TARGET_INFO, "x", "v1.0.0", false, 0);
	offer(a, TARGET_MOD, "m", "v1.0.0", false, 0);
	assert_string_equal(take(a, 0), "");
	ahead_earn(a, 9); /* 2.7 guesses, where a .mod costs 3 */
	assert_string_equal(take(a, 0), "");
	ahead_earn(a, 1);
	assert_string_equal(take(a, 0), "m");
	/* The .info waits for plenty. */
	ahead_earn(a, 50);
	assert_string_equal(take(a, 0), "");
	ahead_earn(a, 10);
	assert_string_equal(take(a, 0), "x");
	ahead_free(&a);
	assert_null(a);
	ahead_free(&a);
}

static void what_is_surely_read_comes_first(void **state)
{
	struct ahead *a = ahead_new();
	offer(a, TARGET_MOD, "pruned", "v1.0.0", true, 0);
	offer(a, TARGET_INFO, "info", "v1.0.0", false, 0);
	offer(a, TARGET_MOD, "first", "v1.0.0", false, 0);
	offer(a, TARGET_MOD, "second", "v1.0.0", false, 0);
	ahead_earn(a, 10000);
	assert_string_equal(take(a, 0), "first");
	assert_string_equal(take(a, 0), "second");
	assert_string_equal(take(a, 0), "info");
	assert_string_equal(take(a, 0), "pruned");
	assert_string_equal(take(a, 0), "");
	ahead_free(&a);
}

static void nothing_is_guessed_twice(void **state)
{
	struct ahead *a = ahead_new();
	char text[64];
	const struct target t = { .kind = TARGET_MOD,
				  .path = SPAN("c"),
				  .version = SPAN("v1.0.0") };
	ahead_earn(a, 10000);
	offer(a, TARGET_MOD, "a", "v1.0.0", false, 0);
	offer(a, TARGET_MOD, "a", "v1.0.0", false, 0);
	assert_string_equal(take(a, 0), "a");
	assert_string_equal(take(a, 0), "");
	offer(a, TARGET_MOD, "a", "v1.0.0", false, 1);
	assert_string_equal(take(a, 1), "");
	/* After some minutes it may. */
	offer(a, TARGET_MOD, "a", "v1.0.0", false, 6 * MINUTE);
	assert_string_equal(take(a, 6 * MINUTE), "a");
	/* Who asked while it waited got it himself. */
	offer(a, TARGET_MOD, "c", "v1.0.0", false, 6 * MINUTE);
	ahead_asked(a, key_of(&t, text, sizeof text), 6 * MINUTE);
	assert_string_equal(take(a, 6 * MINUTE), "");
	offer(a, TARGET_MOD, "c", "v1.0.0", false, 6 * MINUTE);
	assert_string_equal(take(a, 6 * MINUTE), "");
	/* Only the highest version is built with. */
	offer(a, TARGET_INFO, "d", "v1.2.0", false, 6 * MINUTE);
	assert_string_equal(take(a, 6 * MINUTE), "d");
	offer(a, TARGET_INFO, "d", "v1.1.0", false, 6 * MINUTE);
	assert_string_equal(take(a, 6 * MINUTE), "");
	offer(a, TARGET_INFO, "d", "v1.10.0", false, 6 * MINUTE);
	assert_string_equal(take(a, 6 * MINUTE), "d");
	ahead_free(&a);
}

static void nothing_waits_for_ever(void **state)
{
	struct ahead *a = ahead_new();
	offer(a, TARGET_MOD, "old", "v1.0.0", false, 0);
	offer(a, TARGET_MOD, "new", "v1.0.0", false, 20000);
	assert_string_equal(take(a, 20000), "");
	ahead_earn(a, 10000);
	assert_string_equal(take(a, 31000), "new");
	assert_string_equal(take(a, 31000), "");
	ahead_free(&a);
}

static void memory_is_bounded(void **state)
{
	struct ahead *a = ahead_new();
	size_t left = 0;
	for (int i = 0; i < 200000; i++) {
		char path[128];
		snprintf(path, sizeof path, "example.com/a/path/of/some/length/%d", i);
		offer(a, i % 2 == 0 ? TARGET_MOD : TARGET_INFO, path, "v1.0.0", i % 3 == 0, 0);
	}
	do {
		ahead_earn(a, 10000);
	} while (take(a, 0)[0] != '\0' && ++left > 0);
	assert_in_range(left, 1000, 40000);
	ahead_free(&a);
}

/* --- the account --- */

#define NAMES   24
#define FLIGHTS 16
#define EVENTS  200000

static uint64_t seed = 42;

static unsigned dice(unsigned sides)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(seed >> 33) % sides;
}

/* A guess on its way, as fetch has it. */
struct trial {
	bool flies, joined, refused;
	struct target target;
	char key[64], path[32];
	struct ahead_purse purse;
	unsigned alone, together; /* requests before and after a client joined */
};

struct books {
	struct ahead *a;
	struct trial trial[FLIGHTS];
	unsigned
		guessed[2 *
			NAMES]; /* requests of the last guess that was got, and not yet asked for */
	bool seen[2 * NAMES];   /* found by a client while it was still on its way */
	uint64_t wanted, wasted, now_ms;
};

static size_t name_of(const struct target *t)
{
	uint64_t i;
	assert_true(span_u64(span_from(t->path, 1), NAMES, &i));
	return 2 * i + (t->kind == TARGET_INFO);
}

static void random_target(struct target *t, char path[32])
{
	const unsigned i = dice(NAMES);
	snprintf(path, 32, "m%u", i);
	*t = (struct target){ .kind = dice(2) ? TARGET_MOD : TARGET_INFO,
			      .path = span_of(path),
			      .version = SPAN("v1.0.0") };
}

static void begin(struct books *b)
{
	struct ticket t;
	struct trial *free_one = NULL;
	for (size_t i = 0; i < FLIGHTS; i++)
		if (!b->trial[i].flies) free_one = &b->trial[i];
	if (free_one == NULL) return;
	*free_one = (struct trial){ 0 };
	if (!ahead_take(b->a, &t, &free_one->purse, b->now_ms)) return;
	snprintf(free_one->path, sizeof free_one->path, "%.*s", SPAN_ARG(t.path));
	free_one->target = (struct target){ .kind = t.kind,
					    .path = span_of(free_one->path),
					    .version = SPAN("v1.0.0") };
	key_of(&free_one->target, free_one->key, sizeof free_one->key);
	free_one->flies = true;
	b->seen[name_of(&free_one->target)] = false;
	for (size_t i = 0; i < FLIGHTS; i++) {
		const struct trial *o = &b->trial[i];
		if (o == free_one || !o->flies || strcmp(o->key, free_one->key) != 0) continue;
		/* There is a flight already. */
		ahead_end(b->a, span_of(free_one->key), &free_one->purse,
			  &(struct ahead_outcome){ .kind = t.kind }, b->now_ms);
		free_one->flies = false;
		return;
	}
}

static void work(struct books *b, struct trial *t)
{
	if (!t->flies || t->refused) return;
	if (t->joined) {
		t->together++;
	} else if (ahead_spend(&t->purse)) {
		t->alone++;
		b->wasted++;
	} else {
		t->refused = true;
	}
}

static void end(struct books *b, struct trial *t)
{
	if (!t->flies) return;
	const size_t name = name_of(&t->target);
	const bool canceled = t->refused || dice(8) == 0;
	const bool got = !canceled && dice(4) != 0;
	const bool joined = t->joined && !canceled;
	ahead_end(b->a, span_of(t->key), &t->purse,
		  &(struct ahead_outcome){ .kind = t->target.kind,
					   .requests = t->alone + t->together,
					   .got = got,
					   .joined = joined },
		  b->now_ms);
	b->wanted += t->together;
	b->guessed[name] = 0;
	if (joined || (got && b->seen[name])) {
		b->wasted -= t->alone;
		b->wanted += t->alone;
	} else if (got) {
		b->guessed[name] = t->alone;
	}
	t->flies = false;
}

/* A client asks, or is served from the store. */
static void ask(struct books *b)
{
	struct target t;
	char path[32], key[64];
	random_target(&t, path);
	const size_t name = name_of(&t);
	ahead_asked(b->a, key_of(&t, key, sizeof key), b->now_ms);
	for (size_t i = 0; i < FLIGHTS; i++) {
		if (!b->trial[i].flies || strcmp(b->trial[i].key, key) != 0) continue;
		if (dice(2))
			b->trial[i].joined = true;
		else
			b->seen[name] = true;
		return;
	}
	b->wanted += b->guessed[name];
	b->wasted -= b->guessed[name];
	b->guessed[name] = 0;
}

static void no_more_is_wasted_than_is_allowed(void **state)
{
	static struct books b;
	b = (struct books){ .a = ahead_new() };
	uint64_t most = 0;
	for (int i = 0; i < EVENTS; i++) {
		struct target t;
		char path[32], key[64];
		const unsigned cost = dice(3);
		switch (dice(12)) {
		case 0:
		case 1:
		case 2:
			random_target(&t, path);
			ahead_offer(b.a, &t, key_of(&t, key, sizeof key), SPAN(""), dice(2),
				    b.now_ms);
			break;
		case 3:
		case 4:
			begin(&b);
			break;
		case 5:
		case 6:
		case 7:
			work(&b, &b.trial[dice(FLIGHTS)]);
			break;
		case 8:
			end(&b, &b.trial[dice(FLIGHTS)]);
			break;
		case 9:
			ask(&b);
			break;
		case 10:
			ahead_earn(b.a, cost);
			b.wanted += cost;
			break;
		default:
			b.now_ms += dice(100) == 0 ? 5 * MINUTE : dice(1000);
		}
		if (10 * b.wasted > 3 * b.wanted)
			fail_msg("event %d: %llu wasted, %llu wanted", i,
				 (unsigned long long)b.wasted, (unsigned long long)b.wanted);
		if (b.wanted > 0 && 1000 * b.wasted / b.wanted > most)
			most = 1000 * b.wasted / b.wanted;
	}
	/* It is used, too. */
	assert_true(b.wasted > 100);
	assert_true(most > 100);
	for (size_t i = 0; i < FLIGHTS; i++)
		end(&b, &b.trial[i]);
	ahead_free(&b.a);
}

/* --- what comes next --- */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

struct guesses {
	char root[64];
	struct store *store;
	struct fetch_options options;
	struct job_means means;
	struct arena arena;
	struct target next[8];
	size_t n;
	bool pruned;
};

static int set_up(void **state)
{
	struct guesses *g = calloc(1, sizeof *g);
	struct mg_err err;
	snprintf(g->root, sizeof g->root, "/tmp/modgate-ahead-XXXXXX");
	if (mkdtemp(g->root) == NULL) return -1;
	if (store_open(g->root, STORE_WRITE, &g->store, &err) != MG_OK) return -1;
	g->options = FETCH_FIXTURE_OPTIONS;
	g->options.private = "corp.example.com/team/*";
	g->means = (struct job_means){ .options = &g->options, .store = g->store };
	*state = g;
	return 0;
}

static int tear_down(void **state)
{
	struct guesses *g = *state;
	arena_deinit(&g->arena);
	store_close(&g->store);
	const int rc = nftw(g->root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(g);
	return rc;
}

static size_t guess_after(struct guesses *g, enum target_kind kind, const char *path,
			  const char *mod)
{
	struct mg_buf key = BUF_MAX(1000);
	struct mg_err err;
	struct job j = { .means = &g->means, .arena = &g->arena };
	assert_int_equal(
		target_make(kind, span_of(path), SPAN("v1.0.0"), &g->arena, &j.target, &err),
		MG_OK);
	store_key(&j.target, &key);
	assert_int_equal(store_put(g->store, buf_cstr(&key), span_of(mod), STAGE_REPLACE, &err),
			 MG_OK);
	g->n = ahead_guess(&j, g->next, sizeof g->next / sizeof g->next[0], &g->pruned);
	buf_deinit(&key);
	return g->n;
}

static void assert_guess(const struct guesses *g, size_t i, enum target_kind kind, const char *path)
{
	assert_true(i < g->n);
	assert_int_equal(g->next[i].kind, kind);
	if (!span_eq(g->next[i].path, span_of(path)))
		fail_msg("%.*s, not %s", SPAN_ARG(g->next[i].path), path);
}

static void requirements_are_guessed(void **state)
{
	struct guesses *g = *state;
	assert_int_equal(guess_after(g, TARGET_INFO, "a.example/m", "{}"), 1);
	assert_guess(g, 0, TARGET_MOD, "a.example/m");
	assert_int_equal(guess_after(g, TARGET_MOD, "a.example/m",
				     "module a.example/m\ngo 1.16\nrequire (\n"
				     "b.example/x v1.0.0\nb.example/Y v1.2.3-pre // indirect\n)\n"),
			 3);
	assert_guess(g, 0, TARGET_INFO, "a.example/m");
	assert_guess(g, 1, TARGET_MOD, "b.example/x");
	assert_guess(g, 2, TARGET_MOD, "b.example/Y");
	assert_false(g->pruned);
	static const struct {
		const char *go;
		bool pruned;
	} versions[] = { { "1.17", true }, { "1.21.0", true }, { "1.22rc1", true },
			 { "1.9", false }, { "1.16", false },  { "1.100", true } };
	for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
		char mod[100];
		snprintf(mod, sizeof mod, "module a.example/m\ngo %s\n", versions[i].go);
		assert_int_equal(guess_after(g, TARGET_MOD, "a.example/m", mod), 1);
		assert_int_equal(g->pruned, versions[i].pruned);
	}
	/* No more than there is room for. */
	assert_int_equal(guess_after(g, TARGET_MOD, "a.example/m",
				     "module m\nrequire (\na.b/1 v1.0.0\na.b/2 v1.0.0\n"
				     "a.b/3 v1.0.0\na.b/4 v1.0.0\na.b/5 v1.0.0\na.b/6 v1.0.0\n"
				     "a.b/7 v1.0.0\na.b/8 v1.0.0\na.b/9 v1.0.0\n)\n"),
			 8);
	assert_int_equal(guess_after(g, TARGET_MOD, "a.example/m", "<html>"), 1);
}

static void nothing_private_is_guessed(void **state)
{
	struct guesses *g = *state;
	static const char *const private[] = { "corp.example.com/team/x", "corp.example.com/team",
					       "corp.example.com", "corp.example.com/team/x/v2" };
	for (size_t i = 0; i < sizeof private / sizeof private[0]; i++) {
		char mod[200];
		snprintf(mod, sizeof mod, "module a.example/m\nrequire %s %s\n", private[i],
			 i == 3 ? "v2.0.0" : "v1.0.0");
		assert_int_equal(guess_after(g, TARGET_MOD, "a.example/m", mod), 1);
		assert_guess(g, 0, TARGET_INFO, "a.example/m");
	}
	assert_int_equal(guess_after(g, TARGET_INFO, private[0], "{}"), 0);
	assert_int_equal(
		guess_after(g, TARGET_MOD, private[0],
			    "module corp.example.com/team/x\nrequire b.example/x v1.0.0\n"),
		0);
	/* After a zip, a list and the like there is nothing to be guessed. */
	assert_int_equal(guess_after(g, TARGET_ZIP, "a.example/m", ""), 0);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_guessed_on_credit),
		cmocka_unit_test(what_is_surely_read_comes_first),
		cmocka_unit_test(nothing_is_guessed_twice),
		cmocka_unit_test(nothing_waits_for_ever),
		cmocka_unit_test(memory_is_bounded),
		cmocka_unit_test(no_more_is_wasted_than_is_allowed),
		TEST(requirements_are_guessed),
		TEST(nothing_private_is_guessed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
