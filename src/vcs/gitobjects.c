/* SPDX-License-Identifier: Apache-2.0 */
#include "vcs/gitobjects.h"

#include "vcs/gitfault.h"
#include "vcs/gittree.h"

#define COMMIT_MAX (1u << 20) /* bytes of a commit object */

void gitobjects_init(struct gitobjects *o, const struct mirror_use *use)
{
	*o = (struct gitobjects){ .use = use };
}

void gitobjects_deinit(struct gitobjects *o)
{
	gitcmd_end(&o->child);
}

/* It has ended when it should not, or says what makes no sense. */
static enum mg_code broke(struct gitobjects *o, struct mg_err *err)
{
	int status = 0;
	struct mg_buf complaint = BUF_MAX(8192);

	if (gitcmd_wait(o->child, &status, NULL) != MG_OK) status = -1;
	buf_append(&complaint, gitcmd_complaint(o->child));
	gitcmd_end(&o->child);
	enum mg_code code = gitfault_of_mirror(err, buf_span(&complaint), status);
	buf_deinit(&complaint);
	if (code == MG_CORRUPT) mirror_discard(o->use);
	return code;
}

static enum mg_code read_exactly(struct gitobjects *o, char *to, size_t n, struct mg_err *err)
{
	size_t got;

	while (n > 0) {
		enum mg_code code = gitcmd_read(o->child, to, n, &got, err);
		if (code != MG_OK) {
			gitcmd_end(&o->child);
			return code;
		}
		if (got == 0) return broke(o, err);
		to += got;
		n -= got;
	}
	return MG_OK;
}

/* The line that begins an answer. Byte by byte: what follows is not ours yet, and the line is short. */
static enum mg_code read_line(struct gitobjects *o, char *line, size_t room, size_t *n,
			      struct mg_err *err)
{
	*n = 0;
	for (;;) {
		enum mg_code code = read_exactly(o, &line[*n], 1, err);
		if (code != MG_OK) return code;
		if (line[*n] == '\n') return MG_OK;
		if (++*n == room) return broke(o, err);
	}
}

static enum mg_code absent(struct mg_err *err, struct mg_span name)
{
	return err_set(err, MG_NOT_FOUND, MG_CAUSE_VCS, "the repository has no %.*s",
		       SPAN_ARG(name));
}

static enum mg_code start(struct gitobjects *o, struct mg_err *err)
{
	static const char *const args[] = { "cat-file", "--batch", NULL };
	struct gitcmd_spec spec;

	if (o->child != NULL && o->generation == mirror_generation(o->use->mirror)) return MG_OK;
	gitcmd_end(&o->child);
	o->generation = mirror_generation(o->use->mirror);
	enum mg_code code = mirror_reader(o->use, &spec, err);
	if (code != MG_OK) return code;
	spec.args = args;
	spec.talks = true;
	return gitcmd_start(&spec, &o->child, err);
}

/* answer = hash SP type SP size LF bytes LF, or words that end in "missing", "ambiguous" or the like
 * (git-cat-file(1), BATCH OUTPUT). Appends the bytes of an object of that type; hash (may be NULL) gets its
 * own. */
static enum mg_code ask(struct gitobjects *o, struct mg_span name, const char *type, size_t max,
			char *hash, struct mg_buf *out, struct mg_err *err)
{
	char line[4096];
	size_t n;
	uint64_t size;
	struct mg_buf question = BUF_MAX(8192);

	buf_append(&question, name);
	buf_append_char(&question, '\n');
	/* A name that long, or with a line break, would be the beginning of the next question. */
	if (buf_failed(&question) || span_index(name, '\n') >= 0) {
		buf_deinit(&question);
		return absent(err, span_first(name, 100));
	}
	enum mg_code code = start(o, err);
	if (code == MG_OK) code = gitcmd_send(o->child, buf_span(&question), err);
	buf_deinit(&question);
	/* It may have ended before it was asked: what is wrong with the mirror it says then. */
	if (code == MG_UNAVAILABLE && o->child != NULL) return broke(o, err);
	if (code != MG_OK) {
		gitcmd_end(&o->child);
		return code;
	}
	if ((code = read_line(o, line, sizeof line, &n, err)) != MG_OK) return code;
	struct mg_span rest = span_make(line, n), id = span_cut(&rest, ' '),
		       kind = span_cut(&rest, ' ');
	if (rest.p == NULL || !remoterefs_is_hash(id, 64) || !span_u64(rest, UINT64_MAX, &size))
		return absent(err, name);
	if (size > max || !span_eq(kind, span_of(type))) {
		/* Its bytes would have to be read: the next question starts another. */
		gitcmd_end(&o->child);
		if (!span_eq(kind, span_of(type))) return absent(err, name);
		return err_set(err, MG_INVALID, MG_CAUSE_VCS, "%.*s has more than %zu bytes",
			       SPAN_ARG(name), max);
	}
	char *room = buf_reserve(out, (size_t)size + 1);
	if (room == NULL) {
		gitcmd_end(&o->child);
		return err_set(err, MG_INVALID, MG_CAUSE_VCS, "%.*s is too large", SPAN_ARG(name));
	}
	if ((code = read_exactly(o, room, (size_t)size + 1, err)) != MG_OK) return code;
	out->n += (size_t)size;
	if (hash != NULL) {
		memcpy(hash, id.p, id.n);
		hash[id.n] = '\0';
	}
	return MG_OK;
}

/* header = *(key SP value LF) LF message; committer = "committer" SP name SP "<" mail ">" SP seconds SP zone. As
 * git does, the seconds are looked for behind the last ">" of the line. */
int64_t gitobjects_committer_time(struct mg_span text)
{
	static const struct mg_span key = { "committer ", 10 };
	struct mg_span rest = text;

	while (rest.p != NULL) {
		struct mg_span line = span_cut(&rest, '\n');
		uint64_t seconds;
		if (line.n == 0) break;
		if (!span_has_prefix(line, key)) continue;
		ptrdiff_t mail = span_last_index(line, '>');
		struct mg_span tail = span_trim(span_from(line, (size_t)(mail + 1)));
		struct mg_span digits = span_cut(&tail, ' ');
		return mail >= 0 && span_u64(digits, INT64_MAX, &seconds) ? (int64_t)seconds : 0;
	}
	return 0;
}

enum mg_code gitobjects_commit(struct gitobjects *o, struct mg_span rev, char *hash,
			       int64_t *time_s, struct mg_err *err)
{
	struct commitcache *cache = mirror_commits(o->use->mirror);
	char name[96];
	struct mg_buf text = BUF_MAX(COMMIT_MAX + 1);

	if (rev.n > 64 || !remoterefs_is_hash(rev, 64)) return absent(err, span_first(rev, 100));
	if (rev.n >= 40 && commitcache_time(cache, rev, time_s)) {
		memcpy(hash, rev.p, rev.n);
		hash[rev.n] = '\0';
		return MG_OK;
	}
	if (!mirror_is_there(o->use->mirror)) return absent(err, rev);
	memcpy(name, rev.p, rev.n);
	memcpy(name + rev.n, "^{commit}", 9);
	enum mg_code code =
		ask(o, span_make(name, rev.n + 9), "commit", COMMIT_MAX, hash, &text, err);
	if (code == MG_OK) {
		*time_s = gitobjects_committer_time(buf_span(&text));
		commitcache_put_time(cache, span_of(hash), *time_s);
	}
	buf_deinit(&text);
	return code;
}

/* A file is absent only if its commit is there. A mirror that was removed under our feet proves nothing. */
static enum mg_code prove_commit(struct gitobjects *o, struct mg_span commit, struct mg_err *err)
{
	struct mg_buf text = BUF_MAX(COMMIT_MAX + 1), name = BUF_MAX(128);

	buf_append(&name, commit);
	buf_append(&name, SPAN("^{commit}"));
	enum mg_code code = ask(o, buf_span(&name), "commit", COMMIT_MAX, NULL, &text, err);
	buf_deinit(&text);
	buf_deinit(&name);
	if (code != MG_NOT_FOUND) return code;
	mirror_discard(o->use);
	return err_set(err, MG_CORRUPT, MG_CAUSE_STORAGE,
		       "the mirror of its repository has lost a commit");
}

static bool is_gomod_below(struct mg_span path)
{
	return span_has_suffix(path, SPAN("/go.mod"));
}

enum mg_code gitobjects_file(struct gitobjects *o, struct mg_span commit, struct mg_span path,
			     size_t max, struct mg_buf *out, struct mg_err *err)
{
	struct commitcache *cache = mirror_commits(o->use->mirror);
	struct mg_buf name = BUF_MAX(8192), bytes = BUF_MAX(max + 1);

	switch (commitcache_file(cache, commit, path, out)) {
	case COMMITCACHE_THERE:
		return MG_OK;
	case COMMITCACHE_ABSENT:
		return absent(err, path);
	case COMMITCACHE_UNKNOWN:
		break;
	}
	buf_append(&name, commit);
	buf_append_char(&name, ':');
	buf_append(&name, path);
	enum mg_code code = buf_failed(&name)
				    ? absent(err, span_first(path, 100))
				    : ask(o, buf_span(&name), "blob", max, NULL, &bytes, err);
	if (code == MG_OK) {
		commitcache_put_file(cache, commit, path, buf_span(&bytes));
		if (!buf_append(out, buf_span(&bytes)) && bytes.n > 0)
			code = err_set(err, MG_INVALID, MG_CAUSE_VCS, "%.*s is too large",
				       SPAN_ARG(path));
	} else if (code == MG_NOT_FOUND && (code = prove_commit(o, commit, err)) == MG_OK) {
		code = absent(err, path);
		commitcache_put_absent(cache, commit, path);
		/* Whoever asks for a folder that is no module may ask for many: with the map of all modules
		 * that costs nothing any more. */
		if (is_gomod_below(path) && !commitcache_has_modules(cache, commit))
			gittree_learn_modules(o->use, commit);
	}
	buf_deinit(&name);
	buf_deinit(&bytes);
	return code;
}
