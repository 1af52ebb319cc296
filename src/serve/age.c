/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/age.h"

#include "store/hot.h"

/* A stale answer is remembered shortly, so that the refresh it started is soon seen. */
#define STALE_HOT_MS 1000

struct age age_of(enum target_kind kind, int64_t mtime_ns, int64_t now_ms,
		  const struct front_options *options)
{
	if (!target_is_mutable(kind)) return (struct age){ .class = AGE_FRESH };
	int64_t age_ms = now_ms - mtime_ns / 1000000;
	/* A file from the future (the clock was set back) is stale, not fresh for ever. */
	if (age_ms < 0) return (struct age){ .class = AGE_STALE };
	uint64_t age = (uint64_t)age_ms;
	if (age < options->fresh_ms) {
		return (struct age){ .class = AGE_FRESH, .left_ms = options->fresh_ms - age };
	}
	bool stale = age < (uint64_t)options->fresh_ms + options->stale_ms;
	return (struct age){ .class = stale ? AGE_STALE : AGE_OLD };
}

struct reply *age_dress(struct age age, struct look *l, uint64_t loop_now_ms,
			uint32_t origins_down_ms, uint64_t *hot_until_ms)
{
	if (!target_is_mutable(l->target->kind)) {
		*hot_until_ms = HOT_FOREVER;
		return look_reply(l, 0, SPAN(""));
	}
	if (age.class == AGE_FRESH) {
		*hot_until_ms = loop_now_ms + age.left_ms;
		return look_reply(l, (uint32_t)(age.left_ms / 1000), SPAN(""));
	}
	bool down = origins_down_ms > 0;
	*hot_until_ms = loop_now_ms + (down ? origins_down_ms : STALE_HOT_MS);
	return look_reply(l, 0, down ? SPAN("stale-no-upstream") : SPAN("stale-refreshing"));
}
