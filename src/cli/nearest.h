/* SPDX-License-Identifier: Apache-2.0 */
/* How far two words are apart, to suggest what a misspelt one was meant to be. Pure. */
#ifndef CLI_NEAREST_H
#define CLI_NEAREST_H

#include "base/span.h"

/* Insertions, deletions, replacements and swaps of neighbours that turn a into b (optimal string
 * alignment), case ignored. Words longer than 63 bytes count as infinitely far (SIZE_MAX). */
size_t nearest_distance(struct mg_span a, struct mg_span b);
/* Is b near enough to a to be suggested for it? At most a third of its letters differ, and 1 may always. */
bool nearest_plausible(struct mg_span a, struct mg_span b, size_t distance);

#endif
