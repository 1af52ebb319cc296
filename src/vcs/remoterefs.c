/* SPDX-License-Identifier: Apache-2.0 */
#include "vcs/remoterefs.h"

#include <stdlib.h>

#include "base/check.h"
#include "crypto/sha256.h"

static bool is_hex(struct mg_span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'f')))
			return false;
	return true;
}

bool remoterefs_is_hash(struct mg_span rev, size_t hash_n)
{
	return rev.n >= 7 && rev.n <= hash_n && is_hex(rev);
}

static int by_name(const void *a, const void *b)
{
	const struct remoteref *x = a, *y = b;

	return span_cmp(x->name, y->name);
}

static bool counts(struct mg_span name)
{
	return span_eq(name, SPAN("HEAD")) || span_has_prefix(name, SPAN("refs/heads/")) ||
	       span_has_prefix(name, SPAN("refs/tags/"));
}

static void add(struct remoterefs *r, struct mg_span name, struct mg_span hash, size_t *cap)
{
	if (r->n == *cap) {
		*cap = *cap == 0 ? 64 : 2 * *cap;
		r->v = check_realloc(r->v, *cap * sizeof *r->v);
	}
	r->v[r->n++] = (struct remoteref){ .name = name, .hash = hash };
}

/* line = hash HT name; a name that ends in "^{}" follows the annotated tag of that name and says what it
 * stands for (git-ls-remote(1)). */
static bool take_line(struct remoterefs *r, struct mg_span line, size_t *cap)
{
	static const struct mg_span peeled = { "^{}", 3 };
	struct mg_span name = line, hash = span_cut(&name, '\t');

	if (name.p == NULL || name.n == 0 || !is_hex(hash) || (hash.n != 40 && hash.n != 64))
		return false;
	if (r->hash_n != 0 && r->hash_n != hash.n) return false;
	r->hash_n = hash.n;
	if (!counts(name)) return true;
	if (span_has_suffix(name, peeled)) {
		name.n -= peeled.n;
		if (r->n == 0 || !span_eq(r->v[r->n - 1].name, name)) return false;
		r->v[r->n - 1].hash = hash;
		return true;
	}
	if (r->n == REMOTEREFS_MAX) return false;
	add(r, name, hash, cap);
	return true;
}

static void sum_up(struct remoterefs *r)
{
	struct sha256 s;

	sha256_init(&s);
	for (size_t i = 0; i < r->n; i++) {
		sha256_update(&s, r->v[i].name);
		sha256_update(&s, SPAN(" "));
		sha256_update(&s, r->v[i].hash);
		sha256_update(&s, SPAN("\n"));
	}
	sha256_final(&s, r->sum);
}

enum mg_code remoterefs_parse(struct mg_buf *text, struct remoterefs **out, struct mg_err *err)
{
	struct remoterefs *r = check_calloc(1, sizeof *r);
	size_t cap = 0;
	bool ok = true;

	atomic_init(&r->users, 1);
	r->text = *text;
	*text = BUF_MAX(r->text.max);
	struct mg_span rest = buf_span(&r->text);
	while (ok && rest.n > 0)
		ok = take_line(r, span_cut(&rest, '\n'), &cap);
	if (ok && r->n > 1) {
		qsort(r->v, r->n, sizeof *r->v, by_name);
		for (size_t i = 1; ok && i < r->n; i++)
			ok = !span_eq(r->v[i - 1].name, r->v[i].name);
	}
	if (!ok) {
		remoterefs_release(&r);
		return err_set(err, MG_CORRUPT, MG_CAUSE_VCS,
			       "the repository's list of branches and tags makes no sense");
	}
	if (r->hash_n == 0) r->hash_n = 40;
	sum_up(r);
	*out = r;
	return MG_OK;
}

struct remoterefs *remoterefs_hold(struct remoterefs *r)
{
	atomic_fetch_add_explicit(&r->users, 1, memory_order_relaxed);
	return r;
}

void remoterefs_release(struct remoterefs **rp)
{
	struct remoterefs *r = *rp;

	if (r == NULL) return;
	*rp = NULL;
	if (atomic_fetch_sub_explicit(&r->users, 1, memory_order_acq_rel) != 1) return;
	buf_deinit(&r->text);
	free(r->v);
	free(r);
}

const struct remoteref *remoterefs_find(const struct remoterefs *r, struct mg_span name)
{
	struct remoteref key = { .name = name };

	return r->n == 0 ? NULL : bsearch(&key, r->v, r->n, sizeof *r->v, by_name);
}
