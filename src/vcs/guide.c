/* SPDX-License-Identifier: Apache-2.0 */
#include "vcs/guide.h"

#include <stdlib.h>

#include "base/check.h"
#include "vcs/discovery.h"

struct guide {
	struct arena arena; /* of the mapping */
	struct mapping mapping;
	struct gopage_options page;
	struct credential *credential;
	struct discovery *discovery;
	struct vcs *vcs;
};

static enum mg_code probe(void *arg, const struct vcs_place *place, const struct cancel *cancel,
			  struct mg_err *err)
{
	const struct guide *g = arg;
	MG_ASSERT(g->vcs != NULL);
	return vcs_probe(g->vcs, place, cancel, err);
}

static enum mg_code find(void *arg, struct mg_span path, const struct cancel *cancel,
			 struct arena *a, struct vcs_place *out, struct mg_err *err)
{
	const struct guide *g = arg;
	return discovery_find(g->discovery, path, cancel, a, out, err);
}

static enum mg_code give_access(void *arg, struct mg_span url, const struct cancel *cancel,
				struct arena *a, char *const **env, struct mg_err *err)
{
	const struct guide *g = arg;
	return credential_env(g->credential, url, cancel, a, env, err);
}

static enum mg_code put_login(void *arg, struct mg_span url, const struct cancel *cancel,
			      struct mg_buf *out, struct mg_err *err)
{
	const struct guide *g = arg;
	return gopage_put_login(&g->page, url, cancel, out, err);
}

enum mg_code guide_new(const struct guide_options *o, struct guide **out, struct mg_err *err)
{
	struct guide *g = check_calloc(1, sizeof *g);
	const struct credential_options secrets = { .file = o->credentials,
						    .netrc = o->netrc,
						    .known_hosts = o->known_hosts,
						    .ca_file = o->ca_file };
	enum mg_code rc =
		mapping_parse(span_of(o->map), span_of(o->rewrite), &g->arena, &g->mapping, err);
	if (rc == MG_OK) {
		g->credential = credential_new(&secrets, o->upstream);
		g->page = (struct gopage_options){ .upstream = o->upstream,
						   .credential = g->credential,
						   .insecure_globs = o->goinsecure,
						   .private_globs = o->private_globs };
		const struct discovery_options d = {
			.page = g->page,
			.mapping = &g->mapping,
			.govcs = o->govcs,
			.found_ms = o->found_ms,
			.absent_ms = o->absent_ms,
			.probe = probe,
			.arg = g,
		};
		rc = discovery_new(&d, &g->discovery, err);
	}
	if (rc == MG_OK)
		*out = g;
	else
		guide_free(&g);
	return rc;
}

void guide_free(struct guide **gp)
{
	struct guide *g = *gp;
	if (g == NULL) return;
	discovery_free(&g->discovery);
	credential_free(&g->credential);
	arena_deinit(&g->arena);
	free(g);
	*gp = NULL;
}

struct vcs_guide guide_functions(struct guide *g)
{
	return (struct vcs_guide){
		.find = find, .access = give_access, .login = put_login, .arg = g
	};
}

void guide_use(struct guide *g, struct vcs *v)
{
	g->vcs = v;
}
