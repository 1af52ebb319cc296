/* SPDX-License-Identifier: Apache-2.0 */
#include "vcs/gitsource.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/map.h"

#define AGAIN_MS                                                                                   \
	2000 /* refs that are younger are not asked for again only because something is not among them */

static const struct mg_span tag_folder = { "refs/tags/", 10 };

void gitsource_init(struct gitsource *s, struct mirror *m, const struct vcs_place *place,
		    const struct cancel *cancel)
{
	*s = (struct gitsource){
		.use = { .mirror = m, .place = place, .cancel = cancel },
		.began_ms = clock_mono_ms(),
	};
	gitobjects_init(&s->objects, &s->use);
}

static void forget_refs(struct gitsource *s)
{
	remoterefs_release(&s->refs);
	free(s->tags);
	s->tags = NULL;
	s->n_tags = 0;
}

void gitsource_deinit(struct gitsource *s)
{
	gitobjects_deinit(&s->objects);
	forget_refs(s);
}

enum mg_code gitsource_refs(struct gitsource *s, const struct remoterefs **out, struct mg_err *err)
{
	enum mg_code code = s->refs != NULL ? MG_OK : mirror_refs(&s->use, &s->refs, err);

	if (code == MG_OK) *out = s->refs;
	return code;
}

static enum mg_code unknown(struct mg_err *err, struct mg_span rev)
{
	return err_set(err, MG_NOT_FOUND, MG_CAUSE_VCS, "unknown revision %.*s", SPAN_ARG(rev));
}

static enum mg_code list_tags(void *arg, const struct coderepo_tag **out, size_t *n,
			      struct mg_err *err)
{
	struct gitsource *s = arg;
	const struct remoterefs *refs;

	enum mg_code code = gitsource_refs(s, &refs, err);
	if (code != MG_OK) return code;
	if (s->tags == NULL) {
		s->tags = check_calloc(refs->n + 1, sizeof *s->tags);
		for (size_t i = 0; i < refs->n; i++)
			if (span_has_prefix(refs->v[i].name, tag_folder))
				s->tags[s->n_tags++] = (struct coderepo_tag){
					.name = span_from(refs->v[i].name, tag_folder.n),
					.commit = refs->v[i].hash,
				};
	}
	*out = s->tags;
	*n = s->n_tags;
	return MG_OK;
}

static enum mg_code look(struct gitsource *s, struct mg_span hash, struct coderepo_commit *out,
			 struct mg_err *err)
{
	return gitobjects_commit(&s->objects, hash, out->id, &out->time_s, err);
}

/* Everything was fetched, and the commit is not among it: the ref leads to something else, a tree or a blob; or it was
 * moved since it was listed, which proves nothing. */
static enum mg_code judge_missing(struct gitsource *s, const struct remoteref *ref,
				  struct mg_err *err)
{
	struct remoterefs *newer = NULL;
	struct mg_err why = { 0 };

	enum mg_code code = mirror_refs_again(&s->use, &newer, &why);
	if (code != MG_OK) {
		if (err != NULL) *err = why;
		return code;
	}
	const struct remoteref *now = remoterefs_find(newer, ref->name);
	bool same = now != NULL && span_eq(now->hash, ref->hash);
	remoterefs_release(&newer);
	if (same)
		return err_set(err, MG_NOT_FOUND, MG_CAUSE_VCS, "%.*s is no commit",
			       SPAN_ARG(ref->name));
	return err_set(err, MG_UNAVAILABLE, MG_CAUSE_VCS, "%.*s was moved while it was read",
		       SPAN_ARG(ref->name));
}

/* The commit that a ref leads to. What fails for no known reason, such as a server that knows no shallow fetch, is
 * tried once more with all of the history, as the go command does. */
static enum mg_code follow(struct gitsource *s, const struct remoteref *ref,
			   struct coderepo_commit *out, struct mg_err *err)
{
	enum mirror_way way = MIRROR_UNASKED;

	for (;;) {
		unsigned seen = mirror_growth(s->use.mirror);
		enum mg_code code = look(s, ref->hash, out, err);
		if (code == MG_NOT_FOUND && way == MIRROR_BY_GIT) return judge_missing(s, ref, err);
		if (code != MG_NOT_FOUND) return code;
		struct mg_err why = { 0 };
		code = mirror_bring(&s->use, s->refs, ref, seen, &way, &why);
		if (code == MG_UNAVAILABLE && why.cause == MG_CAUSE_VCS)
			code = mirror_bring_all(&s->use, s->refs, &why);
		if (code != MG_OK) {
			if (err != NULL) *err = why;
			return code;
		}
	}
}

/* refs/tags/REV, refs/heads/REV, or HEAD itself. */
static const struct remoteref *named(const struct remoterefs *refs, struct mg_span rev)
{
	static const char *const folders[] = { "refs/tags/", "refs/heads/" };

	for (size_t i = 0; i < 2; i++) {
		struct mg_buf name = BUF_MAX(rev.n + 16);
		buf_append_str(&name, folders[i]);
		buf_append(&name, rev);
		const struct remoteref *ref = remoterefs_find(refs, buf_span(&name));
		buf_deinit(&name);
		if (ref != NULL) return ref;
	}
	return span_eq(rev, SPAN("HEAD")) ? remoterefs_find(refs, rev) : NULL;
}

/* The first in order of those whose hash begins so; *ambiguous: there are others with another hash. */
static const struct remoteref *by_hash(const struct remoterefs *refs, struct mg_span rev,
				       bool *ambiguous)
{
	const struct remoteref *found = NULL;

	*ambiguous = false;
	for (size_t i = 0; i < refs->n; i++) {
		if (!span_has_prefix(refs->v[i].hash, rev)) continue;
		if (found != NULL && !span_eq(found->hash, refs->v[i].hash)) *ambiguous = true;
		if (found == NULL) found = &refs->v[i];
	}
	return found;
}

static enum mg_code resolve_once(struct gitsource *s, struct mg_span rev,
				 struct coderepo_commit *out, struct mg_buf *ref,
				 struct mg_err *err)
{
	const struct remoteref *r = named(s->refs, rev);
	bool ambiguous = false;

	if (r == NULL && remoterefs_is_hash(rev, s->refs->hash_n)) {
		r = by_hash(s->refs, rev, &ambiguous);
		if (ambiguous)
			return err_set(err, MG_NOT_FOUND, MG_CAUSE_VCS, "ambiguous revision %.*s",
				       SPAN_ARG(rev));
		if (r == NULL) {
			enum mg_code code = look(s, rev, out, err);
			if (code != MG_NOT_FOUND) return code;
			code = mirror_bring_all(&s->use, s->refs, err);
			return code != MG_OK ? code : look(s, rev, out, err);
		}
	}
	if (r == NULL) return unknown(err, rev);
	enum mg_code code = follow(s, r, out, err);
	if (code == MG_OK) buf_append(ref, r->name);
	return code;
}

/* Has the repository any tag in that folder? Where there is none a new one is less likely than a folder that is no
 * module. */
static bool folder_has_tags(const struct remoterefs *refs, struct mg_span rev)
{
	ptrdiff_t slash = span_last_index(rev, '/');
	struct mg_span folder = span_first(rev, (size_t)(slash + 1));

	for (size_t i = 0; i < refs->n; i++)
		if (span_has_prefix(refs->v[i].name, tag_folder) &&
		    span_has_prefix(span_from(refs->v[i].name, tag_folder.n), folder))
			return true;
	return folder.n == 0;
}

static enum mg_code resolve(void *arg, struct mg_span rev, struct coderepo_commit *out,
			    struct mg_buf *ref, struct mg_err *err)
{
	struct gitsource *s = arg;
	const struct remoterefs *refs;

	/* Whatever a repository may call its refs. */
	if (rev.n == 0 || rev.p[0] == '-') return unknown(err, rev);
	enum mg_code code = gitsource_refs(s, &refs, err);
	if (code != MG_OK) return code; /* the repository itself may be what is not there */
	code = resolve_once(s, rev, out, ref, err);
	/* Who asks for it may have pushed it a moment ago. */
	if (code != MG_NOT_FOUND || refs->asked_ms + AGAIN_MS > s->began_ms ||
	    !folder_has_tags(refs, rev))
		return code;
	uint8_t before[sizeof refs->sum];
	memcpy(before, refs->sum, sizeof before);
	struct remoterefs *newer = NULL;
	struct mg_err why = { 0 };
	code = mirror_refs_again(&s->use, &newer, &why);
	if (code != MG_OK) {
		if (err != NULL) *err = why;
		return code;
	}
	if (memcmp(before, newer->sum, sizeof before) == 0) {
		remoterefs_release(&newer);
		return MG_NOT_FOUND;
	}
	/* The tags that were handed out stay valid: only what is looked up from now on is newer. */
	struct remoterefs *older = s->refs;
	s->refs = newer;
	code = resolve_once(s, rev, out, ref, err);
	if (s->tags != NULL) {
		s->refs = older;
		remoterefs_release(&newer);
	} else {
		remoterefs_release(&older);
	}
	return code;
}

static enum mg_code read_file(void *arg, const char *commit, struct mg_span path, size_t max,
			      struct mg_buf *out, struct mg_err *err)
{
	struct gitsource *s = arg;

	return gitobjects_file(&s->objects, span_of(commit), path, max, out, err);
}

/* All of the history, and the commit in it. */
static enum mg_code bring_history(struct gitsource *s, const char *commit, struct mg_err *err)
{
	const struct remoterefs *refs;
	struct coderepo_commit c;

	enum mg_code code = gitsource_refs(s, &refs, err);
	if (code == MG_OK) code = mirror_bring_all(&s->use, refs, err);
	if (code == MG_OK) code = look(s, span_of(commit), &c, err);
	return code;
}

struct ancestor {
	struct map_node node;
	size_t first; /* its tags in a chain of indexes */
};

/* A history as it is listed, and the tags that are looked for in it. */
struct ancestry {
	struct map tags; /* by commit */
	struct mg_buf line;
	bool *is_merged;
	struct ancestor *nodes;
	size_t *next; /* of each tag, the next one at the same commit; SIZE_MAX: none */
};

static void mark(struct ancestry *c, struct mg_span hash)
{
	struct map_node *node = map_get(&c->tags, hash);

	if (node == NULL) return;
	struct ancestor *at =
		(struct ancestor *)(void *)((char *)node - offsetof(struct ancestor, node));
	for (size_t i = at->first; i != SIZE_MAX; i = c->next[i])
		c->is_merged[i] = true;
}

/* A commit a line, in pieces of any length. */
static enum mg_code take_ancestors(void *arg, struct mg_span piece, struct mg_err *err)
{
	struct ancestry *c = arg;
	struct mg_span rest = piece;

	for (;;) {
		struct mg_span part = span_cut(&rest, '\n');
		buf_append(&c->line, part);
		if (rest.p == NULL) break;
		mark(c, buf_span(&c->line));
		buf_clear(&c->line);
	}
	return MG_OK;
}

static void index_tags(struct ancestry *c, const struct coderepo_tag *tags, size_t n)
{
	size_t used = 0;

	c->nodes = check_calloc(n + 1, sizeof *c->nodes);
	c->next = check_calloc(n + 1, sizeof *c->next);
	for (size_t i = 0; i < n; i++) {
		struct map_node *node = map_get(&c->tags, tags[i].commit);
		struct ancestor *at;
		c->next[i] = SIZE_MAX;
		if (node != NULL) {
			at = (struct ancestor *)(void *)((char *)node -
							 offsetof(struct ancestor, node));
			c->next[i] = at->first;
		} else {
			at = &c->nodes[used++];
			at->node.key = tags[i].commit;
			map_put(&c->tags, &at->node);
		}
		at->first = i;
	}
}

static enum mg_code run_reader(struct gitsource *s, const char *const *args,
			       enum mg_code (*take)(void *arg, struct mg_span piece,
						    struct mg_err *err),
			       void *arg, struct mg_err *err)
{
	struct gitcmd_spec spec;

	enum mg_code code = mirror_reader(&s->use, &spec, err);
	if (code != MG_OK) return code;
	spec.args = args;
	return mirror_read(&s->use, &spec, take, arg, err);
}

/* Under which name the answer for these refs is remembered with the commit: no file's path begins so. */
static void name_answer(const struct gitsource *s, struct mg_buf *name)
{
	*name = BUF_MAX(64);
	buf_append_str(name, "/merged/");
	buf_append(name, span_make(s->refs->sum, sizeof s->refs->sum));
}

static bool recall_merged(struct gitsource *s, const char *commit, bool *is_merged, size_t n)
{
	struct mg_buf name, bytes = BUF_MAX(n);

	name_answer(s, &name);
	bool known = commitcache_file(mirror_commits(s->use.mirror), span_of(commit),
				      buf_span(&name), &bytes) == COMMITCACHE_THERE &&
		     bytes.n == n;
	for (size_t i = 0; known && i < n; i++)
		is_merged[i] = bytes.p[i] == '1';
	buf_deinit(&name);
	buf_deinit(&bytes);
	return known;
}

static void remember_merged(struct gitsource *s, const char *commit, const bool *is_merged,
			    size_t n)
{
	struct mg_buf name, bytes = BUF_MAX(n);

	name_answer(s, &name);
	for (size_t i = 0; i < n; i++)
		buf_append_char(&bytes, is_merged[i] ? '1' : '0');
	commitcache_put_file(mirror_commits(s->use.mirror), span_of(commit), buf_span(&name),
			     buf_span(&bytes));
	buf_deinit(&name);
	buf_deinit(&bytes);
}

static enum mg_code walk_history(struct gitsource *s, const char *commit,
				 const struct coderepo_tag *tags, size_t n, bool *is_merged,
				 struct mg_err *err)
{
	const char *const args[] = { "rev-list", "--end-of-options", commit, "--", NULL };
	struct ancestry c = { .line = BUF_MAX(128), .is_merged = is_merged };

	index_tags(&c, tags, n);
	enum mg_code code = run_reader(s, args, take_ancestors, &c, err);
	map_deinit(&c.tags);
	buf_deinit(&c.line);
	free(c.nodes);
	free(c.next);
	return code;
}

static enum mg_code merged(void *arg, const char *commit, bool *is_merged, struct mg_err *err)
{
	struct gitsource *s = arg;
	const struct coderepo_tag *tags;
	size_t n;

	enum mg_code code = list_tags(s, &tags, &n, err);
	if (code != MG_OK) return code;
	memset(is_merged, 0, n * sizeof *is_merged);
	if (n == 0 || recall_merged(s, commit, is_merged, n)) return MG_OK;
	code = bring_history(s, commit, err);
	if (code == MG_OK) code = walk_history(s, commit, tags, n, is_merged, err);
	if (code == MG_OK) remember_merged(s, commit, is_merged, n);
	return code;
}

static enum mg_code take_any(void *arg, struct mg_span piece, struct mg_err *err)
{
	*(bool *)arg = true;
	return MG_OK;
}

static enum mg_code reachable(void *arg, const char *commit, bool *yes, struct mg_err *err)
{
	struct gitsource *s = arg;
	const struct remoterefs *refs;
	struct arena a = ARENA_INIT;

	*yes = false;
	enum mg_code code = gitsource_refs(s, &refs, err);
	if (code != MG_OK) return code;
	for (size_t i = 0; i < refs->n; i++)
		if (span_eq(refs->v[i].hash, span_of(commit))) *yes = true;
	if (*yes) return MG_OK;
	code = bring_history(s, commit, err);
	if (code == MG_OK) {
		const char *const args[] = {
			"for-each-ref",        "--count=1",
			"--format=%(refname)", arena_printf(&a, "--contains=%s", commit),
			"refs/heads",          "refs/tags",
			"refs/modgate",        NULL
		};
		code = run_reader(s, args, take_any, yes, err);
	}
	arena_deinit(&a);
	return code == MG_NOT_FOUND ? MG_OK : code;
}

const struct coderepo_ops gitsource_ops = {
	.tags = list_tags,
	.resolve = resolve,
	.read_file = read_file,
	.merged = merged,
	.reachable = reachable,
};
