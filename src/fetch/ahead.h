/* SPDX-License-Identifier: Apache-2.0 */
/* Bounded prefetch: what the go command will ask for next, got before it asks. After an .info that is the
 * .mod, after a .mod the .info of the same version and the .mod of its requirements; never a zip, never
 * what is private. The account keeps it honest: a guess is paid with the upstream requests it cost, and
 * credit is earned by requests that clients caused and by guesses that came true, so that the whole stays
 * below 1.3 times the requests of a build without guesses. */
#ifndef FETCH_AHEAD_H
#define FETCH_AHEAD_H

#include "fetch/job.h"

struct ahead;

/* The account; the loop's thread. */
struct ahead *ahead_new(void);
void ahead_free(struct ahead **a);
/* May a guess that costs about so many requests be made? key is the flight's; no guess is made twice. */
bool ahead_begin(struct ahead *a, struct mg_span key, unsigned about, uint64_t now_ms);
/* The guess is got, or not to be had, and cost so many requests. */
void ahead_end(struct ahead *a, struct mg_span key, unsigned requests, uint64_t now_ms);
/* A client asked for key: had it been guessed? Then it was no waste. */
void ahead_asked(struct ahead *a, struct mg_span key, uint64_t now_ms);
/* A client's question cost so many requests. */
void ahead_earn(struct ahead *a, unsigned requests);

/* What may be asked after this job, whose target was got: at most max targets, in the job's arena. Reads
 * the store; lane thread. */
size_t ahead_guess(const struct job *j, struct target *out, size_t max);

#endif
