/* SPDX-License-Identifier: Apache-2.0 */
/* Writes a module zip front to back, hashing it on the way (protocol §4.4, §4.6). The same files give the same
 * bytes: entries in the order they come, all of 1980-01-01, no directory entries, no modes. What modzip_check
 * refuses for its size is refused here. Memory: some 700 KiB, and 100 bytes and the name for each file. One
 * thread at a time. */
#ifndef GOMOD_ZIPWRITER_H
#define GOMOD_ZIPWRITER_H

#include "base/err.h"
#include "gomod/dirhash.h"

/* Takes the zip's bytes, in order. Any result but MG_OK ends the work with that result. */
struct zipwriter_sink {
	enum mg_code (*write)(void *arg, struct mg_span bytes, struct mg_err *err);
	void *arg;
};

struct zipwriter;

/* The zip of path@version; *sink is copied. MG_INVALID: the two are no module version. */
MG_CHECK enum mg_code zipwriter_new(const struct zipwriter_sink *sink, struct mg_span path,
				    struct mg_span version, struct zipwriter **out,
				    struct mg_err *err);
void zipwriter_free(struct zipwriter **w);

/* The next file: its name as zipselect has taken it, and its size; exactly so many bytes must follow
 * (asserted). Files come sorted by name, or the zip is not. After any failure only zipwriter_free is left.
 * Fails with what the sink said, or MG_NOT_FOUND: no zip may be so large, hold so many files or such a
 * name. */
MG_CHECK enum mg_code zipwriter_begin(struct zipwriter *w, struct mg_span name, uint64_t size,
				      struct mg_err *err);
MG_CHECK enum mg_code zipwriter_write(struct zipwriter *w, struct mg_span bytes,
				      struct mg_err *err);
/* The directory, once all files are complete. *h1: the zip's hash. */
MG_CHECK enum mg_code zipwriter_end(struct zipwriter *w, char h1[DIRHASH_SIZE], struct mg_err *err);

#endif
