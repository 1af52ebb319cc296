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
		/* Unless the path repeats it: as it stands before the host, where url has not decoded it,
		 * nor put the ":" at its end. */
		struct mg_span secret = span_of(u.userinfo);
		if (span_has_suffix(secret, SPAN(":"))) secret.n--;
		struct mg_span rest = span_from(in, strlen(u.scheme) + 1);
		while (span_has_prefix(rest, SPAN("/")))
			rest = span_from(rest, 1);
		if (secret.n > 8 && span_has_prefix(rest, secret) &&
		    span_find(span_from(rest, 1), secret) < 0)
			MG_ASSERT(span_find(shown, secret) < 0);
	}
	url_deinit(&u);
	buf_deinit(&out);
	return 0;
}
