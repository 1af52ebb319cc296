/* SPDX-License-Identifier: Apache-2.0 */
#include "http/pages.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "http/reply_internal.h"

#define PAGE 4096u
/* Files come into memory by read-ahead, in runs at least this long. */
#define PROBE_STEP (64u << 10)
/* What was found in memory is taken to stay there for a moment: asking costs about 30 ns a page, and
 * pages that are being sent are the last to be evicted. */
#define BELIEVE_MS 1000
/* mincore's answer: a byte for each page of the largest window asked for. */
#define PAGES_MAX 512u

/* mincore tells the truth only to the file's owner or one who may write it (else "all resident"). */
static bool owner(const struct reply_file *f)
{
	struct stat st;

	return fstat(f->fd, &st) == 0 && st.st_uid == geteuid();
}

static bool all_in_core(struct reply_file *f, uint64_t from, uint64_t to)
{
	unsigned char in[PAGES_MAX];

	from -= from % PAGE;
	while (from < to) {
		uint64_t part = to - from < PAGES_MAX * PAGE ? to - from : PAGES_MAX * PAGE;
		if (mincore((char *)f->map + from, part, in) != 0) return true;
		for (uint64_t i = 0; i < (part + PAGE - 1) / PAGE; i++)
			if (!(in[i] & 1)) return false;
		from += part;
	}
	return true;
}

static bool in_core_at(const struct reply_file *f, uint64_t at)
{
	char c;
	struct iovec iov = { .iov_base = &c, .iov_len = 1 };

	return preadv2(f->fd, &iov, 1, (off_t)at, RWF_NOWAIT) >= 0 || errno != EAGAIN;
}

static bool ask(struct reply_file *f, uint64_t from, uint64_t to)
{
	if (f->map == NULL && !f->unmappable) {
		f->map = owner(f) ? mmap(NULL, f->size, PROT_READ, MAP_SHARED, f->fd, 0)
				  : MAP_FAILED;
		if (f->map == MAP_FAILED) {
			f->map = NULL;
			f->unmappable = true;
		}
	}
	if (f->map != NULL) return all_in_core(f, from, to);
	for (uint64_t at = from; at < to; at += PROBE_STEP)
		if (!in_core_at(f, at)) return false;
	return in_core_at(f, to - 1);
}

bool pages_resident(struct reply_file *f, uint64_t from, uint64_t to)
{
	if (from >= to) return true;
	uint64_t now = clock_mono_ms();
	bool believed = f->seen_to > 0 && now - f->seen_ms < BELIEVE_MS;
	if (believed && to <= f->seen_to) return true;
	if (!ask(f, from, to)) return false;
	if (from == 0 && !believed) {
		f->seen_ms = now;
		f->seen_to = to;
	} else if (believed && from <= f->seen_to) {
		f->seen_to = to;
	}
	return true;
}

struct pages_job {
	struct reply *reply;
	uint64_t from, to;
	pages_done_fn *done; /* NULL: forgotten */
	void *arg;
};

/* The lane thread only reads fields that stay as they are. */
static void run(void *job)
{
	struct pages_job *j = job;
	char buf[32 << 10];

	for (uint64_t at = j->from; at < j->to;) {
		size_t want = j->to - at < sizeof buf ? (size_t)(j->to - at) : sizeof buf;
		ssize_t n = pread(j->reply->file->fd, buf, want, (off_t)at);
		if (n < 0 && errno == EINTR) continue;
		if (n <= 0) return; /* sendfile meets the same and says so */
		at += (uint64_t)n;
	}
}

static void finish(void *job, bool ran)
{
	struct pages_job *j = job;

	if (j->done != NULL) j->done(j->arg, ran);
	reply_unref(&j->reply);
	free(j);
}

struct pages_job *pages_read(struct lane *lane, struct loop *l, struct reply *r, uint64_t from,
			     uint64_t to, pages_done_fn *done, void *arg)
{
	struct pages_job *j = check_malloc(sizeof *j);

	*j = (struct pages_job){ .reply = r, .from = from, .to = to, .done = done, .arg = arg };
	reply_ref(r);
	if (lane_submit(lane, l, run, finish, j)) return j;
	reply_unref(&j->reply);
	free(j);
	return NULL;
}

void pages_forget(struct pages_job **jp)
{
	if (*jp == NULL) return;
	(*jp)->done = NULL;
	*jp = NULL;
}
