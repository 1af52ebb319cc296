/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/fork.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#define KEY_MAX      16384
#define EVIDENCE_MAX (4u << 20)

void fork_init(struct fork *f, struct store *store, const char *database)
{
	*f = (struct fork){ .store = store,
			    .database = database,
			    .evidence = BUF_MAX(EVIDENCE_MAX) };
}

void fork_deinit(struct fork *f)
{
	buf_deinit(&f->evidence);
}

static enum mg_code store_evidence(struct fork *f, struct mg_span evidence, struct mg_err *err)
{
	struct mg_buf key = BUF_MAX(KEY_MAX);
	buf_printf(&key, "sumdb/%s/fork", f->database);
	const enum mg_code rc = store_put(f->store, buf_cstr(&key), evidence, STAGE_CREATE, err);
	buf_deinit(&key);
	return rc;
}

void fork_keep(struct fork *f, struct mg_span evidence)
{
	struct mg_err err;
	log_error("SECURITY ERROR: the checksum database has shown two histories; nothing more is "
		  "proven with it until an operator says so (modgate sumdb acknowledge)",
		  LOG_S("database", f->database));
	if (store_evidence(f, evidence, &err) == MG_OK) return;
	log_error("cannot keep the evidence of a fork", LOG_S("reason", err.text),
		  LOG_SP("evidence", evidence));
	buf_clear(&f->evidence);
	buf_append(&f->evidence, evidence);
}

enum mg_code fork_find(struct fork *f, bool *forked, struct mg_err *err)
{
	struct mg_buf key = BUF_MAX(KEY_MAX);
	struct store_file file;
	enum mg_code rc = MG_OK;
	*forked = f->evidence.n > 0;
	if (*forked && store_evidence(f, buf_span(&f->evidence), err) == MG_OK)
		buf_clear(&f->evidence);
	buf_printf(&key, "sumdb/%s/fork", f->database);
	switch (store_find(f->store, buf_cstr(&key), true, &file, err)) {
	case STORE_HIT:
		close(file.fd);
		*forked = true;
		break;
	case STORE_MISS:
		break;
	case STORE_WOULD_BLOCK:
	case STORE_FAULT:
		rc = *forked ? MG_OK : err->code;
	}
	buf_deinit(&key);
	return rc;
}

static enum mg_code set_aside(struct fork *f, bool all, const char *when, struct mg_buf *kept,
			      struct mg_err *err)
{
	struct mg_buf from = BUF_MAX(KEY_MAX), to = BUF_MAX(KEY_MAX);
	buf_printf(&from, "sumdb/%s%s", f->database, all ? "" : "/fork");
	buf_printf(&to, "%s.%s", buf_cstr(&from), when);
	const enum mg_code rc = store_move(f->store, from.p, buf_cstr(&to), err);
	if (rc == MG_OK) {
		buf_clear(&f->evidence);
		buf_printf(kept, "%s%s", to.p, all ? "/fork" : "");
	}
	buf_deinit(&from);
	buf_deinit(&to);
	return rc;
}

enum mg_code fork_acknowledge(struct fork *f, bool start_over, int64_t wall_s, struct mg_buf *kept,
			      struct mg_err *err)
{
	char when[21];
	bool forked;
	enum mg_code rc = fork_find(f, &forked, err);
	if (rc == MG_OK && !forked)
		rc = err_set(err, MG_NOT_FOUND, MG_CAUSE_PROOF,
			     "%s has not shown two histories: there is nothing to acknowledge",
			     f->database);
	if (rc != MG_OK) return rc;
	clock_rfc3339(wall_s, when);
	rc = set_aside(f, start_over, when, kept, err);
	if (rc == MG_OK)
		log_warn("a fork of the checksum database was acknowledged by the operator",
			 LOG_S("database", f->database), LOG_SP("evidence", buf_span(kept)),
			 LOG_S("trust", start_over ? "begins anew" : "stays with the old history"));
	return rc;
}
