/* SPDX-License-Identifier: Apache-2.0 */
/* Durations and sizes as people write them in settings. Pure. */
#ifndef CLI_QUANTITY_H
#define CLI_QUANTITY_H

#include "base/buf.h"
#include "base/err.h"

/* One or more of NUMBER UNIT, units d h m s ms, each at most once and in this order ("90s", "1h30m",
 * "250ms"); "0" needs no unit. MG_INVALID otherwise, and above 10 years. */
MG_CHECK enum mg_code quantity_duration(struct mg_span s, uint64_t *ms_out, struct mg_err *err);
/* NUMBER, or NUMBER with KiB, MiB, GiB or TiB (powers of 1024). MG_INVALID otherwise. */
MG_CHECK enum mg_code quantity_size(struct mg_span s, uint64_t *bytes_out, struct mg_err *err);
/* The shortest text that reads back as the same value. */
void quantity_put_duration(uint64_t ms, struct mg_buf *out);
void quantity_put_size(uint64_t bytes, struct mg_buf *out);

#endif
