/* SPDX-License-Identifier: Apache-2.0 */
#include "http/admit.h"

#include <stdio.h>
#include <unistd.h>

#include "base/check.h"
#include "http/exchange_internal.h"
#include "http/h2.h"
#include "http/quota.h"
#include "http/refusal.h"
#include "http/server_internal.h"
#include "record/metrics.h"
#include "wire/forwarded.h"

/* Connections beyond the quota that are let in at a time, to be told why. */
#define ADMIT_OVER_MAX 64
/* Nearly every client sends its head at once, and one that is at work its next. */
#define ADMIT_PATIENCE_MS 1000

void admit_connection(struct server *sv, int fd, const struct address *peer,
		      enum listener_kind kind)
{
	const bool counts =
		sv->options.quota != NULL && !address_is_among(peer, &sv->options.forwarded_from);
	const bool over = counts && !quota_enter(sv->options.quota, peer);

	if (over) metrics_add(METRICS_REFUSED + METRICS_REFUSED_ADDRESS, 1);
	if (over && sv->over_quota >= ADMIT_OVER_MAX) {
		close(fd);
		return;
	}
	struct session *s = session_start(sv, fd, peer, kind);
	s->over_quota = over;
	s->counted = counts && !over;
	sv->over_quota += over;
}

void admit_leave(struct session *s)
{
	struct server *sv = s->server;

	if (s->over_quota) sv->over_quota--;
	if (s->counted) quota_leave(sv->options.quota, &s->peer);
}

void admit_client(const struct live *v, struct address *out)
{
	const struct server_options *o = &v->server->options;
	const struct address_set *trusted = &o->forwarded_from;
	struct iptext ip;

	*out = v->session->peer;
	if (trusted->n == 0 || !address_is_among(out, trusted)) return;
	const bool told = o->forwarded_rfc7239
				  ? forwarded_rfc7239(v->x.head.field[HEAD_FIELD_FORWARDED],
						      trusted->nets, trusted->n, &ip)
				  : forwarded_for(v->x.head.field[HEAD_FIELD_X_FORWARDED_FOR],
						  trusted->nets, trusted->n, &ip);
	if (!told) return;
	*out = (struct address){ .family = ip.family == 4 ? AF_INET : AF_INET6 };
	memcpy(out->ip, ip.ip, sizeof out->ip);
}

/* The text has the form all failures have: class, reason, request id. */
static void send_limited(struct live *v, struct address peer, const char *reason,
			 uint32_t retry_after_s)
{
	struct mg_buf body = BUF_MAX(512);
	char fields[48], text[ADDRESS_TEXT_SIZE];

	peer.port = 0;
	const size_t n = address_format(&peer, text);
	snprintf(fields, sizeof fields, "Retry-After: %u\r\n", retry_after_s);
	/* Without ":0". */
	buf_printf(&body, "too many requests: %.*s %s; try again in %u s [request %.*s]\n",
		   (int)(n > 2 ? n - 2 : n), text, reason, retry_after_s, EXCHANGE_ID_SIZE,
		   v->x.id);
	struct reply *r = reply_new(&(struct reply_spec){
		.status = 429,
		.content_type = SPAN("text/plain; charset=utf-8"),
		.last_modified = -1,
		.cache_control = SPAN("no-store"),
		.fields = span_of(fields),
		.body = buf_span(&body),
		.request_id_at = -1,
		.close = v->session->over_quota,
	});
	buf_deinit(&body);
	metrics_add(METRICS_LIMITED, 1);
	exchange_send(&v->x, r);
	reply_unref(&r);
}

/* It may be asked again with less around it (RFC 6585 §5). */
static void send_too_large(struct live *v)
{
	struct reply *r = refusal_new(
		431, "while so many requests wait for their answers a head may have 4 KiB",
		v->x.id);

	metrics_add(METRICS_BAD_HEADS, 1);
	exchange_send(&v->x, r);
	reply_unref(&r);
}

bool admit_request(struct live *v)
{
	struct server *sv = v->server;
	uint32_t retry_after_s = 1;
	struct address client;

	if (v->session->over_quota) {
		send_limited(v, v->session->peer, "has as many connections as one address may have",
			     5);
		return false;
	}
	if (v->session->h2 == NULL && sv->kept > SERVER_KEPT_MAX &&
	    exchange_weight(&v->x.head) > EXCHANGE_WEIGHT_LEAST) {
		send_too_large(v);
		return false;
	}
	if (!sv->limits_requests) return true;
	admit_client(v, &client);
	if (quota_request(sv->options.quota, &client, loop_now_ms(sv->loop), &retry_after_s))
		return true;
	send_limited(v, client, "has made as many requests as one address may make", retry_after_s);
	return false;
}

/* The one that has waited longest, if that is long enough. */
static struct session *longest(const struct server *sv, enum session_wait wait)
{
	struct list *first = list_first((struct list *)(uintptr_t)&sv->waits[wait]);

	if (first == NULL) return NULL;
	struct session *s = LIST_OWNER(first, struct session, node);
	return loop_now_ms(sv->loop) - s->since_ms >= ADMIT_PATIENCE_MS ? s : NULL;
}

/* Who is idle has shown before that he means it. */
static struct session *superfluous(const struct server *sv)
{
	const uint64_t now_ms = loop_now_ms(sv->loop);
	struct session *s = longest(sv, SESSION_HEAD);

	if (s == NULL && now_ms > ADMIT_PATIENCE_MS) s = h2_debtor(sv, now_ms - ADMIT_PATIENCE_MS);
	return s != NULL ? s : longest(sv, SESSION_IDLE);
}

bool admit_has_room(const struct server *sv)
{
	return sv->connections < sv->options.max_connections || superfluous(sv) != NULL;
}

bool admit_make_room(struct server *sv)
{
	MG_ASSERT(sv->serving == NULL);
	if (sv->connections < sv->options.max_connections) return true;
	struct session *s = superfluous(sv);
	if (s == NULL) return false;
	metrics_add(METRICS_EVICTED, 1);
	if (s->h2 != NULL) h2_part(s);
	session_cut(s);
	return true;
}
