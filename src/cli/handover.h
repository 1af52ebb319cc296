/* SPDX-License-Identifier: Apache-2.0 */
/* What one supervisor leaves to the next: another binary, perhaps another version. `modgate upgrade` asks the
 * old one over its steering socket; then
 *
 *   old                                           new
 *   starts the file that it was started from ──►  reads the settings anew; the sockets are given;
 *                                                 starts fetch, which does not touch the store yet
 *                                  ◄── PREPARED
 *   its front goes on, but      CHANNELS ──────►
 *   orders from that fetch; its own ends
 *                                     GO ──────►  fetch opens the store, whose lock was never free;
 *                                                 then front begins to accept
 *                                     ◄── READY
 *   tells the service manager whom to watch;
 *   its front accepts no more and finishes;
 *   it ends                            ◄── END    was told to end before that
 *
 * Until READY the old one takes its work up again when the new one says FAILED, ends, or takes too long: its front
 * has never stopped. The channel closes when one of them has ended. */
#ifndef CLI_HANDOVER_H
#define CLI_HANDOVER_H

#include "base/arena.h"
#include "base/buf.h"
#include "cli/settings.h"
#include "cli/sockets.h"
#include "loop/child.h"

#define HANDOVER_VARIABLE "MODGATE_HANDOVER" /* in the environment of the new one */

/* Messages over the channel: the first byte. To the new one: */
#define HANDOVER_CHANNELS 'C' /* with descriptors: its fetch's ends of channels to old fronts */
#define HANDOVER_GO       'G' /* the store is yours */
/* From it: */
#define HANDOVER_PREPARED 'P'
#define HANDOVER_READY    'R'
#define HANDOVER_FAILED   'F' /* then the reason; it ends */
#define HANDOVER_END      'E'

/* Descriptors of the new one: a text that says what they are, the channel, the store's lock, the sockets, and what
 * is counted in. */
#define HANDOVER_FDS_MAX (4 + 2 * SOCKETS_MAX)

struct handover {
	int channel; /* -1: this start is none of that kind */
	int lock;
	int metrics; /* what the old one counts in (record/metrics.h); -1: it gives none */
	uint64_t metrics_places; /* a bit for each front that counts there */
	bool same_tickets; /* old fronts and our fetch understand each other (TICKET_FORMAT) */
	const char *via, *store, *user, *group; /* the settings that stay */
	struct sockets given;                   /* those of the service manager */
	struct sockets open;                    /* the others */
	struct arena arena;
};

/* Takes over what was left to us, if anything was. MG_INVALID: somebody else has set the variable. */
MG_CHECK enum mg_code handover_take(struct handover *h, struct mg_err *err);
/* Closes what is left of it (sets that were made of its sockets hold their own; channel, lock and metrics are
 * the taker's once he has set them to -1). */
void handover_deinit(struct handover *h);
/* To the old one, before there is a loop: why this start fails. */
void handover_tell_failure(const struct handover *h, const char *reason);

struct handover_estate {
	const struct settings *settings;
	const struct sockets *given; /* the service manager's */
	const struct sockets *open;  /* all that are listened on */
	int channel, lock, metrics;
	uint64_t metrics_places;
};

/* What is to be left. text_fd: a memfd, the caller's, as is all else. Returns how many descriptors there are; 0
 * with errno. */
size_t handover_leave(const struct handover_estate *e, int *text_fd,
		      struct child_fd fds[HANDOVER_FDS_MAX]);

#endif
