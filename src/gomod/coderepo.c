/* SPDX-License-Identifier: Apache-2.0 */
#include "gomod/coderepo.h"

#include "gomod/commitname.h"
#include "gomod/modfile.h"
#include "gomod/modpath.h"
#include "gomod/modroot.h"
#include "gomod/pseudo.h"
#include "gomod/version.h"

#define SHOWN            160
#define REF_MAX          4096
#define PATH_MAX_OF_FILE 8192

static enum mg_code nowhere(const struct coderepo *r, const char *why, struct mg_err *err)
{
	return err_set(err, MG_NOT_FOUND, MG_CAUSE_VCS, "%.*s cannot be in this repository: %s",
		       SPAN_ARG(span_first(r->path, SHOWN)), why);
}

static bool is_element_prefix(struct mg_span s, struct mg_span prefix)
{
	return span_has_prefix(s, prefix) && (s.n == prefix.n || s.p[prefix.n] == '/');
}

/* Appends the elements of a relative path. False when one of them leads elsewhere. */
static bool append_elements(struct mg_span path, struct mg_buf *out)
{
	while (path.p != NULL) {
		struct mg_span elem = span_cut(&path, '/');
		if (elem.n == 0 || span_eq(elem, SPAN("."))) continue;
		if (span_eq(elem, SPAN(".."))) return false;
		if (out->n > 0) buf_append_char(out, '/');
		buf_append(out, elem);
	}
	return true;
}

enum mg_code coderepo_open(struct coderepo *out, struct mg_span path, struct mg_span root,
			   struct mg_span subdir, const struct coderepo_ops *ops, void *arg,
			   struct arena *arena, struct mg_err *err)
{
	struct coderepo r = { .path = path, .ops = ops, .arg = arg, .arena = arena };
	struct mg_span prefix;
	if (!is_element_prefix(path, root)) return nowhere(&r, "it lies outside of its root", err);
	if (!modpath_split(path, &prefix, &r.major))
		return nowhere(&r, "its major version is malformed", err);
	r.root_is_path = path.n == root.n;
	if (!r.root_is_path && !is_element_prefix(prefix, root))
		return nowhere(&r, "its root reaches into its major version", err);
	struct mg_buf dir = BUF_MAX(path.n + subdir.n + 2);
	bool inside = (r.root_is_path || append_elements(span_from(prefix, root.n), &dir)) &&
		      append_elements(subdir, &dir);
	r.dir = arena_dup(arena, buf_span(&dir));
	if (dir.n > 0) buf_append_char(&dir, '/');
	r.tag_prefix = arena_dup(arena, buf_span(&dir));
	buf_deinit(&dir);
	if (!inside) return nowhere(&r, "its folder lies outside of it", err);
	r.pseudo_major = span_from(r.major, 1);
	if (span_has_prefix(r.major, SPAN(".v")) && span_has_suffix(r.major, SPAN("-unstable")))
		r.pseudo_major = span_first(r.pseudo_major, r.pseudo_major.n - strlen("-unstable"));
	*out = r;
	return MG_OK;
}

enum mg_code coderepo_tags(struct coderepo *r, const struct coderepo_tag **out, size_t *n,
			   struct mg_err *err)
{
	if (!r->has_tags) {
		enum mg_code rc = r->ops->tags(r->arg, &r->tags, &r->n_tags, err);
		if (rc != MG_OK) return rc;
		r->has_tags = true;
	}
	*out = r->tags;
	*n = r->n_tags;
	return MG_OK;
}

enum mg_code coderepo_read(struct coderepo *r, const char *commit, struct mg_span dir,
			   const char *name, struct mg_buf *out, bool *exists, struct mg_err *err)
{
	struct mg_buf path = BUF_MAX(PATH_MAX_OF_FILE), own = BUF_MAX(CODEREPO_FILE_MAX);
	*exists = false;
	buf_append(&path, dir);
	if (dir.n > 0) buf_append_char(&path, '/');
	buf_append_str(&path, name);
	enum mg_code rc = MG_NOT_FOUND;
	if (!buf_failed(&path))
		rc = r->ops->read_file(r->arg, commit, buf_span(&path), CODEREPO_FILE_MAX,
				       out != NULL ? out : &own, err);
	buf_deinit(&path);
	buf_deinit(&own);
	if (rc == MG_INVALID)
		return err_set(err, MG_NOT_FOUND, MG_CAUSE_VCS,
			       "the repository's %.*s%s%s has more than %d bytes",
			       SPAN_ARG(span_first(dir, SHOWN)), dir.n > 0 ? "/" : "", name,
			       CODEREPO_FILE_MAX);
	*exists = rc == MG_OK;
	return rc == MG_NOT_FOUND ? MG_OK : rc;
}

/* The go.mod in dir. *bytes: its content, in the arena. */
static enum mg_code read_gomod(struct coderepo *r, const char *commit, struct mg_span dir,
			       struct modroot_file *out, struct mg_span *bytes, struct mg_err *err)
{
	struct mg_buf file = BUF_MAX(CODEREPO_FILE_MAX), path = BUF_MAX(3u * CODEREPO_FILE_MAX);
	enum mg_code rc = coderepo_read(r, commit, dir, "go.mod", &file, &out->exists, err);
	if (rc == MG_OK && out->exists) {
		modfile_scan_path(buf_span(&file), &path);
		*bytes = arena_dup(r->arena, buf_span(&file));
		out->path = arena_dup(r->arena, buf_span(&path));
	}
	buf_deinit(&file);
	buf_deinit(&path);
	return rc;
}

enum mg_code coderepo_find(struct coderepo *r, const char *commit, struct coderepo_place *out,
			   struct mg_err *err)
{
	struct modroot_file outer = { 0 }, inner = { 0 };
	struct mg_span outer_bytes = { 0 }, inner_bytes = { 0 };
	struct mg_span inner_dir = { 0 };
	bool has_inner = modroot_has_inner(r->major, r->root_is_path);
	enum modroot root;
	enum mg_code rc = read_gomod(r, commit, r->dir, &outer, &outer_bytes, err);
	if (rc == MG_OK && has_inner) {
		inner_dir = span_of(arena_printf(r->arena, "%.*s%.*s", SPAN_ARG(r->tag_prefix),
						 SPAN_ARG(span_from(r->major, 1))));
		rc = read_gomod(r, commit, inner_dir, &inner, &inner_bytes, err);
	}
	if (rc == MG_OK)
		rc = modroot_choose(r->dir, r->major, &outer, has_inner ? &inner : NULL, &root,
				    err);
	if (rc != MG_OK) return rc;
	out->dir = root == MODROOT_INNER ? inner_dir : r->dir;
	out->gomod = root == MODROOT_INNER ? inner_bytes : outer_bytes;
	out->made_up = root == MODROOT_MADE_UP;
	if (out->made_up)
		out->gomod = span_of(arena_printf(r->arena, "module %.*s\n", SPAN_ARG(r->path)));
	return MG_OK;
}

/* What is looked up in the repository for a revision of the module: tags of folders have their prefix. */
static struct mg_span name_in_repository(struct coderepo *r, struct mg_span rev)
{
	struct pseudo p;
	if (!version_is_valid(rev)) return rev;
	if (pseudo_parse(rev, &p)) return p.rev;
	if (version_is_incompatible(rev)) rev = span_first(rev, rev.n - strlen("+incompatible"));
	if (r->dir.n == 0) return rev;
	return span_of(arena_printf(r->arena, "%.*s%.*s", SPAN_ARG(r->tag_prefix), SPAN_ARG(rev)));
}

/* Only what somebody has published counts: the server may hand out commits of proposed changes too. */
static enum mg_code check_reachable(struct coderepo *r, const char *commit, struct mg_err *err)
{
	bool yes;
	enum mg_code rc = r->ops->reachable(r->arg, commit, &yes, err);
	if (rc == MG_OK && !yes)
		return err_set(err, MG_NOT_FOUND, MG_CAUSE_VCS,
			       "unknown revision: no branch or tag leads to commit %s", commit);
	return rc;
}

static enum mg_code resolve(struct coderepo *r, struct mg_span rev, struct coderepo_version *out,
			    struct mg_err *err)
{
	struct mg_buf ref = BUF_MAX(REF_MAX);
	enum mg_code rc = r->ops->resolve(r->arg, rev, &out->commit, &ref, err);
	out->ref = arena_dup(r->arena, buf_span(&ref));
	buf_deinit(&ref);
	if (rc == MG_OK && out->ref.n == 0) rc = check_reachable(r, out->commit.id, err);
	return rc;
}

enum mg_code coderepo_stat(struct coderepo *r, struct mg_span rev, struct coderepo_version *out,
			   struct mg_err *err)
{
	struct coderepo_version v;
	struct mg_span query = rev, tag = { 0 };
	bool head = span_eq(rev, SPAN("latest"));
	if (head) query = (struct mg_span){ 0 };
	struct mg_span name = head ? SPAN("HEAD") : name_in_repository(r, rev);
	enum mg_code rc = resolve(r, name, &v, err);
	if (rc != MG_OK) return rc;
	if (span_has_prefix(v.ref, SPAN("refs/tags/")) &&
	    span_eq(span_from(v.ref, strlen("refs/tags/")), name))
		tag = name;
	rc = commitname_find(r, &v.commit, query, tag, &v.version, err);
	if (rc == MG_OK) *out = v;
	return rc;
}

enum mg_code coderepo_locate(struct coderepo *r, struct mg_span version, struct coderepo_place *out,
			     struct mg_err *err)
{
	if (!version_is_canonical(version))
		return err_set(err, MG_NOT_FOUND, MG_CAUSE_VCS, "version %.*s is not canonical",
			       SPAN_ARG(span_first(version, SHOWN)));
	enum mg_code rc = coderepo_stat(r, version, &out->at, err);
	if (rc != MG_OK) return rc;
	if (!span_eq(out->at.version, version))
		return err_set(err, MG_NOT_FOUND, MG_CAUSE_VCS, "version %.*s is %.*s",
			       SPAN_ARG(span_first(version, SHOWN)),
			       SPAN_ARG(span_first(out->at.version, SHOWN)));
	return coderepo_find(r, out->at.commit.id, out, err);
}

enum mg_code coderepo_license(struct coderepo *r, const struct coderepo_place *place,
			      bool *inherits, struct mg_buf *out, struct mg_err *err)
{
	bool own;
	*inherits = false;
	if (place->dir.n == 0) return MG_OK;
	enum mg_code rc =
		coderepo_read(r, place->at.commit.id, place->dir, "LICENSE", NULL, &own, err);
	if (rc != MG_OK || own) return rc;
	return coderepo_read(r, place->at.commit.id, (struct mg_span){ 0 }, "LICENSE", out,
			     inherits, err);
}
