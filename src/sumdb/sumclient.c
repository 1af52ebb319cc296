/* SPDX-License-Identifier: Apache-2.0 */
#include "sumdb/sumclient.h"

#include "base/check.h"
#include "sumdb/forkreport.h"
#include "sumdb/note.h"
#include "sumdb/tilehold.h"
#include "sumdb/tilereader.h"

/* Who loses so many races for the head in a row is not racing. */
#define RACES_MAX 1000

#define PLACES_MAX (TLOG_SUBTREE_MAX + 1)

/* What a call has to prove: a signed head and, if wanted, something in its tree. */
struct claim {
	struct sumclient_head head;
	bool head_proven; /* before: the trusted head extends it */
	bool has_place;
	uint64_t place; /* of a stored hash */
	struct tlog_hash hash;
	uint64_t trusted_size; /* set when it is proven */
	bool forked;           /* set when it proves a fork instead */
};

enum mg_code sumclient_init(struct sumclient *c, struct mg_span key,
			    const struct sumclient_ops *ops, struct mg_err *err)
{
	*c = (struct sumclient){ .ops = *ops, .height = SUMCLIENT_TILE_HEIGHT };
	return notekey_parse(span_trim(key), &c->key, err);
}

enum mg_code sumclient_open_head(const struct sumclient *c, struct mg_span text,
				 struct treehead *out, struct mg_err *err)
{
	struct note note;
	enum mg_code rc = note_check(text, &c->key, 1, &note, err);
	if (rc != MG_OK) return rc;
	if (!treehead_parse(note.text, out))
		return err_set(err, MG_CORRUPT, MG_CAUSE_PROOF,
			       "%s has signed what is not the head of a tree", c->key.name);
	struct tlog_hash empty = tlog_empty_root();
	if (out->size == 0 && !tlog_hash_eq(&out->root, &empty))
		return err_set(err, MG_CORRUPT, MG_CAUSE_PROOF,
			       "%s has signed an empty tree with records in it", c->key.name);
	return MG_OK;
}

/* Hashes of a tree out of proven tiles. If cached tiles prove nothing they are damaged, or of a tree
 * that was never ours, and fetched ones may do. */
static enum mg_code read_hashes(struct tilehold *hold, const struct treehead *tree,
				const uint64_t *places, size_t n, struct tlog_hash *out,
				struct mg_err *err)
{
	struct tilereader reader = { .tree = *tree,
				     .height = hold->client->height,
				     .arena = hold->arena,
				     .read = tilehold_read,
				     .save = tilehold_save,
				     .arg = hold };
	enum mg_code rc = tilereader_read(&reader, places, n, out, err);
	if (rc == MG_CORRUPT && hold->used_cache && hold->client->ops.read_remote != NULL) {
		tilehold_distrust_cache(hold);
		rc = tilereader_read(&reader, places, n, out, err);
	}
	return rc;
}

struct proof_source {
	struct tilehold *hold;
	const struct treehead *tree;
};

static enum mg_code read_for_proof(void *arg, const uint64_t *places, size_t n,
				   struct tlog_hash *out, struct mg_err *err)
{
	const struct proof_source *s = arg;
	return read_hashes(s->hold, s->tree, places, n, out, err);
}

static enum mg_code forked(struct tilehold *hold, struct claim *claim,
			   const struct sumclient_head *small, const struct sumclient_head *large,
			   const struct tlog_hash *root, struct mg_err *err)
{
	const struct sumclient *c = hold->client;
	struct forkreport report = { .old_note = small->note, .new_note = large->note };
	struct mg_buf text = BUF_MAX(2 * FORKREPORT_MAX);
	if (small->tree.size < large->tree.size) {
		struct proof_source source = { hold, &large->tree };
		struct tlog_reader reader = { read_for_proof, &source };
		report.root = *root;
		/* Needs no tile that was not read to get here; without it the notes still tell. */
		if (merkleproof_of_tree(&reader, large->tree.size, small->tree.size, &report.proof,
					NULL) != MG_OK)
			report.proof.n = 0;
	}
	forkreport_print(&report, &text);
	c->ops.fork(c->ops.arg, buf_span(&text));
	buf_deinit(&text);
	claim->forked = true;
	return err_set(err, MG_CORRUPT, MG_CAUSE_PROOF,
		       "SECURITY ERROR: %s has signed two trees, of %llu and %llu records, that "
		       "exclude each other (a fork); nothing of it is trusted",
		       c->key.name, (unsigned long long)small->tree.size,
		       (unsigned long long)large->tree.size);
}

/* Does the larger tree begin with the smaller one, and is the claim's hash in it? */
static enum mg_code compare(struct tilehold *hold, const struct sumclient_head *small,
			    const struct sumclient_head *large, struct claim *claim,
			    struct mg_err *err)
{
	uint64_t places[PLACES_MAX];
	struct tlog_hash hashes[PLACES_MAX];
	size_t n = 0;
	if (small->tree.size == large->tree.size && !treehead_eq(&small->tree, &large->tree))
		return forked(hold, claim, small, large, NULL, err);
	bool extends = small->tree.size > 0 && small->tree.size < large->tree.size;
	if (extends) n = tlog_subtrees(0, small->tree.size, places);
	if (claim->has_place) {
		if (claim->place >= tlog_stored(large->tree.size))
			return err_set(err, MG_CORRUPT, MG_CAUSE_PROOF,
				       "the record is not in the tree of %llu records that %s has "
				       "signed",
				       (unsigned long long)large->tree.size,
				       hold->client->key.name);
		places[n] = claim->place;
	}
	enum mg_code rc =
		read_hashes(hold, &large->tree, places, n + claim->has_place, hashes, err);
	if (rc != MG_OK) return rc;
	if (extends) {
		struct tlog_hash root = tlog_fold(hashes, n);
		if (!tlog_hash_eq(&root, &small->tree.root))
			return forked(hold, claim, small, large, &root, err);
	}
	if (claim->has_place && !tlog_hash_eq(&hashes[n], &claim->hash))
		return err_set(err, MG_CORRUPT, MG_CAUSE_PROOF,
			       "the record is not the one that %s has signed",
			       hold->client->key.name);
	return MG_OK;
}

static void remember(const struct sumclient *c, const struct claim *claim)
{
	if (c->ops.remember_head != NULL && !claim->head_proven)
		c->ops.remember_head(c->ops.arg, &claim->head);
}

/* Proves a claim under the trusted head, which becomes the claim's if that is larger. Tiles are stored
 * before the head that stands on them. */
static enum mg_code prove(const struct sumclient *c, struct tilehold *hold, struct claim *claim,
			  struct mg_err *err)
{
	for (unsigned races = 0; races < RACES_MAX; races++) {
		struct sumclient_head trusted;
		enum mg_code rc = c->ops.read_head(c->ops.arg, hold->arena, &trusted, err);
		if (rc != MG_OK) return rc;
		bool newer = claim->head.tree.size > trusted.tree.size;
		const struct sumclient_head *older = claim->head_proven ? &trusted : &claim->head;
		rc = newer ? compare(hold, &trusted, &claim->head, claim, err)
			   : compare(hold, older, &trusted, claim, err);
		if (rc == MG_OK) rc = tilehold_store(hold, err);
		if (rc != MG_OK) return rc;
		claim->trusted_size = newer ? claim->head.tree.size : trusted.tree.size;
		bool swapped = false;
		if (newer)
			rc = c->ops.swap_head(c->ops.arg, &trusted.tree, &claim->head, &swapped,
					      err);
		if (rc == MG_OK && (!newer || swapped)) remember(c, claim);
		if (rc != MG_OK || !newer || swapped) return rc;
	}
	return err_set(err, MG_INTERNAL, MG_CAUSE_PROOF, "the trusted head never stands still");
}

/* What was asked of the database, and where the answer came from. */
struct question {
	const struct sumclient *client;
	struct mg_span path, version;
	struct mg_span file; /* lookup_path */
	struct arena *arena;
	bool forked; /* the answer proves a fork */
};

/* The head in an answer. Most have one that was seen before, and its signature and its place in the
 * trusted tree are half the work. */
static enum mg_code open_answered_head(const struct question *q, struct claim *claim,
				       struct mg_err *err)
{
	const struct sumclient *c = q->client;
	struct treehead *out = &claim->head.tree;
	struct sumclient_head trusted;
	enum mg_code rc = c->ops.read_head(c->ops.arg, q->arena, &trusted, err);
	if (rc != MG_OK) return rc;
	if (trusted.tree.size > 0 && span_eq(trusted.note, claim->head.note)) {
		*out = trusted.tree;
		return MG_OK;
	}
	claim->head_proven = trusted.tree.size > 0 && c->ops.recall_head != NULL &&
			     c->ops.recall_head(c->ops.arg, claim->head.note, out);
	return claim->head_proven ? MG_OK : sumclient_open_head(c, claim->head.note, out, err);
}

static enum mg_code judge(struct question *q, struct mg_span body, bool from_cache,
			  struct sumclient_answer *out, struct mg_err *err)
{
	const struct sumclient *c = q->client;
	struct tilehold hold = { .client = c, .arena = q->arena };
	struct claim claim = { .has_place = true };
	struct lookup lookup;
	struct lookup_sums sums;
	if (!lookup_parse(body, &lookup))
		return err_set(err, MG_CORRUPT, MG_CAUSE_PROOF,
			       "the answer of %s is no record with a signed head", c->key.name);
	claim.head.note = lookup.note;
	enum mg_code rc = open_answered_head(q, &claim, err);
	if (rc == MG_OK && lookup.record >= TLOG_SIZE_MAX)
		rc = err_set(err, MG_CORRUPT, MG_CAUSE_PROOF,
			     "the number of the record is beyond any tree");
	/* The lines are looked for in what is hashed, and in nothing else (CVE-2026-56864). */
	if (rc == MG_OK) rc = lookup_find(lookup.text, q->path, q->version, &sums, err);
	if (rc != MG_OK) return rc;
	claim.place = tlog_index(0, lookup.record);
	claim.hash = tlog_record_hash(lookup.text);
	rc = prove(c, &hold, &claim, err);
	q->forked = claim.forked;
	if (rc != MG_OK) return rc;
	*out = (struct sumclient_answer){ .sums = sums,
					  .record = lookup.record,
					  .tree_size = claim.trusted_size,
					  .from_cache = from_cache };
	return MG_OK;
}

/* Asks one thing of the database; the body is appended to *body. */
static enum mg_code ask(const struct sumclient *c, struct mg_span path, struct mg_buf *body,
			struct mg_err *err)
{
	if (c->ops.read_remote == NULL)
		return err_set(err, MG_UNAVAILABLE, MG_CAUSE_PROOF,
			       "%.*s of %s is not in the cache, and there is no upstream",
			       SPAN_ARG(path), c->key.name);
	struct sumclient_fetch f = { .path = path, .body = BUF_MAX(body->max) };
	f.code = err_set(&f.err, MG_INTERNAL, MG_CAUSE_NONE, "not asked");
	c->ops.read_remote(c->ops.arg, &f, 1);
	if (f.code == MG_OK && buf_failed(&f.body))
		f.code = err_set(&f.err, MG_CORRUPT, MG_CAUSE_PROOF,
				 "the answer of %s is longer than any can be", c->key.name);
	if (f.code == MG_OK)
		buf_append(body, buf_span(&f.body));
	else if (err != NULL)
		*err = f.err;
	buf_deinit(&f.body);
	return f.code;
}

static enum mg_code answer(struct question *q, struct mg_buf *body, struct sumclient_answer *out,
			   struct mg_err *err)
{
	const struct sumclient *c = q->client;
	if (c->ops.read_cache(c->ops.arg, q->file, body, NULL) == MG_OK && !buf_failed(body)) {
		enum mg_code rc = judge(q, buf_span(body), true, out, err);
		if (rc != MG_CORRUPT || q->forked || c->ops.read_remote == NULL) return rc;
	}
	buf_clear(body);
	enum mg_code rc = ask(c, q->file, body, err);
	if (rc == MG_OK) rc = judge(q, buf_span(body), false, out, err);
	if (rc == MG_OK) rc = c->ops.write_cache(c->ops.arg, q->file, buf_span(body), err);
	return rc;
}

enum mg_code sumclient_lookup(const struct sumclient *c, struct mg_span path,
			      struct mg_span version, struct sumclient_answer *out,
			      struct mg_err *err)
{
	struct arena arena = ARENA_INIT;
	struct mg_buf file = BUF_MAX(LOOKUP_PATH_MAX), body = BUF_MAX(LOOKUP_SIZE_MAX);
	enum mg_code rc = lookup_path(path, version, &file, err);
	if (rc == MG_OK) {
		struct question q = { c, path, version, buf_span(&file), &arena, false };
		rc = answer(&q, &body, out, err);
	}
	buf_deinit(&body);
	buf_deinit(&file);
	arena_deinit(&arena);
	return rc;
}

enum mg_code sumclient_refresh(const struct sumclient *c, struct arena *a,
			       struct sumclient_head *out, struct mg_err *err)
{
	struct tilehold hold = { .client = c, .arena = a };
	struct mg_buf body = BUF_MAX(LOOKUP_SIZE_MAX);
	struct claim claim = { 0 };
	enum mg_code rc = ask(c, SPAN("latest"), &body, err);
	if (rc == MG_OK) {
		claim.head.note = buf_span(&body);
		rc = sumclient_open_head(c, claim.head.note, &claim.head.tree, err);
	}
	if (rc == MG_OK) rc = prove(c, &hold, &claim, err);
	if (rc == MG_OK) rc = c->ops.read_head(c->ops.arg, a, out, err);
	buf_deinit(&body);
	return rc;
}

static bool reaches(const struct sumclient *c, const struct treehead *tree, const struct tile *t,
		    struct tile *whole)
{
	return tile_in_tree(c->height, t->level, t->number, tree->size, whole) &&
	       whole->width >= t->width;
}

enum mg_code sumclient_tile(const struct sumclient *c, const struct tile *tile, struct mg_buf *out,
			    struct mg_err *err)
{
	struct arena arena = ARENA_INIT;
	struct tilehold hold = { .client = c, .arena = &arena };
	struct sumclient_head head;
	struct tlog_hash first;
	struct tile whole;
	if (tile->height != c->height || tile->level < 0)
		return err_set(err, MG_NOT_FOUND, MG_CAUSE_NONE,
			       "only tiles of hashes of height %u are kept here", c->height);
	enum mg_code rc = c->ops.read_head(c->ops.arg, &arena, &head, err);
	if (rc == MG_OK && !reaches(c, &head.tree, tile, &whole))
		rc = sumclient_refresh(c, &arena, &head, err);
	if (rc == MG_OK && !reaches(c, &head.tree, tile, &whole))
		rc = err_set(err, MG_NOT_FOUND, MG_CAUSE_NONE,
			     "%s has no such tile yet: its tree has %llu records", c->key.name,
			     (unsigned long long)head.tree.size);
	if (rc != MG_OK) goto out;

	uint64_t place = tlog_index((unsigned)tile->level * c->height, tile->number << c->height);
	rc = read_hashes(&hold, &head.tree, &place, 1, &first, err);
	if (rc == MG_OK) rc = tilehold_store(&hold, err);
	if (rc != MG_OK) goto out;
	struct mg_span body = tilehold_body(&hold, &whole);
	MG_ASSERT(body.n == whole.width * sizeof first);
	buf_append(out, span_first(body, tile->width * sizeof first));
out:
	arena_deinit(&arena);
	return rc;
}
