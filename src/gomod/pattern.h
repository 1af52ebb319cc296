/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of module path patterns: GOPRIVATE, GONOPROXY, GONOSUMDB (protocol §1.11). Any thread. */
#ifndef GOMOD_PATTERN_H
#define GOMOD_PATTERN_H

#include "base/err.h"

/* Does one of the comma-separated globs match a prefix of path that ends at an element's end? A "*"
 * does not cross "/"; malformed globs match nothing; spaces count; case counts. */
bool pattern_match(struct mg_span globs, struct mg_span path);
/* MG_INVALID for a glob that no module path can match, which the go command passes over in silence: malformed, with a
 * space, a URL. Who writes one believes that names are private which are not. */
MG_CHECK enum mg_code pattern_check(struct mg_span globs, struct mg_err *err);

#endif
