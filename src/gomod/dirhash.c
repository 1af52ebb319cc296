/* SPDX-License-Identifier: Apache-2.0 */
#include "gomod/dirhash.h"

#include <stdlib.h>

#include "base/hex.h"

static int order_by_name(const void *a, const void *b)
{
	return span_cmp(((const struct dirhash_file *)a)->name,
			((const struct dirhash_file *)b)->name);
}

/* line = 64HEXDIG "  " name LF */
static void add_line(struct sha256 *sum, const struct dirhash_file *file)
{
	char hex[2 * SHA256_SIZE];
	hex_encode(file->sha256, SHA256_SIZE, hex);
	sha256_update(sum, span_make(hex, sizeof hex));
	sha256_update(sum, SPAN("  "));
	sha256_update(sum, file->name);
	sha256_update(sum, SPAN("\n"));
}

bool dirhash_files(struct dirhash_file *files, size_t n, char out[DIRHASH_SIZE])
{
	for (size_t i = 0; i < n; i++)
		if (span_index(files[i].name, '\n') >= 0) return false;
	if (n > 1) qsort(files, n, sizeof *files, order_by_name);
	struct sha256 sum = { 0 };
	sha256_init(&sum);
	for (size_t i = 0; i < n; i++)
		add_line(&sum, &files[i]);
	uint8_t digest[SHA256_SIZE];
	sha256_final(&sum, digest);
	struct mg_buf text = BUF_MAX(DIRHASH_SIZE);
	buf_append_str(&text, "h1:");
	hex_base64_encode(span_make(digest, sizeof digest), &text);
	memcpy(out, text.p, DIRHASH_SIZE - 1);
	out[DIRHASH_SIZE - 1] = '\0';
	buf_deinit(&text);
	return true;
}

void dirhash_gomod(struct mg_span bytes, char out[DIRHASH_SIZE])
{
	struct dirhash_file file = { .name = SPAN("go.mod") };
	sha256_of(bytes, file.sha256);
	(void)dirhash_files(&file, 1, out); /* the name holds no line feed */
}
