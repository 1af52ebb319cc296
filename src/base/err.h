/* SPDX-License-Identifier: Apache-2.0 */
/* The closed taxonomy of what can go wrong. The HTTP status, the text for the go user, the log
 * line, the metric label and the doctor's verdict all come from these two words. MG_NOT_FOUND is
 * special in the domain: it alone lets a `,` list go on and becomes 404. Functions are pure, any
 * thread. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "base/span.h"

enum mg_code {
	MG_OK = 0,
	MG_NOT_FOUND,   /* proven absence */
	MG_DENIED,      /* a rule or an upstream withholds it */
	MG_INVALID,     /* the asker's input is malformed */
	MG_TIMEOUT,     /* somebody did not answer in time */
	MG_UNAVAILABLE, /* cannot be had now: fault, overload, shutdown */
	MG_CORRUPT,     /* bytes that fail a check */
	MG_CANCELED,    /* nobody waits any more */
	MG_INTERNAL,    /* our defect */
};
#define MG_CODE_COUNT (MG_INTERNAL + 1)

enum mg_cause {
	MG_CAUSE_NONE = 0,
	MG_CAUSE_DNS,
	MG_CAUSE_CONNECT,
	MG_CAUSE_TLS,
	MG_CAUSE_HTTP,     /* the peer broke the protocol or the transfer */
	MG_CAUSE_UPSTREAM, /* the peer answered, and its answer is the fault */
	MG_CAUSE_STORAGE,
	MG_CAUSE_POLICY,
	MG_CAUSE_AUTH,
	MG_CAUSE_PROOF,
	MG_CAUSE_VCS,
};
#define MG_CAUSE_COUNT (MG_CAUSE_VCS + 1)

#define MG_ERR_TEXT 480

/* Filled on every return other than MG_OK; untouched otherwise. The text is one line of printable
 * UTF-8 with no secrets: what, where, whose fault, what to do. */
struct mg_err {
	enum mg_code code;
	enum mg_cause cause;
	uint32_t retry_after_s; /* 0: no advice */
	char text[MG_ERR_TEXT];
};

#define MG_CHECK __attribute__((warn_unused_result))

/* Sets *err (NULL is allowed) and returns code, so `return err_set(err, …)` is the failure exit.
 * Overlong text is cut at a character boundary; control bytes become '?'. */
enum mg_code err_set(struct mg_err *err, enum mg_code code, enum mg_cause cause, const char *fmt,
		     ...) __attribute__((format(printf, 4, 5)));
/* Puts "prefix: " before the text that is there. Returns err->code. */
enum mg_code err_wrap(struct mg_err *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* The same as err_set with the words of errno: STORAGE cause; ENOSPC/EDQUOT/EMFILE → UNAVAILABLE,
 * ENOENT/ENOTDIR → NOT_FOUND, others UNAVAILABLE. */
enum mg_code err_errno(struct mg_err *err, int errnum, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

const char *err_code_name(enum mg_code code);    /* "not_found", … */
const char *err_cause_name(enum mg_cause cause); /* "none", "dns", … */
/* The HTTP status of a failure (RFC 9110 §15): 404, 403, 400, 504, 502/503, 502, 503, 500. A fault of
 * the other side (connect, tls, http, upstream) is 502, of ours (storage, overload) 503. */
int err_http_status(enum mg_code code, enum mg_cause cause);

#endif
