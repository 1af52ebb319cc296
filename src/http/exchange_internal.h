/* SPDX-License-Identifier: Apache-2.0 */
/* What this room does with exchanges that their handlers do not. */
#ifndef HTTP_EXCHANGE_INTERNAL_H
#define HTTP_EXCHANGE_INTERNAL_H

#include "http/session.h"

/* What a head costs to keep. */
size_t exchange_weight(const struct head *h);
#define EXCHANGE_WEIGHT_LEAST 4096u /* an arena has no smaller block */
/* Copies its head into its arena, once: what the spans point to goes away. */
void exchange_keep(struct exchange *x);
/* Frees its arena. */
void exchange_let_go(struct live *v);
/* The client left before the answer: tells the handler, frees it unless the handler still answers. */
void exchange_gone(struct live *v);

#endif
