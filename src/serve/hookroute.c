/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/hookroute.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/check.h"
#include "serve/answer.h"
#include "serve/orders.h"

/* Bodies that fetch has not answered, of all senders together: nobody knows yet whether they may send any. */
#define HELD_MAX (8u << 20)

static const struct mg_span prefix = { "/hooks/", sizeof "/hooks/" - 1 };

/* One of them on its way to fetch and back. */
struct hook {
	struct list node; /* in its worker */
	struct worker *worker;
	struct order order;
	struct arena arena;
	struct exchange *x; /* NULL: its sender has left */
	int fd;
	size_t size;
};

bool hookroute_takes_body(const struct head *head)
{
	return span_has_prefix(head->path, prefix);
}

static void hook_free(struct hook *h)
{
	orders_cancel(&h->order);
	list_remove(&h->node);
	h->worker->hooks_bytes -= h->size;
	arena_deinit(&h->arena);
	close(h->fd);
	free(h);
}

static void send_once(struct exchange *x, struct reply *r)
{
	exchange_send(x, r);
	reply_unref(&r);
}

static void send_failure(struct exchange *x, const struct mg_err *err)
{
	answer_log(err, x->head.path, span_make(x->id, EXCHANGE_ID_SIZE), x);
	send_once(x, answer_error(err, x->head.path, 0));
}

/* --- to fetch --- */

static void on_gone(struct exchange *x)
{
	struct hook *h = x->user;
	h->x = NULL; /* fetch is told all the same */
}

static void on_result(struct order *o, const struct ticket *result)
{
	struct hook *h = LIST_OWNER(o, struct hook, order);
	struct mg_err err;
	if (h->x != NULL && result->code == MG_OK) {
		send_once(h->x, answer_text(200, result->body, SPAN("")));
	} else if (h->x != NULL) {
		err_set(&err, result->code, result->cause, "%.*s", SPAN_ARG(result->text));
		send_failure(h->x, &err);
	}
	hook_free(h);
}

static bool write_all(int fd, struct mg_span bytes)
{
	while (bytes.n > 0) {
		const ssize_t n = write(fd, bytes.p, bytes.n);
		if (n < 0 && errno == EINTR) continue;
		if (n <= 0) return false;
		bytes = span_from(bytes, (size_t)n);
	}
	return true;
}

static void order(struct worker *w, struct exchange *x, struct mg_span kind,
		  struct mg_span signature)
{
	struct mg_err err;
	if (w->hooks_bytes + x->body.n > HELD_MAX) {
		err_set(&err, MG_UNAVAILABLE, MG_CAUSE_NONE,
			"too many hooks are under way, send it again");
		err.retry_after_s = 1;
		send_failure(x, &err);
		return;
	}
	const int fd = memfd_create("hook", MFD_CLOEXEC);
	if (fd < 0 || !write_all(fd, x->body)) {
		err_errno(&err, errno, "keeping the hook's body");
		if (fd >= 0) close(fd);
		send_failure(x, &err);
		return;
	}
	struct hook *h = check_calloc(1, sizeof *h);
	h->worker = w;
	h->fd = fd;
	h->size = x->body.n;
	w->hooks_bytes += h->size;
	h->x = x;
	x->user = h;
	x->on_gone = on_gone;
	list_append(&w->hooks, &h->node);
	h->order = (struct order){ .flags = TICKET_HOOK,
				   .kind = TARGET_QUERY,
				   .path = arena_dup(&h->arena, kind),
				   .version = arena_dup(&h->arena, signature),
				   .request_id =
					   arena_dup(&h->arena, span_make(x->id, EXCHANGE_ID_SIZE)),
				   .fd = &h->fd,
				   .on_result = on_result };
	exchange_park(x);
	orders_place(w->orders, &h->order);
}

/* --- from outside --- */

bool hookroute(struct worker *w, struct exchange *x)
{
	struct mg_span kind = x->head.path;
	const struct mg_span signature = x->head.field[HEAD_FIELD_HOOK_SIGNATURE];
	struct mg_err err;
	if (!w->options->hooks || !span_has_prefix(kind, prefix)) return false;
	kind = span_from(kind, prefix.n);
	if (x->head.method != HEAD_POST) {
		send_once(x, answer_text(405, SPAN("a hook is sent by POST\n"),
					 SPAN("Allow: POST\r\n")));
	} else if (kind.n > 16 || signature.n == 0 || signature.n > 512) {
		err_set(&err, MG_DENIED, MG_CAUSE_AUTH,
			"a hook needs its secret: X-Hub-Signature-256, X-Gitlab-Token or "
			"X-Gitea-Signature");
		send_failure(x, &err);
	} else if (x->body.p == NULL) {
		send_once(x,
			  answer_text(413,
				      SPAN("a hook's body comes with its Content-Length, without "
					   "Expect, and has 1 MiB at most\n"),
				      SPAN("")));
	} else {
		order(w, x, kind, signature);
	}
	return true;
}

void hookroute_free(struct worker *w)
{
	LIST_EACH_SAFE(it, &w->hooks)
	{
		hook_free(LIST_OWNER(it, struct hook, node));
	}
}
