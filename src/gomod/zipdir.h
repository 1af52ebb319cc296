/* SPDX-License-Identifier: Apache-2.0 */
/* The central directory of a zip, found and read as Go's archive/zip does it (PKWARE APPNOTE.TXT
 * §4.3.12–16): what Go reads is read the same way, what Go refuses is refused. One thread at a time. */
#ifndef GOMOD_ZIPDIR_H
#define GOMOD_ZIPDIR_H

#include "base/arena.h"
#include "gomod/zipsource.h"

/* Memory bounds; far above what a module of 500 MiB holds in earnest. */
#define ZIPDIR_ENTRIES_MAX 500000
#define ZIPDIR_NAMES_MAX   (64u << 20) /* bytes of all names */

struct zipdir_entry {
	struct mg_span name;
	uint64_t header; /* offset of the local header; any value, may lie beyond the end */
	uint64_t packed; /* bytes as stored */
	uint64_t size;   /* bytes unpacked, as declared */
	uint32_t crc;
	uint16_t method;
	bool has_descriptor; /* CRC and sizes follow the data (§4.3.9) */
};

struct zipdir {
	struct zipdir_entry *entries; /* in the directory's order */
	size_t n, cap;
	uint64_t offset;    /* of the directory */
	struct arena arena; /* the names */
	uint64_t name_bytes;
};

#define ZIPDIR_INIT ((struct zipdir){ 0 })

/* MG_CORRUPT when it is no zip, or beyond the bounds; or what read_at said. Call zipdir_deinit in any
 * case. */
MG_CHECK enum mg_code zipdir_read(struct zipsource_window *w, struct zipdir *out,
				  struct mg_err *err);
void zipdir_deinit(struct zipdir *d);

#endif
