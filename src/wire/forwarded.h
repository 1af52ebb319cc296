/* SPDX-License-Identifier: Apache-2.0 */
/* Whose request a proxy passes on, by the fields that proxies write: X-Forwarded-For, or Forwarded (RFC 7239).
 * Anybody can write them, so they are read from the right, as far as those who wrote are trusted. Pure. */
#ifndef WIRE_FORWARDED_H
#define WIRE_FORWARDED_H

#include "wire/iptext.h"

/* The nearest address that is not one of the trusted, or the last of these that is told before something that
 * is no address. False: the value says nothing. */
bool forwarded_for(struct mg_span x_forwarded_for, const struct iptext_net *trusted, size_t n,
		   struct iptext *out);
bool forwarded_rfc7239(struct mg_span forwarded, const struct iptext_net *trusted, size_t n,
		       struct iptext *out);

#endif
