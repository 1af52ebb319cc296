/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/envlist.h"

const char *envlist_get(char *const *envp, const char *name)
{
	size_t n = strlen(name);

	for (; *envp != NULL; envp++)
		if (strncmp(*envp, name, n) == 0 && (*envp)[n] == '=')
			return (*envp)[n + 1] != '\0' ? *envp + n + 1 : NULL;
	return NULL;
}

bool envlist_is_service_link(struct mg_span name, struct mg_span value)
{
	if (span_find(name, SPAN("_SERVICE_HOST")) >= 0) return true;
	if (span_find(name, SPAN("_SERVICE_PORT")) >= 0) return true;
	if (span_find(name, SPAN("_TCP")) >= 0 || span_find(name, SPAN("_UDP")) >= 0)
		return span_find(name, SPAN("_PORT_")) >= 0;
	return span_has_suffix(name, SPAN("_PORT")) && span_find(value, SPAN("://")) >= 0;
}
