/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/push.h"

#include <errno.h>
#include <unistd.h>

#include "base/log.h"
#include "crypto/secretfile.h"
#include "fetch/hook.h"
#include "fetch/refresh.h"
#include "record/metrics.h"

static enum mg_code read_body(int fd, struct mg_buf *out, struct mg_err *err)
{
	char *room;
	ssize_t n = 1;
	while (n > 0 && (room = buf_reserve(out, 4096)) != NULL) {
		n = pread(fd, room, 4096, (off_t)out->n);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n > 0)
			out->n += (size_t)n;
	}
	if (buf_failed(out)) return err_set(err, MG_INVALID, MG_CAUSE_NONE, "it is too long");
	return n == 0 ? MG_OK : err_errno(err, errno, "reading it");
}

static enum mg_code check_signature(const struct job *j, enum hook_kind kind, struct mg_span body,
				    struct mg_err *err)
{
	struct mg_buf secret = BUF_MAX(HOOK_SECRET_MAX);
	const char *name = hook_kind_name(kind);
	enum mg_code rc = secretfile_read_line(j->means->options->hook_secrets[kind], &secret, err);
	if (rc != MG_OK) {
		/* Anybody may send a hook: where our files are is for the log alone. */
		log_error("webhooks cannot be checked", LOG_S("kind", name),
			  LOG_S("reason", err->text));
		rc = err_set(err, rc, MG_CAUSE_AUTH,
			     "the secret of hooks.%s cannot be read; the server's log says why",
			     name);
	} else if (!hook_is_signed(kind, buf_span(&secret), j->signature, body)) {
		rc = err_set(err, MG_DENIED, MG_CAUSE_AUTH,
			     "the hook is not signed with our secret (hooks.%s)", name);
	}
	secretfile_forget(&secret);
	return rc;
}

/* Of one repository a hook gives several addresses; ours is one of them. */
static enum mg_code refresh(struct job *j, struct mg_span body)
{
	struct mg_span found[HOOK_ADDRESSES_MAX];
	size_t n, answers = 0;
	const enum mg_code rc = hook_addresses(body, j->arena, found, &n, &j->err);
	if (rc != MG_OK) return rc;
	for (size_t i = 0; i < n; i++) {
		const size_t known = refresh_queue_push(j->means->refresher, found[i]);
		if (known > answers) answers = known;
	}
	buf_printf(&j->body, "%zu answers are asked for anew\n", answers);
	return MG_OK;
}

static bool has_secret(const struct fetch_options *o, enum hook_kind kind)
{
	return o->hook_secrets[kind] != NULL && o->hook_secrets[kind][0] != '\0';
}

static enum mg_code run(struct job *j)
{
	enum hook_kind kind;
	struct mg_buf body = BUF_MAX(HOOK_BODY_MAX + 4096);
	enum mg_code rc = MG_OK;
	if (!hook_kind_of(j->name, &kind) || !has_secret(j->means->options, kind) ||
	    j->means->direct == NULL)
		return err_set(&j->err, MG_NOT_FOUND, MG_CAUSE_NONE,
			       "such hooks are not taken here (settings hooks.%.*s, goprivate)",
			       SPAN_ARG(span_first(j->name, 20)));
	if (j->hook_fd < 0) rc = err_set(&j->err, MG_INVALID, MG_CAUSE_NONE, "it has no body");
	if (rc == MG_OK) rc = read_body(j->hook_fd, &body, &j->err);
	if (rc == MG_OK) rc = check_signature(j, kind, buf_span(&body), &j->err);
	if (rc == MG_OK) rc = refresh(j, buf_span(&body));
	buf_deinit(&body);
	return rc;
}

static enum metrics_hook result_of(enum mg_code code)
{
	if (code == MG_OK) return METRICS_HOOK_TAKEN;
	return code == MG_DENIED || code == MG_INVALID || code == MG_NOT_FOUND
		       ? METRICS_HOOK_REFUSED
		       : METRICS_HOOK_FAILED;
}

void push_run(struct job *j)
{
	j->code = run(j);
	metrics_add(METRICS_HOOKS + result_of(j->code), 1);
}
