/* SPDX-License-Identifier: Apache-2.0 */
/* How far a long command is, on standard error: a bar on a terminal, else a line now and then. One
 * thread at a time. */
#ifndef CLI_PROGRESSBAR_H
#define CLI_PROGRESSBAR_H

#include <stdbool.h>
#include <stdint.h>

struct progressbar {
	const char *noun; /* "versions" */
	bool tty;
	bool shown; /* it stands on the last line */
	uint64_t begun_ms, said_ms;
};

void progressbar_init(struct progressbar *b, const char *noun);
/* total 0: nothing to do. bytes UINT64_MAX: not of interest. */
void progressbar_update(struct progressbar *b, uint64_t done, uint64_t total, uint64_t bytes);
void progressbar_clear(struct progressbar *b); /* before something else is printed */
void progressbar_end(struct progressbar *b);   /* it stays as it is */

/* 1234567 as "1.2 MB". */
void progressbar_size(uint64_t bytes, char out[16]);
/* To standard error; names are foreign: nothing in them may steer a terminal. */
void progressbar_print_plain(const char *text);

#endif
