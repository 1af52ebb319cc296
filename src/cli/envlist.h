/* SPDX-License-Identifier: Apache-2.0 */
/* Look-ups in a list of NAME=value strings, so that code can be tested with an environment of its own. */
#ifndef CLI_ENVLIST_H
#define CLI_ENVLIST_H

#include "base/span.h"

/* The value, or NULL when NAME is unset or empty: modgate, like the go command, treats both alike. */
const char *envlist_get(char *const *envp, const char *name);
/* Did Kubernetes put this variable there for a service (MODGATE_PORT=tcp://…, ATHENS_SERVICE_HOST=…)?
 * A service named like the program would else look like settings of it. */
bool envlist_is_service_link(struct mg_span name, struct mg_span value);

#endif
