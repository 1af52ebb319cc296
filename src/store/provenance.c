/* SPDX-License-Identifier: Apache-2.0 */
#include "store/provenance.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/hex.h"
#include "store/verified.h"
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

/* --- the file: {"modgate":1,"first_seen":S,"zip":{"sha256":…,"size":…,…},…} --- */

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
	       json_as_int(json_member(j, "fetched"), &a->fetched_s);
}

enum mg_code provenance_parse(struct mg_span text, struct provenance *out, struct mg_err *err)
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
	buf_printf(out, ",\"fetched\":%" PRId64 "}", a->fetched_s);
}

void provenance_print(const struct provenance *p, struct mg_buf *out)
{
	buf_printf(out, "{\"modgate\":1,\"first_seen\":%" PRId64, p->first_seen_s);
	for (int kind = 0; kind < PROVENANCE_KINDS; kind++) {
		if (p->artifact[kind].present)
			print_artifact(kind_names[kind], &p->artifact[kind], out);
	}
	buf_append_str(out, "}\n");
}

/* A line feed never stands inside a JSON string, so the line can only be the artifact's own. */
bool provenance_says(struct mg_span text, enum provenance_kind kind, const uint8_t sha256[32],
		     uint64_t size, struct mg_span *verified)
{
	char line[160];
	char hex[2 * 32];
	if (!span_has_prefix(text, SPAN("{\"modgate\":1,"))) return false;
	hex_encode(sha256, 32, hex);
	const int n = snprintf(line, sizeof line,
			       ",\n\"%s\":{\"sha256\":\"%.*s\",\"size\":%" PRIu64 ",\"h1\":",
			       kind_names[kind], (int)sizeof hex, hex, size);
	const ptrdiff_t at = span_find(text, span_make(line, (size_t)n));
	if (at < 0) return false;
	struct mg_span rest = span_from(text, (size_t)at + 2);
	struct mg_span artifact = span_cut(&rest, '\n');
	/* Nor does a quote that is not escaped. */
	const ptrdiff_t word = span_find(artifact, SPAN(",\"verified\":\""));
	if (word < 0) return false;
	rest = span_from(artifact, (size_t)word + strlen(",\"verified\":\""));
	*verified = span_cut(&rest, '"');
	return true;
}

/* --- in the store --- */

static const char *key_of(const struct target *t, struct mg_buf *key)
{
	provenance_key(t, key);
	const char *s = buf_cstr(key);
	MG_ASSERT(s != NULL);
	return s;
}

#define KEY_MAX (1u << 16) /* module path and version were bounded by their parsers */

enum mg_code provenance_read(struct store *s, const struct target *t, struct provenance *out,
			     struct mg_err *err)
{
	struct mg_err local;
	if (err == NULL) err = &local;
	struct mg_buf key = BUF_MAX(KEY_MAX);
	struct mg_buf text = BUF_MAX(PROVENANCE_MAX);
	enum mg_code rc = MG_OK;
	switch (store_read(s, key_of(t, &key), true, &text, NULL, err)) {
	case STORE_HIT:
		rc = provenance_parse(buf_span(&text), out, err);
		if (rc != MG_OK) err_wrap(err, "%s", key.p);
		break;
	case STORE_MISS:
		rc = err_set(err, MG_NOT_FOUND, MG_CAUSE_STORAGE, "store: no record at %s", key.p);
		break;
	default:
		rc = err->code;
	}
	buf_deinit(&key);
	buf_deinit(&text);
	return rc;
}

enum mg_code provenance_record(struct store *s, const struct target *t,
			       const struct provenance_artifact *artifact, struct mg_err *err)
{
	struct provenance p = { 0 };
	struct mg_buf key = BUF_MAX(KEY_MAX);
	struct mg_buf text = BUF_MAX(PROVENANCE_MAX);
	key_of(t, &key);
	enum mg_code rc = provenance_read(s, t, &p, err);
	if (rc == MG_CORRUPT || rc == MG_NOT_FOUND) {
		p = (struct provenance){ .first_seen_s = clock_wall_s() };
		rc = rc == MG_NOT_FOUND ? MG_OK : store_quarantine(s, key.p, "unreadable", err);
	}
	if (rc != MG_OK) goto out;
	struct provenance_artifact *slot = &p.artifact[provenance_kind_of(t->kind)];
	*slot = *artifact;
	slot->present = true;
	provenance_print(&p, &text);
	/* A record that cannot be read back would make good bytes look damaged for ever. */
	if (provenance_parse(buf_span(&text), &p, err) != MG_OK) {
		rc = err_set(err, MG_INTERNAL, MG_CAUSE_STORAGE, "store: unreadable record for %s",
			     key.p);
		goto out;
	}
	rc = store_put(s, key.p, buf_span(&text), STAGE_REPLACE, err);
out:
	buf_deinit(&key);
	buf_deinit(&text);
	return rc;
}

enum standing {
	STANDING_ABSENT,
	STANDING_GOOD,
	STANDING_UNRECORDED,
	STANDING_BAD
};

/* What is at the key already, if anything, and is it to be kept? UNRECORDED: the very bytes staged. */
static enum mg_code look_at(struct store *s, const struct target *t, const char *key,
			    const struct provenance_artifact *staged, enum standing *out,
			    struct mg_err *err)
{
	struct store_file f;
	*out = STANDING_ABSENT;
	const enum store_find found = store_find(s, key, true, &f, err);
	if (found == STORE_MISS) return MG_OK;
	if (found != STORE_HIT) {
		*out = STANDING_BAD;
		return err->code == MG_CORRUPT ? MG_OK : err->code;
	}
	struct provenance p = { 0 };
	enum mg_code rc = provenance_read(s, t, &p, err);
	const struct provenance_artifact *kept = &p.artifact[provenance_kind_of(t->kind)];
	if (rc == MG_OK && kept->present) {
		*out = kept->size == f.size ? STANDING_GOOD : STANDING_BAD;
	} else if (rc == MG_OK || rc == MG_NOT_FOUND || rc == MG_CORRUPT) {
		uint8_t sha256[32];
		*out = STANDING_BAD;
		rc = f.size == staged->size ? verified_hash(&f, sha256, err) : MG_OK;
		if (rc == MG_OK && f.size == staged->size &&
		    memcmp(sha256, staged->sha256, sizeof sha256) == 0)
			*out = STANDING_UNRECORDED;
	}
	close(f.fd);
	return rc;
}

enum mg_code provenance_commit(struct store *s, const struct target *t, struct stage **st,
			       struct provenance_artifact *artifact, struct mg_err *err)
{
	struct mg_err local;
	if (err == NULL) err = &local;
	struct mg_buf key = BUF_MAX(KEY_MAX);
	store_key(t, &key);
	const char *at = buf_cstr(&key);
	MG_ASSERT(at != NULL);
	artifact->size = stage_size(*st);
	stage_sha256(*st, artifact->sha256);

	enum standing standing;
	enum mg_code rc = look_at(s, t, at, artifact, &standing, err);
	if (rc == MG_OK && standing == STANDING_BAD)
		rc = store_quarantine(s, at, "disagrees with its record or has none", err);
	if (rc == MG_OK && standing != STANDING_GOOD) rc = provenance_record(s, t, artifact, err);
	if (rc == MG_OK && standing == STANDING_GOOD) stage_free(st);
	if (rc == MG_OK && standing != STANDING_GOOD) rc = stage_commit(st, at, STAGE_CREATE, err);
	buf_deinit(&key);
	return rc;
}
