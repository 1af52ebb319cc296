/* SPDX-License-Identifier: Apache-2.0 */
/* Where the bytes of a zip come from: the caller's file, memory, … and a window on them. One thread at
 * a time. */
#ifndef GOMOD_ZIPSOURCE_H
#define GOMOD_ZIPSOURCE_H

#include "base/err.h"

struct zipsource {
	/* Reads exactly n bytes; never asked beyond size. Any result but MG_OK ends the work with that
	 * result, so this is also where a cancel or a deadline is noticed: it is called at least every
	 * 64 KiB. */
	enum mg_code (*read_at)(void *arg, uint64_t offset, void *out, size_t n,
				struct mg_err *err);
	void *arg;
	uint64_t size;
};

#define ZIPSOURCE_WINDOW 65536

/* The last stretch that was read, so that small neighbouring reads cost one call. */
struct zipsource_window {
	const struct zipsource *source;
	uint64_t begin;
	size_t n;
	char *bytes; /* ZIPSOURCE_WINDOW of them */
};

void zipsource_open(const struct zipsource *source, struct zipsource_window *w);
void zipsource_close(struct zipsource_window *w);
/* The bytes at offset: at least `least` (at most ZIPSOURCE_WINDOW, within the source: asserted), and as
 * many more as there are in the window. Valid until the next call. */
MG_CHECK enum mg_code zipsource_get(struct zipsource_window *w, uint64_t offset, size_t least,
				    struct mg_span *out, struct mg_err *err);

/* Little-endian numbers (APPNOTE.TXT §4.3). */
static inline uint16_t zipsource_u16(const char *p)
{
	return (uint16_t)((unsigned char)p[0] | (unsigned char)p[1] << 8);
}
static inline uint32_t zipsource_u32(const char *p)
{
	return zipsource_u16(p) | (uint32_t)zipsource_u16(p + 2) << 16;
}
static inline uint64_t zipsource_u64(const char *p)
{
	return zipsource_u32(p) | (uint64_t)zipsource_u32(p + 4) << 32;
}

#endif
