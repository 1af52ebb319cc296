/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/command.h"

#include <dlfcn.h>
#include <stdio.h>

/* The libraries are asked at run time, because a distribution replaces them under a built program. By
 * name, because their headers belong to other rooms. */
static const struct {
	const char *name;
	const char *asks;
} libraries[] = {
	{ "libuv", "uv_version_string" },
	{ "libcurl", "curl_version" },
	{ "zlib", "zlibVersion" },
	{ "jansson", "jansson_version_str" },
	{ "libyaml", "yaml_get_version_string" },
};

int command_version(char *const *args)
{
	printf("modgate %s\n", MODGATE_VERSION);
	for (size_t i = 0; i < sizeof libraries / sizeof libraries[0]; i++) {
		const char *(*version)(void) =
			(const char *(*)(void))dlsym(RTLD_DEFAULT, libraries[i].asks);
		if (version != NULL) printf("%s %s\n", libraries[i].name, version());
	}
	const char *(*openssl)(int) = (const char *(*)(int))dlsym(RTLD_DEFAULT, "OpenSSL_version");
	if (openssl != NULL) printf("%s\n", openssl(0));
	return 0;
}
