/* SPDX-License-Identifier: Apache-2.0 */
/* What a go.mod file says (go.dev/ref/mod#go-mod-file, protocol §5). Everything lives in an arena. Any
 * thread. */
#ifndef GOMOD_MODFILE_H
#define GOMOD_MODFILE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

#define MODFILE_MAX 16777216 /* bytes; larger is MG_INVALID */

struct modfile_module {
	struct mg_span path, version;
};

struct modfile_require {
	struct modfile_module module;
	bool indirect;
};

struct modfile_replace {
	struct modfile_module old; /* no version: all of them */
	struct modfile_module new; /* no version: a directory */
};

struct modfile_retract {
	struct mg_span low, high; /* as written: both ends are retracted too */
	struct mg_span rationale; /* its lines, joined by LF */
};

struct modfile {
	struct mg_span path;       /* of the module line; empty: there is none */
	struct mg_span deprecated; /* the message; empty: it is not */
	struct mg_span go;         /* "1.21", "1.22rc1"; empty: none */
	struct mg_span
		toolchain; /* MODFILE_STRICT only, as are all that follow but retract and ignore */
	struct modfile_require *require;
	struct modfile_module *exclude;
	struct modfile_replace *replace;
	struct modfile_retract *retract;
	struct mg_span *tool, *ignore, *godebug; /* paths; paths; "key=value" */
	size_t requires, excludes, replaces, retracts, tools, ignores, godebugs;
};

enum modfile_mode {
	MODFILE_LAX, /* a dependency: directives that only count in a main module, and unknown ones,
			 * are skipped */
	MODFILE_STRICT, /* a main module */
};

/* MG_INVALID with the line's number. Versions of require, exclude and replace are made canonical; a
 * missing module line is no error. */
MG_CHECK enum mg_code modfile_parse(struct mg_span file, enum modfile_mode mode, struct arena *a,
				    struct modfile *out, struct mg_err *err);
/* The module path by the quick scan that the go command uses on a repository's files, which is not the
 * same (§5.4). Appends nothing when it finds none. */
void modfile_scan_path(struct mg_span file, struct mg_buf *out);

#endif
