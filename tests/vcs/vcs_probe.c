/* SPDX-License-Identifier: Apache-2.0 */
/* Drives vcs/vcs.h for the tests in tests/vcs: vcs_probe FOLDER PROTOCOLS ROOT=URL[ SUBDIR]..., where FOLDER takes the
 * mirrors; MIRRORS_MAX in the environment is how many bytes of them may stay, and with OWN_HTTP set
 * http(s) repositories are asked by ourselves where that is known to work, else git asks. Each line of the input is one order, each answered by a line "microseconds code text":
 *   list PATH | latest PATH | stat PATH REV | mod PATH VERSION | tag PATH VERSION | zip PATH VERSION [FILE]
 *   cancel MS ORDER...    the same, canceled MS milliseconds after it began
 *   times N ORDER...      the same N times, one after the other; the last answer
 *   crowd N ORDER...      by N threads at once, with %d in it replaced by 0 … N-1; how often each code came
 *   sweep | refresh PATH | resident
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "gomod/dirhash.h"
#include "upstream/upstream.h"
#include "vcs/vcs.h"

static char **mappings;
static const char *protocols;
static struct vcs *v;

static enum mg_code find(void *arg, struct mg_span path, const struct cancel *cancel,
			 struct arena *a, struct vcs_place *out, struct mg_err *err)
{
	for (char **m = mappings; *m != NULL; m++) {
		struct mg_span url = span_of(*m), root = span_cut(&url, '='), subdir = url;
		url = span_cut(&subdir, ' ');
		if (!span_has_prefix(path, root) || (path.n > root.n && path.p[root.n] != '/'))
			continue;
		*out = (struct vcs_place){ .kind = VCS_GIT,
					   .root = root,
					   .url = url,
					   .subdir = subdir.p != NULL ? subdir : SPAN(""),
					   .protocols = span_of(protocols) };
		return MG_OK;
	}
	return err_set(err, MG_NOT_FOUND, MG_CAUSE_VCS, "no mapping");
}

static enum mg_code write_zip(void *arg, struct mg_span bytes, struct mg_err *err)
{
	if (arg == NULL || fwrite(bytes.p, 1, bytes.n, arg) == bytes.n) return MG_OK;
	return err_set(err, MG_UNAVAILABLE, MG_CAUSE_STORAGE, "the zip's file cannot be written");
}

static enum mg_code zip(struct vcs_module *m, struct mg_span version, struct mg_span file,
			struct mg_buf *out, struct mg_err *err)
{
	char h1[DIRHASH_SIZE] = "";
	char name[4096];
	struct vcs_sink sink = { .write = write_zip };

	snprintf(name, sizeof name, "%.*s", SPAN_ARG(file));
	if (file.n > 0) sink.arg = fopen(name, "wb");
	enum mg_code code = vcs_zip(m, version, 0, &sink, h1, err);
	if (sink.arg != NULL) fclose(sink.arg);
	buf_append_str(out, h1);
	return code;
}

static void print_version(const struct vcs_version *version, struct mg_buf *out)
{
	char when[21];

	clock_rfc3339(version->time_s, when);
	buf_printf(out, "%.*s %s %.*s %.*s %.*s", SPAN_ARG(version->version), when,
		   SPAN_ARG(version->hash), SPAN_ARG(version->ref), SPAN_ARG(version->subdir));
}

static enum mg_code run(struct vcs_module *m, struct mg_span verb, struct mg_span rest,
			struct arena *a, struct mg_buf *out, struct mg_err *err)
{
	struct mg_span version = span_cut(&rest, ' ');
	struct vcs_version found;
	enum mg_code code = MG_INVALID;

	if (span_eq(verb, SPAN("list"))) {
		struct verlist list = VERLIST_INIT;
		code = vcs_list(m, &list, err);
		for (size_t i = 0; i < list.n; i++)
			buf_printf(out, "%s%.*s", i > 0 ? " " : "", SPAN_ARG(list.v[i]));
		(void)a;
	} else if (span_eq(verb, SPAN("latest")) || span_eq(verb, SPAN("stat"))) {
		code = version.n > 0 ? vcs_stat(m, version, &found, err)
				     : vcs_latest(m, &found, err);
		if (code == MG_OK) print_version(&found, out);
	} else if (span_eq(verb, SPAN("mod"))) {
		code = vcs_gomod(m, version, out, err);
		for (size_t i = 0; i < out->n; i++)
			if (out->p[i] == '\n') out->p[i] = '|';
	} else if (span_eq(verb, SPAN("tag"))) {
		char hash[65] = "";
		code = vcs_tag(m, version, hash, err);
		buf_append_str(out, hash);
	} else if (span_eq(verb, SPAN("zip"))) {
		code = zip(m, version, rest.p != NULL ? rest : SPAN(""), out, err);
	} else {
		err_set(err, MG_INVALID, MG_CAUSE_NONE, "no such order");
	}
	return code;
}

static enum mg_code order(struct mg_span line, const struct cancel *cancel, struct mg_buf *out)
{
	struct mg_span rest = line, verb = span_cut(&rest, ' '), path = span_cut(&rest, ' ');
	struct arena a = ARENA_INIT;
	struct vcs_module *m = NULL;
	struct mg_err err = { 0 };

	buf_clear(out);
	enum mg_code code = vcs_open(v, path, cancel, &a, &m, &err);
	if (code == MG_OK) code = run(m, verb, rest, &a, out, &err);
	if (code != MG_OK) {
		buf_clear(out);
		buf_printf(out, "%s: %s", err_cause_name(err.cause), err.text);
	}
	vcs_close(&m);
	arena_deinit(&a);
	return code;
}

struct alarm {
	struct cancel cancel;
	unsigned ms;
};

static void *ring(void *arg)
{
	struct alarm *w = arg;

	usleep(w->ms * 1000);
	cancel_set(&w->cancel);
	return NULL;
}

static enum mg_code canceled(struct mg_span line, struct mg_buf *out)
{
	struct mg_span rest = line;
	uint64_t ms = 0;
	struct alarm w;
	pthread_t t;

	if (!span_u64(span_cut(&rest, ' '), 1000000, &ms)) return MG_INVALID;
	w.ms = (unsigned)ms;
	cancel_init(&w.cancel);
	pthread_create(&t, NULL, ring, &w);
	enum mg_code code = order(rest, &w.cancel, out);
	pthread_join(t, NULL);
	return code;
}

struct member {
	char line[1024];
	enum mg_code code;
};

static void *take_part(void *arg)
{
	struct member *m = arg;
	struct mg_buf out = BUF_MAX(1 << 24);

	m->code = order(span_of(m->line), NULL, &out);
	buf_deinit(&out);
	return NULL;
}

static enum mg_code crowd(struct mg_span line, struct mg_buf *out)
{
	struct mg_span rest = line;
	uint64_t n = 0;
	unsigned counts[MG_CODE_COUNT] = { 0 };

	if (!span_u64(span_cut(&rest, ' '), 4096, &n) || n == 0) return MG_INVALID;
	struct member *all = check_calloc(n, sizeof *all);
	pthread_t *threads = check_calloc(n, sizeof *threads);
	for (uint64_t i = 0; i < n; i++) {
		ptrdiff_t at = span_find(rest, SPAN("%d"));
		if (at < 0)
			snprintf(all[i].line, sizeof all[i].line, "%.*s", SPAN_ARG(rest));
		else
			snprintf(all[i].line, sizeof all[i].line, "%.*s%d%.*s", (int)at, rest.p,
				 (int)i, SPAN_ARG(span_from(rest, (size_t)at + 2)));
		pthread_create(&threads[i], NULL, take_part, &all[i]);
	}
	for (uint64_t i = 0; i < n; i++) {
		pthread_join(threads[i], NULL);
		counts[all[i].code]++;
	}
	buf_clear(out);
	for (int i = 0; i < MG_CODE_COUNT; i++)
		if (counts[i] > 0)
			buf_printf(out, "%s=%u ", err_code_name((enum mg_code)i), counts[i]);
	free(all);
	free(threads);
	return MG_OK;
}

static enum mg_code resident(struct mg_buf *out)
{
	long pages = 0, total = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (f == NULL || fscanf(f, "%ld %ld", &total, &pages) != 2) pages = 0;
	if (f != NULL) fclose(f);
	buf_clear(out);
	buf_printf(out, "%ld", pages * sysconf(_SC_PAGESIZE) / 1024);
	return MG_OK;
}

static enum mg_code obey(struct mg_span line, struct mg_buf *out)
{
	struct mg_span rest = line, verb = span_cut(&rest, ' ');
	enum mg_code code = MG_OK;
	uint64_t n = 0;

	if (span_eq(verb, SPAN("cancel"))) return canceled(rest, out);
	if (span_eq(verb, SPAN("crowd"))) return crowd(rest, out);
	if (span_eq(verb, SPAN("resident"))) return resident(out);
	buf_clear(out);
	if (span_eq(verb, SPAN("sweep"))) {
		vcs_sweep(v, NULL);
	} else if (span_eq(verb, SPAN("refresh"))) {
		vcs_refresh(v, rest);
	} else if (span_eq(verb, SPAN("times"))) {
		if (!span_u64(span_cut(&rest, ' '), 1000000, &n)) return MG_INVALID;
		while (n-- > 0)
			code = order(rest, NULL, out);
	} else {
		code = order(line, NULL, out);
	}
	return code;
}

int main(int argc, char **argv)
{
	struct vcs_options options = { .guide = { .find = find },
				       .child_ruleset = -1,
				       .mirrors_max = 1 << 30,
				       .mirrors_age_s = 86400,
				       .deepen_below = 4 << 20,
				       .fresh_ms = 60000,
				       .found_ms = 600000,
				       .command_ms = 60000,
				       .fetch_max = 1 << 28,
				       .per_host = 2,
				       .per_host_s = 100 };
	const struct upstream_options outgoing = { .connect_ms = 10000,
						   .first_byte_ms = 60000,
						   .stall_ms = 60000,
						   .per_host = 16,
						   .queue_ms = 60000,
						   .breaker_failures = 1,
						   .breaker_open_ms = 60000,
						   .user_agent = "probe" };
	struct upstream *u = NULL;
	struct mg_buf out = BUF_MAX(1 << 24);
	struct mg_err err;
	static char line[65536];

	if (argc < 3) return 2;
	log_init("probe", 2, LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT);
	if (getenv("MIRRORS_MAX") != NULL)
		options.mirrors_max = strtoull(getenv("MIRRORS_MAX"), NULL, 10);
	if (getenv("OWN_HTTP") != NULL) options.upstream = u = upstream_new(&outgoing);
	options.folder = argv[1];
	protocols = argv[2];
	mappings = argv + 3;
	if (vcs_new(&options, &v, &err) != MG_OK) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	printf("%d\n", (int)getpid());
	fflush(stdout);
	while (fgets(line, sizeof line, stdin) != NULL) {
		uint64_t began = clock_mono_us();
		enum mg_code code = obey(span_first(span_of(line), strcspn(line, "\n")), &out);
		printf("%llu %s %.*s\n", (unsigned long long)(clock_mono_us() - began),
		       err_code_name(code), SPAN_ARG(buf_span(&out)));
		fflush(stdout);
	}
	buf_deinit(&out);
	vcs_free(&v);
	upstream_free(&u);
	return 0;
}
