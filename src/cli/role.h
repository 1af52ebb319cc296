/* SPDX-License-Identifier: Apache-2.0 */
/* What the child processes have in common: the descriptors they are given, and the first steps. */
#ifndef CLI_ROLE_H
#define CLI_ROLE_H

#include "cli/settings.h"
#include "record/metrics.h"

/* Descriptor numbers in a child. Front's listening sockets come first, then the channels, then the certificates. */
enum {
	ROLE_FD_SETTINGS = 3,
	ROLE_FD_CONTROL = 4,
	ROLE_FD_METRICS = 5, /* record/metrics.h */
	ROLE_FD_FIRST = 6
};

/* What front is to do with a listening socket. */
#define ROLE_LISTEN_PLAIN   'h'
#define ROLE_LISTEN_H2C     'c'
#define ROLE_LISTEN_TLS     's'
#define ROLE_LISTEN_METRICS 'm'

/* A child that exits with this cannot begin, and starting it again will not help. */
#define ROLE_EXIT_HOPELESS 78

/* In the child, before any thread: ties its life to the supervisor's, reads the settings, opens the log,
 * sets limits and gives up root where a user is set. On failure says why in the log. */
MG_CHECK bool role_begin(enum metrics_process which, struct settings *s);
/* Counts in the place of the process before us from now on. */
void role_count(void);
/* Confines the process as the settings say, then starts the log's thread. */
struct sandbox_rules;
void role_confine(const struct settings *s, const struct sandbox_rules *rules);

/* What a child tells the supervisor: the first byte of a message. */
#define ROLE_TELL_READY    'R' /* fetch: with the store's lock */
#define ROLE_TELL_STANDING 'S' /* fetch: its settings are good, it waits for the word to begin */
#define ROLE_TELL_ALIVE    'A' /* the answer to a ping */
#define ROLE_TELL_DEAF     'D' /* front: it accepts no more */

/* Tell the supervisor so. Any thread. */
void role_ready(void);
void role_alive(void);
void role_standing(void);
void role_deaf(void);

/* Entry points; args as the supervisor writes them. They return exit codes. */
/* LISTENING-SOCKETS (a letter each) WORKERS CERTIFICATES(0|1) PLACE-OF-METRICS */
int role_front(char *const *args);
int role_fetch(char *const *args);

#endif
