/* SPDX-License-Identifier: Apache-2.0 */
#include "sumdb/tilehold.h"

#include "base/check.h"

static size_t body_size(const struct tile *t)
{
	return t->width * sizeof(struct tlog_hash);
}

static struct mg_span path_of(const struct tilehold *h, const struct tile *t)
{
	struct mg_buf path = BUF_MAX(TILE_PATH_MAX);
	tile_print(t, &path);
	struct mg_span copy = arena_dup(h->arena, buf_span(&path));
	buf_deinit(&path);
	return copy;
}

static struct tile full(const struct tile *t)
{
	struct tile f = *t;
	f.width = tile_full_width(t->height);
	return f;
}

static void hold(struct tilehold *h, const struct tile *t, struct mg_span body, bool fetched)
{
	if (h->n == h->cap) {
		size_t cap = h->cap == 0 ? 16 : 2 * h->cap;
		struct tilehold_tile *tiles = arena_alloc(h->arena, cap * sizeof *tiles);
		if (h->n > 0) memcpy(tiles, h->tiles, h->n * sizeof *tiles);
		h->tiles = tiles;
		h->cap = cap;
	}
	h->tiles[h->n++] = (struct tilehold_tile){ *t, arena_dup(h->arena, body), fetched, false };
}

static struct tilehold_tile *find(const struct tilehold *h, const struct tile *t)
{
	for (size_t i = 0; i < h->n; i++)
		if (tile_eq(&h->tiles[i].tile, t)) return &h->tiles[i];
	return NULL;
}

struct mg_span tilehold_body(const struct tilehold *h, const struct tile *t)
{
	const struct tilehold_tile *held = find(h, t);
	return held != NULL ? held->body : (struct mg_span){ 0 };
}

/* Holds t from the cached tile `from`, t itself or the full one. A length that cannot be is damage, and
 * as good as not there. */
static bool hold_cached(struct tilehold *h, const struct tile *t, const struct tile *from)
{
	const struct sumclient_ops *ops = &h->client->ops;
	struct mg_buf body = BUF_MAX(body_size(from));
	bool ok = ops->read_cache(ops->arg, path_of(h, from), &body, NULL) == MG_OK &&
		  !buf_failed(&body) && body.n == body_size(from);
	if (ok) {
		hold(h, t, span_first(buf_span(&body), body_size(t)), false);
		h->used_cache = true;
	}
	buf_deinit(&body);
	return ok;
}

static bool hold_from_cache(struct tilehold *h, const struct tile *t)
{
	struct tile f = full(t);
	return hold_cached(h, t, t) || (!tile_is_full(t) && hold_cached(h, t, &f));
}

/* A server that has only the full tile refuses the partial one. If nothing answers there is no use in
 * asking for another. */
static bool is_refusal(const struct sumclient_fetch *f)
{
	return f->code != MG_OK && f->code != MG_TIMEOUT && f->code != MG_CANCELED &&
	       f->err.cause != MG_CAUSE_DNS && f->err.cause != MG_CAUSE_CONNECT &&
	       f->err.cause != MG_CAUSE_TLS;
}

/* That a tile is not there says nothing about the module that was asked for. */
static enum mg_code cannot_have(struct mg_span path, const struct mg_err *why, struct mg_err *err)
{
	enum mg_code code = why->code;
	enum mg_cause cause = why->cause;
	if (code == MG_NOT_FOUND || code == MG_DENIED || code == MG_INVALID) {
		code = MG_UNAVAILABLE;
		cause = MG_CAUSE_UPSTREAM;
	}
	(void)err_set(err, code, cause, "%.*s of the checksum database: %s", SPAN_ARG(path),
		      why->text);
	if (err != NULL) err->retry_after_s = why->retry_after_s;
	return code;
}

/* What one remote answer makes of a tile: held, or another try with the full one. */
static void take_answer(struct tilehold *h, const struct tile *t, const struct sumclient_fetch *f)
{
	/* A body of a wrong length is held too: to refuse it is the reader's part. */
	if (f->code == MG_OK) hold(h, t, span_first(buf_span(&f->body), body_size(t)), true);
}

static void ask(struct tilehold *h, const struct tile *tiles, size_t n,
		struct sumclient_fetch *list)
{
	const struct sumclient_ops *ops = &h->client->ops;
	for (size_t i = 0; i < n; i++) {
		list[i] = (struct sumclient_fetch){ .path = path_of(h, &tiles[i]),
						    .body = BUF_MAX(body_size(&tiles[i])) };
		list[i].code = err_set(&list[i].err, MG_INTERNAL, MG_CAUSE_NONE, "not asked");
	}
	ops->read_remote(ops->arg, list, n);
	for (size_t i = 0; i < n; i++) {
		if (list[i].code != MG_OK || !buf_failed(&list[i].body)) continue;
		list[i].code = err_set(&list[i].err, MG_CORRUPT, MG_CAUSE_PROOF,
				       "the answer is longer than a tile");
	}
}

static void free_list(struct sumclient_fetch *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_deinit(&list[i].body);
}

/* Asks for n tiles at once, then for the full ones in place of the partial ones that were refused. */
static enum mg_code fetch(struct tilehold *h, const struct tile *tiles, size_t n,
			  struct mg_err *err)
{
	struct sumclient_fetch *list = arena_alloc(h->arena, n * sizeof *list);
	struct sumclient_fetch *second = arena_alloc(h->arena, n * sizeof *second);
	struct tile *refused = arena_alloc(h->arena, n * sizeof *refused);
	size_t *which = arena_alloc(h->arena, n * sizeof *which), again = 0;
	enum mg_code rc = MG_OK;
	ask(h, tiles, n, list);
	for (size_t i = 0; i < n; i++) {
		if (tile_is_full(&tiles[i]) || !is_refusal(&list[i])) continue;
		refused[again] = full(&tiles[i]);
		which[again++] = i;
	}
	if (again > 0) ask(h, refused, again, second);
	for (size_t i = 0, j = 0; i < n; i++) {
		const struct sumclient_fetch *f = &list[i];
		if (j < again && which[j] == i && second[j++].code == MG_OK) f = &second[j - 1];
		take_answer(h, &tiles[i], f);
		if (f->code != MG_OK && rc == MG_OK) rc = cannot_have(f->path, &f->err, err);
	}
	free_list(list, n);
	free_list(second, again);
	return rc;
}

enum mg_code tilehold_read(void *hold_arg, const struct tile *tiles, size_t n,
			   struct mg_span *bodies, struct mg_err *err)
{
	struct tilehold *h = hold_arg;
	struct tile *missing = arena_alloc(h->arena, n * sizeof *missing);
	size_t count = 0;
	for (size_t i = 0; i < n; i++) {
		if (find(h, &tiles[i]) != NULL) continue;
		if (h->no_cache || !hold_from_cache(h, &tiles[i])) missing[count++] = tiles[i];
	}
	if (count > 0 && h->client->ops.read_remote == NULL)
		return err_set(err, MG_UNAVAILABLE, MG_CAUSE_PROOF,
			       "%.*s of the checksum database is not in the cache, and there is no "
			       "upstream",
			       SPAN_ARG(path_of(h, &missing[0])));
	if (count > 0) {
		enum mg_code rc = fetch(h, missing, count, err);
		if (rc != MG_OK) return rc;
	}
	for (size_t i = 0; i < n; i++)
		bodies[i] = tilehold_body(h, &tiles[i]);
	return MG_OK;
}

enum mg_code tilehold_save(void *hold_arg, const struct tile *tiles, size_t n,
			   const struct mg_span *bodies, struct mg_err *err)
{
	struct tilehold *h = hold_arg;
	for (size_t i = 0; i < n; i++) {
		struct tilehold_tile *held = find(h, &tiles[i]);
		MG_ASSERT(held != NULL);
		held->proven = true;
	}
	return MG_OK;
}

void tilehold_distrust_cache(struct tilehold *h)
{
	h->no_cache = true;
	h->used_cache = false;
	h->n = 0;
}

enum mg_code tilehold_store(struct tilehold *h, struct mg_err *err)
{
	const struct sumclient_ops *ops = &h->client->ops;
	for (size_t i = 0; i < h->n; i++) {
		struct tilehold_tile *t = &h->tiles[i];
		if (!t->fetched || !t->proven) continue;
		enum mg_code rc = ops->write_cache(ops->arg, path_of(h, &t->tile), t->body, err);
		if (rc != MG_OK) return rc;
		t->fetched = false;
	}
	return MG_OK;
}
