/* SPDX-License-Identifier: Apache-2.0 */
#include "http/reply.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "base/buf.h"
#include "base/check.h"
#include "http/reply_internal.h"
#include "http/status.h"
#include "record/metrics.h"
#include "wire/httpdate.h"

/* Heads are ours, with a handful of short fields. */
#define REPLY_HEAD_MAX (16u << 10)

struct slice {
	size_t at, n;
};

static struct mg_span slice_of(const char *store, struct slice s)
{
	return span_make(store + s.at, s.n);
}

/* "Name: value\r\n"; where the value stands. */
static struct slice add_field(struct mg_buf *b, const char *name, struct mg_span value)
{
	buf_append_str(b, name);
	struct slice at = { b->n, value.n };
	buf_append(b, value);
	buf_append_str(b, "\r\n");
	return at;
}

static struct slice add_shared(struct mg_buf *b, const struct reply_spec *spec, struct slice *etag)
{
	size_t start = b->n;

	if (spec->cache_control.n > 0) add_field(b, "Cache-Control: ", spec->cache_control);
	if (spec->etag.n > 0) {
		*etag = add_field(b, "ETag: ", spec->etag);
		buf_append_str(b, "Accept-Ranges: bytes\r\n");
	}
	if (spec->last_modified >= 0) {
		char date[HTTPDATE_SIZE];
		httpdate_format(spec->last_modified, date);
		add_field(b, "Last-Modified: ", span_make(date, sizeof date));
	}
	buf_append(b, spec->fields);
	return (struct slice){ start, b->n - start };
}

static bool has_length(int status)
{
	return status >= 200 && status != 204 && status != 304;
}

struct reply *reply_new(const struct reply_spec *spec)
{
	struct mg_buf b = BUF_MAX(REPLY_HEAD_MAX);
	struct slice etag = { 0 }, type = { 0 };
	uint64_t size = spec->file != NULL ? spec->file->size : spec->body.n;

	MG_ASSERT(spec->file == NULL || spec->body.n == 0);
	MG_ASSERT(spec->request_id_at < 0 || (size_t)spec->request_id_at + 16 <= spec->body.n);
	buf_printf(&b, "HTTP/1.1 %d %s\r\nDate: ", spec->status, status_phrase(spec->status));
	size_t date_at = b.n;
	buf_printf(&b, "%*s\r\n", HTTPDATE_SIZE, "");
	struct slice shared = add_shared(&b, spec, &etag);
	if (spec->content_type.n > 0) {
		type.at = b.n;
		add_field(&b, "Content-Type: ", spec->content_type);
		type.n = b.n - type.at;
	}
	if (has_length(spec->status)) {
		buf_append_str(&b, "Content-Length: ");
		buf_append_u64(&b, size);
		buf_append_str(&b, "\r\n");
	}
	MG_ASSERT(!buf_failed(&b));

	size_t bytes = sizeof(struct reply) + b.n + spec->body.n;
	struct reply *r = check_malloc(bytes);
	*r = (struct reply){ .refs = 1,
			     .status = spec->status,
			     .close = spec->close,
			     .tally = metrics_code(spec->status) * METRICS_KINDS + spec->kind,
			     .date_at = date_at,
			     .last_modified = spec->last_modified,
			     .request_id_at = spec->request_id_at,
			     .size = size,
			     .file = spec->file,
			     .bytes = bytes };
	memcpy(r->store, b.p, b.n);
	r->head = span_make(r->store, b.n);
	r->shared = slice_of(r->store, shared);
	r->type = slice_of(r->store, type);
	r->etag = slice_of(r->store, etag);
	if (spec->body.n > 0) memcpy(r->store + b.n, spec->body.p, spec->body.n);
	r->body = span_make(r->store + b.n, spec->body.n);
	if (r->file != NULL) r->file->refs++;
	buf_deinit(&b);
	return r;
}

void reply_ref(struct reply *r)
{
	r->refs++;
}

static void file_unref(struct reply_file *f)
{
	MG_ASSERT(f->refs > 0);
	if (--f->refs > 0) return;
	if (f->map != NULL) munmap(f->map, f->size);
	f->map = NULL;
	f->release(f);
}

void reply_unref(struct reply **rp)
{
	struct reply *r = *rp;

	if (r == NULL) return;
	*rp = NULL;
	MG_ASSERT(r->refs > 0);
	if (--r->refs > 0) return;
	if (r->file != NULL) file_unref(r->file);
	free(r);
}

int reply_status(const struct reply *r)
{
	return r->status;
}

unsigned reply_kind(const struct reply *r)
{
	return r->tally % METRICS_KINDS;
}

void reply_count_as(struct reply *r, unsigned kind)
{
	r->tally = r->tally / METRICS_KINDS * METRICS_KINDS + kind;
}

size_t reply_bytes(const struct reply *r)
{
	return r->bytes + (r->file != NULL ? REPLY_FILE_COST : 0);
}
