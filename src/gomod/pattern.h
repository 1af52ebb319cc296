/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of module path patterns: GOPRIVATE, GONOPROXY, GONOSUMDB (protocol §1.11). Any thread. */
#ifndef GOMOD_PATTERN_H
#define GOMOD_PATTERN_H

#include "base/span.h"

/* Does one of the comma-separated globs match a prefix of path that ends at an element's end? A "*"
 * does not cross "/"; malformed globs match nothing; spaces count; case counts. */
bool pattern_match(struct mg_span globs, struct mg_span path);

#endif
