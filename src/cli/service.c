/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/service.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "cli/role.h"

static void on_message(void *arg, struct mg_span message, int *fds, size_t fd_count)
{
	struct service *svc = arg;

	if (message.p[0] == ROLE_TELL_ALIVE)
		svc->asked_ms = 0;
	else
		svc->on_news(svc, message.p[0], fds, fd_count);
}

static void on_closed(void *arg)
{
	struct service *svc = arg;
	channel_free(&svc->control);
}

static void on_exit_of_child(void *arg, int status)
{
	struct service *svc = arg;

	child_free(&svc->child);
	channel_free(&svc->control);
	svc->on_exit(svc, status);
}

struct service *service_start(struct loop *l, const struct service_spec *spec)
{
	struct child_fd fds[4 + SOCKETS_MAX + CHANNEL_FDS_MAX];
	int control[2], to = ROLE_FD_FIRST;
	size_t n = 0;

	if (channel_pair(control) != 0) return NULL;
	fds[n++] = (struct child_fd){ spec->settings_fd, ROLE_FD_SETTINGS };
	fds[n++] = (struct child_fd){ control[1], ROLE_FD_CONTROL };
	fds[n++] = (struct child_fd){ spec->metrics_fd, ROLE_FD_METRICS };
	for (size_t i = 0; spec->sockets != NULL && i < spec->sockets->n; i++)
		fds[n++] = (struct child_fd){ spec->sockets->one[i].fd, to++ };
	for (size_t i = 0; i < spec->ends_n; i++)
		fds[n++] = (struct child_fd){ spec->ends[i], to++ };

	if (spec->extra_fd >= 0) fds[n++] = (struct child_fd){ spec->extra_fd, to++ };

	struct service *svc = check_calloc(1, sizeof *svc);
	*svc = (struct service){ .name = spec->name,
				 .loop = l,
				 .workers = (unsigned)spec->ends_n,
				 .since_ms = loop_now_ms(l),
				 .on_news = spec->on_news,
				 .on_exit = spec->on_exit,
				 .owner = spec->owner };
	list_init(&svc->node);
	svc->child = child_spawn(
		l, &(struct child_spec){ .argv = spec->argv, .fds = fds, .fd_count = n },
		on_exit_of_child, svc);
	close(control[1]);
	if (svc->child == NULL) {
		close(control[0]);
		free(svc);
		return NULL;
	}
	svc->control = channel_new(l, control[0], on_message, on_closed, svc);
	log_debug("started a process", LOG_S("process", svc->name),
		  LOG_I("child", child_pid(svc->child)));
	return svc;
}

void service_tell(struct service *svc, char what, const int *fds, size_t fd_count)
{
	if (svc->control != NULL) channel_send(svc->control, span_make(&what, 1), fds, fd_count);
}

void service_tell_u32(struct service *svc, char what, uint32_t value)
{
	const char message[] = { what, (char)value, (char)(value >> 8), (char)(value >> 16),
				 (char)(value >> 24) };
	if (svc->control != NULL)
		channel_send(svc->control, span_make(message, sizeof message), NULL, 0);
}

void service_hang_up(struct service *svc)
{
	channel_free(&svc->control);
}

void service_free(struct service **svcp)
{
	struct service *svc = *svcp;

	*svcp = NULL;
	if (svc == NULL) return;
	list_remove(&svc->node);
	child_free(&svc->child);
	channel_free(&svc->control);
	free(svc);
}
