/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever stands where a secret may stand: what comes out has none, and is stable. */
#include "base/check.h"
#include "upstream/redact.h"
#include "upstream/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct mg_span in = span_make(data, n);
	struct mg_buf out = BUF_MAX(64u << 10);
	struct url u = { 0 };
	struct mg_err err;
	if (n > 32u << 10) return 0;
	redact_url(in, &out);
	const struct mg_span shown = buf_span(&out);
	MG_ASSERT(shown.n <= n && span_index(shown, '?') < 0 && span_index(shown, '#') < 0);
	/* What curl would take for the host is still there, and its user-info is not. */
	if (url_parse(in, &u, &err) == MG_OK && u.userinfo != NULL) {
		MG_ASSERT(u.port != 0 && u.origin != NULL && u.label != NULL);
		MG_ASSERT(strchr(u.origin + strlen(u.scheme) + 3, '@') == NULL);
		/* As it stands before the host, unless the path repeats it, which is its own fault. */
		struct mg_buf needle = BUF_MAX(64u << 10);
		buf_printf(&needle, "%s@", u.userinfo);
		ptrdiff_t first = span_find(in, buf_span(&needle));
		if (first < 0 && needle.n > 1 && needle.p[needle.n - 2] == ':') {
			needle.n -= 2; /* the ":" is url's, for a user without a password */
			buf_append_char(&needle, '@');
			first = span_find(in, buf_span(&needle));
		}
		if (needle.n > 9 && first >= 0 &&
		    span_find(span_from(in, (size_t)first + 1), buf_span(&needle)) < 0)
			MG_ASSERT(span_find(shown, buf_span(&needle)) < 0);
		buf_deinit(&needle);
	}
	url_deinit(&u);
	buf_deinit(&out);
	return 0;
}
