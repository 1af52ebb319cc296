/* SPDX-License-Identifier: Apache-2.0 */
/* The counts of record/metrics.h in the text form that Prometheus reads (version 0.0.4 of its exposition
 * format). Any thread; no waiting. */
#ifndef RECORD_EXPOSITION_H
#define RECORD_EXPOSITION_H

#include "base/buf.h"

#define EXPOSITION_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct exposition_options {
	bool athens; /* also what Athens calls some of it, for dashboards made for it */
};

/* Appends all of it; what changes by itself (the memory of this process and the like) is looked up
 * now. */
void exposition_write(const struct exposition_options *options, struct mg_buf *out);

#endif
