/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/ticket.h"

/* message = type:u8 id:u32 ( order / result / stream / nothing for the others; a forget's id is 0 )
 * order   = flags:u32 kind:u8 path:span version:span request_id:span via:span
 * result  = code:u8 cause:u8 stale:u8 ttl_ms:u32 retry_after_s:u32 text:span body:span
 * stream  = size:u64, more than 0
 * span    = length:u32 bytes */

#define PATH_MAX_BYTES    8192
#define VERSION_MAX_BYTES 1024
#define REQUEST_ID_MAX    128
#define VIA_MAX_BYTES     1024
#define TEXT_MAX_BYTES    4096
#define BODY_MAX_BYTES    (64u << 10)

static void put_u32(struct mg_buf *out, uint32_t v)
{
	const char bytes[4] = { (char)v, (char)(v >> 8), (char)(v >> 16), (char)(v >> 24) };
	buf_append(out, span_make(bytes, sizeof bytes));
}

static void put_u8(struct mg_buf *out, unsigned v)
{
	buf_append_char(out, (char)v);
}

static void put_span(struct mg_buf *out, struct mg_span s)
{
	put_u32(out, (uint32_t)s.n);
	buf_append(out, s);
}

void ticket_encode(const struct ticket *t, struct mg_buf *out)
{
	put_u8(out, t->type);
	put_u32(out, t->id);
	if (t->type == TICKET_ORDER || t->type == TICKET_SEEN) {
		put_u32(out, t->flags);
		put_u8(out, t->kind);
		put_span(out, t->path);
		put_span(out, t->version);
		put_span(out, t->request_id);
		put_span(out, t->via);
	} else if (t->type == TICKET_RESULT) {
		put_u8(out, t->code);
		put_u8(out, t->cause);
		put_u8(out, t->stale);
		put_u32(out, t->ttl_ms);
		put_u32(out, t->retry_after_s);
		put_span(out, t->text);
		put_span(out, t->body);
	} else if (t->type == TICKET_STREAM) {
		put_u32(out, (uint32_t)t->size);
		put_u32(out, (uint32_t)(t->size >> 32));
	}
}

struct reader {
	struct mg_span rest;
	bool bad;
};

static unsigned get_u8(struct reader *r, unsigned below)
{
	if (r->rest.n < 1) r->bad = true;
	if (r->bad) return 0;
	unsigned v = (unsigned char)r->rest.p[0];
	r->rest = span_from(r->rest, 1);
	if (v >= below) r->bad = true;
	return v;
}

static uint32_t get_u32(struct reader *r)
{
	if (r->rest.n < 4) r->bad = true;
	if (r->bad) return 0;
	const unsigned char *p = (const unsigned char *)r->rest.p;
	r->rest = span_from(r->rest, 4);
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static struct mg_span get_span(struct reader *r, size_t max)
{
	size_t n = get_u32(r);
	if (n > max || n > r->rest.n) r->bad = true;
	if (r->bad) return (struct mg_span){ 0 };
	struct mg_span s = span_first(r->rest, n);
	r->rest = span_from(r->rest, n);
	return s;
}

static void get_order(struct reader *r, struct ticket *t)
{
	t->flags = get_u32(r);
	if (t->flags & ~(uint32_t)TICKET_FLAGS) r->bad = true;
	t->kind = (enum target_kind)get_u8(r, TARGET_KIND_COUNT);
	t->path = get_span(r, PATH_MAX_BYTES);
	t->version = get_span(r, VERSION_MAX_BYTES);
	t->request_id = get_span(r, REQUEST_ID_MAX);
	t->via = get_span(r, VIA_MAX_BYTES);
	const bool versionless = t->kind == TARGET_LIST || t->kind == TARGET_LATEST;
	if (versionless && t->version.n > 0) r->bad = true;
}

static void get_result(struct reader *r, struct ticket *t)
{
	t->code = (enum mg_code)get_u8(r, MG_CODE_COUNT);
	t->cause = (enum mg_cause)get_u8(r, MG_CAUSE_COUNT);
	t->stale = get_u8(r, 2) != 0;
	t->ttl_ms = get_u32(r);
	t->retry_after_s = get_u32(r);
	t->text = get_span(r, TEXT_MAX_BYTES);
	t->body = get_span(r, BODY_MAX_BYTES);
}

static void get_stream(struct reader *r, struct ticket *t)
{
	t->size = get_u32(r);
	t->size |= (uint64_t)get_u32(r) << 32;
	if (t->size == 0 || t->size > INT64_MAX) r->bad = true;
}

bool ticket_decode(struct mg_span message, struct ticket *out)
{
	struct reader r = { .rest = message };
	struct ticket t = { 0 };
	t.type = (enum ticket_type)get_u8(&r, TICKET_BACK + 1);
	t.id = get_u32(&r);
	if (t.type == TICKET_ORDER || t.type == TICKET_SEEN)
		get_order(&r, &t);
	else if (t.type == TICKET_RESULT)
		get_result(&r, &t);
	else if (t.type == TICKET_STREAM)
		get_stream(&r, &t);
	else if (t.type != TICKET_CANCEL && t.type != TICKET_PROGRESS && t.type != TICKET_BACK &&
		 (t.type != TICKET_FORGET || t.id != 0))
		return false;
	if (r.bad || r.rest.n != 0) return false;
	*out = t;
	return true;
}

/* Who has found the stored copy wanting is not helped by a flight that takes it as it is. */
void ticket_key(const struct ticket *t, struct mg_buf *out)
{
	if (t->flags & TICKET_GO_GET) {
		buf_append_char(out, 'g');
	} else if (t->flags & TICKET_SUMDB) {
		buf_append_char(out, 's');
	} else if (t->flags & TICKET_HOOK) {
		buf_append_char(out, 'h'); /* what it says is in its body */
		buf_append(out, t->request_id);
	} else {
		if (t->flags & TICKET_DAMAGED) buf_append_char(out, 'd');
		if (t->flags & TICKET_UNPROVEN) buf_append_char(out, 'u');
		buf_append_char(out, (char)('0' + t->kind));
	}
	buf_append(out, t->path);
	buf_append_char(out, '@');
	buf_append(out, t->version);
}
