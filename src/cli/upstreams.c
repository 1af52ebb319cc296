/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/upstreams.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/kept.h"
#include "gomod/proxylist.h"
#include "http/listener.h"

/* --- is it us? --- */

struct endpoint {
	struct mg_span host; /* without brackets */
	struct mg_span port;
};

/* "host:port", "[v6]:port", ":port"; the port may be missing. */
static struct endpoint split_host(struct mg_span s, struct mg_span default_port)
{
	struct endpoint e = { .host = s, .port = default_port };
	ptrdiff_t close = span_last_index(s, ']'), colon = span_last_index(s, ':');

	if (colon > close) {
		e.host = span_first(s, (size_t)colon);
		e.port = span_from(s, (size_t)colon + 1);
	}
	if (e.host.n >= 2 && e.host.p[0] == '[' && e.host.p[e.host.n - 1] == ']')
		e.host = span_make(e.host.p + 1, e.host.n - 2);
	return e;
}

static bool endpoint_of_url(struct mg_span url, struct endpoint *out)
{
	bool https = span_has_prefix(url, SPAN("https://"));
	if (!https && !span_has_prefix(url, SPAN("http://"))) return false;
	url = span_from(url, https ? 8 : 7);
	struct mg_span authority = span_cut(&url, '/');
	ptrdiff_t at = span_last_index(authority, '@');
	if (at >= 0) authority = span_from(authority, (size_t)at + 1);
	*out = split_host(authority, https ? SPAN("443") : SPAN("80"));
	return true;
}

static bool is_loopback(struct mg_span host)
{
	return span_eq_nocase(host, SPAN("localhost")) || span_has_prefix(host, SPAN("127.")) ||
	       span_eq(host, SPAN("::1"));
}

static bool is_our_name(struct mg_span host)
{
	char name[256];
	return gethostname(name, sizeof name) == 0 && span_eq_nocase(host, span_of(name));
}

static bool is_our_address(struct mg_span host)
{
	struct ifaddrs *all = NULL;
	bool found = false;

	if (getifaddrs(&all) != 0) return false;
	for (const struct ifaddrs *i = all; i != NULL && !found; i = i->ifa_next) {
		char text[INET6_ADDRSTRLEN] = "";
		if (i->ifa_addr != NULL && i->ifa_addr->sa_family == AF_INET)
			inet_ntop(AF_INET, &((struct sockaddr_in *)(void *)i->ifa_addr)->sin_addr,
				  text, sizeof text);
		else if (i->ifa_addr != NULL && i->ifa_addr->sa_family == AF_INET6)
			inet_ntop(AF_INET6,
				  &((struct sockaddr_in6 *)(void *)i->ifa_addr)->sin6_addr, text,
				  sizeof text);
		found = text[0] != '\0' && span_eq_nocase(host, span_of(text));
	}
	freeifaddrs(all);
	return found;
}

static bool host_reaches(struct mg_span host, struct mg_span listening)
{
	bool every = listening.n == 0 || span_eq(listening, SPAN("0.0.0.0")) ||
		     span_eq(listening, SPAN("::"));

	if (span_eq_nocase(host, listening) || is_our_name(host)) return true;
	if (every) return is_loopback(host) || is_our_address(host);
	/* Other addresses of 127.0.0.0/8 may be other services. */
	if (span_eq_nocase(host, SPAN("localhost"))) return is_loopback(listening);
	return span_eq_nocase(listening, SPAN("localhost")) && is_loopback(host);
}

bool upstreams_is_ours(struct mg_span url, const struct settings_list *listen)
{
	struct endpoint theirs;

	if (!endpoint_of_url(url, &theirs)) return false;
	for (size_t i = 0; i < listen->n; i++) {
		enum listener_kind kind;
		struct mg_span address = listener_strip_scheme(span_of(listen->items[i]), &kind);
		struct endpoint ours = split_host(address, SPAN(""));
		if (span_eq(theirs.port, ours.port) && host_reaches(theirs.host, ours.host))
			return true;
	}
	return false;
}

/* --- the list --- */

/* Writes the list without ourselves. Returns how many proxies are left, or -1 when it is no list. */
static int strip(struct draft *d, const char *value, const char *from, struct mg_buf *out,
		 size_t *left_out)
{
	struct proxylist list;
	struct mg_err err;
	int proxies = 0;

	if (proxylist_parse(span_of(value), &d->settings.arena, &list, &err) != MG_OK) {
		draft_note(d, LOG_LEVEL_ERROR, "%s: goproxy: %s", from, err.text);
		return -1;
	}
	for (size_t i = 0; i < list.n; i++) {
		const struct proxylist_entry *e = &list.entries[i];
		if (e->kind == PROXYLIST_URL && upstreams_is_ours(e->url, &d->settings.listen)) {
			struct endpoint us;
			endpoint_of_url(e->url, &us);
			draft_note(d, LOG_LEVEL_WARN,
				   "%s: goproxy names modgate itself (%.*s port %.*s): left out",
				   from, SPAN_ARG(us.host), SPAN_ARG(us.port));
			++*left_out;
			continue;
		}
		proxies += e->kind == PROXYLIST_URL;
		buf_append(out, e->kind == PROXYLIST_URL      ? e->url
				: e->kind == PROXYLIST_DIRECT ? SPAN("direct")
							      : SPAN("off"));
		if (e->kind == PROXYLIST_URL) buf_append(out, e->query);
		buf_append_char(out, e->any_error ? '|' : ',');
	}
	if (out->n > 0) out->n--;
	return proxies;
}

static void use(struct draft *d, const char *value, const char *from)
{
	draft_set(d, settings_find(SPAN("goproxy")), span_of(value), from);
}

static const char how_to[] =
	"set GOPROXY=https://mirror.example,direct in the environment, or goproxy in modgate.yaml "
	"(off: serve only what is stored)";

static void use_kept(struct draft *d, bool only_ourselves)
{
	const char *kept = kept_read(&d->settings.arena, d->settings.store);

	if (kept != NULL) {
		use(d, kept, "kept in the store by an earlier start");
		draft_note(d, LOG_LEVEL_INFO, "the upstreams are those of an earlier start");
	} else if (d->settings.offline) {
		use(d, "off", draft_from(d, "offline"));
	} else if (only_ourselves) {
		draft_note(
			d, LOG_LEVEL_ERROR,
			"no upstream to fetch modules from: GOPROXY names only modgate itself; %s",
			how_to);
	} else {
		draft_note(
			d, LOG_LEVEL_ERROR,
			"no upstream to fetch modules from: neither modgate's settings nor the go "
			"command's name one; %s",
			how_to);
	}
}

void upstreams_settle(struct draft *d)
{
	const char *value = d->settings.goproxy, *from = draft_from(d, "goproxy");
	struct mg_buf list = BUF_MAX(64u << 10);
	size_t left_out = 0;

	if (value[0] == '\0') {
		use_kept(d, false);
		goto out;
	}
	int proxies = strip(d, value, from, &list, &left_out);
	if (proxies > 0)
		use(d, buf_cstr(&list), from);
	else if (proxies == 0 && left_out > 0)
		use_kept(d, true);
out:
	buf_deinit(&list);
}
