/* SPDX-License-Identifier: Apache-2.0 */
/* An IP address and port in 20 bytes, for what is kept per connection. Pure. */
#ifndef HTTP_ADDRESS_H
#define HTTP_ADDRESS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "wire/iptext.h"

#define ADDRESS_TEXT_SIZE 64

struct address {
	uint8_t ip[16]; /* IPv4: as ::ffff:a.b.c.d */
	uint16_t port;
	uint16_t family; /* AF_INET, AF_INET6; 0: neither */
};

/* Networks, and perhaps peers without an address ("unix"). */
struct address_set {
	const struct iptext_net *nets;
	size_t n;
};

bool address_is_among(const struct address *a, const struct address_set *set);
void address_from(const struct sockaddr_storage *ss, struct address *out);
/* "192.0.2.1:80", "[2001:db8::1]:80" or "local"; returns the length, NUL-terminated. IPv4 that came
 * through an IPv6 socket is shown as IPv4. */
size_t address_format(const struct address *a, char out[ADDRESS_TEXT_SIZE]);

#endif
