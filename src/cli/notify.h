/* SPDX-License-Identifier: Apache-2.0 */
/* What a service manager is told (sd_notify(3): datagrams of NAME=VALUE lines to $NOTIFY_SOCKET), and its
 * watchdog. Without a service manager nothing happens. */
#ifndef CLI_NOTIFY_H
#define CLI_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

/* Takes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID out of the environment: the children are none of the
 * manager's business. inherited: the watchdog was for the process before us. */
void notify_init(bool inherited);
/* Never waits; a message that does not go out is lost. */
void notify_send(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* How long the manager waits for WATCHDOG=1 before it kills the service; 0: it does not. */
uint64_t notify_watchdog_ms(void);

#endif
