/* SPDX-License-Identifier: Apache-2.0 */
/* Who is asked, and whose bytes are taken. */
#include "fetch/fetchbench_fixture.h"

static void private_names_stay_in_the_house(void **state)
{
	struct bench *b = *state;
	static const char *const names[] = { "corp.example.com/team/x", "corp.example.com/team",
					     "corp.example.com" };
	b->options.private = "corp.example.com/team/*";
	b->options.go_get = true;
	const int listener = listen_silently(b);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		char url_path[128];
		snprintf(url_path, sizeof url_path, "/%s", names[i]);
		assert_int_equal(ask(b, TARGET_LIST, names[i], ""), MG_NOT_FOUND);
		assert_int_equal(ask(b, TARGET_LATEST, names[i], ""), MG_NOT_FOUND);
		assert_int_equal(ask(b, TARGET_ZIP, names[i], "v1.0.0"), MG_NOT_FOUND);
		assert_int_equal(ask(b, TARGET_QUERY, names[i], "main"), MG_NOT_FOUND);
		assert_non_null(strstr(b->text, "GOPRIVATE"));
		assert_int_equal(ask_flags(b, TARGET_LIST, url_path, "", TICKET_GO_GET),
				 MG_NOT_FOUND);
	}
	assert_int_equal(accept(listener, NULL, NULL), -1);
	close(listener);
}

/* Nobody could deliver it, so that there is nothing to be proven either. */
static void what_no_upstream_may_hear_of_is_not_looked_up(void **state)
{
	struct bench *b = *state;
	char gosumdb[sizeof b->proxies + 20];
	const int listener = listen_silently(b);
	snprintf(gosumdb, sizeof gosumdb, "sum.golang.org %s", b->proxies);
	b->options.gosumdb = gosumdb;
	b->options.private = "corp.example.com/team/*";
	restart_fetch(b);
	assert_int_equal(ask(b, TARGET_MOD, "corp.example.com/team/x", "v1.0.0"), MG_NOT_FOUND);
	b->options.gosumdb = "off";
	restart_fetch(b);
	assert_int_equal(accept(listener, NULL, NULL), -1);
	close(listener);
}

static void altered_versions_are_refused(void **state)
{
	struct bench *b = *state;
	struct store_file found;
	struct mg_err err;
	put(b, "a/" E "v1.0.0.mod", "module " M "\n");
	assert_int_equal(ask(b, TARGET_MOD, M, "v1.0.0"), MG_OK);
	put(b, "a/" E "v1.0.0.mod", "module " M "\n\ngo 1.20\n");
	put(b, "store/" KEY("v1.0.0.mod"), "module X\n");
	assert_int_equal(b->forgets, 0);
	assert_int_equal(ask_flags(b, TARGET_MOD, M, "v1.0.0", TICKET_DAMAGED), MG_CORRUPT);
	assert_int_equal(b->last.cause, MG_CAUSE_PROOF);
	assert_true(b->forgets >= 1); /* told before the result, on each channel */
	assert_int_equal(store_find(b->store, KEY("v1.0.0.mod"), true, &found, &err), STORE_MISS);
	restart_fetch(b);
	put(b, "a/" E "v1.0.0.mod", "module " M "\n");
	assert_int_equal(ask(b, TARGET_MOD, M, "v1.0.0"), MG_OK);
}

static void a_version_stays_with_its_origin(void **state)
{
	struct bench *b = *state;
	put(b, "a/x", "");
	put(b, "b/" E "v1.0.0.info", INFO("v1.0.0"));
	put(b, "b/" E "v1.0.0.mod", "module b\n");
	assert_int_equal(ask(b, TARGET_INFO, M, "v1.0.0"), MG_OK);
	put(b, "a/" E "v1.0.0.mod", "module a\n");
	assert_int_equal(ask(b, TARGET_MOD, M, "v1.0.0"), MG_OK);
	assert_stored(b, KEY("v1.0.0.mod"), "module b\n");
}

/* Who may be asked after anything keeps that place when another is on record. */
static void a_recorded_origin_that_is_gone_ends_nothing(void **state)
{
	struct bench *b = *state;
	snprintf(b->proxies, sizeof b->proxies, "file://%s/a|file://%s/b", b->root, b->root);
	restart_fetch(b);
	put(b, "a/x", "");
	put(b, "b/" E "v1.0.0.info", INFO("v1.0.0"));
	assert_int_equal(ask(b, TARGET_INFO, M, "v1.0.0"), MG_OK);
	move(b, "b", "gone");
	put(b, "a/" E "v1.0.0.mod", "module " M "\n");
	assert_int_equal(ask(b, TARGET_MOD, M, "v1.0.0"), MG_OK);
}

static void put_u16(FILE *f, unsigned v)
{
	fputc((int)(v & 0xff), f);
	fputc((int)(v >> 8), f);
}

static void put_u32(FILE *f, unsigned v)
{
	put_u16(f, v & 0xffff);
	put_u16(f, v >> 16);
}

/* A module zip of one stored file; a CRC of 0 counts as none. */
static void put_zip(struct bench *b, const char *file, const char *name, const char *text)
{
	char path[512];
	const unsigned name_n = (unsigned)strlen(name), n = (unsigned)strlen(text);
	put(b, file, "");
	snprintf(path, sizeof path, "%s/%s", b->root, file);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	for (int central = 0; central < 2; central++) {
		put_u32(f, central ? 0x02014b50u : 0x04034b50u);
		for (int i = 0; i < (central ? 6 : 5); i++)
			put_u16(f, 0); /* versions, flags, method, time, date */
		put_u32(f, 0);
		put_u32(f, n);
		put_u32(f, n);
		put_u16(f, name_n);
		for (int i = 0; i < (central ? 8 : 1); i++)
			put_u16(f, 0); /* extra; comment, disk, attributes, offset */
		fputs(name, f);
		if (!central) fputs(text, f);
	}
	put_u32(f, 0x06054b50u);
	put_u32(f, 0);
	put_u16(f, 1);
	put_u16(f, 1);
	put_u32(f, 46 + name_n);
	put_u32(f, 30 + name_n + n);
	put_u16(f, 0);
	fclose(f);
}

static void two_origins_must_agree_about_a_version(void **state)
{
	struct bench *b = *state;
	struct store_file found;
	struct mg_err err;
	put_zip(b, "a/" E "v1.0.0.zip", M "@v1.0.0/go.mod", "module a\n");
	put_zip(b, "a/" E "v1.1.0.zip", M "@v1.1.0/go.mod", "module a\n");
	put_zip(b, "a/" E "v1.2.0.zip", M "@v1.2.0/go.mod", "module b\r\n");
	put(b, "b/" E "v1.0.0.mod", "module b\n");
	put(b, "b/" E "v1.1.0.mod", "module b\n");
	put(b, "b/" E "v1.2.0.mod", "module b\n");
	/* The .mod after the zip. */
	assert_int_equal(ask(b, TARGET_ZIP, M, "v1.0.0"), MG_OK);
	assert_int_equal(ask(b, TARGET_MOD, M, "v1.0.0"), MG_CORRUPT);
	assert_int_equal(b->last.cause, MG_CAUSE_PROOF);
	assert_int_equal(store_find(b->store, KEY("v1.0.0.mod"), true, &found, &err), STORE_MISS);
	/* The zip after the .mod. */
	assert_int_equal(ask(b, TARGET_MOD, M, "v1.1.0"), MG_OK);
	assert_int_equal(ask(b, TARGET_ZIP, M, "v1.1.0"), MG_CORRUPT);
	assert_int_equal(b->last.cause, MG_CAUSE_PROOF);
	/* Line ends are no disagreement. */
	assert_int_equal(ask(b, TARGET_ZIP, M, "v1.2.0"), MG_OK);
	assert_int_equal(ask(b, TARGET_MOD, M, "v1.2.0"), MG_OK);
}

/* The front may say "damaged" for want of descriptors: what agrees with its record stays. */
static void a_false_alarm_costs_nothing(void **state)
{
	struct bench *b = *state;
	put(b, "a/" E "v1.0.0.mod", "module " M "\n");
	assert_int_equal(ask(b, TARGET_MOD, M, "v1.0.0"), MG_OK);
	move(b, "a", "gone");
	put(b, "a/x", "");
	put(b, "b/x", "");
	assert_int_equal(ask_flags(b, TARGET_MOD, M, "v1.0.0", TICKET_DAMAGED), MG_OK);
	assert_stored(b, KEY("v1.0.0.mod"), "module " M "\n");
}

/* Bytes whose record is lost are not served, but not thrown away before there are others either; and that
 * the origins lack them is no proof of absence. */
static void a_lost_record_is_no_absence(void **state)
{
	struct bench *b = *state;
	put(b, "a/" E "v1.0.0.mod", "module " M "\n");
	assert_int_equal(ask(b, TARGET_MOD, M, "v1.0.0"), MG_OK);
	put(b, "store/" KEY("v1.0.0.provenance"), "junk");
	move(b, "a", "gone");
	put(b, "a/x", "");
	put(b, "b/x", "");
	assert_int_equal(ask_flags(b, TARGET_MOD, M, "v1.0.0", TICKET_DAMAGED), MG_CORRUPT);
	assert_int_equal(b->last.cause, MG_CAUSE_STORAGE);
	assert_stored(b, KEY("v1.0.0.mod"), "module " M "\n");
	put(b, "a/" E "v1.0.0.mod", "module " M "\n");
	assert_int_equal(ask_flags(b, TARGET_MOD, M, "v1.0.0", TICKET_DAMAGED), MG_OK);
	assert_stored(b, KEY("v1.0.0.mod"), "module " M "\n");
	assert_int_equal(ask_flags(b, TARGET_MOD, M, "v1.0.0", TICKET_DAMAGED), MG_OK);
}

/* Without a length or chunks a body that was cut looks like a whole one, and a .mod cannot tell. */
static void a_mod_that_may_be_cut_is_refused(void **state)
{
	struct bench *b = *state;
	struct store_file found;
	struct mg_err err;
	static const char half[] = "HTTP/1.1 200 OK\r\n\r\nmodule exam";
	const int listener = listen_silently(b);
	order(b, 0,
	      &(struct ticket){ .kind = TARGET_MOD, .path = SPAN(M), .version = SPAN("v1.0.0") });
	const int fd = accept_one(b, listener);
	char request[1024];
	wait_readable(b, fd);
	assert_true(recv(fd, request, sizeof request, 0) > 0);
	assert_int_equal(send(fd, half, sizeof half - 1, MSG_NOSIGNAL), (ssize_t)sizeof half - 1);
	close(fd);
	wait_for(b, 1);
	assert_int_equal(b->last.code, MG_UNAVAILABLE);
	assert_int_equal(store_find(b->store, KEY("v1.0.0.mod"), true, &found, &err), STORE_MISS);
	close(listener);
}

static void no_text_tells_where_a_tree_lies(void **state)
{
	struct bench *b = *state;
	put(b, "a/x", "");
	put(b, "b/x", "");
	put(b, "a/" E "v1.0.1.mod", "<html>");
	assert_int_equal(ask(b, TARGET_MOD, M, "v1.0.0"), MG_NOT_FOUND);
	assert_null(strstr(b->text, b->root));
	assert_non_null(strstr(b->text, "answered 404"));
	assert_int_equal(ask(b, TARGET_LIST, M, ""), MG_NOT_FOUND);
	assert_null(strstr(b->text, b->root));
	assert_int_equal(ask(b, TARGET_MOD, M, "v1.0.1"), MG_CORRUPT);
	assert_null(strstr(b->text, b->root));
	move(b, "a", "gone");
	assert_int_equal(ask(b, TARGET_MOD, M, "v1.0.2"), MG_UNAVAILABLE);
	assert_null(strstr(b->text, b->root));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(private_names_stay_in_the_house),
		TEST(what_no_upstream_may_hear_of_is_not_looked_up),
		TEST(altered_versions_are_refused),
		TEST(a_version_stays_with_its_origin),
		TEST(a_recorded_origin_that_is_gone_ends_nothing),
		TEST(two_origins_must_agree_about_a_version),
		TEST(a_false_alarm_costs_nothing),
		TEST(a_lost_record_is_no_absence),
		TEST(a_mod_that_may_be_cut_is_refused),
		TEST(no_text_tells_where_a_tree_lies),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
