/* SPDX-License-Identifier: Apache-2.0 */
/* The body of a request that came by HTTP/2, while it is kept for the handler. For this room. */
#ifndef HTTP_H2BODY_H
#define HTTP_H2BODY_H

#include "http/h2stream.h"

/* More of it has come. False: it is thrown away, what was kept too, for unfinished requests hold too much. */
bool h2body_take(struct h2stream *st, struct mg_span bytes);
void h2body_drop(struct h2stream *st);

#endif
