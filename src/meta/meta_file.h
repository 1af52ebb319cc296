/* SPDX-License-Identifier: Apache-2.0 */
/* The files behind meta.h: one per name in a folder, "modgate-meta 1 REVISION SHA256\n" and the value.
 * Readers take no lock, for a file is replaced in one step; writers take turns by flock. */
#ifndef META_META_FILE_H
#define META_META_FILE_H

#include "meta/meta.h"
#include "store/io.h"

struct meta_file {
	int folder;
	struct io io; /* tests set the gate */
};

MG_CHECK enum mg_code meta_file_open(const char *root, struct meta_file *out, struct mg_err *err);
void meta_file_close(struct meta_file *m);
/* bytes NULL: only the revision. */
MG_CHECK enum mg_code meta_file_get(struct meta_file *m, const char *name, struct mg_buf *bytes,
				    uint64_t *revision, struct mg_err *err);
/* expected 0: only if absent. */
MG_CHECK enum meta_outcome meta_file_put(struct meta_file *m, const char *name, uint64_t expected,
					 struct mg_span bytes, struct mg_err *err);

#endif
