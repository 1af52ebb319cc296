/* SPDX-License-Identifier: Apache-2.0 */
/* Upstreams for tests; what operators get is in cli/settings.c. */
#ifndef UPSTREAM_UPSTREAM_FIXTURE_H
#define UPSTREAM_UPSTREAM_FIXTURE_H

#include "upstream/upstream.h"

#define UPSTREAM_FIXTURE_OPTIONS                                                                   \
	((struct upstream_options){ .connect_ms = 10000,                                           \
				    .first_byte_ms = 30000,                                        \
				    .stall_ms = 30000,                                             \
				    .retries = 2,                                                  \
				    .redirects = 10,                                               \
				    .per_host = 32,                                                \
				    .queue_ms = 30000,                                             \
				    .breaker_failures = 5,                                         \
				    .breaker_open_ms = 10000,                                      \
				    .user_agent = "modgate/" MODGATE_VERSION })

#endif
