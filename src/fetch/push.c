/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/push.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "crypto/wipe.h"
#include "fetch/hook.h"
#include "fetch/refresh.h"
#include "record/metrics.h"

static enum mg_code read_all(int fd, struct mg_buf *out, struct mg_err *err)
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

/* The first line of the file, which others may not read. */
static enum mg_code read_secret(const char *file, struct mg_buf *out, struct mg_err *err)
{
	struct stat st;
	const int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) return err_errno(err, errno, "the secret's file cannot be opened");
	enum mg_code rc = MG_OK;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || (st.st_mode & 07) != 0)
		rc = err_set(err, MG_UNAVAILABLE, MG_CAUSE_POLICY,
			     "the secret's file is none, or others may read it (chmod o=)");
	if (rc == MG_OK) rc = read_all(fd, out, err);
	close(fd);
	return rc;
}

static enum mg_code check_signature(const struct job *j, enum hook_kind kind, struct mg_span body,
				    struct mg_err *err)
{
	struct mg_buf secret = BUF_MAX(HOOK_SECRET_MAX + 4096);
	enum mg_code rc = read_secret(j->means->options->hook_secrets[kind], &secret, err);
	struct mg_span line = buf_span(&secret);
	if (rc == MG_OK &&
	    !hook_is_signed(kind, span_trim(span_cut(&line, '\n')), j->signature, body))
		rc = err_set(err, MG_DENIED, MG_CAUSE_AUTH,
			     "the hook is not signed with our secret (hooks.%s)",
			     hook_kind_name(kind));
	if (rc != MG_OK && rc != MG_DENIED) rc = err_wrap(err, "hooks.%s", hook_kind_name(kind));
	if (secret.cap > 0) wipe_bytes(secret.p, secret.cap);
	buf_deinit(&secret);
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
	if (rc == MG_OK) rc = read_all(j->hook_fd, &body, &j->err);
	if (rc == MG_OK) rc = check_signature(j, kind, buf_span(&body), &j->err);
	if (rc == MG_OK) rc = refresh(j, buf_span(&body));
	buf_deinit(&body);
	return rc;
}

void push_run(struct job *j)
{
	j->code = run(j);
	metrics_add(METRICS_HOOKS +
			    (j->code == MG_OK ? METRICS_RELOAD_TAKEN : METRICS_RELOAD_REFUSED),
		    1);
}
