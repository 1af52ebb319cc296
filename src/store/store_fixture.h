/* SPDX-License-Identifier: Apache-2.0 */
/* For the tests of this room: a store in a temporary folder of its own. */
#ifndef STORE_STORE_FIXTURE_H
#define STORE_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/store_internal.h"

struct fixture {
	char root[64];
	struct store *store;
	struct mg_err err;
};

static inline int fixture_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	snprintf(f->root, sizeof f->root, "/tmp/modgate-store-XXXXXX");
	if (mkdtemp(f->root) == NULL) return -1;
	*state = f;
	return store_open(f->root, STORE_WRITE, &f->store, &f->err) == MG_OK ? 0 : -1;
}

static inline int fixture_remove_one(const char *path, const struct stat *st, int type,
				     struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static inline int fixture_teardown(void **state)
{
	struct fixture *f = *state;
	store_close(&f->store);
	const int rc = nftw(f->root, fixture_remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(f);
	return rc;
}

static inline const char *fixture_path(const struct fixture *f, const char *key)
{
	static char path[8192];
	snprintf(path, sizeof path, "%s/%s", f->root, key);
	return path;
}

static inline size_t fixture_count(const struct fixture *f, const char *folder)
{
	DIR *d = opendir(fixture_path(f, folder));
	assert_non_null(d);
	size_t n = 0;
	for (struct dirent *e; (e = readdir(d)) != NULL;)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

static inline void fixture_put(struct fixture *f, const char *key, const char *text)
{
	if (store_put(f->store, key, span_of(text), STAGE_CREATE, &f->err) != MG_OK)
		fail_msg("%s", f->err.text);
}

static inline void fixture_expect(struct fixture *f, const char *key, const char *text)
{
	struct mg_buf b = BUF_MAX(1u << 20);
	assert_int_equal(store_read(f->store, key, true, &b, NULL, &f->err), STORE_HIT);
	assert_string_equal(buf_cstr(&b), text);
	buf_deinit(&b);
}

#define FIXTURE_TEST(fn) cmocka_unit_test_setup_teardown(fn, fixture_setup, fixture_teardown)

#endif
