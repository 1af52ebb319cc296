/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/parent.h"

#include "fetch/ask.h"
#include "fetch/origin.h"
#include "loop/share.h"

#define KEY_MAX  16384
#define BODY_MAX (16u << 20)

struct question {
	const struct job *j;
	const struct target *t; /* of the parent */
	struct proxylist list;
};

static enum mg_code visit(void *arg, const struct proxylist_entry *proxy, struct mg_err *err)
{
	const struct question *q = arg;
	struct mg_buf body = BUF_MAX(BODY_MAX);
	const enum mg_code rc = ask_target(q->j, proxy, q->t, &body, err);
	buf_deinit(&body);
	return rc;
}

static enum mg_code ask(void *arg, struct mg_buf *out, struct mg_err *err)
{
	struct question *q = arg;
	bool asked;
	const enum mg_code rc = origin_walk(&q->list, false, visit, q, &asked, err);
	if (rc == MG_CANCELED) return rc;
	buf_append_char(out, rc == MG_OK ? 'y' : 'n');
	return MG_OK;
}

static bool is_found(struct share *known, struct question *q)
{
	struct mg_buf key = BUF_MAX(KEY_MAX), answer = BUF_MAX(1);
	struct mg_err err;
	target_file(q->t, &key);
	const bool found =
		share_get(known, buf_span(&key), q->j->cancel, ask, q, &answer, &err) == MG_OK &&
		answer.p[0] == 'y';
	buf_deinit(&key);
	buf_deinit(&answer);
	return found;
}

static enum target_kind kind_of(enum target_kind kind)
{
	return kind == TARGET_LATEST ? TARGET_LIST : kind;
}

bool parent_find(const struct job *j, struct share *known, const struct target *t,
		 struct mg_span *parent)
{
	const struct job_means *m = j->means;
	const struct mg_span private = span_of(m->options->private);
	if (t->kind == TARGET_MOD || t->kind == TARGET_ZIP) return false;
	for (size_t n = t->path.n; n > 0; n--) {
		struct target of_parent;
		struct mg_err err;
		if (t->path.p[n - 1] != '/') continue;
		const struct mg_span path = span_first(t->path, n - 1);
		struct question q = { .j = j,
				      .t = &of_parent,
				      .list = origin_list(&m->origins, private, path) };
		/* A name that must not leave the house has no parent upstream. */
		if (q.list.n == 0 || q.list.entries[0].kind != PROXYLIST_URL) return false;
		if (target_make(kind_of(t->kind), path, t->version, j->arena, &of_parent, &err) !=
			    MG_OK ||
		    !is_found(known, &q))
			continue;
		*parent = of_parent.path;
		return true;
	}
	return false;
}
