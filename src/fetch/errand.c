/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/errand.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "fetch/database.h"
#include "fetch/refresh.h"
#include "fetch/scrub.h"
#include "fetch/warm.h"

#define NAME_MAX_BYTES 16384
/* Progress is told no more often. */
#define EVERY_MS 50

struct wish {
	struct map_node node;
	char key[];
};

void errand_init(struct errand *e)
{
	*e = (struct errand){ .type = ERRAND_NONE, .arena = ARENA_INIT };
}

void errand_deinit(struct errand *e)
{
	map_deinit(&e->seen);
	free(e->targets);
	arena_deinit(&e->arena);
	errand_init(e);
}

/* Of one artifact one wish is enough. */
static bool is_new(struct errand *e, const struct target *t)
{
	struct mg_buf file = BUF_MAX(NAME_MAX_BYTES);
	target_file(t, &file);
	const bool fresh = map_get(&e->seen, buf_span(&file)) == NULL;
	if (fresh) {
		struct wish *w = arena_alloc(&e->arena, sizeof *w + file.n);
		memcpy(w->key, file.p, file.n);
		w->node.key = span_make(w->key, file.n);
		map_put(&e->seen, &w->node);
	}
	buf_deinit(&file);
	return fresh;
}

static enum mg_code add(struct errand *e, enum target_kind kind, struct mg_span path,
			struct mg_span version, struct mg_err *err)
{
	struct target t;
	struct mg_err why;
	if (target_make(kind, path, version, &e->arena, &t, &why) != MG_OK)
		return err_set(err, MG_INVALID, MG_CAUSE_NONE, "%s", why.text);
	if (t.kind != kind)
		return err_set(err, MG_INVALID, MG_CAUSE_NONE,
			       "%.*s is no version such as v1.2.3 of this module",
			       SPAN_ARG(version));
	if (!is_new(e, &t)) return MG_OK;
	if (e->n == ERRAND_TARGETS_MAX)
		return err_set(err, MG_INVALID, MG_CAUSE_NONE, "more than %d artifacts at once",
			       ERRAND_TARGETS_MAX);
	if (e->n == e->cap) {
		e->cap = e->cap == 0 ? 64 : 2 * e->cap;
		e->targets = check_realloc(e->targets, e->cap * sizeof *e->targets);
	}
	e->targets[e->n++] = t;
	return MG_OK;
}

enum mg_code errand_want(struct errand *e, enum target_kind kind, struct mg_span path,
			 struct mg_span version, struct mg_err *err)
{
	e->type = ERRAND_WARM;
	return add(e, kind, path, version, err);
}

enum mg_code errand_refresh(struct errand *e, struct mg_span path, struct mg_err *err)
{
	e->type = ERRAND_REFRESH;
	return add(e, TARGET_LIST, path, SPAN(""), err);
}

/* --- as text --- */

/* errand = verify / *want warm / 1*module refresh / acknowledge
 * verify = "verify" [ SP "repair" ] LF
 * acknowledge = "acknowledge" [ SP "start-over" ] LF
 * want   = "want" SP ( "info" / "mod" / "zip" ) SP path "@" version LF
 * warm   = "warm" LF
 * module = "module" SP path LF
 * refresh = "refresh" LF */

void errand_print(const struct errand *e, struct mg_buf *out)
{
	switch (e->type) {
	case ERRAND_NONE:
		break;
	case ERRAND_VERIFY:
		buf_append_str(out, e->repair ? "verify repair\n" : "verify\n");
		break;
	case ERRAND_ACKNOWLEDGE:
		buf_append_str(out, e->start_over ? "acknowledge start-over\n" : "acknowledge\n");
		break;
	case ERRAND_WARM:
		for (size_t i = 0; i < e->n; i++)
			buf_printf(out, "want %s %.*s@%.*s\n", target_kind_name(e->targets[i].kind),
				   SPAN_ARG(e->targets[i].path), SPAN_ARG(e->targets[i].version));
		buf_append_str(out, "warm\n");
		break;
	case ERRAND_REFRESH:
		for (size_t i = 0; i < e->n; i++)
			buf_printf(out, "module %.*s\n", SPAN_ARG(e->targets[i].path));
		buf_append_str(out, "refresh\n");
		break;
	}
}

static enum mg_code take_want(struct errand *e, struct mg_span rest, struct mg_err *err)
{
	static const enum target_kind kinds[] = { TARGET_INFO, TARGET_MOD, TARGET_ZIP };
	const struct mg_span word = span_cut(&rest, ' ');
	const struct mg_span path = span_cut(&rest, '@');
	if (rest.p != NULL)
		for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
			if (span_eq(word, span_of(target_kind_name(kinds[i]))))
				return errand_want(e, kinds[i], path, rest, err);
	return err_set(err, MG_INVALID, MG_CAUSE_NONE, "want: info, mod or zip of MODULE@VERSION");
}

enum mg_code errand_line(struct errand *e, struct mg_span line, bool *complete, struct mg_err *err)
{
	const struct mg_span want = SPAN("want "), module = SPAN("module ");
	const bool may_warm = e->type == ERRAND_NONE || e->type == ERRAND_WARM;
	const bool may_refresh = e->type == ERRAND_NONE || e->type == ERRAND_REFRESH;
	*complete = true;
	if (may_warm && span_eq(line, SPAN("warm"))) {
		e->type = ERRAND_WARM;
	} else if (may_warm && span_has_prefix(line, want)) {
		*complete = false;
		return take_want(e, span_from(line, want.n), err);
	} else if (may_refresh && span_has_prefix(line, module)) {
		*complete = false;
		return errand_refresh(e, span_from(line, module.n), err);
	} else if (e->type == ERRAND_REFRESH && span_eq(line, SPAN("refresh"))) {
		*complete = true;
	} else if (e->type == ERRAND_NONE &&
		   (span_eq(line, SPAN("verify")) || span_eq(line, SPAN("verify repair")))) {
		e->type = ERRAND_VERIFY;
		e->repair = line.n > strlen("verify");
	} else if (e->type == ERRAND_NONE && (span_eq(line, SPAN("acknowledge")) ||
					      span_eq(line, SPAN("acknowledge start-over")))) {
		e->type = ERRAND_ACKNOWLEDGE;
		e->start_over = line.n > strlen("acknowledge");
	} else {
		return err_set(err, MG_INVALID, MG_CAUSE_NONE, "no such command");
	}
	return MG_OK;
}

/* --- done --- */

struct run {
	errand_tell_fn *tell;
	void *arg;
	struct cancel *cancel;
	uint64_t said_ms;
};

static void tell(struct run *r, const struct report *report)
{
	if (!r->tell(r->arg, report)) cancel_set(r->cancel);
}

static void tell_progress(struct run *r, uint64_t done, uint64_t total, uint64_t bytes)
{
	const uint64_t now_ms = clock_mono_ms();
	if (done != total && now_ms - r->said_ms < EVERY_MS) return;
	r->said_ms = now_ms;
	tell(r, &(struct report){ .type = REPORT_PROGRESS, .number = { done, total, bytes } });
}

static void tell_finding(struct run *r, const char *what, struct mg_span name, const char *why)
{
	tell(r, &(struct report){ .type = REPORT_FINDING,
				  .word = span_of(what),
				  .name = name,
				  .text = span_of(why) });
}

static void on_scrub_progress(void *arg, uint64_t done, uint64_t total, uint64_t bytes,
			      const char *key)
{
	tell_progress(arg, done, total, bytes);
}

static void on_scrub_finding(void *arg, enum scrub_finding what, const char *key, const char *why)
{
	tell_finding(arg, scrub_finding_name(what), span_of(key), why);
}

static enum mg_code verify(const struct errand *e, const struct job_means *m, struct run *r,
			   struct report *done, struct mg_err *err)
{
	struct scrub_summary sum;
	const enum mg_code rc = scrub_run(m,
					  &(struct scrub_options){
						  .thorough = true,
						  .repair = e->repair,
						  .count = true,
						  .cancel = r->cancel,
						  .on_progress = on_scrub_progress,
						  .on_finding = on_scrub_finding,
						  .arg = r,
					  },
					  &sum, err);
	const uint64_t numbers[REPORT_NUMBERS] = { sum.artifacts,
						   sum.bytes,
						   sum.found[SCRUB_HEALED],
						   sum.found[SCRUB_DAMAGED],
						   sum.found[SCRUB_UNREADABLE],
						   sum.unproven };
	memcpy(done->number, numbers, sizeof numbers);
	/* It lives as long as the report. */
	if (rc == MG_OK && sum.unproven > 0) {
		*err = sum.unproven_why;
		done->text = span_of(err->text);
	}
	return rc;
}

static void on_warm_progress(void *arg, uint64_t done, uint64_t total, uint64_t bytes)
{
	tell_progress(arg, done, total, bytes);
}

static void on_warm_failure(void *arg, const struct target *t, const struct mg_err *why)
{
	struct mg_buf file = BUF_MAX(NAME_MAX_BYTES);
	target_file(t, &file);
	tell_finding(arg, "failed", buf_span(&file), why->text);
	buf_deinit(&file);
}

static enum mg_code warm(const struct errand *e, const struct job_means *m, struct run *r,
			 struct report *done, struct mg_err *err)
{
	struct warm_summary sum;
	const enum mg_code rc = warm_run(m, e->targets, e->n,
					 &(struct warm_options){
						 .cancel = r->cancel,
						 .on_progress = on_warm_progress,
						 .on_failure = on_warm_failure,
						 .arg = r,
					 },
					 &sum, err);
	const uint64_t numbers[REPORT_NUMBERS] = { sum.done, sum.bytes, sum.got, sum.had,
						   sum.failed };
	memcpy(done->number, numbers, sizeof numbers);
	return rc;
}

static enum mg_code refresh(const struct errand *e, const struct job_means *m, struct run *r,
			    struct report *done, struct mg_err *err)
{
	uint64_t good = 0, absent = 0, failed = 0;
	for (size_t i = 0; i < e->n && !cancel_is_set(r->cancel); i++) {
		struct refresh_summary sum;
		struct mg_buf name = BUF_MAX(NAME_MAX_BYTES);
		target_file(&e->targets[i], &name);
		refresh_module(m, e->targets[i].path, r->cancel, &sum);
		if (sum.failed > 0) tell_finding(r, "failed", buf_span(&name), sum.why.text);
		good += sum.good;
		absent += sum.absent;
		failed += sum.failed;
		tell_progress(r, i + 1, e->n, 0);
		buf_deinit(&name);
	}
	const uint64_t numbers[REPORT_NUMBERS] = { e->n, good, absent, failed };
	memcpy(done->number, numbers, sizeof numbers);
	if (cancel_is_set(r->cancel))
		return err_set(err, MG_CANCELED, MG_CAUSE_NONE, "stopped before its end");
	return MG_OK;
}

static enum mg_code acknowledge(const struct errand *e, const struct job_means *m,
				struct mg_buf *kept, struct mg_err *err)
{
	enum mg_code rc = err_set(err, MG_NOT_FOUND, MG_CAUSE_NONE,
				  "there is no checksum database (GOSUMDB=off, or sumdb: off)");
	const int64_t now_s = clock_wall_s();
	if (m->database != NULL)
		rc = database_acknowledge(m->database, e->start_over, now_s, kept, err);
	for (size_t i = 0; i < m->also_n && (rc == MG_OK || rc == MG_NOT_FOUND); i++) {
		struct mg_err why;
		const size_t before = kept->n;
		if (before > 0) buf_append_str(kept, ", ");
		const enum mg_code one =
			database_acknowledge(m->also[i], e->start_over, now_s, kept, &why);
		if (one != MG_OK) kept->n = before;
		/* Nothing to acknowledge is a failure only where there is nothing else. */
		if (one == MG_NOT_FOUND && rc == MG_OK) continue;
		rc = one;
		*err = why;
	}
	/* Tiles and lookups of the old history would contradict those of the new one. */
	if (rc == MG_OK && e->start_over && m->on_damage != NULL) m->on_damage(m->on_damage_arg);
	return rc;
}

void errand_run(const struct errand *e, const struct job_means *m, struct cancel *cancel,
		errand_tell_fn *tell_fn, void *arg)
{
	struct run r = { .tell = tell_fn, .arg = arg, .cancel = cancel };
	struct report done = { .type = REPORT_DONE, .text = SPAN("") };
	struct mg_err err = { 0 };
	struct mg_buf kept = BUF_MAX(NAME_MAX_BYTES);
	enum mg_code rc = MG_OK;
	MG_ASSERT(e->type != ERRAND_NONE);
	if (e->type == ERRAND_VERIFY)
		rc = verify(e, m, &r, &done, &err);
	else if (e->type == ERRAND_WARM)
		rc = warm(e, m, &r, &done, &err);
	else if (e->type == ERRAND_REFRESH)
		rc = refresh(e, m, &r, &done, &err);
	else
		rc = acknowledge(e, m, &kept, &err);
	if (e->type == ERRAND_ACKNOWLEDGE) done.text = buf_span(&kept);
	if (rc != MG_OK) done = (struct report){ .type = REPORT_FAILED, .text = span_of(err.text) };
	tell(&r, &done);
	buf_deinit(&kept);
}
