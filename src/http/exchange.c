/* SPDX-License-Identifier: Apache-2.0 */
#include "http/exchange.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "http/admit.h"
#include "http/exchange_internal.h"
#include "http/h2.h"
#include "http/h2stream.h"
#include "http/server_internal.h"
#include "http/tally.h"

static void rebase(struct mg_span *s, struct mg_span from, const char *to)
{
	if (s->p != NULL) s->p = to + (s->p - from.p);
}

static void keep(struct arena *a, struct mg_span *s)
{
	if (s->p != NULL) *s = arena_dup(a, *s);
}

size_t exchange_weight(const struct head *h)
{
	size_t n = h->target.n + h->method_name.n;

	for (int i = 0; i < HEAD_FIELD_COUNT; i++)
		n += h->field[i].n;
	return n > EXCHANGE_WEIGHT_LEAST ? n : EXCHANGE_WEIGHT_LEAST;
}

void exchange_keep(struct exchange *x)
{
	struct live *v = LIVE_OF(x);
	struct head *h = &x->head;

	if (v->kept > 0) return;
	v->kept = exchange_weight(h);
	v->server->kept += v->kept;
	if (v->session->h2 != NULL) v->session->h2->kept += v->kept;
	struct mg_span target = arena_dup(&x->arena, h->target);
	rebase(&h->path, h->target, target.p);
	rebase(&h->query, h->target, target.p);
	h->target = target;
	keep(&x->arena, &h->method_name);
	for (int i = 0; i < HEAD_FIELD_COUNT; i++)
		keep(&x->arena, &h->field[i]);
}

void exchange_let_go(struct live *v)
{
	v->server->kept -= v->kept;
	if (v->session->h2 != NULL) v->session->h2->kept -= v->kept;
	v->kept = 0;
	arena_deinit(&v->x.arena);
}

void exchange_park(struct exchange *x)
{
	struct live *v = LIVE_OF(x);

	if (v->parked) return;
	v->parked = true;
	exchange_keep(x);
}

static bool is_conditional(const struct head *h)
{
	return h->field[HEAD_FIELD_IF_NONE_MATCH].p != NULL ||
	       h->field[HEAD_FIELD_IF_MODIFIED_SINCE].p != NULL ||
	       h->field[HEAD_FIELD_RANGE].p != NULL;
}

static void judge(const struct head *h, const struct reply *r, struct outbound_how *how)
{
	if (r->status != 200 || r->etag.n == 0 || !is_conditional(h)) return;
	if (h->method != HEAD_GET && h->method != HEAD_HEAD) return;
	how->verdict = conditional_judge(h, r->etag, r->last_modified, r->size, clock_wall_s(),
					 &how->first, &how->last);
	/* RFC 9110 §14.2: Range means something for GET only. */
	if (h->method == HEAD_HEAD && how->verdict != CONDITIONAL_NOT_MODIFIED)
		how->verdict = CONDITIONAL_FULL;
}

void exchange_gone(struct live *v)
{
	struct exchange *x = &v->x;

	metrics_add(METRICS_CANCELED, 1);
	v->server->kept -= v->kept;
	v->session = NULL;
	/* Without on_gone the handler will still answer; exchange_send frees it then. */
	if (x->on_gone == NULL) return;
	x->on_gone(x);
	arena_deinit(&x->arena);
	free(v);
}

void exchange_send(struct exchange *x, struct reply *r)
{
	struct live *v = LIVE_OF(x);
	struct session *s = v->session;

	if (s == NULL) {
		arena_deinit(&x->arena);
		free(v);
		return;
	}
	struct server *sv = s->server;
	struct outbound_how how = {
		.verdict = CONDITIONAL_FULL,
		.head_only = x->head.method == HEAD_HEAD,
		.date = server_date(sv),
		.id = x->id,
		.id_field = r->status >= 400 || v->parked,
		.server = sv->options.fields,
	};
	const bool last = r->close || sv->leaving;
	judge(&x->head, r, &how);
	tally_answer(r, how.verdict, loop_now_ms(sv->loop) - v->since_ms);
	if (s->h2 != NULL) {
		if (last) h2_leave(s);
		h2stream_answer(v, r, &how);
	} else {
		if (last) h1_leave(s);
		h1_answer(v, r, &how);
	}
}

struct mg_span exchange_peer(const struct exchange *x)
{
	const struct live *v = LIST_OWNER((uintptr_t)x, const struct live, x);
	char text[ADDRESS_TEXT_SIZE];

	if (v->session == NULL) return SPAN("gone");
	struct address client;
	admit_client(v, &client);
	size_t n = address_format(&client, text);
	return arena_dup((struct arena *)(uintptr_t)&x->arena, span_make(text, n));
}

struct mg_span exchange_subject(const struct exchange *x)
{
	const struct live *v = LIST_OWNER((uintptr_t)x, const struct live, x);
	char text[EXCHANGE_SUBJECT_MAX];

	if (v->session == NULL || v->session->wire.tls == NULL) return SPAN("");
	const size_t n = tlsconn_subject(v->session->wire.tls, text, sizeof text);
	return arena_dup((struct arena *)(uintptr_t)&x->arena, span_make(text, n));
}
