/* SPDX-License-Identifier: Apache-2.0 */
/* Bounded prefetch: what the go command will ask for next, got before it asks. After an .info that is the
 * .mod; after a .mod those of its requirements, and the .info if the version may be the one that is built
 * with; never a zip, never what is private. The account keeps it honest: each upstream request of a guess
 * is paid before it is made, and credit is earned by requests that clients caused and by guesses that came
 * true, so that at any moment no more than 0.3 requests were wasted for each one that was wanted. What
 * cannot be paid yet waits for a while. The loop's thread, but for ahead_spend and ahead_guess. */
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
/* What one guess may cost. Outlives its job. */
struct ahead_purse {
	struct ahead *account;
	_Atomic unsigned left; /* requests that are paid and not made */
	_Atomic unsigned paid; /* in all */
};

/* The next of them that can be paid for, and is: the purse is filled. *out's spans live until the next
 * call. False: none. */
bool ahead_take(struct ahead *a, struct ticket *out, struct ahead_purse *purse, uint64_t now_ms);
/* One more request of a guess. False: it cannot be paid, and must not be made. Any thread. */
bool ahead_spend(struct ahead_purse *purse);

/* How a guess ended. */
struct ahead_outcome {
	enum target_kind kind;
	unsigned requests; /* that were made, by the guess or for those who joined it */
	bool got;
	bool joined; /* a client came while it was on its way */
};

/* Exactly once for each that was taken. */
void ahead_end(struct ahead *a, struct mg_span key, const struct ahead_purse *purse,
	       const struct ahead_outcome *outcome, uint64_t now_ms);
/* A client asks for key: had it been guessed? Then it was no waste. */
void ahead_asked(struct ahead *a, struct mg_span key, uint64_t now_ms);
/* A client's question, which was no guess before, has cost so many requests. */
void ahead_earn(struct ahead *a, unsigned requests);

/* What may be asked after this job, whose target was got: at most max targets, in the job's arena;
 * *pruned as ahead_offer's. Reads the store; lane thread. */
size_t ahead_guess(const struct job *j, struct target *out, size_t max, bool *pruned);

#endif
