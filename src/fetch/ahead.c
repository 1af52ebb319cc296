/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/ahead.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/list.h"
#include "fetch/origin.h"
#include "gomod/modfile.h"
#include "gomod/version.h"
#include "store/hot.h"

/* Prices in tenths of a request. What was asked for pays 0.3 guesses; a guess that came true is paid back
 * and counts as asked for. */
#define COST       10
#define EARNED     3
#define CREDIT_MAX (200 * COST) /* a long quiet life must not pay for a wild guess */
#define MEMORY_MS  (5 * 60 * 1000)
#define MEMORY     (4u << 20) /* bytes, for each of the tables: thousands of guesses */
#define WAIT_MS    30000
/* What is not asked for at once leaves so much for what is. */
#define PLENTY (15 * COST)
/* Tenths: what a .mod is taken to cost at most. */
#define USUAL_MAX 100
#define KEY_MAX   16384

/* In the order in which they are paid for. */
enum rank {
	RANK_MOD,  /* of a requirement that the go command is sure to read */
	RANK_INFO, /* asked for last, with the zips */
	RANK_PRUNED,
	RANKS
};

/* A guess that was made, or waits. */
struct guess {
	struct list node; /* while it waits */
	bool waits, ended, asked;
	unsigned requests; /* what it has cost, if it was got and nobody has asked yet */
	uint64_t since_ms;
	enum target_kind kind;
	struct mg_span path, version, via, key;
	char text[]; /* of these */
};

struct ahead {
	_Atomic int64_t credit; /* never below 0 */
	unsigned usual;         /* what a .mod costs with its lookup and tiles, in tenths */
	struct list queue[RANKS];
	struct hot *guesses; /* by flight key */
	struct hot *highest; /* by module path: the version, as a string */
};

static void release_guess(void *value)
{
	struct guess *g = value;
	list_remove(&g->node);
	free(g);
}

struct ahead *ahead_new(void)
{
	struct ahead *a = check_calloc(1, sizeof *a);
	for (int i = 0; i < RANKS; i++)
		list_init(&a->queue[i]);
	a->usual = 2 * COST;
	a->guesses = hot_new(MEMORY, release_guess);
	a->highest = hot_new(MEMORY, free);
	return a;
}

void ahead_free(struct ahead **ap)
{
	struct ahead *a = *ap;
	if (a == NULL) return;
	hot_free(&a->guesses);
	hot_free(&a->highest);
	free(a);
	*ap = NULL;
}

/* --- the account --- */

static void pay_in(struct ahead *a, int64_t amount)
{
	int64_t was = atomic_load(&a->credit), now;
	do {
		now = was + amount < CREDIT_MAX ? was + amount : CREDIT_MAX;
	} while (!atomic_compare_exchange_weak(&a->credit, &was, now));
}

/* False: that would leave less than the reserve. */
static bool pay_out(struct ahead *a, int64_t amount, int64_t reserve)
{
	int64_t was = atomic_load(&a->credit);
	do {
		if (was < amount + reserve) return false;
	} while (!atomic_compare_exchange_weak(&a->credit, &was, was - amount));
	return true;
}

/* What a guess is expected to cost: a .mod brings its lookup and tiles with it. */
static unsigned price(const struct ahead *a, const struct guess *g)
{
	return g->kind == TARGET_MOD ? a->usual / COST + 1 : 1;
}

bool ahead_spend(struct ahead_purse *purse)
{
	unsigned left = atomic_load(&purse->left);
	while (left > 0)
		if (atomic_compare_exchange_weak(&purse->left, &left, left - 1)) return true;
	if (!pay_out(purse->account, COST, 0)) return false;
	atomic_fetch_add(&purse->paid, 1);
	return true;
}

/* One that failed may have failed for want of credit, and would have cost more. */
static void learn_price(struct ahead *a, const struct ahead_outcome *o)
{
	if (o->kind != TARGET_MOD || o->requests == 0) return;
	const unsigned cost = (o->requests + (o->got ? 0 : 2)) * COST;
	a->usual = (7 * a->usual + (cost < USUAL_MAX ? cost : USUAL_MAX)) / 8;
}

void ahead_end(struct ahead *a, struct mg_span key, const struct ahead_purse *purse,
	       const struct ahead_outcome *o, uint64_t now_ms)
{
	struct guess *g = hot_get(a->guesses, key, now_ms);
	const int64_t paid = atomic_load(&purse->paid);
	/* What it made beyond that was for those who joined it. */
	const int64_t wasted = o->requests < paid ? o->requests : paid;
	const bool true_now = o->joined || (o->got && g != NULL && g->asked);
	if (true_now)
		pay_in(a, paid * COST + (int64_t)o->requests * EARNED);
	else
		pay_in(a, (paid - wasted) * COST);
	learn_price(a, o);
	if (g == NULL) return;
	/* It may have been forgotten in the meantime, and wait for its turn again. */
	list_remove(&g->node);
	g->waits = false;
	g->ended = true;
	g->requests = o->got && !true_now ? (unsigned)wasted : 0;
}

void ahead_asked(struct ahead *a, struct mg_span key, uint64_t now_ms)
{
	struct guess *g = hot_get(a->guesses, key, now_ms);
	if (g == NULL) return;
	/* While it is on its way its cost is not known. */
	if (g->ended) pay_in(a, (int64_t)g->requests * (COST + EARNED));
	/* Stays known, so that it is not guessed again; but it is not paid back twice. */
	g->requests = 0;
	g->asked = true;
	g->waits = false;
	list_remove(&g->node);
}

void ahead_earn(struct ahead *a, unsigned requests)
{
	pay_in(a, (int64_t)requests * EARNED);
}

/* --- what waits --- */

/* Is it the highest version of its module that was offered of late? Only that is built with. */
static bool is_highest(struct ahead *a, struct mg_span path, struct mg_span version,
		       uint64_t now_ms)
{
	const char *known = hot_get(a->highest, path, now_ms);
	if (known != NULL && version_compare(version, span_of(known)) < 0) return false;
	hot_put(a->highest, path, check_strndup(version.p, version.n), 64 + path.n + version.n,
		now_ms + MEMORY_MS);
	return true;
}

static struct mg_span keep(char **text, struct mg_span s)
{
	char *at = *text;
	if (s.n > 0) memcpy(at, s.p, s.n);
	*text += s.n;
	return span_make(at, s.n);
}

void ahead_offer(struct ahead *a, const struct target *t, struct mg_span key, struct mg_span via,
		 bool pruned, uint64_t now_ms)
{
	const bool info = t->kind == TARGET_INFO;
	if (info && !is_highest(a, t->path, t->version, now_ms)) return;
	if (hot_get(a->guesses, key, now_ms) != NULL) return;
	const size_t n = sizeof(struct guess) + t->path.n + t->version.n + via.n + key.n;
	struct guess *g = check_calloc(1, n);
	char *text = g->text;
	*g = (struct guess){ .waits = true,
			     .since_ms = now_ms,
			     .kind = t->kind,
			     .path = keep(&text, t->path),
			     .version = keep(&text, t->version),
			     .via = keep(&text, via),
			     .key = keep(&text, key) };
	list_append(&a->queue[info ? RANK_INFO : pruned ? RANK_PRUNED : RANK_MOD], &g->node);
	hot_put(a->guesses, g->key, g, n, now_ms + MEMORY_MS);
}

bool ahead_take(struct ahead *a, struct ticket *out, struct ahead_purse *purse, uint64_t now_ms)
{
	for (int rank = 0; rank < RANKS; rank++) {
		const int64_t reserve = rank == RANK_MOD ? 0 : PLENTY;
		struct list *node;
		while ((node = list_first(&a->queue[rank])) != NULL) {
			struct guess *g = LIST_OWNER(node, struct guess, node);
			if (now_ms - g->since_ms > WAIT_MS) {
				hot_remove(a->guesses, g->key);
				continue;
			}
			/* Paid in advance, so that many at once do not spend the same credit. */
			const unsigned cost = price(a, g);
			if (!pay_out(a, (int64_t)cost * COST, reserve)) return false;
			list_remove(&g->node);
			g->waits = false;
			purse->account = a;
			atomic_store(&purse->left, cost);
			atomic_store(&purse->paid, cost);
			*out = (struct ticket){ .kind = g->kind,
						.path = g->path,
						.version = g->version,
						.via = g->via };
			return true;
		}
	}
	return false;
}

/* --- what comes next --- */

static bool is_open(const struct job *j, struct mg_span path)
{
	return !origin_is_private(span_of(j->means->options->private), path);
}

/* Before go 1.17 a module's go.mod did not name all it needs, so the go command reads those of its
 * requirements too (go.dev/ref/mod#graph-pruning). */
static bool is_pruned(const struct modfile *m)
{
	struct mg_span rest = m->go;
	uint64_t major, minor = 0;
	if (!span_u64(span_cut(&rest, '.'), 1000, &major)) return false;
	size_t digits = 0;
	while (digits < rest.n && rest.p[digits] >= '0' && rest.p[digits] <= '9')
		digits++;
	if (!span_u64(span_first(rest, digits), 1000000, &minor)) minor = 0;
	return major > 1 || minor >= 17;
}

static size_t guess_requirements(const struct job *j, struct target *out, size_t max, bool *pruned)
{
	struct mg_buf key = BUF_MAX(KEY_MAX), text = BUF_MAX(MODFILE_MAX);
	struct modfile m = { 0 };
	struct mg_err err;
	size_t n = 0;
	store_key(&j->target, &key);
	if (store_read(j->means->store, buf_cstr(&key), true, &text, NULL, &err) == STORE_HIT &&
	    modfile_parse(arena_dup(j->arena, buf_span(&text)), MODFILE_LAX, j->arena, &m, &err) ==
		    MG_OK) {
		for (size_t i = 0; i < m.requires && n < max; i++) {
			const struct modfile_module *r = &m.require[i].module;
			if (is_open(j, r->path) && target_make(TARGET_MOD, r->path, r->version,
							       j->arena, &out[n], &err) == MG_OK)
				n++;
		}
	}
	*pruned = is_pruned(&m);
	buf_deinit(&key);
	buf_deinit(&text);
	return n;
}

size_t ahead_guess(const struct job *j, struct target *out, size_t max, bool *pruned)
{
	const struct target *t = &j->target;
	struct mg_err err;
	*pruned = false;
	if (max == 0 || !is_open(j, t->path)) return 0;
	if (t->kind != TARGET_INFO && t->kind != TARGET_MOD) return 0;
	const enum target_kind other = t->kind == TARGET_INFO ? TARGET_MOD : TARGET_INFO;
	size_t n = target_make(other, t->path, t->version, j->arena, &out[0], &err) == MG_OK;
	if (t->kind == TARGET_MOD) n += guess_requirements(j, out + n, max - n, pruned);
	return n;
}
