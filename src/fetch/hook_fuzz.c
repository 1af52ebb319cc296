/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/hook.h"

#include "base/check.h"
#include "fetch/repobook.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct mg_span body = span_make(data, size);
	struct arena a = ARENA_INIT;
	struct mg_span found[HOOK_ADDRESSES_MAX];
	struct mg_err err;
	size_t n;
	if (hook_addresses(body, &a, found, &n, &err) == MG_OK) {
		MG_ASSERT(n > 0 && n <= HOOK_ADDRESSES_MAX);
		for (size_t i = 0; i < n; i++) {
			struct mg_buf name = BUF_MAX(1u << 21);
			repobook_name(found[i], &name);
			buf_deinit(&name);
		}
	}
	for (int kind = 0; kind < HOOK_KINDS; kind++) {
		struct mg_span rest = body;
		const struct mg_span signature = span_cut(&rest, '\n');
		MG_ASSERT(!hook_is_signed((enum hook_kind)kind, SPAN(""), signature, rest));
		(void)hook_is_signed((enum hook_kind)kind, SPAN("secret"), signature, rest);
	}
	arena_deinit(&a);
	return 0;
}
