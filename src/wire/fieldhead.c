/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/fieldhead.h"

#include "wire/octet.h"

/* RFC 9113 §6.5.2: what a field counts beside its bytes. */
#define FIELD_OVERHEAD 32

void fieldhead_begin(struct fieldhead *f, struct head *out)
{
	*out = (struct head){ .minor = 1 };
	*f = (struct fieldhead){ .head = out };
}

static void refuse(struct fieldhead *f, int status, const char *reason)
{
	f->status = status;
	f->reason = reason;
}

/* token, without upper case (RFC 9113 §8.2.1) */
static bool is_name(struct mg_span name)
{
	for (size_t i = 0; i < name.n; i++)
		if (!octet_is(name.p[i], OCTET_TCHAR) || (name.p[i] >= 'A' && name.p[i] <= 'Z'))
			return false;
	return name.n > 0;
}

/* *OCTET_VALUE, no blank at either end (RFC 9113 §8.2.1) */
static bool is_value(struct mg_span value)
{
	for (size_t i = 0; i < value.n; i++)
		if (!octet_is(value.p[i], OCTET_VALUE)) return false;
	return span_trim(value).n == value.n;
}

static void take_method(struct fieldhead *f, struct mg_span value)
{
	for (size_t i = 0; i < value.n; i++)
		if (!octet_is(value.p[i], OCTET_TCHAR)) value.n = 0;
	if (value.n == 0 || f->head->method_name.p != NULL) {
		refuse(f, 400, ":method is no method, or comes twice");
		return;
	}
	f->head->method_name = value;
	f->head->method = head_method_of(value);
}

/* :path = path-abempty [ "?" query ] / "*" (RFC 9113 §8.3.1) */
static void take_path(struct fieldhead *f, struct mg_span value)
{
	struct head *h = f->head;
	size_t i = 0;

	while (i < value.n && octet_is(value.p[i], OCTET_PATH))
		i++;
	struct mg_span path = span_first(value, i);
	if (i < value.n && value.p[i] == '?') {
		h->query = span_from(value, ++i);
		while (i < value.n && octet_is(value.p[i], OCTET_TARGET))
			i++;
	}
	if (value.n > HEAD_MAX_TARGET)
		refuse(f, 414, "the request target is longer than 16 KiB");
	else if (i < value.n || value.n == 0)
		refuse(f, 400, "the request target is empty or has a byte that no URL may have");
	else if (h->target.p != NULL)
		refuse(f, 400, ":path comes twice");
	h->target = value;
	h->path = path;
}

static void take_scheme(struct fieldhead *f, struct mg_span value)
{
	if (f->scheme ||
	    (!span_eq_nocase(value, SPAN("http")) && !span_eq_nocase(value, SPAN("https"))))
		refuse(f, 400, ":scheme is neither http nor https, or comes twice");
	f->scheme = true;
}

static void take_authority(struct fieldhead *f, struct mg_span value)
{
	if (f->authority.p != NULL || !headfield_host_ok(value))
		refuse(f, 400, ":authority is empty or no host name, or comes twice");
	f->authority = f->head->field[HEAD_FIELD_HOST] = value;
	f->notes.host_from_target = true;
}

static void take_pseudo(struct fieldhead *f, struct mg_span name, struct mg_span value)
{
	if (f->regular)
		refuse(f, 400, "a pseudo-header field comes after another field");
	else if (span_eq(name, SPAN(":method")))
		take_method(f, value);
	else if (span_eq(name, SPAN(":path")))
		take_path(f, value);
	else if (span_eq(name, SPAN(":scheme")))
		take_scheme(f, value);
	else if (span_eq(name, SPAN(":authority")))
		take_authority(f, value);
	else
		refuse(f, 400, "an unknown pseudo-header field");
}

/* RFC 9113 §8.2.2: what means something to one connection has no place in HTTP/2. */
static bool is_of_connection(struct mg_span name, struct mg_span value)
{
	switch (name.n) {
	case 2:
		return span_eq(name, SPAN("te")) && !span_eq_nocase(value, SPAN("trailers"));
	case 7:
		return span_eq(name, SPAN("upgrade"));
	case 10:
		return span_eq(name, SPAN("connection")) || span_eq(name, SPAN("keep-alive"));
	case 16:
		return span_eq(name, SPAN("proxy-connection"));
	case 17:
		return span_eq(name, SPAN("transfer-encoding"));
	}
	return false;
}

static void take_field(struct fieldhead *f, struct mg_span name, struct mg_span value)
{
	f->regular = true;
	if (!is_name(name))
		refuse(f, 400, "a field has no proper name");
	else if (!is_value(value))
		refuse(f, 400, "a field's value has a control byte or a blank at its end");
	else if (is_of_connection(name, value))
		refuse(f, 400, "a field that HTTP/2 does not have");
	else
		f->reason = headfield_note(f->head, &f->notes, name, value, &f->status);
	if (f->notes.host && f->host.p == NULL) f->host = value;
}

void fieldhead_add(struct fieldhead *f, struct mg_span name, struct mg_span value)
{
	bool pseudo = name.n > 0 && name.p[0] == ':';

	f->bytes += name.n + value.n + FIELD_OVERHEAD;
	f->fields += !pseudo;
	if (f->reason != NULL) return;
	if (f->bytes > HEAD_MAX_BYTES)
		refuse(f, 431, "the request's head is longer than 32 KiB");
	else if (f->fields > HEAD_MAX_FIELDS)
		refuse(f, 431, "the request has more than 100 header lines");
	else if (pseudo)
		take_pseudo(f, name, value);
	else
		take_field(f, name, value);
}

bool fieldhead_end(struct fieldhead *f)
{
	struct head *h = f->head;

	if (f->reason != NULL) return false;
	if (h->method_name.p == NULL || !f->scheme || h->target.p == NULL) {
		refuse(f, 400, "one of :method, :scheme and :path is missing");
	} else if (h->target.p[0] != '/' &&
		   !(h->method == HEAD_OPTIONS && span_eq(h->target, SPAN("*")))) {
		refuse(f, 400, "the request target is no path");
	} else if (f->authority.p != NULL && f->host.p != NULL &&
		   !span_eq_nocase(f->authority, f->host)) {
		/* RFC 9113 §8.3.1 */
		refuse(f, 400, ":authority and Host name two hosts");
	} else {
		struct headfield_notes notes = f->notes;
		notes.host |= f->authority.p != NULL;
		f->reason = headfield_judge(h, &notes, &f->status);
	}
	return f->reason == NULL;
}
