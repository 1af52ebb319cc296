/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/verdict.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "fetch/ask.h"
#include "fetch/database.h"
#include "fetch/origin.h"
#include "gomod/modfile.h"
#include "gomod/modzip.h"
#include "store/stage.h"

#define URL_MAX 16384
/* A second look at a larger zip is not worth it. */
#define ZIP_AGAIN_MAX (64u << 20)

/* What the same origin sends of a version, seen for the second time. */
struct second {
	bool known;
	char h1[DIRHASH_SIZE];
	char gomod_h1[DIRHASH_SIZE]; /* of the go.mod in a zip; "": it has none */
};

static void look_at_mod(const struct job *j, const struct target *t,
			const struct proxylist_entry *proxy, struct second *out)
{
	struct mg_buf body = BUF_MAX(MODFILE_MAX);
	struct target mod;
	struct mg_err err;
	*out = (struct second){ 0 };
	/* A commit is what it is. */
	if (proxy->kind != PROXYLIST_URL) return;
	if (target_make(TARGET_MOD, t->path, t->version, j->arena, &mod, &err) == MG_OK &&
	    ask_target(j, proxy, &mod, &body, &err) == MG_OK) {
		out->known = true;
		dirhash_gomod(buf_span(&body), out->h1);
	}
	buf_deinit(&body);
}

static enum mg_code write_stage(void *arg, struct mg_span bytes, struct mg_err *err)
{
	return stage_write(arg, bytes, err);
}

static enum mg_code restart_stage(void *arg, struct mg_err *err)
{
	return stage_reset(arg, err);
}

static enum mg_code read_stage_at(void *arg, uint64_t offset, void *out, size_t n,
				  struct mg_err *err)
{
	return stage_read(arg, offset, out, n, err);
}

static void hash_zip(const struct target *zip, struct stage *st, struct second *out)
{
	const struct zipsource source = { read_stage_at, st, stage_size(st) };
	struct mg_buf gomod = BUF_MAX(MODZIP_SPECIAL_MAX);
	struct modzip_report report;
	struct mg_err err;
	if (modzip_check(&source, zip->path, zip->version, &gomod, &report, &err) == MG_OK) {
		out->known = true;
		snprintf(out->h1, sizeof out->h1, "%s", report.h1);
		if (report.has_gomod) dirhash_gomod(buf_span(&gomod), out->gomod_h1);
	}
	buf_deinit(&gomod);
}

static void look_at_zip(const struct job *j, const struct target *t,
			const struct proxylist_entry *proxy, struct second *out)
{
	struct mg_buf url = BUF_MAX(URL_MAX);
	struct stage *st = NULL;
	struct target zip;
	struct mg_err err;
	*out = (struct second){ 0 };
	if (proxy->kind != PROXYLIST_URL) return;
	if (target_make(TARGET_ZIP, t->path, t->version, j->arena, &zip, &err) != MG_OK ||
	    stage_new(j->means->store, &st, &err) != MG_OK)
		goto out;
	origin_url(proxy, &zip, &url);
	const struct upstream_sink sink = { .write = write_stage,
					    .restart = restart_stage,
					    .arg = st };
	if (ask_url(j, proxy, buf_span(&url), ZIP_AGAIN_MAX, &sink, NULL, &err) == MG_OK)
		hash_zip(&zip, st, out);
out:
	stage_free(&st);
	buf_deinit(&url);
}

/* Why, of a .mod: the zip of the same origin tells which go.mod the origin means. */
static const char *judge_mod(const struct job *j, const struct target *t,
			     const struct proof_evidence *e, const char *h1,
			     const struct lookup_sums *sums, char *detail, size_t n)
{
	struct second again, zip;
	look_at_mod(j, t, e->proxy, &again);
	if (again.known && strcmp(again.h1, h1) != 0) {
		snprintf(detail, n, "asked again the origin sends %s", again.h1);
		return "altered on the way";
	}
	look_at_zip(j, t, e->proxy, &zip);
	if (zip.known && strcmp(zip.h1, sums->zip) == 0) {
		snprintf(detail, n, "the origin's zip of this version is the recorded one");
		return "altered on the way";
	}
	if (zip.known && zip.gomod_h1[0] != '\0' && strcmp(zip.gomod_h1, h1) != 0) {
		snprintf(detail, n, "the go.mod in the origin's zip is another one (%s)",
			 zip.gomod_h1);
		return "altered on the way";
	}
	snprintf(detail, n, "the origin stands by it");
	return "re-tagged upstream";
}

static const char *judge_zip(const struct job *j, const struct target *t,
			     const struct proof_evidence *e, const char *h1,
			     const struct lookup_sums *sums, char *detail, size_t n)
{
	struct second again = { 0 };
	const char *rules = modzip_explain(e->zip, t->path, t->version, sums->zip);
	if (rules != NULL) {
		snprintf(detail, n, "it is the recorded content %s", rules);
		return "built by other zip rules";
	}
	if (e->zip->size <= ZIP_AGAIN_MAX) look_at_zip(j, t, e->proxy, &again);
	if (again.known && strcmp(again.h1, h1) != 0) {
		snprintf(detail, n, "asked again the origin sends %s", again.h1);
		return "altered on the way";
	}
	snprintf(detail, n, "the origin stands by it");
	return "re-tagged upstream";
}

void verdict_first_seen(const struct job *j, const struct target *t, char *out, size_t n)
{
	struct provenance known;
	struct mg_err err;
	char when[21];
	if (provenance_read(j->means->store, t, &known, &err) == MG_OK) {
		clock_rfc3339(known.first_seen_s, when);
		snprintf(out, n, "first seen %s", when);
	} else {
		snprintf(out, n, "first seen now");
	}
}

void verdict_mismatch(const struct job *j, const struct target *t,
		      const struct proof_evidence *evidence,
		      const struct provenance_artifact *artifact, const struct lookup_sums *sums,
		      struct mg_err *err)
{
	char detail[96] = "", seen[40];
	const bool zip = t->kind == TARGET_ZIP;
	const char *why = (zip ? judge_zip : judge_mod)(j, t, evidence, artifact->h1, sums, detail,
							sizeof detail);
	verdict_first_seen(j, t, seen, sizeof seen);
	err_set(err, MG_CORRUPT, MG_CAUSE_PROOF,
		"%s: %s of %.80s is %s, but %s has recorded %s; %s; %s", why,
		zip ? "the zip" : "the .mod", ask_name(artifact->origin), artifact->h1,
		database_name(j->means->database), zip ? sums->zip : sums->mod, detail, seen);
}
