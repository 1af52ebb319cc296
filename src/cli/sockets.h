/* SPDX-License-Identifier: Apache-2.0 */
/* The listening sockets by the names the setting `listen` has for them: an address, or "systemd:NAME" for
 * those that the service manager opened (sd_listen_fds(3)), "systemd" for all of these. For the supervisor, before
 * it has threads or on its loop. */
#ifndef CLI_SOCKETS_H
#define CLI_SOCKETS_H

#include "base/err.h"
#include "cli/settings.h"
#include "http/listener.h"
#include "http/unixlistener.h"

#define SOCKETS_MAX (SETTINGS_LISTEN_MAX + 1)

struct sockets {
	struct sockets_one {
		char *name; /* as in the setting, without the scheme; those of the manager "systemd:NAME" */
		int fd;
		enum listener_kind kind;  /* by the scheme before it in the setting */
		struct unixlistener made; /* where we made a name in the file system; else zero */
	} one[SOCKETS_MAX];
	size_t n;
};

#define SOCKETS_GIVEN "systemd"

/* Is the item of the setting one of the manager's? */
bool sockets_is_given(struct mg_span item);
/* What the manager opened for this process; takes LISTEN_FDS, LISTEN_PID and LISTEN_FDNAMES out of the
 * environment. MG_INVALID: a descriptor is not a listening stream socket. */
MG_CHECK enum mg_code sockets_take_given(struct sockets *given, struct mg_err *err);
/* The sockets of the list, and last that of `apart`, an address of another purpose (may be NULL): as they are
 * where `before` has the name or a given one the address, else newly opened. An item of the list may begin with
 * a scheme ("https://systemd:tls"), which is no part of the name. On failure nothing stays open. The sets share
 * sockets, not descriptors. */
MG_CHECK enum mg_code sockets_open(const struct settings_list *listen, const char *apart,
				   const struct sockets *before, const struct sockets *given,
				   struct sockets *out, struct mg_err *err);
/* fd is taken over. */
void sockets_add(struct sockets *s, struct mg_span name, int fd);
void sockets_close(struct sockets *s);
/* Lets others than ourselves connect to those that we made in the file system: sets their mode and owner. Those
 * in `but` (may be NULL) stay as they are; so in sockets_unlink. */
MG_CHECK enum mg_code sockets_share(const struct sockets *s, const struct sockets *but,
				    const char *mode, uid_t uid, gid_t gid, struct mg_err *err);
/* Takes away the names that we made in the file system. */
void sockets_unlink(const struct sockets *s, const struct sockets *but);

#endif
