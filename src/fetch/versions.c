/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/versions.h"

#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "fetch/artifact.h"
#include "fetch/ask.h"
#include "fetch/direct.h"
#include "fetch/origin.h"
#include "gomod/info.h"
#include "gomod/verlist.h"
#include "store/athenstree.h"
#include "store/stage.h"

#define KEY_MAX  16384
#define LIST_MAX (16u << 20)
#define INFO_MAX (1u << 20)
/* A list made of stored versions alone was never known to be complete: it is born old. */
#define NEVER_S 1

/* --- the store's part --- */

static enum mg_code put(const struct job *j, const struct target *t, struct mg_span bytes,
			bool known_now, struct mg_err *err)
{
	struct store *s = j->means->store;
	struct mg_buf key = BUF_MAX(KEY_MAX), old = BUF_MAX(LIST_MAX);
	struct stage *st = NULL;
	store_key(t, &key);
	struct mg_err ignored;
	const bool same = store_read(s, buf_cstr(&key), true, &old, NULL, &ignored) == STORE_HIT &&
			  span_eq(buf_span(&old), bytes);
	enum mg_code rc;
	if (same) {
		rc = known_now ? store_touch(s, key.p, err) : MG_OK;
		goto out;
	}
	if ((rc = stage_new(s, &st, err)) != MG_OK) goto out;
	if ((rc = stage_write(st, bytes, err)) != MG_OK) goto out;
	if (!known_now && (rc = stage_known_at(st, NEVER_S, err)) != MG_OK) goto out;
	rc = stage_commit(&st, key.p, STAGE_REPLACE, err);
out:
	stage_free(&st);
	buf_deinit(&key);
	buf_deinit(&old);
	return rc;
}

static bool has_stored(const struct job *j, const struct target *t)
{
	struct mg_buf key = BUF_MAX(KEY_MAX);
	struct store_file file;
	struct mg_err err;
	store_key(t, &key);
	const bool found =
		store_find(j->means->store, buf_cstr(&key), true, &file, &err) == STORE_HIT;
	if (found) close(file.fd);
	buf_deinit(&key);
	return found;
}

/* Appends what is stored of the module, here and in an Athens tree. A store that cannot be read is an
 * error: a list without what it has would be a wrong answer. */
static enum mg_code add_stored(const struct job *j, const struct target *t, struct verlist *list,
			       struct mg_err *err)
{
	struct mg_buf text = BUF_MAX(LIST_MAX);
	enum mg_code rc = store_versions(j->means->store, t->epath, &text, err);
	if (rc == MG_OK || rc == MG_NOT_FOUND)
		rc = athenstree_versions(j->means->store, t->path, &text, err);
	if (rc == MG_NOT_FOUND) rc = MG_OK;
	struct mg_span rest = buf_span(&text);
	while (rc == MG_OK && rest.n > 0) {
		struct mg_span line = span_cut(&rest, '\n');
		if (line.n > 0) verlist_add(list, line, j->arena);
		if (rest.p == NULL) break;
	}
	buf_deinit(&text);
	return rc;
}

/* --- list --- */

struct list_attempt {
	const struct job *j;
	const struct target *t;
	struct verlist *list;
	struct mg_span newest; /* a line with a time: stands in for @latest */
};

static enum mg_code visit_list(void *arg, const struct proxylist_entry *proxy, struct mg_err *err)
{
	struct list_attempt *a = arg;
	if (proxy->kind == PROXYLIST_DIRECT)
		return direct_list(a->j, a->t, a->list, &a->newest, err);
	struct mg_buf body = BUF_MAX(LIST_MAX);
	enum mg_code rc = ask_target(a->j, proxy, a->t, &body, err);
	if (rc == MG_OK) rc = verlist_parse(buf_span(&body), a->t->path, a->j->arena, a->list, err);
	if (rc == MG_OK) a->newest = arena_dup(a->j->arena, verlist_newest(buf_span(&body)));
	buf_deinit(&body);
	return rc;
}

static enum mg_code walk(struct list_attempt *a, origin_visit_fn *visit, bool *asked,
			 struct mg_err *err)
{
	const struct job_means *m = a->j->means;
	const struct proxylist list =
		origin_list(&m->origins, span_of(m->options->private), a->t->path);
	return origin_walk(&list, m->direct != NULL, visit, a, asked, err);
}

/* Union of origin and store. *newest: see verlist_newest. */
static enum mg_code get_list(const struct job *j, const struct target *t, struct verlist *list,
			     struct mg_span *newest, bool *stale, bool *asked, struct mg_err *err)
{
	struct list_attempt a = { .j = j, .t = t, .list = list };
	struct mg_err failure = { 0 };
	const enum mg_code walked = walk(&a, visit_list, asked, &failure);
	*newest = a.newest;
	if (walked == MG_CANCELED) {
		*err = failure;
		return walked;
	}
	const size_t from_origin = list->n;
	enum mg_code rc = add_stored(j, t, list, err);
	if (rc != MG_OK) return rc;
	verlist_sort(list);
	/* Proven absent upstream, but kept here: the store is the module's last home. */
	const bool known = walked == MG_OK || (walked == MG_NOT_FOUND && *asked);
	if (walked != MG_OK && list->n == from_origin) {
		*err = failure;
		if (known || !has_stored(j, t)) return walked;
		*stale = true;
		return MG_OK;
	}
	*stale = !known;
	if (*stale && has_stored(j, t)) return MG_OK; /* it names more than what is stored */
	struct mg_buf body = BUF_MAX(LIST_MAX);
	verlist_print(list, &body);
	rc = put(j, t, buf_span(&body), known, err);
	buf_deinit(&body);
	return rc;
}

/* --- @latest and rev queries --- */

static enum mg_code visit_info(void *arg, const struct proxylist_entry *proxy, struct mg_err *err)
{
	struct list_attempt *a = arg;
	struct mg_buf body = BUF_MAX(INFO_MAX);
	struct info info;
	enum mg_code rc = proxy->kind == PROXYLIST_DIRECT
				  ? direct_info(a->j, a->t, &body, err)
				  : ask_target(a->j, proxy, a->t, &body, err);
	if (rc == MG_OK) rc = info_parse(buf_span(&body), a->t, a->j->arena, &info, err);
	if (rc == MG_OK) rc = put(a->j, a->t, buf_span(&body), true, err);
	buf_deinit(&body);
	return rc;
}

static enum mg_code ask_info(const struct job *j, const struct target *t, bool *stale, bool *asked,
			     struct mg_err *err)
{
	struct list_attempt a = { .j = j, .t = t };
	const enum mg_code rc = walk(&a, visit_info, asked, err);
	if (rc == MG_OK || rc == MG_CANCELED || (rc == MG_NOT_FOUND && *asked)) return rc;
	if (!has_stored(j, t)) return rc;
	*stale = true;
	return MG_OK;
}

/* Does real go.mod content say that the module went on under /v2? Only asked when it matters. */
static bool takes_incompatible(const struct job *j, const struct target *t,
			       const struct verlist *list)
{
	const struct mg_span highest = verlist_highest_compatible(list);
	struct target mod;
	struct mg_err err;
	bool asked;
	if (highest.n == 0 || list->n == 0) return true;
	if (target_make(TARGET_MOD, t->path, highest, j->arena, &mod, &err) != MG_OK) return false;
	if (artifact_get(j, &mod, false, &asked, &err) != MG_OK) return false;
	struct mg_buf key = BUF_MAX(KEY_MAX), text = BUF_MAX(LIST_MAX), made_up = BUF_MAX(KEY_MAX);
	store_key(&mod, &key);
	buf_printf(&made_up, "module %.*s\n", SPAN_ARG(t->path));
	const bool synthetic =
		store_read(j->means->store, buf_cstr(&key), true, &text, NULL, &err) == STORE_HIT &&
		span_eq(buf_span(&text), buf_span(&made_up));
	buf_deinit(&key);
	buf_deinit(&text);
	buf_deinit(&made_up);
	return synthetic;
}

/* No origin has @latest (it is optional): by Go's own rule from the list (protocol §1.6, §3.9). */
static enum mg_code make_latest(const struct job *j, const struct target *t, bool *stale,
				bool *asked, struct mg_err *err)
{
	struct verlist list = { 0 };
	struct target sub;
	struct mg_span newest = { 0 };
	bool list_stale = false, list_asked = false;
	enum mg_code rc = target_make(TARGET_LIST, t->path, SPAN(""), j->arena, &sub, err);
	if (rc == MG_OK) rc = get_list(j, &sub, &list, &newest, &list_stale, &list_asked, err);
	*asked |= list_asked;
	if (rc != MG_OK) return rc;
	struct mg_span version = verlist_latest(&list, takes_incompatible(j, t, &list));
	if (version.n == 0) version = newest;
	if (version.n > 0) rc = target_make(TARGET_INFO, t->path, version, j->arena, &sub, err);
	if (version.n == 0 || rc != MG_OK || sub.kind != TARGET_INFO)
		return err_set(err, MG_NOT_FOUND, MG_CAUSE_NONE,
			       "no upstream answers @latest, and the module has no tagged version");
	rc = artifact_get(j, &sub, false, &list_asked, err);
	if (rc != MG_OK) return rc;
	struct mg_buf key = BUF_MAX(KEY_MAX), body = BUF_MAX(INFO_MAX);
	store_key(&sub, &key);
	if (store_read(j->means->store, buf_cstr(&key), true, &body, NULL, err) != STORE_HIT)
		rc = err_set(err, MG_UNAVAILABLE, MG_CAUSE_STORAGE, "cannot read back %s", key.p);
	if (rc == MG_OK) rc = put(j, t, buf_span(&body), !list_stale, err);
	*stale = list_stale;
	buf_deinit(&key);
	buf_deinit(&body);
	return rc;
}

enum mg_code versions_get(const struct job *j, const struct target *t, bool *stale, bool *asked,
			  struct mg_err *err)
{
	MG_ASSERT(target_is_mutable(t->kind));
	*stale = *asked = false;
	if (t->kind == TARGET_LIST) {
		struct verlist list = { 0 };
		struct mg_span newest;
		return get_list(j, t, &list, &newest, stale, asked, err);
	}
	struct mg_err failure = { 0 };
	enum mg_code rc = ask_info(j, t, stale, asked, &failure);
	const bool could_not_say = rc != MG_OK && rc != MG_CANCELED && rc != MG_NOT_FOUND;
	if (t->kind == TARGET_LATEST && rc != MG_OK && rc != MG_CANCELED) {
		/* Also when nobody could be asked: the stored versions still have a latest one. */
		rc = make_latest(j, t, stale, asked, err);
		if (rc == MG_OK || !could_not_say) return rc;
		rc = failure.code;
	}
	if (rc != MG_OK) *err = failure;
	return rc;
}
