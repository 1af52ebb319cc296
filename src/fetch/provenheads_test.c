/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/provenheads.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct mg_span note_of(char *out, unsigned i)
{
	return span_make(out, (size_t)snprintf(out, 32, "note %u", i));
}

static void the_oldest_makes_way(void **state)
{
	static struct provenheads h;
	struct treehead found;
	char text[32];
	for (unsigned i = 1; i <= PROVENHEADS_MAX + 3; i++) {
		const struct treehead tree = { .size = i };
		assert_false(provenheads_find(&h, note_of(text, i), &found));
		provenheads_add(&h, note_of(text, i), &tree);
		provenheads_add(&h, note_of(text, i), &tree); /* and no second time */
	}
	for (unsigned i = 1; i <= PROVENHEADS_MAX + 3; i++) {
		found.size = 0;
		assert_int_equal(provenheads_find(&h, note_of(text, i), &found), i > 3);
		assert_int_equal(found.size, i > 3 ? i : 0);
	}
	provenheads_clear(&h);
	assert_false(provenheads_find(&h, note_of(text, 10), &found));
}

/* Nothing but the very same bytes. */
static void near_misses(void **state)
{
	static struct provenheads h;
	static char large[PROVENHEADS_NOTE_MAX + 1];
	const struct treehead tree = { .size = 7 };
	struct treehead found;
	provenheads_add(&h, SPAN("note"), &tree);
	assert_true(provenheads_find(&h, SPAN("note"), &found));
	assert_false(provenheads_find(&h, SPAN("not"), &found));
	assert_false(provenheads_find(&h, SPAN("note\n"), &found));
	assert_false(provenheads_find(&h, SPAN("nota"), &found));
	assert_false(provenheads_find(&h, SPAN(""), &found));
	provenheads_add(&h, SPAN(""), &tree);
	assert_false(provenheads_find(&h, SPAN(""), &found));
	memset(large, 'x', sizeof large);
	provenheads_add(&h, span_make(large, sizeof large), &tree);
	assert_false(provenheads_find(&h, span_make(large, sizeof large), &found));
	provenheads_add(&h, span_make(large, sizeof large - 1), &tree);
	assert_true(provenheads_find(&h, span_make(large, sizeof large - 1), &found));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_oldest_makes_way),
		cmocka_unit_test(near_misses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
