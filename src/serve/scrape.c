/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/scrape.h"

#include "base/check.h"
#include "record/exposition.h"
#include "record/metrics.h"
#include "record/procstat.h"

/* The names and label words are ours, but for at most 17 upstreams: some 60 KiB. */
#define SCRAPE_MAX (1u << 20)

struct reply *scrape_reply(bool athens, struct lane *fs)
{
	struct mg_buf text = BUF_MAX(SCRAPE_MAX);

	metrics_set(METRICS_LANE_WAITING + METRICS_LANE_FS, lane_waiting(fs));
	metrics_set(METRICS_LANE_THREADS + METRICS_LANE_FS, lane_threads(fs));
	procstat_publish();
	exposition_write(&(struct exposition_options){ .athens = athens }, &text);
	MG_ASSERT(!buf_failed(&text));
	struct reply *r = reply_new(&(struct reply_spec){
		.status = 200,
		.content_type = SPAN(EXPOSITION_TYPE),
		.last_modified = -1,
		.cache_control = SPAN("no-store"),
		.body = buf_span(&text),
		.request_id_at = -1,
	});
	buf_deinit(&text);
	return r;
}
