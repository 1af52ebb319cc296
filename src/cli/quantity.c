/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/quantity.h"

struct unit {
	const char *name;
	uint64_t worth;
};

/* Largest first: a duration names its units in falling order. */
static const struct unit durations[] = {
	{ "d", 86400000 }, { "h", 3600000 }, { "m", 60000 }, { "s", 1000 }, { "ms", 1 },
};
static const struct unit sizes[] = {
	{ "TiB", 1ull << 40 },
	{ "GiB", 1ull << 30 },
	{ "MiB", 1ull << 20 },
	{ "KiB", 1ull << 10 },
	{ "", 1 },
};
#define DURATIONS    (sizeof durations / sizeof durations[0])
#define SIZES        (sizeof sizes / sizeof sizes[0])
#define DURATION_MAX (3650ull * 86400000)
#define SIZE_MAX_OK  (1ull << 60)

/* Takes the bytes off the front of *s that are digits (or, with digits false, are not). */
static struct mg_span take(struct mg_span *s, bool digits)
{
	size_t n = 0;
	while (n < s->n && (s->p[n] >= '0' && s->p[n] <= '9') == digits)
		n++;
	struct mg_span head = span_first(*s, n);
	*s = span_from(*s, n);
	return head;
}

enum mg_code quantity_duration(struct mg_span s, uint64_t *ms_out, struct mg_err *err)
{
	struct mg_span rest = s;
	uint64_t total = 0;
	size_t u = 0;

	if (span_eq(s, SPAN("0"))) {
		*ms_out = 0;
		return MG_OK;
	}
	if (s.n == 0) goto bad;
	while (rest.n > 0) {
		uint64_t n;
		if (!span_u64(take(&rest, true), DURATION_MAX, &n)) goto bad;
		struct mg_span name = take(&rest, false);
		while (u < DURATIONS && !span_eq(name, span_of(durations[u].name)))
			u++;
		if (u == DURATIONS || n > DURATION_MAX / durations[u].worth) goto bad;
		total += n * durations[u++].worth;
		if (total > DURATION_MAX) goto bad;
	}
	*ms_out = total;
	return MG_OK;
bad:
	return err_set(err, MG_INVALID, MG_CAUSE_NONE,
		       "expected a duration such as 250ms, 90s, 5m or 24h, not \"%.*s\"",
		       SPAN_ARG(s));
}

enum mg_code quantity_size(struct mg_span s, uint64_t *bytes_out, struct mg_err *err)
{
	struct mg_span unit = s;
	struct mg_span number = take(&unit, true);
	uint64_t n;

	if (span_u64(number, SIZE_MAX_OK, &n))
		for (size_t i = 0; i < SIZES; i++)
			if (span_eq(unit, span_of(sizes[i].name)) &&
			    n <= SIZE_MAX_OK / sizes[i].worth) {
				*bytes_out = n * sizes[i].worth;
				return MG_OK;
			}
	return err_set(err, MG_INVALID, MG_CAUSE_NONE,
		       "expected a size such as 4096, 512KiB, 16MiB or 2GiB, not \"%.*s\"",
		       SPAN_ARG(s));
}

void quantity_put_duration(uint64_t ms, struct mg_buf *out)
{
	if (ms == 0) {
		buf_append_char(out, '0');
		return;
	}
	for (size_t i = 0; i < DURATIONS; i++)
		if (ms >= durations[i].worth) {
			buf_append_u64(out, ms / durations[i].worth);
			buf_append_str(out, durations[i].name);
			ms %= durations[i].worth;
		}
}

void quantity_put_size(uint64_t bytes, struct mg_buf *out)
{
	size_t i = 0;
	while (bytes == 0 ? sizes[i].worth != 1 : bytes % sizes[i].worth != 0)
		i++;
	buf_append_u64(out, bytes / sizes[i].worth);
	buf_append_str(out, sizes[i].name);
}
