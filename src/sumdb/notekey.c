/* SPDX-License-Identifier: Apache-2.0 */
#include "sumdb/notekey.h"

#include "base/hex.h"
#include "crypto/sha256.h"
#include "crypto/wipe.h"
#include "gomod/rune.h"
#include "sumdb/b64.h"

#define ALGORITHM_ED25519 1

bool notekey_name_is_valid(struct mg_span name)
{
	if (name.n == 0 || !rune_valid(name) || span_index(name, '+') >= 0) return false;
	/* Names are kept as strings: what stands behind it would be in no hash. */
	if (span_index(name, '\0') >= 0) return false;
	while (name.n > 0)
		if (rune_is_space(rune_next(&name))) return false;
	return true;
}

static uint32_t key_hash(struct mg_span name, struct mg_span algorithm_and_key)
{
	struct sha256 sum = { 0 };
	uint8_t digest[SHA256_SIZE];
	sha256_init(&sum);
	sha256_update(&sum, name);
	sha256_update(&sum, SPAN("\n"));
	sha256_update(&sum, algorithm_and_key);
	sha256_final(&sum, digest);
	return (uint32_t)digest[0] << 24 | (uint32_t)digest[1] << 16 | (uint32_t)digest[2] << 8 |
	       digest[3];
}

static bool parse_hash(struct mg_span s, uint32_t *out)
{
	char lower[8];
	uint8_t bytes[4];
	if (s.n != sizeof lower) return false;
	for (size_t i = 0; i < sizeof lower; i++)
		lower[i] = s.p[i] >= 'A' && s.p[i] <= 'F' ? (char)(s.p[i] + 'a' - 'A') : s.p[i];
	if (!hex_decode(span_make(lower, sizeof lower), bytes, sizeof bytes)) return false;
	*out = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
	       bytes[3];
	return true;
}

static enum mg_code malformed(struct mg_err *err, const char *what)
{
	return err_set(err, MG_INVALID, MG_CAUSE_PROOF,
		       "the key of the checksum database %s; it should look like NAME+HASH+KEY",
		       what);
}

/* The algorithm and 32 bytes of key behind it. */
struct blob {
	uint8_t algorithm;
	uint8_t key[32];
};

/* rest = NAME "+" 8HEXDIG "+" BASE64 */
static enum mg_code parse_parts(struct mg_span rest, struct notekey *out, struct blob *blob,
				struct mg_err *err)
{
	struct mg_span name = span_cut(&rest, '+');
	struct mg_span hash = span_cut(&rest, '+');
	struct mg_buf bytes = BUF_MAX(sizeof *blob);
	enum mg_code rc = MG_OK;
	if (!parse_hash(hash, &out->hash) || !notekey_name_is_valid(name) ||
	    name.n > NOTEKEY_NAME_MAX || !b64_decode(rest, &bytes) || bytes.n == 0)
		rc = malformed(err, "is malformed");
	else if (bytes.p[0] != ALGORITHM_ED25519)
		rc = malformed(err, "is of an algorithm that is not known");
	else if (bytes.n != sizeof *blob)
		rc = malformed(err, "is not 32 bytes long");
	if (rc == MG_OK) {
		memcpy(blob, bytes.p, sizeof *blob);
		memcpy(out->name, name.p, name.n);
		out->name[name.n] = '\0';
	}
	buf_deinit(&bytes);
	return rc;
}

enum mg_code notekey_parse(struct mg_span text, struct notekey *out, struct mg_err *err)
{
	struct notekey k = { 0 };
	struct blob blob;
	enum mg_code rc = parse_parts(text, &k, &blob, err);
	if (rc != MG_OK) return rc;
	if (key_hash(span_of(k.name), span_make(&blob, sizeof blob)) != k.hash)
		return malformed(err, "does not belong to its hash");
	memcpy(k.key, blob.key, sizeof k.key);
	*out = k;
	return MG_OK;
}

bool notekey_make(struct mg_span name, const uint8_t seed[ED25519_SEED_SIZE],
		  struct notekey_secret *out)
{
	struct blob blob = { .algorithm = ALGORITHM_ED25519 };
	if (!notekey_name_is_valid(name) || name.n > NOTEKEY_NAME_MAX) return false;
	*out = (struct notekey_secret){ 0 };
	memcpy(out->public.name, name.p, name.n);
	memcpy(out->seed, seed, sizeof out->seed);
	ed25519_public(seed, blob.key);
	memcpy(out->public.key, blob.key, sizeof blob.key);
	out->public.hash = key_hash(name, span_make(&blob, sizeof blob));
	return true;
}

enum mg_code notekey_parse_secret(struct mg_span text, struct notekey_secret *out,
				  struct mg_err *err)
{
	struct notekey k = { 0 };
	struct blob blob = { 0 };
	struct mg_span prefix = SPAN("PRIVATE+KEY+");
	if (!span_has_prefix(text, prefix)) return malformed(err, "is no secret key");
	enum mg_code rc = parse_parts(span_from(text, prefix.n), &k, &blob, err);
	if (rc == MG_OK &&
	    (!notekey_make(span_of(k.name), blob.key, out) || out->public.hash != k.hash)) {
		notekey_wipe(out);
		rc = malformed(err, "does not belong to its hash");
	}
	wipe_bytes(&blob, sizeof blob);
	return rc;
}

static void print(const struct notekey *k, const uint8_t key[32], struct mg_buf *out)
{
	struct blob blob = { .algorithm = ALGORITHM_ED25519 };
	memcpy(blob.key, key, sizeof blob.key);
	buf_printf(out, "%s+%08x+", k->name, k->hash);
	hex_base64_encode(span_make(&blob, sizeof blob), out);
	wipe_bytes(&blob, sizeof blob);
}

void notekey_print(const struct notekey *k, struct mg_buf *out)
{
	print(k, k->key, out);
}

void notekey_print_secret(const struct notekey_secret *k, struct mg_buf *out)
{
	buf_append_str(out, "PRIVATE+KEY+");
	print(&k->public, k->seed, out);
}

void notekey_wipe(struct notekey_secret *k)
{
	wipe_bytes(k, sizeof *k);
}
