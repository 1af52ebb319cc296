/* SPDX-License-Identifier: Apache-2.0 */
/* The fields of an answer as HTTP/2 sends them (RFC 9113 §8.3.2), from the head that a reply holds ready for
 * HTTP/1.1. Only names and values are looked up: nothing is copied, nothing is kept with the reply.
 * The server's loop. */
#ifndef HTTP_H2FIELDS_H
#define HTTP_H2FIELDS_H

#include <nghttp2/nghttp2.h>

#include "http/outbound.h"

#define H2FIELDS_MAX 40

/* What of an answer's fields stands nowhere else. */
struct h2fields_text {
	char range[72], length[24];
};

/* Fills nv and returns how many. They point into r, *how and *text, which must stay until they are
 * encoded. */
size_t h2fields_of(const struct reply *r, const struct outbound_how *how,
		   struct h2fields_text *text, nghttp2_nv nv[H2FIELDS_MAX]);

#endif
