/* SPDX-License-Identifier: Apache-2.0 */
#include "store/verified.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "crypto/sha256.h"

#define ENTRIES (64u << 10)
#define WAYS    4
#define STRIPES 64
#define SETS    (ENTRIES / WAYS)
#define CHUNK   (256u << 10)

/* A file is known by a 64-bit hash of its key and its stat. The hash is seeded per process, so that
 * nobody outside can aim at a collision, and by accident one comes in 2^48 looks. */
struct entry {
	uint64_t print; /* 0: empty */
	uint8_t sha256[32];
};

static struct entry entries[SETS][WAYS];
static uint8_t next_way[SETS];
static pthread_mutex_t stripes[STRIPES] = { [0 ... STRIPES - 1] = PTHREAD_MUTEX_INITIALIZER };

static uint64_t print_of(const char *key, const struct store_file *f)
{
	const uint64_t parts[] = { span_hash(span_of(key)), f->inode, f->size,
				   (uint64_t)f->mtime_ns, (uint64_t)f->ctime_ns };
	const uint64_t print = span_hash(span_make(parts, sizeof parts));
	return print != 0 ? print : 1;
}

bool verified_get(const char *key, const struct store_file *f, uint8_t sha256[32])
{
	const uint64_t print = print_of(key, f);
	const size_t set = print % SETS;
	bool found = false;
	pthread_mutex_lock(&stripes[set % STRIPES]);
	for (size_t way = 0; way < WAYS && !found; way++) {
		found = entries[set][way].print == print;
		if (found)
			memcpy(sha256, entries[set][way].sha256, sizeof entries[set][way].sha256);
	}
	pthread_mutex_unlock(&stripes[set % STRIPES]);
	return found;
}

void verified_put(const char *key, const struct store_file *f, const uint8_t sha256[32])
{
	const uint64_t print = print_of(key, f);
	const size_t set = print % SETS;
	pthread_mutex_lock(&stripes[set % STRIPES]);
	struct entry *e = NULL;
	for (size_t way = 0; way < WAYS && e == NULL; way++) {
		if (entries[set][way].print == print) e = &entries[set][way];
	}
	if (e == NULL) e = &entries[set][next_way[set]++ % WAYS];
	e->print = print;
	memcpy(e->sha256, sha256, sizeof e->sha256);
	pthread_mutex_unlock(&stripes[set % STRIPES]);
}

/* --- agreements: a cache line a set, only the pages in use take memory --- */

#define LINE  8
#define LINES (256u << 10)

static _Alignas(64) _Atomic uint64_t agreed[LINES][LINE];

static uint64_t agreement(const char *key, const struct store_file *f, const uint8_t sha256[32])
{
	uint64_t parts[5] = { print_of(key, f) };
	memcpy(parts + 1, sha256, 32);
	const uint64_t print = span_hash(span_make(parts, sizeof parts));
	return print != 0 ? print : 1;
}

bool verified_agreed(const char *key, const struct store_file *f, const uint8_t sha256[32])
{
	const uint64_t print = agreement(key, f, sha256);
	const _Atomic uint64_t *line = agreed[print % LINES];
	for (size_t i = 0; i < LINE; i++)
		if (atomic_load_explicit(&line[i], memory_order_relaxed) == print) return true;
	return false;
}

/* Two threads that take the same place lose one entry, which costs a look at a record. */
void verified_agree(const char *key, const struct store_file *f, const uint8_t sha256[32])
{
	const uint64_t print = agreement(key, f, sha256);
	_Atomic uint64_t *line = agreed[print % LINES];
	size_t at = 0;
	while (at < LINE && atomic_load_explicit(&line[at], memory_order_relaxed) != 0)
		at++;
	/* A full set gives up whichever the newcomer's own hash points at. */
	if (at == LINE) at = (print >> 32) % LINE;
	atomic_store_explicit(&line[at], print, memory_order_relaxed);
}

/* --- hashing --- */

enum mg_code verified_hash(const struct store_file *f, uint8_t sha256[32], struct mg_err *err)
{
	enum mg_code rc = MG_OK;
	char *chunk = check_malloc(CHUNK);
	struct sha256 hash;
	sha256_init(&hash);
	for (uint64_t done = 0; done < f->size && rc == MG_OK;) {
		const uint64_t left = f->size - done;
		const ssize_t n = pread(f->fd, chunk, left < CHUNK ? left : CHUNK, (off_t)done);
		if (n < 0 && errno == EINTR) continue;
		if (n < 0) {
			rc = err_errno(err, errno, "store: cannot read a stored file");
		} else if (n == 0) {
			rc = err_set(err, MG_CORRUPT, MG_CAUSE_STORAGE,
				     "store: a stored file ends after %llu of %llu bytes",
				     (unsigned long long)done, (unsigned long long)f->size);
		} else {
			sha256_update(&hash, span_make(chunk, (size_t)n));
			done += (uint64_t)n;
		}
	}
	sha256_final(&hash, sha256);
	free(chunk);
	return rc;
}
