/* SPDX-License-Identifier: Apache-2.0 */
#include "base/span.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#ifdef _WIN32
#include <windows.h>
#include <ntsecapi.h>
#else
#include <sys/random.h>
#endif

#include "base/check.h"

int span_cmp(struct mg_span a, struct mg_span b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = n ? memcmp(a.p, b.p, n) : 0;
	if (order != 0) return order;
	return (a.n > b.n) - (a.n < b.n);
}

static unsigned char lower(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

bool span_eq_nocase(struct mg_span a, struct mg_span b)
{
	if (a.n != b.n) return false;
	for (size_t i = 0; i < a.n; i++)
		if (lower(a.p[i]) != lower(b.p[i])) return false;
	return true;
}

ptrdiff_t span_index(struct mg_span s, char c)
{
	const char *at = s.n ? memchr(s.p, c, s.n) : NULL;
	return at ? at - s.p : -1;
}

ptrdiff_t span_last_index(struct mg_span s, char c)
{
	for (size_t i = s.n; i-- > 0;)
		if (s.p[i] == c) return (ptrdiff_t)i;
	return -1;
}

ptrdiff_t span_find(struct mg_span s, struct mg_span needle)
{
	if (needle.n == 0) return 0;
	size_t from = 0;
	while (s.n - from >= needle.n) {
		const char *at = memchr(s.p + from, needle.p[0], s.n - from - needle.n + 1);
		if (at == NULL) return -1;
		if (memcmp(at, needle.p, needle.n) == 0) return at - s.p;
		from = (size_t)(at - s.p) + 1;
	}
	return -1;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct mg_span span_trim(struct mg_span s)
{
	while (s.n > 0 && is_blank(s.p[s.n - 1]))
		s.n--;
	while (s.n > 0 && is_blank(s.p[0])) {
		s.p++;
		s.n--;
	}
	return s;
}

struct mg_span span_cut(struct mg_span *rest, char sep)
{
	struct mg_span whole = *rest;
	ptrdiff_t at = span_index(whole, sep);
	if (at < 0) {
		*rest = (struct mg_span){ 0 };
		return whole;
	}
	*rest = span_from(whole, (size_t)at + 1);
	return span_first(whole, (size_t)at);
}

bool span_u64(struct mg_span s, uint64_t max, uint64_t *out)
{
	if (s.n == 0 || (s.n > 1 && s.p[0] == '0')) return false;
	uint64_t v = 0;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9') return false;
		uint64_t digit = (uint64_t)(s.p[i] - '0');
		if (v > (max - digit) / 10 || digit > max) return false;
		v = v * 10 + digit;
	}
	*out = v;
	return true;
}

/* SipHash-1-3: keyed, so that whoever chooses module paths cannot fill one chain of a table. */

static uint64_t hash_key[2];
static pthread_once_t hash_once = PTHREAD_ONCE_INIT;
static atomic_bool hash_seeded;

static void seed_hash(void)
{
#ifdef _WIN32
	MG_ASSERT(RtlGenRandom(hash_key, sizeof hash_key));
#else
	MG_ASSERT(getrandom(hash_key, sizeof hash_key, 0) == sizeof hash_key);
#endif
	atomic_store_explicit(&hash_seeded, true, memory_order_release);
}

static inline uint64_t rotl(uint64_t x, int by)
{
	return x << by | x >> (64 - by);
}

static inline void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] = rotl(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] = rotl(v[2], 32);
}

uint64_t span_hash(struct mg_span s)
{
	if (!atomic_load_explicit(&hash_seeded, memory_order_acquire))
		pthread_once(&hash_once, seed_hash);
	uint64_t v[4] = { hash_key[0] ^ 0x736f6d6570736575, hash_key[1] ^ 0x646f72616e646f6d,
			  hash_key[0] ^ 0x6c7967656e657261, hash_key[1] ^ 0x7465646279746573 };
	uint64_t word;
	size_t i = 0;
	for (; s.n - i >= sizeof word; i += sizeof word) {
		memcpy(&word, s.p + i, sizeof word);
		v[3] ^= word;
		sip_round(v);
		v[0] ^= word;
	}
	word = (uint64_t)s.n << 56;
	for (size_t k = 0; i + k < s.n; k++)
		word |= (uint64_t)(unsigned char)s.p[i + k] << (8 * k);
	v[3] ^= word;
	sip_round(v);
	v[0] ^= word;
	v[2] ^= 0xff;
	sip_round(v);
	sip_round(v);
	sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
