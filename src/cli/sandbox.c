/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef MODGATE_SECCOMP
#include <seccomp.h>
#endif

#include "cli/sanitized.h"

/* The kernel's ABI (Documentation/userspace-api/landlock.rst), spelt out because the headers of the
 * oldest system we build on know only its beginnings. A kernel is told the prefix it knows. */
struct landlock_ruleset {
	uint64_t fs;
	uint64_t net;    /* ABI 4 */
	uint64_t scoped; /* ABI 6 */
};
struct landlock_path {
	uint64_t allowed;
	int32_t fd;
} __attribute__((packed));

#define LANDLOCK_VERSION 1u /* flag: tell the ABI */
#define LANDLOCK_PATH    1  /* rule type */

#define FS_EXECUTE    (1ull << 0)
#define FS_WRITE_FILE (1ull << 1)
#define FS_READ_FILE  (1ull << 2)
#define FS_READ_DIR   (1ull << 3)
#define FS_CHANGE     0x1ff0ull    /* bits 4 to 12: remove and make entries of every kind */
#define FS_STORE      0x1b0ull     /* of these, what files and directories need */
#define FS_REFER      (1ull << 13) /* ABI 2: link and rename across directories */
#define FS_TRUNCATE   (1ull << 14) /* ABI 3 */
#define FS_IOCTL_DEV  (1ull << 15) /* ABI 5 */
#define NET_BIND      (1ull << 0)  /* TCP */
#define NET_CONNECT   (1ull << 1)
#define SCOPE_ALL     0x3ull /* abstract Unix sockets and signals of others */

#define FS_READ  (FS_READ_FILE | FS_READ_DIR)
#define FS_FILES (FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV)

static const char *const common[] = {
	"/usr",           "/lib",          "/lib64",         "/opt",
	"/nix/store",     "/etc/ssl",      "/etc/localtime", "/proc/self",
	"/proc/sys",      "/proc/meminfo", "/proc/cpuinfo",  "/sys/devices/system/cpu",
	"/sys/fs/cgroup", "/dev/null",     "/dev/urandom",   "/dev/random",
};

/* Where programs are, and what git and ssh read besides. */
static const char *const programs[] = { "/usr", "/bin", "/lib", "/lib64", "/opt", "/nix/store" };
static const char *const read_by_programs[] = {
	"/etc/passwd", "/etc/group", "/etc/ssh", "/etc/gnutls", "/etc/crypto-policies",
};

static uint64_t fs_known(int abi)
{
	uint64_t known = FS_EXECUTE | FS_WRITE_FILE | FS_READ | FS_CHANGE;
	if (abi >= 2) known |= FS_REFER;
	if (abi >= 3) known |= FS_TRUNCATE;
	if (abi >= 5) known |= FS_IOCTL_DEV;
	if (SANITIZED) known &= ~FS_EXECUTE; /* see needed_by_sanitizer */
	return known;
}

static void allow(int ruleset, const char *path, uint64_t access)
{
	struct landlock_path rule = { .fd = open(path, O_PATH | O_CLOEXEC) };
	struct stat st;

	if (rule.fd < 0) return;
	if (fstat(rule.fd, &st) == 0) {
		rule.allowed = S_ISDIR(st.st_mode) ? access : access & FS_FILES;
		syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_PATH, &rule, 0u);
	}
	close(rule.fd);
}

static void allow_all(int ruleset, const char *const *paths, size_t n, uint64_t access)
{
	for (size_t i = 0; i < n; i++)
		allow(ruleset, paths[i], access);
}

static void allow_programs(int ruleset, uint64_t known)
{
	allow_all(ruleset, programs, sizeof programs / sizeof programs[0],
		  (FS_READ | FS_EXECUTE) & known);
	allow_all(ruleset, read_by_programs, sizeof read_by_programs / sizeof read_by_programs[0],
		  FS_READ & known);
	allow(ruleset, "/dev/null", (FS_READ | FS_WRITE_FILE) & known);
}

static int known_abi(void)
{
	const long abi = syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, LANDLOCK_VERSION);
	return abi < 1 ? 0 : (int)abi;
}

int sandbox_ruleset(const struct sandbox_rules *rules)
{
	const int abi = known_abi();
	if (abi == 0) return -1;

	uint64_t known = fs_known(abi);
	struct landlock_ruleset all = { .fs = known,
					.net = NET_BIND | (rules->may_connect ? 0 : NET_CONNECT),
					.scoped = SCOPE_ALL };
	size_t size = abi >= 6   ? sizeof all
		      : abi >= 4 ? offsetof(struct landlock_ruleset, scoped)
				 : offsetof(struct landlock_ruleset, net);
	int ruleset = (int)syscall(SYS_landlock_create_ruleset, &all, size, 0u);
	if (ruleset < 0) return -1;
	allow_all(ruleset, common, sizeof common / sizeof common[0], FS_READ & known);
	allow_all(ruleset, rules->readable, rules->readable_n, FS_READ & known);
	if (rules->may_exec) allow_programs(ruleset, known);
	if (SANITIZED) allow(ruleset, "/proc", FS_READ & known);
	if (SANITIZED) allow(ruleset, "/proc/self/exe", FS_READ & known);
	allow_all(ruleset, rules->writable, rules->writable_n,
		  (FS_READ | FS_WRITE_FILE | FS_STORE | FS_REFER | FS_TRUNCATE) & known);
	return ruleset;
}

int sandbox_paths(const struct sandbox_rules *rules)
{
	const int ruleset = sandbox_ruleset(rules);
	if (ruleset < 0) return 0;
	long rc = syscall(SYS_landlock_restrict_self, ruleset, 0u);
	close(ruleset);
	return rc == 0 ? known_abi() : 0;
}

#ifdef MODGATE_SECCOMP

static const char *const refused[] = {
	"execve",
	"execveat",
	"ptrace",
	"process_vm_readv",
	"process_vm_writev",
	"kcmp",
	"io_uring_setup",
	"io_uring_enter",
	"io_uring_register",
	"bpf",
	"perf_event_open",
	"userfaultfd",
	"keyctl",
	"add_key",
	"request_key",
	"mount",
	"umount2",
	"move_mount",
	"fsopen",
	"fsconfig",
	"fsmount",
	"fspick",
	"open_tree",
	"mount_setattr",
	"pivot_root",
	"chroot",
	"unshare",
	"setns",
	"init_module",
	"finit_module",
	"delete_module",
	"kexec_load",
	"kexec_file_load",
	"reboot",
	"swapon",
	"swapoff",
	"acct",
	"quotactl",
	"sethostname",
	"setdomainname",
	"settimeofday",
	"clock_settime",
	"adjtimex",
	"clock_adjtime",
	"iopl",
	"ioperm",
	"modify_ldt",
	"personality",
	"lookup_dcookie",
	"open_by_handle_at",
	"name_to_handle_at",
	"vhangup",
	"syslog",
	"nfsservctl",
	"uselib",
	"mknod",
	"mknodat",
};

static const char *const refused_to_readers[] = {
	"socket",
	"connect",
	"bind",
	"listen",
	"creat",
	"truncate",
	"truncate64",
	"rename",
	"renameat",
	"renameat2",
	"link",
	"linkat",
	"symlink",
	"symlinkat",
	"unlink",
	"unlinkat",
	"mkdir",
	"mkdirat",
	"rmdir",
	"chmod",
	"fchmod",
	"fchmodat",
	"chown",
	"fchown",
	"lchown",
	"fchownat",
	"utime",
	"utimes",
	"futimesat",
	"utimensat",
	"setxattr",
	"lsetxattr",
	"fsetxattr",
	"removexattr",
	"lremovexattr",
	"fremovexattr",
	"kill",
	"tkill",
	"rt_sigqueueinfo",
	"rt_tgsigqueueinfo",
	"pidfd_open",
	"pidfd_getfd",
	"pidfd_send_signal",
};

/* LeakSanitizer's tracer at exit, and the program that puts names into reports. */
static bool needed_by_sanitizer(const char *name)
{
	return SANITIZED && (strcmp(name, "ptrace") == 0 || strcmp(name, "execve") == 0);
}

static bool is_exec(const char *name)
{
	return strncmp(name, "execve", strlen("execve")) == 0;
}

static bool refuse(scmp_filter_ctx filter, const char *const *names, size_t n, bool may_exec)
{
	bool ok = true;

	for (size_t i = 0; i < n; i++) {
		int number = seccomp_syscall_resolve_name(names[i]);
		if (number == __NR_SCMP_ERROR || needed_by_sanitizer(names[i])) continue;
		if (may_exec && is_exec(names[i])) continue;
		ok = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), number, 0) == 0 && ok;
	}
	return ok;
}

bool sandbox_calls(bool only_reads, bool may_exec)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

	if (filter == NULL) return false;
	/* Best effort: kernels before 4.14 cannot log, which is no reason to go without the filter. */
	seccomp_attr_set(filter, SCMP_FLTATR_CTL_LOG, 1);
	bool ok = refuse(filter, refused, sizeof refused / sizeof refused[0], may_exec);
	if (only_reads)
		ok = refuse(filter, refused_to_readers,
			    sizeof refused_to_readers / sizeof refused_to_readers[0], may_exec) &&
		     ok;
	ok = seccomp_load(filter) == 0 && ok;
	seccomp_release(filter);
	return ok;
}

#else

bool sandbox_calls(bool only_reads, bool may_exec)
{
	return false;
}

#endif
