/* SPDX-License-Identifier: Apache-2.0 */
/* Bounded prefetch: what the go command will ask for next, got before it asks. After an .info that is the
 * .mod; after a .mod those of its requirements, and the .info if the version may be the one that is built
 * with; never a zip, never what is private. The account keeps it honest: a guess is paid with the upstream
 * requests it costs, and credit is earned by requests that clients caused and by guesses that came true,
 * so that the whole stays below 1.3 times the requests of a build without guesses. What cannot be paid
 * yet waits for a while. The loop's thread, but for ahead_guess. */
#ifndef FETCH_AHEAD_H
#define FETCH_AHEAD_H

#include "fetch/job.h"

struct ahead;

struct ahead *ahead_new(void);
void ahead_free(struct ahead **a);

/* Something that may be asked next; copied. Dropped if it is known already or too much waits. key is the
 * flight's; via: whom the question that led to it passed through. pruned: the go command may well do
 * without it. */
void ahead_offer(struct ahead *a, const struct target *t, struct mg_span key, struct mg_span via,
		 bool pruned, uint64_t now_ms);
/* The next of them that can be paid: *out's spans live until the next call. False: none. */
bool ahead_take(struct ahead *a, struct ticket *out, uint64_t now_ms);
/* The guess is got, or not to be had, and has cost so many requests. */
void ahead_end(struct ahead *a, struct mg_span key, unsigned requests, uint64_t now_ms);
/* A client asks for key: had it been guessed? Then it was no waste. */
void ahead_asked(struct ahead *a, struct mg_span key, uint64_t now_ms);
/* A client's question has cost so many requests. */
void ahead_earn(struct ahead *a, unsigned requests);

/* What may be asked after this job, whose target was got: at most max targets, in the job's arena;
 * *pruned as ahead_offer's. Reads the store; lane thread. */
size_t ahead_guess(const struct job *j, struct target *out, size_t max, bool *pruned);

#endif
