/* SPDX-License-Identifier: Apache-2.0 */
/* What an operator's command asks of the fetch process, or does itself while none runs: verify the
 * store, get artifacts ahead, ask for lists anew, acknowledge a fork. As text it is a few lines, read one by one. */
#ifndef FETCH_ERRAND_H
#define FETCH_ERRAND_H

#include "base/map.h"
#include "fetch/job.h"
#include "fetch/report.h"

enum errand_type {
	ERRAND_NONE,
	ERRAND_VERIFY,
	ERRAND_WARM,
	ERRAND_ACKNOWLEDGE,
	ERRAND_REFRESH,
};

#define ERRAND_TARGETS_MAX 500000
#define ERRAND_LINE_MAX    10240 /* bytes, with the line feed */

struct errand {
	enum errand_type type;
	bool repair;     /* VERIFY */
	bool start_over; /* ACKNOWLEDGE */
	/* WARM: artifacts; REFRESH: the lists of modules; each once */
	struct target *targets;
	size_t n;
	/* its own */
	size_t cap;
	struct map seen;
	struct arena arena;
};

void errand_init(struct errand *e);
void errand_deinit(struct errand *e);
/* One more artifact for WARM: INFO, MOD or ZIP of a canonical version. MG_INVALID: it is none, or there
 * are too many. */
MG_CHECK enum mg_code errand_want(struct errand *e, enum target_kind kind, struct mg_span path,
				  struct mg_span version, struct mg_err *err);

/* One more module for REFRESH. MG_INVALID: as errand_want. */
MG_CHECK enum mg_code errand_refresh(struct errand *e, struct mg_span path, struct mg_err *err);

/* All its lines; the last one sets the receiver to work. */
void errand_print(const struct errand *e, struct mg_buf *out);
/* Takes one line, without its line feed. *complete: it was the last one. MG_INVALID: it is no line of an
 * errand. */
MG_CHECK enum mg_code errand_line(struct errand *e, struct mg_span line, bool *complete,
				  struct mg_err *err);

/* Called by one thread at a time, any thread; may block. False: nobody listens any more. */
typedef bool errand_tell_fn(void *arg, const struct report *r);
/* Does it; the last report is DONE or FAILED. DONE's numbers, but for REFRESH: artifacts, bytes, and of VERIFY those
 * healed, damaged, unreadable, unproven (the text: why the first of these), of WARM those got, had,
 * failed, of REFRESH modules, answers that are true now, those that there are none of any more, those that
 * could not be had. ACKNOWLEDGE has but the text: where the evidence is. Blocks. */
void errand_run(const struct errand *e, const struct job_means *m, struct cancel *cancel,
		errand_tell_fn *tell, void *arg);

#endif
