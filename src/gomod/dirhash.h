/* SPDX-License-Identifier: Apache-2.0 */
/* "h1:", the hash of go.sum and the checksum database: over names and contents of a module's files,
 * not over the bytes of its zip (protocol §4.6). Any thread. */
#ifndef GOMOD_DIRHASH_H
#define GOMOD_DIRHASH_H

#include "base/span.h"
#include "crypto/sha256.h"

#define DIRHASH_SIZE 48 /* "h1:", 44 characters of base64, NUL */

struct dirhash_file {
	struct mg_span name; /* as in the zip, with "PATH@VERSION/"; a directory's ends in "/" */
	uint8_t sha256[SHA256_SIZE];
};

/* Sorts files by name. False when a name holds a line feed: such a list has no hash. */
bool dirhash_files(struct dirhash_file *files, size_t n, char out[DIRHASH_SIZE]);
/* The hash of a .mod file. */
void dirhash_gomod(struct mg_span bytes, char out[DIRHASH_SIZE]);

#endif
