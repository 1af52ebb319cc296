/* SPDX-License-Identifier: Apache-2.0 */
/* The store on disk: the path is the index (docs/architecture.md §5). A key is the file's name below the root:
 * "modules/github.com/!azure/x/@v/v1.0.0.zip". Any number of readers; one writing process, which
 * holds the lock. Functions block unless they say otherwise; any thread. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/buf.h"
#include "base/err.h"
#include "gomod/target.h"
#include "store/stage.h"

#include <sys/stat.h>

struct store;

enum store_mode {
	STORE_READ, /* front, tools */
	STORE_WRITE, /* fetch, import: takes the lock; MG_UNAVAILABLE when another process holds it */
};

/* Opens (STORE_WRITE: creates where missing, clears old tmp files) the store at root. STORE_READ of a
 * store that does not exist: MG_NOT_FOUND. */
MG_CHECK enum mg_code store_open(const char *root, enum store_mode mode, struct store **out,
				 struct mg_err *err);
/* To write, with the lock of this store that another process held: a descriptor of it, taken over. The lock
 * is never free in between. MG_INVALID: it is not this store's. */
MG_CHECK enum mg_code store_open_locked(const char *root, int lock, struct store **out,
					struct mg_err *err);
/* The lock of a store open for writing, to be handed to another process; stays the store's. */
int store_lock(const struct store *s);
void store_close(struct store **s);

/* "modules/" + target_file. */
void store_key(const struct target *t, struct mg_buf *out);

struct store_file {
	int fd; /* the caller's to close */
	uint64_t size;
	int64_t mtime_ns; /* mutable targets: when they were last known to be true */
	int64_t ctime_ns;
	uint64_t inode;
	/* Its commit has given it its name and not yet made that durable: to a reader it is not there.
	 * (Told from its second name, in tmp, which goes last. One that stays for other reasons,
	 * such as a backup by hard links, counts for a minute.) */
	bool settling;
};

enum store_find {
	STORE_HIT,
	STORE_MISS,
	STORE_WOULD_BLOCK, /* only with may_block false: the answer is not in the kernel's caches */
	/* Never a miss. *err: MG_CORRUPT when what stands there cannot be the file (a symbolic link, a
	 * folder, a wrong size; store_quarantine helps), MG_UNAVAILABLE for I/O errors, permission. */
	STORE_FAULT,
};

/* Opens a stored file for reading. With may_block false nothing waits for a disk (openat2 with
 * RESOLVE_CACHED); on kernels without it the answer is always WOULD_BLOCK. Symlinks are not followed. */
enum store_find store_find(struct store *s, const char *key, bool may_block, struct store_file *out,
			   struct mg_err *err);
/* Reads a whole small file of at most out->max bytes. may_block false: WOULD_BLOCK when a page is not
 * in memory (RWF_NOWAIT). A short file or one over the maximum is a FAULT. */
enum store_find store_read(struct store *s, const char *key, bool may_block, struct mg_buf *out,
			   struct store_file *meta_out /* NULL allowed; fd is -1 */,
			   struct mg_err *err);
/* The same of a file that store_find opened; it stays open. key is for the message. */
enum store_find store_read_file(const struct store_file *f, const char *key, bool may_block,
				struct mg_buf *out, struct mg_err *err);

/* --- writing (STORE_WRITE); whole files: store/stage.h --- */

/* One small file, staged and committed. */
MG_CHECK enum mg_code store_put(struct store *s, const char *key, struct mg_span bytes,
				enum stage_how how, struct mg_err *err);
/* A mutable file was found still true: its mtime becomes now. */
MG_CHECK enum mg_code store_touch(struct store *s, const char *key, struct mg_err *err);
/* Gives what stands at a key, a file or a folder, another key; durable on MG_OK. MG_NOT_FOUND: nothing
 * stands there. */
MG_CHECK enum mg_code store_move(struct store *s, const char *key, const char *to_key,
				 struct mg_err *err);
/* Moves what damages the store at this key to quarantine/ (kept as evidence with a note saying why,
 * never served): the file, or the first part of its path that is no folder. MG_OK if nothing stands
 * there any more. Not refused after storage errors. */
MG_CHECK enum mg_code store_quarantine(struct store *s, const char *key, const char *why,
				       struct mg_err *err);
/* Notes in quarantine/ that bytes meant for this key were refused after some of them had been passed on,
 * and why; the bytes are not kept. Best effort. */
void store_note_refused(struct store *s, const char *key, const char *why);
/* Canonical versions, no pseudo-versions, of which .info, .mod and .zip are stored: a list must not name
 * what cannot be served (protocol §1.5). One a line, sorted. MG_NOT_FOUND when the module is unknown to
 * the store. */
MG_CHECK enum mg_code store_versions(struct store *s, struct mg_span epath, struct mg_buf *out,
				     struct mg_err *err);

#endif
