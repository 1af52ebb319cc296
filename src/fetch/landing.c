/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/landing.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"
#include "fetch/feed.h"

#define COMPARE_SIZE (64u << 10)
#define SYNC_STEP    (8u << 20)
#define KEY_MAX      16384

void landing_init(struct landing *l, const struct job *j, const struct target *t)
{
	*l = (struct landing){ .job = j, .target = t };
}

static void cut(struct landing *l)
{
	if (l->stream == NULL || stream_is_cut(l->stream)) return;
	stream_cut(l->stream);
	feed_touch(l->job->feed);
}

void landing_deinit(struct landing *l)
{
	if (l->stage != NULL) cut(l);
	stage_free(&l->stage);
}

static bool is_followed(const struct landing *l)
{
	return l->stream != NULL && !stream_is_cut(l->stream);
}

enum mg_code landing_begin(struct landing *l, struct mg_err *err)
{
	l->seen = 0;
	if (is_followed(l)) return MG_OK;
	stage_free(&l->stage);
	return stage_new(l->job->means->store, &l->stage, err);
}

/* --- the sink --- */

static enum mg_code differs(struct landing *l, struct mg_err *err)
{
	cut(l);
	return err_set(err, MG_CORRUPT, MG_CAUSE_UPSTREAM,
		       "the transfer broke, and started over with other bytes than those of which "
		       "some were passed on already");
}

/* Large enough to be worth it, for somebody who may follow, and not for the second time. */
static bool may_be_followed(const struct landing *l, uint64_t size)
{
	const uint64_t above = l->job->means->options->stream_above;
	return l->job->feed != NULL && l->target->kind == TARGET_ZIP && l->stream == NULL &&
	       above > 0 && size > above && size != UPSTREAM_SIZE_UNKNOWN;
}

static enum mg_code begin(void *arg, uint64_t size, struct mg_err *err)
{
	struct landing *l = arg;
	struct mg_err why;
	if (is_followed(l)) {
		const bool other = size != UPSTREAM_SIZE_UNKNOWN && size != stream_size(l->stream);
		return other ? differs(l, err) : MG_OK;
	}
	if (!may_be_followed(l, size)) return MG_OK;
	if (stream_new(l->target, l->stage, size, &l->stream, &why) == MG_OK)
		feed_begin(l->job->feed, l->stream);
	else
		log_warn("a zip cannot be streamed", LOG_S("reason", why.text));
	return MG_OK;
}

/* Bytes that are staged already come again; what is new stays in *bytes. */
static enum mg_code compare(struct landing *l, struct mg_span *bytes, struct mg_err *err)
{
	enum mg_code rc = MG_OK;
	char *staged = check_malloc(COMPARE_SIZE);
	while (rc == MG_OK && bytes->n > 0 && l->seen < stage_size(l->stage)) {
		struct mg_span part = span_first(*bytes, COMPARE_SIZE);
		const uint64_t left = stage_size(l->stage) - l->seen;
		if (left < part.n) part = span_first(part, (size_t)left);
		rc = stage_read(l->stage, l->seen, staged, part.n, err);
		if (rc == MG_OK && !span_eq(part, span_make(staged, part.n))) rc = differs(l, err);
		l->seen += part.n;
		*bytes = span_from(*bytes, part.n);
	}
	free(staged);
	return rc;
}

static enum mg_code write_on(void *arg, struct mg_span bytes, struct mg_err *err)
{
	struct landing *l = arg;
	enum mg_code rc = MG_OK;
	if (l->seen < stage_size(l->stage)) rc = compare(l, &bytes, err);
	if (rc != MG_OK || bytes.n == 0) return rc;
	if (is_followed(l) && bytes.n > stream_size(l->stream) - stage_size(l->stage))
		return differs(l, err);
	rc = stage_write(l->stage, bytes, err);
	if (rc != MG_OK) {
		cut(l); /* a full disk: there is no going on with this file */
		return rc;
	}
	l->seen += bytes.n;
	if (!is_followed(l)) return MG_OK;
	stream_wrote(l->stream, bytes);
	feed_touch(l->job->feed);
	/* Bytes come slower than the disk takes them: at the end there is little left to sync. */
	if (l->seen >= l->sync_at) {
		stage_start_sync(l->stage);
		l->sync_at = l->seen + SYNC_STEP;
	}
	return MG_OK;
}

static enum mg_code restart(void *arg, struct mg_err *err)
{
	struct landing *l = arg;
	l->seen = 0;
	return is_followed(l) ? MG_OK : stage_reset(l->stage, err);
}

struct upstream_sink landing_sink(struct landing *l)
{
	return (struct upstream_sink){
		.begin = begin, .write = write_on, .restart = restart, .arg = l
	};
}

/* --- the end --- */

enum mg_code landing_finish(struct landing *l, struct mg_err *err)
{
	const bool whole = l->seen == stage_size(l->stage) &&
			   (!is_followed(l) || l->seen == stream_size(l->stream));
	return whole ? MG_OK : differs(l, err);
}

void landing_reject(struct landing *l, const struct mg_err *why)
{
	struct mg_buf key = BUF_MAX(KEY_MAX);
	if (is_followed(l) && why->code == MG_CORRUPT) {
		store_key(l->target, &key);
		store_note_refused(l->job->means->store, buf_cstr(&key), why->text);
	}
	cut(l);
	buf_deinit(&key);
}
