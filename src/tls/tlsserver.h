/* SPDX-License-Identifier: Apache-2.0 */
/* What a TLS server (1.2: RFC 5246 as in RFC 9325, 1.3: RFC 8446) greets its clients with: certificates by
 * name, suites, tickets, whose client certificates count. Never changes once made; a reload makes
 * another. Shared by all loops of a process: any thread. */
#ifndef TLS_TLSSERVER_H
#define TLS_TLSSERVER_H

#include "tls/bundle.h"
#include "tls/ticketkeys.h"

struct tlsserver;

struct tlsserver_options {
	struct ticketkeys *tickets; /* the caller's, outlives the server; NULL: nobody resumes */
	uint32_t ticket_life_s;     /* told to clients */
	bool h2;                    /* offered by ALPN (RFC 7301) before HTTP/1.1 */
};

/* MG_INVALID with the file's name and what is wrong with it: then none of it is used. */
MG_CHECK enum mg_code tlsserver_new(const struct bundle *b, const struct tlsserver_options *o,
				    struct tlsserver **out, struct mg_err *err);
void tlsserver_ref(struct tlsserver *sv);
void tlsserver_unref(struct tlsserver **sv);
/* Do both judge client certificates alike? Else what one vouched for must not be resumed with the other:
 * forget the ticket keys. */
bool tlsserver_same_policy(const struct tlsserver *a, const struct tlsserver *b);

/* For people. Strings live as long as the server. */
struct tlsserver_pair {
	const char *name;              /* as in the bundle */
	const char *names;             /* the server names it stands for, "a, b, …" */
	int64_t not_before, not_after; /* wall seconds */
	int64_t staple_until;          /* 0: nothing is stapled */
	bool must_staple;              /* the certificate demands it (RFC 7633) */
	const char *staple_refused;    /* why not, or NULL */
};
size_t tlsserver_pairs(const struct tlsserver *sv);
void tlsserver_describe(const struct tlsserver *sv, size_t i, struct tlsserver_pair *out);

#endif
