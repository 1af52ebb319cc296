/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/desk.h"

#include <stdlib.h>

void desk_send(struct desk *d, const struct ticket *t, const int *fds, size_t fd_count)
{
	struct mg_buf message = BUF_MAX(CHANNEL_MESSAGE_MAX);
	ticket_encode(t, &message);
	channel_send(d->channel, buf_span(&message), fds, fd_count);
	buf_deinit(&message);
}

void desk_result(struct desk *d, uint32_t id, const struct ticket *like)
{
	struct ticket t = *like;
	t.type = TICKET_RESULT;
	t.id = id;
	desk_send(d, &t, NULL, 0);
}

void desk_failure(struct desk *d, uint32_t id, const struct mg_err *err, uint64_t ttl_ms)
{
	desk_result(d, id,
		    &(struct ticket){
			    .code = err->code,
			    .cause = err->cause,
			    .ttl_ms = (uint32_t)ttl_ms,
			    .retry_after_s = err->retry_after_s,
			    .text = span_of(err->text),
		    });
}

void desk_forget(struct asker *a)
{
	map_remove(&a->desk->askers, &a->by_id);
	list_remove(&a->node);
	free(a);
}

void desk_give_back(struct desk *d, uint32_t id)
{
	desk_send(d, &(struct ticket){ .type = TICKET_BACK, .id = id }, NULL, 0);
}
