/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/fetchbench_fixture.h"

static void small_kinds_end_up_in_the_store(void **state)
{
	struct bench *b = *state;
	put(b, "a/" E "v1.0.0.info", INFO("v1.0.0"));
	put(b, "a/" E "v1.0.0.mod", "module " M "\n");
	put(b, "a/" E "list", "v1.0.0\nv0.9.0\nv2.0.0\njunk\n");
	put(b, "a/" E "main.info", INFO("v1.0.0"));
	assert_int_equal(ask(b, TARGET_INFO, M, "v1.0.0"), MG_OK);
	assert_stored(b, KEY("v1.0.0.info"), INFO("v1.0.0"));
	assert_int_equal(ask(b, TARGET_MOD, M, "v1.0.0"), MG_OK);
	assert_stored(b, KEY("v1.0.0.mod"), "module " M "\n");
	assert_int_equal(ask(b, TARGET_LIST, M, ""), MG_OK);
	assert_stored(b, KEY("list"), "v0.9.0\nv1.0.0\n");
	assert_int_equal(ask(b, TARGET_QUERY, M, "main"), MG_OK);
	assert_stored(b, KEY("main.info"), INFO("v1.0.0"));
	/* No @latest there: made from the list. */
	assert_int_equal(ask(b, TARGET_LATEST, M, ""), MG_OK);
	assert_stored(b, "modules/example.com/!m/@latest", INFO("v1.0.0"));
	assert_false(b->last.stale);
}

static void bad_answers_are_not_stored(void **state)
{
	struct bench *b = *state;
	static const struct {
		enum target_kind kind;
		const char *version, *file, *text;
	} cases[] = {
		{ TARGET_INFO, "v1.0.0", E "v1.0.0.info", INFO("v1.0.1") },
		{ TARGET_INFO, "v1.0.1", E "v1.0.1.info", "{\"Version\":" },
		{ TARGET_MOD, "v1.0.0", E "v1.0.0.mod", "<html>please log in</html>" },
		{ TARGET_MOD, "v1.0.1", E "v1.0.1.mod", "" },
		{ TARGET_MOD, "v1.0.2", E "v1.0.2.mod", "not found: try again later\n" },
		{ TARGET_MOD, "v1.0.3", E "v1.0.3.mod",
		  "\n// module " M "\nrequire x.y/z v1.0.0\n" },
		{ TARGET_ZIP, "v1.0.0", E "v1.0.0.zip", "PK no zip" },
		{ TARGET_LIST, "", E "list", "<html>please log in</html>" },
		{ TARGET_LATEST, "", "example.com/!m/@latest", "v1.0.0" },
		{ TARGET_QUERY, "main", E "main.info", "{}" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char file[256], key[256];
		struct store_file found;
		struct mg_err err;
		snprintf(file, sizeof file, "a/%s", cases[i].file);
		snprintf(key, sizeof key, "modules/%s", cases[i].file);
		put(b, file, cases[i].text);
		if (ask(b, cases[i].kind, M, cases[i].version) != MG_CORRUPT)
			fail_msg("%s: code %d %s", file, b->last.code, b->text);
		assert_int_equal(store_find(b->store, key, true, &found, &err), STORE_MISS);
	}
}

static void one_flight_for_all_askers(void **state)
{
	struct bench *b = *state;
	const int listener = listen_silently(b);
	const struct ticket info = { .kind = TARGET_INFO,
				     .path = SPAN(M),
				     .version = SPAN("v1.0.0") };
	for (size_t i = 0; i < 20; i++)
		order(b, i % DESKS, &info);
	const int fd = accept_one(b, listener);
	/* An order of another thing comes behind them all, and its flight is the second. */
	order(b, 0,
	      &(struct ticket){ .kind = TARGET_MOD, .path = SPAN(M), .version = SPAN("v1.0.0") });
	order(b, 1,
	      &(struct ticket){ .kind = TARGET_MOD, .path = SPAN(M), .version = SPAN("v1.0.0") });
	const int second = accept_one(b, listener);
	assert_int_equal(accept(listener, NULL, NULL), -1);
	wait_readable(b, fd);
	answer(fd, INFO("v1.0.0"));
	wait_for(b, 20);
	assert_int_equal(b->last.code, MG_OK);
	wait_readable(b, second);
	answer(second, "module " M "\n");
	wait_for(b, 2);
	assert_int_equal(b->last.code, MG_OK);
	close(fd);
	close(second);
	close(listener);
}

static void the_last_to_leave_ends_the_flight(void **state)
{
	struct bench *b = *state;
	const int listener = listen_silently(b);
	const struct ticket info = { .kind = TARGET_INFO,
				     .path = SPAN(M),
				     .version = SPAN("v1.0.0") };
	const uint32_t one = order(b, 1, &info), two = order(b, 1, &info);
	const int fd = accept_one(b, listener);
	cancel_order(b, 1, one);
	cancel_order(b, 1, one); /* twice is once too often, and harmless */
	cancel_order(b, 1, two);
	/* Who comes while it is going down gets a flight of his own. */
	order(b, 1, &info);
	wait_gone(b, fd);
	const int again = accept_one(b, listener);
	wait_readable(b, again);
	answer(again, INFO("v1.0.0"));
	wait_for(b, 1);
	assert_int_equal(b->last.code, MG_OK);
	assert_int_equal(b->results, 1);
	close(again);
	close(listener);
}

static void a_worker_that_goes_takes_its_orders_along(void **state)
{
	struct bench *b = *state;
	const int listener = listen_silently(b);
	const struct ticket info = { .kind = TARGET_INFO,
				     .path = SPAN(M),
				     .version = SPAN("v1.0.0") };
	order(b, 0, &info);
	int fd = accept_one(b, listener);
	channel_free(&b->desks[0]);
	wait_gone(b, fd);
	/* And fetch itself may end while something is under way. */
	open_desk(b, 0);
	order(b, 0, &info);
	fd = accept_one(b, listener);
	stop_fetch(b);
	start_fetch(b);
	assert_int_equal(b->results, 0);
	close(fd);
	close(listener);
}

static void absences_are_remembered(void **state)
{
	struct bench *b = *state;
	put(b, "a/x", "");
	put(b, "b/x", "");
	assert_int_equal(ask(b, TARGET_INFO, M, "v1.0.0"), MG_NOT_FOUND);
	assert_in_range(b->last.ttl_ms, 1, b->options.absent_ms);
	put(b, "b/" E "v1.0.0.info", INFO("v1.0.0"));
	assert_int_equal(ask(b, TARGET_INFO, M, "v1.0.0"), MG_NOT_FOUND);
	restart_fetch(b); /* what is kept over a restart is for times of need only */
	assert_int_equal(ask(b, TARGET_INFO, M, "v1.0.0"), MG_OK);
}

static void when_nobody_can_be_asked(void **state)
{
	struct bench *b = *state;
	put(b, "a/" E "list", "v1.0.0\n");
	put(b, "a/" E "main.info", INFO("v1.0.0"));
	put(b, "b/x", "");
	assert_int_equal(ask(b, TARGET_LIST, M, ""), MG_OK);
	assert_int_equal(ask(b, TARGET_QUERY, M, "main"), MG_OK);
	assert_int_equal(ask(b, TARGET_LIST, "example.com", ""), MG_NOT_FOUND);
	move(b, "a", "gone");
	restart_fetch(b);
	assert_int_equal(ask_flags(b, TARGET_LIST, M, "", TICKET_REFRESH), MG_OK);
	assert_true(b->last.stale);
	assert_int_equal(ask_flags(b, TARGET_QUERY, M, "main", TICKET_REFRESH), MG_OK);
	assert_true(b->last.stale);
	assert_int_equal(ask(b, TARGET_LIST, "example.com", ""), MG_NOT_FOUND);
	assert_non_null(strstr(b->text, "cannot be asked"));
	assert_int_equal(ask(b, TARGET_LIST, "example.com/other", ""), MG_UNAVAILABLE);
	assert_int_equal(ask(b, TARGET_INFO, M, "v1.0.0"), MG_UNAVAILABLE);
}

static void stored_versions_make_a_list(void **state)
{
	struct bench *b = *state;
	put(b, "a/" E "v1.2.0.info", INFO("v1.2.0"));
	put(b, "b/x", "");
	assert_int_equal(ask(b, TARGET_INFO, M, "v1.2.0"), MG_OK);
	put(b, "store/" KEY("v1.2.0.mod"), "module " M "\n");
	put(b, "store/" KEY("v1.2.0.zip"), "");
	put(b, "store/" KEY("v1.1.0.mod"), "module " M "\n"); /* not all of it */
	/* The origins say there is no list: the store is the module's last home. */
	assert_int_equal(ask(b, TARGET_LIST, M, ""), MG_OK);
	assert_false(b->last.stale);
	assert_stored(b, KEY("list"), "v1.2.0\n");
	put(b, "a/" E "list", "v1.3.0\n");
	assert_int_equal(ask_flags(b, TARGET_LIST, M, "", TICKET_REFRESH), MG_OK);
	assert_stored(b, KEY("list"), "v1.2.0\nv1.3.0\n");
}

/* What is no import path would go out with the upstream's password to other parts of it, or past the
 * patterns of private names. */
static void only_import_paths_are_passed_through(void **state)
{
	struct bench *b = *state;
	static const char *const names[] = { "/../admin",
					     "/example.com/../../admin",
					     "/example.com/%2e%2e/admin",
					     "/corp.example.com%2fteam/x",
					     "//corp.example.com/team/x",
					     "/corp.example.com/team/x/",
					     "/example.com/x?a=b&c",
					     "/example.com/x\r\nHost: y",
					     "" };
	b->options.private = "corp.example.com/team/*";
	b->options.go_get = true;
	const int listener = listen_silently(b);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		assert_int_equal(ask_flags(b, TARGET_LIST, names[i], "", TICKET_GO_GET),
				 MG_NOT_FOUND);
	assert_int_equal(accept(listener, NULL, NULL), -1);
	close(listener);
}

/* A '%' is a character of a branch's name, also below a file:// root. */
static void names_are_not_decoded_twice(void **state)
{
	struct bench *b = *state;
	put(b, "a/" E "list", "");
	put(b, "a/" E "50%41.info", INFO("v1.0.0"));
	put(b, "b/x", "");
	put(b, "outside.info", INFO("v1.0.0"));
	assert_int_equal(ask(b, TARGET_QUERY, M, "%2e%2e%2f%2e%2e%2f%2e%2e%2f%2e%2e%2foutside"),
			 MG_NOT_FOUND);
	assert_int_equal(ask(b, TARGET_QUERY, M, "50A"), MG_NOT_FOUND);
	assert_int_equal(ask(b, TARGET_QUERY, M, "50%41"), MG_OK);
}

static void nonsense_is_survived(void **state)
{
	struct bench *b = *state;
	channel_send(b->desks[0], SPAN("nonsense"), NULL, 0);
	order(b, 0,
	      &(struct ticket){ .kind = TARGET_ZIP, .path = SPAN(".."), .version = SPAN("..") });
	wait_for(b, 1);
	assert_int_not_equal(b->last.code, MG_OK);
	order(b, 0,
	      &(struct ticket){ .kind = TARGET_INFO, .path = SPAN(M), .version = SPAN("main") });
	wait_for(b, 1);
	assert_int_not_equal(b->last.code, MG_OK);
	order(b, 0,
	      &(struct ticket){
		      .kind = TARGET_LATEST, .path = SPAN(M), .version = SPAN("v1.0.0") });
	put(b, "a/" E "v1.0.0.info", INFO("v1.0.0"));
	assert_int_equal(ask(b, TARGET_INFO, M, "v1.0.0"), MG_OK);
	struct fetch *f = NULL;
	struct mg_err err;
	assert_int_equal(fetch_new(b->loop, &(struct fetch_options){ .goproxy = "ftp://x.example" },
				   b->store, b->upstream, b->negative, &f, &err),
			 MG_INVALID);
}

static void many_orders_wait_for_one_thread(void **state)
{
	struct bench *b = *state;
	put(b, "a/" E "v1.0.0.info", INFO("v1.0.0"));
	b->options.threads = 1;
	restart_fetch(b);
	for (int i = 0; i < 50; i++) {
		char version[32];
		snprintf(version, sizeof version, "v1.0.%d", i);
		order(b, i % DESKS,
		      &(struct ticket){
			      .kind = TARGET_INFO, .path = SPAN(M), .version = span_of(version) });
	}
	wait_for(b, 50);
}

/* A proof on its way keeps nobody from ending, neither who asks nor who waits for his answer. */
static void fetch_ends_while_the_database_is_silent(void **state)
{
	struct bench *b = *state;
	char request[2048], proxies[sizeof b->proxies], gosumdb[128];
	put(b, "a/" E "v1.0.0.mod", "module " M "\n");
	snprintf(proxies, sizeof proxies, "file://%s/a", b->root);
	const int listener = listen_silently(b);
	snprintf(gosumdb, sizeof gosumdb, "sum.golang.org %.99s", b->proxies);
	memcpy(b->proxies, proxies, sizeof proxies);
	b->options.gosumdb = gosumdb;
	restart_fetch(b);
	const struct ticket mod = { .kind = TARGET_MOD,
				    .path = SPAN(M),
				    .version = SPAN("v1.0.0") };
	const struct ticket lookup = { .flags = TICKET_SUMDB,
				       .path = SPAN("lookup/example.com/!m@v1.0.0") };
	order(b, 0, &mod);
	order(b, 1, &mod);
	order(b, 1, &lookup);
	const int fd = accept_request(b, listener, request, sizeof request);
	assert_non_null(strstr(request, "GET /lookup/example.com/%21m@v1.0.0 "));
	assert_int_equal(accept(listener, NULL, NULL), -1);
	b->options.gosumdb = "off";
	stop_fetch(b);
	start_fetch(b);
	assert_int_equal(b->results, 0);
	close(fd);
	close(listener);
}

/* Who has found the stored copy damaged is not told that it is there. */
static void damage_is_no_reason_to_join(void **state)
{
	struct bench *b = *state;
	const struct ticket mod = { .kind = TARGET_MOD,
				    .path = SPAN(M),
				    .version = SPAN("v1.0.0") };
	struct ticket damaged = mod;
	damaged.flags = TICKET_DAMAGED;
	put(b, "a/" E "v1.0.0.mod", "module " M "\n");
	assert_int_equal(ask(b, TARGET_MOD, M, "v1.0.0"), MG_OK);
	put(b, "store/" KEY("v1.0.0.mod"), "module X\n");
	order(b, 0, &mod);
	order(b, 1, &damaged);
	wait_for(b, 2);
	assert_stored(b, KEY("v1.0.0.mod"), "module " M "\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(small_kinds_end_up_in_the_store),
		TEST(bad_answers_are_not_stored),
		TEST(one_flight_for_all_askers),
		TEST(the_last_to_leave_ends_the_flight),
		TEST(a_worker_that_goes_takes_its_orders_along),
		TEST(absences_are_remembered),
		TEST(when_nobody_can_be_asked),
		TEST(stored_versions_make_a_list),
		TEST(only_import_paths_are_passed_through),
		TEST(names_are_not_decoded_twice),
		TEST(nonsense_is_survived),
		TEST(many_orders_wait_for_one_thread),
		TEST(fetch_ends_while_the_database_is_silent),
		TEST(damage_is_no_reason_to_join),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
