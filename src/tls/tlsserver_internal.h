/* SPDX-License-Identifier: Apache-2.0 */
/* What a connection needs of its server. */
#ifndef TLS_TLSSERVER_INTERNAL_H
#define TLS_TLSSERVER_INTERNAL_H

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "tls/tlsserver.h"

/* A connection in its first state; nobody called on it yet. */
SSL *tlsserver_greet(struct tlsserver *sv);

#endif
