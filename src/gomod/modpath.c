/* SPDX-License-Identifier: Apache-2.0 */
#include "gomod/modpath.h"

#include "base/check.h"
#include "gomod/rune.h"
#include "gomod/unicode_letter.h"
#include "gomod/version.h"

enum kind {
	KIND_MODULE,
	KIND_IMPORT,
	KIND_FILE
};

/* How much of a foreign name a message repeats. */
#define SHOWN 160

static bool is_digit(uint32_t c)
{
	return c >= '0' && c <= '9';
}

static bool is_alnum(uint32_t c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool rune_allowed(uint32_t r, enum kind kind)
{
	if (is_alnum(r)) return true;
	if (r >= 0x80) return kind == KIND_FILE && unicode_letter_has(r);
	const char *marks = kind == KIND_FILE     ? "!#$%&()+,-.=@[]^_{}~ "
			    : kind == KIND_IMPORT ? "-._~+"
						  : "-._~";
	return r != 0 && strchr(marks, (int)r) != NULL;
}

/* CON PRN AUX NUL COM1-9 LPT1-9 in any case: device names of Windows, whatever follows a dot. */
static bool is_device_name(struct mg_span stem)
{
	static const char *const names[] = { "CON", "PRN", "AUX", "NUL" };
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (span_eq_nocase(stem, span_of(names[i]))) return true;
	struct mg_span port = span_first(stem, 3);
	return stem.n == 4 && stem.p[3] >= '1' && stem.p[3] <= '9' &&
	       (span_eq_nocase(port, SPAN("COM")) || span_eq_nocase(port, SPAN("LPT")));
}

/* "longna~1" is how Windows abbreviates long names. */
static bool is_short_name(struct mg_span stem)
{
	ptrdiff_t tilde = span_last_index(stem, '~');
	if (tilde < 0 || (size_t)tilde + 1 == stem.n) return false;
	for (size_t i = (size_t)tilde + 1; i < stem.n; i++)
		if (!is_digit((unsigned char)stem.p[i])) return false;
	return true;
}

/* Protocol §2.2. Returns what is wrong, or NULL. */
static const char *element_fault(struct mg_span elem, enum kind kind)
{
	if (elem.n == 0) return "empty path element";
	size_t dots = 0;
	while (dots < elem.n && elem.p[dots] == '.')
		dots++;
	if (dots == elem.n) return "path element of dots only";
	if (dots > 0 && kind == KIND_MODULE) return "leading dot in path element";
	if (elem.p[elem.n - 1] == '.') return "trailing dot in path element";
	struct mg_span rest = elem;
	while (rest.n > 0)
		if (!rune_allowed(rune_next(&rest), kind)) return "invalid character";
	struct mg_span stem = span_cut(&elem, '.');
	if (is_device_name(stem)) return "name of a Windows device";
	if (kind != KIND_FILE && is_short_name(stem)) return "trailing tilde and digits";
	return NULL;
}

static const char *path_fault(struct mg_span path, enum kind kind)
{
	if (path.n == 0) return "empty";
	if (!rune_valid(path)) return "invalid UTF-8";
	if (path.p[0] == '-' && kind != KIND_FILE) return "leading dash";
	while (path.p != NULL) {
		const char *fault = element_fault(span_cut(&path, '/'), kind);
		if (fault != NULL) return fault;
	}
	return NULL;
}

static const char *module_fault(struct mg_span path)
{
	const char *fault = path_fault(path, KIND_MODULE);
	if (fault != NULL) return fault;
	struct mg_span rest = path;
	struct mg_span host = span_cut(&rest, '/');
	if (span_index(host, '.') < 0) return "missing dot in first path element";
	for (size_t i = 0; i < host.n; i++) {
		char c = host.p[i];
		if (c == '_' || c == '~' || (c >= 'A' && c <= 'Z'))
			return "invalid character in first path element";
	}
	struct mg_span prefix, major;
	return modpath_split(path, &prefix, &major) ? NULL : "invalid major version suffix";
}

static enum mg_code verdict(const char *fault, const char *what, struct mg_span s,
			    struct mg_err *err)
{
	if (fault == NULL) return MG_OK;
	return err_set(err, MG_INVALID, MG_CAUSE_NONE, "malformed %s \"%.*s\": %s", what,
		       SPAN_ARG(span_first(s, SHOWN)), fault);
}

enum mg_code modpath_check(struct mg_span path, struct mg_err *err)
{
	return verdict(module_fault(path), "module path", path, err);
}

enum mg_code modpath_check_import(struct mg_span path, struct mg_err *err)
{
	return verdict(path_fault(path, KIND_IMPORT), "import path", path, err);
}

enum mg_code modpath_check_file(struct mg_span path, struct mg_err *err)
{
	return verdict(path_fault(path, KIND_FILE), "file path", path, err);
}

static const char *rev_fault(struct mg_span rev)
{
	if (!rune_valid(rev)) return "invalid UTF-8";
	return element_fault(rev, KIND_FILE);
}

/* gopkg.in spells the major ".vN" or ".vN-unstable", and always. */
static bool split_gopkg(struct mg_span path, struct mg_span *prefix, struct mg_span *major)
{
	size_t i = path.n;
	if (span_has_suffix(path, SPAN("-unstable"))) i -= strlen("-unstable");
	while (i > 0 && is_digit((unsigned char)path.p[i - 1]))
		i--;
	if (i < 2 || path.p[i - 1] != 'v' || path.p[i - 2] != '.') return false;
	struct mg_span suffix = span_from(path, i - 2);
	/* ".v-unstable" has no digits and is let pass, as by Go; no version fits it. */
	if (suffix.n == 2 || (suffix.p[2] == '0' && !span_eq(suffix, SPAN(".v0")))) return false;
	*prefix = span_first(path, i - 2);
	*major = suffix;
	return true;
}

bool modpath_split(struct mg_span path, struct mg_span *prefix, struct mg_span *major)
{
	*prefix = path;
	*major = span_from(path, path.n);
	if (span_has_prefix(path, SPAN("gopkg.in/"))) return split_gopkg(path, prefix, major);
	size_t i = path.n;
	bool dot = false;
	while (i > 0 && (is_digit((unsigned char)path.p[i - 1]) || path.p[i - 1] == '.'))
		dot |= path.p[--i] == '.';
	if (i < 2 || i == path.n || path.p[i - 1] != 'v' || path.p[i - 2] != '/') return true;
	struct mg_span suffix = span_from(path, i - 2);
	if (dot || path.p[i] == '0' || span_eq(suffix, SPAN("/v1"))) return false;
	*prefix = span_first(path, i - 2);
	*major = suffix;
	return true;
}

bool modpath_major_fits(struct mg_span version, struct mg_span major)
{
	if (span_has_suffix(major, SPAN("-unstable")) && span_has_prefix(major, SPAN(".v")))
		major = span_first(major, major.n - strlen("-unstable"));
	/* gopkg.in once gave its .v1 modules pseudo-versions of v0.0.0. */
	if (span_has_prefix(version, SPAN("v0.0.0-")) && span_eq(major, SPAN(".v1"))) return true;
	struct mg_span m = version_major(version);
	if (major.n > 0) return m.n > 0 && span_eq(m, span_from(major, 1));
	return span_eq(m, SPAN("v0")) || span_eq(m, SPAN("v1")) || version_is_incompatible(version);
}

enum mg_code modpath_check_version(struct mg_span path, struct mg_span version, struct mg_err *err)
{
	enum mg_code rc = modpath_check(path, err);
	if (rc != MG_OK) return rc;
	if (!version_is_canonical(version))
		return verdict("not a canonical semantic version", "version", version, err);
	struct mg_span prefix, major;
	if (!modpath_split(path, &prefix, &major) || !modpath_major_fits(version, major))
		return err_set(
			err, MG_INVALID, MG_CAUSE_NONE,
			"version %.*s does not belong to module path %.*s: its major version "
			"should be %s%.*s",
			SPAN_ARG(span_first(version, SHOWN)), SPAN_ARG(span_first(path, SHOWN)),
			major.n > 0 ? "" : "v0 or v1", SPAN_ARG(span_from(major, 1)));
	return MG_OK;
}

/* escaped = *(%x00-40 / %x5B-7F / "!" %x61-7A): "!" before what was a capital. */
static bool escape(struct mg_span s, struct mg_buf *out)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '!' || (unsigned char)s.p[i] >= 0x80) return false;
	for (size_t i = 0; i < s.n; i++) {
		bool capital = s.p[i] >= 'A' && s.p[i] <= 'Z';
		if (capital) buf_append_char(out, '!');
		buf_append_char(out, (char)(s.p[i] | (capital ? 0x20 : 0)));
	}
	MG_ASSERT(!buf_failed(out));
	return true;
}

/* On failure what was appended is taken back by the caller. */
static bool unescape(struct mg_span s, struct mg_buf *out)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if ((unsigned char)c >= 0x80 || (c >= 'A' && c <= 'Z')) return false;
		if (c == '!') {
			if (++i == s.n || s.p[i] < 'a' || s.p[i] > 'z') return false;
			c = (char)(s.p[i] & ~0x20);
		}
		buf_append_char(out, c);
	}
	MG_ASSERT(!buf_failed(out));
	return true;
}

enum mg_code modpath_escape(struct mg_span path, struct mg_buf *out, struct mg_err *err)
{
	const char *fault = module_fault(path);
	if (fault == NULL && !escape(path, out)) fault = "cannot be escaped";
	return verdict(fault, "module path", path, err);
}

enum mg_code modpath_escape_rev(struct mg_span rev, struct mg_buf *out, struct mg_err *err)
{
	const char *fault = rev_fault(rev);
	if (fault == NULL && !escape(rev, out)) fault = "cannot be escaped";
	return verdict(fault, "version", rev, err);
}

static enum mg_code unescape_checked(struct mg_span escaped,
				     const char *(*fault_of)(struct mg_span), const char *what,
				     struct mg_buf *out, struct mg_err *err)
{
	size_t before = out->n;
	const char *fault = unescape(escaped, out) ? fault_of(span_from(buf_span(out), before))
						   : "capitals must be written as \"!\" and the "
						     "small letter";
	if (fault != NULL) out->n = before;
	return verdict(fault, what, escaped, err);
}

enum mg_code modpath_unescape(struct mg_span escaped, struct mg_buf *out, struct mg_err *err)
{
	return unescape_checked(escaped, module_fault, "escaped module path", out, err);
}

enum mg_code modpath_unescape_rev(struct mg_span escaped, struct mg_buf *out, struct mg_err *err)
{
	return unescape_checked(escaped, rev_fault, "escaped version", out, err);
}
