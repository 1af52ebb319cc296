/* SPDX-License-Identifier: Apache-2.0 */
#include "vcs/gitfault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* As git 2.39 says it. */
static const struct {
	const char *complaint;
	enum mg_code code;
	enum mg_cause cause;
} remote[] = {
	{ "fatal: repository 'https://git.example/x/' not found\n", MG_NOT_FOUND, MG_CAUSE_VCS },
	{ "remote: Repository not found.\nfatal: repository 'https://git.example/x/' not found\n",
	  MG_NOT_FOUND, MG_CAUSE_VCS },
	{ "fatal: '/srv/x.git' does not appear to be a git repository\nfatal: Could not read from "
	  "remote "
	  "repository.\n",
	  MG_NOT_FOUND, MG_CAUSE_VCS },
	{ "error: unable to read askpass response from '/bin/false'\nfatal: could not read "
	  "Username for "
	  "'https://git.example': terminal prompts disabled\n",
	  MG_DENIED, MG_CAUSE_AUTH },
	{ "fatal: Authentication failed for 'https://git.example/x/'\n", MG_DENIED, MG_CAUSE_AUTH },
	{ "git@git.example: Permission denied (publickey).\nfatal: Could not read from remote "
	  "repository.\n",
	  MG_DENIED, MG_CAUSE_AUTH },
	{ "Host key verification failed.\nfatal: Could not read from remote repository.\n",
	  MG_DENIED, MG_CAUSE_AUTH },
	{ "fatal: unable to access 'https://git.example/x/': Could not resolve host: git.example\n",
	  MG_UNAVAILABLE, MG_CAUSE_DNS },
	{ "fatal: unable to access 'https://git.example/x/': Failed to connect to git.example port "
	  "443 after 0 "
	  "ms: Couldn't connect to server\n",
	  MG_UNAVAILABLE, MG_CAUSE_CONNECT },
	{ "fatal: unable to access 'https://git.example/x/': Operation too slow. Less than 1000 "
	  "bytes/sec\n",
	  MG_TIMEOUT, MG_CAUSE_HTTP },
	{ "fatal: unable to access 'https://git.example/x/': server certificate verification "
	  "failed. CAfile: "
	  "none CRLfile: none\n",
	  MG_UNAVAILABLE, MG_CAUSE_TLS },
	{ "fatal: unable to access 'https://git.example/x/': The requested URL returned error: "
	  "503\n",
	  MG_UNAVAILABLE, MG_CAUSE_UPSTREAM },
	{ "fatal: unable to access 'https://git.example/x/': The requested URL returned error: "
	  "302\n",
	  MG_UNAVAILABLE, MG_CAUSE_UPSTREAM },
	{ "fatal: transport 'ext' not allowed\n", MG_DENIED, MG_CAUSE_POLICY },
	{ "fatal: the remote end hung up unexpectedly\n", MG_UNAVAILABLE, MG_CAUSE_HTTP },
	{ "fatal: write error: No space left on device\n", MG_UNAVAILABLE, MG_CAUSE_STORAGE },
	{ "fatal: bad object refs/heads/main\n", MG_CORRUPT, MG_CAUSE_STORAGE },
	/* What a remote, or a proxy before it, says is not what git says. */
	{ "remote: upstream 'git' not found; Repository not found\nfatal: unable to access "
	  "'https://git.example/x/': The requested URL returned error: 502\n",
	  MG_UNAVAILABLE, MG_CAUSE_UPSTREAM },
	{ "remote: error: pack 1 is corrupt, bad object, No space left on device\nfatal: the "
	  "remote end "
	  "hung up unexpectedly\n",
	  MG_UNAVAILABLE, MG_CAUSE_HTTP },
	{ "fatal: unable to access 'https://git.example/certificate/SSL/': Recv failure: "
	  "Connection "
	  "reset by peer\n",
	  MG_UNAVAILABLE, MG_CAUSE_HTTP },
	{ "error: RPC failed; HTTP 404 curl 22 The requested URL returned error: 404\nfatal: "
	  "expected "
	  "flush after ref listing\n",
	  MG_UNAVAILABLE, MG_CAUSE_HTTP },
	{ "fatal: remote error: maintenance until noon\n", MG_UNAVAILABLE, MG_CAUSE_UPSTREAM },
	{ "fatal: protocol error: bad line length character: <htm\n", MG_UNAVAILABLE,
	  MG_CAUSE_HTTP },
	{ "fatal: pack is corrupted (SHA1 mismatch)\nfatal: index-pack failed\n", MG_UNAVAILABLE,
	  MG_CAUSE_HTTP },
	{ "fatal: Out of memory, malloc failed (tried to allocate 9 bytes)\nfatal: bad object 1\n",
	  MG_UNAVAILABLE, MG_CAUSE_STORAGE },
	{ "fatal: something new\n", MG_UNAVAILABLE, MG_CAUSE_VCS },
	{ "", MG_UNAVAILABLE, MG_CAUSE_VCS },
};

static void remotes_complaints(void **state)
{
	for (size_t i = 0; i < sizeof remote / sizeof remote[0]; i++) {
		struct mg_err err;
		enum mg_code code = gitfault_of_remote(&err, SPAN("https://git.example/x"),
						       span_of(remote[i].complaint), 128);
		if (code != remote[i].code || err.cause != remote[i].cause)
			print_error("%s: %s\n", remote[i].complaint, err.text);
		assert_int_equal(code, remote[i].code);
		assert_int_equal(err.cause, remote[i].cause);
	}
}

/* Over ssh there is no status that tells an absence from a fault, only what the server says. */
static void over_ssh_the_remotes_word_counts(void **state)
{
	struct mg_span gitlab = SPAN(
		"remote: ERROR: The project you were looking for could not be found or you don't "
		"have permission to view it.\nfatal: Could not read from remote repository.\n");
	struct mg_err err;

	assert_int_equal(gitfault_of_remote(&err, SPAN("ssh://git@git.example/x"), gitlab, 128),
			 MG_NOT_FOUND);
	assert_int_equal(gitfault_of_remote(&err, SPAN("https://git.example/x"), gitlab, 128),
			 MG_UNAVAILABLE);
	assert_int_equal(gitfault_of_remote(&err, SPAN("git+ssh://git.example/x"),
					    SPAN("ERROR: Repository not found.\nfatal: Could not "
						 "read from remote repository.\n"),
					    128),
			 MG_NOT_FOUND);
	assert_int_equal(gitfault_of_remote(&err, SPAN("ssh://git@git.example/x"),
					    SPAN("your key is corrupt\nfatal: Could not read from "
						 "remote repository.\n"),
					    128),
			 MG_UNAVAILABLE);
}

static void a_mirror_is_never_an_absence(void **state)
{
	struct mg_err err;

	assert_int_equal(gitfault_of_mirror(
				 &err, SPAN("error: packfile x.pack does not match index\n"), 128),
			 MG_CORRUPT);
	assert_int_equal(gitfault_of_mirror(&err, SPAN("fatal: 'x' not found\n"), 128), MG_CORRUPT);
	assert_int_equal(gitfault_of_mirror(&err, SPAN(""), 128 + 9), MG_UNAVAILABLE);
	assert_int_equal(gitfault_of_mirror(&err, SPAN("fatal: No space left on device\n"), 128),
			 MG_UNAVAILABLE);
	assert_int_equal(err.cause, MG_CAUSE_STORAGE);
	/* More memory would do, not another mirror. */
	assert_int_equal(gitfault_of_mirror(&err, SPAN("fatal: Out of memory? mmap failed\n"), 128),
			 MG_UNAVAILABLE);
	assert_int_equal(gitfault_of_mirror(&err, SPAN("error: invalid path '.git/config'\n"), 255),
			 MG_NOT_FOUND);
	/* git archive ends so when an object cannot be read; no signal has that number. */
	assert_int_equal(gitfault_of_mirror(&err, SPAN("error: cannot read '1234'\n"), 255),
			 MG_CORRUPT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(remotes_complaints),
		cmocka_unit_test(over_ssh_the_remotes_word_counts),
		cmocka_unit_test(a_mirror_is_never_an_absence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
