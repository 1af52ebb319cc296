/* SPDX-License-Identifier: Apache-2.0 */
/* A log in memory, for tests. Include after cmocka.h. */
#ifndef SUMDB_LOG_FIXTURE_H
#define SUMDB_LOG_FIXTURE_H

#include "base/hex.h"
#include "sumdb/tile.h"
#include "sumdb/treehead.h"

#define LOG_HASHES_MAX 4096

struct log_fixture {
	struct tlog_hash stored[LOG_HASHES_MAX];
	uint64_t size;
	size_t zeroed; /* with zero_on: this stored hash is served as zeroes */
	bool zero_on;
};

static inline enum mg_code log_read(void *arg, const uint64_t *places, size_t n,
				    struct tlog_hash *out, struct mg_err *err)
{
	const struct log_fixture *log = arg;
	for (size_t i = 0; i < n; i++) {
		assert_true(places[i] < tlog_stored(log->size));
		out[i] = log->stored[places[i]];
	}
	return MG_OK;
}

static inline struct tlog_reader log_reader(struct log_fixture *log)
{
	return (struct tlog_reader){ log_read, log };
}

static inline void log_add(struct log_fixture *log, struct mg_span record)
{
	struct tlog_hash hashes[TLOG_SUBTREE_MAX], own = tlog_record_hash(record);
	struct tlog_reader reader = log_reader(log);
	size_t n;
	assert_int_equal(tlog_append(&reader, log->size, &own, hashes, &n, NULL), MG_OK);
	uint64_t at = tlog_index(0, log->size++);
	assert_true(at + n <= LOG_HASHES_MAX && at + n == tlog_stored(log->size));
	memcpy(&log->stored[at], hashes, n * sizeof *hashes);
}

static inline struct treehead log_head(struct log_fixture *log, uint64_t size)
{
	struct treehead head = { .size = size };
	struct tlog_reader reader = log_reader(log);
	assert_int_equal(tlog_root(&reader, size, &head.root, NULL), MG_OK);
	return head;
}

/* Appends the body of a tile of this log; zeroes stand for the hash of `zeroed`. */
static inline void log_tile(struct log_fixture *log, const struct tile *t, struct mg_buf *out)
{
	uint32_t begin, count;
	struct tile zeroed = tile_of_index(t->height, log->zeroed, &begin, &count);
	bool zero = log->zero_on && zeroed.level == t->level && zeroed.number == t->number;
	for (uint32_t i = 0; i < t->width; i++) {
		uint64_t place =
			tlog_index((unsigned)t->level * t->height, (t->number << t->height) + i);
		struct tlog_hash h = { 0 };
		if (!zero || i < begin || i >= begin + count)
			assert_int_equal(log_read(log, &place, 1, &h, NULL), MG_OK);
		buf_append(out, span_make(h.b, sizeof h.b));
	}
}

static inline void hash_is(const struct tlog_hash *h, const char *base64)
{
	struct mg_buf text = BUF_MAX(100);
	hex_base64_encode(span_make(h->b, sizeof h->b), &text);
	assert_string_equal(buf_cstr(&text), base64);
	buf_deinit(&text);
}

#endif
