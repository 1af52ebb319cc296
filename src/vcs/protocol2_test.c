/* SPDX-License-Identifier: Apache-2.0 */
#include "vcs/protocol2.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/check.h"

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define D "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"

/* Packets from words: "." is a flush, "," a delimiter, all else a line. */
static void packets(struct mg_buf *out, const char *const *words)
{
	buf_clear(out);
	for (; *words != NULL; words++) {
		if (strcmp(*words, ".") == 0)
			pktline_put_flush(out);
		else if (strcmp(*words, ",") == 0)
			pktline_put_delimiter(out);
		else
			pktline_put(out, "%s", *words);
	}
}

static size_t greet(const char *const *words)
{
	struct mg_buf text = BUF_MAX(8192);
	packets(&text, words);
	const size_t hash_n = protocol2_greeting(buf_span(&text));
	buf_deinit(&text);
	return hash_n;
}

#define GREET(...) greet((const char *const[]){ __VA_ARGS__, NULL })

static void greetings(void **state)
{
	assert_int_equal(GREET("version 2", "agent=x", "ls-refs=unborn", "fetch=shallow filter",
			       "object-format=sha1", "."),
			 40);
	assert_int_equal(GREET("# service=git-upload-pack", ".", "version 2", "ls-refs",
			       "fetch=filter shallow", "."),
			 40);
	assert_int_equal(
		GREET("version 2", "ls-refs", "fetch=shallow", "object-format=sha256", "."), 64);
	/* Not able to do what is wanted. */
	assert_int_equal(GREET("version 2", "ls-refs", "fetch=filter", "."), 0);
	assert_int_equal(GREET("version 2", "fetch=shallow", "."), 0);
	assert_int_equal(GREET("version 2", "ls-refs", "fetch=shallow", "object-format=sha3", "."),
			 0);
	/* Another version, cut, or something else. */
	assert_int_equal(GREET("# service=git-upload-pack", ".", A " HEAD", "."), 0);
	assert_int_equal(GREET("version 1", A " HEAD", "."), 0);
	assert_int_equal(GREET("version 2", "ls-refs", "fetch=shallow"), 0);
	assert_int_equal(GREET("version 2", "ls-refs", "fetch=shallow", ".", "."), 0);
	assert_int_equal(GREET("version 2", ",", "ls-refs", "fetch=shallow", "."), 0);
	assert_int_equal(
		GREET("# service=git-upload-pack", "version 2", "ls-refs", "fetch=shallow", "."),
		0);
	assert_int_equal(protocol2_greeting(SPAN("")), 0);
	assert_int_equal(protocol2_greeting(SPAN("<!DOCTYPE html>")), 0);
}

static void feed_all(struct pktline *p, const char *const *words, enum mg_code *rc,
		     struct mg_err *err)
{
	struct mg_buf text = BUF_MAX(65536);
	packets(&text, words);
	*rc = pktline_feed(p, buf_span(&text), err);
	pktline_deinit(p);
	buf_deinit(&text);
}

static enum mg_code refs_of(const char *const *words, struct protocol2_refs *refs,
			    struct mg_err *err)
{
	struct pktline p;
	enum mg_code rc;
	buf_clear(refs->out);
	refs->ended = false;
	pktline_init(&p, protocol2_take_refs, refs);
	feed_all(&p, words, &rc, err);
	return rc;
}

#define REFS(...) refs_of((const char *const[]){ __VA_ARGS__, NULL }, &refs, &err)

static void refs(void **state)
{
	struct mg_buf out = BUF_MAX(65536);
	struct protocol2_refs refs = { .out = &out };
	struct mg_err err;
	assert_int_equal(REFS(A " HEAD symref-target:refs/heads/main", A " refs/heads/main",
			      B " refs/tags/v1 peeled:" A, "."),
			 MG_OK);
	assert_true(refs.ended);
	assert_string_equal(buf_cstr(&out), A "\tHEAD\n" A "\trefs/heads/main\n" B
					      "\trefs/tags/v1\n" A "\trefs/tags/v1^{}\n");
	assert_int_equal(REFS("unborn HEAD symref-target:refs/heads/main", "."), MG_OK);
	assert_int_equal(out.n, 0);
	assert_int_equal(REFS("."), MG_OK);
	assert_int_equal(REFS(D " refs/heads/x"), MG_OK);
	assert_false(refs.ended);
	/* Names that would be other lines. */
	assert_int_equal(REFS(A " refs/heads/x\n" B "\trefs/tags/v1", "."), MG_CORRUPT);
	assert_int_equal(REFS(A " refs/heads/x\ty", "."), MG_CORRUPT);
	assert_int_equal(REFS(A " refs/tags/v1^{}", "."), MG_CORRUPT);
	assert_int_equal(REFS(A " refs/tags/v1 peeled:x", "."), MG_CORRUPT);
	assert_int_equal(REFS("AAAA refs/heads/x", "."), MG_CORRUPT);
	assert_int_equal(REFS(A, "."), MG_CORRUPT);
	assert_int_equal(REFS(A " ", "."), MG_CORRUPT);
	assert_int_equal(REFS(A " HEAD", ",", "."), MG_CORRUPT);
	assert_int_equal(REFS(".", "."), MG_CORRUPT);
	assert_int_equal(REFS("ERR no such thing"), MG_UNAVAILABLE);
	assert_string_equal(err.text, "the server says: no such thing");
	buf_deinit(&out);
}

static enum mg_code keep(void *arg, struct mg_span bytes, struct mg_err *err)
{
	buf_append(arg, bytes);
	return MG_OK;
}

static enum mg_code pack_of(const char *const *words, struct protocol2_pack *pack,
			    struct mg_err *err)
{
	struct pktline p;
	enum mg_code rc;
	buf_clear(pack->arg);
	*pack = (struct protocol2_pack){ .commit = SPAN(A), .write = keep, .arg = pack->arg };
	pktline_init(&p, protocol2_take_pack, pack);
	feed_all(&p, words, &rc, err);
	return rc;
}

#define PACK(...) pack_of((const char *const[]){ __VA_ARGS__, NULL }, &pack, &err)

static void packs(void **state)
{
	struct mg_buf out = BUF_MAX(65536);
	struct protocol2_pack pack = { .arg = &out };
	struct mg_err err;
	assert_int_equal(PACK("shallow-info", "shallow " A, ",", "packfile", "\1PACK", "\2counting",
			      "\1..", "\1", "."),
			 MG_OK);
	assert_string_equal(buf_cstr(&out), "PACK\n..\n\n");
	assert_true(pack.ended && pack.is_shallow);
	assert_int_equal(PACK("packfile", "\1PACK", "."), MG_OK);
	assert_true(pack.ended && !pack.is_shallow);
	assert_int_equal(PACK("packfile", "\1PACK"), MG_OK);
	assert_false(pack.ended);
	assert_int_equal(PACK("shallow-info", "shallow " B, ",", "packfile", "."), MG_CORRUPT);
	assert_int_equal(PACK("shallow-info", "unshallow " A, ",", "packfile", "."), MG_CORRUPT);
	assert_int_equal(PACK("shallow-info", "shallow " A, "."), MG_CORRUPT);
	assert_int_equal(PACK("acknowledgments", "NAK", "."), MG_CORRUPT);
	assert_int_equal(PACK("packfile", "\4PACK", "."), MG_CORRUPT);
	assert_int_equal(PACK("packfile", "\1PACK", ","), MG_CORRUPT);
	assert_int_equal(PACK("packfile", ".", "\1PACK"), MG_CORRUPT);
	assert_int_equal(PACK("."), MG_CORRUPT);
	assert_int_equal(PACK("packfile", "\1PACK", "\3out of memory"), MG_UNAVAILABLE);
	assert_string_equal(err.text, "the server says: out of memory");
	assert_int_equal(PACK("ERR upload-pack: not our ref"), MG_UNAVAILABLE);
	assert_string_equal(err.text, "the server says: upload-pack: not our ref");
	buf_deinit(&out);
}

static void questions(void **state)
{
	struct mg_buf out = BUF_MAX(65536);
	protocol2_ask_refs(&out, 64);
	assert_string_equal(buf_cstr(&out),
			    "0014command=ls-refs\n0019object-format=sha256\n00010009peel\n"
			    "0014ref-prefix HEAD\n001bref-prefix refs/heads/\n"
			    "001aref-prefix refs/tags/\n0000");
	buf_clear(&out);
	protocol2_ask_commit(&out, &(struct protocol2_want){ .commit = SPAN(A) });
	assert_string_equal(buf_cstr(&out),
			    "0012command=fetch\n0001000ethin-pack\n0010no-progress\n000eofs-delta\n"
			    "000ddeepen 1\n0032want " A "\n0009done\n0000");
	buf_clear(&out);
	protocol2_ask_commit(
		&out, &(struct protocol2_want){ .commit = SPAN(A), .have = SPAN(B "\n" A "\n") });
	assert_true(span_find(buf_span(&out),
			      SPAN("0035shallow " B "\n0035shallow " A "\n000ddeepen 1\n")) > 0);
	assert_true(span_find(buf_span(&out),
			      SPAN("0032have " B "\n0032have " A "\n0009done\n0000")) > 0);
	buf_deinit(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(greetings),
		cmocka_unit_test(refs),
		cmocka_unit_test(packs),
		cmocka_unit_test(questions),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
