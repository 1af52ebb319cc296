/* SPDX-License-Identifier: Apache-2.0 */
/* Records and the artifacts they vouch for, on their way into the store (provenance.h). */
#include "store/provenance.h"

#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "store/verified.h"

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
		rc = provenance_parse(buf_span(&text), t, out, err);
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
	provenance_print(&p, t, &text);
	/* A record that cannot be read back would make good bytes look damaged for ever. */
	if (provenance_parse(buf_span(&text), t, &p, err) != MG_OK) {
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
