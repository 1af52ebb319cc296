/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes as the zip of a.b@v1.0.0. */
#include "base/check.h"
#include "gomod/modzip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static enum mg_code read_memory(void *arg, uint64_t offset, void *out, size_t n, struct mg_err *err)
{
	const struct mg_span *bytes = arg;
	MG_ASSERT(n > 0 && n <= bytes->n && offset <= bytes->n - n);
	memcpy(out, bytes->p + offset, n);
	return MG_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct mg_span bytes = span_make(data, n);
	struct zipsource source = { .read_at = read_memory, .arg = &bytes, .size = n };
	struct mg_buf gomod = BUF_MAX(MODZIP_SPECIAL_MAX);
	struct modzip_report report;
	struct mg_err err = { 0 };
	enum mg_code rc = modzip_check(&source, SPAN("a.b"), SPAN("v1.0.0"), &gomod, &report, &err);
	MG_ASSERT(rc == MG_OK || (rc == MG_CORRUPT && err.text[0] != '\0'));
	if (rc == MG_OK) {
		MG_ASSERT(report.directory < n && strlen(report.h1) == DIRHASH_SIZE - 1);
		MG_ASSERT(report.unpacked <= MODZIP_MAX && gomod.n <= report.unpacked);
		MG_ASSERT(report.has_gomod || gomod.n == 0);
	}
	buf_deinit(&gomod);
	return 0;
}
