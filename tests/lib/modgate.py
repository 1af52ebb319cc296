# SPDX-License-Identifier: Apache-2.0
"""A modgate process of a test's own: free port, own store, chosen environment, checked exit."""

import ctypes
import os
import pathlib
import re
import signal
import subprocess
import time

from lib import http, manager
from lib.ports import free_port
from lib.wait import until

ROOT = pathlib.Path(__file__).resolve().parents[2]

# What a sanitizer or a failed assertion leaves in the log. Any of it fails the test.
TROUBLE = re.compile(
    r"Sanitizer|runtime error:|assertion failed|Assertion|stack smashing|double free|corrupted"
)


def binary():
    return str((ROOT / os.environ.get("MODGATE", "build/modgate")).resolve())


def sanitized():
    return "asan" in binary() or "tsan" in binary()


class Adopted:
    """What Popen is for a child, for the child of one that has ended: ours, since prctl(2) says so."""

    def __init__(self, pid):
        self.pid = pid
        self.returncode = None

    @staticmethod
    def adopt(yes=True):
        PR_SET_CHILD_SUBREAPER = 36
        assert ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, int(yes), 0, 0, 0) == 0

    def poll(self):
        if self.returncode is None:
            try:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:  # its parent is still there
                return None
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout=None):
        end = time.monotonic() + (timeout or 3600)
        while self.poll() is None:
            if time.monotonic() > end:
                raise subprocess.TimeoutExpired(str(self.pid), timeout)
            time.sleep(0.01)
        return self.returncode

    def send_signal(self, signum):
        if self.poll() is None:
            os.kill(self.pid, signum)


class Modgate:
    """Started by `start`, ended by `stop`, which asserts what must hold for every exit."""

    def __init__(self, folder, goproxy=None, config=None, env=None, args=(), prefix="", store=None, sockets=None,
                 scheme="", listen=None, program=None):
        self.folder = pathlib.Path(folder)
        self.store = store or self.folder / "store"  # one that is given is not named on the command line
        self.store_args = [] if store else ["--store", str(self.store)]
        self.goproxy = goproxy
        self.config = config
        self.env = env or {}
        self.args = list(args)
        self.prefix = prefix
        self.sockets = sockets  # {name: listening socket} that a service manager would open
        self.scheme = scheme  # of the address it listens on: "h2c://"
        self.listen = listen  # the port, where config says it
        self.program = program  # the file that is run; binary() if none is given
        self.port = None
        self.process = None
        self.group = None
        self.before = []  # the processes that an upgrade replaced
        self.ending = False
        self.logs = []

    def environment(self):
        home = self.folder / "home"
        home.mkdir(parents=True, exist_ok=True)
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "GOSUMDB": "off",
            "ASAN_OPTIONS": "abort_on_error=0:halt_on_error=1:detect_leaks=1:allocator_may_return_null=0",
            "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
            "TSAN_OPTIONS": "halt_on_error=1",
        }
        if self.goproxy is not None:
            env["GOPROXY"] = self.goproxy
        env.update(self.env)
        return {k: v for k, v in env.items() if v is not None}

    def start(self, wait=True):
        argv = [str(self.program or binary()), "serve", *self.store_args]
        if self.sockets:
            self.port = next(iter(self.sockets.values())).getsockname()[1]
        elif self.listen:
            self.port = self.listen
        else:
            self.port = self.port or free_port()
            argv += ["--listen", f"{self.scheme}127.0.0.1:{self.port}"]
        if self.config is not None:
            file = self.folder / "modgate.yaml"
            file.write_text(self.config)
            argv += ["--config", str(file)]
        self.ending = False
        log = self.folder / f"log.{len(self.logs)}"
        self.logs.append(log)
        with open(log, "wb") as out:
            self.process = manager.launch(argv + self.args, self.sockets, self.environment(), stdout=out,
                                          stderr=subprocess.STDOUT, cwd=self.folder)
        self.group = self.process.pid
        if wait:
            self.wait_ready()
            # Its supervisor hears commands when it has said so, which front does not wait for.
            until(lambda: re.search(r"(?m)^(export GOPROXY=.*|ready)$", log.read_text(errors="replace")))
        return self

    def start_elsewhere(self):
        """Again, after its end: meanwhile somebody may have taken the old port."""
        self.port = None
        return self.start()

    def wait_ready(self, seconds=20):
        end = time.monotonic() + seconds
        while True:
            if self.process.poll() is not None:
                raise AssertionError(f"modgate ended with {self.process.returncode}:\n{self.log()}")
            try:
                if http.request(self.address, "/readyz").status == 200:
                    return
            except OSError:
                pass
            if time.monotonic() > end:
                raise AssertionError(f"modgate is not ready after {seconds} s:\n{self.log()}")
            time.sleep(0.02)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}{self.prefix}"

    @property
    def address(self):
        return ("127.0.0.1", self.port)

    def log(self):
        return "".join(f.read_text(errors="replace") for f in self.logs)

    def get(self, target, headers=(), method="GET", timeout=60):
        """One request on a connection of its own. The target goes out as it is."""
        return http.request(self.address, self.prefix + target, headers, method, timeout)

    def run(self, *args, timeout=120, **more):
        """A subcommand on this modgate's store, in its environment; the server may run or not."""
        argv = [binary(), *map(str, args), *self.store_args]
        if self.config is not None:
            argv += ["--config", str(self.folder / "modgate.yaml")]
        done = subprocess.run(argv, env=self.environment(), cwd=self.folder, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=timeout, **more)
        trouble = TROUBLE.search(done.stderr)
        assert not trouble, done.stderr[:6000]
        return done

    def upgrade(self):
        """`modgate upgrade`: what it printed. self.process is the new server then. The test must have called
        Adopted.adopt."""
        done = self.run("upgrade")
        assert done.returncode == 0, done.stderr + self.log()[-3000:]
        self.before.append(self.process)
        self.process = Adopted(int(re.fullmatch(r"modgate upgrade: process (\d+) serves now\n", done.stdout).group(1)))
        return done.stdout

    def session(self, timeout=60):
        return http.Session(self.address, timeout)

    # -- the processes

    def children(self):
        """{process name or role: pid} of what the supervisor started, from /proc."""
        found = {}
        for pid in processes():
            try:
                stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
                if int(stat.rsplit(")", 1)[1].split()[1]) != self.process.pid:
                    continue
                title = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
                name = stat[stat.index("(") + 1 : stat.rindex(")")]
            except (OSError, ValueError):
                continue
            for role in ("front", "fetch", "sign"):
                if role in title.split(str(self.store))[0] or role in name:
                    found[role] = pid
        return found

    def rss(self):
        """Resident bytes of all its processes."""
        total = 0
        for pid in [self.process.pid, *self.children().values()]:
            status = pathlib.Path(f"/proc/{pid}/status").read_text()
            total += int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) * 1024
        return total

    def peak_rss(self):
        """Sum of the high-water marks: an upper bound of what all held at once."""
        total = 0
        for pid in [self.process.pid, *self.children().values()]:
            status = pathlib.Path(f"/proc/{pid}/status").read_text()
            total += int(re.search(r"VmHWM:\s+(\d+) kB", status).group(1)) * 1024
        return total

    def terminate(self):
        """SIGTERM, once: a second one means "at once"."""
        if self.process.poll() is None and not self.ending:
            self.process.send_signal(signal.SIGTERM)
        self.ending = True

    def stop(self, check=True):
        """Every exit must be 0, in time, leave no process and no sanitizer report."""
        if self.process is None:
            return
        group = self.group
        self.terminate()
        try:
            code = self.process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(group, signal.SIGKILL)
            self.process.wait()
            code = "none: killed after 30 s"
        left = group_members(group)
        if left:
            os.killpg(group, signal.SIGKILL)
        self.process = None
        if not check:
            return
        log = self.log()
        trouble = TROUBLE.search(log)
        assert not trouble, f"in the log:\n{log[max(0, trouble.start() - 500):][:6000]}"
        assert code == 0, f"exit code {code} on SIGTERM:\n{log[-3000:]}"
        codes = [p.wait(10) for p in self.before]
        assert not any(codes), f"exit codes {codes} after upgrades:\n{log[-3000:]}"
        assert not left, f"processes left behind: {left}"

    def kill(self):
        """kill -9 of all its processes at once, as a power cut would."""
        group = self.group
        os.killpg(group, signal.SIGKILL)
        self.process.wait()
        self.process = None
        while group_members(group):  # what they held open is let go only then
            time.sleep(0.001)


def processes():
    return [int(p) for p in os.listdir("/proc") if p.isdigit()]


def group_members(group):
    found = []
    for pid in processes():
        try:
            stat = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            threads = len(os.listdir(f"/proc/{pid}/task"))
        except OSError:
            continue
        # The first thread may be dead and the others not yet.
        if int(stat[2]) == group and (stat[0] != "Z" or threads > 1):
            found.append(pid)
    return found
