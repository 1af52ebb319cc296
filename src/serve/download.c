/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/download.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "fetch/watermark.h"
#include "http/growth.h"
#include "serve/answer.h"

struct download {
	struct reply_file file;
	struct growth growth;
	struct watermark *mark;
	void (*on_idle)(void *arg); /* NULL: nobody holds it any more */
	void *arg;
};

static void free_it(struct download *d)
{
	watermark_free(&d->mark);
	close(d->file.fd);
	free(d);
}

static void release(struct reply_file *f)
{
	struct download *d = LIST_OWNER(f, struct download, file);
	if (d->on_idle != NULL)
		d->on_idle(d->arg);
	else
		free_it(d);
}

struct download *download_new(uint64_t size, int *fds, void (*on_idle)(void *arg), void *arg)
{
	struct stat st;
	if (fstat(fds[0], &st) != 0 || !S_ISREG(st.st_mode)) return NULL;
	struct watermark *mark = watermark_open(fds[1]);
	if (mark == NULL) return NULL;
	struct download *d = check_calloc(1, sizeof *d);
	d->file = (struct reply_file){
		.fd = fds[0], .size = size, .release = release, .growth = &d->growth
	};
	fds[0] = -1;
	d->mark = mark;
	d->on_idle = on_idle;
	d->arg = arg;
	growth_init(&d->growth);
	return d;
}

bool download_suits(const struct head *h)
{
	static const enum head_field needing_the_proof[] = {
		HEAD_FIELD_IF_NONE_MATCH,
		HEAD_FIELD_IF_MODIFIED_SINCE,
		HEAD_FIELD_RANGE,
		HEAD_FIELD_IF_RANGE,
	};
	if (h->method != HEAD_GET) return false;
	for (size_t i = 0; i < sizeof needing_the_proof / sizeof needing_the_proof[0]; i++)
		if (h->field[needing_the_proof[i]].p != NULL) return false;
	return true;
}

void download_send(struct download *d, struct exchange *x)
{
	struct reply *r = reply_new(&(struct reply_spec){
		.status = 200,
		.content_type = SPAN("application/zip"),
		.last_modified = -1,
		/* As of what is stored: who gets it whole gets what was proven. */
		.cache_control = SPAN("public, max-age=31536000, immutable"),
		.fields = SPAN("Accept-Ranges: bytes\r\n"),
		.file = &d->file,
		.request_id_at = -1,
		.kind = METRICS_KIND_ZIP,
	});
	answer_count(r, METRICS_LOOKUP_FETCHED);
	metrics_add(METRICS_STREAMED, 1);
	exchange_send(x, r);
	reply_unref(&r);
}

bool download_busy(const struct download *d)
{
	return d->file.refs > 0;
}

bool download_refresh(struct download *d)
{
	const uint64_t mark = watermark_get(d->mark);
	if (mark == WATERMARK_CUT) return false;
	if (mark < d->file.size) growth_advance(&d->growth, mark);
	return true;
}

void download_end(struct download **dp, bool good)
{
	struct download *d = *dp;
	if (d == NULL) return;
	*dp = NULL;
	/* Another origin's may be good after this one was cut, and the news of that be overtaken by the result. */
	if (good && watermark_get(d->mark) != WATERMARK_CUT) {
		growth_advance(&d->growth, d->file.size);
	} else {
		metrics_add(METRICS_STREAMS_CUT, d->file.refs);
		growth_cut(&d->growth);
	}
	d->on_idle = NULL;
	if (!download_busy(d)) free_it(d);
}
