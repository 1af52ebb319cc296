/* SPDX-License-Identifier: Apache-2.0 */
/* The two clocks. Durations and timeouts use the monotonic one, times of day the wall clock. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

uint64_t clock_mono_ms(void);
uint64_t clock_mono_us(void);
int64_t clock_wall_s(void);  /* seconds since 1970, UTC */
int64_t clock_wall_ms(void);
/* Writes "2026-11-23T09:15:00Z" (20 characters and a NUL). */
void clock_rfc3339(int64_t wall_s, char out[21]);

#endif
