/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/clock.h"
#include "store/store_fixture.h"

#define KEY "modules/example.com/m/@v/v1.0.0.mod"

static void test_open(void **state)
{
	struct fixture *f = *state;
	struct store *other = NULL;
	assert_int_equal(store_open(f->root, STORE_WRITE, &other, &f->err), MG_UNAVAILABLE);
	char pid[32];
	snprintf(pid, sizeof pid, "process %ld is", (long)getpid());
	assert_non_null(strstr(f->err.text, pid));
	assert_int_equal(store_open(f->root, STORE_READ, &other, &f->err), MG_OK);
	store_close(&other);
	assert_null(other);
	store_close(&f->store);

	/* Deeper than what exists, and with what an earlier process left in tmp. */
	char root[256];
	snprintf(root, sizeof root, "%.60s/a/b/store", f->root);
	assert_int_equal(store_open(root, STORE_READ, &other, &f->err), MG_NOT_FOUND);
	assert_int_equal(store_open(root, STORE_WRITE, &f->store, &f->err), MG_OK);
	close(openat(f->store->tmp, "leftover", O_CREAT | O_WRONLY, 0600));
	store_close(&f->store);
	assert_int_equal(fixture_count(f, "a/b/store/tmp"), 1);
	assert_int_equal(store_open(root, STORE_WRITE, &f->store, &f->err), MG_OK);
	assert_int_equal(fixture_count(f, "a/b/store/tmp"), 0);
}

static void test_put_and_find(void **state)
{
	struct fixture *f = *state;
	struct store_file file;
	assert_int_equal(store_find(f->store, KEY, true, &file, &f->err), STORE_MISS);
	fixture_put(f, KEY, "module example.com/m\n");
	assert_int_equal(fixture_count(f, "tmp"), 0);
	const int64_t now_s = clock_wall_s();
	assert_int_equal(store_find(f->store, KEY, true, &file, &f->err), STORE_HIT);
	assert_int_equal(file.size, 21);
	assert_in_range(file.mtime_ns / 1000000000, now_s - 10, now_s + 1);
	struct stat st;
	assert_int_equal(fstat(file.fd, &st), 0);
	assert_int_equal(st.st_ino, file.inode);
	assert_int_equal(st.st_nlink, 1);
	close(file.fd);

	/* The first bytes win. */
	fixture_put(f, KEY, "module other\n");
	fixture_expect(f, KEY, "module example.com/m\n");
	assert_int_equal(fixture_count(f, "tmp"), 0);
	assert_int_equal(store_put(f->store, KEY, SPAN("new"), STAGE_REPLACE, &f->err), MG_OK);
	fixture_expect(f, KEY, "new");
}

/* What was looked up a moment ago is answered without waiting, presence and absence. */
static void test_no_wait(void **state)
{
	struct fixture *f = *state;
	struct store_file file;
	struct mg_buf b = BUF_MAX(100);
	fixture_put(f, KEY, "text");
	fixture_expect(f, KEY, "text");
	const enum store_find found = store_find(f->store, KEY, false, &file, &f->err);
	if (found == STORE_WOULD_BLOCK) return; /* a file system that cannot promise it */
	assert_int_equal(found, STORE_HIT);
	close(file.fd);
	const enum store_find read = store_read(f->store, KEY, false, &b, &file, &f->err);
	if (read == STORE_HIT) {
		assert_string_equal(buf_cstr(&b), "text");
		assert_int_equal(file.size, 4);
		assert_int_equal(file.fd, -1);
	} else {
		assert_int_equal(read, STORE_WOULD_BLOCK);
	}
	const char *absent = "modules/example.com/m/@v/v1.0.1.mod";
	assert_int_equal(store_find(f->store, absent, true, &file, &f->err), STORE_MISS);
	assert_int_equal(store_find(f->store, absent, false, &file, &f->err), STORE_MISS);
	buf_deinit(&b);
}

/* A kernel or sandbox without openat2. */
static void test_without_openat2(void **state)
{
	struct fixture *f = *state;
	struct store_file file;
	f->store->tree.no_openat2 = true;
	f->store->tree.no_cached = true;
	fixture_put(f, KEY, "text");
	fixture_expect(f, KEY, "text");
	assert_int_equal(store_find(f->store, KEY, false, &file, &f->err), STORE_WOULD_BLOCK);
	assert_int_equal(store_find(f->store, "modules/nothing/@v/list", true, &file, &f->err),
			 STORE_MISS);
	assert_int_equal(store_find(f->store, "modules/../lock", true, &file, &f->err),
			 STORE_FAULT);
	assert_int_equal(symlink("m", fixture_path(f, "modules/example.com/link")), 0);
	assert_int_equal(store_find(f->store, "modules/example.com/link/@v/v1.0.0.mod", true, &file,
				    &f->err),
			 STORE_FAULT);
	assert_int_equal(f->err.code, MG_CORRUPT);
}

static void make_symlink(const char *path)
{
	assert_int_equal(symlink("/etc/hostname", path), 0);
}
static void make_dangling(const char *path)
{
	assert_int_equal(symlink("nowhere", path), 0);
}
static void make_folder(const char *path)
{
	assert_int_equal(mkdir(path, 0700), 0);
}
static void make_fifo(const char *path)
{
	assert_int_equal(mkfifo(path, 0600), 0);
}
static void make_socket(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	assert_in_range(strlen(path), 1, sizeof a.sun_path - 1);
	memcpy(a.sun_path, path, strlen(path));
	const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	close(fd);
}

static void test_what_is_no_file(void **state)
{
	static void (*const make[])(const char *) = { make_symlink, make_dangling, make_folder,
						      make_fifo, make_socket };
	struct fixture *f = *state;
	struct store_file file;
	fixture_put(f, "modules/example.com/m/@v/v0.0.1.mod", "makes the folder");
	for (size_t i = 0; i < sizeof make / sizeof make[0]; i++) {
		make[i](fixture_path(f, KEY));
		assert_int_equal(store_find(f->store, KEY, true, &file, &f->err), STORE_FAULT);
		assert_int_equal(f->err.code, MG_CORRUPT);
		assert_int_equal(store_put(f->store, KEY, SPAN("x"), STAGE_CREATE, &f->err),
				 MG_CORRUPT);
		assert_int_equal(store_quarantine(f->store, KEY, "test", &f->err), MG_OK);
		assert_int_equal(fixture_count(f, "quarantine"), 2 * (i + 1)); /* with its note */
		fixture_put(f, KEY, "good");
		fixture_expect(f, KEY, "good");
		assert_int_equal(unlink(fixture_path(f, KEY)), 0);
	}
	assert_int_equal(store_quarantine(f->store, KEY, "not there", &f->err), MG_OK);
	assert_int_equal(store_quarantine(f->store, "modules/no/@v/x", "no folder", &f->err),
			 MG_OK);
	assert_int_equal(fixture_count(f, "tmp"), 0);
}

static void test_obstacle_on_the_way(void **state)
{
	struct fixture *f = *state;
	struct store_file file;
	fixture_put(f, "modules/example.com/other/@v/list", "");
	assert_int_equal(symlink("other", fixture_path(f, "modules/example.com/m")), 0);
	assert_int_equal(store_find(f->store, KEY, true, &file, &f->err), STORE_FAULT);
	assert_int_equal(store_put(f->store, KEY, SPAN("x"), STAGE_CREATE, &f->err), MG_CORRUPT);
	assert_int_equal(store_quarantine(f->store, KEY, "a link on the way", &f->err), MG_OK);
	fixture_put(f, KEY, "good");
	fixture_expect(f, KEY, "good");
	fixture_expect(f, "modules/example.com/other/@v/list", "");
}

static void test_long_names(void **state)
{
	struct fixture *f = *state;
	struct store_file file;
	char key[600];
	for (size_t element = 255; element <= 256; element++) {
		const int n = snprintf(key, sizeof key, "modules/example.com/%0*d/@v/v1.0.0.mod",
				       (int)element, 0);
		assert_in_range(n, 0, sizeof key - 1);
		assert_int_equal(store_find(f->store, key, true, &file, &f->err), STORE_MISS);
		assert_int_equal(store_put(f->store, key, SPAN("x"), STAGE_CREATE, &f->err),
				 element == 255 ? MG_OK : MG_INVALID);
	}
	char *deep = malloc(6000);
	size_t n = (size_t)snprintf(deep, 6000, "modules");
	for (; n < 5000; n += 5)
		memcpy(deep + n, "/part", 6);
	assert_int_equal(store_find(f->store, deep, true, &file, &f->err), STORE_MISS);
	assert_int_equal(store_put(f->store, deep, SPAN("x"), STAGE_CREATE, &f->err), MG_INVALID);
	free(deep);
	assert_int_equal(guard_admit(&f->store->guard, clock_mono_ms(), &f->err), MG_OK);
	assert_int_equal(fixture_count(f, "tmp"), 0);
}

static void test_read_limit(void **state)
{
	struct fixture *f = *state;
	struct mg_buf b = BUF_MAX(4);
	fixture_put(f, KEY, "12345");
	assert_int_equal(store_read(f->store, KEY, true, &b, NULL, &f->err), STORE_FAULT);
	assert_int_equal(store_put(f->store, KEY, SPAN("1234"), STAGE_REPLACE, &f->err), MG_OK);
	assert_int_equal(store_read(f->store, KEY, true, &b, NULL, &f->err), STORE_HIT);
	assert_int_equal(store_put(f->store, KEY, SPAN(""), STAGE_REPLACE, &f->err), MG_OK);
	assert_int_equal(store_read(f->store, KEY, true, &b, NULL, &f->err), STORE_HIT);
	assert_int_equal(b.n, 0);
	buf_deinit(&b);
}

static void test_touch(void **state)
{
	struct fixture *f = *state;
	struct store_file file;
	const char *key = "modules/example.com/m/@v/list";
	assert_int_equal(store_touch(f->store, key, &f->err), MG_NOT_FOUND);
	fixture_put(f, key, "v1.0.0\n");
	const struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
	assert_int_equal(utimensat(AT_FDCWD, fixture_path(f, key), old, 0), 0);
	assert_int_equal(store_find(f->store, key, true, &file, &f->err), STORE_HIT);
	close(file.fd);
	assert_int_equal(file.mtime_ns, INT64_C(1000) * 1000000000);
	assert_int_equal(store_touch(f->store, key, &f->err), MG_OK);
	assert_int_equal(store_find(f->store, key, true, &file, &f->err), STORE_HIT);
	close(file.fd);
	assert_true(file.mtime_ns / 1000000000 >= clock_wall_s() - 10);
}

static void test_stage(void **state)
{
	struct fixture *f = *state;
	struct stage *st;
	uint8_t sum[32];
	char bytes[8];
	assert_int_equal(stage_new(f->store, &st, &f->err), MG_OK);
	assert_int_equal(stage_write(st, SPAN("wrong start"), &f->err), MG_OK);
	assert_int_equal(stage_reset(st, &f->err), MG_OK);
	assert_int_equal(stage_write(st, SPAN("ab"), &f->err), MG_OK);
	assert_int_equal(stage_write(st, SPAN("c"), &f->err), MG_OK);
	assert_int_equal(stage_size(st), 3);
	assert_int_equal(pread(stage_fd(st), bytes, sizeof bytes, 0), 3);
	stage_sha256(st, sum);
	static const uint8_t abc[] = { 0xba, 0x78, 0x16, 0xbf }; /* FIPS 180-4, SHA-256 of "abc" */
	assert_memory_equal(sum, abc, sizeof abc);
	assert_int_equal(stage_commit(&st, KEY, STAGE_CREATE, &f->err), MG_OK);
	assert_null(st);
	fixture_expect(f, KEY, "abc");
	assert_int_equal(stage_new(f->store, &st, &f->err), MG_OK);
	stage_free(&st);
	assert_int_equal(fixture_count(f, "tmp"), 0);
}

static void test_versions(void **state)
{
	static const char *const names[] = {
		"v1.10.0.info",
		"v1.10.0.mod",
		"v1.10.0.zip",
		"v1.2.0.info",
		"v1.2.0.mod",
		"v1.2.0.zip",
		"v1.2.0.provenance",
		"v1.0.0-!r!c1.info",
		"v1.0.0-!r!c1.mod",
		"v1.0.0-!r!c1.zip",
		"v1.0.0-rc1.info",
		"v1.0.0-rc1.mod",
		"v1.0.0-rc1.zip",
		"v2.0.0+incompatible.info",
		"v2.0.0+incompatible.mod",
		"v2.0.0+incompatible.zip",
		/* These cannot be served whole, or do not belong into a list. */
		"v1.3.0.info",
		"v1.4.0.mod",
		"v1.5.0.zip",
		"v1.6.0.info",
		"v1.6.0.mod",
		"v1.7.0.mod",
		"v1.7.0.zip",
		"v0.0.0-20200101000000-abcdefabcdef.info",
		"v0.0.0-20200101000000-abcdefabcdef.mod",
		"v0.0.0-20200101000000-abcdefabcdef.zip",
		"master.info",
		"v1.info",
		"list",
		"v3.0.0.ziphash",
		"v1.0.0-RC.zip",
	};
	struct fixture *f = *state;
	struct mg_buf b = BUF_MAX(1000);
	assert_int_equal(store_versions(f->store, SPAN("example.com/m"), &b, &f->err),
			 MG_NOT_FOUND);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		char key[200];
		snprintf(key, sizeof key, "modules/example.com/m/@v/%s", names[i]);
		fixture_put(f, key, "");
	}
	assert_int_equal(store_versions(f->store, SPAN("example.com/m"), &b, &f->err), MG_OK);
	assert_string_equal(buf_cstr(&b),
			    "v1.0.0-RC1\nv1.0.0-rc1\nv1.2.0\nv1.10.0\nv2.0.0+incompatible\n");
	buf_clear(&b);
	fixture_put(f, "modules/example.com/n/@v", "a file where the folder should be");
	assert_int_equal(store_versions(f->store, SPAN("example.com/n"), &b, &f->err), MG_CORRUPT);
	buf_deinit(&b);
}

/* The oldest evidence goes, with its note; the newest stays, whatever its size. */
static void test_quarantine_is_bounded(void **state)
{
	struct fixture *f = *state;
	char name[64];
	for (int i = 0; i < QUARANTINE_FILES + 9; i++) {
		snprintf(name, sizeof name, "quarantine/%010d-00000000", i);
		assert_int_equal(store_put(f->store, name, SPAN("x"), STAGE_CREATE, &f->err),
				 MG_OK);
		snprintf(name, sizeof name, "quarantine/%010d-00000000.why", i);
		assert_int_equal(store_put(f->store, name, SPAN("y"), STAGE_CREATE, &f->err),
				 MG_OK);
	}
	assert_int_equal(mkdir(fixture_path(f, "quarantine/0000000000-folder"), 0700), 0);
	assert_int_equal(store_put(f->store, KEY, SPAN("x"), STAGE_CREATE, &f->err), MG_OK);
	assert_int_equal(store_quarantine(f->store, KEY, "test", &f->err), MG_OK);
	assert_int_equal(fixture_count(f, "quarantine"), 2 * QUARANTINE_FILES + 1);
	assert_int_equal(access(fixture_path(f, "quarantine/0000000009-00000000"), F_OK), -1);
	assert_int_equal(access(fixture_path(f, "quarantine/0000000009-00000000.why"), F_OK), -1);
	assert_int_equal(access(fixture_path(f, "quarantine/0000000010-00000000"), F_OK), 0);

	assert_int_equal(store_put(f->store, KEY, SPAN("x"), STAGE_CREATE, &f->err), MG_OK);
	assert_int_equal(truncate(fixture_path(f, KEY), (off_t)QUARANTINE_BYTES + 1), 0);
	assert_int_equal(store_quarantine(f->store, KEY, "test", &f->err), MG_OK);
	assert_int_equal(fixture_count(f, "quarantine"), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(test_open),
		FIXTURE_TEST(test_put_and_find),
		FIXTURE_TEST(test_no_wait),
		FIXTURE_TEST(test_without_openat2),
		FIXTURE_TEST(test_what_is_no_file),
		FIXTURE_TEST(test_obstacle_on_the_way),
		FIXTURE_TEST(test_long_names),
		FIXTURE_TEST(test_read_limit),
		FIXTURE_TEST(test_touch),
		FIXTURE_TEST(test_stage),
		FIXTURE_TEST(test_versions),
		FIXTURE_TEST(test_quarantine_is_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
