/* SPDX-License-Identifier: Apache-2.0 */
/* A complete answer, built once and sent any number of times: status, fields, and a body in memory
 * or in a file. Belongs to one loop (reference counts are not atomic). Immutable once it was sent. */
#ifndef HTTP_REPLY_H
#define HTTP_REPLY_H

#include "base/span.h"

struct growth;

/* A file body: shared by replies, let go of when the last reference goes. */
struct reply_file {
	int fd;
	uint64_t size;
	unsigned refs;
	void (*release)(struct reply_file *f); /* called at zero references */
	struct growth *growth; /* the file is still being written, up to size; NULL: it is whole */
	/* http's own, zero at first: the mapping by which residence is asked; gone before release. */
	void *map;
	bool unmappable;
	uint64_t seen_ms, seen_to; /* [0, seen_to) was found in memory, from that moment on */
};

struct reply_spec {
	int status;
	struct mg_span content_type;  /* empty: no body field */
	struct mg_span etag;          /* with quotes; empty: no conditional answers and no ranges */
	int64_t last_modified;        /* wall seconds; -1: none */
	struct mg_span cache_control; /* empty: none */
	struct mg_span fields;        /* further lines, each "Name: value\r\n" */
	struct mg_span body;          /* copied */
	struct reply_file *file;      /* or a file: one reference is taken */
	/* Where in body 16 characters stand that each sending replaces by the request's id (-1: none). */
	ptrdiff_t request_id_at;
	bool close;    /* the connection ends after this answer */
	unsigned kind; /* what it is counted as: enum metrics_kind */
};

struct reply;

struct reply *reply_new(const struct reply_spec *spec); /* one reference, the caller's */
void reply_ref(struct reply *r);
void reply_unref(struct reply **r);
int reply_status(const struct reply *r);
unsigned reply_kind(const struct reply *r);
/* For replies made where their kind is not known; before the first sending. */
void reply_count_as(struct reply *r, unsigned kind);
/* For the hot cache's budget: the memory it holds. An open file counts as REPLY_FILE_COST, so that the
 * budget bounds descriptors too. */
#define REPLY_FILE_COST (16u << 10)
size_t reply_bytes(const struct reply *r);

#endif
