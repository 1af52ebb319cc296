/* SPDX-License-Identifier: Apache-2.0 */
/* Input: what a connection begins with. */
#include <stdlib.h>

#include "base/check.h"
#include "wire/proxyhead.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct mg_span bytes = span_make(data, size);
	struct proxyhead whole, part;
	size_t used = 0, used_part = 0;
	const char *reason = NULL;
	const enum proxyhead_result result = proxyhead_parse(bytes, &whole, &used, &reason);

	MG_ASSERT((result == PROXYHEAD_BAD) == (reason != NULL));
	MG_ASSERT(result != PROXYHEAD_MORE || size < PROXYHEAD_MAX);
	if (result != PROXYHEAD_DONE) return 0;
	MG_ASSERT(used >= 15 && used <= size && used <= PROXYHEAD_MAX);
	MG_ASSERT(!whole.told || whole.source.family == 4 || whole.source.family == 6);
	/* Nothing less is a header, and nothing behind it counts. */
	for (size_t n = 0; n < used; n++)
		MG_ASSERT(proxyhead_parse(span_first(bytes, n), &part, &used_part, &reason) ==
			  PROXYHEAD_MORE);
	MG_ASSERT(proxyhead_parse(span_first(bytes, used), &part, &used_part, &reason) ==
		  PROXYHEAD_DONE);
	MG_ASSERT(used_part == used && part.told == whole.told && part.port == whole.port);
	MG_ASSERT(memcmp(&part.source, &whole.source, sizeof part.source) == 0);
	return 0;
}
