/* SPDX-License-Identifier: Apache-2.0 */
/* The libraries modgate runs with, asked at run time: a distribution replaces them under a built program. */
#ifndef CLI_LIBRARIES_H
#define CLI_LIBRARIES_H

#include <stdbool.h>
#include <stdio.h>

#include "base/err.h"

/* A line for each that tells its version. */
void libraries_print(FILE *out);
/* MG_INTERNAL, with the name and what is needed, where one is older than a version that distributions still
 * mend. Their patches do not show in versions, so newer ones are not vouched for. */
enum mg_code libraries_check(struct mg_err *err);
/* Is `version`, such as "libcurl/7.88.1 OpenSSL/3.0.17", at least `floor`, such as "7.88.0"? The first dotted
 * number counts; a part that is missing is 0. */
bool libraries_reach(const char *version, const char *floor);

#endif
