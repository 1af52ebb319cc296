/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/dispatch.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/fetchparts.h"
#include "cli/kept.h"
#include "cli/privilege.h"
#include "cli/progressbar.h"
#include "cli/upstreams.h"
#include "fetch/control.h"
#include "loop/namedsocket.h"

struct show {
	const struct dispatch *how;
	struct progressbar bar;
	bool ended;
	int rc;
};

/* --- what is told --- */

static void print_span(struct mg_span s)
{
	struct mg_buf text = BUF_MAX(REPORT_LINE_MAX);
	buf_append(&text, s);
	progressbar_print_plain(buf_cstr(&text));
	buf_deinit(&text);
}

static void show_finding(struct show *s, const struct report *r)
{
	progressbar_clear(&s->bar);
	print_span(r->word);
	fputs(": ", stderr);
	print_span(r->name);
	fputs(": ", stderr);
	print_span(r->text);
	fputc('\n', stderr);
}

static bool show(void *arg, const struct report *r)
{
	struct show *s = arg;
	switch (r->type) {
	case REPORT_PROGRESS:
		progressbar_update(&s->bar, r->number[0], r->number[1], r->number[2]);
		break;
	case REPORT_FINDING:
		show_finding(s, r);
		break;
	case REPORT_DONE:
		progressbar_end(&s->bar);
		s->ended = true;
		s->rc = s->how->on_done(r);
		break;
	case REPORT_FAILED:
		progressbar_end(&s->bar);
		s->ended = true;
		fprintf(stderr, "%s: ", s->how->command);
		print_span(r->text);
		fputc('\n', stderr);
		break;
	}
	return true;
}

/* --- by the server --- */

static bool send_all(int fd, struct mg_span bytes)
{
	while (bytes.n > 0) {
		const ssize_t n = send(fd, bytes.p, bytes.n, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR) continue;
		if (n < 0) return false;
		bytes = span_from(bytes, (size_t)n);
	}
	return true;
}

static void show_lines(struct show *s, struct mg_buf *in)
{
	struct mg_span rest = buf_span(in);
	struct report r;
	ptrdiff_t end;
	while (!s->ended && (end = span_index(rest, '\n')) >= 0) {
		if (report_parse(span_first(rest, (size_t)end), &r)) show(s, &r);
		rest = span_from(rest, (size_t)end + 1);
	}
	buf_consume(in, in->n - rest.n);
}

static void ask_server(struct show *s, int fd, const struct errand *e)
{
	struct mg_buf out = BUF_MAX((size_t)ERRAND_LINE_MAX * ERRAND_TARGETS_MAX);
	struct mg_buf in = BUF_MAX(4 * REPORT_LINE_MAX);
	errand_print(e, &out);
	/* Who is refused is told why all the same. */
	(void)send_all(fd, buf_span(&out));
	while (!s->ended) {
		char *room = buf_reserve(&in, REPORT_LINE_MAX);
		const ssize_t n = room != NULL ? read(fd, room, REPORT_LINE_MAX) : 0;
		if (n < 0 && errno == EINTR) continue;
		if (n <= 0) break;
		in.n += (size_t)n;
		show_lines(s, &in);
	}
	if (!s->ended) {
		progressbar_end(&s->bar);
		fprintf(stderr, "%s: the server went away before it was done\n", s->how->command);
	}
	buf_deinit(&out);
	buf_deinit(&in);
	close(fd);
}

/* --- here --- */

bool dispatch_tell_errors(const struct draft *d)
{
	for (const struct draft_note *n = d->notes; n != NULL; n = n->next)
		if (n->level == LOG_LEVEL_ERROR) fprintf(stderr, "error: %s\n", n->text);
	return d->errors > 0;
}

/* Where nothing names an upstream, what is stored can be looked at all the same. */
static bool settle(struct draft *d, bool needs_upstream)
{
	if (!needs_upstream && d->settings.goproxy[0] == '\0' &&
	    kept_read(&d->settings.arena, d->settings.store) == NULL)
		draft_set(d, settings_find(SPAN("goproxy")), SPAN("off"), DRAFT_DEFAULT);
	upstreams_settle(d);
	if (d->settings.via[0] == '\0') d->settings.via = fetchparts_via(&d->settings.arena);
	return !dispatch_tell_errors(d);
}

static void do_here(struct show *s, struct draft *d, const struct errand *e)
{
	struct fetchparts parts = { 0 };
	struct cancel cancel;
	struct mg_err err;
	cancel_init(&cancel);
	if (!settle(d, s->how->needs_upstream)) return;
	log_init("modgate", STDERR_FILENO, LOG_LEVEL_ERROR, d->settings.log_format);
	if (fetchparts_open(&parts, &d->settings, &err) == MG_OK)
		errand_run(e, &parts.means, &cancel, show, s);
	else
		show(s, &(struct report){ .type = REPORT_FAILED, .text = span_of(err.text) });
	fetchparts_close(&parts);
}

int dispatch_errand(struct draft *d, const struct errand *e, const struct dispatch *how)
{
	struct show s = { .how = how, .rc = 1 };
	struct mg_err err;
	progressbar_init(&s.bar, how->noun);
	if (privilege_give_up(d->settings.user, d->settings.group, &err) != MG_OK) {
		fprintf(stderr, "%s: %s\n", how->command, err.text);
		return 1;
	}
	const int fd = namedsocket_connect(d->settings.store, CONTROL_NAME);
	if (fd >= 0)
		ask_server(&s, fd, e);
	else
		do_here(&s, d, e);
	return s.rc;
}
