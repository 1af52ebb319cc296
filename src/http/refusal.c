/* SPDX-License-Identifier: Apache-2.0 */
#include "http/refusal.h"

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
