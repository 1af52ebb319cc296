/* SPDX-License-Identifier: Apache-2.0 */
/* What a remote has: its branches, tags and HEAD, as `git ls-remote` prints them (protocol §3.5). Nothing else
 * counts. Immutable once parsed, and counted, so that threads share one. */
#ifndef VCS_REMOTEREFS_H
#define VCS_REMOTEREFS_H

#include "base/buf.h"
#include "base/err.h"

#include <stdatomic.h>

#define REMOTEREFS_MAX (1u << 20) /* branches and tags */

struct remoteref {
	struct mg_span name; /* "HEAD", "refs/heads/…", "refs/tags/…" */
	struct mg_span
		hash; /* of the commit: annotated tags are peeled. 40 or 64 lower-case digits */
};

struct remoterefs {
	struct remoteref *v; /* sorted by name */
	size_t n;
	size_t hash_n;     /* 40, or 64 when the repository is of SHA-256 */
	uint64_t asked_ms; /* clock_mono_ms() when the question was put; the parser leaves it 0 */
	uint8_t sum[32];   /* of all of it: the same refs, the same sum */
	struct mg_buf text;
	atomic_uint users;
};

/* Takes the bytes over (*text is empty afterwards, whatever is returned). MG_CORRUPT: that is not what git
 * prints. The result has one user. */
MG_CHECK enum mg_code remoterefs_parse(struct mg_buf *text, struct remoterefs **out,
				       struct mg_err *err);
struct remoterefs *remoterefs_hold(struct remoterefs *r);
void remoterefs_release(struct remoterefs **r); /* fine on NULL */
/* NULL: there is none of that name. */
const struct remoteref *remoterefs_find(const struct remoterefs *r, struct mg_span name);

/* Lower-case hexadecimal digits only, 7 to hash_n of them: what may be the beginning of a commit's hash. */
bool remoterefs_is_hash(struct mg_span rev, size_t hash_n);

#endif
