/* SPDX-License-Identifier: Apache-2.0 */
#include "vcs/vcs.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "gomod/modpath.h"
#include "gomod/pseudo.h"
#include "vcs/gitarchive.h"
#include "vcs/gitsource.h"

#define FOUND_MAX 16384 /* places remembered; over that all are forgotten */

/* Where a path was found to live. */
struct found {
	struct map_node node; /* by path */
	uint64_t found_ms;
	struct vcs_place place;
	struct arena strings;
};

struct vcs {
	struct vcs_options options;
	const char *git;
	struct mirrors *mirrors;
	pthread_mutex_t mutex;
	struct map found;
};

struct vcs_module {
	struct vcs *v;
	struct mg_span path;
	struct vcs_place place;
	const struct cancel *cancel;
	struct arena *arena;
	struct mirror *mirror; /* NULL: it is a proxy's */
	struct gitsource source;
	struct coderepo repo;
};

/* ---- the whole ---- */

static enum mg_code take_version(void *arg, struct mg_span piece, struct mg_err *err)
{
	buf_append(arg, piece);
	return MG_OK;
}

/* "git version 2.39.5 …". Earlier ones overlook what they are told: configuration by the environment (2.31), what has
 * to survive power loss (2.36), which addresses a host has (2.37). */
#define GIT_MINOR 37

static enum mg_code check_git(const struct vcs *v, struct mg_err *err)
{
	static const char *const args[] = { "version", NULL };
	struct gitcmd_spec spec = { .git = v->git,
				    .folder = v->options.folder,
				    .args = args,
				    .ruleset = v->options.child_ruleset,
				    .limit_ms = 30000,
				    .output_max = 4096 };
	struct mg_buf text = BUF_MAX(4096);
	uint64_t major = 0, minor = 0;
	int status = 0;

	enum mg_code code = gitcmd_run(&spec, take_version, &text, &status, NULL, err);
	struct mg_span rest = buf_span(&text);
	if (code == MG_OK && span_has_prefix(rest, SPAN("git version "))) {
		rest = span_from(rest, 12);
		struct mg_span first = span_cut(&rest, '.'), second = span_cut(&rest, '.');
		if (!span_u64(first, 1000, &major) || !span_u64(second, 1000, &minor)) major = 0;
	}
	buf_deinit(&text);
	if (code != MG_OK || (major > 2 || (major == 2 && minor >= GIT_MINOR))) return code;
	return err_set(err, MG_UNAVAILABLE, MG_CAUSE_VCS, "%s is not git 2.%d or newer", v->git,
		       GIT_MINOR);
}

static const char *find_git(const char *wanted)
{
	static const char *const places[] = { "/usr/bin/git", "/bin/git", "/usr/local/bin/git" };

	if (wanted != NULL) return wanted;
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
		if (access(places[i], X_OK) == 0) return places[i];
	return places[0];
}

enum mg_code vcs_new(const struct vcs_options *options, struct vcs **out, struct mg_err *err)
{
	struct vcs *v = check_calloc(1, sizeof *v);
	struct sigaction pipe_action;

	v->options = *options;
	v->git = find_git(options->git);
	pthread_mutex_init(&v->mutex, NULL);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	/* A git that ends early closes the pipe that we write to. */
	if (sigaction(SIGPIPE, NULL, &pipe_action) == 0 && pipe_action.sa_handler == SIG_DFL)
		signal(SIGPIPE, SIG_IGN);
	enum mg_code code = mirrors_new(&v->options, v->git, &v->mirrors, err);
	if (code == MG_OK) code = check_git(v, err);
	if (code == MG_OK)
		*out = v;
	else
		vcs_free(&v);
	return code;
}

static void free_found(struct map_node *node, void *arg)
{
	struct found *f = (struct found *)(void *)((char *)node - offsetof(struct found, node));

	map_remove(arg, node);
	arena_deinit(&f->strings);
	free(f);
}

void vcs_free(struct vcs **vp)
{
	struct vcs *v = *vp;

	if (v == NULL) return;
	*vp = NULL;
	mirrors_free(&v->mirrors);
	map_each(&v->found, free_found, &v->found);
	map_deinit(&v->found);
	pthread_mutex_destroy(&v->mutex);
	free(v);
}

void vcs_sweep(struct vcs *v, const struct cancel *cancel)
{
	mirrors_sweep(v->mirrors, cancel);
}

enum mg_code vcs_probe(struct vcs *v, const struct vcs_place *place, const struct cancel *cancel,
		       struct mg_err *err)
{
	struct mirror *m = mirrors_hold(v->mirrors, place->url);
	struct mirror_use u = { .mirror = m, .place = place, .cancel = cancel };
	struct remoterefs *refs = NULL;

	enum mg_code code = mirror_refs(&u, &refs, err);
	remoterefs_release(&refs);
	mirrors_release(&m);
	return code;
}

/* ---- where a module lives ---- */

static void copy_place(struct arena *a, const struct vcs_place *from, struct vcs_place *to)
{
	*to = (struct vcs_place){ .kind = from->kind,
				  .root = arena_dup(a, from->root),
				  .url = arena_dup(a, from->url),
				  .at = arena_dup(a, from->at),
				  .subdir = arena_dup(a, from->subdir),
				  .pins = arena_dup(a, from->pins),
				  .protocols = arena_dup(a, from->protocols),
				  .reach = from->reach,
				  .hash_n = from->hash_n };
}

static bool recall(struct vcs *v, struct mg_span path, struct arena *a, struct vcs_place *out)
{
	bool fresh = false;

	pthread_mutex_lock(&v->mutex);
	struct map_node *node = map_get(&v->found, path);
	if (node != NULL) {
		struct found *f =
			(struct found *)(void *)((char *)node - offsetof(struct found, node));
		fresh = clock_mono_ms() - f->found_ms < v->options.found_ms;
		if (fresh)
			copy_place(a, &f->place, out);
		else
			free_found(node, &v->found);
	}
	pthread_mutex_unlock(&v->mutex);
	return fresh;
}

static void remember(struct vcs *v, struct mg_span path, const struct vcs_place *place)
{
	pthread_mutex_lock(&v->mutex);
	if (map_get(&v->found, path) == NULL) {
		if (v->found.count >= FOUND_MAX) map_each(&v->found, free_found, &v->found);
		struct found *f = check_calloc(1, sizeof *f);
		f->found_ms = clock_mono_ms();
		copy_place(&f->strings, place, &f->place);
		f->node.key = arena_dup(&f->strings, path);
		map_put(&v->found, &f->node);
	}
	pthread_mutex_unlock(&v->mutex);
}

static enum mg_code find_place(struct vcs *v, struct mg_span path, const struct cancel *cancel,
			       struct arena *a, struct vcs_place *out, struct mg_err *err)
{
	if (recall(v, path, a, out)) return MG_OK;
	enum mg_code code = v->options.guide.find(v->options.guide.arg, path, cancel, a, out, err);
	if (code == MG_OK) remember(v, path, out);
	return code;
}

/* Is path root, or below it? */
static bool is_below(struct mg_span path, struct mg_span root)
{
	return span_has_prefix(path, root) && (path.n == root.n || path.p[root.n] == '/');
}

struct renewal {
	struct vcs *v;
	struct mg_span path;
};

static void renew_found(struct map_node *node, void *arg)
{
	struct renewal *r = arg;
	struct found *f = (struct found *)(void *)((char *)node - offsetof(struct found, node));

	if (f->place.kind != VCS_GIT) return;
	if (!is_below(node->key, r->path) && !is_below(r->path, f->place.root)) return;
	mirrors_refresh(r->v->mirrors, f->place.url);
	free_found(node, &r->v->found);
}

void vcs_refresh(struct vcs *v, struct mg_span path_or_url)
{
	struct renewal r = { .v = v, .path = path_or_url };

	if (span_find(path_or_url, SPAN("://")) >= 0) {
		mirrors_refresh(v->mirrors, path_or_url);
		return;
	}
	pthread_mutex_lock(&v->mutex);
	map_each(&v->found, renew_found, &r);
	pthread_mutex_unlock(&v->mutex);
}

/* ---- one module ---- */

static enum mg_code begin(struct vcs_module *m, struct mg_err *err)
{
	gitsource_init(&m->source, m->mirror, &m->place, m->cancel);
	return coderepo_open(&m->repo, m->path, m->place.root, m->place.subdir, &gitsource_ops,
			     &m->source, m->arena, err);
}

enum mg_code vcs_open(struct vcs *v, struct mg_span path, const struct cancel *cancel,
		      struct arena *a, struct vcs_module **out, struct mg_err *err)
{
	struct vcs_module *m = check_calloc(1, sizeof *m);

	m->v = v;
	m->path = arena_dup(a, path);
	m->cancel = cancel;
	m->arena = a;
	enum mg_code code = modpath_check(path, err);
	if (code == MG_OK) code = find_place(v, path, cancel, a, &m->place, err);
	if (code == MG_OK && m->place.kind == VCS_GIT) {
		m->mirror = mirrors_hold(v->mirrors, m->place.url);
		code = begin(m, err);
	}
	if (code == MG_OK)
		*out = m;
	else
		vcs_close(&m);
	return code;
}

void vcs_close(struct vcs_module **mp)
{
	struct vcs_module *m = *mp;

	if (m == NULL) return;
	*mp = NULL;
	if (m->mirror != NULL) gitsource_deinit(&m->source);
	mirrors_release(&m->mirror);
	free(m);
}

struct mg_span vcs_module_proxy(const struct vcs_module *m)
{
	return m->place.kind == VCS_PROXY ? m->place.url : SPAN("");
}

const struct vcs_place *vcs_module_place(const struct vcs_module *m)
{
	return &m->place;
}

/* A question to the repository. */
typedef enum mg_code question(struct vcs_module *m, struct mg_span rev, void *out,
			      struct mg_err *err);

/* A mirror that turned out to be damaged was thrown away: the second time there is a new one. */
static enum mg_code ask(struct vcs_module *m, question *q, struct mg_span rev, void *out,
			struct mg_err *err)
{
	struct mg_err why = { 0 };

	MG_ASSERT(m->mirror != NULL);
	enum mg_code code = q(m, rev, out, &why);
	if (code == MG_CORRUPT && why.cause == MG_CAUSE_STORAGE) {
		gitsource_deinit(&m->source);
		code = begin(m, &why);
		if (code == MG_OK) code = q(m, rev, out, &why);
	}
	if (code != MG_OK && err != NULL) *err = why;
	return code;
}

static enum mg_code ask_list(struct vcs_module *m, struct mg_span rev, void *out,
			     struct mg_err *err)
{
	const struct verlist *all;

	enum mg_code code = coderepo_versions(&m->repo, &all, err);
	for (size_t i = 0; code == MG_OK && i < all->n; i++)
		verlist_add(out, all->v[i], m->arena);
	if (code != MG_OK || all->n > 0) return code;
	/* Without versions it may be no module at all, and an empty list would say that it is one: there must be a
	 * latest one, which can be had. */
	struct coderepo_version head;
	struct coderepo_place place;
	code = coderepo_latest(&m->repo, &head, err);
	if (code == MG_OK) code = coderepo_locate(&m->repo, head.version, &place, err);
	return code;
}

enum mg_code vcs_list(struct vcs_module *m, struct verlist *out, struct mg_err *err)
{
	return ask(m, ask_list, SPAN(""), out, err);
}

static void tell(struct vcs_module *m, const struct coderepo_version *v, struct vcs_version *out)
{
	*out = (struct vcs_version){ .version = v->version,
				     .time_s = v->commit.time_s,
				     .url = m->place.url,
				     .subdir = m->repo.dir,
				     .hash = arena_dup(m->arena, span_of(v->commit.id)),
				     .ref = v->ref };
}

static enum mg_code ask_stat(struct vcs_module *m, struct mg_span rev, void *out,
			     struct mg_err *err)
{
	struct coderepo_version v;

	enum mg_code code = coderepo_stat(&m->repo, rev, &v, err);
	if (code == MG_OK) tell(m, &v, out);
	return code;
}

enum mg_code vcs_stat(struct vcs_module *m, struct mg_span rev, struct vcs_version *out,
		      struct mg_err *err)
{
	return ask(m, ask_stat, rev, out, err);
}

static enum mg_code ask_latest(struct vcs_module *m, struct mg_span rev, void *out,
			       struct mg_err *err)
{
	struct coderepo_version v;

	enum mg_code code = coderepo_latest(&m->repo, &v, err);
	if (code == MG_OK) tell(m, &v, out);
	return code;
}

enum mg_code vcs_latest(struct vcs_module *m, struct vcs_version *out, struct mg_err *err)
{
	return ask(m, ask_latest, SPAN(""), out, err);
}

static enum mg_code ask_gomod(struct vcs_module *m, struct mg_span version, void *out,
			      struct mg_err *err)
{
	struct coderepo_place place;

	enum mg_code code = coderepo_locate(&m->repo, version, &place, err);
	if (code == MG_OK && !buf_append(out, place.gomod))
		code = err_set(err, MG_NOT_FOUND, MG_CAUSE_VCS, "its go.mod is too large");
	return code;
}

enum mg_code vcs_gomod(struct vcs_module *m, struct mg_span version, struct mg_buf *out,
		       struct mg_err *err)
{
	return ask(m, ask_gomod, version, out, err);
}

/* ---- the zip ---- */

struct zip_order {
	const struct vcs_sink *sink;
	unsigned rules;
	char *h1;
	bool begun; /* bytes are out: it cannot be begun again */
};

static enum mg_code pass_on(void *arg, struct mg_span bytes, struct mg_err *err)
{
	struct zip_order *z = arg;

	z->begun = true;
	return z->sink->write(z->sink->arg, bytes, err);
}

static enum mg_code ask_zip(struct vcs_module *m, struct mg_span version, void *out,
			    struct mg_err *err)
{
	struct zip_order *z = out;
	struct coderepo_place place;
	struct mg_buf license = BUF_MAX(CODEREPO_FILE_MAX);
	bool inherits = false;
	const struct vcs_sink sink = { .write = pass_on, .arg = z };

	if (z->begun)
		return err_set(err, MG_UNAVAILABLE, MG_CAUSE_STORAGE,
			       "the mirror of its repository was damaged, it is made anew");
	enum mg_code code = coderepo_locate(&m->repo, version, &place, err);
	if (code == MG_OK) code = coderepo_license(&m->repo, &place, &inherits, &license, err);
	if (code == MG_OK) {
		const struct gitarchive what = {
			.path = m->path,
			.version = place.at.version,
			.commit = span_of(place.at.commit.id),
			.dir = place.dir,
			.gomod = place.made_up ? SPAN("") : place.gomod,
			.has_license = inherits,
			.license = buf_span(&license),
			.era = (enum zipselect_era)z->rules,
		};
		/* Its own child stays idle meanwhile. */
		gitobjects_deinit(&m->source.objects);
		code = gitarchive_zip(&m->source.use, &what, &sink, z->h1, err);
	}
	buf_deinit(&license);
	return code;
}

_Static_assert(VCS_ZIP_RULES == ZIPSELECT_ERAS, "the rules are zipselect's eras");

enum mg_code vcs_zip(struct vcs_module *m, struct mg_span version, unsigned rules,
		     const struct vcs_sink *sink, char *h1, struct mg_err *err)
{
	char unwanted[DIRHASH_SIZE];
	struct zip_order z = { .sink = sink, .rules = rules, .h1 = h1 != NULL ? h1 : unwanted };

	MG_ASSERT(rules < VCS_ZIP_RULES);
	return ask(m, ask_zip, version, &z, err);
}

const char *vcs_zip_rules_name(unsigned rules)
{
	MG_ASSERT(rules < VCS_ZIP_RULES);
	return zipselect_era_name((enum zipselect_era)rules);
}

enum mg_code vcs_tag(struct vcs_module *m, struct mg_span version, char hash[65],
		     struct mg_err *err)
{
	static const struct mg_span incompatible = { "+incompatible", 13 };
	const struct remoterefs *refs;
	struct mg_buf name = BUF_MAX(8192);

	MG_ASSERT(m->mirror != NULL);
	if (span_has_suffix(version, incompatible)) version.n -= incompatible.n;
	buf_append_str(&name, "refs/tags/");
	buf_append(&name, m->repo.tag_prefix);
	buf_append(&name, version);
	enum mg_code code = gitsource_refs(&m->source, &refs, err);
	if (code == MG_OK) {
		const struct remoteref *r =
			pseudo_is(version) ? NULL : remoterefs_find(refs, buf_span(&name));
		if (r == NULL) {
			code = err_set(err, MG_NOT_FOUND, MG_CAUSE_VCS,
				       "the repository has no tag %.*s", SPAN_ARG(version));
		} else {
			memcpy(hash, r->hash.p, r->hash.n);
			hash[r->hash.n] = '\0';
		}
	}
	buf_deinit(&name);
	return code;
}
