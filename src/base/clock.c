/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

#include "base/check.h"

#define YEAR_0_S    INT64_C(-62167219200)
#define YEAR_9999_S INT64_C(253402300799)

static struct timespec now(clockid_t id)
{
	struct timespec ts;
	MG_ASSERT(clock_gettime(id, &ts) == 0);
	return ts;
}

uint64_t clock_mono_ms(void)
{
	return clock_mono_us() / 1000;
}

uint64_t clock_mono_us(void)
{
	struct timespec ts = now(CLOCK_MONOTONIC);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

int64_t clock_wall_s(void)
{
	return (int64_t)now(CLOCK_REALTIME).tv_sec;
}

int64_t clock_wall_ms(void)
{
	struct timespec ts = now(CLOCK_REALTIME);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Days are counted from 0000-03-01, so that the leap day is the last of its year: 400 years have
 * 146097 days, and 1970-01-01 is day 719468. */
#define ERA_DAYS  146097
#define EPOCH_DAY 719468

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

struct clock_civil clock_civil(int64_t wall_s)
{
	int64_t days = floor_div(wall_s, 86400);
	unsigned rest = (unsigned)(wall_s - days * 86400);
	int64_t era = floor_div(days + EPOCH_DAY, ERA_DAYS);
	unsigned doe = (unsigned)(days + EPOCH_DAY - era * ERA_DAYS); /* day of the era */
	unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	unsigned mp = (5 * doy + 2) / 153; /* month, March is 0 */
	unsigned month = mp < 10 ? mp + 3 : mp - 9;
	return (struct clock_civil){
		.year = yoe + era * 400 + (month <= 2),
		.month = month,
		.day = doy - (153 * mp + 2) / 5 + 1,
		.hour = rest / 3600,
		.minute = rest / 60 % 60,
		.second = rest % 60,
		.weekday = (unsigned)(days + 4 - floor_div(days + 4, 7) * 7),
	};
}

int64_t clock_of_civil(const struct clock_civil *c)
{
	MG_ASSERT(c->month >= 1 && c->month <= 12);
	int64_t year = c->year - (c->month <= 2);
	int64_t era = floor_div(year, 400);
	int64_t yoe = year - era * 400;
	int64_t doy = (153 * (c->month > 2 ? c->month - 3 : c->month + 9) + 2) / 5 + c->day - 1;
	int64_t days = era * ERA_DAYS + yoe * 365 + yoe / 4 - yoe / 100 + doy - EPOCH_DAY;
	return ((days * 24 + c->hour) * 60 + c->minute) * 60 + c->second;
}

void clock_rfc3339(int64_t wall_s, char out[21])
{
	if (wall_s < YEAR_0_S) wall_s = YEAR_0_S;
	if (wall_s > YEAR_9999_S) wall_s = YEAR_9999_S;
	struct clock_civil c = clock_civil(wall_s);
	/* The moduli tell the compiler what is known: every number fits its place. */
	snprintf(out, 21, "%04u-%02u-%02uT%02u:%02u:%02uZ", (unsigned)c.year % 10000, c.month % 100,
		 c.day % 100, c.hour % 100, c.minute % 100, c.second % 100);
}
