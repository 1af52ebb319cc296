/* SPDX-License-Identifier: Apache-2.0 */
#include "gomod/retraction.h"

#include "gomod/modfile.h"
#include "gomod/version.h"

struct retraction retraction_read(struct mg_span gomod, struct arena *a)
{
	struct modfile f;
	if (modfile_parse(gomod, MODFILE_LAX, a, &f, NULL) != MG_OK) return RETRACTION_NONE;
	return (struct retraction){ .v = f.retract, .n = f.retracts };
}

bool retraction_covers(const struct retraction *r, struct mg_span version)
{
	for (size_t i = 0; i < r->n; i++)
		if (version_compare(r->v[i].low, version) <= 0 &&
		    version_compare(version, r->v[i].high) <= 0)
			return true;
	return false;
}
