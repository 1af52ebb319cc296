/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of commands and settings as JSON: what manual pages and completions are made from. */
#ifndef CLI_DESCRIBE_H
#define CLI_DESCRIBE_H

#include "base/buf.h"

/* Appends one object and a newline:
 *   version   string
 *   commands  [{name, word, arguments, help, settings, switches: [{name, help}]}]; those for people
 *   settings  [{name, flag, env, kind, default, help, words, min, max, needs, secret, go}]
 * What a command or setting has not is null; kind is the type's name in lower case ("duration"). */
void describe_program(struct mg_buf *out);

#endif
