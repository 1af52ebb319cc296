/* SPDX-License-Identifier: Apache-2.0 */
/* The path of a tile: what is read is printed the same, and is in the trees that are large enough. */
#include "base/check.h"
#include "sumdb/tile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct tile t, whole;
	if (!tile_parse(span_make(data, n), &t)) return 0;
	struct mg_buf out = BUF_MAX(TILE_PATH_MAX);
	tile_print(&t, &out);
	MG_ASSERT(span_eq(buf_span(&out), span_make(data, n)));
	buf_deinit(&out);
	MG_ASSERT(t.width >= 1 && t.width <= tile_full_width(t.height));
	unsigned shift = t.level > 0 ? (unsigned)t.level * t.height : 0;
	if (shift + t.height > 59 || t.number >= UINT64_C(1) << (59 - shift - t.height)) return 0;
	uint64_t size = ((t.number << t.height) + t.width) << shift;
	MG_ASSERT(tile_in_tree(t.height, t.level, t.number, size, &whole));
	MG_ASSERT(tile_eq(&whole, &t));
	MG_ASSERT(!tile_in_tree(t.height, t.level, t.number, size - 1, &whole) ||
		  whole.width == t.width - 1);
	return 0;
}
