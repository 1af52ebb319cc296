/* SPDX-License-Identifier: Apache-2.0 */
#include "gomod/goenv.h"

/* file = *(line LF); line = key "=" value; key begins with a capital. Other lines are comments. */
bool goenv_get(struct mg_span file, const char *key, struct mg_span *out)
{
	bool found = false;
	while (file.p != NULL) {
		struct mg_span value = span_cut(&file, '\n');
		struct mg_span name = span_cut(&value, '=');
		if (value.p == NULL || name.n == 0 || name.p[0] < 'A' || name.p[0] > 'Z') continue;
		if (!span_eq(name, span_of(key))) continue;
		*out = value;
		found = true;
	}
	return found;
}
