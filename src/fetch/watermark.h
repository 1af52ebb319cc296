/* SPDX-License-Identifier: Apache-2.0 */
/* How much of a file that is still being written may be read, in memory that fetch shares with front:
 * fetch writes it, front can only read. */
#ifndef FETCH_WATERMARK_H
#define FETCH_WATERMARK_H

#include "base/err.h"

#include <stdint.h>

/* No more will come, and what was read is not what it should have been, or will never be whole. */
#define WATERMARK_CUT UINT64_MAX

struct watermark;

/* The writer's: 0 at first. *fd is the reader's end, the caller's to close and to pass on. */
MG_CHECK enum mg_code watermark_new(struct watermark **out, int *fd, struct mg_err *err);
/* The reader's. fd stays the caller's. NULL: it is no such memory, or could shrink under us. */
struct watermark *watermark_open(int fd);
void watermark_free(struct watermark **w);

/* Any thread. */
uint64_t watermark_get(const struct watermark *w);
/* The writer's only. What was written before is seen by who reads this. */
void watermark_set(struct watermark *w, uint64_t value);

#endif
