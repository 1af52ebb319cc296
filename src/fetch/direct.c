/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/direct.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "fetch/ask.h"
#include "fetch/origin.h"
#include "fetch/parent.h"
#include "gomod/info.h"
#include "gomod/modzip.h"
#include "gomod/pseudo.h"
#include "loop/share.h"
#include "record/metrics.h"
#include "text/json.h"
#include "vcs/vcs.h"

#define KEY_MAX  16384
#define URL_MAX  16384
#define INFO_MAX (1u << 20)
#define LIST_MAX (16u << 20)
#define HASH_MAX 65
/* Alarms are told once; beyond so many versions they may be told again. */
#define TOLD_MAX 65536
/* For the questions of one go command, which come at once or soon after each other. */
#define PARENTS_MS  30000
#define PARENTS_MAX 512

/* A version whose tag was moved. */
struct told {
	struct map_node node; /* its key: KEY-OF-THE-VERSION SP HASH */
	char key[];
};

struct direct {
	struct vcs *vcs;
	struct repobook *book;
	struct share *parents; /* fetch/parent.h */
	pthread_mutex_t mutex;
	struct map told;
};

struct direct *direct_new(struct vcs *v)
{
	struct direct *d = check_calloc(1, sizeof *d);
	d->vcs = v;
	d->book = repobook_new();
	d->parents =
		share_new(&(struct share_options){ .keep_ms = PARENTS_MS, .max = PARENTS_MAX });
	pthread_mutex_init(&d->mutex, NULL);
	return d;
}

static void free_told(struct map_node *node, void *map)
{
	map_remove(map, node);
	free(LIST_OWNER(node, struct told, node));
}

void direct_free(struct direct **dp)
{
	struct direct *d = *dp;
	*dp = NULL;
	if (d == NULL) return;
	map_each(&d->told, free_told, &d->told);
	map_deinit(&d->told);
	repobook_free(&d->book);
	share_free(&d->parents);
	pthread_mutex_destroy(&d->mutex);
	free(d);
}

struct repobook *direct_book(const struct direct *d)
{
	return d->book;
}

void direct_expire(struct direct *d, struct mg_span path_or_url)
{
	vcs_refresh(d->vcs, path_or_url);
}

/* --- the repository --- */

static enum mg_code open_module(const struct job *j, const struct target *t,
				struct vcs_module **out, struct mg_err *err)
{
	/* Cloning is dear, and some repositories are private to who asks. */
	if (j->guess)
		return err_set(err, MG_CANCELED, MG_CAUSE_NONE,
			       "nobody has asked for it, and repositories are not asked ahead");
	struct mg_span parent;
	/* Of what was asked: on its way a .mod has its .info got too. */
	if (parent_find(j, j->means->direct->parents, &j->target, &parent))
		return err_set(err, MG_NOT_FOUND, MG_CAUSE_NONE,
			       "no upstream has it, but %.200s, of which it may be a package; so "
			       "its repository is not asked",
			       arena_strdup(j->arena, parent));
	atomic_fetch_add_explicit(j->requests, 1, memory_order_relaxed);
	return vcs_open(j->means->direct->vcs, t->path, j->cancel, j->arena, out, err);
}

/* The proxy that stands in for the repository, as an entry of a list. False: none does. */
static bool proxy_of(const struct vcs_module *m, struct proxylist_entry *out)
{
	const struct mg_span base = vcs_module_proxy(m);
	*out = (struct proxylist_entry){
		.kind = PROXYLIST_URL, .url = base, .found = true, .query = SPAN("")
	};
	while (out->url.n > 0 && out->url.p[out->url.n - 1] == '/')
		out->url.n--;
	return base.n > 0;
}

static void note(const struct job *j, const struct target *t, const struct vcs_module *m)
{
	repobook_note(j->means->direct->book, vcs_module_place(m)->url, t);
}

/* --- .info (protocol §1.3) --- */

static void put_member(struct mg_buf *out, const char *key, struct mg_span value)
{
	if (value.n == 0) return;
	buf_printf(out, ",\"%s\":", key);
	json_quote(value, out);
}

static void put_info(const struct vcs_version *v, struct mg_buf *out)
{
	char time[21];
	clock_rfc3339(v->time_s, time);
	buf_append_str(out, "{\"Version\":");
	json_quote(v->version, out);
	buf_printf(out, ",\"Time\":\"%s\",\"Origin\":{\"VCS\":\"git\"", time);
	put_member(out, "URL", v->url);
	put_member(out, "Subdir", v->subdir);
	put_member(out, "Hash", v->hash);
	put_member(out, "Ref", v->ref);
	buf_append_str(out, "}}");
}

/* The commit that the stored .info of a version names. False: none. */
static bool stored_hash(const struct job *j, struct mg_span path, struct mg_span version,
			char out[HASH_MAX])
{
	struct mg_buf key = BUF_MAX(KEY_MAX), body = BUF_MAX(INFO_MAX);
	struct arena a = ARENA_INIT;
	struct json *root = NULL;
	struct target info;
	struct mg_span hash;
	struct mg_err err;
	bool found = false;
	if (target_make(TARGET_INFO, path, version, &a, &info, &err) != MG_OK) goto out;
	store_key(&info, &key);
	if (store_read(j->means->store, buf_cstr(&key), true, &body, NULL, &err) != STORE_HIT ||
	    json_parse(buf_span(&body), &root, &err) != MG_OK)
		goto out;
	found = json_as_string(json_member(json_member(root, "Origin"), "Hash"), &hash) &&
		hash.n > 0 && hash.n < HASH_MAX;
	if (found) snprintf(out, HASH_MAX, "%.*s", SPAN_ARG(hash));
out:
	json_free(&root);
	arena_deinit(&a);
	buf_deinit(&key);
	buf_deinit(&body);
	return found;
}

/* --- tags that were moved --- */

static bool is_news(struct direct *d, struct mg_span name, const char *hash)
{
	struct mg_buf key = BUF_MAX(KEY_MAX);
	buf_printf(&key, "%.*s %s", SPAN_ARG(name), hash);
	pthread_mutex_lock(&d->mutex);
	const bool news = map_get(&d->told, buf_span(&key)) == NULL;
	if (news && d->told.count >= TOLD_MAX) map_each(&d->told, free_told, &d->told);
	if (news) {
		struct told *told = check_malloc(sizeof *told + key.n);
		memcpy(told->key, key.p, key.n);
		told->node.key = span_make(told->key, key.n);
		map_put(&d->told, &told->node);
	}
	pthread_mutex_unlock(&d->mutex);
	buf_deinit(&key);
	return news;
}

static void tell(const struct job *j, const struct vcs_module *m, struct mg_span path,
		 struct mg_span version, const char *was, const char *now)
{
	struct mg_buf name = BUF_MAX(KEY_MAX);
	buf_printf(&name, "%.*s@%.*s", SPAN_ARG(path), SPAN_ARG(version));
	if (is_news(j->means->direct, buf_span(&name), now)) {
		metrics_add(METRICS_RETAGGED, 1);
		log_error("a tag was moved in its repository; what was stored first is served on",
			  LOG_SP("version", buf_span(&name)), LOG_S("was", was), LOG_S("is", now),
			  LOG_SP("repository", vcs_module_place(m)->url));
	}
	buf_deinit(&name);
}

/* Has the version's tag been moved since its .info was stored? Then the alarm is raised, once for each commit that
 * it is moved to. What cannot be said is no. */
static bool is_moved(const struct job *j, struct vcs_module *m, struct mg_span path,
		     struct mg_span version, char was[HASH_MAX], char now[HASH_MAX])
{
	struct mg_err err;
	if (!stored_hash(j, path, version, was) || vcs_tag(m, version, now, &err) != MG_OK ||
	    strcmp(was, now) == 0)
		return false;
	tell(j, m, path, version, was, now);
	return true;
}

/* A pseudo-version names 12 digits of its commit's id: who may push can find two commits that have them in common. */
static enum mg_code check_twin(const struct job *j, const struct target *t, struct vcs_module *m,
			       struct mg_err *err)
{
	char was[HASH_MAX];
	struct vcs_version now;
	if (!pseudo_is(t->version) || !stored_hash(j, t->path, t->version, was)) return MG_OK;
	const enum mg_code rc = vcs_stat(m, t->version, &now, err);
	if (rc != MG_OK || span_eq(now.hash, span_of(was))) return rc;
	metrics_add(METRICS_RETAGGED, 1);
	return err_set(
		err, MG_CORRUPT, MG_CAUSE_PROOF,
		"the repository has commit %.*s for this version now, which was made of %s: the "
		"same first digits, another commit; refused: take another version",
		SPAN_ARG(now.hash), was);
}

/* Is the version's commit the one that its stored .info names? */
static enum mg_code check_commit(const struct job *j, const struct target *t, struct vcs_module *m,
				 struct mg_err *err)
{
	char was[HASH_MAX], now[HASH_MAX];
	if (t->kind == TARGET_INFO) return MG_OK;
	if (!is_moved(j, m, t->path, t->version, was, now)) return check_twin(j, t, m, err);
	return err_set(err, MG_CORRUPT, MG_CAUSE_PROOF,
		       "re-tagged: the repository's tag of this version is %.12s now, and was "
		       "%.12s when it was first seen; refused: take another version",
		       now, was);
}

static void look_for_moved_tags(const struct job *j, const struct target *t, struct vcs_module *m)
{
	struct mg_buf text = BUF_MAX(LIST_MAX);
	struct mg_err err;
	char was[HASH_MAX], now[HASH_MAX];
	if (store_versions(j->means->store, t->epath, &text, &err) == MG_OK) {
		struct mg_span rest = buf_span(&text);
		while (rest.n > 0) {
			const struct mg_span version = span_cut(&rest, '\n');
			if (version.n > 0) (void)is_moved(j, m, t->path, version, was, now);
		}
	}
	buf_deinit(&text);
}

/* --- artifacts --- */

static enum mg_code send_whole(const struct upstream_sink *sink, const struct mg_buf *bytes,
			       struct mg_err *err)
{
	if (buf_failed(bytes))
		return err_set(err, MG_NOT_FOUND, MG_CAUSE_VCS, "the file is too large");
	return sink->write(sink->arg, buf_span(bytes), err);
}

static enum mg_code get_info(struct vcs_module *m, const struct target *t,
			     const struct upstream_sink *sink, struct mg_err *err)
{
	struct mg_buf body = BUF_MAX(INFO_MAX);
	struct vcs_version v;
	enum mg_code rc = vcs_stat(m, t->version, &v, err);
	if (rc == MG_OK) put_info(&v, &body);
	if (rc == MG_OK) rc = send_whole(sink, &body, err);
	buf_deinit(&body);
	return rc;
}

static enum mg_code get_mod(struct vcs_module *m, const struct target *t,
			    const struct upstream_sink *sink, struct mg_err *err)
{
	struct mg_buf body = BUF_MAX(MODZIP_SPECIAL_MAX);
	enum mg_code rc = vcs_gomod(m, t->version, &body, err);
	if (rc == MG_OK) rc = send_whole(sink, &body, err);
	buf_deinit(&body);
	return rc;
}

static enum mg_code get_zip(struct vcs_module *m, const struct target *t, unsigned rules,
			    const struct upstream_sink *sink, char *h1, struct mg_err *err)
{
	const struct vcs_sink to = { .write = sink->write, .arg = sink->arg };
	return vcs_zip(m, t->version, rules, &to, h1, err);
}

static enum mg_code get_from_proxy(const struct job *j, const struct proxylist_entry *proxy,
				   const struct target *t, const struct upstream_sink *sink,
				   bool *framed, struct mg_err *err)
{
	struct mg_buf url = BUF_MAX(URL_MAX);
	origin_url(proxy, t, &url);
	const enum mg_code rc = ask_url(j, proxy, buf_span(&url), MODZIP_MAX, sink, framed, err);
	buf_deinit(&url);
	return rc;
}

enum mg_code direct_get(const struct job *j, const struct target *t, unsigned rules,
			const struct upstream_sink *sink, struct mg_buf *from, bool *framed,
			char *h1, struct mg_err *err)
{
	struct vcs_module *m = NULL;
	struct proxylist_entry proxy;
	enum mg_code rc = open_module(j, t, &m, err);
	*framed = true;
	if (h1 != NULL) h1[0] = '\0';
	if (rc != MG_OK) return rc;
	upstream_redact(vcs_module_place(m)->url, from);
	if (proxy_of(m, &proxy)) {
		rc = get_from_proxy(j, &proxy, t, sink, framed, err);
		goto out;
	}
	rc = check_commit(j, t, m, err);
	if (rc == MG_OK) rc = sink->restart(sink->arg, err);
	if (rc != MG_OK) goto out;
	if (t->kind == TARGET_INFO)
		rc = get_info(m, t, sink, err);
	else if (t->kind == TARGET_MOD)
		rc = get_mod(m, t, sink, err);
	else
		rc = get_zip(m, t, rules, sink, h1, err);
out:
	vcs_close(&m);
	return rc;
}

/* --- answers that change --- */

enum mg_code direct_info(const struct job *j, const struct target *t, struct mg_buf *out,
			 struct mg_err *err)
{
	struct vcs_module *m = NULL;
	struct proxylist_entry proxy;
	struct vcs_version v;
	enum mg_code rc = open_module(j, t, &m, err);
	if (rc != MG_OK) return rc;
	if (proxy_of(m, &proxy)) {
		rc = ask_target(j, &proxy, t, out, err);
	} else {
		rc = t->kind == TARGET_LATEST ? vcs_latest(m, &v, err)
					      : vcs_stat(m, t->version, &v, err);
		if (rc == MG_OK) put_info(&v, out);
		/* Also what is not there yet may be pushed. */
		if (rc == MG_OK || rc == MG_NOT_FOUND) note(j, t, m);
	}
	vcs_close(&m);
	return rc;
}

enum mg_code direct_list(const struct job *j, const struct target *t, struct verlist *list,
			 struct mg_span *newest, struct mg_err *err)
{
	struct mg_buf body = BUF_MAX(LIST_MAX);
	struct vcs_module *m = NULL;
	struct proxylist_entry proxy;
	*newest = SPAN("");
	enum mg_code rc = open_module(j, t, &m, err);
	if (rc != MG_OK) return rc;
	if (proxy_of(m, &proxy)) {
		rc = ask_target(j, &proxy, t, &body, err);
		if (rc == MG_OK) rc = verlist_parse(buf_span(&body), t->path, j->arena, list, err);
		if (rc == MG_OK) *newest = arena_dup(j->arena, verlist_newest(buf_span(&body)));
	} else {
		struct verlist found = VERLIST_INIT;
		rc = vcs_list(m, &found, err);
		for (size_t i = 0; i < found.n && rc == MG_OK; i++)
			verlist_add(list, found.v[i], j->arena);
		if (rc == MG_OK) look_for_moved_tags(j, t, m);
		if (rc == MG_OK || rc == MG_NOT_FOUND) note(j, t, m);
	}
	buf_deinit(&body);
	vcs_close(&m);
	return rc;
}
