/* SPDX-License-Identifier: Apache-2.0 */
/* Proof of what was received, and why it fails: proof.h and verdict.h. The origin is a tree on disk that
 * may say something else when it is asked again. */
#include "fetch/proof.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fetch/ahead.h"
#include "fetch/sumtree_fixture.h"
#include "gomod/modzip.h"
#include "store/stage.h"

#define M        "example.com/mod"
#define GOMOD    "module " M "\n"
#define GOMOD_2  "module " M "\n\ngo 1.20\n"
#define AT       M "/@v/v1.0.0"
#define IN(name) M "@v1.0.0/" name

struct zip_file {
	const char *name, *text;
};

static const struct zip_file zip_right[] = { { IN("go.mod"), GOMOD },
					     { IN("a.go"), "package a\n" } };
static const struct zip_file zip_other[] = { { IN("go.mod"), GOMOD },
					     { IN("a.go"), "package b\n" } };
static const struct zip_file zip_gomod_2[] = { { IN("go.mod"), GOMOD_2 },
					       { IN("a.go"), "package a\n" } };
static const struct zip_file zip_vendored[] = { { IN("go.mod"), GOMOD },
						{ IN("a.go"), "package a\n" },
						{ IN("vendor/b.example/b/b.go"), "package b\n" } };

static void put_number(struct mg_buf *b, uint64_t v, int bytes)
{
	for (; bytes > 0; bytes--, v >>= 8)
		buf_append_char(b, (char)(v & 0xff));
}

/* Stored files; a CRC of 0 counts as none. */
static void make_zip(const struct zip_file *files, size_t n, struct mg_buf *out)
{
	struct mg_buf directory = BUF_MAX(1 << 16);
	for (size_t i = 0; i < n; i++) {
		const struct mg_span name = span_of(files[i].name), text = span_of(files[i].text);
		const size_t at = out->n;
		for (int central = 0; central < 2; central++) {
			struct mg_buf *b = central ? &directory : out;
			put_number(b, central ? 0x02014b50 : 0x04034b50, 4);
			put_number(b, 0, central ? 12 : 10); /* versions, flags, method, times */
			put_number(b, 0, 4);
			put_number(b, text.n, 4);
			put_number(b, text.n, 4);
			put_number(b, name.n, 2);
			put_number(b, 0, central ? 12 : 2); /* extra; comment, disk, attributes */
			if (central) put_number(b, at, 4);
			buf_append(b, name);
			if (!central) buf_append(b, text);
		}
	}
	const size_t at = out->n;
	buf_append(out, buf_span(&directory));
	put_number(out, 0x06054b50, 4);
	put_number(out, 0, 4);
	put_number(out, n, 2);
	put_number(out, n, 2);
	put_number(out, directory.n, 4);
	put_number(out, at, 4);
	put_number(out, 0, 2);
	buf_deinit(&directory);
}

static enum mg_code read_memory(void *arg, uint64_t offset, void *to, size_t n, struct mg_err *err)
{
	const struct mg_buf *b = arg;
	memcpy(to, b->p + offset, n);
	return MG_OK;
}

struct zip {
	struct mg_buf bytes;
	struct zipsource source;
	char h1[DIRHASH_SIZE];
};

static void zip_init(struct zip *z, const struct zip_file *files, size_t n)
{
	struct modzip_report report;
	struct mg_err err;
	*z = (struct zip){ .bytes = BUF_MAX(1 << 16) };
	make_zip(files, n, &z->bytes);
	z->source = (struct zipsource){ read_memory, &z->bytes, z->bytes.n };
	if (modzip_check(&z->source, SPAN(M), SPAN("v1.0.0"), NULL, &report, &err) != MG_OK)
		fail_msg("%s", err.text);
	snprintf(z->h1, sizeof z->h1, "%s", report.h1);
}

/* --- one check --- */

struct received {
	enum target_kind kind;
	const char *text;            /* of a .mod */
	const struct zip_file *file; /* of a zip */
	size_t files;
};

#define MOD(t)     ((struct received){ .kind = TARGET_MOD, .text = (t) })
#define ZIP(files) ((struct received){ TARGET_ZIP, NULL, files, sizeof(files) / sizeof *(files) })

static struct target target_of(struct sumbench *b, enum target_kind kind)
{
	struct target t;
	struct mg_err err;
	assert_int_equal(target_make(kind, SPAN(M), SPAN("v1.0.0"), &b->arena, &t, &err), MG_OK);
	return t;
}

static enum mg_code check(struct sumbench *b, struct received r, char verified[16],
			  struct mg_err *err)
{
	struct provenance_artifact a = { .present = true, .origin = "https://mirror.example" };
	struct zip zip = { 0 };
	const struct target t = target_of(b, r.kind);
	const struct proof_evidence e = { &b->means.origins.entries[0], &zip.source };
	if (r.kind == TARGET_ZIP) {
		zip_init(&zip, r.file, r.files);
		memcpy(a.h1, zip.h1, sizeof zip.h1);
	} else {
		dirhash_gomod(span_of(r.text), a.h1);
	}
	*err = (struct mg_err){ 0 };
	const enum mg_code rc = proof_check(&b->job, &t, &e, &a, err);
	memcpy(verified, a.verified, sizeof a.verified);
	buf_deinit(&zip.bytes);
	return rc;
}

/* The database has recorded GOMOD and zip_right. */
static void record(struct sumbench *b)
{
	struct zip zip;
	char mod[DIRHASH_SIZE];
	zip_init(&zip, zip_right, 2);
	dirhash_gomod(SPAN(GOMOD), mod);
	sumtree_grow(&b->tree, 5);
	sumtree_add(&b->tree, M, zip.h1, mod);
	sumtree_grow(&b->tree, 9);
	sumtree_publish(&b->tree);
	buf_deinit(&zip.bytes);
}

static void serve(struct sumbench *b, const char *mod, const struct zip_file *files, size_t n)
{
	struct mg_buf zip = BUF_MAX(1 << 16);
	char path[200];
	make_zip(files, n, &zip);
	if (mod != NULL) put_bytes(b->a, AT ".mod", span_of(mod));
	if (n > 0) put_bytes(b->a, AT ".zip", buf_span(&zip));
	snprintf(path, sizeof path, "%s/" AT ".zip", b->a);
	if (n == 0) unlink(path);
	buf_deinit(&zip);
}

static void assert_refused(struct sumbench *b, struct received r, const char *why,
			   const char *detail)
{
	char verified[16];
	struct mg_err err;
	if (check(b, r, verified, &err) != MG_CORRUPT || err.cause != MG_CAUSE_PROOF)
		fail_msg("%s: %d %s", why, err.code, err.text);
	if (strncmp(err.text, why, strlen(why)) != 0 || strstr(err.text, detail) == NULL)
		fail_msg("not %s (%s): %s", why, detail, err.text);
	assert_non_null(strstr(err.text, "mirror.example"));
	assert_non_null(strstr(err.text, SUMTREE_NAME " has recorded h1:"));
	assert_non_null(strstr(err.text, "; first seen "));
	assert_string_not_equal(verified, PROOF_SUMDB);
}

static void what_is_recorded_is_proven(void **state)
{
	struct sumbench *b = *state;
	struct mg_err err;
	char verified[16];
	record(b);
	assert_int_equal(check(b, MOD(GOMOD), verified, &err), MG_OK);
	assert_string_equal(verified, PROOF_SUMDB);
	assert_int_equal(check(b, ZIP(zip_right), verified, &err), MG_OK);
	assert_string_equal(verified, PROOF_SUMDB);
	/* Nobody is asked about these. */
	b->options.nosumdb = "example.com";
	sumbench_restart(b);
	const unsigned asked = b->requests;
	assert_int_equal(check(b, MOD(GOMOD_2), verified, &err), MG_OK);
	assert_string_equal(verified, PROOF_EXEMPT);
	assert_false(proof_is_due(&b->means, SPAN(M)));
	assert_true(proof_is_due(&b->means, SPAN("golang.org/toolchain")));
	b->options.sumdb = FETCH_SUMDB_OFF;
	sumbench_restart(b);
	assert_int_equal(check(b, MOD(GOMOD_2), verified, &err), MG_OK);
	assert_string_equal(verified, PROOF_NONE);
	assert_int_equal(b->requests, asked);
}

static void what_is_not_known_is_withheld(void **state)
{
	struct sumbench *b = *state;
	struct mg_err err;
	char verified[16];
	sumtree_grow(&b->tree, 5);
	sumtree_publish(&b->tree);
	for (int mode = 0; mode < 2; mode++) {
		b->options.sumdb = mode == 0 ? FETCH_SUMDB_REQUIRED : FETCH_SUMDB_WHEN_REACHABLE;
		sumbench_restart(b);
		assert_int_equal(check(b, MOD(GOMOD), verified, &err), MG_DENIED);
		assert_int_equal(err.cause, MG_CAUSE_PROOF);
		assert_non_null(strstr(err.text, "GOPRIVATE"));
	}
}

static void when_the_database_cannot_be_asked(void **state)
{
	struct sumbench *b = *state;
	struct mg_err err;
	char verified[16], path[200];
	snprintf(b->proxies, sizeof b->proxies, "file://%s/none", b->root);
	sumbench_restart(b);
	assert_int_equal(check(b, MOD(GOMOD), verified, &err), MG_UNAVAILABLE);
	assert_int_equal(err.cause, MG_CAUSE_PROOF);
	b->options.sumdb = FETCH_SUMDB_WHEN_REACHABLE;
	sumbench_restart(b);
	assert_int_equal(check(b, MOD(GOMOD), verified, &err), MG_OK);
	assert_string_equal(verified, PROOF_UNASKED);
	/* A store that fails is no licence to go without. */
	snprintf(b->proxies, sizeof b->proxies, "file://%s", b->a);
	sumbench_restart(b);
	record(b);
	snprintf(path, sizeof path, "%s/sumdb", b->store_path);
	mkdir(path, 0700);
	snprintf(path, sizeof path, "%s/sumdb/" SUMTREE_NAME, b->store_path);
	const int fd = creat(path, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_int_not_equal(check(b, MOD(GOMOD), verified, &err), MG_OK);
	assert_int_equal(err.cause, MG_CAUSE_STORAGE);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(check(b, MOD(GOMOD), verified, &err), MG_OK);
	assert_string_equal(verified, PROOF_SUMDB);
}

static void a_mod_is_judged(void **state)
{
	struct sumbench *b = *state;
	record(b);
	/* The origin has another content now. */
	serve(b, GOMOD_2, zip_gomod_2, 2);
	assert_refused(b, MOD(GOMOD_2), "re-tagged upstream: the .mod", "stands by it");
	serve(b, GOMOD_2, NULL, 0);
	assert_refused(b, MOD(GOMOD_2), "re-tagged upstream: the .mod", "stands by it");
	/* It sends something else the second time. */
	serve(b, GOMOD, zip_right, 2);
	assert_refused(b, MOD(GOMOD_2), "altered on the way: the .mod", "asked again");
	/* Somebody sends it each time, but lets the zip pass. */
	serve(b, GOMOD_2, zip_right, 2);
	assert_refused(b, MOD(GOMOD_2), "altered on the way: the .mod", "is the recorded one");
	serve(b, GOMOD_2, zip_other, 2);
	assert_refused(b, MOD(GOMOD_2), "altered on the way: the .mod", "is another one");
}

static void a_zip_is_judged(void **state)
{
	struct sumbench *b = *state;
	record(b);
	serve(b, GOMOD, zip_other, 2);
	assert_refused(b, ZIP(zip_other), "re-tagged upstream: the zip", "stands by it");
	serve(b, GOMOD, NULL, 0);
	assert_refused(b, ZIP(zip_other), "re-tagged upstream: the zip", "stands by it");
	serve(b, GOMOD, zip_right, 2);
	assert_refused(b, ZIP(zip_other), "altered on the way: the zip", "asked again");
	serve(b, GOMOD, zip_vendored, 3);
	assert_refused(b, ZIP(zip_vendored), "built by other zip rules: the zip", "vendored");
}

/* Nobody waits for a guess: it looks for no causes, which would cost a zip. */
static void a_guess_is_not_judged(void **state)
{
	struct sumbench *b = *state;
	struct mg_err err;
	char verified[16];
	struct ahead *account = ahead_new();
	struct ahead_purse purse = { .account = account, .left = 100 };
	record(b);
	serve(b, GOMOD_2, zip_gomod_2, 2);
	assert_int_equal(check(b, MOD(GOMOD), verified, &err), MG_OK);
	const unsigned asked = b->requests;
	b->job.guess = true;
	b->job.purse = &purse;
	assert_int_equal(check(b, MOD(GOMOD_2), verified, &err), MG_CANCELED);
	assert_int_equal(b->requests, asked);
	/* And one that cannot pay does not ask. */
	sumbench_restart(b);
	b->job.guess = true;
	b->job.purse = &purse;
	purse.left = 0;
	char path[100];
	snprintf(path, sizeof path, "%s/sumdb", b->store_path);
	assert_int_equal(nftw(path, sumbench_remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
	assert_int_equal(check(b, MOD(GOMOD), verified, &err), MG_CANCELED);
	assert_int_equal(b->requests, asked);
	ahead_free(&account);
}

static void what_is_broken_was_altered_if_it_is_recorded(void **state)
{
	struct sumbench *b = *state;
	struct mg_err err;
	const struct provenance_artifact a = { .present = true,
					       .origin = "https://mirror.example" };
	const struct target mod = target_of(b, TARGET_MOD), info = target_of(b, TARGET_INFO);
	sumtree_grow(&b->tree, 3);
	sumtree_publish(&b->tree);
	err_set(&err, MG_CORRUPT, MG_CAUSE_UPSTREAM, "no go.mod");
	proof_blame_broken(&b->job, &mod, &a, &err);
	assert_string_equal(err.text, "no go.mod");
	record(b);
	sumbench_restart(b);
	proof_blame_broken(&b->job, &info, &a, &err);
	assert_string_equal(err.text, "no go.mod");
	proof_blame_broken(&b->job, &mod, &a, &err);
	assert_int_equal(err.code, MG_CORRUPT);
	assert_int_equal(err.cause, MG_CAUSE_PROOF);
	assert_int_equal(strncmp(err.text, "altered on the way: ", 20), 0);
	assert_non_null(strstr(err.text, "no go.mod"));
	assert_non_null(strstr(err.text, "first seen now"));
}

/* --- what is stored already --- */

static void store_mod(struct sumbench *b, const char *text)
{
	struct stage *st = NULL;
	struct mg_err err;
	struct provenance_artifact a = { .present = true,
					 .origin = "https://mirror.example",
					 .verified = PROOF_NONE,
					 .fetched_s = 1000000000 };
	const struct target t = target_of(b, TARGET_MOD);
	dirhash_gomod(span_of(text), a.h1);
	assert_int_equal(stage_new(b->store, &st, &err), MG_OK);
	assert_int_equal(stage_write(st, span_of(text), &err), MG_OK);
	assert_int_equal(provenance_commit(b->store, &t, &st, &a, &err), MG_OK);
}

static const char *verified_of(struct sumbench *b)
{
	static struct provenance known;
	struct mg_err err;
	const struct target t = target_of(b, TARGET_MOD);
	assert_int_equal(provenance_read(b->store, &t, &known, &err), MG_OK);
	return known.artifact[PROVENANCE_MOD].verified;
}

static enum mg_code prove_stored(struct sumbench *b, bool again, bool *differs, struct mg_err *err)
{
	const struct target t = target_of(b, TARGET_MOD);
	struct proof_word word;
	proof_ask(&b->job, &t, again, &word);
	return proof_stored(&b->job, &t, &word, differs, err);
}

static void what_is_stored_is_proven_later(void **state)
{
	struct sumbench *b = *state;
	struct mg_err err;
	bool differs;
	record(b);
	assert_int_equal(prove_stored(b, false, &differs, &err), MG_NOT_FOUND);
	store_mod(b, GOMOD);
	assert_string_equal(verified_of(b), PROOF_NONE);
	assert_int_equal(prove_stored(b, false, &differs, &err), MG_OK);
	assert_false(differs);
	assert_string_equal(verified_of(b), PROOF_SUMDB);
	const unsigned asked = b->requests;
	sumbench_restart(b);
	assert_int_equal(prove_stored(b, true, &differs, &err), MG_OK);
	assert_int_equal(b->requests, asked);
}

static void what_is_stored_may_differ(void **state)
{
	struct sumbench *b = *state;
	struct mg_err err;
	bool differs;
	char verified[16];
	record(b);
	serve(b, GOMOD_2, NULL, 0);
	store_mod(b, GOMOD_2);
	assert_int_equal(prove_stored(b, false, &differs, &err), MG_CORRUPT);
	assert_true(differs);
	assert_int_equal(err.cause, MG_CAUSE_PROOF);
	assert_string_equal(verified_of(b), PROOF_NONE);
	/* A verdict says since when it is known. */
	assert_int_equal(check(b, MOD(GOMOD_2), verified, &err), MG_CORRUPT);
	assert_non_null(strstr(err.text, "first seen 20"));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, sumbench_set_up, sumbench_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_recorded_is_proven),
		TEST(what_is_not_known_is_withheld),
		TEST(when_the_database_cannot_be_asked),
		TEST(a_mod_is_judged),
		TEST(a_zip_is_judged),
		TEST(a_guess_is_not_judged),
		TEST(what_is_broken_was_altered_if_it_is_recorded),
		TEST(what_is_stored_is_proven_later),
		TEST(what_is_stored_may_differ),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
