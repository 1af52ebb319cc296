/* SPDX-License-Identifier: Apache-2.0 */
#include "http/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

void address_from(const struct sockaddr_storage *ss, struct address *out)
{
	struct sockaddr_in in4;
	struct sockaddr_in6 in6;

	*out = (struct address){ 0 };
	if (ss->ss_family == AF_INET) {
		memcpy(&in4, ss, sizeof in4);
		memcpy(out->ip, mapped, sizeof mapped);
		memcpy(out->ip + 12, &in4.sin_addr, 4);
		out->port = ntohs(in4.sin_port);
		out->family = AF_INET;
	} else if (ss->ss_family == AF_INET6) {
		memcpy(&in6, ss, sizeof in6);
		memcpy(out->ip, &in6.sin6_addr, 16);
		out->port = ntohs(in6.sin6_port);
		out->family = memcmp(out->ip, mapped, sizeof mapped) == 0 ? AF_INET : AF_INET6;
	}
}

bool address_is_among(const struct address *a, const struct address_set *set)
{
	return a->family != 0 ? iptext_net_has(set->nets, set->n, a->ip)
			      : iptext_net_has_local(set->nets, set->n);
}

size_t address_format(const struct address *a, char out[ADDRESS_TEXT_SIZE])
{
	char ip[INET6_ADDRSTRLEN];
	int n;

	if (a->family == AF_INET) {
		inet_ntop(AF_INET, a->ip + 12, ip, sizeof ip);
		n = snprintf(out, ADDRESS_TEXT_SIZE, "%s:%u", ip, a->port);
	} else if (a->family == AF_INET6) {
		inet_ntop(AF_INET6, a->ip, ip, sizeof ip);
		n = snprintf(out, ADDRESS_TEXT_SIZE, "[%s]:%u", ip, a->port);
	} else {
		n = snprintf(out, ADDRESS_TEXT_SIZE, "local");
	}
	return (size_t)n;
}
