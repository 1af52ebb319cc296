/* SPDX-License-Identifier: Apache-2.0 */
/* A go.mod up to the first NUL, then lines: paths of a tree, a symbolic link's with "@" before it. */
#include <stdlib.h>

#include "base/check.h"
#include "gomod/modpath.h"
#include "gomod/zipselect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define PATHS 256

static size_t read_paths(struct mg_span rest, struct zipselect_entry *out)
{
	size_t n = 0;
	while (rest.p != NULL && n < PATHS) {
		struct mg_span path = span_cut(&rest, '\n');
		const bool link = path.n > 0 && path.p[0] == '@';
		out[n++] = (struct zipselect_entry){ span_from(path, link), !link, false };
	}
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mg_span rest = span_make(data, size);
	const struct mg_span gomod = span_cut(&rest, '\0');
	struct zipselect_entry *entries = check_calloc(PATHS, sizeof *entries);
	const size_t n = read_paths(rest, entries);
	for (int era = 0; era < ZIPSELECT_ERAS; era++) {
		struct mg_err err = { 0 };
		const enum mg_code rc =
			zipselect_run(entries, n, gomod, (enum zipselect_era)era, &err);
		MG_ASSERT(rc == MG_OK || (rc == MG_NOT_FOUND && err.text[0] != '\0'));
		for (size_t i = 0; i < n && rc == MG_OK; i++)
			MG_ASSERT(!entries[i].taken ||
				  (entries[i].regular &&
				   modpath_check_file(entries[i].path, NULL) == MG_OK));
	}
	free(entries);
	return 0;
}
