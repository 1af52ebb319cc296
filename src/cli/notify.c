/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/notify.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/span.h"

#define TEXT_MAX 512

static struct {
	int fd; /* 0: there is no manager */
	struct sockaddr_un address;
	socklen_t size;
	uint64_t watchdog_ms;
} manager;

/* "/run/…", or "@…" for a name in the abstract namespace, which begins with a zero byte. */
static bool set_address(const char *name)
{
	const size_t n = strlen(name);

	if ((name[0] != '/' && name[0] != '@') || n < 2 || n >= sizeof manager.address.sun_path)
		return false;
	manager.address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(manager.address.sun_path, name, n);
	if (name[0] == '@') manager.address.sun_path[0] = '\0';
	manager.size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
	return true;
}

static uint64_t number(const char *name)
{
	const char *text = getenv(name);
	uint64_t n = 0;

	return text != NULL && span_u64(span_of(text), UINT64_MAX, &n) ? n : 0;
}

void notify_init(bool inherited)
{
	const char *name = getenv("NOTIFY_SOCKET");
	const uint64_t usec = number("WATCHDOG_USEC"), pid = number("WATCHDOG_PID");

	if (name != NULL && set_address(name))
		manager.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (manager.fd > 0 && (pid == 0 || pid == (uint64_t)getpid() || inherited))
		manager.watchdog_ms = usec / 1000;
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

void notify_send(const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;

	if (manager.fd <= 0) return;
	va_start(ap, fmt);
	const int n = vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (n <= 0) return;
	const size_t size = (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
	ssize_t unused = sendto(manager.fd, text, size, MSG_NOSIGNAL | MSG_DONTWAIT,
				(const struct sockaddr *)&manager.address, manager.size);
	(void)unused;
}

uint64_t notify_watchdog_ms(void)
{
	return manager.watchdog_ms;
}
