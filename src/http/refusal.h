/* SPDX-License-Identifier: Apache-2.0 */
/* The answer to a request that is none, in place of the handler's. For this room; the server's loop. */
#ifndef HTTP_REFUSAL_H
#define HTTP_REFUSAL_H

#include "http/exchange.h"

/* The text has the form all failures have: class, reason, request id. One reference, the caller's. */
struct reply *refusal_new(int status, const char *reason, const char id[EXCHANGE_ID_SIZE]);
/* Says it to a peer that has not come as far as to HTTP, for a person who looks what is wrong: 400, in the clear, if the
 * socket takes it. reason: at most 200 bytes. */
void refusal_say(int fd, const char *reason);

#endif
