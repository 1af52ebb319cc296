/* SPDX-License-Identifier: Apache-2.0 */
/* The value of GOSUMDB: which checksum database is asked, by which key it is known, and where it is
 * (go.dev/ref/mod#checksum-database, protocol §6.1). Any thread. */
#ifndef SUMDB_GOSUMDB_H
#define SUMDB_GOSUMDB_H

#include "base/arena.h"
#include "sumdb/notekey.h"

struct gosumdb {
	bool off;
	struct notekey key; /* key.name is the database's name */
	const char *url;    /* where it is, without a slash at the end */
	bool direct;        /* the value names a URL: proxies are passed by */
};

/* "off", NAME, KEY, "NAME URL" or "KEY URL"; empty is the go command's own default. A name must be one
 * whose key is known. Strings live in the arena. MG_INVALID says what is wrong. */
MG_CHECK enum mg_code gosumdb_parse(struct mg_span value, struct arena *a, struct gosumdb *out,
				    struct mg_err *err);

#endif
