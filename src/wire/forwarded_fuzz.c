/* SPDX-License-Identifier: Apache-2.0 */
/* Input: the value of X-Forwarded-For or Forwarded. */
#include <stdlib.h>

#include "base/check.h"
#include "wire/forwarded.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct mg_span value = span_make(data, size);
	struct iptext_net nets[2], own;
	struct iptext a, nearest;

	MG_ASSERT(iptext_net_parse(SPAN("10.0.0.0/8"), &nets[0]));
	MG_ASSERT(iptext_net_parse(SPAN("2001:db8::/32"), &nets[1]));
	for (int standard = 0; standard < 2; standard++) {
		bool (*const read)(struct mg_span, const struct iptext_net *, size_t,
				   struct iptext *) = standard ? forwarded_rfc7239 : forwarded_for;
		const bool found = read(value, nets, 2, &a);
		MG_ASSERT(!found || a.family == 4 || a.family == 6);
		/* With nobody trusted it is the last that counts. */
		MG_ASSERT(read(value, NULL, 0, &nearest) == found);
		MG_ASSERT(!found || memcmp(a.ip, nearest.ip, 16) == 0 ||
			  iptext_net_has(nets, 2, nearest.ip));
	}
	if (iptext_net_parse(value, &own) && !own.local) MG_ASSERT(iptext_net_has(&own, 1, own.ip));
	if (iptext_parse(value, &a)) MG_ASSERT(a.family == 4 || span_index(value, ':') >= 0);
	return 0;
}
