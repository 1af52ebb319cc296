/* SPDX-License-Identifier: Apache-2.0 */
/* For tests/wire: reads heads from stdin, each after its length in four bytes (little-endian), and
 * prints what head_parse says of each: one JSON object a line, bytes in hexadecimal. */
#include <stdio.h>
#include <stdlib.h>

#include "wire/head.h"

static void print_bytes(const char *name, struct mg_span s)
{
	if (s.p == NULL) return;
	printf(",\"%s\":\"", name);
	for (size_t i = 0; i < s.n; i++)
		printf("%02x", (unsigned char)s.p[i]);
	printf("\"");
}

static void print_head(const struct head *h, size_t used)
{
	static const char *const names[HEAD_FIELD_COUNT] = {
		[HEAD_FIELD_HOST] = "host",
		[HEAD_FIELD_IF_NONE_MATCH] = "if-none-match",
		[HEAD_FIELD_IF_MODIFIED_SINCE] = "if-modified-since",
		[HEAD_FIELD_RANGE] = "range",
		[HEAD_FIELD_IF_RANGE] = "if-range",
		[HEAD_FIELD_AUTHORIZATION] = "authorization",
		[HEAD_FIELD_USER_AGENT] = "user-agent",
		[HEAD_FIELD_VIA] = "via",
		[HEAD_FIELD_DISABLE_MODULE_FETCH] = "disable-module-fetch",
		[HEAD_FIELD_X_FORWARDED_FOR] = "x-forwarded-for",
		[HEAD_FIELD_FORWARDED] = "forwarded",
		[HEAD_FIELD_X_REQUEST_ID] = "x-request-id",
	};
	printf("{\"verdict\":\"done\",\"used\":%zu,\"minor\":%u,\"keep_alive\":%d,\"expect\":%d,"
	       "\"chunked\":%d,"
	       "\"length\":%llu",
	       used, h->minor, h->keep_alive, h->expect_continue, h->chunked,
	       (unsigned long long)h->content_length);
	print_bytes("method", h->method_name);
	print_bytes("target", h->target);
	for (int i = 0; i < HEAD_FIELD_COUNT; i++)
		print_bytes(names[i], h->field[i]);
	printf("}\n");
}

static void judge(struct mg_span bytes)
{
	struct head head;
	size_t scanned = 0, used = 0;
	int status = 0;
	const char *reason = "";
	switch (head_parse(bytes, &scanned, &head, &used, &status, &reason)) {
	case HEAD_DONE:
		print_head(&head, used);
		break;
	case HEAD_MORE:
		printf("{\"verdict\":\"more\"}\n");
		break;
	case HEAD_BAD:
		printf("{\"verdict\":\"bad\",\"status\":%d,\"reason\":\"%s\"}\n", status, reason);
		break;
	}
}

int main(void)
{
	unsigned char size[4];
	while (fread(size, 1, sizeof size, stdin) == sizeof size) {
		size_t n = size[0] | (size_t)size[1] << 8 | (size_t)size[2] << 16 |
			   (size_t)size[3] << 24;
		/* of exactly this size, so that ASan sees a read behind it */
		char *bytes = malloc(n ? n : 1);
		if (bytes == NULL || fread(bytes, 1, n, stdin) != n) return 1;
		judge(span_make(bytes, n));
		free(bytes);
	}
	return 0;
}
