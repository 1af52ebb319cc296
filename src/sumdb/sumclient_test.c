/* SPDX-License-Identifier: Apache-2.0 */
#include "sumdb/sumclient.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "sumdb/b64.h"
#include "sumdb/database_fixture.h"
#include "sumdb/merkleproof.h"

static struct database db, db2;
static struct world w, w2;

static void start(uint64_t size, unsigned height)
{
	database_init(&db, size);
	world_init(&w, &db, height);
}

static void lookup_and_again(void **state)
{
	struct sumclient_answer a;
	start(1000, 8);
	db.answer_size = 700;
	assert_int_equal(world_lookup(&w, 5, &a), MG_OK);
	assert_false(a.from_cache);
	assert_int_equal(a.tree_size, 700);
	assert_int_equal(w.head.size, 700);
	/* The answer, then all tiles at once. */
	assert_int_equal(w.rounds, 2);
	assert_int_equal(world_lookup(&w, 5, &a), MG_OK);
	assert_true(a.from_cache);
	assert_int_equal(w.rounds, 2);
	/* A newer head is proven to extend ours in the same round as the record; an older one to be in it. */
	db.answer_size = 0;
	assert_int_equal(world_lookup(&w, 900, &a), MG_OK);
	assert_int_equal(w.head.size, 1000);
	assert_int_equal(w.rounds, 4);
	db.answer_size = 800;
	assert_int_equal(world_lookup(&w, 300, &a), MG_OK);
	assert_int_equal(a.tree_size, 1000);
	assert_int_equal(w.head.size, 1000);
	w.remote_down = true;
	assert_int_equal(world_lookup(&w, 5, NULL), MG_OK);
	assert_int_equal(world_lookup(&w, 900, NULL), MG_OK);
	assert_int_equal(world_lookup(&w, 300, NULL), MG_OK);
	assert_int_equal(world_lookup(&w, 301, NULL), MG_UNAVAILABLE);
	world_offline(&w, true);
	assert_int_equal(world_lookup(&w, 5, NULL), MG_OK);
	assert_int_equal(world_lookup(&w, 301, NULL), MG_UNAVAILABLE);
	world_deinit(&w);
}

static uint64_t next(uint64_t *seed, uint64_t below)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (*seed >> 33) % below;
}

/* Whatever was proven once is proven again without upstream, however the log grew meanwhile; and one who
 * verifies on his own, with nothing in his cache, can do it through us. */
static void usable_offline(unsigned height, uint64_t seed)
{
	uint64_t known[64];
	size_t count = 0;
	start(1, height);
	while (count < 30) {
		database_grow(&db, db.log.size + 1 + next(&seed, height == 8 ? 60 : 30));
		uint64_t i = next(&seed, db.log.size);
		db.answer_size = i + 1 + next(&seed, db.log.size - i);
		assert_int_equal(world_lookup(&w, i, NULL), MG_OK);
		known[count++] = i;
		world_offline(&w, true);
		for (size_t j = 0; j < count; j++)
			assert_int_equal(world_lookup(&w, known[j], NULL), MG_OK);
		world_init(&w2, &db, height);
		w2.proxy = &w;
		for (size_t j = 0; j < count; j++)
			assert_int_equal(world_lookup(&w2, known[next(&seed, count)], NULL), MG_OK);
		for (size_t j = 0; j < count; j++)
			assert_int_equal(world_lookup(&w2, known[j], NULL), MG_OK);
		world_deinit(&w2);
		world_offline(&w, false);
	}
	world_deinit(&w);
}

static void offline(void **state)
{
	for (uint64_t seed = 1; seed <= 3; seed++) {
		usable_offline(2, seed);
		usable_offline(8, seed);
	}
}

static void bad_tiles(void **state)
{
	start(3, 2);
	w.tiles_flipped = true;
	assert_int_equal(world_lookup(&w, 2, NULL), MG_CORRUPT);
	assert_int_equal(w.head.size, 0);
	assert_int_equal(w.written, 0);
	w.tiles_flipped = false;
	assert_int_equal(world_lookup(&w, 2, NULL), MG_OK);
	database_grow(&db, 20);
	w.tiles_flipped = true;
	unsigned written = w.written;
	assert_int_equal(world_lookup(&w, 10, NULL), MG_CORRUPT);
	assert_int_equal(w.head.size, 3);
	assert_int_equal(w.written, written);
	w.tiles_flipped = false;
	assert_int_equal(world_lookup(&w, 10, NULL), MG_OK);
	assert_int_equal(w.evidence.n, 0);
	world_deinit(&w);
}

/* Each file of the cache is damaged in turn, in three ways. */
static void damaged_cache(void **state)
{
	start(90, 2);
	db.answer_size = 60;
	assert_int_equal(world_lookup(&w, 7, NULL), MG_OK);
	db.answer_size = 0;
	assert_int_equal(world_lookup(&w, 70, NULL), MG_OK);
	size_t files = w.n;
	for (size_t i = 0; i < 3 * files; i++) {
		struct mg_buf *body = &w.files[i / 3].body;
		if (i % 3 == 0) body->p[body->n / 2] ^= 1;
		if (i % 3 == 1) body->n--;
		if (i % 3 == 2) body->n = 0;
		/* Without upstream what is needed may be missing; what comes is right (world_lookup). */
		world_offline(&w, true);
		(void)world_lookup(&w, 7, NULL);
		(void)world_lookup(&w, 70, NULL);
		world_offline(&w, false);
		assert_int_equal(world_lookup(&w, 7, NULL), MG_OK);
		assert_int_equal(world_lookup(&w, 70, NULL), MG_OK);
		/* What is needed is whole again. */
		world_offline(&w, true);
		assert_int_equal(world_lookup(&w, 7, NULL), MG_OK);
		assert_int_equal(world_lookup(&w, 70, NULL), MG_OK);
		world_offline(&w, false);
	}
	world_deinit(&w);
}

/* Changes, inserts, removes, repeats or cuts off some bytes. */
static void mutate(struct world *world, struct mg_buf *body)
{
	struct mg_buf out = BUF_MAX(body->max + 64);
	struct mg_span all = buf_span(body);
	size_t at = next(&world->seed, all.n), some = 1 + next(&world->seed, 40);
	size_t end = at + some < all.n ? at + some : all.n;
	switch (next(&world->seed, 6)) {
	case 0:
		buf_append(&out, span_first(all, at));
		break;
	case 1:
		buf_append(&out, span_first(all, at));
		buf_append(&out, span_from(all, end));
		break;
	case 2:
		buf_append(&out, span_first(all, end));
		buf_append(&out, span_from(all, at));
		break;
	case 3:
		buf_append(&out, span_first(all, at));
		buf_append_char(&out, (char)next(&world->seed, 256));
		buf_append(&out, span_from(all, at));
		break;
	default:
		buf_append(&out, all);
		out.p[at] ^= (char)(1 << next(&world->seed, 8));
	}
	buf_clear(body);
	buf_append(body, buf_span(&out));
	buf_deinit(&out);
}

/* Any answer on its way altered anyhow: never another sum, nothing kept that does not prove it, and all
 * is well when the next answer is. */
static void mutations(void **state)
{
	unsigned refused = 0;
	database_init(&db, 90);
	for (uint64_t seed = 1; seed <= 1000; seed++) {
		world_init(&w, &db, seed % 2 == 0 ? 2 : 8);
		w.seed = seed;
		db.answer_size = 40;
		if (seed % 3 == 0) assert_int_equal(world_lookup(&w, 11, NULL), MG_OK);
		db.answer_size = 0;
		w.mutate = mutate;
		w.mutate_at = (unsigned)next(&w.seed, 6);
		enum mg_code rc = world_lookup(&w, 33, NULL);
		assert_true(rc == MG_OK || rc == MG_CORRUPT);
		refused += rc == MG_CORRUPT;
		w.mutate = NULL;
		world_offline(&w, true);
		assert_int_equal(world_lookup(&w, 33, NULL), rc == MG_OK ? MG_OK : MG_UNAVAILABLE);
		world_offline(&w, false);
		assert_int_equal(world_lookup(&w, 33, NULL), MG_OK);
		assert_int_equal(w.evidence.n, 0);
		world_deinit(&w);
	}
	assert_true(refused > 300);
}

/* The evidence convinces on its own. */
static void check_evidence(struct mg_span text, const struct treehead *small,
			   const struct treehead *large)
{
	struct tlog_hash hashes[MERKLEPROOF_MAX + 1];
	size_t n = 0;
	struct mg_span mark = SPAN("how it goes on\n");
	assert_true(span_has_prefix(text, SPAN("SECURITY ERROR\n")));
	assert_true(span_find(text, SPAN("old tree:\n\tgo.sum database tree\n\t")) > 0);
	assert_true(span_find(text, SPAN("new tree:\n\tgo.sum database tree\n\t")) > 0);
	ptrdiff_t at = span_find(text, mark);
	if (small->size == large->size) {
		assert_true(span_find(text, SPAN("proof: the notes themselves\n")) > 0);
		return;
	}
	assert_true(at > 0);
	struct mg_span rest = span_from(text, (size_t)at + mark.n);
	while (rest.n > 0) {
		struct mg_span line = span_from(span_cut(&rest, '\n'), 1);
		assert_true(b64_decode_exact(line, hashes[n++].b, sizeof hashes[0].b));
	}
	assert_true(merkleproof_tree_holds(hashes + 1, n - 1, large->size, &large->root,
					   small->size, &hashes[0]));
	assert_false(tlog_hash_eq(&hashes[0], &small->root));
}

/* Two histories that part at record 50: one was trusted to size `ours`, an answer of the other of size
 * `theirs` arrives. */
static void t04_forks(void **state)
{
	static const struct {
		uint64_t ours, theirs;
	} rows[] = { { 60, 60 }, { 60, 80 }, { 80, 60 }, { 60, 64 }, { 64, 60 }, { 51, 90 } };
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		start(rows[i].ours, 2);
		assert_int_equal(world_lookup(&w, 10, NULL), MG_OK);
		database_init(&db2, 50);
		db2.forked = 50;
		database_grow(&db2, rows[i].theirs);
		struct treehead ours = w.head, theirs = log_head(&db2.log, db2.log.size);
		bool newer = rows[i].theirs > rows[i].ours;
		unsigned written = w.written;
		w.db = &db2;
		w.tiles_of = newer ? &db2 : &db; /* an older head is judged by our tree */
		assert_int_equal(world_lookup(&w, 20, NULL), MG_CORRUPT);
		assert_int_equal(w.written, written);
		assert_true(treehead_eq(&w.head, &ours));
		check_evidence(buf_span(&w.evidence), newer ? &ours : &theirs,
			       newer ? &theirs : &ours);
		/* The same out of the cache ends there: nothing else is asked. */
		struct mg_buf answer = BUF_MAX(10000);
		assert_int_equal(database_lookup(&db2, SPAN("20@"), &answer), MG_OK);
		assert_int_equal(world_write_cache(&w, SPAN("lookup/rsc.io/!pkg20@v1.0.0"),
						   buf_span(&answer), NULL),
				 MG_OK);
		buf_clear(&w.evidence);
		unsigned rounds = w.rounds;
		assert_int_equal(world_lookup(&w, 20, NULL), MG_CORRUPT);
		assert_true(w.evidence.n > 0);
		assert_true(w.rounds <= rounds + 2);
		buf_deinit(&answer);
		world_deinit(&w);
	}
}

/* CVE-2026-42501: an answer without the lines proves nothing, and is not kept. */
static void t01_lines_that_are_not_there(void **state)
{
	static const char *const texts[] = {
		"\n",
		"rsc.io/Other v1.0.0 h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
		"rsc.io/Pkg1 v1.0.0/go.mod h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
		"rsc.io/Pkg1 v1.0.0 h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
	};
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		database_init(&db, 1);
		log_add(&db.log, span_of(texts[i])); /* the log really has it */
		world_init(&w, &db, 8);
		db.extra = texts[i];
		assert_int_equal(world_lookup(&w, 1, NULL), MG_CORRUPT);
		assert_int_equal(w.written, 0);
		world_deinit(&w);
	}
}

/* CVE-2026-56864: lines in the signed head's text, or a text that is not the record's. */
static void t02_lines_that_are_not_proven(void **state)
{
	static const char lines[] =
		"rsc.io/Pkg1 v1.0.0 h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"
		"rsc.io/Pkg1 v1.0.0/go.mod h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n";
	database_init(&db, 1);
	log_add(&db.log, SPAN("golang.org/x/good v1.0.0 h1:7uVkIFmeBqHfdjD+gZwt=\n"));
	world_init(&w, &db, 2);
	db.extra = "golang.org/x/good v1.0.0 h1:7uVkIFmeBqHfdjD+gZwt=\n";
	db.unsigned_more = lines;
	assert_int_equal(world_lookup(&w, 1, NULL), MG_CORRUPT);
	assert_int_equal(w.written, 0);
	db.unsigned_more = NULL;
	db.extra = lines;
	assert_int_equal(world_lookup(&w, 1, NULL), MG_CORRUPT);
	assert_int_equal(w.written, 0);
	assert_int_equal(w.head.size, 0);
	world_deinit(&w);
}

static void beyond_the_tree(void **state)
{
	start(30, 2);
	db.answer_size = 20;
	assert_int_equal(world_lookup(&w, 20, NULL), MG_CORRUPT);
	assert_int_equal(world_lookup(&w, 19, NULL), MG_OK);
	/* An older head will do if the trusted tree has the record. */
	db.answer_size = 0;
	assert_int_equal(world_lookup(&w, 29, NULL), MG_OK);
	db.answer_size = 20;
	assert_int_equal(world_lookup(&w, 25, NULL), MG_OK);
	world_deinit(&w);
}

static void partial_tiles_refused(void **state)
{
	start(300, 8);
	db.answer_size = 200;
	db.no_partial = true; /* 8/0/000.p/200 has become full */
	assert_int_equal(world_lookup(&w, 100, NULL), MG_OK);
	assert_int_equal(w.rounds, 3);
	assert_int_equal(w.head.size, 200);
	assert_non_null(world_file(&w, SPAN("tile/8/0/000.p/200")));
	assert_null(world_file(&w, SPAN("tile/8/0/000")));
	world_deinit(&w);

	/* A cached full tile serves for its parts. */
	start(300, 8);
	assert_int_equal(world_lookup(&w, 100, NULL), MG_OK);
	w.head = treehead_empty();
	db.answer_size = 200;
	unsigned asked = w.asked;
	assert_int_equal(world_lookup(&w, 101, NULL), MG_OK);
	assert_int_equal(w.asked, asked + 1);
	world_deinit(&w);
}

static void faults(void **state)
{
	start(30, 2);
	assert_int_equal(world_lookup(&w, 31, NULL), MG_NOT_FOUND);
	/* A tile that is not there does not say that the module is not. */
	w.tiles_gone = true;
	assert_int_equal(world_lookup(&w, 20, NULL), MG_UNAVAILABLE);
	w.tiles_gone = false;
	w.write_fails = true;
	assert_int_equal(world_lookup(&w, 20, NULL), MG_UNAVAILABLE);
	assert_int_equal(w.head.size, 0);
	w.write_fails = false;
	assert_int_equal(world_lookup(&w, 20, NULL), MG_OK);
	struct sumclient_answer a;
	assert_int_equal(sumclient_lookup(&w.client, SPAN("a b"), SPAN("v1.0.0"), &a, NULL),
			 MG_INVALID);
	assert_int_equal(w.evidence.n, 0);
	world_deinit(&w);
}

/* Another thread's head gets in between: a smaller, the same, a larger one, one of another history. */
static void races(void **state)
{
	static const uint64_t rivals[] = { 40, 60, 80 };
	for (size_t i = 0; i < 4; i++) {
		struct mg_buf note = BUF_MAX(10000);
		start(90, 2);
		db.answer_size = 20;
		assert_int_equal(world_lookup(&w, 3, NULL), MG_OK);
		database_init(&db2, 15);
		db2.forked = i < 3 ? 0 : 15;
		database_grow(&db2, 90);
		uint64_t size = i < 3 ? rivals[i] : 70;
		struct sumclient_head rival = { .tree = log_head(&db2.log, size) };
		database_latest(&db2, size, &note);
		rival.note = buf_span(&note);
		w.rival = &rival;
		db.answer_size = 60;
		enum mg_code rc = world_lookup(&w, 50, NULL);
		assert_null(w.rival);
		if (i < 3) {
			assert_int_equal(rc, MG_OK);
			assert_int_equal(w.head.size, size > 60 ? size : 60);
		} else {
			assert_int_equal(rc, MG_CORRUPT);
			assert_int_equal(w.head.size, 70);
		}
		buf_deinit(&note);
		world_deinit(&w);
	}
}

/* A head that was proven once is not proven again; what comes with it is. */
static void remembered_heads(void **state)
{
	start(300, 2);
	assert_int_equal(world_lookup(&w, 10, NULL), MG_OK);
	assert_int_equal(w.head.size, 300);
	db.answer_size = 100;
	assert_int_equal(world_lookup(&w, 11, NULL), MG_OK);
	assert_int_equal(w.recalled, 0);
	assert_int_equal(world_lookup(&w, 12, NULL), MG_OK);
	assert_int_equal(w.recalled, 1);
	unsigned heads = w.heads;
	db.extra = "rsc.io/Pkg13 v1.0.0 h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"
		   "rsc.io/Pkg13 v1.0.0/go.mod h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n";
	assert_int_equal(world_lookup(&w, 13, NULL), MG_CORRUPT);
	assert_int_equal(w.recalled, 2);
	db.extra = NULL;
	/* Beyond it, but in the trusted tree. */
	assert_int_equal(world_lookup(&w, 200, NULL), MG_OK);
	/* When the trusted head moves on, what it extended is extended still. */
	database_grow(&db, 400);
	db.answer_size = 400;
	assert_int_equal(world_lookup(&w, 14, NULL), MG_OK);
	assert_int_equal(w.head.size, 400);
	db.answer_size = 300;
	assert_int_equal(world_lookup(&w, 15, NULL), MG_OK);
	db.answer_size = 100;
	assert_int_equal(world_lookup(&w, 16, NULL), MG_OK);
	assert_int_equal(w.recalled, 5);
	assert_int_equal(w.heads, heads + 1);
	/* No trust, no memory. */
	w.head = treehead_empty();
	assert_int_equal(world_lookup(&w, 17, NULL), MG_OK);
	assert_int_equal(w.recalled, 5);
	assert_int_equal(w.evidence.n, 0);
	world_deinit(&w);
}

/* One that excludes the trusted head is remembered by nobody. */
static void forked_heads_are_not_remembered(void **state)
{
	start(80, 2);
	assert_int_equal(world_lookup(&w, 10, NULL), MG_OK);
	unsigned heads = w.heads;
	database_init(&db2, 50);
	db2.forked = 50;
	database_grow(&db2, 60);
	w.db = &db2;
	w.tiles_of = &db;
	for (int i = 0; i < 2; i++) {
		buf_clear(&w.evidence);
		assert_int_equal(world_lookup(&w, 20, NULL), MG_CORRUPT);
		assert_true(w.evidence.n > 0);
	}
	assert_int_equal(w.heads, heads);
	assert_int_equal(w.recalled, 0);
	world_deinit(&w);
}

static void tiles(void **state)
{
	start(300, 8);
	db.answer_size = 299;
	assert_int_equal(world_lookup(&w, 5, NULL), MG_OK);
	static const struct {
		const char *path;
		enum mg_code code;
		size_t bytes;
	} rows[] = {
		{ "tile/8/0/000", MG_OK, 8192 },
		{ "tile/8/0/000.p/1", MG_OK, 32 },
		{ "tile/8/0/000.p/255", MG_OK, 8160 },
		{ "tile/8/1/000.p/1", MG_OK, 32 },
		{ "tile/8/0/001.p/43", MG_OK, 43 * 32 },
		{ "tile/8/0/001.p/20", MG_OK, 20 * 32 },
		{ "tile/8/0/001.p/44", MG_OK, 44 * 32 }, /* after asking for a newer head */
		{ "tile/8/0/001.p/45", MG_NOT_FOUND, 0 },
		{ "tile/8/0/001", MG_NOT_FOUND, 0 },
		{ "tile/8/1/000.p/2", MG_NOT_FOUND, 0 },
		{ "tile/8/0/x001/000", MG_NOT_FOUND, 0 },
		{ "tile/8/63/000", MG_NOT_FOUND, 0 },
		{ "tile/8/0/x009/x223/x372/x036/x854/x775/807", MG_NOT_FOUND, 0 },
		{ "tile/8/data/000", MG_NOT_FOUND, 0 },
		{ "tile/4/0/000", MG_NOT_FOUND, 0 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct tile t;
		struct mg_buf body = BUF_MAX(10000), want = BUF_MAX(10000);
		assert_true(tile_parse(span_of(rows[i].path), &t));
		if (sumclient_tile(&w.client, &t, &body, NULL) != rows[i].code)
			fail_msg("row %zu", i);
		assert_int_equal(body.n, rows[i].bytes);
		if (rows[i].code == MG_OK) log_tile(&db.log, &t, &want);
		assert_true(span_eq(buf_span(&body), buf_span(&want)));
		buf_deinit(&body);
		buf_deinit(&want);
	}
	assert_int_equal(w.head.size, 300);
	struct tile t;
	struct mg_buf body = BUF_MAX(10000);
	database_grow(&db, 600);
	assert_true(tile_parse(SPAN("tile/8/0/001"), &t));
	w.tiles_flipped = true;
	assert_int_equal(sumclient_tile(&w.client, &t, &body, NULL), MG_CORRUPT);
	w.tiles_flipped = false;
	world_offline(&w, true);
	assert_int_equal(sumclient_tile(&w.client, &t, &body, NULL), MG_UNAVAILABLE);
	assert_int_equal(body.n, 0);
	world_deinit(&w);
}

static void refresh(void **state)
{
	struct arena a = ARENA_INIT;
	struct sumclient_head head;
	start(100, 8);
	assert_int_equal(sumclient_refresh(&w.client, &a, &head, NULL), MG_OK);
	assert_int_equal(head.tree.size, 100);
	struct treehead again;
	assert_int_equal(sumclient_open_head(&w.client, head.note, &again, NULL), MG_OK);
	assert_true(treehead_eq(&again, &head.tree));
	database_grow(&db, 200);
	assert_int_equal(sumclient_refresh(&w.client, &a, &head, NULL), MG_OK);
	assert_int_equal(w.head.size, 200);
	world_offline(&w, true);
	assert_int_equal(sumclient_refresh(&w.client, &a, &head, NULL), MG_UNAVAILABLE);
	arena_deinit(&a);
	world_deinit(&w);
}

static void heads(void **state)
{
	struct treehead head, nonsense = { .size = 0 };
	struct mg_buf note = BUF_MAX(10000);
	start(1, 8);
	database_latest(&db, 0, &note);
	assert_int_equal(sumclient_open_head(&w.client, buf_span(&note), &head, NULL), MG_OK);
	buf_clear(&note);
	database_sign(&db, &nonsense, &note);
	assert_int_equal(sumclient_open_head(&w.client, buf_span(&note), &head, NULL), MG_CORRUPT);
	buf_clear(&note);
	struct note n = { .text = SPAN("go.sum database tree v2\n1\n") };
	assert_true(note_sign(&n, &db.key, 1, &note));
	assert_int_equal(sumclient_open_head(&w.client, buf_span(&note), &head, NULL), MG_CORRUPT);
	buf_clear(&note);
	db.key.seed[0] ^= 1;
	database_latest(&db, 1, &note);
	assert_int_equal(sumclient_open_head(&w.client, buf_span(&note), &head, NULL), MG_CORRUPT);
	assert_int_equal(world_lookup(&w, 0, NULL), MG_CORRUPT);
	assert_int_equal(w.written, 0);
	struct sumclient c;
	assert_int_equal(sumclient_init(&c, SPAN("sum.example"), &w.client.ops, NULL), MG_INVALID);
	buf_deinit(&note);
	world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lookup_and_again),
		cmocka_unit_test(offline),
		cmocka_unit_test(bad_tiles),
		cmocka_unit_test(damaged_cache),
		cmocka_unit_test(mutations),
		cmocka_unit_test(t04_forks),
		cmocka_unit_test(t01_lines_that_are_not_there),
		cmocka_unit_test(t02_lines_that_are_not_proven),
		cmocka_unit_test(beyond_the_tree),
		cmocka_unit_test(partial_tiles_refused),
		cmocka_unit_test(faults),
		cmocka_unit_test(races),
		cmocka_unit_test(remembered_heads),
		cmocka_unit_test(forked_heads_are_not_remembered),
		cmocka_unit_test(tiles),
		cmocka_unit_test(refresh),
		cmocka_unit_test(heads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
