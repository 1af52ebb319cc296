/* SPDX-License-Identifier: Apache-2.0 */
/* An absolute http or https URL (RFC 3986) in the parts that outgoing requests need. */
#ifndef UPSTREAM_URL_H
#define UPSTREAM_URL_H

#include "base/buf.h"
#include "base/err.h"

struct url {
	char *text;     /* without user-info and fragment: what is asked and what may be shown */
	char *scheme;   /* "http" or "https" */
	char *host;     /* lower case, IPv6 in brackets */
	uint16_t port;  /* never 0: the scheme's default filled in */
	char *origin;   /* "https://host:port": what credentials and circuits are bound to */
	char *label;    /* "host", or "host:port" when the port is not the scheme's: for people */
	char *userinfo; /* "user:password" decoded; NULL: none */
};

/* MG_INVALID when it is no http(s) URL. The text of the error never holds the URL's user-info. */
MG_CHECK enum mg_code url_parse(struct mg_span text, struct url *out, struct mg_err *err);
/* Resolves a Location (RFC 9110 §10.2.2) against base. User-info in it is dropped: a redirect does
 * not hand out credentials. */
MG_CHECK enum mg_code url_resolve(const struct url *base, struct mg_span location, struct url *out,
				  struct mg_err *err);
void url_deinit(struct url *u); /* legal on a zeroed struct */
bool url_same_origin(const struct url *a, const struct url *b);

#endif
