/* SPDX-License-Identifier: Apache-2.0 */
/* What is fetched before anybody asks. */
#include "fetch/fetchbench_fixture.h"

#define OTHER   "example.com/other"
#define PRIVATE "example.com/private/x"

/* Tree a has many .info, and a .mod with requirements; what it lacks is asked of a listener. Orders have
 * earned some guesses when this returns. */
static int earn_guesses(struct bench *b)
{
	put(b, "a/" E "v1.0.0.mod",
	    "module " M "\nrequire " PRIVATE " v1.0.0\nrequire " OTHER " v1.0.0\n");
	for (int i = 0; i < 40; i++) {
		char file[100], text[100];
		snprintf(file, sizeof file, "a/" E "v1.1.%d.info", i);
		snprintf(text, sizeof text,
			 "{\"Version\":\"v1.1.%d\",\"Time\":\"2020-01-01T00:00:00Z\"}", i);
		put(b, file, text);
	}
	b->options.private = "example.com/private";
	const int fd = listen_silently(b);
	char http[sizeof b->proxies];
	snprintf(http, sizeof http, "%s", b->proxies);
	snprintf(b->proxies, sizeof b->proxies, "file://%s/a,%.99s", b->root, http);
	restart_fetch(b);
	order(b, 0,
	      &(struct ticket){ .kind = TARGET_MOD,
				.path = SPAN(M),
				.version = SPAN("v1.0.0"),
				.via = SPAN("1.1 them") });
	wait_for(b, 1);
	assert_int_equal(b->last.code, MG_OK);
	for (int i = 0; i < 40; i++) {
		char version[32];
		snprintf(version, sizeof version, "v1.1.%d", i);
		order(b, 0,
		      &(struct ticket){ .kind = TARGET_INFO,
					.path = SPAN(M),
					.version = span_of(version),
					.via = SPAN("1.1 them") });
	}
	wait_for(b, 40);
	assert_int_equal(b->last.code, MG_OK);
	return fd;
}

/* Guesses come until the one that is sure to be read; fds hold them open. */
static size_t accept_guesses(struct bench *b, int listener, int *fds, size_t max)
{
	char request[2048];
	for (size_t n = 0; n < max; n++) {
		fds[n] = accept_request(b, listener, request, sizeof request);
		assert_null(strstr(request, ".zip"));
		assert_null(strstr(request, "private"));
		assert_non_null(strstr(request, ".mod HTTP/1.1\r\n"));
		assert_non_null(strstr(request, "Via: 1.1 them, 1.1 test\r\n"));
		if (strstr(request, "GET /" OTHER "/@v/v1.0.0.mod ") != NULL) return n + 1;
	}
	fail_msg("the requirement was not guessed");
	return 0;
}

static void guesses_are_modest(void **state)
{
	struct bench *b = *state;
	int fds[16];
	const int listener = earn_guesses(b);
	const size_t n = accept_guesses(b, listener, fds, 16);
	/* Nobody hears of them; and fetch ends with some on their way, and others that wait. */
	assert_int_equal(b->results, 41);
	stop_fetch(b);
	start_fetch(b);
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
	close(listener);
}

static void a_guess_may_be_joined_and_left(void **state)
{
	struct bench *b = *state;
	int fds[16];
	const struct ticket mod = { .kind = TARGET_MOD,
				    .path = SPAN(OTHER),
				    .version = SPAN("v1.0.0") };
	const int listener = earn_guesses(b);
	const size_t n = accept_guesses(b, listener, fds, 16);
	const uint32_t first = order(b, 0, &mod);
	order(b, 1, &mod);
	cancel_order(b, 0, first);
	answer(fds[n - 1], "module " OTHER "\n");
	wait_for(b, 1);
	assert_int_equal(b->last.code, MG_OK);
	assert_int_equal(b->results, 42);
	assert_stored(b, "modules/" OTHER "/@v/v1.0.0.mod", "module " OTHER "\n");
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
	close(listener);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(guesses_are_modest),
		TEST(a_guess_may_be_joined_and_left),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
