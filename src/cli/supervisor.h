/* SPDX-License-Identifier: Apache-2.0 */
/* The parent of front and fetch: starts them, starts them again when they crash, connects them with
 * channels, and ends them in order. Holds the listening sockets, so that no connection is refused while
 * front comes back. */
#ifndef CLI_SUPERVISOR_H
#define CLI_SUPERVISOR_H

#include "cli/settings.h"
#include "cli/sockets.h"

struct supervisor_options {
	const struct settings *settings;
	const struct sockets *sockets; /* the caller's */
	int tls_fd;         /* a memfd with certificates (tls/bundle.h), taken over; -1: no TLS */
	uint64_t tls_stamp; /* of the files they were read from (cli/tlsfiles.h) */
	const char *ready_text; /* printed once to stdout when both children run */
};

/* Runs until SIGTERM or SIGINT (drains, then 0; one more, half a second later or after, ends at once
 * with 1), or until a child says that it cannot ever begin (1). */
int supervisor_run(const struct supervisor_options *options);

#endif
