/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/stream.h"

#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "fetch/watermark.h"
#include "store/store.h"

#define CENTRAL "PK\x01\x02------------------------------------------a.b@v1.0.0/go.mod"

struct bench {
	char root[64];
	struct store *store;
	struct stage *stage;
	struct stream *stream;
	struct watermark *reader;
	struct mg_err err;
};

static int set_up(void **state)
{
	struct bench *b = calloc(1, sizeof *b);
	snprintf(b->root, sizeof b->root, "/tmp/modgate-stream-XXXXXX");
	*state = b;
	if (mkdtemp(b->root) == NULL) return -1;
	if (store_open(b->root, STORE_WRITE, &b->store, &b->err) != MG_OK) return -1;
	return stage_new(b->store, &b->stage, &b->err) == MG_OK ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static int tear_down(void **state)
{
	struct bench *b = *state;
	watermark_free(&b->reader);
	stream_free(&b->stream);
	stage_free(&b->stage);
	store_close(&b->store);
	const int rc = nftw(b->root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(b);
	return rc;
}

static void begin(struct bench *b, uint64_t size)
{
	struct target t = { .kind = TARGET_ZIP, .path = SPAN("a.b"), .version = SPAN("v1.0.0") };
	assert_int_equal(stream_new(&t, b->stage, size, &b->stream, &b->err), MG_OK);
	b->reader = watermark_open(stream_fds(b->stream)[1]);
	assert_non_null(b->reader);
	assert_int_equal(watermark_get(b->reader), 0);
	assert_true(stream_size(b->stream) == size);
}

static void add(struct bench *b, struct mg_span bytes)
{
	assert_int_equal(stage_write(b->stage, bytes, &b->err), MG_OK);
	stream_wrote(b->stream, bytes);
}

static void the_end_is_held_back(void **state)
{
	struct bench *b = *state;
	static char bytes[100000];
	begin(b, sizeof bytes);
	add(b, span_make(bytes, 1000));
	assert_int_equal(watermark_get(b->reader), 1000);
	add(b, span_make(bytes, sizeof bytes - 1000));
	assert_int_equal(watermark_get(b->reader), sizeof bytes - STREAM_HOLD_BACK);
}

static void nothing_of_a_short_one_goes_out(void **state)
{
	struct bench *b = *state;
	begin(b, 100);
	add(b, SPAN("0123456789"));
	assert_int_equal(watermark_get(b->reader), 0);
}

static void the_directory_is_held_back(void **state)
{
	struct bench *b = *state;
	static char bytes[1000];
	begin(b, 1000000);
	add(b, span_make(bytes, sizeof bytes));
	add(b, SPAN(CENTRAL));
	add(b, span_make(bytes, sizeof bytes));
	assert_int_equal(watermark_get(b->reader), 1000);
}

static void a_cut_is_for_ever(void **state)
{
	struct bench *b = *state;
	static char bytes[1000];
	begin(b, 1000000);
	add(b, span_make(bytes, sizeof bytes));
	assert_false(stream_is_cut(b->stream));
	stream_cut(b->stream);
	add(b, span_make(bytes, sizeof bytes));
	assert_true(stream_is_cut(b->stream));
	assert_true(watermark_get(b->reader) == WATERMARK_CUT);
}

static void readers_can_only_read(void **state)
{
	struct bench *b = *state;
	char back[4];
	begin(b, 1000000);
	add(b, SPAN("0123456789"));
	const int *fds = stream_fds(b->stream);
	assert_int_equal(pread(fds[0], back, sizeof back, 3), sizeof back);
	assert_memory_equal(back, "3456", sizeof back);
	assert_int_equal(pwrite(fds[0], "x", 1, 0), -1);
	assert_int_equal(pwrite(fds[1], "x", 1, 0), -1);
	assert_int_equal(ftruncate(fds[1], 0), -1);
	assert_true(mmap(NULL, 8, PROT_READ | PROT_WRITE, MAP_SHARED, fds[1], 0) == MAP_FAILED);
}

static void other_memory_is_no_watermark(void **state)
{
	struct bench *b = *state;
	const int unsealed = memfd_create("unsealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_int_equal(ftruncate(unsealed, 4096), 0);
	assert_null(watermark_open(unsealed));
	assert_int_equal(ftruncate(unsealed, 0), 0);
	assert_int_equal(fcntl(unsealed, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	assert_null(watermark_open(unsealed));
	close(unsealed);
	assert_null(watermark_open(stage_fd(b->stage)));
	assert_null(watermark_open(-1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_end_is_held_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nothing_of_a_short_one_goes_out, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_directory_is_held_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_cut_is_for_ever, set_up, tear_down),
		cmocka_unit_test_setup_teardown(readers_can_only_read, set_up, tear_down),
		cmocka_unit_test_setup_teardown(other_memory_is_no_watermark, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
