/* SPDX-License-Identifier: Apache-2.0 */
/* Which request paths are questions to the checksum database: "/sumdb/NAME/…", as a GOPROXY answers them,
 * and the same at the root, for a GOSUMDB that names this server's URL (protocol §6.1, §6.2). */
#ifndef SERVE_SUMROUTE_H
#define SERVE_SUMROUTE_H

#include "base/arena.h"
#include "base/err.h"

enum sumroute {
	SUMROUTE_NONE,      /* a module's path, or nonsense */
	SUMROUTE_SUPPORTED, /* do you answer for this database? Yes. */
	/* *what is below the first database's URL, decoded; of the others it is "@NAME/" and that. Lives
	 * in the arena. */
	SUMROUTE_ASK,
	SUMROUTE_REFUSED, /* *err, MG_NOT_FOUND: another database, or no path of one */
};

/* The databases that are answered for, and no others. */
struct sumroute_names {
	const char *first;       /* at the root too; "": none */
	const char *const *more; /* under /sumdb/ only */
	size_t n;
};

/* path: of the URL, still percent-encoded. */
enum sumroute sumroute_of(struct mg_span path, const struct sumroute_names *names, struct arena *a,
			  struct mg_span *what, struct mg_err *err);

#endif
