/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/redact.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void secrets_are_gone(void **state)
{
	static const struct {
		const char *url, *shown;
	} cases[] = {
		{ "https:///user:pw@host/base", "https:///host/base" },
		{ "https:/user:pw@host/base", "https:/host/base" },
		{ "file:/srv/a:b", "file:/srv/a:b" },
		{ "file:///srv/a:b/c@d", "file:///srv/a:b/c@d" },
		{ "https://mirror.example", "https://mirror.example" },
		{ "https://mirror.example:8443/base", "https://mirror.example:8443/base" },
		{ "https://u:secret@mirror.example/base", "https://mirror.example/base" },
		{ "https://secret@mirror.example", "https://mirror.example" },
		{ "https://u:secret@[::1]:80/x", "https://[::1]:80/x" },
		{ "https://[::1]:80/a@b", "https://[::1]:80/a@b" },
		{ "https://[::1]/a@b", "https://[::1]/a@b" },
		{ "https://u:sec@ret@mirror.example/", "https://mirror.example/" },
		{ "https://u:sec/ret@mirror.example/x", "https://mirror.example/x" },
		{ "https://u:sec/r@et@mirror.example/x", "https://mirror.example/x" },
		{ "https://u:sec?ret@mirror.example/x", "https://" },
		{ "https://u:sec#ret@mirror.example/x", "https://" },
		{ "https://mirror.example/x?token=secret", "https://mirror.example/x" },
		{ "https://mirror.example/x#secret", "https://mirror.example/x" },
		{ "https://mirror.example/x?a=u:secret@y", "https://mirror.example/x" },
		{ "u:secret@mirror.example", "mirror.example" },
		{ "file:///srv/tree", "file:///srv/tree" },
		{ "", "" },
		{ "://", "" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct mg_buf out = BUF_MAX(256);
		redact_url(span_of(cases[i].url), &out);
		if (!span_eq(buf_span(&out), span_of(cases[i].shown)))
			fail_msg("%s became %.*s", cases[i].url, SPAN_ARG(buf_span(&out)));
		buf_deinit(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(secrets_are_gone) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
