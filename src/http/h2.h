/* SPDX-License-Identifier: Apache-2.0 */
/* What a connection becomes when its peer speaks HTTP/2 (RFC 9113): nghttp2 keeps the frames and the header
 * compression, this keeps the bounds, and the one read and one write a turn. The requests are
 * http/h2stream.h. The server's loop. */
#ifndef HTTP_H2_H
#define HTTP_H2_H

#include <nghttp2/nghttp2.h>

#include "http/h2guard.h"
#include "http/session.h"
#include "record/metrics.h"

/* Bytes of frames collected for one send; no more are made while the peer takes none. */
#define H2_BATCH (64u << 10)
/* The largest piece that may be added when there is room: a frame of 16 KiB and what nghttp2 puts around. */
#define H2_PIECE (20u << 10)

/* Streams that are remembered after we reset them. */
#define H2_RESETS_KEPT 32

/* What the HTTP/2 connections of a server share; made for the first one. */
struct h2kit {
	nghttp2_session_callbacks *callbacks;
	nghttp2_option *option;
	char *out; /* H2_BATCH + H2_PIECE: frames of the connection that is being served */
	size_t out_n, out_max;
	bool full;           /* the batch is, and there may be more */
	struct list bodies;  /* streams whose request's rest is awaited, the longest first */
	struct list answers; /* streams being answered, the longest not looked at first */
	struct list disks;   /* streams for whom the lane had no room */
	/* For the next request: those that come at once need none of their own. */
	struct mg_buf head;
};

struct h2 {
	struct session *session;
	nghttp2_session *ng;
	struct h2guard guard;
	struct list streams;
	struct mg_buf head;  /* the kit's, with the request that is arriving, see h2stream.c */
	uint64_t head_bytes; /* of these fields and of those that were not kept */
	struct mg_buf left;  /* frames that the socket did not take */
	size_t left_sent;
	uint64_t pushed;                 /* bytes that the socket took */
	uint64_t sent;                   /* of bodies, in frames */
	size_t answering;                /* streams with a body under way */
	size_t open, owed;               /* streams, and those whose request's rest is awaited */
	size_t kept;                     /* of server->kept */
	uint32_t seen;                   /* the newest stream when it last was put to wait */
	bool greeted;                    /* the peer's SETTINGS came */
	bool acknowledged;               /* ours have come there */
	uint32_t resets[H2_RESETS_KEPT]; /* streams that we reset last */
	size_t resets_n;
	size_t turned_away; /* resets to be sent for what others hold, not for what it did */
	bool more;          /* there are frames to send, or to make */
	bool bulk; /* more than a batch of them: the next is made when the socket takes it */
	bool over; /* what still comes in is not looked at */
	bool calm; /* it has used up an allowance: */
	enum metrics_flood flood;
	bool gone; /* the session is: what streams do now is nobody's */
	enum {
		H2_STAYING,
		H2_NOTICED, /* the first GOAWAY was sent, and a PING behind it */
		H2_GONE,    /* the last one was */
	} goodbye;
};

/* From here on the connection speaks HTTP/2; nothing was read yet, or what was is given to h2_take. */
void h2_start(struct session *s);
/* Bytes that were read. False when the session is gone. */
bool h2_take(struct session *s, struct mg_span bytes);
/* What its socket told. */
void h2_on_io(struct session *s, unsigned events);
/* See session.h. */
void h2_resume(struct session *s);
void h2_expire(struct session *s);
/* Unfinished answers, or bytes not sent yet. */
bool h2_is_busy(const struct h2 *h);
/* Frees s->h2. Ends its streams: tells the handlers of those that are parked. */
void h2_free(struct session *s);
/* Ends the connection by two GOAWAYs, so that no request is lost that was sent before the first came. Whoever
 * has one connection too many is told the second at once. */
void h2_leave(struct session *s);
/* It is to end for what its peer sends, after what is being read. */
void h2_calm(struct h2 *h, enum metrics_flood flood);
/* Before an idle connection is cut: says what came too late, if the socket takes that. */
void h2_part(struct session *s);

/* A connection that has since then owed us the rest of each request it made, if one is found soon. */
struct session *h2_debtor(const struct server *sv, uint64_t since_ms);

/* As server_expire: streams whose time is over. */
bool h2_expire_streams(struct server *sv, uint64_t until_us);
/* Every tick: streams for whom the lane had no room. */
void h2_retry_disk(struct server *sv);
void h2_kit_free(struct server *sv);

#endif
