/* SPDX-License-Identifier: Apache-2.0 */
/* sumdb_vectors KIND: reads the inputs of tests/oracle/sumdb from standard input, asks src/sumdb the same
 * and compares the hashes of the answers. Prints the first that differ, and how many were compared, were
 * refused (malformed, fails, none), and differ. */
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/hex.h"
#include "sumdb/lookup.h"
#include "sumdb/merkleproof.h"
#include "sumdb/note.h"
#include "sumdb/tilereader.h"

#define INPUT_MAX (1u << 20)
#define SHOWN_MAX 10
#define LOG_SIZE  600

static struct notekey known[3]; /* the last has the name and hash of the first */
static struct tlog_hash stored[2 * LOG_SIZE];
static struct tlog_hash roots[LOG_SIZE + 1];

static enum mg_code read_stored(void *arg, const uint64_t *places, size_t n, struct tlog_hash *out,
				struct mg_err *err)
{
	for (size_t i = 0; i < n; i++) {
		MG_ASSERT(places[i] < tlog_stored(LOG_SIZE));
		out[i] = stored[places[i]];
	}
	return MG_OK;
}

static const struct tlog_reader reader = { read_stored, NULL };

static void make_keys(void)
{
	static const char *const names[] = { "sum.example.org", "second.example/sumdb" };
	for (size_t i = 0; i < 2; i++) {
		uint8_t seed[ED25519_SEED_SIZE];
		struct notekey_secret secret;
		memset(seed, (int)(7 + i), sizeof seed);
		MG_ASSERT(notekey_make(span_of(names[i]), seed, &secret));
		known[i] = secret.public;
	}
	known[2] = known[0];
}

static void make_log(void)
{
	for (uint64_t i = 0; i < LOG_SIZE; i++) {
		struct mg_buf text = BUF_MAX(20);
		size_t n;
		buf_append_u64(&text, i);
		struct tlog_hash own = tlog_record_hash(buf_span(&text));
		MG_ASSERT(tlog_append(&reader, i, &own, &stored[tlog_index(0, i)], &n, NULL) ==
			  MG_OK);
		buf_deinit(&text);
	}
	for (uint64_t n = 0; n <= LOG_SIZE; n++)
		MG_ASSERT(tlog_root(&reader, n, &roots[n], NULL) == MG_OK);
}

static void note(struct mg_span input, struct mg_buf *out)
{
	static const char *const verdicts[] = {
		[NOTE_GOOD] = "good\n",
		[NOTE_MALFORMED] = "malformed\n",
		[NOTE_UNVERIFIED] = "unverified\n",
		[NOTE_BAD_SIGNATURE] = "bad\n",
		[NOTE_AMBIGUOUS] = "ambiguous\n",
	};
	struct note n;
	enum note_verdict v = note_open(span_from(input, 1), known, input.p[0] != 0 ? 3 : 2, &n);
	buf_append_str(out, verdicts[v]);
	if (v != NOTE_GOOD && v != NOTE_UNVERIFIED) return;
	buf_append(out, n.text);
	for (int verified = 1; verified >= 0; verified--) {
		for (size_t i = 0; i < n.signatures; i++) {
			const struct note_signature *s = &n.signature[i];
			if (s->verified != (verified == 1)) continue;
			buf_printf(out, "%d %.*s %08x ", verified, SPAN_ARG(s->name), s->hash);
			buf_append(out, s->base64);
			buf_append_char(out, '\n');
		}
	}
}

static void key(struct mg_span input, struct mg_buf *out)
{
	struct notekey k;
	struct notekey_secret secret;
	if (notekey_parse(input, &k, NULL) == MG_OK)
		buf_printf(out, "public %s %08x\n", k.name, k.hash);
	if (notekey_parse_secret(input, &secret, NULL) == MG_OK) {
		uint8_t sig[ED25519_SIGNATURE_SIZE];
		ed25519_sign(secret.seed, SPAN("text"), sig);
		buf_printf(out, "secret %s %08x ", secret.public.name, secret.public.hash);
		hex_base64_encode(span_make(sig, sizeof sig), out);
		buf_append_char(out, '\n');
	}
}

static void lookup(struct mg_span input, struct mg_buf *out)
{
	struct lookup l;
	struct lookup_sums sums;
	if (!lookup_parse(input, &l)) {
		buf_append_str(out, "malformed");
		return;
	}
	buf_append_u64(out, l.record);
	buf_append_char(out, '\n');
	buf_append(out, l.text);
	buf_append_char(out, '\0');
	buf_append(out, l.note);
	buf_append_char(out, '\0');
	if (lookup_find(l.text, SPAN("a.b/c"), SPAN("v1.2.3"), &sums, NULL) == MG_OK)
		buf_printf(out, "%s%s", sums.zip, sums.mod);
	else
		buf_append_str(out, "none");
}

static void tree(struct mg_span input, struct mg_buf *out)
{
	struct treehead head;
	if (!treehead_parse(input, &head)) {
		buf_append_str(out, "malformed");
		return;
	}
	buf_append_u64(out, head.size);
	buf_append_char(out, ' ');
	hex_base64_encode(span_make(head.root.b, sizeof head.root.b), out);
}

static void tile(struct mg_span input, struct mg_buf *out)
{
	struct tile t;
	if (tile_parse(input, &t))
		buf_printf(out, "%u %d %llu %u", t.height, t.level, (unsigned long long)t.number,
			   t.width);
	else
		buf_append_str(out, "malformed");
}

/* Little-endian. */
static uint64_t take(struct mg_span *in, size_t bytes)
{
	uint64_t v = 0;
	MG_ASSERT(in->n >= bytes);
	for (size_t i = 0; i < bytes; i++)
		v |= (uint64_t)(unsigned char)in->p[i] << 8 * i;
	*in = span_from(*in, bytes);
	return v;
}

static struct tlog_hash take_hash(struct mg_span *in)
{
	struct tlog_hash h;
	MG_ASSERT(in->n >= sizeof h.b);
	memcpy(h.b, in->p, sizeof h.b);
	*in = span_from(*in, sizeof h.b);
	return h;
}

static void place_of(struct mg_span input, struct mg_buf *out)
{
	unsigned height = (unsigned)take(&input, 1), level = (unsigned)take(&input, 1), l;
	uint64_t n = take(&input, 8), m, place = tlog_index(level, n);
	uint32_t begin, count;
	tlog_split_index(place, &l, &m);
	struct tile t = tile_of_index(height, place, &begin, &count);
	buf_printf(out, "%llu %u %llu %d %llu %u %llu", (unsigned long long)place, l,
		   (unsigned long long)m, t.level, (unsigned long long)t.number, t.width,
		   (unsigned long long)tlog_stored(n));
}

static void proof(struct mg_span input, struct mg_buf *out)
{
	bool is_tree = take(&input, 1) == 1;
	uint64_t size = take(&input, 2), at = take(&input, 2);
	uint64_t check_size = take(&input, 2), check_at = take(&input, 2);
	struct tlog_hash root = take_hash(&input), h = take_hash(&input);
	struct tlog_hash hashes[2 * MERKLEPROOF_MAX];
	struct merkleproof made = { 0 };
	size_t n = 0;
	while (input.n > 0)
		hashes[n++] = take_hash(&input);
	enum mg_code rc = is_tree ? merkleproof_of_tree(&reader, size, at, &made, NULL)
				  : merkleproof_of_record(&reader, size, at, &made, NULL);
	if (rc == MG_OK) buf_append(out, span_make(made.hash, made.n * sizeof made.hash[0]));
	bool holds = is_tree ? merkleproof_tree_holds(hashes, n, check_size, &root, check_at, &h)
			     : merkleproof_record_holds(hashes, n, check_size, &root, check_at, &h);
	buf_append_str(out, holds ? "holds" : "fails");
}

struct server {
	struct arena arena;
	unsigned height, level;
	uint64_t number;
	size_t at;
	uint8_t flip;
	int grow;
	size_t saved;
};

static struct mg_span body_of(struct server *s, const struct tile *t, bool honest)
{
	unsigned shift = (unsigned)t->level * t->height;
	size_t n = t->width * sizeof(struct tlog_hash);
	bool spoilt = !honest && shift == s->level;
	uint8_t *body = arena_alloc(&s->arena, n + sizeof(struct tlog_hash));
	for (uint32_t i = 0; i < t->width; i++) {
		uint64_t place = tlog_index(shift, (t->number << t->height) + i);
		MG_ASSERT(place < tlog_stored(LOG_SIZE));
		memcpy(body + i * sizeof stored[0], stored[place].b, sizeof stored[0]);
	}
	uint64_t i = s->number - (t->number << t->height);
	if (spoilt && i < t->width) body[i * sizeof(struct tlog_hash) + s->at] ^= s->flip;
	if (spoilt) n += (size_t)(s->grow * (int)sizeof(struct tlog_hash));
	return span_make(body, n);
}

static enum mg_code read_tiles(void *arg, const struct tile *tiles, size_t n,
			       struct mg_span *bodies, struct mg_err *err)
{
	for (size_t i = 0; i < n; i++)
		bodies[i] = body_of(arg, &tiles[i], false);
	return MG_OK;
}

static enum mg_code save_tiles(void *arg, const struct tile *tiles, size_t n,
			       const struct mg_span *bodies, struct mg_err *err)
{
	struct server *s = arg;
	for (size_t i = 0; i < n; i++)
		MG_ASSERT(span_eq(bodies[i], body_of(s, &tiles[i], true)));
	s->saved += n;
	return MG_OK;
}

static void read_places(struct mg_span input, struct mg_buf *out)
{
	struct server s = { .height = (unsigned)take(&input, 1) };
	struct tilereader r = { .tree.size = take(&input, 2), .height = s.height };
	uint64_t places[8];
	struct tlog_hash hashes[8];
	size_t n = 0;
	s.level = (unsigned)take(&input, 1);
	s.number = take(&input, 2);
	s.at = take(&input, 1);
	s.flip = (uint8_t)take(&input, 1);
	s.grow = (int8_t)take(&input, 1);
	while (input.n > 0)
		places[n++] = take(&input, 2);
	r.tree.root = roots[r.tree.size];
	r.arena = &s.arena;
	r.read = read_tiles;
	r.save = save_tiles;
	r.arg = &s;
	if (tilereader_read(&r, places, n, hashes, NULL) == MG_OK) {
		buf_append(out, span_make(hashes, n * sizeof hashes[0]));
		buf_append_char(out, ' ');
		buf_append_u64(out, s.saved);
	} else {
		buf_append_str(out, "fails");
	}
	arena_deinit(&s.arena);
}

static const struct kind {
	const char *name;
	void (*answer)(struct mg_span input, struct mg_buf *out);
} kinds[] = {
	{ "note", note }, { "key", key },        { "lookup", lookup }, { "tree", tree },
	{ "tile", tile }, { "index", place_of }, { "proof", proof },   { "reader", read_places },
};

/* FNV-1a, 64 bits. */
static uint64_t hash(struct mg_span s)
{
	uint64_t h = 0xcbf29ce484222325u;
	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * 0x100000001b3u;
	return h;
}

static void show(const char *label, struct mg_span s)
{
	printf("%s", label);
	for (size_t i = 0; i < s.n && i < 2000; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c >= 0x20 && c < 0x7f && c != '\\')
			putchar(c);
		else
			printf("\\x%02x", c);
	}
	putchar('\n');
}

static bool is_refusal(struct mg_span answer)
{
	return answer.n == 0 || span_has_prefix(answer, SPAN("malformed")) ||
	       span_has_suffix(answer, SPAN("fails")) || span_has_suffix(answer, SPAN("none"));
}

static bool read_exactly(void *to, size_t n)
{
	return fread(to, 1, n, stdin) == n;
}

int main(int argc, char **argv)
{
	const struct kind *k = NULL;
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0] && argc == 2; i++)
		if (strcmp(argv[1], kinds[i].name) == 0) k = &kinds[i];
	if (k == NULL) {
		fprintf(stderr, "usage: sumdb_vectors KIND\n");
		return 2;
	}
	make_keys();
	make_log();
	struct mg_buf out = BUF_MAX(4 * INPUT_MAX);
	unsigned long count = 0, refused = 0, differ = 0;
	uint32_t size;
	while (read_exactly(&size, sizeof size)) {
		/* Of exact size, so that ASan sees a read beyond. */
		uint64_t want;
		MG_ASSERT(size <= INPUT_MAX);
		char *input = check_malloc(size);
		MG_ASSERT(read_exactly(input, size) && read_exactly(&want, sizeof want));
		buf_clear(&out);
		k->answer(span_make(input, size), &out);
		if (hash(buf_span(&out)) != want && differ++ < SHOWN_MAX) {
			printf("DIFFERS: number %lu\n", count);
			show("  input   ", span_make(input, size));
			show("  modgate ", buf_span(&out));
		}
		free(input);
		refused += is_refusal(buf_span(&out));
		count++;
	}
	printf("%s: %lu compared, %lu refused, %lu differ\n", k->name, count, refused, differ);
	buf_deinit(&out);
	return differ > 0 || count == 0;
}
