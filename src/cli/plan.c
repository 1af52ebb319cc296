/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/plan.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/check.h"
#include "cli/fetchparts.h"
#include "cli/privilege.h"
#include "cli/settings_load.h"
#include "cli/upstreams.h"
#include "http/listener.h"
#include "loop/channel.h"

#define SETTINGS_BYTES_MAX (1u << 20)
#define VALUE_MAX          (64u << 10)

/* Two instances with one name would take each other for themselves; one instance keeps its own. */
static void choose_via(struct draft *d, const struct plan *before, const struct handover *left)
{
	const char *name = before != NULL ? before->draft.settings.via : left->via;

	if (d->settings.via[0] != '\0') return;
	if (name[0] == '\0') name = fetchparts_via(&d->settings.arena);
	draft_set(d, settings_find(SPAN("via")), span_of(name), "made up at the start");
}

/* Who lets the service manager open the sockets has said where to listen. */
static void listen_on_given(struct draft *d, const struct sockets *given)
{
	const struct settings_list *listen = &d->settings.listen;

	if (given->n > 0 && !draft_is_set(d, "listen"))
		draft_set(d, settings_find(SPAN("listen")),
			  d->settings.tls_cert.n > 0 ? SPAN("https://" SOCKETS_GIVEN)
						     : SPAN(SOCKETS_GIVEN),
			  "LISTEN_FDS");
	for (size_t i = 0; i < listen->n; i++) {
		enum listener_kind kind;
		if (sockets_is_given(listener_strip_scheme(span_of(listen->items[i]), &kind)))
			return;
	}
	if (given->n > 0)
		draft_note(d, LOG_LEVEL_WARN,
			   "%s: listen: names none of the service manager's sockets (" SOCKETS_GIVEN
			   "); only those with an address in it are used",
			   draft_from(d, "listen"));
}

static void text_of(const struct plan *p, const struct settings_def *def, struct mg_buf *out)
{
	buf_clear(out);
	settings_text(&p->draft.settings, def, out);
}

static bool differs(const struct plan *before, const struct plan *after,
		    const struct settings_def *def)
{
	struct mg_buf a = BUF_MAX(VALUE_MAX), b = BUF_MAX(VALUE_MAX);

	text_of(before, def, &a);
	text_of(after, def, &b);
	const bool different = !span_eq(buf_span(&a), buf_span(&b));
	buf_deinit(&a);
	buf_deinit(&b);
	return different;
}

static void refuse_change(struct plan *p, const char *name, const char *was, const char *now)
{
	if (strcmp(was, now) != 0)
		draft_note(&p->draft, LOG_LEVEL_ERROR,
			   "%s: %s: it cannot change while modgate runs: restart it",
			   draft_from(&p->draft, name), name);
}

/* The old processes go on with these for a while, at the same time as the new ones. */
static void refuse_changes(struct plan *p, const struct plan *before, const struct handover *left)
{
	const struct settings *now = &p->draft.settings;
	const struct settings *was = before != NULL ? &before->draft.settings : NULL;

	if (was == NULL && left->channel < 0) return;
	refuse_change(p, "store", was != NULL ? was->store : left->store, now->store);
	refuse_change(p, "user", was != NULL ? was->user : left->user, now->user);
	refuse_change(p, "group", was != NULL ? was->group : left->group, now->group);
}

static int settings_memfd(const struct settings *s, bool with_secrets)
{
	struct mg_buf text = BUF_MAX(SETTINGS_BYTES_MAX);
	int fd = memfd_create("settings", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	settings_encode(s, with_secrets, &text);
	MG_ASSERT(!buf_failed(&text));
	if (fd >= 0 && (write(fd, text.p, text.n) != (ssize_t)text.n ||
			fcntl(fd, F_ADD_SEALS,
			      F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0)) {
		close(fd);
		fd = -1;
	}
	buf_deinit(&text);
	return fd;
}

static unsigned worker_count(const struct settings *s)
{
	cpu_set_t cpus;
	uint64_t n = s->workers;

	if (n == 0)
		n = sched_getaffinity(0, sizeof cpus, &cpus) == 0 ? (uint64_t)CPU_COUNT(&cpus) : 1;
	return (unsigned)(n < 1 ? 1 : n > CHANNEL_FDS_MAX ? CHANNEL_FDS_MAX : n);
}

static bool same_tls(const struct plan *before, const struct plan *p)
{
	for (size_t i = 0; i < settings_count(); i++)
		if (span_has_prefix(span_of(settings_def(i)->name), SPAN("tls.")) &&
		    differs(before, p, settings_def(i)))
			return false;
	return true;
}

/* Whether files that are served already have changed is the watch's business (cli/tlswatch.h): if they do
 * not fit together, other settings may come into force all the same. */
static enum mg_code open_tls(struct plan *p, const struct plan *before, struct mg_err *err)
{
	const struct settings *s = &p->draft.settings;

	if (s->tls_cert.n == 0) return MG_OK;
	p->same_tls = before != NULL && before->tls.bundle_fd >= 0 && same_tls(before, p);
	p->tls_stamp = p->same_tls ? before->tls_stamp : tlsfiles_stamp(s);
	if (!p->same_tls) return tlsfiles_load(s, &p->tls, err);
	return tlsfiles_copy(&before->tls, &p->tls, err);
}

/* Sockets in the file system belong to the user that the processes become: his group may connect. */
static enum mg_code share_sockets(const struct plan *p, const struct sockets *but,
				  struct mg_err *err)
{
	const struct settings *s = &p->draft.settings;
	struct privilege_user user = { .uid = (uid_t)-1, .gid = (gid_t)-1 };

	if (s->user[0] != '\0' && geteuid() == 0) {
		const enum mg_code rc = privilege_find(s->user, s->group, &user, err);
		if (rc != MG_OK) return rc;
	}
	return sockets_share(&p->sockets, but, s->listen_mode, user.uid, user.gid, err);
}

/* What needs more than a look at the values. */
static enum mg_code open_parts(struct plan *p, const struct plan_source *from,
			       const struct plan *before, struct mg_err *err)
{
	const struct settings *s = &p->draft.settings;
	const struct sockets *open = before != NULL ? &before->sockets : &from->left->open;

	enum mg_code rc =
		sockets_open(&s->listen, settings_metrics_apart(s) ? s->metrics_listen : NULL, open,
			     from->given, &p->sockets, err);
	if (rc == MG_OK) rc = share_sockets(p, open, err);
	if (rc != MG_OK) return rc;
	rc = open_tls(p, before, err);
	if (rc != MG_OK) return rc;
	p->workers = worker_count(s);
	p->front_fd = settings_memfd(s, false);
	p->fetch_fd = settings_memfd(s, true);
	return p->front_fd >= 0 && p->fetch_fd >= 0
		       ? MG_OK
		       : err_errno(err, errno, "cannot keep the settings for the processes");
}

struct plan *plan_make(const struct plan_source *from, const struct plan *before)
{
	struct plan *p = check_calloc(1, sizeof *p);
	struct draft *d = &p->draft;
	struct mg_err err;

	p->front_fd = p->fetch_fd = -1;
	p->tls = TLSFILES_NONE;
	draft_init(d);
	settings_load(d, from->args, from->envp);
	if (before == NULL)
		log_init("supervisor", STDERR_FILENO, d->settings.log_level,
			 d->settings.log_format);
	upstreams_settle(d);
	choose_via(d, before, from->left);
	listen_on_given(d, from->given);
	refuse_changes(p, before, from->left);
	if (d->errors == 0 && open_parts(p, from, before, &err) != MG_OK)
		draft_note(d, LOG_LEVEL_ERROR, "%s", err.text);
	return p;
}

void plan_take_over(const struct plan *p, const struct sockets *before)
{
	struct mg_err err;

	sockets_unlink(before, &p->sockets);
	if (share_sockets(p, NULL, &err) != MG_OK)
		log_warn("who may connect to a socket is not as set", LOG_S("error", err.text));
}

void plan_discard(struct plan **pp, const struct sockets *other)
{
	if (*pp != NULL) sockets_unlink(&(*pp)->sockets, other);
	plan_free(pp);
}

void plan_errors(const struct plan *p, struct mg_buf *out)
{
	for (const struct draft_note *n = p->draft.notes; n != NULL; n = n->next)
		if (n->level == LOG_LEVEL_ERROR)
			buf_printf(out, "%s%s", out->n > 0 ? "; " : "", n->text);
}

void plan_free(struct plan **pp)
{
	struct plan *p = *pp;

	*pp = NULL;
	if (p == NULL) return;
	sockets_close(&p->sockets);
	if (p->front_fd >= 0) close(p->front_fd);
	if (p->fetch_fd >= 0) close(p->fetch_fd);
	tlsfiles_close(&p->tls);
	draft_deinit(&p->draft);
	free(p);
}

static void log_change(const struct plan *before, const struct plan *after,
		       const struct settings_def *def)
{
	struct mg_buf was = BUF_MAX(VALUE_MAX), now = BUF_MAX(VALUE_MAX);

	settings_text_redacted(&before->draft.settings, def, &was);
	settings_text_redacted(&after->draft.settings, def, &now);
	log_info("a setting changed", LOG_S("setting", def->name), LOG_SP("from", buf_span(&was)),
		 LOG_SP("to", buf_span(&now)),
		 LOG_S("said_by", after->draft.from[settings_index(def)]));
	buf_deinit(&was);
	buf_deinit(&now);
}

void plan_log_changes(const struct plan *before, const struct plan *after, struct mg_buf *names)
{
	for (size_t i = 0; i < settings_count(); i++) {
		const struct settings_def *def = settings_def(i);
		if (!differs(before, after, def)) continue;
		log_change(before, after, def);
		buf_printf(names, "%s%s", names->n > 0 ? ", " : "", def->name);
	}
}
