/* SPDX-License-Identifier: Apache-2.0 */
/* Lets the black box tests drive src/vcs/discovery and src/vcs/credential: vcs_find PATH [name=value …]. Prints one
 * JSON line a question: the place, or what failed. Names: map, rewrite, govcs, goinsecure, private, credentials,
 * netrc, known_hosts, ca_file, networks, times=N (one after the other), parallel=N, env=1 (prints what git would
 * get, secrets and all). A ".git" path is probed with a GET of its refs. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "text/json.h"
#include "upstream/upstream_fixture.h"
#include "vcs/discovery.h"

struct ask {
	const char *path;
	const char *map, *rewrite, *govcs, *credentials_env;
	const char *times, *parallel;
	struct credential_options secrets;
	struct discovery_options options;
	struct discovery *discovery;
	pthread_mutex_t print;
};

static enum mg_code probe(void *arg, const struct vcs_place *place, const struct cancel *cancel,
			  struct mg_err *err)
{
	struct ask *k = arg;
	struct mg_buf url = BUF_MAX(4096), body = BUF_MAX(1 << 20);
	struct upstream_answer answer = { .text = BUF_MAX(1024) };
	if (!span_has_prefix(place->url, SPAN("http")))
		return err_set(err, MG_UNAVAILABLE, MG_CAUSE_VCS, "only http is probed here");
	buf_printf(&url, "%.*s/info/refs?service=git-upload-pack", SPAN_ARG(place->url));
	const struct upstream_request rq = { .url = buf_span(&url),
					     .max_bytes = 0,
					     .cancel = cancel };
	enum mg_code rc = upstream_get(k->options.page.upstream, &rq, &answer, err);
	/* Its body is more than is allowed here, when there is one. */
	if (rc == MG_CORRUPT) rc = MG_OK;
	if (rc == MG_OK && answer.status != 0 && answer.status != 200)
		rc = err_set(err, MG_NOT_FOUND, MG_CAUSE_VCS, "it answered %d", answer.status);
	buf_deinit(&answer.text);
	buf_deinit(&url);
	buf_deinit(&body);
	return rc;
}

static void member(struct mg_buf *out, const char *key, struct mg_span value)
{
	buf_printf(out, "%s\"%s\":", out->n > 1 ? "," : "", key);
	json_quote(value, out);
}

static void put_env(struct ask *k, const struct vcs_place *place, struct arena *a,
		    struct mg_buf *out)
{
	char *const *env = NULL;
	struct mg_err err = { 0 };
	struct mg_span url = place->at.n > 0 ? place->at : place->url;
	enum mg_code rc = credential_env(k->options.page.credential, url, NULL, a, &env, &err);
	member(out, "env_error", span_of(rc == MG_OK ? "" : err.text));
	for (size_t i = 0; rc == MG_OK && env[i] != NULL; i++) {
		struct mg_span value = span_of(env[i]), name = span_cut(&value, '=');
		member(out, arena_strdup(a, name), value);
	}
}

static void *one(void *arg)
{
	struct ask *k = arg;
	struct arena a = ARENA_INIT;
	struct vcs_place p = { .kind = VCS_GIT };
	struct mg_err err = { 0 };
	struct mg_buf out = BUF_MAX(1 << 20);
	enum mg_code rc = discovery_find(k->discovery, span_of(k->path), NULL, &a, &p, &err);
	buf_append_char(&out, '{');
	member(&out, "code", span_of(err_code_name(rc)));
	member(&out, "cause", span_of(err_cause_name(rc == MG_OK ? MG_CAUSE_NONE : err.cause)));
	member(&out, "error", span_of(rc == MG_OK ? "" : err.text));
	member(&out, "kind", span_of(p.kind == VCS_PROXY ? "proxy" : "git"));
	member(&out, "root", p.root);
	member(&out, "url", p.url);
	member(&out, "at", p.at);
	member(&out, "subdir", p.subdir);
	member(&out, "pins", p.pins);
	member(&out, "protocols", p.protocols);
	if (rc == MG_OK && k->credentials_env != NULL) put_env(k, &p, &a, &out);
	buf_append_char(&out, '}');
	pthread_mutex_lock(&k->print);
	puts(buf_cstr(&out));
	fflush(stdout);
	pthread_mutex_unlock(&k->print);
	buf_deinit(&out);
	arena_deinit(&a);
	return NULL;
}

static void run(struct ask *k)
{
	uint64_t times = 1, parallel = 1;
	pthread_t threads[64];
	if (k->times != NULL) span_u64(span_of(k->times), 1000, &times);
	if (k->parallel != NULL) span_u64(span_of(k->parallel), 64, &parallel);
	for (uint64_t i = 0; i < times; i++) {
		for (uint64_t t = 0; t < parallel; t++)
			pthread_create(&threads[t], NULL, one, k);
		for (uint64_t t = 0; t < parallel; t++)
			pthread_join(threads[t], NULL);
	}
}

int main(int argc, char **argv)
{
	struct upstream_options o = UPSTREAM_FIXTURE_OPTIONS;
	struct ask k = { .options = { .found_ms = 60000, .absent_ms = 60000 },
			 .print = PTHREAD_MUTEX_INITIALIZER };
	const struct {
		const char *name, **value;
	} names[] = {
		{ "map", &k.map },
		{ "rewrite", &k.rewrite },
		{ "govcs", &k.options.govcs },
		{ "goinsecure", &k.options.page.insecure_globs },
		{ "private", &k.options.page.private_globs },
		{ "credentials", &k.secrets.file },
		{ "netrc", &k.secrets.netrc },
		{ "known_hosts", &k.secrets.known_hosts },
		{ "ca_file", &o.ca_file },
		{ "networks", &o.networks },
		{ "times", &k.times },
		{ "parallel", &k.parallel },
		{ "env", &k.credentials_env },
	};
	if (argc < 2) return 2;
	k.path = argv[1];
	for (int i = 2; i < argc; i++) {
		struct mg_span rest = span_of(argv[i]), name = span_cut(&rest, '=');
		bool known = false;
		for (size_t n = 0; rest.p != NULL && n < sizeof names / sizeof names[0]; n++) {
			if (!span_eq(name, span_of(names[n].name))) continue;
			*names[n].value = rest.p;
			known = true;
		}
		if (!known) {
			fprintf(stderr, "what is %s?\n", argv[i]);
			return 2;
		}
	}
	struct arena a = ARENA_INIT;
	struct mapping mapping;
	struct mg_err err;
	int status = 2;
	o.retries = 0;
	k.options.page.upstream = upstream_new(&o);
	k.options.page.credential = credential_new(&k.secrets, k.options.page.upstream);
	k.options.mapping = &mapping;
	k.options.probe = probe;
	k.options.arg = &k;
	if (mapping_parse(span_of(k.map), span_of(k.rewrite), &a, &mapping, &err) != MG_OK ||
	    discovery_new(&k.options, &k.discovery, &err) != MG_OK) {
		fprintf(stderr, "%s\n", err.text);
	} else {
		run(&k);
		status = 0;
	}
	discovery_free(&k.discovery);
	struct credential *c = k.options.page.credential;
	credential_free(&c);
	upstream_free(&k.options.page.upstream);
	arena_deinit(&a);
	return status;
}
