/* SPDX-License-Identifier: Apache-2.0 */
#include "sumdb/lookup.h"

#include "gomod/modpath.h"
#include "gomod/rune.h"
#include "sumdb/b64.h"

enum mg_code lookup_path(struct mg_span path, struct mg_span version, struct mg_buf *out,
			 struct mg_err *err)
{
	if (path.n + version.n > LOOKUP_PATH_MAX / 2 - 16)
		return err_set(err, MG_INVALID, MG_CAUSE_NONE, "the module's name is too long");
	buf_append_str(out, "lookup/");
	enum mg_code rc = modpath_escape(path, out, err);
	buf_append_char(out, '@');
	if (rc == MG_OK) rc = modpath_escape_rev(version, out, err);
	return rc;
}

/* text = 1*line, well-formed UTF-8 without control bytes; no line but the first is empty */
static bool is_text(struct mg_span s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\n' && i > 0 && s.p[i - 1] == '\n') return false;
		if ((unsigned char)s.p[i] < 0x20 && s.p[i] != '\n') return false;
	}
	return span_has_suffix(s, SPAN("\n")) && rune_valid(s);
}

/* answer = number LF text LF note */
bool lookup_parse(struct mg_span answer, struct lookup *out)
{
	struct mg_span rest = answer;
	if (!span_u64(span_cut(&rest, '\n'), INT64_MAX, &out->record) || rest.p == NULL)
		return false;
	ptrdiff_t end = span_find(rest, SPAN("\n\n"));
	if (end < 0) return false;
	out->text = span_first(rest, (size_t)end + 1);
	out->note = span_from(rest, (size_t)end + 2);
	return is_text(out->text);
}

bool lookup_print(uint64_t record, struct mg_span text, struct mg_buf *out)
{
	if (!is_text(text)) return false;
	buf_append_u64(out, record);
	buf_append_char(out, '\n');
	buf_append(out, text);
	return buf_append_char(out, '\n');
}

/* "h1:" and 32 bytes of base64 */
static bool is_h1(struct mg_span s)
{
	uint8_t digest[SHA256_SIZE];
	return s.n == DIRHASH_SIZE - 1 && span_has_prefix(s, SPAN("h1:")) &&
	       b64_decode_exact(span_from(s, 3), digest, sizeof digest);
}

static bool take_word(struct mg_span *line, struct mg_span word)
{
	if (!span_has_prefix(*line, word)) return false;
	*line = span_from(*line, word.n);
	return true;
}

/* line = path SP version ["/go.mod"] SP hash; hashes of algorithms to come are passed over */
static enum mg_code take_line(struct mg_span line, struct mg_span path, struct mg_span version,
			      struct lookup_sums *out, struct mg_err *err)
{
	struct mg_span rest = line;
	if (!take_word(&rest, path) || !take_word(&rest, SPAN(" ")) || !take_word(&rest, version))
		return MG_OK;
	char *to = take_word(&rest, SPAN("/go.mod")) ? out->mod : out->zip;
	if (!take_word(&rest, SPAN(" ")) || !span_has_prefix(rest, SPAN("h1:"))) return MG_OK;
	if (!is_h1(rest))
		return err_set(err, MG_CORRUPT, MG_CAUSE_PROOF,
			       "the checksum database's record has a malformed hash");
	if (to[0] != '\0' && !span_eq(span_of(to), rest))
		return err_set(err, MG_CORRUPT, MG_CAUSE_PROOF,
			       "the checksum database's record has two hashes for one file");
	memcpy(to, rest.p, rest.n);
	to[rest.n] = '\0';
	return MG_OK;
}

enum mg_code lookup_find(struct mg_span text, struct mg_span path, struct mg_span version,
			 struct lookup_sums *out, struct mg_err *err)
{
	struct lookup_sums sums = { 0 };
	struct mg_span rest = text;
	while (rest.p != NULL) {
		enum mg_code rc = take_line(span_cut(&rest, '\n'), path, version, &sums, err);
		if (rc != MG_OK) return rc;
	}
	if (sums.zip[0] == '\0' || sums.mod[0] == '\0')
		return err_set(err, MG_CORRUPT, MG_CAUSE_PROOF,
			       "the checksum database's record has no hash of the module's %s",
			       sums.zip[0] == '\0' ? "zip" : "go.mod");
	*out = sums;
	return MG_OK;
}
