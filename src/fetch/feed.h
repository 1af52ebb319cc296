/* SPDX-License-Identifier: Apache-2.0 */
/* Tells the loop of what lane threads stream, not oftener than is of use: a line for each flight. */
#ifndef FETCH_FEED_H
#define FETCH_FEED_H

#include <stdatomic.h>

#include "base/list.h"
#include "fetch/stream.h"
#include "loop/loop.h"

struct feed;

/* In its flight, which outlives the lane's work on it. */
struct feed_line {
	struct list node; /* feed's */
	struct feed *feed;
	atomic_bool touched;
	struct stream *_Atomic stream; /* NULL: there is none */
};

/* Called on the loop when the line's stream has begun or changed. */
typedef void feed_tell_fn(struct feed_line *line);

struct feed *feed_new(struct loop *l, feed_tell_fn *tell);
void feed_free(struct feed **f); /* no line is left */
void feed_open(struct feed *f, struct feed_line *line);
/* Frees its stream. The lane has ended its work. */
void feed_close(struct feed_line *line);

/* Lane thread: gives the line its stream, which becomes the line's to free. Once until feed_close. */
void feed_begin(struct feed_line *line, struct stream *s);
/* Lane thread: the stream has changed. */
void feed_touch(struct feed_line *line);
/* Loop: tell again a moment later. */
void feed_again(struct feed_line *line);

#endif
