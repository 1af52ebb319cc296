/* SPDX-License-Identifier: Apache-2.0 */
#include "http/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "http/address.h"

#define LISTENER_BACKLOG 4096

struct endpoint {
	struct sockaddr_storage addr;
	socklen_t size;
	bool both; /* an IPv6 socket that takes IPv4 too */
};

static void set_ip4(struct endpoint *out, struct in_addr ip, uint16_t port)
{
	struct sockaddr_in in4 = { .sin_family = AF_INET, .sin_addr = ip, .sin_port = htons(port) };

	memcpy(&out->addr, &in4, sizeof in4);
	out->size = sizeof in4;
}

static void set_ip6(struct endpoint *out, struct in6_addr ip, uint16_t port)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
				    .sin6_addr = ip,
				    .sin6_port = htons(port) };

	memcpy(&out->addr, &in6, sizeof in6);
	out->size = sizeof in6;
}

/* [ip4 / "[" ip6 "]" / "localhost"] ":" port */
static bool parse(struct mg_span address, struct endpoint *out)
{
	char host[INET6_ADDRSTRLEN];
	struct in_addr ip4;
	struct in6_addr ip6;
	uint64_t port;
	ptrdiff_t colon = span_last_index(address, ':');

	*out = (struct endpoint){ 0 };
	if (colon < 0 || !span_u64(span_from(address, (size_t)colon + 1), 65535, &port))
		return false;
	struct mg_span name = span_first(address, (size_t)colon);
	bool bracketed = name.n >= 2 && name.p[0] == '[' && name.p[name.n - 1] == ']';
	if (bracketed) name = span_first(span_from(name, 1), name.n - 2);
	if (name.n >= sizeof host) return false;
	snprintf(host, sizeof host, "%.*s", SPAN_ARG(name));

	if (name.n == 0 && !bracketed) {
		set_ip6(out, in6addr_any, (uint16_t)port);
		out->both = true;
	} else if (bracketed && inet_pton(AF_INET6, host, &ip6) == 1) {
		set_ip6(out, ip6, (uint16_t)port);
	} else if (!bracketed && span_eq(name, SPAN("localhost"))) {
		set_ip4(out, (struct in_addr){ htonl(INADDR_LOOPBACK) }, (uint16_t)port);
	} else if (!bracketed && inet_pton(AF_INET, host, &ip4) == 1) {
		set_ip4(out, ip4, (uint16_t)port);
	} else {
		return false;
	}
	return true;
}

/* 0 and *fd_out, or the errno. */
static int open_socket(const struct endpoint *at, bool reuse_port, int *fd_out)
{
	const int on = 1, v6only = !at->both;
	int fd = socket(at->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int why = 0;

	if (fd < 0) return errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) goto fail;
	if (reuse_port && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0) goto fail;
	if (at->addr.ss_family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, sizeof v6only) != 0)
		goto fail;
	if (bind(fd, (const struct sockaddr *)&at->addr, at->size) != 0) goto fail;
	if (listen(fd, LISTENER_BACKLOG) != 0) goto fail;
	*fd_out = fd;
	return 0;
fail:
	why = errno;
	close(fd);
	return why;
}

static enum mg_code explain(int why, struct mg_span address, struct mg_err *err)
{
	const char *advice = NULL;

	if (why == EADDRINUSE)
		advice = "the address is already in use; another modgate or another server listens "
			 "there: stop it or choose another port";
	else if (why == EACCES)
		advice = "not permitted; ports below 1024 need a privilege: choose a port from "
			 "1024 on "
			 "or let the service manager open the socket";
	else if (why == EADDRNOTAVAIL)
		advice = "this machine has no such address; use one of its own, or \":port\" for "
			 "all";
	else if (why == EAFNOSUPPORT)
		advice = "this machine does not have this kind of address switched on; use an IPv4 "
			 "address such as 0.0.0.0";
	if (advice != NULL)
		return err_set(err, MG_UNAVAILABLE, MG_CAUSE_NONE, "cannot listen on %.*s: %s",
			       SPAN_ARG(address), advice);
	return err_set(err, MG_UNAVAILABLE, MG_CAUSE_NONE, "cannot listen on %.*s: %s",
		       SPAN_ARG(address), strerror(why));
}

enum mg_code listener_open(struct mg_span address, bool reuse_port, int *fd_out, struct mg_err *err)
{
	struct endpoint at;

	if (!parse(address, &at))
		return err_set(
			err, MG_INVALID, MG_CAUSE_NONE,
			"\"%.*s\" is not an address to listen on: write IP:PORT, [IPv6]:PORT "
			"or :PORT, for example 127.0.0.1:3000",
			SPAN_ARG(address));
	int why = open_socket(&at, reuse_port, fd_out);
	if (why == EAFNOSUPPORT && at.both) {
		/* No IPv6 in this kernel: every address means every IPv4 address. */
		struct sockaddr_in6 in6;
		memcpy(&in6, &at.addr, sizeof in6);
		set_ip4(&at, (struct in_addr){ htonl(INADDR_ANY) }, ntohs(in6.sin6_port));
		at.both = false;
		why = open_socket(&at, reuse_port, fd_out);
	}
	return why == 0 ? MG_OK : explain(why, address, err);
}

struct mg_span listener_strip_scheme(struct mg_span address, enum listener_kind *kind)
{
	static const struct {
		const char *scheme;
		enum listener_kind kind;
	} schemes[] = {
		{ "http://", LISTENER_PLAIN },
		{ "h2c://", LISTENER_H2C },
		{ "https://", LISTENER_TLS },
	};

	*kind = LISTENER_PLAIN;
	for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
		struct mg_span scheme = span_of(schemes[i].scheme);
		if (!span_has_prefix(address, scheme)) continue;
		*kind = schemes[i].kind;
		return span_from(address, scheme.n);
	}
	return address;
}

void listener_address(int fd, char out[LISTENER_ADDRESS_SIZE])
{
	struct sockaddr_storage ss = { 0 };
	socklen_t size = sizeof ss;
	struct address a;

	_Static_assert(LISTENER_ADDRESS_SIZE >= ADDRESS_TEXT_SIZE, "an address fits");
	getsockname(fd, (struct sockaddr *)&ss, &size);
	if (ss.ss_family == AF_UNIX) {
		snprintf(out, LISTENER_ADDRESS_SIZE, "unix:%s",
			 ((struct sockaddr_un *)(void *)&ss)->sun_path);
		return;
	}
	address_from(&ss, &a);
	address_format(&a, out);
}
