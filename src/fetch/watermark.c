/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/watermark.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010 /* Linux 5.1 */
#endif

struct watermark {
	_Atomic uint64_t value;
};

/* It keeps its size, or reading it could end the reader; only the mapping made before can write. */
static bool seal(int fd)
{
	return fcntl(fd, F_ADD_SEALS,
		     F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL) == 0;
}

enum mg_code watermark_new(struct watermark **out, int *fd, struct mg_err *err)
{
	const int memory = memfd_create("watermark", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (memory < 0) return err_errno(err, errno, "making shared memory");
	if (ftruncate(memory, sizeof(struct watermark)) != 0) goto fail;
	struct watermark *w = mmap(NULL, sizeof *w, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
	if (w == MAP_FAILED) goto fail;
	if (!seal(memory)) {
		munmap(w, sizeof *w);
		goto fail;
	}
	*out = w;
	*fd = memory;
	return MG_OK;
fail:
	err_errno(err, errno, "making shared memory");
	close(memory);
	return err->code;
}

struct watermark *watermark_open(int fd)
{
	struct stat st;
	const int seals = fcntl(fd, F_GET_SEALS);
	if (seals < 0 || (seals & F_SEAL_SHRINK) == 0) return NULL;
	if (fstat(fd, &st) != 0 || (size_t)st.st_size < sizeof(struct watermark)) return NULL;
	void *w = mmap(NULL, sizeof(struct watermark), PROT_READ, MAP_SHARED, fd, 0);
	return w == MAP_FAILED ? NULL : w;
}

void watermark_free(struct watermark **w)
{
	if (*w != NULL) munmap(*w, sizeof **w);
	*w = NULL;
}

uint64_t watermark_get(const struct watermark *w)
{
	return atomic_load_explicit(&w->value, memory_order_acquire);
}

void watermark_set(struct watermark *w, uint64_t value)
{
	atomic_store_explicit(&w->value, value, memory_order_release);
}
