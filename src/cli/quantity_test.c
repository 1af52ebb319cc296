/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/quantity.h"

static void durations_are_read(void **state)
{
	static const struct {
		const char *text;
		uint64_t ms;
	} cases[] = {
		{ "0", 0 },           { "0s", 0 },
		{ "250ms", 250 },     { "90s", 90000 },
		{ "5m", 300000 },     { "24h", 86400000 },
		{ "7d", 604800000 },  { "1h30m", 5400000 },
		{ "1m1s1ms", 61001 }, { "3650d", 315360000000 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint64_t ms = 1;
		assert_int_equal(quantity_duration(span_of(cases[i].text), &ms, NULL), MG_OK);
		assert_int_equal(ms, cases[i].ms);
	}
}

static void other_durations_are_refused(void **state)
{
	static const char *const cases[] = {
		"",     "5",   "m",    "5 m", " 5m", "-5m",   "1.5h",    "5m1h",
		"5m5m", "05m", "5min", "5M",  "1y",  "3651d", "3650d1s", "99999999999999999999s",
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint64_t ms = 7;
		struct mg_err err;
		assert_int_equal(quantity_duration(span_of(cases[i]), &ms, &err), MG_INVALID);
		assert_int_equal(ms, 7);
		assert_non_null(strstr(err.text, "90s"));
	}
}

static void sizes_are_read(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} cases[] = {
		{ "0", 0 },
		{ "4096", 4096 },
		{ "1KiB", 1024 },
		{ "16MiB", 16u << 20 },
		{ "2GiB", 2ull << 30 },
		{ "1TiB", 1ull << 40 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint64_t bytes = 1;
		assert_int_equal(quantity_size(span_of(cases[i].text), &bytes, NULL), MG_OK);
		assert_int_equal(bytes, cases[i].bytes);
	}
}

static void other_sizes_are_refused(void **state)
{
	static const char *const cases[] = {
		"", "MiB", "1MB", "1 MiB", "1mib", "1.5MiB", "-1", "2000000TiB", "1B", "01KiB",
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint64_t bytes = 7;
		assert_int_equal(quantity_size(span_of(cases[i]), &bytes, NULL), MG_INVALID);
		assert_int_equal(bytes, 7);
	}
}

static void what_is_written_reads_back(void **state)
{
	static const uint64_t values[] = { 0,        1,        999,       1000,    1024,
					   60000,    61001,    90000,     1048576, 1048577,
					   86400000, 90061001, 3ull << 30 };
	struct mg_buf text = BUF_MAX(64);
	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
		uint64_t back;
		buf_clear(&text);
		quantity_put_duration(values[i], &text);
		assert_int_equal(quantity_duration(buf_span(&text), &back, NULL), MG_OK);
		assert_int_equal(back, values[i]);
		buf_clear(&text);
		quantity_put_size(values[i], &text);
		assert_int_equal(quantity_size(buf_span(&text), &back, NULL), MG_OK);
		assert_int_equal(back, values[i]);
	}
	buf_deinit(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations_are_read),
		cmocka_unit_test(other_durations_are_refused),
		cmocka_unit_test(sizes_are_read),
		cmocka_unit_test(other_sizes_are_refused),
		cmocka_unit_test(what_is_written_reads_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
