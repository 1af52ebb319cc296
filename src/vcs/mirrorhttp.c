/* SPDX-License-Identifier: Apache-2.0 */
#include "vcs/mirrorhttp.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "vcs/mirrorfolder.h"
#include "crypto/secretfile.h"
#include "vcs/smarthttp.h"

#define LOGIN_MAX (64u << 10)
#define HAVE_MAX  (64u << 10) /* bytes of the hashes of commits that need not be sent again */

bool mirrorhttp_may(const struct mirror_use *u)
{
	const struct mg_span url = mirror_remote(u->place);
	return u->mirror->all->options->upstream != NULL && !u->mirror->only_git &&
	       (span_has_prefix(url, SPAN("https://")) || span_has_prefix(url, SPAN("http://")));
}

/* Who is asked, and with which login; its bytes are the caller's to forget. */
static enum mg_code address(const struct mirror_use *u, struct mg_buf *login, struct smarthttp *out,
			    struct mg_err *err)
{
	const struct vcs_options *o = u->mirror->all->options;
	const struct mg_span url = mirror_remote(u->place);
	enum mg_code code = MG_OK;
	if (o->guide.login != NULL)
		code = o->guide.login(o->guide.arg, url, u->cancel, login, err);
	else
		buf_append(login, url);
	if (code == MG_OK && buf_failed(login))
		code = err_set(err, MG_NOT_FOUND, MG_CAUSE_VCS, "the repository's URL is too long");
	*out = (struct smarthttp){ .upstream = o->upstream,
				   .url = url,
				   .login = buf_span(login),
				   .reach = u->place->reach,
				   .cancel = u->cancel,
				   .until_ms = clock_mono_ms() + o->command_ms };
	return code;
}

/* Is it the fault of how it was asked, as far as anybody can tell? */
static bool is_of_protocol(enum mg_code code, enum mg_cause cause)
{
	return (code == MG_CORRUPT || code == MG_UNAVAILABLE) &&
	       (cause == MG_CAUSE_HTTP || cause == MG_CAUSE_UPSTREAM);
}

static enum mg_code refs_of(const struct mirror_use *u, const struct smarthttp *s,
			    struct mg_buf *text, bool *spoken, struct mg_err *err)
{
	struct mirror *m = u->mirror;
	if (m->hash_n == 0) m->hash_n = u->place->hash_n;
	/* What was known of it may have changed: then it is greeted once more. */
	for (bool greeted = false;;) {
		enum mg_code code = MG_OK;
		if (m->hash_n == 0) {
			greeted = true;
			code = smarthttp_greet(s, &m->hash_n, err);
			if (code != MG_OK) return code;
		}
		*spoken = m->hash_n > 0;
		if (!*spoken) {
			m->only_git = true;
			return MG_OK;
		}
		buf_clear(text);
		code = smarthttp_refs(s, m->hash_n, text, err);
		if (code == MG_OK || greeted || !is_of_protocol(code, err->cause)) return code;
		m->hash_n = 0;
	}
}

enum mg_code mirrorhttp_refs(const struct mirror_use *u, struct mg_buf *text, bool *spoken,
			     struct mg_err *err)
{
	struct mg_buf login = BUF_MAX(LOGIN_MAX);
	struct smarthttp s;
	*spoken = true;
	enum mg_code code = address(u, &login, &s, err);
	if (code == MG_OK) code = refs_of(u, &s, text, spoken, err);
	secretfile_forget(&login);
	return code;
}

/* ---- a commit ---- */

static enum mg_code into_git(void *arg, struct mg_span bytes, struct mg_err *err)
{
	return gitcmd_send(arg, bytes, err);
}

/* The git that takes the pack. It links what comes with what is there and refuses what lacks anything, so that no
 * object that never came passes for a file that there is not; where history ends is for the moment as the lock says. */
static enum mg_code start_indexing(const struct mirror_use *u, struct arena *a, struct gitcmd **out,
				   struct mg_err *err)
{
	const struct vcs_options *o = u->mirror->all->options;
	const char *const args[] = { "--shallow-file",
				     arena_printf(a, "%s/shallow.lock", u->mirror->path),
				     "index-pack",
				     "--stdin",
				     "--fix-thin",
				     "--check-self-contained-and-connected",
				     NULL };
	const struct gitcmd_spec spec = {
		.git = u->mirror->all->git,
		.folder = u->mirror->path,
		.args = args,
		.cancel = u->cancel,
		.ruleset = o->child_ruleset,
		.talks = true,
		.limit_ms = o->command_ms,
		.output_max = 4096,
		.write_max = o->fetch_max,
	};
	return gitcmd_start(&spec, out, err);
}

/* Its end: 1 says that what came needs what was there before. */
static enum mg_code finish_indexing(struct gitcmd *c, struct mg_err *err)
{
	char word[256];
	size_t got = 1;
	int status = 0;
	gitcmd_send_end(c);
	enum mg_code code = MG_OK;
	while (code == MG_OK && got > 0)
		code = gitcmd_read(c, word, sizeof word, &got, err);
	if (code == MG_OK) code = gitcmd_wait(c, &status, err);
	if (code != MG_OK || status == 0 || status == 1) return code;
	const struct mg_span words = span_trim(gitcmd_complaint(c));
	return err_set(err, MG_UNAVAILABLE, MG_CAUSE_VCS, "what came is no pack: %.*s",
		       SPAN_ARG(span_first(words, 200)));
}

static enum mg_code bring(const struct mirror_use *u, const struct smarthttp *s,
			  const struct protocol2_want *want, struct mg_err *err)
{
	const uint64_t max = u->mirror->all->options->fetch_max;
	struct arena a = ARENA_INIT;
	struct gitcmd *git = NULL;
	/* It starts while the server is thinking. */
	enum mg_code code = start_indexing(u, &a, &git, err);
	struct protocol2_pack pack = { .commit = want->commit, .write = into_git, .arg = git };
	if (code == MG_OK) code = smarthttp_pack(s, want, max, &pack, err);
	if (code == MG_OK) code = finish_indexing(git, err);
	gitcmd_end(&git);
	if (code == MG_OK)
		code = mirrorfolder_take(u->mirror->path, want->commit, pack.is_shallow, err);
	arena_deinit(&a);
	return code;
}

enum mg_code mirrorhttp_bring(const struct mirror_use *u, struct mg_span commit, bool is_new,
			      struct mg_err *err)
{
	struct mg_buf login = BUF_MAX(LOGIN_MAX), have = BUF_MAX(HAVE_MAX);
	struct smarthttp s;
	enum mg_code code = address(u, &login, &s, err);
	/* Of a mirror with history only git knows which commits are there. */
	if (code == MG_OK && !is_new) code = mirrorfolder_read_shallow(u->mirror->path, &have, err);
	if (code == MG_OK)
		code = mirrorfolder_lock_shallow(u->mirror->path, buf_span(&have), commit, err);
	if (code == MG_OK) {
		const struct protocol2_want want = { .commit = commit, .have = buf_span(&have) };
		code = bring(u, &s, &want, err);
	}
	if (code != MG_OK && code != MG_CANCELED)
		log_debug("git is asked for what was not got otherwise",
			  LOG_SP("url", mirror_remote(u->place)), LOG_S("why", err->text));
	secretfile_forget(&login);
	buf_deinit(&have);
	return code;
}
