/* SPDX-License-Identifier: Apache-2.0 */
#include "record/exposition.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "record/metrics.h"
#include "record/procstat.h"

static char *written(struct mg_buf *out, bool athens)
{
	buf_clear(out);
	exposition_write(&(struct exposition_options){ .athens = athens }, out);
	assert_false(buf_failed(out));
	return (char *)(uintptr_t)buf_cstr(out);
}

static void expect_line(const char *text, const char *line)
{
	char whole[256];

	snprintf(whole, sizeof whole, "\n%s\n", line);
	if (strstr(text, whole) == NULL) fail_msg("missing: %s", line);
}

static void lines(void **state)
{
	struct mg_buf out = BUF_MAX(1u << 20);

	metrics_add(METRICS_REQUESTS + metrics_code(404) * METRICS_KINDS + METRICS_KIND_ZIP, 3);
	metrics_add(METRICS_LOOKED_UP + METRICS_LOOKUP_STORE * METRICS_KINDS + METRICS_KIND_INFO,
		    2);
	metrics_add(METRICS_LOOKED_UP + METRICS_LOOKUP_FAILED * METRICS_KINDS + METRICS_KIND_INFO,
		    1);
	metrics_add(METRICS_FLIGHTS_ENDED + 9 * METRICS_KINDS + METRICS_KIND_LIST, 1);
	metrics_add(METRICS_CONNECTIONS, 2);
	metrics_add(METRICS_CONNECTIONS, (uint64_t)-1);
	metrics_observe(METRICS_UPSTREAM_SECONDS, 1500);
	metrics_observe(METRICS_UPSTREAM_SECONDS, 70000000);
	metrics_upstream("mirror.example", METRICS_CLASS_5XX);
	metrics_upstream("a\"b\\c\n\xff", METRICS_CLASS_2XX);
	metrics_breaker("mirror.example", true);
	procstat_publish();
	const char *text = written(&out, true);

	expect_line(text, "# TYPE modgate_http_requests_total counter");
	expect_line(text, "modgate_http_requests_total{code=\"404\",kind=\"zip\"} 3");
	assert_null(strstr(text, "modgate_http_requests_total{code=\"405\""));
	expect_line(text, "modgate_lookups_total{result=\"store\",kind=\"info\"} 2");
	expect_line(text, "modgate_lookups_total{result=\"memory\",kind=\"info\"} 0");
	expect_line(text, "modgate_fetch_flights_total{result=\"stale\",kind=\"list\"} 1");
	expect_line(text, "modgate_http_connections 1");
	expect_line(text, "modgate_upstream_request_duration_seconds_bucket{le=\"0.001\"} 0");
	expect_line(text, "modgate_upstream_request_duration_seconds_bucket{le=\"0.005\"} 1");
	expect_line(text, "modgate_upstream_request_duration_seconds_bucket{le=\"60\"} 1");
	expect_line(text, "modgate_upstream_request_duration_seconds_bucket{le=\"+Inf\"} 2");
	expect_line(text, "modgate_upstream_request_duration_seconds_sum 70.0015");
	expect_line(text, "modgate_upstream_request_duration_seconds_count 2");
	expect_line(text,
		    "modgate_http_request_duration_seconds_bucket{kind=\"zip\",le=\"2.5\"} 0");
	expect_line(text,
		    "modgate_upstream_requests_total{host=\"mirror.example\",code=\"5xx\"} 1");
	expect_line(text, "modgate_upstream_requests_total{host=\"a\\\"b\\\\c??\",code=\"2xx\"} 1");
	expect_line(text, "modgate_upstream_breaker_open{host=\"mirror.example\"} 1");
	expect_line(text, "athens_cache_hit_total{cache_type=\"info\"} 2");
	expect_line(text, "proxy_cache_lookup_total{cache_result=\"miss\",cache_type=\"info\"} 1");
	assert_int_equal(text[out.n - 1], '\n');
	assert_null(strstr(written(&out, false), "athens"));
	buf_deinit(&out);
}

static void this_process(void **state)
{
	procstat_publish();
	assert_true(metrics_of(METRICS_SUPERVISOR, METRICS_PROCESS_RSS) > 100000);
	assert_true(metrics_of(METRICS_SUPERVISOR, METRICS_PROCESS_VIRTUAL) >
		    metrics_of(METRICS_SUPERVISOR, METRICS_PROCESS_RSS));
	assert_in_range(metrics_of(METRICS_SUPERVISOR, METRICS_PROCESS_FDS), 3, 1000);
	assert_true(metrics_of(METRICS_SUPERVISOR, METRICS_PROCESS_FDS_MAX) >= 3);
	assert_true(metrics_of(METRICS_SUPERVISOR, METRICS_PROCESS_START_S) > 1700000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(this_process),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
