/* SPDX-License-Identifier: Apache-2.0 */
/* Lets the black box tests drive src/store:
 *   store_probe put ROOT N       commits version v1.0.N of example.com/Probe: info, mod, zip
 *   store_probe fill ROOT FROM TO  the same for many
 *   store_probe judge ROOT       reads lines "KIND N" and prints what a reader may do with each:
 *                                good, absent, damaged, fault
 *   store_probe open ROOT        opens for writing (as a restart does) and closes
 *   store_probe import ROOT DIR  store/import.h: troubles, then the summary in one line
 *   store_probe adopt ROOT KIND PATH VERSION  store/athenstree.h: adopts, then lists the versions
 * put calls getppid before and after its work, so that a trace shows where that lies. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/athenstree.h"
#include "store/import.h"
#include "store/provenance.h"
#include "store/verified.h"

static const enum target_kind kinds[] = { TARGET_INFO, TARGET_MOD, TARGET_ZIP };

static int complain(const struct mg_err *err)
{
	printf("%s %s\n", err_code_name(err->code), err->text);
	return 1;
}

static struct target target_of(enum target_kind kind, long number, struct arena *a)
{
	struct target t;
	struct mg_err err;
	char version[32];
	const int n = snprintf(version, sizeof version, "v1.0.%ld", number);
	if (target_make(kind, SPAN("example.com/Probe"), span_make(version, (size_t)n), a, &t,
			&err) != MG_OK)
		exit(complain(&err));
	return t;
}

/* Bytes that differ from version to version but not in their number. */
static void bytes_of(const struct target *t, struct mg_buf *out)
{
	const size_t size = t->kind == TARGET_ZIP ? 100000 : t->kind == TARGET_MOD ? 200 : 80;
	uint64_t x = 1469598103934665603u;
	for (size_t i = 0; i < t->version.n; i++)
		x = (x ^ (unsigned char)t->version.p[i]) * 1099511628211u;
	x ^= (uint64_t)t->kind << 40;
	while (out->n < size) {
		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		buf_append_char(out, (char)('a' + x % 26));
	}
}

static enum mg_code put_one(struct store *s, const struct target *t, struct mg_err *err)
{
	struct stage *st = NULL;
	struct mg_buf bytes = BUF_MAX(1u << 20);
	struct provenance_artifact a = { .origin = "probe",
					 .verified = "none",
					 .fetched_s = clock_wall_s() };
	bytes_of(t, &bytes);
	enum mg_code rc = stage_new(s, &st, err);
	for (size_t at = 0; rc == MG_OK && at < bytes.n; at += 40000)
		rc = stage_write(st, span_first(span_from(buf_span(&bytes), at), 40000), err);
	if (rc == MG_OK) rc = provenance_commit(s, t, &st, &a, err);
	stage_free(&st);
	buf_deinit(&bytes);
	return rc;
}

static int put(const char *root, long from, long to)
{
	struct store *s = NULL;
	struct mg_err err;
	struct arena a = ARENA_INIT;
	(void)getppid();
	enum mg_code rc = store_open(root, STORE_WRITE, &s, &err);
	for (long number = from; number < to && rc == MG_OK; number++) {
		for (size_t k = 0; k < sizeof kinds / sizeof kinds[0] && rc == MG_OK; k++) {
			const struct target t = target_of(kinds[k], number, &a);
			rc = put_one(s, &t, &err);
		}
	}
	(void)getppid();
	store_close(&s);
	arena_deinit(&a);
	if (rc != MG_OK) return complain(&err);
	puts("ok");
	return 0;
}

/* As a process that serves does it: the record, the size, the hash unless this file is known. */
static const char *judge_one(struct store *s, const struct target *t)
{
	struct mg_err err;
	struct store_file f;
	struct provenance p;
	uint8_t sha256[32];
	struct mg_buf key = BUF_MAX(4096);
	const char *verdict = "damaged";
	store_key(t, &key);
	switch (store_find(s, buf_cstr(&key), true, &f, &err)) {
	case STORE_MISS:
		verdict = "absent";
		goto out;
	case STORE_HIT:
		break;
	default:
		verdict = err.code == MG_CORRUPT ? "damaged" : "fault";
		goto out;
	}
	enum mg_code rc = provenance_read(s, t, &p, &err);
	const struct provenance_artifact *a = &p.artifact[provenance_kind_of(t->kind)];
	if (rc == MG_OK && a->present && a->size == f.size) {
		const bool known = verified_get(key.p, &f, sha256);
		if (!known) rc = verified_hash(&f, sha256, &err);
		if (rc == MG_OK && memcmp(sha256, a->sha256, sizeof sha256) == 0) {
			if (!known) verified_put(key.p, &f, sha256);
			verdict = "good";
		}
	}
	if (rc == MG_UNAVAILABLE) verdict = "fault";
	close(f.fd);
out:
	buf_deinit(&key);
	return verdict;
}

static int judge(const char *root)
{
	struct store *s;
	struct mg_err err;
	char kind;
	long number;
	if (store_open(root, STORE_READ, &s, &err) != MG_OK) return complain(&err);
	setvbuf(stdout, NULL, _IOLBF, 0);
	while (scanf(" %c %ld", &kind, &number) == 2) {
		struct arena a = ARENA_INIT;
		const enum target_kind k = kind == 'i'   ? TARGET_INFO
					   : kind == 'm' ? TARGET_MOD
							 : TARGET_ZIP;
		const struct target t = target_of(k, number, &a);
		puts(judge_one(s, &t));
		arena_deinit(&a);
	}
	store_close(&s);
	return 0;
}

static int open_only(const char *root)
{
	struct store *s;
	struct mg_err err;
	if (store_open(root, STORE_WRITE, &s, &err) != MG_OK) return complain(&err);
	store_close(&s);
	puts("ok");
	return 0;
}

static void on_trouble(void *arg, enum import_trouble what, const char *file, const char *why)
{
	(void)arg;
	printf("%s %s: %s\n", what == IMPORT_CONFLICT ? "conflict" : "refused", file, why);
}

static void on_progress(void *arg, uint64_t done, uint64_t total, uint64_t bytes)
{
	uint64_t *last = arg;
	if (done > total || bytes < last[1]) abort();
	last[0] = done;
	last[1] = bytes;
}

static int import(const char *root, const char *dir)
{
	struct store *s;
	struct mg_err err;
	struct import_summary sum;
	uint64_t last[2] = { 0 };
	const struct import_options options = { .on_progress = on_progress,
						.on_trouble = on_trouble,
						.arg = last };
	if (store_open(root, STORE_WRITE, &s, &err) != MG_OK) return complain(&err);
	const enum mg_code rc = import_run(s, dir, &options, &sum, &err);
	store_close(&s);
	if (rc != MG_OK) return complain(&err);
	if (last[0] != sum.versions || last[1] != sum.bytes) abort();
	printf("%s modules=%" PRIu64 " versions=%" PRIu64 " added=%" PRIu64 " same=%" PRIu64
	       " conflicts=%" PRIu64 " refused=%" PRIu64 " lists=%" PRIu64 "\n",
	       sum.layout == CACHEWALK_ATHENS ? "athens" : "modcache", sum.modules, sum.versions,
	       sum.added, sum.same, sum.conflicts, sum.refused, sum.lists);
	return 0;
}

static int adopt(const char *root, const char *kind, const char *path, const char *version)
{
	struct store *s;
	struct mg_err err;
	struct arena a = ARENA_INIT;
	struct target t;
	struct mg_buf versions = BUF_MAX(1u << 20);
	const enum target_kind k = kind[0] == 'i'   ? TARGET_INFO
				   : kind[0] == 'm' ? TARGET_MOD
						    : TARGET_ZIP;
	if (store_open(root, STORE_WRITE, &s, &err) != MG_OK) return complain(&err);
	enum mg_code rc = target_make(k, span_of(path), span_of(version), &a, &t, &err);
	if (rc == MG_OK) rc = athenstree_adopt(s, &t, &err);
	if (rc == MG_OK) rc = athenstree_versions(s, t.path, &versions, &err);
	if (rc == MG_OK) fputs(buf_cstr(&versions), stdout);
	buf_deinit(&versions);
	arena_deinit(&a);
	store_close(&s);
	return rc == MG_OK ? 0 : complain(&err);
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "put") == 0) {
		const long number = strtol(argv[3], NULL, 10);
		return put(argv[2], number, number + 1);
	}
	if (argc == 5 && strcmp(argv[1], "fill") == 0)
		return put(argv[2], strtol(argv[3], NULL, 10), strtol(argv[4], NULL, 10));
	if (argc == 3 && strcmp(argv[1], "judge") == 0) return judge(argv[2]);
	if (argc == 3 && strcmp(argv[1], "open") == 0) return open_only(argv[2]);
	if (argc == 4 && strcmp(argv[1], "import") == 0) return import(argv[2], argv[3]);
	if (argc == 6 && strcmp(argv[1], "adopt") == 0)
		return adopt(argv[2], argv[3], argv[4], argv[5]);
	fputs("usage: store_probe put|fill|judge|open|import|adopt ROOT …\n", stderr);
	return 2;
}
