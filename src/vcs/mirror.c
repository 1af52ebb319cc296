/* SPDX-License-Identifier: Apache-2.0 */
#include "vcs/mirror.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "vcs/gitfault.h"
#include "vcs/mirror_internal.h"
#include "vcs/mirrorfolder.h"
#include "vcs/mirrorhttp.h"

#define TICK_MS  200
#define REFS_MAX (256u << 20) /* bytes that a remote may say of its refs */
#define ARGS_MAX 16
#define YOUNG_MS 60000
#define WHOLE_FACTOR                                                                               \
	16 /* a mirror made whole unasked may grow so often the size that was small enough */

/* Where HEAD is kept when it may lead to what no branch does. */
#define HEAD_REF  "refs/modgate/head"
#define HEAD_SPEC "+HEAD:" HEAD_REF

/* ---- taking turns ---- */

/* Waits for a change, a tick at most. The mutex is held. */
static void wait_a_tick(struct mirrors *ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += TICK_MS * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_nsec -= 1000000000L;
		until.tv_sec++;
	}
	pthread_cond_timedwait(&ms->changed, &ms->mutex, &until);
}

/* A rate with bursts of a second's worth: due_ms runs ahead of the clock by what was taken (GCRA). */
static bool host_is_free(const struct mirror_host *h, const struct vcs_options *o)
{
	return h->running < o->per_host && h->due_ms <= clock_mono_ms() + 1000;
}

static void host_takes(struct mirror_host *h, const struct vcs_options *o)
{
	uint64_t now = clock_mono_ms();

	h->due_ms = (h->due_ms > now ? h->due_ms : now) + 1000 / o->per_host_s;
}

static void keep(char **field, struct mg_span value)
{
	if (*field != NULL && span_eq(span_of(*field), value)) return;
	free(*field);
	*field = check_strndup(value.n > 0 ? value.p : "", value.n);
}

struct mg_span mirror_remote(const struct vcs_place *place)
{
	return place->at.n > 0 ? place->at : place->url;
}

/* The mutex is held. */
static enum mg_code enter_locked(const struct mirror_use *u, struct mg_err *err)
{
	struct mirror *m = u->mirror;
	struct mirrors *ms = m->all;
	uint64_t until = clock_mono_ms() + ms->options->command_ms;

	while (m->busy || !host_is_free(m->host, ms->options)) {
		if (cancel_is_set(u->cancel))
			return err_set(err, MG_CANCELED, MG_CAUSE_NONE,
				       "nobody waits for it any more");
		if (clock_mono_ms() > until)
			return err_set(err, MG_TIMEOUT, MG_CAUSE_VCS,
				       "git repository %s: others have kept it busy for %u s",
				       m->url, ms->options->command_ms / 1000);
		wait_a_tick(ms);
	}
	host_takes(m->host, ms->options);
	m->busy = true;
	m->host->running++;
	keep(&m->at, mirror_remote(u->place));
	keep(&m->pins, u->place->pins);
	keep(&m->protocols, u->place->protocols);
	m->reach = u->place->reach;
	return MG_OK;
}

enum mg_code mirror_enter(const struct mirror_use *u, struct mg_err *err)
{
	struct mirrors *ms = u->mirror->all;

	pthread_mutex_lock(&ms->mutex);
	enum mg_code code = enter_locked(u, err);
	pthread_mutex_unlock(&ms->mutex);
	return code;
}

static void leave_locked(const struct mirror_use *u)
{
	u->mirror->busy = false;
	u->mirror->host->running--;
	pthread_cond_broadcast(&u->mirror->all->changed);
}

void mirror_leave(const struct mirror_use *u)
{
	struct mirrors *ms = u->mirror->all;

	pthread_mutex_lock(&ms->mutex);
	leave_locked(u);
	pthread_mutex_unlock(&ms->mutex);
}

/* ---- asking the remote ---- */

/* A command that talks to the remote, named "origin" in its args. */
struct remote_command {
	const char *folder;
	const char *const *args;
	uint64_t output_max, write_max;
	struct mg_buf *output; /* NULL: none is wanted */
};

static enum mg_code take_output(void *arg, struct mg_span piece, struct mg_err *err)
{
	struct mg_buf *out = arg;

	if (out != NULL && !buf_append(out, piece))
		return err_set(err, MG_CORRUPT, MG_CAUSE_VCS, "git writes more than it may");
	return MG_OK;
}

/* Arguments are seen by every user of the machine: what is secret comes by the environment. */
static enum mg_code talk(const struct mirror_use *u, const struct remote_command *c,
			 struct mg_err *err)
{
	const struct vcs_options *o = u->mirror->all->options;
	struct arena a = ARENA_INIT;
	const char *config[4] = { 0 };
	struct mg_buf complaint = BUF_MAX(8192);
	char *const *env = NULL;
	int status = 0;
	enum mg_code code = MG_OK;
	const struct mg_span url = mirror_remote(u->place);

	config[0] = arena_printf(&a, "remote.origin.url=%.*s", SPAN_ARG(url));
	if (u->place->pins.n > 0)
		config[1] = arena_printf(&a, "http.curloptResolve=%.*s", SPAN_ARG(u->place->pins));
	if (o->guide.access != NULL)
		code = o->guide.access(o->guide.arg, url, u->cancel, &a, &env, err);
	if (code == MG_OK) {
		struct gitcmd_spec spec = {
			.git = u->mirror->all->git,
			.folder = c->folder,
			.args = c->args,
			.config = config,
			.env = env,
			.protocols = u->place->protocols.n > 0
					     ? arena_strdup(&a, u->place->protocols)
					     : "https:ssh",
			.cancel = u->cancel,
			.ruleset = o->child_ruleset,
			.limit_ms = o->command_ms,
			.output_max = c->output_max,
			.write_max = c->write_max,
		};
		code = gitcmd_run(&spec, take_output, c->output, &status, &complaint, err);
		if (code == MG_TIMEOUT) err_wrap(err, "git repository %.*s", SPAN_ARG(url));
	}
	if (code == MG_OK && status != 0)
		code = gitfault_of_remote(err, url, buf_span(&complaint), status);
	buf_deinit(&complaint);
	arena_deinit(&a);
	return code;
}

static enum mg_code ask_refs(const struct mirror_use *u, struct remoterefs **out,
			     struct mg_err *err)
{
	static const char *const args[] = { "ls-remote", "-q", "--end-of-options", "origin", NULL };
	struct mg_buf text = BUF_MAX(REFS_MAX);
	uint64_t asked_ms = clock_mono_ms();
	struct remote_command c = { .folder = u->mirror->all->options->folder,
				    .args = args,
				    .output_max = REFS_MAX,
				    .output = &text };
	bool spoken = mirrorhttp_may(u);
	enum mg_code code = MG_OK;

	if (spoken) code = mirrorhttp_refs(u, &text, &spoken, err);
	if (!spoken) code = talk(u, &c, err);
	if (code == MG_OK) code = remoterefs_parse(&text, out, err);
	if (code == MG_OK) (*out)->asked_ms = asked_ms;
	buf_deinit(&text);
	return code;
}

/* What is remembered and was asked for at `since` or later. The mutex is held. */
static bool remembered(struct mirror *m, uint64_t since, struct remoterefs **out)
{
	if (m->refs == NULL || m->refs->asked_ms < since) return false;
	*out = remoterefs_hold(m->refs);
	return true;
}

/* Asks, being alone in the mirror, and leaves it. */
static enum mg_code renew_refs(const struct mirror_use *u, struct remoterefs **out,
			       struct mg_err *err)
{
	struct mirror *m = u->mirror;
	struct remoterefs *got = NULL;
	struct mg_err why = { 0 };
	enum mg_code code = ask_refs(u, &got, &why);

	pthread_mutex_lock(&m->all->mutex);
	if (code == MG_OK) {
		remoterefs_release(&m->refs);
		m->refs = got;
		*out = remoterefs_hold(got);
	} else if (code != MG_CANCELED) {
		m->failed_ms = clock_mono_ms();
		m->failure = why;
	}
	leave_locked(u);
	pthread_mutex_unlock(&m->all->mutex);
	if (code != MG_OK && err != NULL) *err = why;
	return code;
}

static enum mg_code refs_since(const struct mirror_use *u, uint64_t since, struct remoterefs **out,
			       struct mg_err *err)
{
	struct mirror *m = u->mirror;
	struct mirrors *ms = m->all;
	uint64_t began_ms = clock_mono_ms();
	enum mg_code code = MG_OK;
	bool done;

	pthread_mutex_lock(&ms->mutex);
	if (since < m->old_ms) since = m->old_ms;
	done = remembered(m, since, out);
	if (!done) {
		code = enter_locked(u, err);
		done = code != MG_OK;
		/* Somebody may have asked while we waited. */
		if (!done && remembered(m, since, out)) {
			done = true;
			leave_locked(u);
		} else if (!done && m->failed_ms > began_ms) {
			done = true;
			code = m->failure.code;
			if (err != NULL) *err = m->failure;
			leave_locked(u);
		}
	}
	pthread_mutex_unlock(&ms->mutex);
	return done ? code : renew_refs(u, out, err);
}

enum mg_code mirror_refs(const struct mirror_use *u, struct remoterefs **out, struct mg_err *err)
{
	uint64_t now = clock_mono_ms(), fresh = u->mirror->all->options->fresh_ms;

	return refs_since(u, now > fresh ? now - fresh : 0, out, err);
}

enum mg_code mirror_refs_again(const struct mirror_use *u, struct remoterefs **out,
			       struct mg_err *err)
{
	return refs_since(u, clock_mono_ms(), out, err);
}

/* ---- growing ---- */

unsigned mirror_growth(const struct mirror *m)
{
	return atomic_load_explicit(&m->growth, memory_order_acquire);
}

unsigned mirror_generation(const struct mirror *m)
{
	return atomic_load_explicit(&m->generation, memory_order_acquire);
}

struct commitcache *mirror_commits(struct mirror *m)
{
	return &m->commits;
}

bool mirror_is_there(const struct mirror *m)
{
	return mirrorfolder_fits(m->path, 40) || mirrorfolder_fits(m->path, 64);
}

/* Busy. What was known of it is void. */
static void throw_away(struct mirror *m)
{
	mirrorfolder_remove(m->path);
	commitcache_clear(&m->commits);
	m->whole = false;
	atomic_fetch_add_explicit(&m->growth, 1, memory_order_release);
	atomic_fetch_add_explicit(&m->generation, 1, memory_order_release);
}

/* Busy: a folder to fetch into. *made: it is empty. */
static enum mg_code make_ready(struct mirror *m, size_t hash_n, bool *made, struct mg_err *err)
{
	*made = false;
	if (!mirrorfolder_fits(m->path, hash_n)) {
		if (mirror_is_there(m)) throw_away(m);
		*made = true;
		m->clean = true;
		m->made_ms = clock_mono_ms();
		return mirrorfolder_make(m->path, hash_n, m->url, err);
	}
	if (!m->clean) mirrorfolder_clean(m->path);
	m->clean = true;
	return MG_OK;
}

/* Is it the mirror's fault, as far as anybody can tell? */
static bool is_ours(enum mg_code code, enum mg_cause cause)
{
	return code == MG_CORRUPT || (code == MG_UNAVAILABLE && cause == MG_CAUSE_VCS);
}

/* Busy. A mirror that cannot grow is made anew, once. specs: up to a NULL. */
static enum mg_code fetch(const struct mirror_use *u, size_t hash_n, bool whole,
			  const char *const *specs, struct mg_err *err)
{
	struct mirror *m = u->mirror;
	const struct vcs_options *o = m->all->options;
	struct mg_err why = { 0 };
	enum mg_code code;
	bool made = false;

	do {
		const char *args[ARGS_MAX] = { "fetch", "-q", "-f", "--no-tags",
					       "--no-write-fetch-head" };
		size_t n = 5;
		struct remote_command c = {
			.folder = m->path,
			.args = args,
			.output_max = 1 << 20,
			.write_max = u->unasked ? (uint64_t)WHOLE_FACTOR * o->deepen_below
						: o->fetch_max,
		};
		code = make_ready(m, hash_n, &made, &why);
		if (code != MG_OK) break;
		args[n++] = whole ? "--prune" : "--depth=1";
		if (whole && mirrorfolder_is_shallow(m->path)) args[n++] = "--unshallow";
		args[n++] = "--end-of-options";
		args[n++] = "origin";
		for (size_t i = 0; specs[i] != NULL; i++)
			args[n++] = specs[i];
		MG_ASSERT(n < ARGS_MAX);
		code = talk(u, &c, &why);
		if (code == MG_OK) break;
		mirrorfolder_clean(m->path);
		if (made || u->unasked || !is_ours(code, why.cause)) break;
		log_warn("a mirror is made anew", LOG_S("url", m->url), LOG_S("why", why.text));
		throw_away(m);
	} while (true);
	if (code != MG_OK && err != NULL) *err = why;
	if (code == MG_OK) atomic_fetch_add_explicit(&m->growth, 1, memory_order_release);
	return code;
}

/* Busy: one commit, without git's transport. */
static enum mg_code fetch_by_ourselves(const struct mirror_use *u, struct mg_span commit,
				       struct mg_err *err)
{
	struct mirror *m = u->mirror;
	bool made = false;

	enum mg_code code = make_ready(m, commit.n, &made, err);
	if (code == MG_OK) code = mirrorhttp_bring(u, commit, made, err);
	if (code == MG_OK)
		atomic_fetch_add_explicit(&m->growth, 1, memory_order_release);
	else
		mirrorfolder_clean(m->path);
	return code;
}

/* Could the name be anything but a ref in a refspec, or one that git would not take? Remotes name their refs as
 * they like. (git-check-ref-format(1)) */
static bool is_plain(struct mg_span name)
{
	for (size_t i = 0; i < name.n; i++) {
		unsigned char c = (unsigned char)name.p[i];
		if (c <= ' ' || c == 0x7f || strchr("~^:?*[\\", c) != NULL) return false;
	}
	return span_find(name, SPAN("..")) < 0 && span_find(name, SPAN("@{")) < 0;
}

/* Another name for where HEAD leads to, which costs no ref of ours; HEAD itself when there is none. */
static struct mg_span fetched_as(const struct remoterefs *refs, const struct remoteref *ref)
{
	if (!span_eq(ref->name, SPAN("HEAD"))) return ref->name;
	for (size_t i = 0; i < refs->n; i++)
		if (&refs->v[i] != ref && span_eq(refs->v[i].hash, ref->hash) &&
		    is_plain(refs->v[i].name))
			return refs->v[i].name;
	return ref->name;
}

enum mg_code mirror_bring(const struct mirror_use *u, const struct remoterefs *refs,
			  const struct remoteref *ref, unsigned seen, enum mirror_way *way,
			  struct mg_err *err)
{
	struct mirror *m = u->mirror;
	struct mg_span name = fetched_as(refs, ref);
	struct arena a = ARENA_INIT;

	if (!is_plain(name))
		return err_set(err, MG_NOT_FOUND, MG_CAUSE_VCS, "git takes no ref of that name");
	enum mg_code code = mirror_enter(u, err);
	if (code != MG_OK) return code;
	if (mirror_growth(m) == seen) {
		struct mg_span to = span_eq(name, SPAN("HEAD")) ? SPAN(HEAD_REF) : name;
		struct mg_err why = { 0 };
		/* Asked for by its hash, git need not ask for the refs again. What a server does not advertise, such as
		 * the commit of an annotated tag, some give only by the name. */
		const char *specs[2] = { arena_printf(&a, "+%.*s:%.*s", SPAN_ARG(ref->hash),
						      SPAN_ARG(to)) };
		const bool ours = *way == MIRROR_UNASKED && mirrorhttp_may(u);
		if (ours) code = fetch_by_ourselves(u, ref->hash, &why);
		/* What we brought, and that no object lacked another, is not there. */
		if (*way == MIRROR_BY_US) {
			log_warn("a mirror is made anew", LOG_S("url", m->url),
				 LOG_S("why", "it lacks a commit that it was given"));
			throw_away(m);
		}
		*way = ours && (code == MG_OK || code == MG_CANCELED) ? MIRROR_BY_US
								      : MIRROR_BY_GIT;
		if (*way == MIRROR_BY_GIT) code = fetch(u, refs->hash_n, false, specs, &why);
		if (code == MG_UNAVAILABLE && why.cause == MG_CAUSE_HTTP) {
			specs[0] = arena_printf(&a, "+%.*s:%.*s", SPAN_ARG(name), SPAN_ARG(to));
			code = fetch(u, refs->hash_n, false, specs, &why);
		}
		if (code != MG_OK && err != NULL) *err = why;
		pthread_mutex_lock(&m->all->mutex);
		if (code == MG_OK && !m->whole) m->small_first = true;
		pthread_mutex_unlock(&m->all->mutex);
	}
	mirror_leave(u);
	arena_deinit(&a);
	return code;
}

enum mg_code mirror_bring_all(const struct mirror_use *u, const struct remoterefs *refs,
			      struct mg_err *err)
{
	const char *specs[4] = { "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*" };
	const struct remoteref *head = remoterefs_find(refs, SPAN("HEAD"));
	struct mirror *m = u->mirror;

	enum mg_code code = mirror_enter(u, err);
	if (code != MG_OK) return code;
	if (!m->whole || !mirrorfolder_fits(m->path, refs->hash_n) ||
	    memcmp(m->whole_sum, refs->sum, sizeof m->whole_sum) != 0) {
		if (head != NULL) specs[2] = HEAD_SPEC;
		code = fetch(u, refs->hash_n, true, specs, err);
		m->whole = code == MG_OK;
		memcpy(m->whole_sum, refs->sum, sizeof m->whole_sum);
	}
	mirror_leave(u);
	return code;
}

/* ---- reading ---- */

static void reader_of(const struct mirror_use *u, struct gitcmd_spec *spec)
{
	const struct vcs_options *o = u->mirror->all->options;

	*spec = (struct gitcmd_spec){
		.git = u->mirror->all->git,
		.folder = u->mirror->path,
		.cancel = u->cancel,
		.ruleset = o->child_ruleset,
		.limit_ms = o->command_ms,
		.output_max = UINT64_MAX,
	};
}

enum mg_code mirror_reader(const struct mirror_use *u, struct gitcmd_spec *spec, struct mg_err *err)
{
	reader_of(u, spec);
	if (mirror_is_there(u->mirror)) return MG_OK;
	mirror_discard(u);
	return err_set(err, MG_CORRUPT, MG_CAUSE_STORAGE, "the mirror of its repository is gone");
}

enum mg_code mirror_read(const struct mirror_use *u, const struct gitcmd_spec *spec,
			 enum mg_code (*take)(void *arg, struct mg_span piece, struct mg_err *err),
			 void *arg, struct mg_err *err)
{
	struct mg_buf complaint = BUF_MAX(8192);
	int status = 0;

	enum mg_code code = gitcmd_run(spec, take, arg, &status, &complaint, err);
	if (code == MG_OK && status != 0) {
		code = gitfault_of_mirror(err, buf_span(&complaint), status);
		if (code == MG_CORRUPT) mirror_discard(u);
	}
	buf_deinit(&complaint);
	return code;
}

void mirror_discard(const struct mirror_use *u)
{
	struct mirror *m = u->mirror;

	if (mirror_enter(u, NULL) != MG_OK) return;
	/* What is wrong with one that was made a moment ago is not its age. */
	if (m->made_ms == 0 || clock_mono_ms() - m->made_ms > YOUNG_MS || !mirror_is_there(m)) {
		log_warn("a mirror is thrown away, it is damaged", LOG_S("url", m->url));
		throw_away(m);
	}
	mirror_leave(u);
}

void mirror_pack(const struct mirror_use *u)
{
	static const char *const packs[] = { "repack", "-a", "-d", "-k", "-q", NULL };
	static const char *const refs[] = { "pack-refs", "--all", NULL };
	const char *const *const all[] = { packs, refs };

	for (size_t i = 0; i < 2; i++) {
		struct gitcmd_spec spec;
		int status;
		reader_of(u, &spec);
		spec.args = all[i];
		spec.write_max = u->mirror->all->options->fetch_max;
		if (gitcmd_run(&spec, NULL, NULL, &status, NULL, NULL) != MG_OK) break;
	}
	mirrorfolder_clean(u->mirror->path);
}
