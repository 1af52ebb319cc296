/* SPDX-License-Identifier: Apache-2.0 */
#include "sumdb/notekey.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/hex.h"

#define EXAMPLE "sum.example.org+59a925b1+AepKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs"
#define EXAMPLE_SECRET                                                                             \
	"PRIVATE+KEY+sum.example.org+59a925b1+AQcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH"

static void public_keys(void **state)
{
	static const struct {
		const char *text;
		bool ok;
	} rows[] = {
		{ "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8", true },
		{ EXAMPLE, true },
		{ "sum.golang.org+033DE0AE+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8", true },
		{ "", false },
		{ "sum.golang.org", false },
		{ "sum.golang.org+033de0ae", false },
		{ "sum.golang.org+33de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8", false },
		{ "sum.golang.org+033de0ag+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8", false },
		{ "sum.golang.org+033de0af+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8", false },
		{ "sum.golang.orh+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8", false },
		{ "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn", false },
		{ "sum.golang.org+033de0ae+As4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8", false },
		{ "sum.golang.org+033de0ae+", false },
		{ "sum golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8", false },
		{ "+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8", false },
		{ EXAMPLE_SECRET, false },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct notekey k;
		enum mg_code rc = notekey_parse(span_of(rows[i].text), &k, NULL);
		if (rc != (rows[i].ok ? MG_OK : MG_INVALID)) fail_msg("row %zu", i);
	}
	struct notekey k;
	char hex[65] = "";
	assert_int_equal(notekey_parse(span_of(rows[0].text), &k, NULL), MG_OK);
	hex_encode(k.key, sizeof k.key, hex);
	assert_string_equal(k.name, "sum.golang.org");
	assert_int_equal(k.hash, 0x033de0ae);
	assert_string_equal(hex, "ce3372d75ad1ee5ecdaf8727293d4b11"
				 "1d87eb37531d7c86d4d3003f0eb809fc");
}

/* Found by comparing ten million keys with x/mod's: the hash is of the whole name. */
static void nul_in_a_name(void **state)
{
	struct notekey k;
	struct notekey_secret secret;
	assert_int_equal(notekey_parse(SPAN("sum.golang.org\0+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+"
					    "s3Ux18htTTAD8OuAn8"),
				       &k, NULL),
			 MG_INVALID);
	assert_int_equal(notekey_parse_secret(SPAN("PRIVATE+KEY+sum.example.org\0x+59a925b1+"
						   "AQcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH"),
					      &secret, NULL),
			 MG_INVALID);
	assert_false(notekey_name_is_valid(SPAN("a\0b")));
}

static void names(void **state)
{
	static const struct {
		const char *name;
		bool ok;
	} rows[] = {
		{ "sum.golang.org", true },
		{ "localhost.localdev/sumdb", true },
		{ "\xc3\xa9", true },
		{ "", false },
		{ "a b", false },
		{ "a+b", false },
		{ "a\xe2\x80\x83"
		  "b",
		  false },
		{ "a\xff", false },
		{ "a\n", false },
		{ "\xc2\xa0", false },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (notekey_name_is_valid(span_of(rows[i].name)) != rows[i].ok)
			fail_msg("row %zu", i);
}

static void secrets(void **state)
{
	struct notekey_secret made, parsed;
	struct mg_buf out = BUF_MAX(500);
	uint8_t seed[ED25519_SEED_SIZE];
	memset(seed, 7, sizeof seed);
	assert_true(notekey_make(SPAN("sum.example.org"), seed, &made));
	notekey_print(&made.public, &out);
	assert_true(span_eq(buf_span(&out), SPAN(EXAMPLE)));
	buf_clear(&out);
	notekey_print_secret(&made, &out);
	assert_true(span_eq(buf_span(&out), SPAN(EXAMPLE_SECRET)));
	assert_int_equal(notekey_parse_secret(buf_span(&out), &parsed, NULL), MG_OK);
	assert_memory_equal(&parsed, &made, sizeof made);
	buf_deinit(&out);

	static const char *const refused[] = {
		EXAMPLE,
		"PRIVATE+KEY+sum.example.org+59a925b2+AQcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH",
		"PRIVATE+KEY+sum.example.org+59a925b1+AQcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcI",
		"PRIVATE+KEY+",
	};
	for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
		assert_int_equal(notekey_parse_secret(span_of(refused[i]), &parsed, NULL),
				 MG_INVALID);
	assert_false(notekey_make(SPAN("a b"), seed, &made));
	notekey_wipe(&parsed);
	assert_int_equal(parsed.seed[0], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(public_keys),
		cmocka_unit_test(names),
		cmocka_unit_test(nul_in_a_name),
		cmocka_unit_test(secrets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
