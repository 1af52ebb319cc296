/* SPDX-License-Identifier: Apache-2.0 */
/* Rules by which module zips were made at other times or by other programs, so that one module has two
 * hashes (protocol §4.2, §4.6): to tell such a zip from one with other content. Any thread. */
#ifndef GOMOD_ZIPRULES_H
#define GOMOD_ZIPRULES_H

#include "gomod/dirhash.h"

/* Would the files (names with their "PATH@VERSION/" of prefix bytes) hash to want if some rule had left
 * out some of them? Says which rule, for people; NULL: none. Content is never excused. */
const char *ziprules_match(const struct dirhash_file *files, size_t n, size_t prefix,
			   const char *want);

#endif
