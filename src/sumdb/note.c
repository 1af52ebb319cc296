/* SPDX-License-Identifier: Apache-2.0 */
#include "sumdb/note.h"

#include "base/hex.h"
#include "gomod/rune.h"
#include "sumdb/b64.h"

#define DASH "\xe2\x80\x94 " /* U+2014 and a space */

/* The hash of a key and an Ed25519 signature take 68 bytes; other algorithms have longer ones. */
#define RAW_MIN 5

/* Well-formed UTF-8 without control bytes but LF. */
static bool is_clean(struct mg_span s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 && s.p[i] != '\n') return false;
	return rune_valid(s);
}

static ptrdiff_t last_empty_line(struct mg_span s)
{
	for (size_t i = s.n; i >= 2; i--)
		if (s.p[i - 1] == '\n' && s.p[i - 2] == '\n') return (ptrdiff_t)(i - 2);
	return -1;
}

/* How many known keys have this name and hash; the last of them in *key. */
static size_t find_key(const struct note_signature *s, const struct notekey *known, size_t n,
		       const struct notekey **key)
{
	size_t found = 0;
	for (size_t i = 0; i < n; i++) {
		if (known[i].hash != s->hash || !span_eq(span_of(known[i].name), s->name)) continue;
		*key = &known[i];
		found++;
	}
	return found;
}

/* A second signature by a known key is not looked at, nor the same line by an unknown one. */
static bool is_repeated(const struct note *n, const struct note_signature *s, bool known)
{
	for (size_t i = 0; i < n->signatures; i++) {
		const struct note_signature *old = &n->signature[i];
		if (old->verified != known || old->hash != s->hash || !span_eq(old->name, s->name))
			continue;
		if (known || span_eq(old->base64, s->base64)) return true;
	}
	return false;
}

/* line = NAME SP BASE64; the hash and the signature proper go to *raw */
static bool parse_signature(struct mg_span line, struct note_signature *s, struct mg_buf *raw)
{
	s->base64 = line;
	s->name = span_cut(&s->base64, ' ');
	if (!notekey_name_is_valid(s->name) || !b64_decode(s->base64, raw) || raw->n < RAW_MIN)
		return false;
	const unsigned char *b = (const unsigned char *)raw->p;
	s->hash = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
	return true;
}

static enum note_verdict take_signature(struct mg_span line, const struct notekey *known, size_t n,
					struct note *out)
{
	struct note_signature s = { 0 };
	struct mg_buf raw = BUF_MAX(line.n + 3);
	const struct notekey *key = NULL;
	enum note_verdict verdict = NOTE_MALFORMED;
	if (!parse_signature(line, &s, &raw)) goto out;

	verdict = NOTE_GOOD;
	size_t keys = find_key(&s, known, n, &key);
	if (keys > 1) {
		verdict = NOTE_AMBIGUOUS;
		goto out;
	}
	if (is_repeated(out, &s, keys == 1)) goto out;
	if (keys == 1) {
		s.verified = ed25519_verify(key->key, out->text, span_from(buf_span(&raw), 4));
		if (!s.verified) {
			verdict = NOTE_BAD_SIGNATURE;
			goto out;
		}
		out->verified++;
	}
	out->signature[out->signatures++] = s;
out:
	buf_deinit(&raw);
	return verdict;
}

/* note = text LF 1*(DASH NAME SP BASE64 LF); the last empty line is the one between */
enum note_verdict note_open(struct mg_span message, const struct notekey *known, size_t n,
			    struct note *out)
{
	if (message.n > NOTE_SIZE_MAX || !is_clean(message)) return NOTE_MALFORMED;
	ptrdiff_t split = last_empty_line(message);
	if (split < 0) return NOTE_MALFORMED;
	struct mg_span rest = span_from(message, (size_t)split + 2);
	if (!span_has_suffix(rest, SPAN("\n"))) return NOTE_MALFORMED;

	out->text = span_first(message, (size_t)split + 1);
	out->signatures = out->verified = 0;
	for (size_t lines = 1; rest.n > 0; lines++) {
		struct mg_span line = span_cut(&rest, '\n');
		if (!span_has_prefix(line, SPAN(DASH))) return NOTE_MALFORMED;
		if (lines > NOTE_SIGNATURES_MAX) return NOTE_MALFORMED;
		enum note_verdict verdict =
			take_signature(span_from(line, sizeof DASH - 1), known, n, out);
		if (verdict != NOTE_GOOD) return verdict;
	}
	return out->verified > 0 ? NOTE_GOOD : NOTE_UNVERIFIED;
}

enum mg_code note_check(struct mg_span message, const struct notekey *known, size_t n,
			struct note *out, struct mg_err *err)
{
	const char *why = "is malformed";
	switch (note_open(message, known, n, out)) {
	case NOTE_GOOD:
		return MG_OK;
	case NOTE_MALFORMED:
		break;
	case NOTE_UNVERIFIED:
		why = "is not signed by the key that was expected";
		break;
	case NOTE_BAD_SIGNATURE:
		why = "has a wrong signature";
		break;
	case NOTE_AMBIGUOUS:
		why = "is signed by one of two keys with the same hash";
		break;
	}
	return err_set(err, MG_CORRUPT, MG_CAUSE_PROOF, "a signed note of %s %s",
		       n > 0 ? known[0].name : "a checksum database", why);
}

static void print_signature(struct mg_span name, struct mg_span base64, struct mg_buf *out)
{
	buf_append_str(out, DASH);
	buf_append(out, name);
	buf_append_char(out, ' ');
	buf_append(out, base64);
	buf_append_char(out, '\n');
}

static bool is_replaced(const struct note_signature *s, const struct notekey_secret *keys, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (keys[i].public.hash == s->hash &&
		    span_eq(span_of(keys[i].public.name), s->name))
			return true;
	return false;
}

/* Does the hash stand in front of the signature too? */
static bool is_consistent(const struct note_signature *s)
{
	struct mg_buf raw = BUF_MAX(s->base64.n + 3);
	struct note_signature again = *s;
	bool ok = notekey_name_is_valid(s->name) && b64_decode(s->base64, &raw) && raw.n >= 4;
	if (ok) {
		const unsigned char *b = (const unsigned char *)raw.p;
		again.hash =
			(uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
	}
	buf_deinit(&raw);
	return ok && again.hash == s->hash;
}

static void print_new(const struct notekey_secret *key, struct mg_span text, struct mg_buf *out)
{
	uint32_t h = key->public.hash;
	uint8_t raw[4 + ED25519_SIGNATURE_SIZE] = { (uint8_t)(h >> 24), (uint8_t)(h >> 16),
						    (uint8_t)(h >> 8), (uint8_t)h };
	struct mg_buf base64 = BUF_MAX(4 * sizeof raw);
	ed25519_sign(key->seed, text, raw + 4);
	hex_base64_encode(span_make(raw, sizeof raw), &base64);
	print_signature(span_of(key->public.name), buf_span(&base64), out);
	buf_deinit(&base64);
}

bool note_sign(const struct note *unsigned_note, const struct notekey_secret *keys, size_t n,
	       struct mg_buf *out)
{
	struct mg_span text = unsigned_note->text;
	if (!span_has_suffix(text, SPAN("\n"))) return false;
	for (size_t i = 0; i < unsigned_note->signatures; i++) {
		const struct note_signature *s = &unsigned_note->signature[i];
		if (!is_replaced(s, keys, n) && !is_consistent(s)) return false;
	}
	buf_append(out, text);
	buf_append_char(out, '\n');
	/* Verified ones first, as Go prints them. */
	for (size_t i = 0; i < 2 * unsigned_note->signatures; i++) {
		const struct note_signature *s =
			&unsigned_note->signature[i % unsigned_note->signatures];
		if (s->verified == (i < unsigned_note->signatures) && !is_replaced(s, keys, n))
			print_signature(s->name, s->base64, out);
	}
	for (size_t i = 0; i < n; i++)
		print_new(&keys[i], text, out);
	return !buf_failed(out);
}
