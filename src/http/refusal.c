/* SPDX-License-Identifier: Apache-2.0 */
#include "http/refusal.h"

#include <stdio.h>
#include <sys/socket.h>

#include "base/buf.h"

struct reply *refusal_new(int status, const char *reason, const char id[EXCHANGE_ID_SIZE])
{
	struct mg_buf body = BUF_MAX(512);

	buf_printf(&body, "%s: %s [request %.*s]\n", status == 408 ? "timeout" : "invalid request",
		   reason, EXCHANGE_ID_SIZE, id);
	struct reply *r = reply_new(&(struct reply_spec){
		.status = status,
		.content_type = SPAN("text/plain; charset=utf-8"),
		.last_modified = -1,
		.cache_control = SPAN("no-store"),
		.body = buf_span(&body),
		.request_id_at = -1,
		.close = true,
	});
	buf_deinit(&body);
	return r;
}

void refusal_say(int fd, const char *reason)
{
	char body[240], text[480];
	const int length = snprintf(body, sizeof body, "invalid request: %.200s\n", reason);
	const int n = snprintf(text, sizeof text,
			       "HTTP/1.1 400 Bad Request\r\n"
			       "Content-Type: text/plain; charset=utf-8\r\n"
			       "Content-Length: %d\r\nConnection: close\r\n\r\n%s",
			       length, body);

	(void)send(fd, text, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
}
