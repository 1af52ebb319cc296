/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/libraries.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#define PARTS 3

/* As nghttp2 lays it out for all its versions: age, number, text. */
struct nghttp2_told {
	int age;
	int number;
	const char *text;
};

static const char *ask_plain(void *symbol)
{
	return ((const char *(*)(void))symbol)();
}

/* "OpenSSL 3.0.17 1 Jul 2025" */
static const char *ask_openssl(void *symbol)
{
	const char *text = ((const char *(*)(int))symbol)(0);

	return text + strcspn(text, "0123456789");
}

static const char *ask_nghttp2(void *symbol)
{
	return ((const struct nghttp2_told *(*)(int))symbol)(0)->text;
}

/* Asked by name, because their headers belong to other rooms. What is wrong below the floors: nghttp2 does not
 * bound CONTINUATION frames nor resets (CVE-2024-28182, CVE-2023-44487); libcurl and libuv pass on host names they
 * cut; zlib reads past its input (CVE-2022-37434). */
static const struct library {
	const char *name;
	const char *symbol;
	const char *(*ask)(void *symbol);
	const char *floor;
} libraries[] = {
	{ "libuv", "uv_version_string", ask_plain, "1.44.2" },
	{ "libcurl", "curl_version", ask_plain, "7.88.1" },
	{ "nghttp2", "nghttp2_version", ask_nghttp2, "1.52.0" },
	{ "OpenSSL", "OpenSSL_version", ask_openssl, "3.0.0" },
	{ "zlib", "zlibVersion", ask_plain, "1.2.13" },
	{ "jansson", "jansson_version_str", ask_plain, "2.13" },
	{ "libyaml", "yaml_get_version_string", ask_plain, "0.2.5" },
};

static const char *version_of(const struct library *l)
{
	void *symbol = dlsym(RTLD_DEFAULT, l->symbol);

	return symbol != NULL ? l->ask(symbol) : NULL;
}

void libraries_print(FILE *out)
{
	for (size_t i = 0; i < sizeof libraries / sizeof libraries[0]; i++) {
		const char *version = version_of(&libraries[i]);
		if (version != NULL) fprintf(out, "%s %s\n", libraries[i].name, version);
	}
}

static void read_parts(const char *text, unsigned long parts[PARTS])
{
	text += strcspn(text, "0123456789");
	for (size_t i = 0; i < PARTS; i++) {
		char *end;
		parts[i] = strtoul(text, &end, 10);
		text = *end == '.' && end != text ? end + 1 : "";
	}
}

bool libraries_reach(const char *version, const char *floor)
{
	unsigned long has[PARTS], needs[PARTS];

	read_parts(version, has);
	read_parts(floor, needs);
	for (size_t i = 0; i < PARTS; i++)
		if (has[i] != needs[i]) return has[i] > needs[i];
	return true;
}

enum mg_code libraries_check(struct mg_err *err)
{
	for (size_t i = 0; i < sizeof libraries / sizeof libraries[0]; i++) {
		const struct library *l = &libraries[i];
		const char *version = version_of(l);
		if (version == NULL || libraries_reach(version, l->floor)) continue;
		return err_set(
			err, MG_INTERNAL, MG_CAUSE_NONE,
			"%s of this system is %s, whose known faults concern modgate: update the "
			"system's packages to %s or newer",
			l->name, version, l->floor);
	}
	return MG_OK;
}
