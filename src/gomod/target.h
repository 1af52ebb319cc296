/* SPDX-License-Identifier: Apache-2.0 */
/* What a GOPROXY request asks for (go.dev/ref/mod#goproxy-protocol). Any thread; no I/O. */
#ifndef GOMOD_TARGET_H
#define GOMOD_TARGET_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum target_kind {
	TARGET_LIST,   /* PATH/@v/list */
	TARGET_LATEST, /* PATH/@latest */
	TARGET_INFO,   /* PATH/@v/VERSION.info, VERSION canonical and fitting the path: immutable */
	TARGET_MOD,    /* PATH/@v/VERSION.mod */
	TARGET_ZIP,    /* PATH/@v/VERSION.zip */
	TARGET_QUERY, /* PATH/@v/REV.info, REV a branch, tag, commit or non-canonical version: may change */
};
#define TARGET_KIND_COUNT (TARGET_QUERY + 1)

#define TARGET_URL_MAX 4096 /* bytes of a URL path; longer is MG_NOT_FOUND */

struct target {
	enum target_kind kind;
	struct mg_span path;    /* module path, unescaped: github.com/Azure/x */
	struct mg_span epath;   /* bang-escaped: github.com/!azure/x */
	struct mg_span version; /* unescaped version or rev; empty for LIST and LATEST */
	struct mg_span eversion;
};

/* Parses the path of a request URL, still percent-encoded, with its leading '/' (no query, no path
 * prefix of ours): decodes percent once, then bang. "+" is plus. The spans live in the arena.
 * Anything that is not a well-formed GOPROXY target is MG_NOT_FOUND with the reason, because 400
 * would end the client's walk (protocol §1.1). So are a .mod or .zip of anything but a canonical
 * version that fits the path, and names no file system can hold (elements over 255 bytes). Two URLs
 * that give the same target mean the same to the go command; every other spelling is refused. */
MG_CHECK enum mg_code target_parse(struct mg_span url_path, struct arena *a, struct target *out,
				   struct mg_err *err);
/* The decoding of percent by itself, appended to *out, for paths that are no targets. Says what is wrong
 * with s, or NULL. */
const char *target_decode(struct mg_span s, struct mg_buf *out);
/* The same from unescaped parts (version empty for LIST and LATEST, asserted). INFO and QUERY become
 * what the version makes them. */
MG_CHECK enum mg_code target_make(enum target_kind kind, struct mg_span path,
				  struct mg_span version, struct arena *a, struct target *out,
				  struct mg_err *err);
/* The relative file name in a module cache, static tree or modgate's store (bang-escaped, not
 * percent-encoded): "github.com/!azure/x/@v/v1.0.0.zip", ".../@v/list", ".../@latest". */
void target_file(const struct target *t, struct mg_buf *out);
/* The same as the go command writes it in a URL: '!' becomes "%21". No leading '/'. */
void target_url(const struct target *t, struct mg_buf *out);
/* For people and go users: "PATH@VERSION", or "PATH" for LIST, "PATH@latest" for LATEST. */
void target_name(const struct target *t, struct mg_buf *out);
const char *target_kind_name(
	enum target_kind kind); /* "list", "latest", "info", "mod", "zip", "query" */
/* May the bytes of this target change in the course of time? (LIST, LATEST, QUERY) */
static inline bool target_is_mutable(enum target_kind kind)
{
	return kind == TARGET_LIST || kind == TARGET_LATEST || kind == TARGET_QUERY;
}

#endif
