/* SPDX-License-Identifier: Apache-2.0 */
#include "http/h2body.h"

#include "http/server_internal.h"

static void account(struct h2stream *st, size_t before)
{
	st->live.server->kept += st->body.cap - before;
	st->h2->kept += st->body.cap - before;
}

bool h2body_take(struct h2stream *st, struct mg_span bytes)
{
	const size_t before = st->body.cap;
	const bool taken = st->live.server->kept <= SERVER_KEPT_MAX && buf_append(&st->body, bytes);

	account(st, before);
	if (!taken) h2body_drop(st);
	return taken;
}

void h2body_drop(struct h2stream *st)
{
	const size_t before = st->body.cap;

	st->wants_body = false;
	buf_deinit(&st->body);
	account(st, before);
}
