/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/tlswatch.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"
#include "cli/tlsfiles.h"
#include "record/metrics.h"

/* A stat of each file: cheap enough, and unlike inotify it cannot miss a link three directories up. */
#define LOOK_MS 1000

struct tlswatch {
	const struct settings *settings;
	struct loop_timer *timer;
	tlswatch_fn *on_change;
	void *arg;
	uint64_t taken;   /* the stamp of what is served */
	uint64_t refused; /* the stamp of what was told to be bad; 0: none */
	uint64_t tried;   /* the stamp of the last look */
};

/* quiet: it may be half of a change. */
static void take(struct tlswatch *w, bool quiet)
{
	struct mg_err err;
	struct tlsfiles files;
	/* Before reading: what changes meanwhile is looked at again. */
	const uint64_t stamp = tlsfiles_stamp(w->settings);

	if (tlsfiles_load(w->settings, &files, &err) == MG_OK) {
		w->taken = stamp;
		w->refused = 0;
		metrics_add(METRICS_TLS_RELOADS + METRICS_RELOAD_TAKEN, 1);
		w->on_change(w->arg, &files);
	} else if (!quiet) {
		w->refused = stamp;
		metrics_add(METRICS_TLS_RELOADS + METRICS_RELOAD_REFUSED, 1);
		log_error("new certificates refused, the old ones are served on",
			  LOG_S("error", err.text));
	}
}

static void on_look(void *arg)
{
	struct tlswatch *w = arg;
	const uint64_t stamp = tlsfiles_stamp(w->settings);
	/* Certificate and key mostly change one after the other: only what stays bad is told. */
	const bool settled = stamp == w->tried;

	w->tried = stamp;
	if (stamp != w->taken && stamp != w->refused) take(w, !settled);
}

struct tlswatch *tlswatch_new(struct loop *l, const struct settings *s, uint64_t taken,
			      tlswatch_fn *on_change, void *arg)
{
	struct tlswatch *w = check_calloc(1, sizeof *w);

	w->settings = s;
	w->on_change = on_change;
	w->arg = arg;
	w->taken = w->tried = taken;
	w->timer = loop_timer_new(l, on_look, w);
	loop_timer_start(w->timer, LOOK_MS, LOOK_MS);
	return w;
}

void tlswatch_look_at(struct tlswatch *w, const struct settings *s)
{
	w->settings = s;
}

void tlswatch_free(struct tlswatch **wp)
{
	struct tlswatch *w = *wp;

	if (w == NULL) return;
	*wp = NULL;
	loop_timer_free(&w->timer);
	free(w);
}

void tlswatch_reload(struct tlswatch *w)
{
	if (tlsfiles_stamp(w->settings) != w->taken) take(w, false);
}
