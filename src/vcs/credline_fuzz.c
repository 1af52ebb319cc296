/* SPDX-License-Identifier: Apache-2.0 */
/* A file of credentials: every line that is taken fits its own origin and no other host. The same bytes as a netrc:
 * what is found is whole. */
#include "base/check.h"
#include "vcs/credline.h"
#include "vcs/netrc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct mg_span text = span_make(data, n), rest = text, login, password;
	struct credline l;
	struct repourl other;
	struct mg_err err;
	size_t number = 0;
	MG_ASSERT(repourl_parse(SPAN("https://other.example/x"), &other, NULL) == MG_OK);
	while (credline_next(&rest, &number, &l, &err) == MG_OK) {
		MG_ASSERT(l.file.n > 0 && credline_fits(&l, &l.url));
		if (!span_eq(l.url.host, other.host)) MG_ASSERT(!credline_fits(&l, &other));
	}
	if (netrc_find(text, SPAN("a.example"), &login, &password))
		MG_ASSERT(login.n > 0 && password.n > 0);
	return 0;
}
