/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of signed notes (protocol §6.4), Ed25519 only:
 *   public   NAME+HASH8+BASE64(0x01 || 32 bytes)
 *   secret   PRIVATE+KEY+NAME+HASH8+BASE64(0x01 || 32-byte seed)
 * HASH8: the first four bytes of sha256(NAME LF 0x01 public key) in hexadecimal. Any thread. */
#ifndef SUMDB_NOTEKEY_H
#define SUMDB_NOTEKEY_H

#include "base/buf.h"
#include "base/err.h"
#include "crypto/ed25519.h"

#define NOTEKEY_NAME_MAX 255

struct notekey {
	char name[NOTEKEY_NAME_MAX + 1];
	uint32_t hash;
	uint8_t key[ED25519_PUBLIC_SIZE];
};

/* The signing half. Wipe it (notekey_wipe) where it ends. */
struct notekey_secret {
	struct notekey public;
	uint8_t seed[ED25519_SEED_SIZE];
};

/* Not empty, well-formed UTF-8 without white space, "+" and NUL. */
bool notekey_name_is_valid(struct mg_span name);
/* The text of a public key, without white space around it. MG_INVALID: malformed, of another algorithm,
 * or its hash is not that of its name and key. */
MG_CHECK enum mg_code notekey_parse(struct mg_span text, struct notekey *out, struct mg_err *err);
MG_CHECK enum mg_code notekey_parse_secret(struct mg_span text, struct notekey_secret *out,
					   struct mg_err *err);
/* A key pair of a seed (32 random bytes). False when the name is not valid or too long. */
bool notekey_make(struct mg_span name, const uint8_t seed[ED25519_SEED_SIZE],
		  struct notekey_secret *out);
void notekey_print(const struct notekey *k, struct mg_buf *out);
void notekey_print_secret(const struct notekey_secret *k, struct mg_buf *out);
void notekey_wipe(struct notekey_secret *k);

#endif
