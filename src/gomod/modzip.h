/* SPDX-License-Identifier: Apache-2.0 */
/* A module zip as an upstream delivers it: read strictly, judged by the rules of golang.org/x/mod/zip,
 * and hashed, in one pass over its bytes (go.dev/ref/mod#zip-files, protocol §4.5, §4.6). Accepted is
 * what the go command could unpack and hash; besides, entries that overlap, names over 4096 bytes and
 * the bounds of zipdir.h and foldtree.h are refused. Memory: some 100 KiB and the directory. */
#ifndef GOMOD_MODZIP_H
#define GOMOD_MODZIP_H

#include "base/buf.h"
#include "gomod/dirhash.h"
#include "gomod/zipsource.h"

#define MODZIP_MAX         524288000u /* bytes of the zip, and of all files in it */
#define MODZIP_SPECIAL_MAX 16777216u  /* bytes of go.mod and of LICENSE at the root */
#define MODZIP_NAME_MAX    4096 /* bytes of an entry's name; no file system holds longer paths */

struct modzip_report {
	char h1[DIRHASH_SIZE];
	uint64_t
		directory; /* offset of the central directory: without the bytes from here on the zip
			     * is of no use to anybody */
	uint64_t entries;
	uint64_t unpacked; /* bytes of all files */
	bool has_gomod;
};

/* Checks the zip of path@version. gomod: gets the bytes of its go.mod (a maximum of at least
 * MODZIP_SPECIAL_MAX: asserted); NULL: not wanted. *out is written only on MG_OK. Fails with
 * MG_INVALID (path and version), MG_CORRUPT (the zip; the text says which entry and why), or what
 * source->read_at said. Blocks as read_at does; any thread. */
MG_CHECK enum mg_code modzip_check(const struct zipsource *source, struct mg_span path,
				   struct mg_span version, struct mg_buf *gomod,
				   struct modzip_report *out, struct mg_err *err);
/* A zip that modzip_check accepts, but with another h1 than want: by which other rules for what belongs
 * into a zip (ziprules.h) it would have that. NULL: by none, or it cannot be read. */
const char *modzip_explain(const struct zipsource *source, struct mg_span path,
			   struct mg_span version, const char *want_h1);

#endif
