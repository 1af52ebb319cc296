/* SPDX-License-Identifier: Apache-2.0 */
#include "gomod/ziprules.h"

#include <stdlib.h>

#include "base/check.h"

/* Below a vendor folder lie folders; its own files are not vendored. */
bool ziprules_vendored(struct mg_span name, bool since_1_24)
{
	const struct mg_span inner = SPAN("/vendor/");
	size_t from;
	if (since_1_24 && span_eq(name, SPAN("vendor/modules.txt"))) return true;
	if (span_has_prefix(name, span_from(inner, 1))) {
		from = inner.n - 1;
	} else {
		const ptrdiff_t at = span_find(name, inner);
		if (at < 0) return false;
		/* Until go 1.24 the place of the inner folder was forgotten. */
		from = since_1_24 ? (size_t)at + inner.n : inner.n;
	}
	return from < name.n && span_index(span_from(name, from), '/') >= 0;
}

enum vendor_rule {
	VENDOR_KEPT,
	VENDOR_OLD, /* before go 1.24 */
	VENDOR_NEW,
	VENDOR_RULES
};

static bool leaves_out(struct mg_span name, enum vendor_rule vendor, bool directories)
{
	/* Left out by go since its beginnings, but not by every other program. */
	if (span_eq(name, SPAN(".hg_archival.txt"))) return true;
	if (directories && (name.n == 0 || name.p[name.n - 1] == '/')) return true;
	switch (vendor) {
	case VENDOR_OLD:
		return ziprules_vendored(name, false);
	case VENDOR_NEW:
		return ziprules_vendored(name, true);
	case VENDOR_KEPT:
	case VENDOR_RULES:
		break;
	}
	return false;
}

static const char *describe(enum vendor_rule vendor, bool directories)
{
	static const char *const words[VENDOR_RULES][2] = {
		[VENDOR_KEPT] = { "without its .hg_archival.txt", "without its directory entries" },
		[VENDOR_OLD] = { "without the vendored files that go before 1.24 leaves out",
				 "without directory entries and vendored files" },
		[VENDOR_NEW] = { "without the vendored files that go 1.24 leaves out",
				 "without directory entries and vendored files" },
	};
	return words[vendor][directories];
}

const char *ziprules_match(const struct dirhash_file *files, size_t n, size_t prefix,
			   const char *want)
{
	struct dirhash_file *kept = check_calloc(n + 1, sizeof *kept);
	const char *found = NULL;
	for (int rule = 0; rule < 2 * VENDOR_RULES && found == NULL; rule++) {
		const enum vendor_rule vendor = (enum vendor_rule)(rule / 2);
		const bool directories = rule % 2 != 0;
		char h1[DIRHASH_SIZE];
		size_t count = 0;
		for (size_t i = 0; i < n; i++)
			if (!leaves_out(span_from(files[i].name, prefix), vendor, directories))
				kept[count++] = files[i];
		if (count < n && dirhash_files(kept, count, h1) && strcmp(h1, want) == 0)
			found = describe(vendor, directories);
	}
	free(kept);
	return found;
}
