/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/answer.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/utf8.h"
#include "gomod/unicode_print.h"

/* What the go command shows at most is 648 bytes; the id and the class must survive the cut. */
#define SUBJECT_MAX 160
#define BODY_MAX    1024

static const char *class_words(enum mg_code code)
{
	switch (code) {
	case MG_NOT_FOUND:
		return "not found";
	case MG_DENIED:
		return "denied";
	case MG_INVALID:
		return "invalid request";
	case MG_TIMEOUT:
		return "timeout";
	case MG_UNAVAILABLE:
		return "unavailable";
	case MG_CORRUPT:
		return "corrupt";
	case MG_CANCELED:
		return "canceled";
	case MG_OK:
	case MG_INTERNAL:
		break;
	}
	return "internal error";
}

/* Foreign text may be in it, and the go command drops the whole reason for one rune that is neither
 * graphic nor space (protocol §1.9). */
static void append_graphic(struct mg_buf *out, struct mg_span s)
{
	while (s.n > 0) {
		uint32_t rune;
		size_t n = utf8_decode(s, &rune);
		bool good = n > 0 &&
			    (rune < 0x80 ? rune >= 0x20 && rune < 0x7f : unicode_print_has(rune));
		if (n == 0) n = 1;
		if (good)
			buf_append(out, span_first(s, n));
		else
			buf_append_char(out, '?');
		s = span_from(s, n);
	}
}

/* A long module path is cut in its middle: both its host and its last elements help. */
static void append_subject(struct mg_buf *out, struct mg_span subject)
{
	if (subject.n <= SUBJECT_MAX) {
		append_graphic(out, subject);
		return;
	}
	append_graphic(out, span_first(subject, SUBJECT_MAX / 2));
	buf_append(out, SPAN("..."));
	append_graphic(out, span_from(subject, subject.n - SUBJECT_MAX / 2));
}

struct reply *answer_error(const struct mg_err *err, struct mg_span subject, uint32_t ttl_s)
{
	struct mg_buf body = BUF_MAX(BODY_MAX);
	buf_append_str(&body, class_words(err->code));
	buf_append(&body, SPAN(": "));
	if (subject.n > 0) {
		append_subject(&body, subject);
		buf_append(&body, SPAN(": "));
	}
	append_graphic(&body, span_of(err->text));
	buf_append(&body, SPAN(" [request "));
	ptrdiff_t id_at = (ptrdiff_t)body.n;
	buf_append(&body, SPAN("0000000000000000]\n"));

	char cache[48] = "no-store";
	if (ttl_s > 0) snprintf(cache, sizeof cache, "public, max-age=%u", ttl_s);
	char fields[64] = "";
	if (err->retry_after_s > 0) {
		snprintf(fields, sizeof fields, "Retry-After: %u\r\n", err->retry_after_s);
	}
	struct reply *r = reply_new(&(struct reply_spec){
		.status = err_http_status(err->code, err->cause),
		.content_type = SPAN("text/plain; charset=utf-8"),
		.last_modified = -1,
		.cache_control = span_of(cache),
		.fields = span_of(fields),
		.body = buf_span(&body),
		.request_id_at = id_at,
	});
	buf_deinit(&body);
	return r;
}

struct reply *answer_text(int status, struct mg_span line, struct mg_span fields)
{
	return reply_new(&(struct reply_spec){
		.status = status,
		.content_type = SPAN("text/plain; charset=utf-8"),
		.last_modified = -1,
		.cache_control = SPAN("no-store"),
		.fields = fields,
		.body = line,
		.request_id_at = -1,
	});
}

static struct reply *answer_fetched(unsigned kind, struct mg_span type, struct mg_span cache,
				    struct mg_span body)
{
	return reply_new(&(struct reply_spec){
		.status = 200,
		.content_type = type,
		.last_modified = -1,
		.cache_control = cache,
		.body = body,
		.request_id_at = -1,
		.kind = kind,
	});
}

struct reply *answer_page(struct mg_span html)
{
	return answer_fetched(METRICS_KIND_OTHER, SPAN("text/html; charset=utf-8"),
			      SPAN("public, max-age=60"), html);
}

struct reply *answer_sumdb(struct mg_span path, struct mg_span body, bool changes)
{
	const bool tile = span_has_prefix(path, SPAN("tile/"));
	return answer_fetched(
		METRICS_KIND_SUMDB,
		tile ? SPAN("application/octet-stream") : SPAN("text/plain; charset=utf-8"),
		changes ? SPAN("no-cache") : SPAN("public, max-age=31536000, immutable"), body);
}

/* "10.1.2.3:4567" or "CN=builder-7,O=Example at 10.1.2.3:4567" */
static void put_asker(const struct exchange *x, struct mg_buf *out)
{
	const struct mg_span who = x != NULL ? exchange_subject(x) : SPAN("");

	buf_append(out, who);
	if (who.n > 0) buf_append_str(out, " at ");
	buf_append(out, x != NULL ? exchange_peer(x) : SPAN("nobody"));
}

void answer_log(const struct mg_err *err, struct mg_span subject, struct mg_span request,
		const struct exchange *asker)
{
	struct mg_buf by = BUF_MAX(1024);
	const bool absent = err->code == MG_NOT_FOUND;
	/* What was merely not looked for is no event. */
	if (err->code == MG_CANCELED || (absent && request.n == 0)) return;
	put_asker(asker, &by);
	const enum log_level level = absent ? LOG_LEVEL_INFO : LOG_LEVEL_WARN;
	LOG_LINE(level, "request failed", LOG_SP("target", subject),
		 LOG_S("code", err_code_name(err->code)),
		 LOG_S("cause", err_cause_name(err->cause)), LOG_S("reason", err->text),
		 LOG_SP("request", request), LOG_SP("by", buf_span(&by)));
	buf_deinit(&by);
}

void answer_count(const struct reply *r, enum metrics_lookup good)
{
	const enum metrics_lookup from = reply_status(r) == 200 ? good : METRICS_LOOKUP_FAILED;
	metrics_add(METRICS_LOOKED_UP + from * METRICS_KINDS + reply_kind(r), 1);
}
