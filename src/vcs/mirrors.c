/* SPDX-License-Identifier: Apache-2.0 */
#include "vcs/mirrors.h"

#include <limits.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/log.h"
#include "crypto/sha256.h"
#include "vcs/mirror_internal.h"
#include "vcs/mirrorfolder.h"

#define IDLE_MS       600000 /* what is remembered of a mirror that nobody uses */
#define IDLE_MAX      256    /* more of them than that are forgotten at once */
#define PACKS_MAX     32
#define TRIM_EVERY_MS 60000

enum mg_code mirrors_new(const struct vcs_options *options, const char *git, struct mirrors **out,
			 struct mg_err *err)
{
	enum mg_code code = mirrorfolder_prepare(options->folder, err);
	if (code != MG_OK) return code;
	struct mirrors *ms = check_calloc(1, sizeof *ms);
	pthread_condattr_t how;

	ms->options = options;
	ms->git = git;
	pthread_mutex_init(&ms->mutex, NULL);
	pthread_condattr_init(&how);
	pthread_condattr_setclock(&how, CLOCK_MONOTONIC);
	pthread_cond_init(&ms->changed, &how);
	pthread_condattr_destroy(&how);
	*out = ms;
	return MG_OK;
}

static struct mirror *of_node(struct map_node *node)
{
	return (struct mirror *)(void *)((char *)node - offsetof(struct mirror, node));
}

static struct mirror_host *host_of_node(struct map_node *node)
{
	return (struct mirror_host *)(void *)((char *)node - offsetof(struct mirror_host, node));
}

/* The mutex is held, and nobody uses it. */
static void forget(struct mirror *m)
{
	map_remove(&m->all->by_url, &m->node);
	if (--m->host->mirrors == 0) {
		map_remove(&m->all->hosts, &m->host->node);
		free(m->host);
	}
	commitcache_deinit(&m->commits);
	remoterefs_release(&m->refs);
	free(m->url);
	free(m->path);
	free(m->at);
	free(m->pins);
	free(m->protocols);
	free(m);
}

static void forget_node(struct map_node *node, void *arg)
{
	MG_ASSERT(of_node(node)->users == 0);
	forget(of_node(node));
}

void mirrors_free(struct mirrors **msp)
{
	struct mirrors *ms = *msp;

	if (ms == NULL) return;
	*msp = NULL;
	map_each(&ms->by_url, forget_node, NULL);
	map_deinit(&ms->by_url);
	map_deinit(&ms->hosts);
	pthread_cond_destroy(&ms->changed);
	pthread_mutex_destroy(&ms->mutex);
	free(ms);
}

/* scheme "://" [ user "@" ] host …; what has no scheme is all host. */
static struct mg_span host_of(struct mg_span url)
{
	ptrdiff_t at = span_find(url, SPAN("://"));
	struct mg_span rest = at < 0 ? url : span_from(url, (size_t)at + 3),
		       host = span_cut(&rest, '/');
	ptrdiff_t user = span_last_index(host, '@');

	return span_from(host, (size_t)(user + 1));
}

static struct mirror_host *host_for(struct mirrors *ms, struct mg_span url)
{
	struct mg_span name = host_of(url);
	struct map_node *node = map_get(&ms->hosts, name);

	if (node != NULL) return host_of_node(node);
	struct mirror_host *h = check_calloc(1, sizeof *h + name.n + 1);
	memcpy(h + 1, name.p, name.n);
	h->node.key = span_make(h + 1, name.n);
	map_put(&ms->hosts, &h->node);
	return h;
}

static char *path_for(const struct mirrors *ms, struct mg_span url)
{
	struct sha256 h;
	uint8_t sum[SHA256_SIZE];
	char hex[2 * SHA256_SIZE];
	size_t n = strlen(ms->options->folder) + sizeof hex + 2;
	char *path = check_malloc(n);

	sha256_init(&h);
	sha256_update(&h, SPAN("git3:"));
	sha256_update(&h, url);
	sha256_final(&h, sum);
	hex_encode(sum, sizeof sum, hex);
	snprintf(path, n, "%s/%.*s", ms->options->folder, (int)sizeof hex, hex);
	return path;
}

struct mirror *mirrors_hold(struct mirrors *ms, struct mg_span url)
{
	struct mirror *m;

	pthread_mutex_lock(&ms->mutex);
	struct map_node *node = map_get(&ms->by_url, url);
	if (node != NULL) {
		m = of_node(node);
	} else {
		m = check_calloc(1, sizeof *m);
		m->all = ms;
		m->url = check_strndup(url.p, url.n);
		m->path = path_for(ms, url);
		m->host = host_for(ms, url);
		m->host->mirrors++;
		atomic_init(&m->growth, 0);
		atomic_init(&m->generation, 0);
		commitcache_init(&m->commits);
		m->node.key = span_make(m->url, url.n);
		map_put(&ms->by_url, &m->node);
	}
	m->users++;
	uint64_t now = clock_mono_ms();
	/* Once a minute is often enough for an age that is counted in days. */
	bool touch = m->touched_ms == 0 || now - m->touched_ms > 60000;
	if (touch) m->touched_ms = now;
	pthread_mutex_unlock(&ms->mutex);
	if (touch) mirrorfolder_touch(m->path);
	return m;
}

void mirrors_release(struct mirror **mp)
{
	struct mirror *m = *mp;

	if (m == NULL) return;
	*mp = NULL;
	struct mirrors *ms = m->all;
	pthread_mutex_lock(&ms->mutex);
	m->users--;
	pthread_mutex_unlock(&ms->mutex);
}

static void refresh_node(struct map_node *node, void *arg)
{
	of_node(node)->old_ms = clock_mono_ms();
}

void mirrors_refresh(struct mirrors *ms, struct mg_span url)
{
	pthread_mutex_lock(&ms->mutex);
	if (url.n == 0) {
		map_each(&ms->by_url, refresh_node, NULL);
	} else {
		struct map_node *node = map_get(&ms->by_url, url);
		if (node != NULL) refresh_node(node, NULL);
	}
	pthread_mutex_unlock(&ms->mutex);
}

/* ---- what is done behind the askers' backs ---- */

struct choice {
	struct mirrors *ms;
	uint64_t now_ms;
	struct mirror *found;
};

/* What nobody will be told any more: a repository may have a million refs. */
static void let_refs_go(struct mirror *m, uint64_t now_ms)
{
	const uint64_t fresh_ms = m->all->options->fresh_ms;

	if (m->refs == NULL || m->busy) return;
	if (m->refs->asked_ms < m->old_ms || m->refs->asked_ms + fresh_ms < now_ms)
		remoterefs_release(&m->refs);
}

static void forget_idle(struct map_node *node, void *arg)
{
	struct choice *c = arg;
	struct mirror *m = of_node(node);

	let_refs_go(m, c->now_ms);
	if (m->users > 0 || m->small_first) return;
	if (c->now_ms - m->touched_ms > IDLE_MS || c->ms->by_url.count > IDLE_MAX) forget(m);
}

static void choose_small(struct map_node *node, void *arg)
{
	struct choice *c = arg;

	if (c->found == NULL && of_node(node)->small_first && !of_node(node)->busy)
		c->found = of_node(node);
}

/* One that has taken its first commits, and is now held; NULL: none. */
static struct mirror *next_small(struct mirrors *ms)
{
	struct choice c = { .ms = ms };

	pthread_mutex_lock(&ms->mutex);
	map_each(&ms->by_url, choose_small, &c);
	if (c.found != NULL) {
		c.found->small_first = false;
		c.found->users++;
	}
	pthread_mutex_unlock(&ms->mutex);
	return c.found;
}

/* Brings all of it, if what it has is little, and packs what came in many pieces. */
static void complete(struct mirror *m, const struct cancel *cancel)
{
	const struct vcs_options *o = m->all->options;
	char *at, *pins, *protocols;
	uint64_t bytes;
	size_t packs;

	pthread_mutex_lock(&m->all->mutex);
	at = check_strndup(m->at, strlen(m->at));
	pins = check_strndup(m->pins, strlen(m->pins));
	protocols = check_strndup(m->protocols, strlen(m->protocols));
	bool large = m->large;
	enum reach reach = m->reach;
	pthread_mutex_unlock(&m->all->mutex);
	struct vcs_place place = { .kind = VCS_GIT,
				   .url = span_of(m->url),
				   .at = span_of(at),
				   .pins = span_of(pins),
				   .protocols = span_of(protocols),
				   .reach = reach };
	struct mirror_use u = { .mirror = m, .place = &place, .cancel = cancel, .unasked = true };
	mirrorfolder_measure(m->path, &bytes, &packs);
	if (packs > PACKS_MAX && mirror_enter(&u, NULL) == MG_OK) {
		mirror_pack(&u);
		mirror_leave(&u);
	}
	if (!large && bytes <= o->deepen_below && mirrorfolder_is_shallow(m->path)) {
		struct remoterefs *refs = NULL;
		struct mg_err err;
		enum mg_code code = mirror_refs(&u, &refs, &err);
		if (code == MG_OK) code = mirror_bring_all(&u, refs, &err);
		if (code != MG_OK && code != MG_CANCELED) {
			log_debug("a mirror stays shallow", LOG_S("url", m->url),
				  LOG_S("why", err.text));
			pthread_mutex_lock(&m->all->mutex);
			m->large = true;
			pthread_mutex_unlock(&m->all->mutex);
		}
		remoterefs_release(&refs);
	}
	free(at);
	free(pins);
	free(protocols);
}

struct candidate {
	char name[NAME_MAX + 1];
	int64_t used_s;
	uint64_t bytes;
};

static int by_age(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	return x->used_s < y->used_s ? -1 : x->used_s > y->used_s;
}

static struct candidate *list_all(const char *folder, size_t *n)
{
	struct candidate *v = NULL;
	size_t cap = 0;
	DIR *d = opendir(folder);
	struct dirent *e;

	*n = 0;
	while (d != NULL && (e = readdir(d)) != NULL) {
		char path[PATH_MAX];
		size_t packs;
		if (strlen(e->d_name) != 2 * SHA256_SIZE) continue;
		if (*n == cap) v = check_realloc(v, (cap = cap == 0 ? 64 : 2 * cap) * sizeof *v);
		struct candidate *c = &v[(*n)++];
		snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
		snprintf(c->name, sizeof c->name, "%s", e->d_name);
		c->used_s = mirrorfolder_used(path);
		mirrorfolder_measure(path, &c->bytes, &packs);
	}
	if (d != NULL) closedir(d);
	if (*n > 1) qsort(v, *n, sizeof *v, by_age);
	return v;
}

struct search {
	const char *path;
	struct mirror *found;
};

static void match_path(struct map_node *node, void *arg)
{
	struct search *s = arg;

	if (strcmp(of_node(node)->path, s->path) == 0) s->found = of_node(node);
}

/* Unless somebody uses it. Whoever comes meanwhile waits for the mutex. */
static bool remove_unused(struct mirrors *ms, const char *path)
{
	struct search s = { .path = path };
	char *aside = NULL;

	pthread_mutex_lock(&ms->mutex);
	map_each(&ms->by_url, match_path, &s);
	bool free_to_go = s.found == NULL || s.found->users == 0;
	if (free_to_go && s.found != NULL) forget(s.found);
	if (free_to_go) aside = mirrorfolder_set_aside(path);
	pthread_mutex_unlock(&ms->mutex);
	mirrorfolder_delete(aside);
	return free_to_go;
}

static void trim(struct mirrors *ms, const struct cancel *cancel)
{
	const struct vcs_options *o = ms->options;
	uint64_t total = 0;
	size_t n;
	struct candidate *v = list_all(o->folder, &n);

	for (size_t i = 0; i < n; i++)
		total += v[i].bytes;
	for (size_t i = 0; i < n && !cancel_is_set(cancel); i++) {
		char path[PATH_MAX];
		bool aged = o->mirrors_age_s > 0 &&
			    clock_wall_s() - v[i].used_s > (int64_t)o->mirrors_age_s;
		if (!aged && total <= o->mirrors_max) continue;
		snprintf(path, sizeof path, "%s/%s", o->folder, v[i].name);
		if (!remove_unused(ms, path)) continue;
		total -= v[i].bytes;
		log_info("a mirror was removed", LOG_S("folder", v[i].name),
			 LOG_I("bytes", v[i].bytes), LOG_S("why", aged ? "unused" : "space"));
	}
	free(v);
}

void mirrors_sweep(struct mirrors *ms, const struct cancel *cancel)
{
	struct choice c = { .ms = ms, .now_ms = clock_mono_ms() };
	struct mirror *m;

	while (!cancel_is_set(cancel) && (m = next_small(ms)) != NULL) {
		complete(m, cancel);
		mirrors_release(&m);
	}
	pthread_mutex_lock(&ms->mutex);
	map_each(&ms->by_url, forget_idle, &c);
	bool due = ms->trimmed_ms == 0 || c.now_ms - ms->trimmed_ms > TRIM_EVERY_MS;
	if (due) ms->trimmed_ms = c.now_ms;
	pthread_mutex_unlock(&ms->mutex);
	if (due) trim(ms, cancel);
}
