/* SPDX-License-Identifier: Apache-2.0 */
/* The new supervisor's part in an upgrade; cli/handover.h has the whole sequence. */
#include <stdio.h>

#include "base/log.h"
#include "cli/handover.h"
#include "cli/supervisor_internal.h"
#include "fetch/fetch.h"

static void say(struct supervisor *sv, char what)
{
	if (sv->inherit.channel != NULL)
		channel_send(sv->inherit.channel, span_make(&what, 1), NULL, 0);
}

static void on_message(void *arg, struct mg_span message, int *fds, size_t fd_count)
{
	struct supervisor *sv = arg;

	/* Closed by the one who does not understand what comes over them. */
	if (message.p[0] == HANDOVER_CHANNELS && sv->options->left->same_tickets &&
	    sv->fetch != NULL)
		service_tell(sv->fetch, FETCH_CONTROL_CHANNELS, fds, fd_count);
	if (message.p[0] == HANDOVER_GO) {
		sv->inherit.waits = false;
		supervisor_let_fetch_go(sv);
	}
}

static void on_closed(void *arg)
{
	struct supervisor *sv = arg;

	channel_free(&sv->inherit.channel);
	supervisor_forget_places(sv);
	if (sv->inherit.waits) {
		log_error("the old server is gone", LOG_S("program", sv->options->program));
		supervisor_end_now(sv, 1);
	} else {
		supervisor_one_less(sv);
	}
}

void supervisor_inherit_begin(struct supervisor *sv)
{
	struct handover *left = sv->options->left;

	if (left->channel < 0) return;
	sv->inherit.channel = channel_new(sv->loop, left->channel, on_message, on_closed, sv);
	sv->inherit.waits = true;
	sv->lock = left->lock;
	left->channel = left->lock = -1;
}

static bool has_room(uint64_t places)
{
	unsigned taken = 0;

	for (; places != 0; places &= places - 1)
		taken++;
	return taken + SUPERVISOR_FRONTS_MAX <= METRICS_FRONTS;
}

int supervisor_inherit_metrics(struct supervisor *sv)
{
	struct handover *left = sv->options->left;
	const int fd = left->metrics;
	const char *why = NULL;

	if (sv->inherit.channel == NULL) return -1;
	if (fd < 0)
		why = "its version hands none over";
	else if (!metrics_fits(fd, sv->plan->workers))
		why = "it counts other things, or for fewer workers";
	else if (!has_room(left->metrics_places))
		why = "too many fronts before it have not finished yet";
	if (why != NULL) {
		log_warn("what the old server has counted is lost, metrics begin anew",
			 LOG_S("reason", why));
		return -1;
	}
	left->metrics = -1;
	sv->inherit.places = left->metrics_places;
	return fd;
}

void supervisor_inherit_prepared(struct supervisor *sv)
{
	if (sv->inherit.waits) say(sv, HANDOVER_PREPARED);
}

void supervisor_inherit_ready(struct supervisor *sv)
{
	struct sockets *open = &sv->options->left->open;

	plan_take_over(sv->plan, open);
	sockets_close(open);
	say(sv, HANDOVER_READY);
}

void supervisor_inherit_failed(struct supervisor *sv, const char *process)
{
	char message[128];

	const int n = snprintf(message, sizeof message,
			       "%cits %s process could not start; the log says why",
			       HANDOVER_FAILED, process);
	channel_send(sv->inherit.channel, span_make(message, (size_t)n), NULL, 0);
	supervisor_end_now(sv, 1);
}

void supervisor_inherit_end(struct supervisor *sv)
{
	say(sv, HANDOVER_END);
}
