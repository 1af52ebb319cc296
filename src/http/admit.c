/* SPDX-License-Identifier: Apache-2.0 */
#include "http/admit.h"

#include <stdio.h>
#include <unistd.h>

#include "base/check.h"
#include "http/quota.h"
#include "http/server_internal.h"
#include "record/metrics.h"

/* Connections beyond the quota that are let in at a time, to be told why. */
#define ADMIT_OVER_MAX 64
/* Nearly every client sends its head at once, and one that is at work its next. */
#define ADMIT_PATIENCE_MS 1000

void admit_connection(struct server *sv, int fd, const struct address *peer, bool tls)
{
	const bool over = sv->options.quota != NULL && !quota_enter(sv->options.quota, peer);

	if (over) metrics_add(METRICS_REFUSED + METRICS_REFUSED_ADDRESS, 1);
	if (over && sv->over >= ADMIT_OVER_MAX) {
		close(fd);
		return;
	}
	struct session *s = session_start(sv, fd, peer, tls);
	s->over = over;
	sv->over += over;
}

void admit_leave(struct session *s)
{
	struct server *sv = s->server;

	if (s->over)
		sv->over--;
	else if (sv->options.quota != NULL)
		quota_leave(sv->options.quota, &s->peer);
}

/* The text has the form all failures have: class, reason, request id. */
static void send_limited(struct live *v, const char *reason, uint32_t retry_after_s)
{
	struct mg_buf body = BUF_MAX(512);
	char fields[48], text[ADDRESS_TEXT_SIZE];
	struct address peer = v->session->peer;

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
		.close = v->session->over,
	});
	buf_deinit(&body);
	metrics_add(METRICS_LIMITED, 1);
	exchange_send(&v->x, r);
	reply_unref(&r);
}

bool admit_request(struct live *v)
{
	struct server *sv = v->server;
	uint32_t retry_after_s = 1;

	if (v->session->over) {
		send_limited(v, "has as many connections as one address may have", 5);
		return false;
	}
	if (!sv->limits_requests || quota_request(sv->options.quota, &v->session->peer,
						  loop_now_ms(sv->loop), &retry_after_s))
		return true;
	send_limited(v, "has made as many requests as one address may make", retry_after_s);
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
	struct session *s = longest(sv, SESSION_HEAD);

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
	session_cut(s);
	return true;
}
