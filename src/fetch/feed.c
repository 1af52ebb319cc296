/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/feed.h"

#include <stdlib.h>

#include "base/check.h"

/* Between two messages about the same stream: some 50 KB of a fast upstream. */
#define TELL_MS 10

struct feed {
	struct loop *loop;
	struct loop_timer *timer;
	feed_tell_fn *tell;
	struct list due;
	uint64_t told_ms;
};

static void on_timer(void *arg)
{
	struct feed *f = arg;
	struct list batch = f->due;
	if (list_empty(&f->due)) return;
	batch.next->prev = batch.prev->next = &batch;
	list_init(&f->due);
	f->told_ms = loop_now_ms(f->loop);
	while (!list_empty(&batch)) {
		struct feed_line *line = LIST_OWNER(list_first(&batch), struct feed_line, node);
		list_remove(&line->node);
		/* First: what changes from here on is told again. */
		atomic_store(&line->touched, false);
		f->tell(line);
	}
}

static void put(struct feed_line *line)
{
	struct feed *f = line->feed;
	const uint64_t since_ms = loop_now_ms(f->loop) - f->told_ms;
	if (list_empty(&f->due))
		loop_timer_start(f->timer, since_ms < TELL_MS ? TELL_MS - since_ms : 0, 0);
	list_append(&f->due, &line->node);
}

static void on_touched(void *arg)
{
	put(arg);
}

void feed_touch(struct feed_line *line)
{
	/* What a lane posts comes before its job's end. */
	if (!atomic_exchange(&line->touched, true)) loop_post(line->feed->loop, on_touched, line);
}

void feed_again(struct feed_line *line)
{
	if (!atomic_exchange(&line->touched, true)) put(line);
}

void feed_begin(struct feed_line *line, struct stream *s)
{
	MG_ASSERT(atomic_exchange(&line->stream, s) == NULL);
	feed_touch(line);
}

void feed_open(struct feed *f, struct feed_line *line)
{
	*line = (struct feed_line){ .feed = f };
	list_init(&line->node);
}

void feed_close(struct feed_line *line)
{
	struct stream *s = atomic_exchange(&line->stream, NULL);
	list_remove(&line->node);
	atomic_store(&line->touched, false);
	stream_free(&s);
}

struct feed *feed_new(struct loop *l, feed_tell_fn *tell)
{
	struct feed *f = check_calloc(1, sizeof *f);
	f->loop = l;
	f->tell = tell;
	f->timer = loop_timer_new(l, on_timer, f);
	list_init(&f->due);
	return f;
}

void feed_free(struct feed **fp)
{
	struct feed *f = *fp;
	if (f == NULL) return;
	*fp = NULL;
	MG_ASSERT(list_empty(&f->due));
	loop_timer_free(&f->timer);
	free(f);
}
