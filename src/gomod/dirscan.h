/* SPDX-License-Identifier: Apache-2.0 */
/* Finds where the central directory of a module zip begins while its bytes are still coming. Without
 * the bytes from there on nobody can unpack it. Pure. */
#ifndef GOMOD_DIRSCAN_H
#define GOMOD_DIRSCAN_H

#include "base/buf.h"

struct dirscan {
	struct mg_buf prefix; /* what every name in the zip begins with */
	struct mg_buf
		tail; /* the last bytes, as long as they may be the beginning of the directory */
	uint64_t clear;
	bool found;
};

/* For the zip of path@version. */
void dirscan_init(struct dirscan *d, struct mg_span path, struct mg_span version);
void dirscan_deinit(struct dirscan *d);
/* The next bytes of the zip. Returns how many of its bytes so far, counted from its beginning, surely
 * come before the directory; never less than the time before. In a zip that modzip_check accepts, and in
 * any other of whose directory the go command would accept the first entry, the directory is never among
 * them, however its bytes are cut into calls. */
uint64_t dirscan_feed(struct dirscan *d, struct mg_span bytes);

#endif
