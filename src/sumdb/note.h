/* SPDX-License-Identifier: Apache-2.0 */
/* A signed note (golang.org/x/mod/sumdb/note, protocol §6.4): a text and under it, behind an empty line,
 * signatures of which those by known keys must be right. Any thread. */
#ifndef SUMDB_NOTE_H
#define SUMDB_NOTE_H

#include "base/buf.h"
#include "base/err.h"
#include "sumdb/notekey.h"

#define NOTE_SIGNATURES_MAX 100 /* more make a note malformed */
#define NOTE_SIZE_MAX       (1u << 20)

enum note_verdict {
	NOTE_GOOD, /* at least one known key signed it, and no signature by a known key is bad */
	NOTE_MALFORMED,     /* no note */
	NOTE_UNVERIFIED,    /* well formed, but no known key signed it */
	NOTE_BAD_SIGNATURE, /* a signature by a known key is wrong */
	NOTE_AMBIGUOUS,     /* two different known keys have the same name and hash */
};

struct note_signature {
	struct mg_span name;
	uint32_t hash; /* of the key */
	struct mg_span base64;
	bool verified; /* false: by a key that is not known, which proves nothing */
};

struct note {
	struct mg_span text; /* what is signed, with its last LF */
	struct note_signature signature[NOTE_SIGNATURES_MAX];
	size_t signatures; /* repeated ones left out */
	size_t verified;   /* how many of them are */
};

/* Spans of *out are parts of message. *out is filled for NOTE_GOOD and NOTE_UNVERIFIED. */
enum note_verdict note_open(struct mg_span message, const struct notekey *known, size_t n,
			    struct note *out);
/* The same with the reason; all but NOTE_GOOD are MG_CORRUPT. */
MG_CHECK enum mg_code note_check(struct mg_span message, const struct notekey *known, size_t n,
				 struct note *out, struct mg_err *err);
/* Appends the text of *unsigned_note, its signatures but those of the signing keys, and new ones. False,
 * with nothing appended, when the text does not end in LF or an old signature is malformed. */
bool note_sign(const struct note *unsigned_note, const struct notekey_secret *keys, size_t n,
	       struct mg_buf *out);

#endif
