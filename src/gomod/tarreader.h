/* SPDX-License-Identifier: Apache-2.0 */
/* The tar that `git archive` writes (POSIX.1-2017 pax, section "pax Interchange Format"; ustar with 'g' and 'x'
 * extended headers), in pieces as they come. Other writers' extensions (GNU long names, sparse files, base-256
 * numbers) are refused. Memory: the extended header of one entry. One thread at a time. */
#ifndef GOMOD_TARREADER_H
#define GOMOD_TARREADER_H

#include "base/buf.h"
#include "base/err.h"

#define TARREADER_NAME_MAX 65536 /* of an entry, or of an extended header */

struct tarreader_entry {
	struct mg_span
		path; /* as it stands there; a directory's ends with a slash. Until the next call */
	enum tarreader_kind {
		TARREADER_FILE,
		TARREADER_LINK, /* symbolic */
		TARREADER_FOLDER,
	} kind;
	uint64_t size; /* of a file; 0 for the others */
};

/* Any result but MG_OK ends the work with it. */
struct tarreader_sink {
	enum mg_code (*begin)(void *arg, const struct tarreader_entry *e, struct mg_err *err);
	/* The content of the file begun last, exactly its size in all. */
	enum mg_code (*data)(void *arg, struct mg_span piece, struct mg_err *err);
	void *arg;
};

struct tarreader {
	struct tarreader_sink sink;
	enum {
		TARREADER_HEAD,
		TARREADER_EXTENDED, /* the content of an 'x' header is being collected */
		TARREADER_SKIPPED,  /* that of a 'g' header */
		TARREADER_CONTENT,
		TARREADER_PADDING,
		TARREADER_END, /* two zero blocks; what follows is not looked at */
	} state;
	char block[512];
	size_t block_n;
	uint64_t left;  /* bytes of content, or of padding, to come */
	size_t padding; /* after the content */
	unsigned zeros; /* zero blocks in a row */
	struct mg_buf extended, path;
	bool has_path, has_size; /* told by an extended header, for the next entry */
	uint64_t size;
};

void tarreader_init(struct tarreader *t, const struct tarreader_sink *sink); /* *sink is copied */
void tarreader_deinit(struct tarreader *t);
/* MG_CORRUPT (VCS): no such tar. */
MG_CHECK enum mg_code tarreader_feed(struct tarreader *t, struct mg_span bytes, struct mg_err *err);
/* After the last byte. MG_CORRUPT: it was cut. */
MG_CHECK enum mg_code tarreader_end(const struct tarreader *t, struct mg_err *err);

#endif
