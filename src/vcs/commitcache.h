/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of a repository's commits, which never change: their times, which folders have a go.mod, and small
 * files. So a second question about a commit needs no git, nor does one about a folder that is no module. Bounded:
 * over the bounds it forgets all. Any thread. */
#ifndef VCS_COMMITCACHE_H
#define VCS_COMMITCACHE_H

#include "base/buf.h"
#include "base/map.h"

#include <pthread.h>

#define COMMITCACHE_MAX      (1u << 20) /* bytes, of one repository */
#define COMMITCACHE_FILE_MAX 65536

struct commitcache {
	pthread_mutex_t mutex;
	struct map entries;
	size_t bytes;
};

void commitcache_init(struct commitcache *c);
void commitcache_deinit(struct commitcache *c);
void commitcache_clear(struct commitcache *c);

bool commitcache_time(struct commitcache *c, struct mg_span commit, int64_t *time_s);
void commitcache_put_time(struct commitcache *c, struct mg_span commit, int64_t time_s);

enum commitcache_answer {
	COMMITCACHE_UNKNOWN,
	COMMITCACHE_ABSENT,
	COMMITCACHE_THERE, /* and its bytes were appended */
};
enum commitcache_answer commitcache_file(struct commitcache *c, struct mg_span commit,
					 struct mg_span path, struct mg_buf *out);
/* Larger ones than COMMITCACHE_FILE_MAX are not kept. */
void commitcache_put_file(struct commitcache *c, struct mg_span commit, struct mg_span path,
			  struct mg_span bytes);
void commitcache_put_absent(struct commitcache *c, struct mg_span commit, struct mg_span path);
/* The go.mod files of the commit are exactly these paths, each followed by a NUL. */
void commitcache_put_modules(struct commitcache *c, struct mg_span commit, struct mg_span paths);
bool commitcache_has_modules(struct commitcache *c, struct mg_span commit);

#endif
