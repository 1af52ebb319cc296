/* SPDX-License-Identifier: Apache-2.0 */
/* Module paths, import paths and the names of files in a module: what is well formed, how a major
 * version is spelled in a path, and the "!" escaping of capitals for file systems that ignore case
 * (go.dev/ref/mod#module-path, protocol §2.1–2.4). Pure functions, any thread. Arguments are only
 * read; MG_INVALID with the reason is the only failure. */
#ifndef GOMOD_MODPATH_H
#define GOMOD_MODPATH_H

#include "base/buf.h"
#include "base/err.h"

/* A module path: elements per §2.2, a host-like first element, a well-formed major suffix. */
MG_CHECK enum mg_code modpath_check(struct mg_span path, struct mg_err *err);
MG_CHECK enum mg_code modpath_check_import(struct mg_span path, struct mg_err *err);
/* A relative name of a file inside a module: letters of all scripts, most of ASCII. */
MG_CHECK enum mg_code modpath_check_file(struct mg_span path, struct mg_err *err);

/* Splits "example.com/m/v2" into "example.com/m" and "/v2", "gopkg.in/yaml.v3" into "gopkg.in/yaml"
 * and ".v3"; major is empty when there is none. False when the suffix is malformed ("/v1", "/v02",
 * gopkg.in without one): then prefix is the whole path and major empty. Both are parts of path. */
bool modpath_split(struct mg_span path, struct mg_span *prefix, struct mg_span *major);
/* Does a version belong under a path with this major suffix (as modpath_split gives it)? */
bool modpath_major_fits(struct mg_span version, struct mg_span major);
/* Is path a module path, version canonical, and the two belong together? */
MG_CHECK enum mg_code modpath_check_version(struct mg_span path, struct mg_span version,
					    struct mg_err *err);

/* github.com/Azure/x <-> github.com/!azure/x. *out is appended to, and only on MG_OK; it must have
 * room for twice the input (asserted). The unescaped form is checked: a path like modpath_check, a rev (version,
 * branch, tag or commit as it may stand in a URL) to be one element of a file name. */
MG_CHECK enum mg_code modpath_escape(struct mg_span path, struct mg_buf *out, struct mg_err *err);
MG_CHECK enum mg_code modpath_unescape(struct mg_span escaped, struct mg_buf *out,
				       struct mg_err *err);
MG_CHECK enum mg_code modpath_escape_rev(struct mg_span rev, struct mg_buf *out,
					 struct mg_err *err);
MG_CHECK enum mg_code modpath_unescape_rev(struct mg_span escaped, struct mg_buf *out,
					   struct mg_err *err);

#endif
