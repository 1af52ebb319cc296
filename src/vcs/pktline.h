/* SPDX-License-Identifier: Apache-2.0 */
/* Git's packets, as they come in pieces of any length (gitprotocol-common(5), gitprotocol-v2(5)):
 *
 *     packet = 4HEXDIG payload           the number counts itself too: 0004 to FFF0
 *            | "0000" | "0001" | "0002"  flush, delimiter, end of the response
 *
 * One thread at a time. */
#ifndef VCS_PKTLINE_H
#define VCS_PKTLINE_H

#include "base/buf.h"
#include "base/err.h"

#define PKTLINE_MAX 65520 /* bytes of a packet */

enum pktline_kind {
	PKTLINE_DATA,
	PKTLINE_FLUSH,
	PKTLINE_DELIMITER,
	PKTLINE_END,
};

struct pktline {
	/* Gets every packet; payload is empty unless it is one of data. Any result but MG_OK ends the reading with it. */
	enum mg_code (*take)(void *arg, enum pktline_kind kind, struct mg_span payload,
			     struct mg_err *err);
	void *arg;
	struct mg_buf held; /* of a packet that is not complete */
};

void pktline_init(struct pktline *p,
		  enum mg_code (*take)(void *arg, enum pktline_kind kind, struct mg_span payload,
				       struct mg_err *err),
		  void *arg);
void pktline_deinit(struct pktline *p);
/* MG_CORRUPT (HTTP): these are no packets. After any failure only pktline_deinit is left. */
MG_CHECK enum mg_code pktline_feed(struct pktline *p, struct mg_span piece, struct mg_err *err);
/* Is nothing of a packet waiting for the rest of it? */
bool pktline_is_between(const struct pktline *p);

/* Appends a packet of a line, "%s LF"; of at most PKTLINE_MAX bytes (asserted). */
void pktline_put(struct mg_buf *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void pktline_put_flush(struct mg_buf *out);
void pktline_put_delimiter(struct mg_buf *out);
/* A payload without the LF that it may end in. */
struct mg_span pktline_line(struct mg_span payload);

#endif
