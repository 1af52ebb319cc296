/* SPDX-License-Identifier: Apache-2.0 */
/* Any URL path is refused with a reason or means the same as the canonical URL of what it gave. */
#include "base/check.h"
#include "gomod/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena a = ARENA_INIT;
	struct target t, again, made;
	struct mg_err err;
	if (target_parse(span_make(data, n), &a, &t, &err) == MG_OK) {
		struct mg_buf url = BUF_MAX(1 << 16), one = BUF_MAX(1 << 16),
			      two = BUF_MAX(1 << 16);
		buf_append_char(&url, '/');
		target_url(&t, &url);
		target_file(&t, &one);
		/* Percent-encoding may have made it longer than a URL may be. */
		if (url.n <= TARGET_URL_MAX) {
			MG_ASSERT(target_parse(buf_span(&url), &a, &again, &err) == MG_OK);
			target_file(&again, &two);
			MG_ASSERT(span_eq(buf_span(&one), buf_span(&two)) && again.kind == t.kind);
		}
		MG_ASSERT(target_make(t.kind, t.path, t.version, &a, &made, &err) == MG_OK);
		MG_ASSERT(made.kind == t.kind && span_eq(made.epath, t.epath) &&
			  span_eq(made.eversion, t.eversion));
		target_name(&t, &two);
		MG_ASSERT(!buf_failed(&two) && target_kind_name(t.kind)[0] != '\0');
		buf_deinit(&url);
		buf_deinit(&one);
		buf_deinit(&two);
	} else {
		MG_ASSERT(err.code == MG_NOT_FOUND && err.text[0] != '\0');
	}
	arena_deinit(&a);
	return 0;
}
