/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"

#define FIRST_FD 3 /* SD_LISTEN_FDS_START */

bool sockets_is_given(struct mg_span item)
{
	return span_eq(item, SPAN(SOCKETS_GIVEN)) || span_has_prefix(item, SPAN(SOCKETS_GIVEN ":"));
}

void sockets_add(struct sockets *s, struct mg_span name, int fd)
{
	MG_ASSERT(s->n < SOCKETS_MAX);
	s->one[s->n].name = check_strndup(name.p, name.n);
	s->one[s->n++].fd = fd;
}

void sockets_close(struct sockets *s)
{
	for (size_t i = 0; i < s->n; i++) {
		close(s->one[i].fd);
		free(s->one[i].name);
	}
	*s = (struct sockets){ 0 };
}

/* Made by us in the file system, and not one of `but`? */
static bool is_ours(const struct sockets_one *one, const struct sockets *but)
{
	if (one->made.inode == 0) return false;
	for (size_t i = 0; but != NULL && i < but->n; i++)
		if (but->one[i].made.inode == one->made.inode &&
		    but->one[i].made.device == one->made.device)
			return false;
	return true;
}

enum mg_code sockets_share(const struct sockets *s, const struct sockets *but, const char *mode,
			   uid_t uid, gid_t gid, struct mg_err *err)
{
	enum mg_code rc = MG_OK;

	for (size_t i = 0; i < s->n && rc == MG_OK; i++)
		if (is_ours(&s->one[i], but))
			rc = unixlistener_share(span_of(s->one[i].name),
						(mode_t)strtoul(mode, NULL, 8), uid, gid, err);
	return rc;
}

void sockets_unlink(const struct sockets *s, const struct sockets *but)
{
	for (size_t i = 0; i < s->n; i++)
		if (is_ours(&s->one[i], but))
			unixlistener_remove(span_of(s->one[i].name), &s->one[i].made);
}

/* --- the manager's --- */

static int option_of(int fd, int name)
{
	int value = -1;
	socklen_t size = sizeof value;
	return getsockopt(fd, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
}

static enum mg_code take_one(struct sockets *given, int fd, struct mg_span label,
			     struct mg_err *err)
{
	struct mg_buf name = BUF_MAX(512);

	if (option_of(fd, SO_TYPE) != SOCK_STREAM || option_of(fd, SO_ACCEPTCONN) != 1)
		return err_set(err, MG_INVALID, MG_CAUSE_NONE,
			       "the service manager's descriptor %d (%.*s) is not a listening "
			       "stream socket: its unit needs ListenStream= and Accept=no",
			       fd, SPAN_ARG(label));
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	buf_printf(&name, SOCKETS_GIVEN ":%.*s", SPAN_ARG(label));
	sockets_add(given, buf_span(&name), fd);
	buf_deinit(&name);
	return MG_OK;
}

enum mg_code sockets_take_given(struct sockets *given, struct mg_err *err)
{
	const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
	const char *labels = getenv("LISTEN_FDNAMES");
	struct mg_span rest = span_of(labels != NULL ? labels : "");
	enum mg_code rc = MG_OK;
	uint64_t for_pid = 0, n = 0;

	*given = (struct sockets){ 0 };
	if (pid == NULL || count == NULL || !span_u64(span_of(pid), INT32_MAX, &for_pid) ||
	    for_pid != (uint64_t)getpid() || !span_u64(span_of(count), INT32_MAX, &n))
		n = 0;
	if (n > SETTINGS_LISTEN_MAX)
		rc = err_set(err, MG_INVALID, MG_CAUSE_NONE,
			     "the service manager opened %u sockets; %d is the most", (unsigned)n,
			     SETTINGS_LISTEN_MAX);
	for (int i = 0; i < (int)n && rc == MG_OK; i++) {
		struct mg_span label = span_cut(&rest, ':');
		rc = take_one(given, FIRST_FD + i, label.n > 0 ? label : SPAN("unknown"), err);
	}
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	return rc;
}

/* --- by the setting --- */

static int copy(int fd)
{
	return fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FD);
}

static enum mg_code add_copy(struct sockets *out, const struct sockets_one *from,
			     struct mg_span name, struct mg_err *err)
{
	const int fd = copy(from->fd);

	if (fd < 0 || out->n == SOCKETS_MAX) {
		const int why = fd < 0 ? errno : E2BIG;
		if (fd >= 0) close(fd);
		return err_errno(err, why, "cannot listen on %s", from->name);
	}
	sockets_add(out, name, fd);
	out->one[out->n - 1].made = from->made;
	return MG_OK;
}

static enum mg_code add_given(const struct sockets *given, struct mg_span item, struct sockets *out,
			      struct mg_err *err)
{
	const size_t before = out->n;
	enum mg_code rc = MG_OK;

	for (size_t i = 0; i < given->n && rc == MG_OK; i++)
		if (span_eq(item, SPAN(SOCKETS_GIVEN)) ||
		    span_eq(item, span_of(given->one[i].name)))
			rc = add_copy(out, &given->one[i], span_of(given->one[i].name), err);
	if (rc == MG_OK && out->n == before)
		rc = err_set(err, MG_INVALID, MG_CAUSE_NONE,
			     "the service manager opened no socket for \"%.*s\": start modgate by "
			     "its socket unit, or name an address",
			     SPAN_ARG(item));
	return rc;
}

/* The one that is open already, by name, or by the address that the manager opened. */
static const struct sockets_one *find_open(const struct sockets *before,
					   const struct sockets *given, struct mg_span item)
{
	for (size_t i = 0; i < before->n; i++)
		if (span_eq(item, span_of(before->one[i].name))) return &before->one[i];
	for (size_t i = 0; i < given->n; i++) {
		char address[LISTENER_ADDRESS_SIZE];
		listener_address(given->one[i].fd, address);
		if (span_eq(item, span_of(address))) return &given->one[i];
	}
	return NULL;
}

static enum mg_code add_address(const struct sockets_one *open, struct mg_span item,
				struct sockets *out, struct mg_err *err)
{
	struct unixlistener made = { 0 };
	int fd;

	if (open != NULL) return add_copy(out, open, item, err);
	if (out->n == SOCKETS_MAX)
		return err_errno(err, E2BIG, "cannot listen on %.*s", SPAN_ARG(item));
	const enum mg_code rc = unixlistener_is(item) ? unixlistener_open(item, &made, &fd, err)
						      : listener_open(item, false, &fd, err);
	if (rc != MG_OK) return rc;
	sockets_add(out, item, fd);
	out->one[out->n - 1].made = made;
	return MG_OK;
}

/* Who has the package's socket unit and sets `listen` takes the address from himself. */
static void blame_given(const struct sockets *given, struct mg_span item, struct mg_err *err)
{
	const struct mg_span port = span_from(item, (size_t)(span_last_index(item, ':') + 1));

	for (size_t i = 0; i < given->n; i++) {
		char address[LISTENER_ADDRESS_SIZE];
		listener_address(given->one[i].fd, address);
		struct mg_span theirs = span_of(address);
		theirs = span_from(theirs, (size_t)(span_last_index(theirs, ':') + 1));
		if (!span_eq(port, theirs)) continue;
		err_wrap(err,
			 "the service manager has opened %s (%s): disable its socket unit, change "
			 "the address there, or set listen to " SOCKETS_GIVEN,
			 address, given->one[i].name);
		return;
	}
}

enum mg_code sockets_open(const struct settings_list *listen, const char *apart,
			  const struct sockets *before, const struct sockets *given,
			  struct sockets *out, struct mg_err *err)
{
	enum mg_code rc = MG_OK;

	*out = (struct sockets){ 0 };
	for (size_t i = 0; i <= listen->n && rc == MG_OK; i++) {
		const char *name = i < listen->n ? listen->items[i] : apart;
		enum listener_kind kind;
		const struct mg_span item =
			listener_strip_scheme(span_of(name != NULL ? name : ""), &kind);
		const size_t first = out->n;
		if (name != NULL && sockets_is_given(item))
			rc = add_given(given, item, out, err);
		else if (name != NULL)
			rc = add_address(find_open(before, given, item), item, out, err);
		if (rc != MG_OK) {
			blame_given(given, item, err);
			err_wrap(err, i < listen->n ? "listen" : "metrics.listen");
		}
		for (size_t k = first; k < out->n; k++)
			out->one[k].kind = kind;
	}
	if (rc != MG_OK) {
		sockets_unlink(out, before);
		sockets_close(out);
	}
	return rc;
}
