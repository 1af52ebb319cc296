/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/check.h"
#include "base/utf8.h"

/* Copies text into err->text as printable UTF-8 on one line, cut at a character's boundary. */
static void set_text(struct mg_err *err, const char *text)
{
	struct mg_span rest = span_of(text);
	size_t n = 0;
	while (rest.n > 0) {
		uint32_t point;
		size_t len = utf8_decode(rest, &point);
		bool printable = len > 0 && !utf8_is_control(point);
		size_t need = printable ? len : 1;
		if (n + need > MG_ERR_TEXT - 1) break;
		if (printable)
			memcpy(err->text + n, rest.p, len);
		else
			err->text[n] = '?';
		n += need;
		rest = span_from(rest, len > 0 ? len : 1);
	}
	err->text[n] = '\0';
}

/* Longer than the text, so that what is cut off is cut by set_text. */
#define SCRATCH (2 * MG_ERR_TEXT)

enum mg_code err_set(struct mg_err *err, enum mg_code code, enum mg_cause cause, const char *fmt,
		     ...)
{
	if (err == NULL) return code;
	char scratch[SCRATCH];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(scratch, sizeof scratch, fmt, ap);
	va_end(ap);
	err->code = code;
	err->cause = cause;
	err->retry_after_s = 0;
	set_text(err, scratch);
	return code;
}

enum mg_code err_wrap(struct mg_err *err, const char *fmt, ...)
{
	char scratch[SCRATCH];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(scratch, sizeof scratch, fmt, ap);
	va_end(ap);
	MG_ASSERT(n >= 0);
	if ((size_t)n < sizeof scratch)
		snprintf(scratch + n, sizeof scratch - (size_t)n, ": %s", err->text);
	set_text(err, scratch);
	return err->code;
}

static void errno_words(int errnum, char *out, size_t n)
{
#ifdef _WIN32
	strerror_s(out, n, errnum);
#else
	const char *words = strerrordesc_np(errnum);
	if (words != NULL)
		snprintf(out, n, "%s", words);
	else
		snprintf(out, n, "error %d", errnum);
#endif
}

enum mg_code err_errno(struct mg_err *err, int errnum, const char *fmt, ...)
{
	enum mg_code code = errnum == ENOENT || errnum == ENOTDIR ? MG_NOT_FOUND : MG_UNAVAILABLE;
	char scratch[SCRATCH], words[128];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(scratch, sizeof scratch, fmt, ap);
	va_end(ap);
	errno_words(errnum, words, sizeof words);
	return err_set(err, code, MG_CAUSE_STORAGE, "%s: %s", scratch, words);
}

const char *err_code_name(enum mg_code code)
{
	static const char *const names[MG_CODE_COUNT] = {
		[MG_OK] = "ok",
		[MG_NOT_FOUND] = "not_found",
		[MG_DENIED] = "denied",
		[MG_INVALID] = "invalid",
		[MG_TIMEOUT] = "timeout",
		[MG_UNAVAILABLE] = "unavailable",
		[MG_CORRUPT] = "corrupt",
		[MG_CANCELED] = "canceled",
		[MG_INTERNAL] = "internal",
	};
	return (unsigned)code < MG_CODE_COUNT ? names[code] : "unknown";
}

const char *err_cause_name(enum mg_cause cause)
{
	static const char *const names[MG_CAUSE_COUNT] = {
		[MG_CAUSE_NONE] = "none",       [MG_CAUSE_DNS] = "dns",
		[MG_CAUSE_CONNECT] = "connect", [MG_CAUSE_TLS] = "tls",
		[MG_CAUSE_HTTP] = "http",       [MG_CAUSE_UPSTREAM] = "upstream",
		[MG_CAUSE_STORAGE] = "storage", [MG_CAUSE_POLICY] = "policy",
		[MG_CAUSE_AUTH] = "auth",       [MG_CAUSE_PROOF] = "proof",
		[MG_CAUSE_VCS] = "vcs",
	};
	return (unsigned)cause < MG_CAUSE_COUNT ? names[cause] : "unknown";
}

/* Is the fault on the other side of a connection we made? */
static bool is_foreign(enum mg_cause cause)
{
	switch (cause) {
	case MG_CAUSE_DNS:
	case MG_CAUSE_CONNECT:
	case MG_CAUSE_TLS:
	case MG_CAUSE_HTTP:
	case MG_CAUSE_UPSTREAM:
	case MG_CAUSE_VCS:
		return true;
	case MG_CAUSE_NONE:
	case MG_CAUSE_STORAGE:
	case MG_CAUSE_POLICY:
	case MG_CAUSE_AUTH:
	case MG_CAUSE_PROOF: /* what is refused for want of a proof is refused by us */
		return false;
	}
	return false;
}

int err_http_status(enum mg_code code, enum mg_cause cause)
{
	switch (code) {
	case MG_OK:
		return 200;
	case MG_NOT_FOUND:
		return 404;
	case MG_DENIED:
		return 403;
	case MG_INVALID:
		return 400;
	case MG_TIMEOUT:
		return 504;
	case MG_UNAVAILABLE:
		return is_foreign(cause) ? 502 : 503;
	case MG_CORRUPT:
		return cause == MG_CAUSE_STORAGE ? 503 : 502;
	case MG_CANCELED:
		return 503;
	case MG_INTERNAL:
		return 500;
	}
	return 500;
}
