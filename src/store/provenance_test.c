/* SPDX-License-Identifier: Apache-2.0 */
#include "store/provenance.h"

#include "base/clock.h"
#include "crypto/sha256.h"
#include "store/store_fixture.h"
#include "store/verified.h"

#define BASE "modules/github.com/!azure/x/@v/v1.0.0"

static struct target target_of(enum target_kind kind)
{
	return (struct target){
		.kind = kind,
		.path = SPAN("github.com/Azure/x"),
		.epath = SPAN("github.com/!azure/x"),
		.version = SPAN("v1.0.0"),
		.eversion = SPAN("v1.0.0"),
	};
}

static struct provenance_artifact artifact_of(const char *bytes)
{
	struct provenance_artifact a = { .size = strlen(bytes), .fetched_s = 1795427245 };
	sha256_of(span_of(bytes), a.sha256);
	snprintf(a.origin, sizeof a.origin, "https://mirror.example/\"q\"");
	snprintf(a.verified, sizeof a.verified, "none");
	snprintf(a.by, sizeof a.by, "033de0ae");
	return a;
}

static void test_parse(void **state)
{
	(void)state;
#define SUM "\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\""
#define ARTIFACT(size)                                                                             \
	"{\"sha256\":" SUM ",\"size\":" size ",\"h1\":\"h1:x\",\"origin\":\"import\","             \
	"\"verified\":\"none\",\"fetched\":5}"
	static const struct {
		const char *text;
		enum mg_code rc;
	} cases[] = {
		{ "", MG_CORRUPT },
		{ "{}", MG_CORRUPT },
		{ "[1]", MG_CORRUPT },
		{ "{\"modgate\":2,\"first_seen\":1}", MG_CORRUPT },
		{ "{\"modgate\":1,\"first_seen\":\"1\"}", MG_CORRUPT },
		{ "{\"modgate\":1,\"first_seen\":1}", MG_OK },
		{ "{\"modgate\":1,\"first_seen\":1,\"later\":[]}", MG_OK },
		{ "{\"modgate\":1,\"of\":\"github.com/!azure/x@v1.0.0\",\"first_seen\":1}", MG_OK },
		{ "{\"modgate\":1,\"of\":\"github.com/!azure/x@v1.0.1\",\"first_seen\":1}",
		  MG_CORRUPT },
		{ "{\"modgate\":1,\"of\":\"github.com/!azure/x@v1.0.0-a\",\"first_seen\":1}",
		  MG_CORRUPT },
		{ "{\"modgate\":1,\"of\":\"github.com/!azure/y@v1.0.0\",\"first_seen\":1}",
		  MG_CORRUPT },
		{ "{\"modgate\":1,\"of\":1,\"first_seen\":1}", MG_CORRUPT },
		{ "{\"modgate\":1,\"first_seen\":1,\"zip\":" ARTIFACT("7") "}", MG_OK },
		{ "{\"modgate\":1,\"first_seen\":1,\"zip\":" ARTIFACT("-7") "}", MG_CORRUPT },
		{ "{\"modgate\":1,\"first_seen\":1,\"zip\":" ARTIFACT("7") "", MG_CORRUPT },
		{ "{\"modgate\":1,\"first_seen\":1,\"zip\":{}}", MG_CORRUPT },
		{ "{\"modgate\":1,\"first_seen\":1,\"zip\":7}", MG_CORRUPT },
	};
	const struct target t = target_of(TARGET_MOD);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct provenance p = { .first_seen_s = -1 };
		struct mg_err err;
		const enum mg_code rc = provenance_parse(span_of(cases[i].text), &t, &p, &err);
		if (rc != cases[i].rc) fail_msg("%s: %s", cases[i].text, err_code_name(rc));
		assert_int_equal(p.first_seen_s, rc == MG_OK ? 1 : -1);
	}
}

static void test_record(void **state)
{
	struct fixture *f = *state;
	const struct target mod = target_of(TARGET_MOD), zip = target_of(TARGET_ZIP);
	struct provenance p;
	assert_int_equal(provenance_read(f->store, &mod, &p, &f->err), MG_NOT_FOUND);
	struct provenance_artifact a = artifact_of("module x\n");
	snprintf(a.h1, sizeof a.h1, "h1:abc=");
	assert_int_equal(provenance_record(f->store, &mod, &a, &f->err), MG_OK);
	const struct provenance_artifact z = artifact_of("zip");
	assert_int_equal(provenance_record(f->store, &zip, &z, &f->err), MG_OK);
	assert_int_equal(provenance_read(f->store, &zip, &p, &f->err), MG_OK);
	assert_in_range(p.first_seen_s, clock_wall_s() - 10, clock_wall_s());
	assert_false(p.artifact[PROVENANCE_INFO].present);
	assert_memory_equal(p.artifact[PROVENANCE_ZIP].sha256, z.sha256, 32);
	a.present = true;
	const struct provenance_artifact *m = &p.artifact[PROVENANCE_MOD];
	assert_true(m->present);
	assert_memory_equal(m->sha256, a.sha256, 32);
	assert_int_equal(m->size, a.size);
	assert_int_equal(m->fetched_s, a.fetched_s);
	assert_string_equal(m->h1, a.h1);
	assert_string_equal(m->origin, a.origin);
	assert_string_equal(m->verified, a.verified);
	assert_string_equal(m->by, a.by);

	/* Damaged: said when read, begun anew when written. */
	assert_int_equal(
		store_put(f->store, BASE ".provenance", SPAN("{\"modg"), STAGE_REPLACE, &f->err),
		MG_OK);
	assert_int_equal(provenance_read(f->store, &mod, &p, &f->err), MG_CORRUPT);
	assert_int_equal(provenance_record(f->store, &mod, &a, &f->err), MG_OK);
	assert_int_equal(provenance_read(f->store, &mod, &p, &f->err), MG_OK);
	assert_false(p.artifact[PROVENANCE_ZIP].present);
	assert_int_equal(fixture_count(f, "quarantine"), 2);
}

static enum mg_code commit(struct fixture *f, const char *bytes)
{
	const struct target t = target_of(TARGET_MOD);
	struct provenance_artifact a = artifact_of("");
	struct stage *st = NULL;
	assert_int_equal(stage_new(f->store, &st, &f->err), MG_OK);
	assert_int_equal(stage_write(st, span_of(bytes), &f->err), MG_OK);
	const enum mg_code rc = provenance_commit(f->store, &t, &st, &a, &f->err);
	if (rc == MG_OK) assert_null(st);
	stage_free(&st);
	return rc;
}

static void test_says(void **state)
{
	struct provenance p = { .first_seen_s = 7 };
	struct mg_buf text = BUF_MAX(PROVENANCE_MAX);
	uint8_t other[32] = { 1 };
	struct mg_span verified, by;
	const struct target m = target_of(TARGET_MOD), zip = target_of(TARGET_ZIP),
			    info = target_of(TARGET_INFO);
	struct target later = m, longer = m;
	later.eversion = SPAN("v1.0.1");
	longer.eversion = SPAN("v1.0.0-a");
	p.artifact[PROVENANCE_MOD] =
		(struct provenance_artifact){ .present = true,
					      .sha256 = { 9 },
					      .size = 12,
					      .origin = "\n\"info\":{,\"verified\":\"x\"",
					      .verified = "sumdb",
					      .by = "033de0ae" };
	provenance_print(&p, &m, &text);
	const struct mg_span all = buf_span(&text);
	const uint8_t *mod = p.artifact[PROVENANCE_MOD].sha256;
	assert_true(provenance_says(all, &m, mod, 12, &verified, &by));
	assert_true(span_eq(verified, SPAN("sumdb")));
	assert_true(span_eq(by, SPAN("033de0ae")));
	assert_false(provenance_says(all, &m, other, 12, &verified, &by));
	assert_false(provenance_says(all, &m, mod, 1, &verified, &by));
	assert_false(provenance_says(all, &m, mod, 120, &verified, &by));
	assert_false(provenance_says(all, &zip, mod, 12, &verified, &by));
	assert_false(provenance_says(all, &info, mod, 12, &verified, &by));
	assert_false(provenance_says(all, &later, mod, 12, &verified, &by));
	assert_false(provenance_says(all, &longer, mod, 12, &verified, &by));
	p.artifact[PROVENANCE_MOD].by[0] = '\0';
	struct mg_buf nobody = BUF_MAX(PROVENANCE_MAX);
	provenance_print(&p, &m, &nobody);
	assert_true(provenance_says(buf_span(&nobody), &m, mod, 12, &verified, &by));
	assert_int_equal(by.n, 0);
	buf_deinit(&nobody);
	/* Of another layout nothing is said. */
	assert_false(provenance_says(span_from(all, 1), &m, mod, 12, &verified, &by));
	buf_deinit(&text);
}

static void expect_recorded(struct fixture *f, const char *bytes)
{
	const struct target t = target_of(TARGET_MOD);
	struct provenance p;
	uint8_t sum[32];
	fixture_expect(f, BASE ".mod", bytes);
	assert_int_equal(provenance_read(f->store, &t, &p, &f->err), MG_OK);
	sha256_of(span_of(bytes), sum);
	assert_true(p.artifact[PROVENANCE_MOD].present);
	assert_int_equal(p.artifact[PROVENANCE_MOD].size, strlen(bytes));
	assert_memory_equal(p.artifact[PROVENANCE_MOD].sha256, sum, 32);
	assert_int_equal(fixture_count(f, "tmp"), 0);
}

static void test_commit(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(commit(f, "first"), MG_OK);
	expect_recorded(f, "first");
	assert_int_equal(commit(f, "secnd"), MG_OK); /* the first bytes win */
	expect_recorded(f, "first");

	/* Cut short behind our back: another size than its record. */
	assert_int_equal(truncate(fixture_path(f, BASE ".mod"), 2), 0);
	assert_int_equal(commit(f, "third"), MG_OK);
	expect_recorded(f, "third");
	assert_int_equal(fixture_count(f, "quarantine"), 2);

	/* Something that is no file. */
	assert_int_equal(unlink(fixture_path(f, BASE ".mod")), 0);
	assert_int_equal(mkfifo(fixture_path(f, BASE ".mod"), 0600), 0);
	assert_int_equal(commit(f, "fourth"), MG_OK);
	expect_recorded(f, "fourth");
	assert_int_equal(fixture_count(f, "quarantine"), 4);
}

/* Copied into the store from a module cache. */
static void test_adopt(void **state)
{
	struct fixture *f = *state;
	fixture_put(f, BASE ".mod", "copied");
	assert_int_equal(commit(f, "copied"), MG_OK);
	expect_recorded(f, "copied");
	assert_int_equal(fixture_count(f, "quarantine"), 0);

	assert_int_equal(unlink(fixture_path(f, BASE ".provenance")), 0);
	assert_int_equal(commit(f, "differs"), MG_OK);
	expect_recorded(f, "differs");
	assert_int_equal(fixture_count(f, "quarantine"), 2);
	assert_int_equal(unlink(fixture_path(f, BASE ".provenance")), 0);
	assert_int_equal(commit(f, "DIFFERS"), MG_OK); /* the same size */
	expect_recorded(f, "DIFFERS");
}

static void test_verified(void **state)
{
	struct fixture *f = *state;
	struct store_file file;
	uint8_t sum[32], out[32];
	const char *key = BASE ".zip";
	fixture_put(f, key, "abc");
	assert_int_equal(store_find(f->store, key, true, &file, &f->err), STORE_HIT);
	assert_int_equal(verified_hash(&file, sum, &f->err), MG_OK);
	static const uint8_t abc[] = { 0xba, 0x78, 0x16, 0xbf };
	assert_memory_equal(sum, abc, sizeof abc);
	assert_false(verified_get(key, &file, out));
	verified_put(key, &file, sum);
	assert_true(verified_get(key, &file, out));
	assert_memory_equal(sum, out, 32);
	assert_false(verified_get(BASE ".mod", &file, out));
	struct store_file changed[4] = { file, file, file, file };
	changed[0].inode++;
	changed[1].size++;
	changed[2].mtime_ns++;
	changed[3].ctime_ns++;
	for (int i = 0; i < 4; i++)
		assert_false(verified_get(key, &changed[i], out));
	assert_int_equal(verified_hash(&changed[1], out, &f->err), MG_CORRUPT);

	/* Bounded: old entries give way, new ones are there. */
	struct store_file many = file;
	size_t kept = 0;
	for (uint64_t i = 0; i < 200000; i++) {
		many.inode = i << 20;
		verified_put(key, &many, sum);
		assert_true(verified_get(key, &many, out));
	}
	for (uint64_t i = 0; i < 200000; i++) {
		many.inode = i << 20;
		kept += verified_get(key, &many, out);
	}
	assert_in_range(kept, 40000, 65536);
	close(file.fd);
	assert_int_equal(verified_hash(&file, out, &f->err), MG_UNAVAILABLE);
}

static void test_agreed(void **state)
{
	const struct store_file file = { .inode = 1, .size = 2, .mtime_ns = 3, .ctime_ns = 4 };
	const uint8_t sum[32] = { 1 }, other[32] = { 2 };
	assert_false(verified_agreed("a", &file, sum));
	verified_agree("a", &file, sum);
	assert_true(verified_agreed("a", &file, sum));
	assert_false(verified_agreed("b", &file, sum));
	assert_false(verified_agreed("a", &file, other));
	struct store_file changed = file;
	changed.ctime_ns++;
	assert_false(verified_agreed("a", &changed, sum));

	/* Bounded: more than there is room for, and what came last is there. */
	for (uint64_t i = 0; i < 3000000; i++) {
		changed.inode = i;
		verified_agree("c", &changed, sum);
	}
	size_t kept = 0;
	for (uint64_t i = 2000000; i < 3000000; i++) {
		changed.inode = i;
		kept += verified_agreed("c", &changed, sum);
	}
	assert_in_range(kept, 500000, 999999);
	assert_true(verified_agreed("c", &changed, sum));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),  cmocka_unit_test(test_says),
		cmocka_unit_test(test_agreed), FIXTURE_TEST(test_record),
		FIXTURE_TEST(test_commit),     FIXTURE_TEST(test_adopt),
		FIXTURE_TEST(test_verified),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
