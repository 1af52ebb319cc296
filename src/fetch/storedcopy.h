/* SPDX-License-Identifier: Apache-2.0 */
/* The copy of an artifact that the store has: is it what was recorded of it, and what the checksum
 * database has recorded? What is damaged is set aside. Any thread; calls block. */
#ifndef FETCH_STOREDCOPY_H
#define FETCH_STOREDCOPY_H

#include <pthread.h>

#include "fetch/job.h"

enum storedcopy {
	STOREDCOPY_NONE,
	STOREDCOPY_GOOD,
	STOREDCOPY_UNPROVEN,   /* its record cannot be read: the same bytes will give it another */
	STOREDCOPY_UNREADABLE, /* itself cannot be read */
};

/* Records of one version are changed by one thread at a time. */
pthread_mutex_t *storedcopy_lock(const struct target *t);
/* To quarantine; everybody who holds its bytes is told to let go. */
MG_CHECK enum mg_code storedcopy_set_aside(const struct job_means *m, const struct target *t,
					   const char *why, struct mg_err *err);
/* What stands at the key. damaged: the front says that it is, so it is compared with its record; what
 * is damaged is set aside, and *err says why (MG_CORRUPT). *err is written too for UNPROVEN and
 * UNREADABLE, and when the result is not MG_OK. */
MG_CHECK enum mg_code storedcopy_look(const struct job *j, const struct target *t, bool damaged,
				      enum storedcopy *out, struct mg_err *err);
/* What is stored but not proven is proven now. *gone: it is not what is recorded; set aside. */
MG_CHECK enum mg_code storedcopy_prove(const struct job *j, const struct target *t, bool *gone,
				       struct mg_err *err);

enum storedcopy_state {
	STOREDCOPY_SOUND,
	STOREDCOPY_ABSENT,   /* nothing is there, or no more */
	STOREDCOPY_UNASKED,  /* as recorded; the checksum database did not say more. *err: why */
	STOREDCOPY_DAMAGED,  /* set aside. *err: why */
	STOREDCOPY_TROUBLED, /* it, or its record, cannot be read; nothing was done. *err: why */
	STOREDCOPY_SUSPECT,  /* look_only: there is more to be done than looking */
};

struct storedcopy_check {
	/* Also compute its h1 anew, and compare that with the database whatever the record says. */
	bool thorough;
	bool keep_cold; /* pages that were not in memory before are not left there */
	bool look_only; /* takes no lock, changes nothing and asks nobody */
	/* Out: */
	uint64_t bytes; /* its size */
	bool mended;    /* thorough: the .ziphash beside it said otherwise, and was written anew */
};

/* The whole check: size and SHA-256 against the record, and the proof by the checksum database where
 * one is due. What has no record is checked as if an upstream had sent it, and given one. */
enum storedcopy_state storedcopy_check(const struct job *j, const struct target *t,
				       struct storedcopy_check *check, struct mg_err *err);

#endif
