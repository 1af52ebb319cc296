/* SPDX-License-Identifier: Apache-2.0 */
/* What mirror.c and mirrors.c share. All members that change are guarded by the mutex of mirrors, but for the
 * counters; a mirror's folder belongs to who has made it busy. */
#ifndef VCS_MIRROR_INTERNAL_H
#define VCS_MIRROR_INTERNAL_H

#include "base/map.h"
#include "vcs/mirror.h"

#include <pthread.h>

/* One remote host and the commands that talk to it. */
struct mirror_host {
	struct map_node node; /* by name */
	unsigned running, mirrors;
	uint64_t due_ms; /* of the rate: how far what was taken runs ahead of the clock */
};

struct mirror {
	struct map_node node; /* by URL */
	struct mirrors *all;
	struct mirror_host *host;
	char *url, *path;
	unsigned users;
	bool busy;          /* a command changes it, or asks its remote */
	uint64_t old_ms;    /* what was known of its refs before is not to be believed */
	uint64_t failed_ms; /* when its remote was last asked in vain, and why */
	struct mg_err failure;
	bool clean;       /* what a killed git may have left was removed since this process began */
	bool whole;       /* it has all of the refs whose sum is whole_sum */
	bool large;       /* too large to be made whole unasked, or that has failed */
	bool small_first; /* it has taken its first commits, and is not whole */
	uint64_t touched_ms;
	uint64_t made_ms; /* when its folder was made by this process; 0: before */
	uint8_t whole_sum[32];
	struct remoterefs *refs; /* NULL: never asked */
	atomic_uint growth, generation;
	char *at, *pins, *protocols; /* of the last use */
	enum reach reach;
	bool only_git; /* its remote does not speak version 2 of git's protocol over HTTP */
	size_t hash_n; /* it does, and its hashes have so many digits; 0: not known */
	struct commitcache commits;
};

struct mirrors {
	const struct vcs_options *options;
	const char *git;
	pthread_mutex_t mutex;
	pthread_cond_t changed; /* somebody is no longer busy */
	struct map by_url, hosts;
	uint64_t trimmed_ms; /* the last time that their sizes were looked at; 0: not yet */
};

/* Alone in the mirror, and one of few at its host; MG_CANCELED, or MG_TIMEOUT after command_ms. */
MG_CHECK enum mg_code mirror_enter(const struct mirror_use *u, struct mg_err *err);
void mirror_leave(const struct mirror_use *u);
/* Where git and we go for it. */
struct mg_span mirror_remote(const struct vcs_place *place);
/* Busy: what many small fetches have left is put into one pack. */
void mirror_pack(const struct mirror_use *u);

#endif
