/* SPDX-License-Identifier: Apache-2.0 */
#include "sumdb/tile.h"

#include "base/check.h"

#define GROUP                                                                                      \
	1000 /* numbers are written in groups of three digits, so that no folder grows large */

static bool take_literal(struct mg_span *rest, struct mg_span literal)
{
	if (!span_has_prefix(*rest, literal)) return false;
	*rest = span_from(*rest, literal.n);
	return true;
}

/* group = 3DIGIT */
static bool take_group(struct mg_span *rest, uint64_t *number)
{
	uint64_t group = 0;
	if (rest->n < 3) return false;
	for (size_t i = 0; i < 3; i++) {
		if (rest->p[i] < '0' || rest->p[i] > '9') return false;
		group = 10 * group + (uint64_t)(rest->p[i] - '0');
	}
	if (*number > (INT64_MAX - group) / GROUP) return false;
	*number = *number * GROUP + group;
	*rest = span_from(*rest, 3);
	return true;
}

/* number = *("x" group "/") group, the first group not zero if there are more */
static bool take_number(struct mg_span *rest, uint64_t *number)
{
	*number = 0;
	bool first = true;
	while (take_literal(rest, SPAN("x"))) {
		if (!take_group(rest, number) || !take_literal(rest, SPAN("/"))) return false;
		if (first && *number == 0) return false;
		first = false;
	}
	return take_group(rest, number);
}

/* path = "tile/" height "/" (level / "data") "/" number [".p/" width] */
bool tile_parse(struct mg_span path, struct tile *out)
{
	struct mg_span rest = path;
	uint64_t height, level, width;
	if (!take_literal(&rest, SPAN("tile/"))) return false;
	if (!span_u64(span_cut(&rest, '/'), TILE_HEIGHT_MAX, &height) || height == 0) return false;
	struct mg_span field = span_cut(&rest, '/');
	out->level = TILE_LEVEL_DATA;
	if (!span_eq(field, SPAN("data"))) {
		if (!span_u64(field, TILE_LEVEL_MAX, &level)) return false;
		out->level = (int)level;
	}
	if (rest.p == NULL || !take_number(&rest, &out->number)) return false;
	out->height = (unsigned)height;
	out->width = tile_full_width(out->height);
	if (rest.n == 0) return true;
	if (!take_literal(&rest, SPAN(".p/"))) return false;
	if (!span_u64(rest, out->width - 1, &width) || width == 0) return false;
	out->width = (uint32_t)width;
	return true;
}

static void print_number(uint64_t number, bool last, struct mg_buf *out)
{
	if (number >= GROUP) print_number(number / GROUP, false, out);
	buf_printf(out, last ? "%03u" : "x%03u/", (unsigned)(number % GROUP));
}

void tile_print(const struct tile *t, struct mg_buf *out)
{
	buf_printf(out, "tile/%u/", t->height);
	if (t->level == TILE_LEVEL_DATA)
		buf_append_str(out, "data/");
	else
		buf_printf(out, "%d/", t->level);
	print_number(t->number, true, out);
	if (!tile_is_full(t)) buf_printf(out, ".p/%u", t->width);
}

bool tile_in_tree(unsigned height, int level, uint64_t number, uint64_t size, struct tile *out)
{
	MG_ASSERT(height >= 1 && height <= TILE_HEIGHT_MAX);
	/* Data tiles are as wide as those of level 0. */
	unsigned shift = level > 0 ? (unsigned)level * height : 0;
	uint64_t row = shift > 63 ? 0 : size >> shift;
	if (number > row >> height || number << height == row) return false;
	uint64_t left = row - (number << height);
	uint32_t full = tile_full_width(height);
	*out = (struct tile){ height, level, number, left < full ? (uint32_t)left : full };
	return true;
}

struct tile tile_of_index(unsigned height, uint64_t index, uint32_t *begin, uint32_t *count)
{
	unsigned level;
	uint64_t n;
	MG_ASSERT(height >= 1 && height <= TILE_HEIGHT_MAX);
	tlog_split_index(index, &level, &n);
	unsigned within = level % height; /* levels above the tile's own row */
	uint64_t row = n << within;
	*begin = (uint32_t)(row & ((UINT64_C(1) << height) - 1));
	*count = UINT32_C(1) << within;
	return (struct tile){ height, (int)(level / height), row >> height, *begin + *count };
}

bool tile_hash(const struct tile *t, const struct tlog_hash *body, uint64_t index,
	       struct tlog_hash *out)
{
	uint32_t begin, count;
	MG_ASSERT(t->width >= 1 && t->width <= tile_full_width(t->height));
	struct tile least = tile_of_index(t->height, index, &begin, &count);
	if (t->level != least.level || t->number != least.number || t->width < least.width)
		return false;
	*out = tlog_perfect_root(body + begin, count);
	return true;
}
