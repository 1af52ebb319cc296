/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/headfield.h"

#include "wire/octet.h"

static bool is_hex(char c)
{
	return octet_is(c, OCTET_DIGIT) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* uri-host = "[" IPv6 "]" / IPv4 / reg-name; port = *DIGIT (RFC 3986 §3.2.2). The brackets are looked
 * into only as far as their characters go: nobody connects to what stands here. */
bool headfield_host_ok(struct mg_span host)
{
	size_t i = 0;
	if (host.n > 0 && host.p[0] == '[') {
		for (i = 1;
		     i < host.n && (is_hex(host.p[i]) || host.p[i] == ':' || host.p[i] == '.');)
			i++;
		if (i < 3 || i == host.n || host.p[i] != ']') return false;
		i++;
	} else {
		while (i < host.n && octet_is(host.p[i], OCTET_HOST))
			i++;
		if (i == 0) return false;
	}
	if (i == host.n) return true;
	if (host.p[i++] != ':' || host.n - i > 5) return false;
	while (i < host.n && octet_is(host.p[i], OCTET_DIGIT))
		i++;
	return i == host.n;
}

/* Name equals `lower`, which has only lower-case letters and '-'? No other token character becomes one
 * of these by setting bit 5, so the fold is exact. */
static inline bool named(struct mg_span name, const char *lower)
{
	for (size_t i = 0; i < name.n; i++)
		if ((name.p[i] | 0x20) != lower[i]) return false;
	return true;
}

enum known {
	KNOWN_CONNECTION = HEAD_FIELD_COUNT,
	KNOWN_CONTENT_LENGTH,
	KNOWN_TRANSFER_ENCODING,
	KNOWN_EXPECT,
	KNOWN_NOT,
};

/* One of enum head_field or enum known. */
static int identify(struct mg_span name)
{
	switch (name.n) {
	case 3:
		return named(name, "via") ? HEAD_FIELD_VIA : KNOWN_NOT;
	case 4:
		return named(name, "host") ? HEAD_FIELD_HOST : KNOWN_NOT;
	case 5:
		return named(name, "range") ? HEAD_FIELD_RANGE : KNOWN_NOT;
	case 6:
		return named(name, "expect") ? (int)KNOWN_EXPECT : KNOWN_NOT;
	case 8:
		return named(name, "if-range") ? HEAD_FIELD_IF_RANGE : KNOWN_NOT;
	case 9:
		return named(name, "forwarded") ? HEAD_FIELD_FORWARDED : KNOWN_NOT;
	case 10:
		if (named(name, "user-agent")) return HEAD_FIELD_USER_AGENT;
		return named(name, "connection") ? KNOWN_CONNECTION : KNOWN_NOT;
	case 12:
		return named(name, "x-request-id") ? HEAD_FIELD_X_REQUEST_ID : KNOWN_NOT;
	case 13:
		if (named(name, "if-none-match")) return HEAD_FIELD_IF_NONE_MATCH;
		return named(name, "authorization") ? HEAD_FIELD_AUTHORIZATION : KNOWN_NOT;
	case 14:
		if (named(name, "x-gitlab-token")) return HEAD_FIELD_HOOK_SIGNATURE;
		return named(name, "content-length") ? KNOWN_CONTENT_LENGTH : KNOWN_NOT;
	case 15:
		return named(name, "x-forwarded-for") ? HEAD_FIELD_X_FORWARDED_FOR : KNOWN_NOT;
	case 17:
		if (named(name, "x-gitea-signature")) return HEAD_FIELD_HOOK_SIGNATURE;
		if (named(name, "if-modified-since")) return HEAD_FIELD_IF_MODIFIED_SINCE;
		return named(name, "transfer-encoding") ? KNOWN_TRANSFER_ENCODING : KNOWN_NOT;
	case 19:
		return named(name, "x-hub-signature-256") ? HEAD_FIELD_HOOK_SIGNATURE : KNOWN_NOT;
	case 20:
		return named(name, "disable-module-fetch") ? HEAD_FIELD_DISABLE_MODULE_FETCH
							   : KNOWN_NOT;
	}
	return KNOWN_NOT;
}

/* Connection = #connection-option (RFC 9110 §7.6.1) */
static void note_connection(struct headfield_notes *notes, struct mg_span value)
{
	while (value.p != NULL) {
		struct mg_span option = span_trim(span_cut(&value, ','));
		if (span_eq_nocase(option, SPAN("close"))) notes->close = true;
		if (span_eq_nocase(option, SPAN("keep-alive"))) notes->keep_alive = true;
	}
}

/* Content-Length = 1*DIGIT (RFC 9110 §8.6). A list of equal values may be taken for one by §8.6; here it
 * is refused like any other doubt about where a message ends. */
static const char *note_length(struct head *out, struct headfield_notes *notes,
			       struct mg_span value)
{
	if (notes->length) return "Content-Length comes twice";
	notes->length = true;
	return span_u64(value, INT64_MAX, &out->content_length)
		       ? NULL
		       : "Content-Length is no plain number";
}

/* Transfer-Encoding = #transfer-coding (RFC 9112 §6.1) */
static const char *note_coding(struct head *out, struct headfield_notes *notes,
			       struct mg_span value, int *status)
{
	if (notes->coding) return "Transfer-Encoding comes twice";
	notes->coding = true;
	if (!span_eq_nocase(value, SPAN("chunked"))) {
		*status = 501;
		return "the only transfer coding understood is chunked";
	}
	out->chunked = true;
	return NULL;
}

/* Expect = #expectation (RFC 9110 §10.1.1) */
static const char *note_expect(struct head *out, struct mg_span value, int *status)
{
	if (!span_eq_nocase(value, SPAN("100-continue"))) {
		*status = 417;
		return "the only expectation met is 100-continue";
	}
	out->expect_continue = true;
	return NULL;
}

static const char *note_host(struct head *out, struct headfield_notes *notes, struct mg_span value)
{
	if (notes->host) return "Host comes twice";
	notes->host = true;
	if (!headfield_host_ok(value)) return "Host is empty or no host name";
	if (!notes->host_from_target) out->field[HEAD_FIELD_HOST] = value;
	return NULL;
}

const char *headfield_note(struct head *out, struct headfield_notes *notes, struct mg_span name,
			   struct mg_span value, int *status)
{
	*status = 400;
	int which = identify(name);
	switch (which) {
	case KNOWN_NOT:
		return NULL;
	case KNOWN_CONNECTION:
		note_connection(notes, value);
		return NULL;
	case KNOWN_CONTENT_LENGTH:
		return note_length(out, notes, value);
	case KNOWN_TRANSFER_ENCODING:
		return note_coding(out, notes, value, status);
	case KNOWN_EXPECT:
		return note_expect(out, value, status);
	case HEAD_FIELD_HOST:
		return note_host(out, notes, value);
	case HEAD_FIELD_X_FORWARDED_FOR:
	case HEAD_FIELD_FORWARDED:
		out->field[which] = value;
		return NULL;
	case HEAD_FIELD_USER_AGENT:
	case HEAD_FIELD_VIA:
	case HEAD_FIELD_X_REQUEST_ID:
	case HEAD_FIELD_HOOK_SIGNATURE:
		if (out->field[which].p == NULL) out->field[which] = value;
		return NULL;
	}
	if (out->field[which].p != NULL) return "a header that may come once comes twice";
	out->field[which] = value;
	return NULL;
}

const char *headfield_judge(struct head *out, const struct headfield_notes *notes, int *status)
{
	*status = 400;
	if (out->minor == 1 && !notes->host) return "HTTP/1.1 needs a Host header";
	if (notes->coding && notes->length)
		return "Transfer-Encoding and Content-Length come together";
	if (notes->coding && out->minor == 0) return "HTTP/1.0 knows no Transfer-Encoding";
	if (out->minor == 0) out->expect_continue = false; /* RFC 9110 §10.1.1 */
	out->keep_alive = !notes->close && (out->minor == 1 || notes->keep_alive);
	return NULL;
}
