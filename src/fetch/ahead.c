/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/ahead.h"

#include <stdlib.h>

#include "base/check.h"
#include "fetch/origin.h"
#include "gomod/modfile.h"
#include "store/hot.h"

/* Prices in tenths of a request. What was asked for pays 0.3 guesses; a guess that came true is paid back
 * and counts as asked for. */
#define COST       10
#define EARNED     3
#define CREDIT_MAX (200 * COST) /* a long quiet life must not pay for a wild guess */
#define GUESS_MS   (5 * 60 * 1000)
#define GUESSES    (1u << 20) /* bytes of memory for them */
#define KEY_MAX    16384

struct guess {
	bool ended;
	unsigned requests;
};

struct ahead {
	int64_t credit;
	struct hot *guesses;
};

struct ahead *ahead_new(void)
{
	struct ahead *a = check_calloc(1, sizeof *a);
	a->guesses = hot_new(GUESSES, free);
	return a;
}

void ahead_free(struct ahead **ap)
{
	struct ahead *a = *ap;
	if (a == NULL) return;
	hot_free(&a->guesses);
	free(a);
	*ap = NULL;
}

static void pay_in(struct ahead *a, int64_t amount)
{
	a->credit += amount;
	if (a->credit > CREDIT_MAX) a->credit = CREDIT_MAX;
}

bool ahead_begin(struct ahead *a, struct mg_span key, unsigned about, uint64_t now_ms)
{
	if (a->credit < (int64_t)about * COST || hot_get(a->guesses, key, now_ms) != NULL)
		return false;
	struct guess *g = check_calloc(1, sizeof *g);
	/* What is under way is paid in advance, so that many at once do not spend the same credit. */
	g->requests = about;
	a->credit -= (int64_t)about * COST;
	hot_put(a->guesses, key, g, sizeof *g + key.n, now_ms + GUESS_MS);
	return true;
}

void ahead_end(struct ahead *a, struct mg_span key, unsigned requests, uint64_t now_ms)
{
	struct guess *g = hot_get(a->guesses, key, now_ms);
	if (g == NULL) return;
	pay_in(a, ((int64_t)g->requests - requests) * COST);
	g->requests = requests;
	g->ended = true;
}

void ahead_asked(struct ahead *a, struct mg_span key, uint64_t now_ms)
{
	struct guess *g = hot_get(a->guesses, key, now_ms);
	if (g == NULL) return;
	pay_in(a, (int64_t)g->requests * (COST + EARNED));
	if (g->ended)
		hot_remove(a->guesses, key);
	else
		g->requests = 0;
}

void ahead_earn(struct ahead *a, unsigned requests)
{
	pay_in(a, (int64_t)requests * EARNED);
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

static size_t guess_requirements(const struct job *j, struct target *out, size_t max)
{
	struct mg_buf key = BUF_MAX(KEY_MAX), text = BUF_MAX(MODFILE_MAX);
	struct modfile m;
	struct mg_err err;
	size_t n = 0;
	store_key(&j->target, &key);
	if (store_read(j->means->store, buf_cstr(&key), true, &text, NULL, &err) == STORE_HIT &&
	    modfile_parse(arena_dup(j->arena, buf_span(&text)), MODFILE_LAX, j->arena, &m, &err) ==
		    MG_OK &&
	    !is_pruned(&m)) {
		for (size_t i = 0; i < m.requires && n < max; i++) {
			const struct modfile_module *r = &m.require[i].module;
			if (is_open(j, r->path) && target_make(TARGET_MOD, r->path, r->version,
							       j->arena, &out[n], &err) == MG_OK)
				n++;
		}
	}
	buf_deinit(&key);
	buf_deinit(&text);
	return n;
}

size_t ahead_guess(const struct job *j, struct target *out, size_t max)
{
	const struct target *t = &j->target;
	struct mg_err err;
	if (max == 0 || !is_open(j, t->path)) return 0;
	if (t->kind != TARGET_INFO && t->kind != TARGET_MOD) return 0;
	const enum target_kind other = t->kind == TARGET_INFO ? TARGET_MOD : TARGET_INFO;
	size_t n = target_make(other, t->path, t->version, j->arena, &out[0], &err) == MG_OK;
	if (t->kind == TARGET_MOD) n += guess_requirements(j, out + n, max - n);
	return n;
}
