/* SPDX-License-Identifier: Apache-2.0 */
/* The answer to a lookup (protocol §6.3): the number of a record, its text, an empty line, the signed
 * head of a tree. Only the text is in the tree; nothing else of the answer may be believed. Any thread. */
#ifndef SUMDB_LOOKUP_H
#define SUMDB_LOOKUP_H

#include "base/buf.h"
#include "base/err.h"
#include "gomod/dirhash.h"

#define LOOKUP_SIZE_MAX (256u << 10) /* bytes of an answer */
#define LOOKUP_PATH_MAX 4096

struct lookup {
	uint64_t record;     /* its number in the log, from 0 */
	struct mg_span text; /* with its last LF */
	struct mg_span note; /* not looked at */
};

/* Of a module's zip and its go.mod. */
struct lookup_sums {
	char zip[DIRHASH_SIZE];
	char mod[DIRHASH_SIZE];
};

/* Where the answer is: "lookup/EPATH@EVERSION", escaped. MG_INVALID: no module path or version. */
MG_CHECK enum mg_code lookup_path(struct mg_span path, struct mg_span version, struct mg_buf *out,
				  struct mg_err *err);
/* False when malformed; spans of *out are parts of answer. */
bool lookup_parse(struct mg_span answer, struct lookup *out);
/* Appends a record's number, text and empty line. False when no record may have this text. */
bool lookup_print(uint64_t record, struct mg_span text, struct mg_buf *out);
/* The lines "PATH VERSION h1:…" and "PATH VERSION/go.mod h1:…" of a record's text: both have to be
 * there, once (CVE-2026-42501). MG_CORRUPT otherwise. */
MG_CHECK enum mg_code lookup_find(struct mg_span text, struct mg_span path, struct mg_span version,
				  struct lookup_sums *out, struct mg_err *err);

#endif
