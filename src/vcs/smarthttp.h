/* SPDX-License-Identifier: Apache-2.0 */
/* A repository asked over HTTP by ourselves, in version 2 of git's protocol (protocol2.h, gitprotocol-http(5)). No
 * redirect is followed. Calls block; any thread. Failures are told as of "git repository URL"; which of them another
 * way to ask could mend is the caller's to judge: MG_CORRUPT and MG_UNAVAILABLE of cause http are of the protocol. */
#ifndef VCS_SMARTHTTP_H
#define VCS_SMARTHTTP_H

#include "upstream/upstream.h"
#include "vcs/protocol2.h"

/* Below a repository's URL: what is asked first. */
#define SMARTHTTP_REFS "/info/refs?service=git-upload-pack"
/* The field by which version 2 is asked for. */
#define SMARTHTTP_FIELD "Git-Protocol: version=2"
/* The bytes of a greeting; what is longer is none. */
#define SMARTHTTP_GREETING_MAX (64u << 10)

struct smarthttp {
	struct upstream *upstream;
	struct mg_span url;   /* of the repository, for messages */
	struct mg_span login; /* the same with the login for its origin in it, if there is one */
	enum reach reach;
	const struct cancel *cancel;
	uint64_t until_ms; /* clock_mono_ms() at which an answer that still comes is too late */
};

/* Does it speak version 2? *hash_n: the digits of its hashes; 0: no. */
MG_CHECK enum mg_code smarthttp_greet(const struct smarthttp *s, size_t *hash_n,
				      struct mg_err *err);
/* Appends what `git ls-remote` would print of HEAD, branches and tags; at most the buffer's maximum. */
MG_CHECK enum mg_code smarthttp_refs(const struct smarthttp *s, size_t hash_n, struct mg_buf *out,
				     struct mg_err *err);
/* Gets the pack, of at most max bytes, into pack->write. */
MG_CHECK enum mg_code smarthttp_pack(const struct smarthttp *s, const struct protocol2_want *want,
				     uint64_t max, struct protocol2_pack *pack, struct mg_err *err);

#endif
