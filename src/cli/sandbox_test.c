/* SPDX-License-Identifier: Apache-2.0 */
/* Each case runs in a child: what binds it would bind the other tests. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/sanitized.h"
#include "cli/sandbox.h"

#define NO_KERNEL_SUPPORT 77

static char mine[] = "/tmp/modgate-sandbox-XXXXXX";
static char own_dir[64], own_file[64], other_file[64], new_link[64], moved[64];
static char inner_dir[64], inner_file[64];

static int make_files(void **state)
{
	if (mkdtemp(mine) == NULL) return -1;
	snprintf(own_dir, sizeof own_dir, "%s/own", mine);
	snprintf(own_file, sizeof own_file, "%s/own/file", mine);
	snprintf(new_link, sizeof new_link, "%s/own/link", mine);
	snprintf(moved, sizeof moved, "%s/own/moved", mine);
	snprintf(other_file, sizeof other_file, "%s/other", mine);
	snprintf(inner_dir, sizeof inner_dir, "%s/own/inner", mine);
	snprintf(inner_file, sizeof inner_file, "%s/own/inner/file", mine);
	if (mkdir(own_dir, 0700) != 0 || mkdir(inner_dir, 0700) != 0) return -1;
	const int a = open(own_file, O_CREAT | O_WRONLY, 0600);
	const int b = open(other_file, O_CREAT | O_WRONLY, 0600);
	close(a);
	close(b);
	return a < 0 || b < 0 ? -1 : 0;
}

static int remove_files(void **state)
{
	unlink(own_file);
	unlink(moved);
	unlink(other_file);
	rmdir(inner_dir);
	rmdir(own_dir);
	return rmdir(mine);
}

static int try_open(const char *path, int flags)
{
	const int fd = open(path, flags | O_CLOEXEC, 0600);
	const int errnum = fd < 0 ? errno : 0;
	if (fd >= 0) close(fd);
	return errnum;
}

/* To a port of this machine where nobody listens. */
static int try_connect(void)
{
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(1) };
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	const int errnum = connect(fd, (struct sockaddr *)&to, sizeof to) == 0 ? 0 : errno;
	close(fd);
	return errnum;
}

/* The number of the first claim that does not hold, 0 when all do. */
static int reader_claims(void)
{
	const char *const own[] = { own_dir };
	const int abi = sandbox_paths(&(struct sandbox_rules){ .readable = own, .readable_n = 1 });
	if (abi == 0) return NO_KERNEL_SUPPORT;
	if (try_open(own_file, O_RDONLY) != 0) return 1;
	if (try_open(other_file, O_RDONLY) != EACCES) return 2;
	if (try_open(own_file, O_WRONLY) != EACCES) return 3;
	if (try_open(moved, O_WRONLY | O_CREAT) != EACCES) return 4;
	if (unlink(own_file) == 0) return 5;
	if (rename(own_file, moved) == 0) return 6;
	if (abi >= 3 && truncate(own_file, 0) == 0) return 7;
	if (abi >= 4 && try_connect() != EACCES) return 8;
	if (abi >= 6 && kill(getppid(), 0) == 0) return 9;
	return 0;
}

static int writer_claims(void)
{
	const char *const own[] = { own_dir };
	const int abi = sandbox_paths(
		&(struct sandbox_rules){ .writable = own, .writable_n = 1, .may_connect = true });
	if (abi == 0) return NO_KERNEL_SUPPORT;
	if (try_open(own_file, O_RDWR) != 0) return 1;
	if (rename(own_file, moved) != 0 || rename(moved, own_file) != 0) return 2;
	if (try_open(other_file, O_RDONLY) != EACCES) return 3;
	if (rename(own_file, other_file) == 0) return 4;
	if (symlink("file", new_link) == 0) return 5;
	if (mkfifo(new_link, 0600) == 0) return 6;
	if (try_connect() != ECONNREFUSED) return 7;
	return 0;
}

static int call_claims(void)
{
	if (!sandbox_calls(false, false)) return NO_KERNEL_SUPPORT;
	if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) != 2) return 1;
	if (chroot(mine) == 0 || errno != EPERM) return 2;
	if (mkfifo(new_link, 0600) == 0 || errno != EPERM) return 3;
	if (sethostname("modgate", 7) == 0 || errno != EPERM) return 4;
	if (try_open(own_file, O_RDWR) != 0) return 5;
	execl("/bin/true", "true", (char *)NULL);
	if (!SANITIZED && errno != EPERM) return 6;
	return 0;
}

/* In the child of one who may exec: it has its own folder, and its parent's no more. */
static int grandchild_claims(int ruleset)
{
	if (syscall(SYS_landlock_restrict_self, ruleset, 0u) != 0) return 1;
	if (try_open(own_file, O_RDWR) != EACCES) return 2;
	if (try_open(inner_file, O_RDWR | O_CREAT) != 0 || unlink(inner_file) != 0) return 3;
	if (try_open(other_file, O_RDONLY) != EACCES) return 4;
	if (try_open("/dev/null", O_RDWR) != 0) return 5;
	execl("/bin/sh", "sh", "-c", "exit 42", (char *)NULL);
	return 6;
}

static int parent_claims(void)
{
	const char *const own[] = { own_dir }, *const inner[] = { inner_dir };
	const int ruleset = sandbox_ruleset(&(struct sandbox_rules){
		.writable = inner, .writable_n = 1, .may_connect = true, .may_exec = true });
	if (ruleset < 0) return NO_KERNEL_SUPPORT;
	if (sandbox_paths(&(struct sandbox_rules){
		    .writable = own, .writable_n = 1, .may_connect = true, .may_exec = true }) == 0)
		return 11;
	(void)sandbox_calls(false, true);
	const pid_t pid = fork();
	int status = 0;
	if (pid == 0) _exit(grandchild_claims(ruleset));
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) return 12;
	if (WEXITSTATUS(status) != 42) return WEXITSTATUS(status);
	return try_open(own_file, O_RDWR) == 0 ? 0 : 13;
}

/* Without Landlock, as on kernels whose Landlock knows no sockets, truncation or signals. */
static int reader_call_claims(void)
{
	if (!sandbox_calls(true, false)) return NO_KERNEL_SUPPORT;
	if (chroot(mine) == 0 || errno != EPERM) return 1;
	if (socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0 || errno != EPERM) return 2;
	if (socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0 || errno != EPERM) return 3;
	if (truncate(own_file, 0) == 0 || errno != EPERM) return 4;
	if (unlink(own_file) == 0 || errno != EPERM) return 5;
	if (rename(own_file, moved) == 0 || errno != EPERM) return 6;
	if (chmod(own_file, 0777) == 0 || errno != EPERM) return 7;
	if (utimensat(AT_FDCWD, own_file, NULL, 0) == 0 || errno != EPERM) return 8;
	if (kill(getppid(), 0) == 0 || errno != EPERM) return 9;
	if (try_open(own_file, O_RDONLY) != 0) return 10;
	return 0;
}

static void expect_claims(int (*claims)(void))
{
	const pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		_exit(claims());
	}
	int status = 0;
	assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == NO_KERNEL_SUPPORT) skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void a_reader_reads_what_is_named(void **state)
{
	expect_claims(reader_claims);
}

static void a_writer_stays_in_its_folder(void **state)
{
	expect_claims(writer_claims);
}

static void calls_no_role_needs_are_refused(void **state)
{
	expect_claims(call_claims);
}

static void a_reader_changes_nothing_and_calls_nobody(void **state)
{
	expect_claims(reader_call_claims);
}

static void children_that_exec_have_less(void **state)
{
	expect_claims(parent_claims);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reader_reads_what_is_named),
		cmocka_unit_test(a_writer_stays_in_its_folder),
		cmocka_unit_test(calls_no_role_needs_are_refused),
		cmocka_unit_test(children_that_exec_have_less),
		cmocka_unit_test(a_reader_changes_nothing_and_calls_nobody),
	};
	return cmocka_run_group_tests(tests, make_files, remove_files);
}
