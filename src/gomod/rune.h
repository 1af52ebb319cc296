/* SPDX-License-Identifier: Apache-2.0 */
/* Characters as Go's unicode/utf8 reads them: a byte that begins no well-formed character is one
 * U+FFFD. Any thread. */
#ifndef GOMOD_RUNE_H
#define GOMOD_RUNE_H

#include "base/buf.h"

#define RUNE_ERROR 0xfffdu
#define RUNE_MAX   0x10ffffu

struct rune_range {
	uint32_t lo, hi;
};

/* Takes the first character off *rest, which must not be empty. */
uint32_t rune_next(struct mg_span *rest);
/* Is s well-formed UTF-8 throughout? */
bool rune_valid(struct mg_span s);
/* Appends r as UTF-8; what is no character (a surrogate, above RUNE_MAX) as U+FFFD. */
void rune_append(uint32_t r, struct mg_buf *out);
/* Go's unicode.IsSpace. */
bool rune_is_space(uint32_t r);
/* Without leading and trailing white space of that kind (Go's strings.TrimSpace). */
struct mg_span rune_trim_space(struct mg_span s);
/* ranges: ascending, disjoint. */
bool rune_in_ranges(uint32_t r, const struct rune_range *ranges, size_t n);

#endif
