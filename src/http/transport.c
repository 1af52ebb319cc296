/* SPDX-License-Identifier: Apache-2.0 */
#include "http/transport.h"

#include <unistd.h>

void transport_init(struct transport *t, int fd)
{
	*t = (struct transport){ .fd = fd };
}

void transport_finish(struct transport *t)
{
	shutdown(t->fd, SHUT_WR);
}

void transport_close(struct transport *t, bool truncated)
{
	const struct linger hard = { .l_onoff = 1, .l_linger = 0 };

	if (truncated) setsockopt(t->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
	close(t->fd);
	t->fd = -1;
}
