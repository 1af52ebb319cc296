/* SPDX-License-Identifier: Apache-2.0 */
/* A fetch for tests; what operators get is in cli/settings.c. */
#ifndef FETCH_FETCH_FIXTURE_H
#define FETCH_FETCH_FIXTURE_H

#include "fetch/fetch.h"

#define FETCH_FIXTURE_OPTIONS                                                                      \
	((struct fetch_options){ .goproxy = "",                                                    \
				 .private = "",                                                    \
				 .gosumdb = "off",                                                 \
				 .nosumdb = "",                                                    \
				 .absent_ms = 30000,                                               \
				 .denied_ms = 10000,                                               \
				 .down_ms = 10000,                                                 \
				 .prefetch = true,                                                 \
				 .stream_above = 16u << 20,                                        \
				 .threads = 64 })

#endif
