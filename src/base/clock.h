/* SPDX-License-Identifier: Apache-2.0 */
/* The two clocks. Durations and timeouts use the monotonic one, times of day the wall clock. Any
 * thread. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

uint64_t clock_mono_ms(void);
uint64_t clock_mono_us(void);
int64_t clock_wall_s(void); /* seconds since 1970, UTC */
int64_t clock_wall_ms(void);
/* Writes "2026-11-23T09:15:00Z" (20 characters and a NUL). Years outside 0…9999 are clamped. */
void clock_rfc3339(int64_t wall_s, char out[21]);

/* A moment as people write it: UTC, proleptic Gregorian calendar. */
struct clock_civil {
	int64_t year;
	unsigned month, day;           /* from 1 */
	unsigned hour, minute, second; /* no leap seconds */
	unsigned weekday;              /* 0 is Sunday; not read by clock_of_civil */
};

struct clock_civil clock_civil(int64_t wall_s);
/* month must be 1…12 (asserted); the other members may be out of range and carry over. */
int64_t clock_of_civil(const struct clock_civil *c);

#endif
