/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/progressbar.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define WIDTH         30
#define BAR_EVERY_MS  100
#define LINE_EVERY_MS 10000

void progressbar_init(struct progressbar *b, const char *noun)
{
	*b = (struct progressbar){ .noun = noun, .tty = isatty(STDERR_FILENO) == 1 };
}

void progressbar_size(uint64_t bytes, char out[16])
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB" };
	double n = (double)bytes;
	size_t unit = 0;
	while (n >= 999.5 && unit + 1 < sizeof units / sizeof units[0]) {
		n /= 1000;
		unit++;
	}
	snprintf(out, 16, unit == 0 || n >= 99.5 ? "%.0f %s" : "%.1f %s", n, units[unit]);
}

void progressbar_clear(struct progressbar *b)
{
	if (b->shown) fputs("\r\033[K", stderr);
	b->shown = false;
}

void progressbar_end(struct progressbar *b)
{
	if (b->shown) fputc('\n', stderr);
	b->shown = false;
}

static void draw(struct progressbar *b, uint64_t done, uint64_t total, const char *size,
		 uint64_t now_ms)
{
	char bar[WIDTH + 1];
	const uint64_t full = total > 0 ? WIDTH * done / total : 0;
	memset(bar, '.', WIDTH);
	memset(bar, '#', (size_t)full);
	bar[WIDTH] = '\0';
	fprintf(stderr, "\r[%s] %" PRIu64 "/%" PRIu64 " %s%s", bar, done, total, b->noun, size);
	if (done > 0 && done < total)
		fprintf(stderr, ", %" PRIu64 " s left",
			(now_ms - b->begun_ms) * (total - done) / done / 1000);
	fputs("\033[K", stderr);
	b->shown = true;
}

void progressbar_update(struct progressbar *b, uint64_t done, uint64_t total, uint64_t bytes)
{
	const uint64_t now_ms = clock_mono_ms();
	const uint64_t every_ms = b->tty ? BAR_EVERY_MS : LINE_EVERY_MS;
	if (b->said_ms == 0) b->begun_ms = now_ms;
	if (b->said_ms != 0 && now_ms - b->said_ms < every_ms && !(b->tty && done == total)) return;
	b->said_ms = now_ms;
	char size[20] = "";
	if (bytes != UINT64_MAX) {
		memcpy(size, ", ", 2);
		progressbar_size(bytes, size + 2);
	}
	if (b->tty)
		draw(b, done, total, size, now_ms);
	else
		fprintf(stderr, "%" PRIu64 " of %" PRIu64 " %s%s\n", done, total, b->noun, size);
}

void progressbar_print_plain(const char *text)
{
	for (; *text != '\0'; text++)
		fputc((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text, stderr);
}
