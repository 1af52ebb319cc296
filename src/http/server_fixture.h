/* SPDX-License-Identifier: Apache-2.0 */
/* A server for tests; what operators get is in cli/settings.c. */
#ifndef HTTP_SERVER_FIXTURE_H
#define HTTP_SERVER_FIXTURE_H

#include "http/server.h"

#define SERVER_FIXTURE_OPTIONS                                                                     \
	((struct server_options){ .header_timeout_ms = 10000,                                      \
				  .idle_timeout_ms = 90000,                                        \
				  .stall_timeout_ms = 60000,                                       \
				  .max_connections = 16384,                                        \
				  .max_handshakes = 64 })

#endif
