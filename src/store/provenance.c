/* SPDX-License-Identifier: Apache-2.0 */
#include "store/provenance.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/check.h"
#include "base/hex.h"
#include "text/json.h"

static const char *const kind_names[PROVENANCE_KINDS] = { "info", "mod", "zip" };

enum provenance_kind provenance_kind_of(enum target_kind kind)
{
	switch (kind) {
	case TARGET_INFO:
		return PROVENANCE_INFO;
	case TARGET_MOD:
		return PROVENANCE_MOD;
	default:
		MG_ASSERT(kind == TARGET_ZIP);
		return PROVENANCE_ZIP;
	}
}

void provenance_key(const struct target *t, struct mg_buf *out)
{
	buf_printf(out, "modules/%.*s/@v/%.*s.provenance", SPAN_ARG(t->epath),
		   SPAN_ARG(t->eversion));
}

/* --- the file: {"modgate":1,"of":"EPATH@EVERSION","first_seen":S,"zip":{"sha256":…,"size":…,…},…} --- */

#define HEAD "{\"modgate\":1,\"of\":\""

/* Names have no character that JSON would escape. */
static bool take_name(struct mg_span *rest, const struct target *t)
{
	const struct mg_span parts[] = { t->epath, SPAN("@"), t->eversion };
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		if (!span_has_prefix(*rest, parts[i])) return false;
		*rest = span_from(*rest, parts[i].n);
	}
	return true;
}

static bool is_of_another(const struct json *root, const struct target *t)
{
	struct mg_span of;
	if (json_member(root, "of") == NULL) return false;
	return !json_as_string(json_member(root, "of"), &of) || !take_name(&of, t) || of.n > 0;
}

static bool parse_text(const struct json *object, const char *member, char *out, size_t size)
{
	struct mg_span s;
	if (!json_as_string(json_member(object, member), &s) || s.n >= size) return false;
	if (s.n > 0 && memchr(s.p, '\0', s.n) != NULL) return false;
	if (s.n > 0) memcpy(out, s.p, s.n);
	out[s.n] = '\0';
	return true;
}

static bool parse_artifact(const struct json *j, struct provenance_artifact *a)
{
	struct mg_span sha256;
	int64_t size;
	a->present = true;
	if (!json_as_string(json_member(j, "sha256"), &sha256) ||
	    !hex_decode(sha256, a->sha256, sizeof a->sha256))
		return false;
	if (!json_as_int(json_member(j, "size"), &size) || size < 0) return false;
	a->size = (uint64_t)size;
	return parse_text(j, "h1", a->h1, sizeof a->h1) &&
	       parse_text(j, "origin", a->origin, sizeof a->origin) &&
	       parse_text(j, "verified", a->verified, sizeof a->verified) &&
	       (json_member(j, "by") == NULL || parse_text(j, "by", a->by, sizeof a->by)) &&
	       (json_member(j, "rules") == NULL ||
		parse_text(j, "rules", a->rules, sizeof a->rules)) &&
	       json_as_int(json_member(j, "fetched"), &a->fetched_s);
}

enum mg_code provenance_parse(struct mg_span text, const struct target *t, struct provenance *out,
			      struct mg_err *err)
{
	struct provenance p = { 0 };
	struct json *root = NULL;
	int64_t version;
	enum mg_code rc = json_parse(text, &root, err);
	if (rc != MG_OK) {
		rc = err_set(err, MG_CORRUPT, MG_CAUSE_STORAGE, "provenance record: not JSON");
		goto out;
	}
	if (!json_as_int(json_member(root, "modgate"), &version) || version != 1 ||
	    !json_as_int(json_member(root, "first_seen"), &p.first_seen_s)) {
		rc = err_set(err, MG_CORRUPT, MG_CAUSE_STORAGE,
			     "provenance record: no version or no first_seen");
		goto out;
	}
	if (is_of_another(root, t)) {
		rc = err_set(err, MG_CORRUPT, MG_CAUSE_STORAGE,
			     "provenance record: it is of another version");
		goto out;
	}
	for (int kind = 0; kind < PROVENANCE_KINDS; kind++) {
		const struct json *j = json_member(root, kind_names[kind]);
		if (j == NULL || parse_artifact(j, &p.artifact[kind])) continue;
		rc = err_set(err, MG_CORRUPT, MG_CAUSE_STORAGE,
			     "provenance record: %s is incomplete", kind_names[kind]);
		goto out;
	}
	*out = p;
out:
	json_free(&root);
	return rc;
}

static void print_artifact(const char *name, const struct provenance_artifact *a,
			   struct mg_buf *out)
{
	char sha256[2 * sizeof a->sha256];
	hex_encode(a->sha256, sizeof a->sha256, sha256);
	buf_printf(out, ",\n\"%s\":{\"sha256\":\"%.*s\",\"size\":%" PRIu64 ",\"h1\":", name,
		   (int)sizeof sha256, sha256, a->size);
	json_quote(span_of(a->h1), out);
	buf_append_str(out, ",\"origin\":");
	json_quote(span_of(a->origin), out);
	buf_append_str(out, ",\"verified\":");
	json_quote(span_of(a->verified), out);
	if (a->by[0] != '\0') {
		buf_append_str(out, ",\"by\":");
		json_quote(span_of(a->by), out);
	}
	if (a->rules[0] != '\0') {
		buf_append_str(out, ",\"rules\":");
		json_quote(span_of(a->rules), out);
	}
	buf_printf(out, ",\"fetched\":%" PRId64 "}", a->fetched_s);
}

void provenance_print(const struct provenance *p, const struct target *t, struct mg_buf *out)
{
	buf_append_str(out, HEAD);
	buf_printf(out, "%.*s@%.*s\",\"first_seen\":%" PRId64, SPAN_ARG(t->epath),
		   SPAN_ARG(t->eversion), p->first_seen_s);
	for (int kind = 0; kind < PROVENANCE_KINDS; kind++) {
		if (p->artifact[kind].present)
			print_artifact(kind_names[kind], &p->artifact[kind], out);
	}
	buf_append_str(out, "}\n");
}

/* A line feed never stands inside a JSON string, so the line can only be the artifact's own. */
bool provenance_says(struct mg_span text, const struct target *t, const uint8_t sha256[32],
		     uint64_t size, struct mg_span *verified, struct mg_span *by)
{
	char line[160];
	char hex[2 * 32];
	if (!span_has_prefix(text, SPAN(HEAD))) return false;
	struct mg_span name = span_from(text, sizeof HEAD - 1);
	if (!take_name(&name, t) || !span_has_prefix(name, SPAN("\","))) return false;
	hex_encode(sha256, 32, hex);
	const int n = snprintf(line, sizeof line,
			       ",\n\"%s\":{\"sha256\":\"%.*s\",\"size\":%" PRIu64 ",\"h1\":",
			       kind_names[provenance_kind_of(t->kind)], (int)sizeof hex, hex, size);
	const ptrdiff_t at = span_find(text, span_make(line, (size_t)n));
	if (at < 0) return false;
	struct mg_span rest = span_from(text, (size_t)at + 2);
	struct mg_span artifact = span_cut(&rest, '\n');
	/* Nor does a quote that is not escaped. */
	const ptrdiff_t word = span_find(artifact, SPAN(",\"verified\":\""));
	if (word < 0) return false;
	rest = span_from(artifact, (size_t)word + strlen(",\"verified\":\""));
	*verified = span_cut(&rest, '"');
	*by = SPAN("");
	if (span_has_prefix(rest, SPAN(",\"by\":\""))) {
		rest = span_from(rest, strlen(",\"by\":\""));
		*by = span_cut(&rest, '"');
	}
	return true;
}
