/* SPDX-License-Identifier: Apache-2.0 */
#include "gomod/target.h"

#include "base/check.h"
#include "gomod/modpath.h"
#include "gomod/version.h"

#define SHOWN 160
/* File systems hold names of 255 bytes; the store adds suffixes such as ".provenance" to versions. */
#define PATH_ELEMENT_MAX 255
#define REV_MAX          232

static enum mg_code refuse(struct mg_err *err, struct mg_span what, const char *why)
{
	return err_set(err, MG_NOT_FOUND, MG_CAUSE_NONE, "not found: %.*s: %s",
		       SPAN_ARG(span_first(what, SHOWN)), why);
}

/* A malformed name cannot exist, so to the asker it is "not found" with the reason. */
static enum mg_code refuse_malformed(struct mg_err *err)
{
	if (err == NULL) return MG_NOT_FOUND;
	err->code = MG_NOT_FOUND;
	return err_wrap(err, "not found");
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9') return c - '0';
	if (c >= 'a' && c <= 'f') return c - 'a' + 10;
	if (c >= 'A' && c <= 'F') return c - 'A' + 10;
	return -1;
}

/* RFC 3986 §2.1, once. What an encoded byte may not be: a "/" (it would be an element's end to some
 * and not to others), a control or non-ASCII byte, or a backslash. Returns what is wrong, or NULL. */
const char *target_decode(struct mg_span s, struct mg_buf *out)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (c == '?' || c == '#') return "the path holds a raw \"?\" or \"#\"";
		if (c == '%') {
			int hi = i + 2 < s.n ? hex_digit(s.p[i + 1]) : -1;
			int lo = hi >= 0 ? hex_digit(s.p[i + 2]) : -1;
			if (lo < 0) return "malformed percent-encoding";
			c = (char)(hi << 4 | lo);
			if (c == '/') return "percent-encoded slash";
			i += 2;
		}
		if ((unsigned char)c < 0x20 || (unsigned char)c >= 0x7f || c == '\\')
			return "control character, backslash or byte outside ASCII";
		buf_append_char(out, c);
	}
	return NULL;
}

static bool elements_fit(struct mg_span epath)
{
	while (epath.p != NULL)
		if (span_cut(&epath, '/').n > PATH_ELEMENT_MAX) return false;
	return true;
}

/* Sets kind to INFO or QUERY, whichever the version makes it; false when the kind cannot have it. */
static bool settle_kind(struct target *t)
{
	bool exact = modpath_check_version(t->path, t->version, NULL) == MG_OK;
	if (t->kind == TARGET_INFO || t->kind == TARGET_QUERY) {
		t->kind = exact ? TARGET_INFO : TARGET_QUERY;
		return true;
	}
	return exact || t->kind == TARGET_LIST || t->kind == TARGET_LATEST;
}

/* All but the kind's last word is filled in: path, epath, version, eversion. */
static enum mg_code finish(struct target t, struct target *out, struct mg_err *err)
{
	if (!settle_kind(&t))
		return refuse(err, t.version,
			      "not a canonical version of this module path, and only such have "
			      "a .mod or .zip");
	if (!elements_fit(t.epath)) return refuse(err, t.path, "path element is too long");
	if (t.eversion.n > REV_MAX) return refuse(err, t.version, "version is too long");
	*out = t;
	return MG_OK;
}

/* tail: what stands behind "/@v/": "list" / rev ".info" / rev ".mod" / rev ".zip" */
static bool parse_tail(struct mg_span tail, struct target *t, struct mg_span *erev)
{
	*erev = (struct mg_span){ 0 };
	if (span_eq(tail, SPAN("list"))) {
		t->kind = TARGET_LIST;
		return true;
	}
	ptrdiff_t dot = span_last_index(tail, '.');
	if (dot <= 0) return false;
	struct mg_span suffix = span_from(tail, (size_t)dot);
	*erev = span_first(tail, (size_t)dot);
	if (span_eq(suffix, SPAN(".info")))
		t->kind = TARGET_QUERY;
	else if (span_eq(suffix, SPAN(".mod")))
		t->kind = TARGET_MOD;
	else if (span_eq(suffix, SPAN(".zip")))
		t->kind = TARGET_ZIP;
	else
		return false;
	return true;
}

/* url-path = "/" epath ("/@v/" tail / "/@latest") */
static enum mg_code parse_decoded(struct mg_span s, struct arena *a, struct mg_buf *plain,
				  struct target *out, struct mg_err *err)
{
	struct target t = { .kind = TARGET_LATEST };
	struct mg_span erev = { 0 };
	ptrdiff_t at = span_find(s, SPAN("/@v/"));
	if (at >= 0) {
		if (!parse_tail(span_from(s, (size_t)at + strlen("/@v/")), &t, &erev))
			return refuse(err, s, "neither list nor VERSION.info, .mod or .zip");
		t.epath = span_first(s, (size_t)at);
	} else if (span_has_suffix(s, SPAN("/@latest"))) {
		t.epath = span_first(s, s.n - strlen("/@latest"));
	} else {
		return refuse(err, s, "not a request of the GOPROXY protocol");
	}
	if (modpath_unescape(t.epath, plain, err) != MG_OK) return refuse_malformed(err);
	t.path = arena_dup(a, buf_span(plain));
	t.epath = arena_dup(a, t.epath);
	if (erev.p != NULL) {
		buf_clear(plain);
		if (modpath_unescape_rev(erev, plain, err) != MG_OK) return refuse_malformed(err);
		t.version = arena_dup(a, buf_span(plain));
		t.eversion = arena_dup(a, erev);
	}
	return finish(t, out, err);
}

enum mg_code target_parse(struct mg_span url_path, struct arena *a, struct target *out,
			  struct mg_err *err)
{
	if (url_path.n > TARGET_URL_MAX) return refuse(err, url_path, "the path is too long");
	if (url_path.n == 0 || url_path.p[0] != '/')
		return refuse(err, url_path, "the path does not begin with a slash");
	struct mg_buf decoded = BUF_MAX(TARGET_URL_MAX), plain = BUF_MAX(TARGET_URL_MAX);
	const char *fault = target_decode(span_from(url_path, 1), &decoded);
	enum mg_code rc = fault != NULL ? refuse(err, url_path, fault)
					: parse_decoded(buf_span(&decoded), a, &plain, out, err);
	buf_deinit(&decoded);
	buf_deinit(&plain);
	return rc;
}

enum mg_code target_make(enum target_kind kind, struct mg_span path, struct mg_span version,
			 struct arena *a, struct target *out, struct mg_err *err)
{
	bool versionless = kind == TARGET_LIST || kind == TARGET_LATEST;
	MG_ASSERT(!versionless || version.n == 0);
	if (path.n + version.n > TARGET_URL_MAX) return refuse(err, path, "the path is too long");
	struct target t = { .kind = kind };
	struct mg_buf escaped = BUF_MAX(2 * TARGET_URL_MAX);
	enum mg_code rc = MG_NOT_FOUND;
	if (modpath_escape(path, &escaped, err) != MG_OK) {
		rc = refuse_malformed(err);
		goto out;
	}
	t.path = arena_dup(a, path);
	t.epath = arena_dup(a, buf_span(&escaped));
	if (!versionless) {
		buf_clear(&escaped);
		if (modpath_escape_rev(version, &escaped, err) != MG_OK) {
			rc = refuse_malformed(err);
			goto out;
		}
		t.version = arena_dup(a, version);
		t.eversion = arena_dup(a, buf_span(&escaped));
	}
	rc = finish(t, out, err);
out:
	buf_deinit(&escaped);
	return rc;
}

static const char *suffix_of(enum target_kind kind)
{
	return kind == TARGET_MOD ? ".mod" : kind == TARGET_ZIP ? ".zip" : ".info";
}

void target_file(const struct target *t, struct mg_buf *out)
{
	buf_append(out, t->epath);
	if (t->kind == TARGET_LATEST) {
		buf_append_str(out, "/@latest");
	} else if (t->kind == TARGET_LIST) {
		buf_append_str(out, "/@v/list");
	} else {
		buf_append_str(out, "/@v/");
		buf_append(out, t->eversion);
		buf_append_str(out, suffix_of(t->kind));
	}
}

/* What the go command leaves as it is in a path (Go's url.PathEscape, with "/" kept). */
static bool is_literal(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("/+@~.-_$&=:", c) != NULL);
}

void target_url(const struct target *t, struct mg_buf *out)
{
	struct mg_buf file = BUF_MAX(4 * TARGET_URL_MAX);
	target_file(t, &file);
	MG_ASSERT(!buf_failed(&file));
	for (size_t i = 0; i < file.n; i++) {
		if (is_literal(file.p[i]))
			buf_append_char(out, file.p[i]);
		else
			buf_printf(out, "%%%02X", (unsigned)(unsigned char)file.p[i]);
	}
	buf_deinit(&file);
}

void target_name(const struct target *t, struct mg_buf *out)
{
	buf_append(out, t->path);
	if (t->kind == TARGET_LIST) return;
	buf_append_char(out, '@');
	buf_append(out, t->kind == TARGET_LATEST ? SPAN("latest") : t->version);
}

const char *target_kind_name(enum target_kind kind)
{
	static const char *const names[TARGET_KIND_COUNT] = {
		[TARGET_LIST] = "list", [TARGET_LATEST] = "latest", [TARGET_INFO] = "info",
		[TARGET_MOD] = "mod",   [TARGET_ZIP] = "zip",       [TARGET_QUERY] = "query",
	};
	MG_ASSERT((unsigned)kind < TARGET_KIND_COUNT);
	return names[kind];
}
