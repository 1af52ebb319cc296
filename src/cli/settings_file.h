/* SPDX-License-Identifier: Apache-2.0 */
/* The modgate.yaml layer. */
#ifndef CLI_SETTINGS_FILE_H
#define CLI_SETTINGS_FILE_H

#include "cli/draft.h"

/* Reads the file into the draft. Relative paths in it count from the file's directory. Everything
 * wrong with it (unreadable, not YAML, unknown keys with the nearest known one) becomes an ERROR note
 * that begins with FILE:LINE:COLUMN. */
void settings_file_apply(struct draft *d, const char *path);

#endif
