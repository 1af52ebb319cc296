/* SPDX-License-Identifier: Apache-2.0 */
/* What is said in version 2 of git's protocol (gitprotocol-v2(5)), as far as it is used here: which refs are
 * there, and the newest commit of one without its history. No I/O; one thread at a time. What an answer makes no
 * sense of is MG_CORRUPT (HTTP); what the other side itself calls an error MG_UNAVAILABLE (HTTP), in its words. */
#ifndef VCS_PROTOCOL2_H
#define VCS_PROTOCOL2_H

#include "vcs/pktline.h"

#define PROTOCOL2_HASH_MAX 64 /* digits */

/* The greeting: the packets that answer the first request. How many digits the hashes of the repository have, 40 or
 * 64; 0: these are not the words of a server that speaks version 2, and can do what is asked of it here. */
size_t protocol2_greeting(struct mg_span answer);

/* The question for HEAD, branches and tags. */
void protocol2_ask_refs(struct mg_buf *out, size_t hash_n);

/* Reads the answer to it (a packet at a time, as pktline gives them) and appends what `git ls-remote` would print
 * of it. */
struct protocol2_refs {
	struct mg_buf *out;
	bool ended; /* is set by the packet that ends it */
};
enum mg_code protocol2_take_refs(void *refs, enum pktline_kind kind, struct mg_span payload,
				 struct mg_err *err);

/* The question for one commit without its history. */
struct protocol2_want {
	struct mg_span commit;
	/* Hashes, LF behind each, of commits that are there without their history. */
	struct mg_span have;
};
void protocol2_ask_commit(struct mg_buf *out, const struct protocol2_want *want);

/* Reads the answer to it. */
struct protocol2_pack {
	struct mg_span commit; /* that was asked for */
	/* Gets the bytes of the pack. Any result but MG_OK ends the reading with it. */
	enum mg_code (*write)(void *arg, struct mg_span bytes, struct mg_err *err);
	void *arg;
	/* Results: */
	bool is_shallow; /* the commit has parents, which were left out */
	bool ended;      /* is set by the packet that ends it */
	/* Where it is: */
	enum protocol2_section {
		PROTOCOL2_HEADING,
		PROTOCOL2_SHALLOW,
		PROTOCOL2_PACK,
	} section;
};
enum mg_code protocol2_take_pack(void *pack, enum pktline_kind kind, struct mg_span payload,
				 struct mg_err *err);

#endif
