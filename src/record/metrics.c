/* SPDX-License-Identifier: Apache-2.0 */
#include "record/metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"

struct host {
	/* Written once, before named is set. Fetch writes here, front reads: it believes no length. */
	char name[METRICS_HOST_NAME];
	_Atomic uint32_t named;
	_Atomic uint32_t open;
	_Atomic uint64_t requests[METRICS_CLASSES];
};

struct region {
	uint64_t layout;
	uint32_t workers;
	struct host hosts[METRICS_HOSTS_MAX + 1];
	struct metrics_page page[]; /* of the processes, then of the workers */
};

static struct {
	struct region region;
	struct metrics_page page[METRICS_PROCESSES];
} alone;
_Static_assert(sizeof alone ==
		       sizeof(struct region) + METRICS_PROCESSES * sizeof(struct metrics_page),
	       "the pages follow the region");

static struct region *region = &alone.region;
static unsigned front;   /* which one we are */
static unsigned workers; /* not read from the region again: others write there */
static enum metrics_process self = METRICS_SUPERVISOR;
static pthread_mutex_t naming = PTHREAD_MUTEX_INITIALIZER;

_Thread_local struct metrics_page *metrics_own_page;

static const unsigned gauges[][2] = {
	{ METRICS_CONNECTIONS, METRICS_CONNECTIONS_LAST },
	{ METRICS_TLS_GREETING, METRICS_TLS_GREETING_LAST },
	{ METRICS_FLIGHTS, METRICS_FLIGHTS_LAST },
	{ METRICS_LANE_WAITING, METRICS_LANE_THREADS_LAST },
	{ METRICS_PROCESS_RSS, METRICS_PROCESS_START_S_LAST },
};

static const int statuses[METRICS_CODES] = {
	200, 204, 206, 304, 400, 403, 404, 405, 408, 410, 412, 413, 414,
	416, 417, 429, 431, 500, 501, 502, 503, 504, 505, 508, 0,
};

void metrics_add_shared(unsigned slot, uint64_t n)
{
	atomic_fetch_add_explicit(&region->page[self].slot[slot], n, memory_order_relaxed);
}

void metrics_set(unsigned slot, uint64_t v)
{
	atomic_store_explicit(&region->page[self].slot[slot], v, memory_order_relaxed);
}

uint64_t metrics_bound_us(unsigned bucket)
{
	static const uint64_t bounds[METRICS_BUCKETS] = {
		1000,    5000,    10000,   25000,    50000,    100000,   250000,     500000,
		1000000, 2500000, 5000000, 10000000, 30000000, 60000000, UINT64_MAX,
	};
	return bounds[bucket];
}

void metrics_observe(unsigned histogram, uint64_t us)
{
	unsigned bucket = 0;

	while (us > metrics_bound_us(bucket))
		bucket++;
	metrics_add(histogram + bucket, 1);
	if (us > 0) metrics_add(histogram + METRICS_BUCKETS, us);
}

unsigned metrics_code(int status)
{
	unsigned i = 0;

	while (i < METRICS_CODES - 1 && statuses[i] != status)
		i++;
	return i;
}

int metrics_status(unsigned code)
{
	return statuses[code];
}

/* --- upstreams --- */

static struct host *host_of(const char *name)
{
	struct host *h = region->hosts;

	pthread_mutex_lock(&naming);
	while (h < &region->hosts[METRICS_HOSTS_MAX] && atomic_load(&h->named) != 0 &&
	       strncmp(h->name, name, METRICS_HOST_NAME - 1) != 0)
		h++;
	if (h < &region->hosts[METRICS_HOSTS_MAX] && atomic_load(&h->named) == 0) {
		snprintf(h->name, sizeof h->name, "%s", name);
		atomic_store(&h->named, 1);
	}
	pthread_mutex_unlock(&naming);
	return h;
}

void metrics_upstream(const char *host, enum metrics_class class)
{
	atomic_fetch_add_explicit(&host_of(host)->requests[class], 1, memory_order_relaxed);
}

void metrics_breaker(const char *host, bool open)
{
	atomic_store_explicit(&host_of(host)->open, open, memory_order_relaxed);
}

void metrics_host(unsigned i, struct metrics_host *out)
{
	struct host *h = &region->hosts[i];

	*out = (struct metrics_host){ .open = atomic_load(&h->open) != 0 };
	if (i == METRICS_HOSTS_MAX) {
		snprintf(out->name, sizeof out->name, "other");
	} else if (atomic_load(&h->named) != 0) {
		memcpy(out->name, h->name, sizeof out->name);
		out->name[sizeof out->name - 1] = '\0';
	}
	for (unsigned c = 0; c < METRICS_CLASSES; c++)
		out->requests[c] = atomic_load_explicit(&h->requests[c], memory_order_relaxed);
}

/* --- the memory --- */

static size_t size_for(unsigned n)
{
	return sizeof(struct region) +
	       (METRICS_PROCESSES + METRICS_FRONTS * (size_t)n) * sizeof(struct metrics_page);
}

/* What stands where, as one number (FNV-1a): names and sizes of all slots, and what is around them. */
static uint64_t layout(void)
{
#define METRICS_TEXT(name, size) #name ":" #size "\n"
	static const char text[] = METRICS_SLOTS(METRICS_TEXT);
#undef METRICS_TEXT
	const uint64_t sizes[] = { METRICS_SLOT_COUNT, METRICS_PROCESSES, METRICS_FRONTS,
				   sizeof(struct region), sizeof(struct metrics_page) };
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < sizeof text; i++)
		h = (h ^ (unsigned char)text[i]) * 0x100000001b3u;
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
		h = (h ^ sizes[i]) * 0x100000001b3u;
	return h;
}

int metrics_create(unsigned n)
{
	const struct region head = { .layout = layout(), .workers = n };

	MG_ASSERT(n <= METRICS_WORKERS_MAX);
	int fd = memfd_create("metrics", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0) return -1;
	if (ftruncate(fd, (off_t)size_for(n)) != 0 ||
	    pwrite(fd, &head, sizeof head, 0) != (ssize_t)sizeof head ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW) != 0) {
		int why = errno;
		close(fd);
		errno = why;
		return -1;
	}
	return fd;
}

static void begin_gauges(struct metrics_page *page)
{
	for (size_t i = 0; i < sizeof gauges / sizeof gauges[0]; i++)
		for (unsigned slot = gauges[i][0]; slot <= gauges[i][1]; slot++)
			atomic_store(&page->slot[slot], 0);
}

/* Fetch could have written anything there. */
static bool read_head(int fd, struct region *head)
{
	struct stat st;

	return pread(fd, head, sizeof *head, 0) == (ssize_t)sizeof *head && fstat(fd, &st) == 0 &&
	       head->layout == layout() && head->workers <= METRICS_WORKERS_MAX &&
	       (size_t)st.st_size >= size_for(head->workers);
}

bool metrics_fits(int fd, unsigned n)
{
	struct region head;

	return read_head(fd, &head) && head.workers >= n;
}

bool metrics_attach(int fd, enum metrics_process process)
{
	struct region head;

	if (!read_head(fd, &head)) return false;
	struct region *r =
		mmap(NULL, size_for(head.workers), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (r == MAP_FAILED) return false;
	region = r;
	self = process;
	workers = head.workers;
	return true;
}

void metrics_begin(void)
{
	begin_gauges(&region->page[self]);
	for (unsigned i = 0; self == METRICS_FETCH && i <= METRICS_HOSTS_MAX; i++)
		atomic_store(&region->hosts[i].open, 0);
}

void metrics_begin_front(unsigned which)
{
	MG_ASSERT(which < METRICS_FRONTS);
	front = which;
	for (unsigned i = 0; i < workers; i++)
		begin_gauges(&region->page[METRICS_PROCESSES + front * workers + i]);
}

void metrics_own(unsigned worker)
{
	/* Alone there are no such pages: everybody shares. */
	if (worker < workers)
		metrics_own_page = &region->page[METRICS_PROCESSES + front * workers + worker];
}

uint64_t metrics_sum(unsigned slot)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < METRICS_PROCESSES + METRICS_FRONTS * workers; i++)
		sum += atomic_load_explicit(&region->page[i].slot[slot], memory_order_relaxed);
	return sum;
}

uint64_t metrics_of(enum metrics_process process, unsigned slot)
{
	return atomic_load_explicit(&region->page[process].slot[slot], memory_order_relaxed);
}
