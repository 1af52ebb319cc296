/* SPDX-License-Identifier: Apache-2.0 */
#include "gomod/coderepo.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "gomod/version.h"

#define DAY   1577836800 /* 2020-01-01T00:00:00Z */
#define FILES 6
#define TAGS  40

struct file {
	const char *path, *text;
};

/* A commit of a made up repository, after those that it descends from. */
struct commit {
	const char *id; /* its first digits; zeros follow */
	int hour;
	int parent;               /* index; -1: none */
	const char *tags;         /* separated by spaces */
	struct file files[FILES]; /* beside those of the parent; no text: removed */
};

struct repository {
	const struct commit *commits;
	size_t n;
	const char *branches; /* "main=3 dev=4", HEAD too */
	struct coderepo_tag tags[TAGS];
	char ids[32][CODEREPO_ID_SIZE];
	size_t n_tags, n_reads, n_merges;
	enum mg_code fault; /* of read_file */
};

static int commit_of(const struct repository *m, struct mg_span id)
{
	for (size_t i = 0; i < m->n; i++)
		if (span_eq(span_of(m->ids[i]), id)) return (int)i;
	fail_msg("no commit %.*s", SPAN_ARG(id));
	return -1;
}

static bool descends(const struct repository *m, int commit, int from)
{
	for (; commit >= 0; commit = m->commits[commit].parent)
		if (commit == from) return true;
	return false;
}

static enum mg_code op_tags(void *arg, const struct coderepo_tag **out, size_t *n,
			    struct mg_err *err)
{
	struct repository *m = arg;
	*out = m->tags;
	*n = m->n_tags;
	return MG_OK;
}

/* The commit that a branch, or HEAD, leads to; -1: there is none. */
static int tip_of(const struct repository *m, struct mg_span name)
{
	struct mg_span rest = span_of(m->branches);
	while (rest.p != NULL) {
		struct mg_span field = span_cut(&rest, ' ');
		struct mg_span branch = span_cut(&field, '=');
		uint64_t at;
		if (span_eq(branch, name) && span_u64(field, 99, &at)) return (int)at;
	}
	return -1;
}

static enum mg_code op_resolve(void *arg, struct mg_span rev, struct coderepo_commit *out,
			       struct mg_buf *ref, struct mg_err *err)
{
	struct repository *m = arg;
	int at = tip_of(m, rev);
	for (size_t i = 0; i < m->n_tags; i++)
		if (span_eq(m->tags[i].name, rev)) {
			buf_append_str(ref, "refs/tags/");
			buf_append(ref, rev);
			at = commit_of(m, m->tags[i].commit);
		}
	if (ref->n == 0 && at >= 0) buf_printf(ref, "refs/heads/%.*s", SPAN_ARG(rev));
	for (size_t i = 0; i < m->n && at < 0 && rev.n >= 7; i++)
		if (span_has_prefix(span_of(m->ids[i]), rev)) at = (int)i;
	if (at < 0) return err_set(err, MG_NOT_FOUND, MG_CAUSE_VCS, "unknown revision");
	memcpy(out->id, m->ids[at], CODEREPO_ID_SIZE);
	out->time_s = DAY + 3600 * m->commits[at].hour;
	return MG_OK;
}

static enum mg_code op_read_file(void *arg, const char *commit, struct mg_span path, size_t max,
				 struct mg_buf *out, struct mg_err *err)
{
	struct repository *m = arg;
	m->n_reads++;
	if (m->fault != MG_OK) return err_set(err, m->fault, MG_CAUSE_VCS, "fault");
	for (int c = commit_of(m, span_of(commit)); c >= 0; c = m->commits[c].parent)
		for (size_t i = 0; i < FILES && m->commits[c].files[i].path != NULL; i++) {
			const struct file *f = &m->commits[c].files[i];
			if (!span_eq(span_of(f->path), path)) continue;
			if (f->text == NULL)
				return err_set(err, MG_NOT_FOUND, MG_CAUSE_VCS, "gone");
			if (strlen(f->text) > max)
				return err_set(err, MG_INVALID, MG_CAUSE_VCS, "big");
			buf_append_str(out, f->text);
			return MG_OK;
		}
	return err_set(err, MG_NOT_FOUND, MG_CAUSE_VCS, "no such file");
}

static enum mg_code op_merged(void *arg, const char *commit, bool *is_merged, struct mg_err *err)
{
	struct repository *m = arg;
	m->n_merges++;
	for (size_t i = 0; i < m->n_tags; i++)
		is_merged[i] =
			descends(m, commit_of(m, span_of(commit)), commit_of(m, m->tags[i].commit));
	return MG_OK;
}

static enum mg_code op_reachable(void *arg, const char *commit, bool *yes, struct mg_err *err)
{
	struct repository *m = arg;
	struct mg_span rest = span_of(m->branches);
	int at = commit_of(m, span_of(commit));
	*yes = false;
	while (rest.p != NULL) {
		struct mg_span field = span_cut(&rest, ' ');
		struct mg_span name = span_cut(&field, '=');
		*yes |= descends(m, tip_of(m, name), at);
	}
	for (size_t i = 0; i < m->n_tags; i++)
		*yes |= descends(m, commit_of(m, m->tags[i].commit), at);
	return MG_OK;
}

static const struct coderepo_ops OPS = { op_tags, op_resolve, op_read_file, op_merged,
					 op_reachable };

static void repository_make(struct repository *m, const struct commit *commits, size_t n,
			    const char *branches)
{
	*m = (struct repository){ .commits = commits, .n = n, .branches = branches };
	for (size_t i = 0; i < n; i++) {
		memset(m->ids[i], '0', 40);
		memcpy(m->ids[i], commits[i].id, strlen(commits[i].id));
		struct mg_span rest = span_of(commits[i].tags);
		while (rest.p != NULL) {
			struct mg_span name = span_cut(&rest, ' ');
			assert_true(m->n_tags < TAGS);
			m->tags[m->n_tags++] = (struct coderepo_tag){ name, span_of(m->ids[i]) };
		}
	}
}

struct row {
	const char *path, *rev,
		*version; /* "list" and "latest" are questions of their own; NULL: not found */
};

static void answer(struct coderepo *r, const char *question, struct mg_buf *out, enum mg_code *rc)
{
	struct coderepo_version v = { 0 };
	struct mg_err err;
	if (strcmp(question, "list") == 0) {
		const struct verlist *list;
		*rc = coderepo_versions(r, &list, &err);
		for (size_t i = 0; *rc == MG_OK && i < list->n; i++)
			buf_printf(out, "%s%.*s", i > 0 ? " " : "", SPAN_ARG(list->v[i]));
		return;
	}
	*rc = strcmp(question, "@latest") == 0 ? coderepo_latest(r, &v, &err)
					       : coderepo_stat(r, span_of(question), &v, &err);
	if (*rc != MG_OK) {
		assert_int_equal(err.code, *rc);
		assert_int_equal(err.cause, MG_CAUSE_VCS);
		return;
	}
	buf_append(out, v.version);
}

static void check(struct repository *m, const char *root, const char *subdir,
		  const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct arena a = ARENA_INIT;
		struct coderepo r;
		struct mg_buf out = BUF_MAX(4096);
		enum mg_code rc = coderepo_open(&r, span_of(rows[i].path), span_of(root),
						span_of(subdir), &OPS, m, &a, NULL);
		if (rc == MG_OK) answer(&r, rows[i].rev, &out, &rc);
		const char *got = rc == MG_OK ? buf_cstr(&out) : "not found";
		const char *want = rows[i].version != NULL ? rows[i].version : "not found";
		if (strcmp(got, want) != 0)
			fail_msg("%s@%s: %s instead of %s", rows[i].path, rows[i].rev, got, want);
		buf_deinit(&out);
		arena_deinit(&a);
	}
}

#define CHECK(m, root, subdir, rows) check(m, root, subdir, rows, sizeof(rows) / sizeof((rows)[0]))
#define MAKE(m, commits, branches)                                                                 \
	repository_make(m, commits, sizeof(commits) / sizeof((commits)[0]), branches)

/* Appendix C.2 and C.3. */
static const struct commit plain[] = {
	{ "aca62da5a59d", 0, -1, "v0.1.0", { { "go.mod", "module git.example.com/plain\n" } } },
	{ "3078d48284b5", 2, 0, "v1.0.0 v1 release", { { 0 } } },
	{ "3736c76d7b40", 3, 1, "v1.1.0 v1.1.0+meta", { { 0 } } },
	{ "28f2567bbb1d", 6, 2, "v1.1.1+build.5", { { 0 } } },
	{ "9eb3c4072427", 5, 2, "v1.2.0-rc.1 v1.5.0-0.20200101000000-abcdefabcdef", { { 0 } } },
	{ "f2fcfa88825d", 7, 4, "v2.0.0", { { 0 } } },
	{ "2c31c21c3b0d", 9, 0, NULL, { { 0 } } },
	{ "dddddddddddd", 8, 5, NULL, { { 0 } } }, /* nobody's: a proposed change */
};

static void appendix_c3(void **state)
{
	struct repository m;
	const struct row rows[] = {
#define P "git.example.com/plain"
		{ P, "list", "v0.1.0 v1.0.0 v1.1.0 v1.2.0-rc.1" },
		{ P, "@latest", "v1.1.0" },
		{ P, "latest", "v1.2.0-rc.1.0.20200101070000-f2fcfa88825d" },
		{ P, "dev", "v1.2.0-rc.1.0.20200101070000-f2fcfa88825d" },
		{ P, "f2fcfa8", "v1.2.0-rc.1.0.20200101070000-f2fcfa88825d" },
		{ P, "f2fcfa", NULL },
		{ P, "F2FCFA88825D", NULL },
		{ P, "v1.1.0", "v1.1.0" },
		{ P, "v1.1.0+meta", "v1.1.0" },
		{ P, "v1", "v1.0.0" },
		{ P, "release", "v1.0.0" },
		{ P, "v1.1.1+build.5", "v1.1.2-0.20200101060000-28f2567bbb1d" },
		{ P, "28f2567bbb1d", "v1.1.2-0.20200101060000-28f2567bbb1d" },
		{ P, "v2.0.0", NULL },
		{ P, "v2.0.0+incompatible", NULL },
		{ P, "v9.9.9", NULL },
		{ P, "dddddddddddd", NULL },
		{ P, "v0.0.0-20200101080000-dddddddddddd", NULL },
		/* lower than the best base */
		{ P, "v1.0.1-0.20200101070000-f2fcfa88825d",
		  "v1.0.1-0.20200101070000-f2fcfa88825d" },
		{ P, "v1.1.1-0.20200101070000-f2fcfa88825d",
		  "v1.1.1-0.20200101070000-f2fcfa88825d" },
		{ P, "v0.0.0-20200101070000-f2fcfa88825d", "v0.0.0-20200101070000-f2fcfa88825d" },
		{ P, "v1.2.0-rc.1.0.20200101070000-f2fcfa88825d",
		  "v1.2.0-rc.1.0.20200101070000-f2fcfa88825d" },
		/* appendix C.3 */
		{ P, "v1.1.1-0.20200101070001-f2fcfa88825d", NULL },
		{ P, "v1.1.1-0.20200101070000-f2fcfa88825", NULL },
		{ P, "v1.1.1-0.20200101070000-f2fcfa88825d0", NULL },
		{ P, "v1.9.1-0.20200101070000-f2fcfa88825d", NULL },
		{ P, "v1.0.0-20200101070000-f2fcfa88825d", NULL },
		{ P, "v1.1.1-0.20200101030000-3736c76d7b40", NULL },
		{ P, "v1.1.1-0.20200101090000-2c31c21c3b0d", NULL },
		{ P, "v0.1.1-0.20200101090000-2c31c21c3b0d",
		  "v0.1.1-0.20200101090000-2c31c21c3b0d" },
		{ P, "v2.0.1-0.20200101070000-f2fcfa88825d+incompatible", NULL },
		{ P, "v1.5.0-0.20200101000000-abcdefabcdef", NULL },
		{ P, "v1.1.0-0.20200101070000-f2fcfa88825d", NULL },
		{ P, "v1.1.1-0.20201301070000-f2fcfa88825d", NULL },
		/* not at this path */
		{ P "/sub", "v1.0.0", NULL },
		{ P "/v2", "v2.0.0", NULL },
		{ P "/v2", "list", "v2.0.0" },
		{ P "x", "list", NULL },
		{ "git.example.com/plain/v1", "list", NULL },
#undef P
	};
	MAKE(&m, plain, "HEAD=5 main=5 dev=5 old=3 side=6");
	CHECK(&m, "git.example.com/plain", "", rows);
}

/* Protocol §3.7. */
static const struct commit legacy[] = {
	{ "100000000000", 1, -1, "v1.0.0", { { "a.go", "package a\n" } } },
	{ "200000000000", 2, 0, "v2.0.0", { { 0 } } },
	{ "300000000000", 3, 1, "v3.1.0-beta", { { 0 } } },
	{ "400000000000", 4, 2, "v4.0.0", { { "go.mod", "module git.example.com/x/v4\n" } } },
	{ "d30968effee9", 20, 3, "v4.0.1", { { "go.mod", NULL } } },
	{ "500000000000", 20, 4, NULL, { { "v5/go.mod", "module git.example.com/x/v5\n" } } },
	{ "600000000000", 21, 5, "v5.0.0", { { 0 } } },
};

static void incompatible(void **state)
{
	struct repository m;
#define P "git.example.com/x"
	const struct row rows[] = {
		{ P, "list",
		  "v1.0.0 v2.0.0+incompatible v3.1.0-beta+incompatible v4.0.0+incompatible "
		  "v4.0.1+incompatible v5.0.0+incompatible" },
		{ P, "v2.0.0", "v2.0.0+incompatible" },
		{ P, "v2.0.0+incompatible", "v2.0.0+incompatible" },
		{ P, "v1.0.0+incompatible", NULL },
		{ P, "v4.0.0+incompatible", NULL },
		{ P, "v5.0.0", NULL }, /* v5/go.mod */
		{ P, "v5.0.0+incompatible", "v5.0.0+incompatible" },
		{ P, "mid", "v4.0.2-0.20200101200000-500000000000+incompatible" },
		{ P, "v3.1.0-beta.0.20200101200000-500000000000+incompatible",
		  "v3.1.0-beta.0.20200101200000-500000000000+incompatible" },
		{ P, "v3.1.0-beta.0.20200101200000-500000000000",
		  "v3.1.0-beta.0.20200101200000-500000000000+incompatible" },
		{ P, "latest", "v4.0.2-0.20200101210000-600000000000+incompatible" },
		{ P, "@latest", "v5.0.0+incompatible" },
		{ P "/v5", "list", "v5.0.0" },
		{ P "/v5", "v5.0.0", "v5.0.0" },
		{ P "/v4", "v4.0.0", "v4.0.0" },
		{ P "/v4", "v4.0.1", NULL },
	};
#undef P
	MAKE(&m, legacy, "HEAD=6 main=6 mid=5");
	CHECK(&m, "git.example.com/x", "", rows);
}

/* A later release takes v1.1.0 back, and itself. */
static const struct commit taken_back[] = {
	{ "100000000000", 0, -1, "v1.0.0", { { "go.mod", "module git.example.com/r\n" } } },
	{ "0def6dab76a6", 1, 0, "v1.1.0", { { 0 } } },
	{ "300000000000",
	  2,
	  1,
	  "v1.2.0",
	  { { "go.mod",
	      "module git.example.com/r\nretract v1.1.0\nretract [v1.2.0, v1.3.0]\n" } } },
	{ "400000000000", 3, 2, NULL, { { 0 } } },
};

static void retractions(void **state)
{
	struct repository m;
#define P "git.example.com/r"
	const struct row rows[] = {
		{ P, "list", "v1.0.0 v1.1.0 v1.2.0" },
		{ P, "@latest", "v1.0.0" },
		{ P, "v1.1.0", "v1.1.0" },
		{ P, "0def6dab76a6", "v1.0.1-0.20200101010000-0def6dab76a6" },
		{ P, "main", "v1.0.1-0.20200101030000-400000000000" },
	};
#undef P
	MAKE(&m, taken_back, "HEAD=3 main=3");
	CHECK(&m, "git.example.com/r", "", rows);
}

static const struct commit multi[] = {
	{ "100000000000",
	  1,
	  -1,
	  "v2.0.0 sub/v0.1.0 sub/deep/v1.0.0 go/mod/v1.0.0",
	  { { "go.mod", "module git.example.com/m\n" },
	    { "v2/go.mod", "module \"git.example.com/m/v2\" // here\n" },
	    { "sub/go.mod", "module git.example.com/m/sub\n" },
	    { "go/mod/go.mod", "module git.example.com/sd\n" },
	    { "LICENSE", "L\n" } } },
	{ "200000000000",
	  2,
	  0,
	  "sub/v3.0.0 sub/v0.2.0+x",
	  { { "sub/v3/go.mod", "module git.example.com/m/sub/v3\n" },
	    { "sub/v3/LICENSE", "own\n" } } },
	{ "300000000000",
	  3,
	  1,
	  "v3.0.0",
	  { { "v3/go.mod", "module git.example.com/m/v3\n" },
	    { "go.mod", "module git.example.com/m/v3\n" } } },
	{ "400000000000", 4, 2, "v4.0.0", { { "v4/go.mod", "module git.example.com/m\n" } } },
};

static void folders(void **state)
{
	struct repository m;
#define P "git.example.com/m"
	const struct row rows[] = {
		{ P, "list", "" },
		{ P "/v2", "list", "v2.0.0" },
		{ P "/v2", "v2.0.0", "v2.0.0" },
		{ P "/v2", "main", "v2.0.1-0.20200101040000-400000000000" },
		{ P "/v3", "v3.0.0", NULL }, /* twice */
		{ P "/v4", "v4.0.0", NULL }, /* v4/go.mod is another's */
		{ P "/sub", "list", "v0.1.0" },
		{ P "/sub", "v0.1.0", "v0.1.0" },
		{ P "/sub", "main", "v0.2.1-0.20200101040000-400000000000" },
		{ P "/sub", "v0.2.0+x", "v0.2.1-0.20200101020000-200000000000" },
		{ P "/sub", "v3.0.0", NULL },
		{ P "/sub/v3", "v3.0.0", "v3.0.0" },
		{ P "/sub/deep", "list", "v1.0.0" },
		{ P "/sub/deep", "v1.0.0", NULL },
	};
	const struct row vanity[] = {
		{ "git.example.com/sd", "v1.0.0", "v1.0.0" },
		{ "git.example.com/sd", "list", "v1.0.0" },
	};
	const struct row outside[] = { { "git.example.com/sd", "list", NULL } };
	MAKE(&m, multi, "HEAD=3 main=3");
	CHECK(&m, P, "", rows);
	CHECK(&m, "git.example.com/sd", "go/mod", vanity);
	CHECK(&m, "git.example.com/sd", "./go//mod/", vanity);
	CHECK(&m, "git.example.com/sd", "../mod", outside);
#undef P
}

static void places(void **state)
{
	static const struct {
		const char *path, *version, *dir, *license;
		bool made_up;
	} rows[] = {
		{ "git.example.com/m/sub", "v0.1.0", "sub", "L\n", false },
		{ "git.example.com/m/v2", "v2.0.0", "v2", "L\n", false },
		{ "git.example.com/m/sub/v3", "v3.0.0", "sub/v3", NULL, false },
	};
	struct repository m;
	MAKE(&m, multi, "HEAD=3 main=3");
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct arena a = ARENA_INIT;
		struct coderepo r;
		struct coderepo_place place;
		struct mg_buf license = BUF_MAX(100);
		bool inherits;
		assert_int_equal(coderepo_open(&r, span_of(rows[i].path), SPAN("git.example.com/m"),
					       SPAN(""), &OPS, &m, &a, NULL),
				 MG_OK);
		assert_int_equal(coderepo_locate(&r, span_of(rows[i].version), &place, NULL),
				 MG_OK);
		assert_true(span_eq(place.dir, span_of(rows[i].dir)));
		assert_true(span_has_prefix(place.gomod, SPAN("module ")));
		assert_int_equal(place.made_up, rows[i].made_up);
		assert_int_equal(coderepo_license(&r, &place, &inherits, &license, NULL), MG_OK);
		assert_int_equal(inherits, rows[i].license != NULL);
		assert_true(span_eq(buf_span(&license), span_of(rows[i].license)));
		assert_int_equal(coderepo_locate(&r, SPAN("v2.0"), &place, NULL), MG_NOT_FOUND);
		buf_deinit(&license);
		arena_deinit(&a);
	}
}

static void made_up(void **state)
{
	struct repository m;
	struct arena a = ARENA_INIT;
	struct coderepo r;
	struct coderepo_place place;
	MAKE(&m, legacy, "HEAD=6");
	assert_int_equal(coderepo_open(&r, SPAN("git.example.com/x"), SPAN("git.example.com/x"),
				       SPAN(""), &OPS, &m, &a, NULL),
			 MG_OK);
	assert_int_equal(coderepo_locate(&r, SPAN("v2.0.0+incompatible"), &place, NULL), MG_OK);
	assert_true(place.made_up);
	assert_true(span_eq(place.gomod, SPAN("module git.example.com/x\n")));
	assert_int_equal(coderepo_locate(&r, SPAN("v2.0.0"), &place, NULL), MG_NOT_FOUND);
	arena_deinit(&a);
}

/* gopkg.in: the major stands in the name, and the go.mod may name none. */
static const struct commit gopkg[] = {
	{ "100000000000", 1, -1, "v2.0.0 v1.0.0", { { "a.go", "package a\n" } } },
	{ "200000000000", 2, 0, "v2.1.0", { { "go.mod", "module gopkg.in/yaml.v2\n" } } },
	{ "300000000000", 3, 1, "v2.2.0", { { "go.mod", "module git.example.com/yaml\n" } } },
};

static void gopkg_in(void **state)
{
	struct repository m;
	const struct row v2[] = {
		{ "gopkg.in/yaml.v2", "list", "v2.0.0 v2.1.0 v2.2.0" },
		{ "gopkg.in/yaml.v2", "v2.0.0", "v2.0.0" },
		{ "gopkg.in/yaml.v2", "v2.1.0", "v2.1.0" },
		{ "gopkg.in/yaml.v2", "v2.2.0", NULL },
		{ "gopkg.in/yaml.v2", "old", "v2.0.0" },
	};
	const struct row v1[] = {
		{ "gopkg.in/yaml.v1", "list", "v1.0.0" },
		{ "gopkg.in/yaml.v1", "old", "v1.0.0" },
	};
	const struct row unstable[] = {
		{ "gopkg.in/yaml.v2-unstable", "list", "" },
		{ "gopkg.in/yaml.v2-unstable", "old", "v2.0.0" },
	};
	const struct row fork[] = {
		{ "git.example.com/y", "mid", "v1.0.1-0.20200101020000-200000000000" },
	};
	MAKE(&m, gopkg, "HEAD=2 old=0 mid=1");
	CHECK(&m, "gopkg.in/yaml.v2", "", v2);
	CHECK(&m, "gopkg.in/yaml.v1", "", v1);
	CHECK(&m, "gopkg.in/yaml.v2-unstable", "", unstable);
	CHECK(&m, "git.example.com/y", "", fork);
}

/* A fault of the repository is never an absence. */
static void faults(void **state)
{
	static const char *const questions[] = { "v1.0.0", "dev", "@latest", "latest",
						 "v1.0.1-0.20200101070000-f2fcfa88825d" };
	struct repository m;
	MAKE(&m, plain, "HEAD=5 main=5 dev=5");
	m.fault = MG_UNAVAILABLE;
	for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++) {
		struct arena a = ARENA_INIT;
		struct coderepo r;
		struct mg_buf out = BUF_MAX(100);
		enum mg_code rc =
			coderepo_open(&r, SPAN("git.example.com/plain"),
				      SPAN("git.example.com/plain"), SPAN(""), &OPS, &m, &a, NULL);
		assert_int_equal(rc, MG_OK);
		answer(&r, questions[i], &out, &rc);
		assert_int_equal(rc, MG_UNAVAILABLE);
		buf_deinit(&out);
		arena_deinit(&a);
	}
}

/* History may have to be fetched: a folder that is no module is refused without. */
static void no_history(void **state)
{
	const struct row rows[] = {
		{ "git.example.com/plain/x", "list", "" },
		{ "git.example.com/plain/x", "@latest", NULL },
		{ "git.example.com/plain/x", "dev", NULL },
	};
	const struct row module[] = { { "git.example.com/plain", "dev",
					"v1.2.0-rc.1.0.20200101070000-f2fcfa88825d" } };
	struct repository m;
	MAKE(&m, plain, "HEAD=5 main=5 dev=5");
	CHECK(&m, "git.example.com/plain", "", rows);
	assert_int_equal(m.n_merges, 0);
	CHECK(&m, "git.example.com/plain", "", module);
	assert_true(m.n_merges > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(appendix_c3), cmocka_unit_test(incompatible),
		cmocka_unit_test(retractions), cmocka_unit_test(folders),
		cmocka_unit_test(places),      cmocka_unit_test(made_up),
		cmocka_unit_test(gopkg_in),    cmocka_unit_test(faults),
		cmocka_unit_test(no_history),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
