/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/stream.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "fetch/watermark.h"
#include "gomod/dirscan.h"

struct stream {
	uint64_t size;
	uint64_t hold_back_at; /* nothing from here on */
	struct watermark *mark;
	struct dirscan scan;
	int fds[TICKET_STREAM_FDS];
};

enum mg_code stream_new(const struct target *t, const struct stage *st, uint64_t size,
			struct stream **out, struct mg_err *err)
{
	struct stream *s = check_calloc(1, sizeof *s);
	s->size = size;
	s->hold_back_at = size > STREAM_HOLD_BACK ? size - STREAM_HOLD_BACK : 0;
	s->fds[0] = s->fds[1] = -1;
	dirscan_init(&s->scan, t->path, t->version);
	enum mg_code rc = stage_open(st, &s->fds[0], err);
	if (rc == MG_OK) rc = watermark_new(&s->mark, &s->fds[1], err);
	if (rc == MG_OK)
		*out = s;
	else
		stream_free(&s);
	return rc;
}

void stream_free(struct stream **sp)
{
	struct stream *s = *sp;
	if (s == NULL) return;
	*sp = NULL;
	watermark_free(&s->mark);
	dirscan_deinit(&s->scan);
	for (int i = 0; i < TICKET_STREAM_FDS; i++)
		if (s->fds[i] >= 0) close(s->fds[i]);
	free(s);
}

void stream_wrote(struct stream *s, struct mg_span bytes)
{
	if (stream_is_cut(s)) return;
	const uint64_t clear = dirscan_feed(&s->scan, bytes);
	watermark_set(s->mark, clear < s->hold_back_at ? clear : s->hold_back_at);
}

void stream_cut(struct stream *s)
{
	watermark_set(s->mark, WATERMARK_CUT);
}

bool stream_is_cut(const struct stream *s)
{
	return watermark_get(s->mark) == WATERMARK_CUT;
}

uint64_t stream_size(const struct stream *s)
{
	return s->size;
}

const int *stream_fds(const struct stream *s)
{
	return s->fds;
}
