/* SPDX-License-Identifier: Apache-2.0 */
/* sumdb_cache KEY FOLDER HEAD [ROUNDS]: proves every lookup that the go command has in its cache of a
 * checksum database (FOLDER/lookup/…, FOLDER/tile/…) under the head in the file HEAD, with nothing but
 * what is there. Prints a line for each that is not proven, and how many are. */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "base/check.h"
#include "fetch/provenheads.h"
#include "gomod/modpath.h"
#include "sumdb/sumclient.h"

#define NAMES_MAX 100000

static struct mg_span folder;
static struct sumclient_head head;
static struct provenheads proven_heads;
static char *names[NAMES_MAX];
static size_t n;

static bool read_file(const char *path, struct mg_buf *out)
{
	FILE *f = fopen(path, "rb");
	if (f == NULL) return false;
	char piece[4096];
	size_t got;
	while ((got = fread(piece, 1, sizeof piece, f)) > 0)
		buf_append(out, span_make(piece, got));
	fclose(f);
	return !buf_failed(out);
}

static enum mg_code read_cache(void *arg, struct mg_span path, struct mg_buf *body,
			       struct mg_err *err)
{
	struct mg_buf name = BUF_MAX(8192);
	buf_append(&name, folder);
	buf_append_char(&name, '/');
	buf_append(&name, path);
	bool ok = read_file(buf_cstr(&name), body);
	buf_deinit(&name);
	return ok ? MG_OK : err_set(err, MG_NOT_FOUND, MG_CAUSE_STORAGE, "not there");
}

static enum mg_code write_cache(void *arg, struct mg_span path, struct mg_span body,
				struct mg_err *err)
{
	return MG_OK;
}

static enum mg_code read_head(void *arg, struct arena *a, struct sumclient_head *out,
			      struct mg_err *err)
{
	*out = head;
	return MG_OK;
}

static enum mg_code swap_head(void *arg, const struct treehead *old,
			      const struct sumclient_head *next, bool *swapped, struct mg_err *err)
{
	/* A head that is newer than the one kept is proven to extend it, and dies with its call. */
	*swapped = true;
	return MG_OK;
}

static bool recall_head(void *arg, struct mg_span note, struct treehead *out)
{
	return provenheads_find(&proven_heads, note, out);
}

static void remember_head(void *arg, const struct sumclient_head *seen)
{
	provenheads_add(&proven_heads, seen->note, &seen->tree);
}

static void tell_fork(void *arg, struct mg_span evidence)
{
	printf("%.*s", SPAN_ARG(evidence));
}

static int take_name(const char *path, const struct stat *st, int kind, struct FTW *walk)
{
	size_t skip = folder.n + sizeof "/lookup/" - 1;
	if (kind == FTW_F && strlen(path) > skip && n < NAMES_MAX)
		names[n++] = check_strndup(path + skip, strlen(path) - skip);
	return 0;
}

static bool prove(const struct sumclient *c, const char *name)
{
	struct mg_span rest = span_of(name), epath = span_cut(&rest, '@');
	struct mg_buf path = BUF_MAX(4096), version = BUF_MAX(4096);
	struct sumclient_answer a;
	struct mg_err err;
	enum mg_code rc = modpath_unescape(epath, &path, &err);
	if (rc == MG_OK) rc = modpath_unescape_rev(rest, &version, &err);
	if (rc == MG_OK) rc = sumclient_lookup(c, buf_span(&path), buf_span(&version), &a, &err);
	if (rc != MG_OK) printf("%s: %s\n", name, err.text);
	buf_deinit(&path);
	buf_deinit(&version);
	return rc == MG_OK;
}

int main(int argc, char **argv)
{
	struct sumclient_ops ops = { .read_cache = read_cache,
				     .write_cache = write_cache,
				     .read_head = read_head,
				     .swap_head = swap_head,
				     .fork = tell_fork,
				     .recall_head = recall_head,
				     .remember_head = remember_head };
	struct sumclient c;
	struct mg_err err;
	struct mg_buf note = BUF_MAX(LOOKUP_SIZE_MAX), lookups = BUF_MAX(4096);
	if (argc < 4) {
		fprintf(stderr, "usage: sumdb_cache KEY FOLDER HEAD [ROUNDS]\n");
		return 2;
	}
	folder = span_of(argv[2]);
	if (sumclient_init(&c, span_of(argv[1]), &ops, &err) != MG_OK ||
	    !read_file(argv[3], &note) ||
	    sumclient_open_head(&c, buf_span(&note), &head.tree, &err) != MG_OK) {
		fprintf(stderr, "sumdb_cache: no head in %s: %s\n", argv[3], err.text);
		return 1;
	}
	head.note = buf_span(&note);
	buf_printf(&lookups, "%s/lookup", argv[2]);
	(void)nftw(buf_cstr(&lookups), take_name, 16, FTW_PHYS);
	size_t proven = 0, rounds = argc > 4 ? strtoul(argv[4], NULL, 10) : 1;
	clock_t begin = clock();
	for (size_t r = 0; r < rounds; r++)
		for (size_t i = 0; i < n; i++)
			proven += prove(&c, names[i]);
	double us = (double)(clock() - begin) * 1e6 / CLOCKS_PER_SEC;
	printf("%zu of %zu proven, %.0f us each\n", proven, n * rounds,
	       n > 0 ? us / (double)(n * rounds) : 0.0);
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	buf_deinit(&lookups);
	buf_deinit(&note);
	return proven != n * rounds || n == 0;
}
