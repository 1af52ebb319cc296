/* SPDX-License-Identifier: Apache-2.0 */
#include "record/procstat.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/span.h"
#include "record/metrics.h"

/* statm(5): size resident … in pages */
static void publish_memory(void)
{
	char text[128];
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	if (fd < 0) return;
	const ssize_t n = read(fd, text, sizeof text);
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t size, resident;

	close(fd);
	if (n <= 0) return;
	struct mg_span rest = span_make(text, (size_t)n);
	if (!span_u64(span_cut(&rest, ' '), UINT64_MAX, &size) ||
	    !span_u64(span_cut(&rest, ' '), UINT64_MAX, &resident))
		return;
	metrics_set(METRICS_PROCESS_VIRTUAL, size * page);
	metrics_set(METRICS_PROCESS_RSS, resident * page);
}

/* Linux 6.2 and later tell the number as the folder's size; before, it has to be counted. */
static uint64_t open_descriptors(void)
{
	struct stat st;
	uint64_t n = 0;

	if (stat("/proc/self/fd", &st) == 0 && st.st_size > 0) return (uint64_t)st.st_size;
	DIR *d = opendir("/proc/self/fd");
	if (d == NULL) return 0;
	for (struct dirent *e; (e = readdir(d)) != NULL;)
		n += e->d_name[0] != '.';
	closedir(d);
	return n - 1; /* the folder's own */
}

static uint64_t us_of(struct timeval t)
{
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_usec;
}

void procstat_publish(void)
{
	static _Atomic uint64_t started_s;
	uint64_t none = 0;
	struct rlimit files;
	struct rusage usage;

	atomic_compare_exchange_strong(&started_s, &none, (uint64_t)clock_wall_s());
	publish_memory();
	metrics_set(METRICS_PROCESS_START_S, atomic_load(&started_s));
	metrics_set(METRICS_PROCESS_FDS, open_descriptors());
	if (getrlimit(RLIMIT_NOFILE, &files) == 0)
		metrics_set(METRICS_PROCESS_FDS_MAX, files.rlim_cur);
	if (getrusage(RUSAGE_SELF, &usage) == 0)
		metrics_set(METRICS_PROCESS_CPU_US, us_of(usage.ru_utime) + us_of(usage.ru_stime));
}
