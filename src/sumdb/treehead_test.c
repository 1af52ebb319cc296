/* SPDX-License-Identifier: Apache-2.0 */
#include "sumdb/treehead.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define ROOT "eraqIRzoG/X67Ccp5snpK78x5Affgc/XrNC6FPScJQc="

static void table(void **state)
{
	static const struct {
		const char *text;
		bool ok;
	} rows[] = {
		{ "go.sum database tree\n5\n" ROOT "\n", true },
		{ "go.sum database tree\n5\n" ROOT "\nmore\n", true },
		{ "go.sum database tree\n5\n" ROOT "\nmore", true },
		{ "go.sum database tree\n0\n" ROOT "\n", true },
		{ "go.sum database tree\n1152921504606846976\n" ROOT "\n", true },
		{ "go.sum database tree\n1152921504606846977\n" ROOT "\n", false },
		{ "go.sum database tree\n18446744073709551621\n" ROOT "\n", false },
		{ "go.sum database tree\n5\n" ROOT, false },
		{ "go.sum database tree\n05\n" ROOT "\n", false },
		{ "go.sum database tree\n+5\n" ROOT "\n", false },
		{ "go.sum database tree\n-5\n" ROOT "\n", false },
		{ "go.sum database tree\n5 \n" ROOT "\n", false },
		{ "go.sum database tree\n\n" ROOT "\n", false },
		{ "go.sum database tree v2\n5\n" ROOT "\n", false },
		{ "go.sum database tree\n5\n" ROOT "A\n", false },
		{ "go.sum database tree\n5\nAAAA\n", false },
		{ "go.sum database tree\n5\n\n", false },
		{ "", false },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct treehead head;
		if (treehead_parse(span_of(rows[i].text), &head) != rows[i].ok)
			fail_msg("row %zu", i);
	}
}

static void printed(void **state)
{
	struct treehead head;
	struct mg_buf out = BUF_MAX(1000);
	struct mg_span text = SPAN("go.sum database tree\n5\n" ROOT "\n");
	assert_true(treehead_parse(text, &head));
	assert_int_equal(head.size, 5);
	treehead_print(&head, &out);
	assert_true(span_eq(buf_span(&out), text));
	buf_deinit(&out);
	struct treehead other = head, empty = treehead_empty();
	assert_true(treehead_eq(&head, &other));
	other.root.b[31] ^= 1;
	assert_false(treehead_eq(&head, &other));
	assert_int_equal(empty.size, 0);
	assert_int_equal(empty.root.b[0], 0xe3);
}

static void too_long(void **state)
{
	struct mg_buf out = BUF_MAX(2 * TREEHEAD_TEXT_MAX);
	struct treehead head;
	buf_append_str(&out, "go.sum database tree\n5\n" ROOT "\n");
	size_t more = TREEHEAD_TEXT_MAX - out.n;
	memset(buf_reserve(&out, more + 1), '\n', more + 1);
	out.n += more;
	assert_true(treehead_parse(buf_span(&out), &head));
	out.n++;
	assert_false(treehead_parse(buf_span(&out), &head));
	buf_deinit(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),
		cmocka_unit_test(printed),
		cmocka_unit_test(too_long),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
