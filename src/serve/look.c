/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/look.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "base/hex.h"
#include "crypto/sha256.h"
#include "record/metrics.h"
#include "store/verified.h"

void look_init(struct look *l, struct store *s, const struct target *t, const char *key,
	       const char *prove)
{
	const bool has_hash = t->kind == TARGET_MOD || t->kind == TARGET_ZIP;
	*l = (struct look){ .store = s,
			    .target = t,
			    .key = key,
			    .prove = has_hash ? prove : NULL,
			    .fd = -1,
			    .bytes = BUF_MAX(LOOK_SMALL) };
}

void look_deinit(struct look *l)
{
	buf_deinit(&l->bytes);
	if (l->fd >= 0) close(l->fd);
	l->fd = -1;
}

static enum look_result result_of(enum store_find found)
{
	switch (found) {
	case STORE_HIT:
		return LOOK_HIT;
	case STORE_MISS:
		return LOOK_MISS;
	case STORE_WOULD_BLOCK:
		return LOOK_WOULD_BLOCK;
	case STORE_FAULT:
		break;
	}
	return LOOK_FAULT;
}

static enum look_result damaged(struct look *l, const char *how)
{
	err_set(&l->err, MG_CORRUPT, MG_CAUSE_STORAGE, "the stored copy %s", how);
	return LOOK_DAMAGED;
}

static enum look_result proven(struct look *l, struct mg_span verified, struct mg_span by)
{
	if (l->prove == NULL) return LOOK_HIT;
	if (span_eq(verified, SPAN("sumdb")) && span_eq(by, span_of(l->prove))) return LOOK_HIT;
	if (l->lenient && span_eq(verified, SPAN("unasked"))) return LOOK_HIT;
	err_set(&l->err, MG_UNAVAILABLE, MG_CAUSE_PROOF,
		"stored, but not yet proven by the checksum database");
	return LOOK_UNPROVEN;
}

static enum look_result judge(struct look *l, struct mg_span text)
{
	enum provenance_kind kind = provenance_kind_of(l->target->kind);
	struct mg_span verified, by;
	if (provenance_says(text, l->target, l->sha256, l->size, &verified, &by))
		return proven(l, verified, by);
	struct provenance p;
	/* An unreadable record is not a licence to serve unchecked bytes. */
	if (provenance_parse(text, l->target, &p, &l->err) != MG_OK) return LOOK_DAMAGED;
	const struct provenance_artifact *record = &p.artifact[kind];
	if (!record->present) return proven(l, SPAN(""), SPAN(""));
	if (record->size != l->size) return damaged(l, "has another size than its record");
	if (memcmp(record->sha256, l->sha256, SHA256_SIZE) != 0) {
		return damaged(l, "has another SHA-256 than its record");
	}
	return proven(l, span_of(record->verified), span_of(record->by));
}

/* Size and SHA-256 against the record. Where none was made there is nothing to hold against them:
 * files copied into the store from a module cache have no record until fetch adopts them. */
static enum look_result check_record(struct look *l, bool may_block)
{
	struct mg_buf key = BUF_MAX(8192);
	struct mg_buf text = BUF_MAX(PROVENANCE_MAX);
	provenance_key(l->target, &key);
	enum look_result res =
		result_of(store_read(l->store, buf_cstr(&key), may_block, &text, NULL, &l->err));
	if (res == LOOK_HIT) {
		res = judge(l, buf_span(&text));
	} else if (res == LOOK_MISS) {
		res = proven(l, SPAN(""), SPAN(""));
	}
	buf_deinit(&key);
	buf_deinit(&text);
	return res;
}

static enum look_result look_small(struct look *l, const struct store_file *file, bool may_block)
{
	enum look_result res =
		result_of(store_read_file(file, l->key, may_block, &l->bytes, &l->err));
	if (res != LOOK_HIT) return res;
	sha256_of(buf_span(&l->bytes), l->sha256);
	if (target_is_mutable(l->target->kind) || verified_agreed(l->key, file, l->sha256))
		return LOOK_HIT;
	res = check_record(l, may_block);
	if (res == LOOK_HIT) verified_agree(l->key, file, l->sha256);
	return res;
}

static enum look_result look_large(struct look *l, const struct store_file *file, bool may_block)
{
	enum look_result res = LOOK_HIT;
	if (verified_get(l->key, file, l->sha256)) return LOOK_HIT;
	if (!may_block) return LOOK_WOULD_BLOCK;
	if (verified_hash(file, l->sha256, &l->err) != MG_OK) return LOOK_FAULT;
	if (!target_is_mutable(l->target->kind)) res = check_record(l, may_block);
	if (res == LOOK_HIT) verified_put(l->key, file, l->sha256);
	return res;
}

enum look_result look_run(struct look *l, bool may_block)
{
	struct store_file file;
	enum look_result res = result_of(store_find(l->store, l->key, may_block, &file, &l->err));
	if (res != LOOK_HIT) return res;
	if (file.settling && !l->settling && !target_is_mutable(l->target->kind)) {
		close(file.fd);
		return LOOK_MISS;
	}
	l->size = file.size;
	l->mtime_ns = file.mtime_ns;
	if (file.size > LOOK_SMALL) {
		l->fd = file.fd;
		return look_large(l, &file, may_block);
	}
	res = look_small(l, &file, may_block);
	close(file.fd);
	return res;
}

static struct mg_span content_type(enum target_kind kind)
{
	switch (kind) {
	case TARGET_INFO:
	case TARGET_LATEST:
	case TARGET_QUERY:
		return SPAN("application/json");
	case TARGET_ZIP:
		return SPAN("application/zip");
	case TARGET_LIST:
	case TARGET_MOD:
		break;
	}
	return SPAN("text/plain; charset=utf-8");
}

static void release_file(struct reply_file *f)
{
	close(f->fd);
	free(f);
}

struct reply *look_reply(struct look *l, uint32_t max_age_s, struct mg_span stale)
{
	char etag[2 + 2 * SHA256_SIZE];
	etag[0] = etag[sizeof etag - 1] = '"';
	hex_encode(l->sha256, SHA256_SIZE, etag + 1);

	char cache[64] = "public, max-age=31536000, immutable";
	bool changes = target_is_mutable(l->target->kind);
	if (changes) snprintf(cache, sizeof cache, "public, max-age=%u", max_age_s);
	char fields[160] = "";
	if (stale.n > 0) {
		snprintf(fields, sizeof fields, "Cache-Status: modgate; hit; detail=%.*s\r\n",
			 SPAN_ARG(stale));
	}
	struct reply_file *file = NULL;
	if (l->fd >= 0) {
		file = check_calloc(1, sizeof *file);
		*file = (struct reply_file){ .fd = l->fd,
					     .size = l->size,
					     .release = release_file };
		l->fd = -1;
	}
	return reply_new(&(struct reply_spec){
		.status = 200,
		.content_type = content_type(l->target->kind),
		.etag = span_make(etag, sizeof etag),
		.last_modified = l->mtime_ns / 1000000000,
		.cache_control = span_of(cache),
		.fields = span_of(fields),
		.body = buf_span(&l->bytes),
		.file = file,
		.request_id_at = -1,
		.kind = METRICS_KIND_LIST + l->target->kind,
	});
}
