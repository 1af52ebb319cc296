/* SPDX-License-Identifier: Apache-2.0 */
/* Gets the OCSP answers that are stapled to TLS handshakes (RFC 6960) from the authorities of our certificates, long
 * before the last ones run out, on a thread of its own. What was checked is put into the store, where it outlives a restart
 * and whence it is taken like any file of the setting tls.ocsp. */
#ifndef FETCH_STAPLER_H
#define FETCH_STAPLER_H

#include "store/store.h"
#include "upstream/upstream.h"

struct stapler;

/* Of the certificate with this name: the key in the store of its answer. It may be empty: there is none that may be served. */
#define STAPLER_KEY_SIZE 32
void stapler_key(struct mg_span name, char out[STAPLER_KEY_SIZE]);

/* Starts the thread, which has nothing to do yet. store and upstream outlive it. */
struct stapler *stapler_new(struct store *store, struct upstream *upstream);
void stapler_free(struct stapler **s); /* stops it and waits for that */
/* From now on these are the certificates: the pairs of a bundle (tls/bundle.h) without keys; empty: none. Any thread. */
void stapler_set(struct stapler *s, struct mg_span bundle);

/* When to ask again after an answer that counts from and until then, at the earliest in a second: about the middle, so
 * that as much time is left for trying again. random: any number. */
int64_t stapler_due(int64_t from, int64_t until, int64_t now_s, uint32_t random);
/* How long to wait after so many failures in a row (from 1), in seconds. */
uint32_t stapler_backoff_s(unsigned failures, uint32_t random);

#endif
