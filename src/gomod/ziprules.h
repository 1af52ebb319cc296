/* SPDX-License-Identifier: Apache-2.0 */
/* Rules by which module zips were made at other times or by other programs, so that one module has two
 * hashes (protocol §4.2, §4.6): to tell such a zip from one with other content. Any thread. */
#ifndef GOMOD_ZIPRULES_H
#define GOMOD_ZIPRULES_H

#include "gomod/dirhash.h"

/* Is name, relative to the module's root, left out as vendored: by the rule for modules whose go directive says
 * 1.24 or later, or by the one for all others? (§4.2) */
bool ziprules_vendored(struct mg_span name, bool since_1_24);
/* Would the files (names with their "PATH@VERSION/" of prefix bytes) hash to want if some rule had left
 * out some of them? Says which rule, for people; NULL: none. Content is never excused. */
const char *ziprules_match(const struct dirhash_file *files, size_t n, size_t prefix,
			   const char *want);

#endif
