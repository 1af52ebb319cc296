# SPDX-License-Identifier: Apache-2.0
"""The packages of the program under test, a small Debian system in a folder to install them in, and a service manager
for it as small as can be."""

import os
import pathlib
import shutil
import socket
import subprocess
import threading

from lib import manager
from lib.modgate import ROOT, binary

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def make(tool, folder, **env):
    """By tools/packages/TOOL; the names of what was made."""
    done = subprocess.run([ROOT / "tools/packages" / tool, binary(), folder], capture_output=True, text=True, cwd="/", env={**os.environ, **env})
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.split()


class CannotBeMade(Exception):
    pass


def release():
    lines = pathlib.Path("/etc/os-release").read_text().splitlines()
    return dict(line.replace('"', "").split("=", 1) for line in lines if "=" in line)


def sources():
    """This release, from where apt takes it on this machine."""
    name = release().get("VERSION_CODENAME")
    out = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)", "Created-By: Packages"],
                         capture_output=True, text=True).stdout
    rows = [line.split() for line in out.splitlines()]
    return name, [f"deb {uri} {suite} {component}" for uri, suite, component in rows
                  if suite in (name, f"{name}-updates", f"{name}-security") and component in ("main", "universe")]


def apt_options():
    """How apt reaches its mirrors here (proxies and the like)."""
    said = subprocess.run(["apt-config", "dump"], capture_output=True, text=True).stdout.splitlines()
    kinds = ("Acquire::http", "Acquire::https", "Acquire::Check-", "Acquire::ForceIPv")
    return [line for line in said if line.startswith(kinds) and not line.endswith(' "";')]


def bootstrap(folder, packages):
    """Makes the system in the folder. What is asked for here need not be got from inside, where this machine's ways to a
    mirror may not lead."""
    name, lines = sources()
    if not shutil.which("mmdebstrap") or not lines:
        raise CannotBeMade("mmdebstrap, or the sources of apt for this release, are missing")
    # apt gives the scripts a PATH of its own; Manager's systemctl is in /usr/local.
    options = ['Acquire::Languages "none";', 'Acquire::Retries "3";', f'DPkg::Path "{PATH}";', 'DPkg::Use-Pty "0";', *apt_options()]
    command = ["mmdebstrap", "--mode=root", "--variant=apt", "--skip=cleanup/apt/lists", f"--include={','.join(packages)}",
               "--dpkgopt=force-unsafe-io", "--dpkgopt=path-exclude=/usr/share/locale/*",
               *(f"--aptopt={o}" for o in options), name, str(folder), "-"]
    try:
        done = subprocess.run(command, input="\n".join(lines) + "\n", capture_output=True, text=True, timeout=600)
    except subprocess.TimeoutExpired:
        raise CannotBeMade("mmdebstrap took more than 600 s") from None
    if done.returncode:
        raise CannotBeMade(f"mmdebstrap: {(done.stderr.strip() or 'failed').splitlines()[-1]}")
    return Root(folder)


def inside(folder, *command, user=None, namespace=("--pid", "--fork", "--kill-child")):
    """The command line that runs `command` in the folder; with namespace=() its pid is that of the process."""
    who = ["--setuid", str(user[0]), "--setgid", str(user[1])] if user else []
    return ["/usr/bin/unshare", "--mount", *namespace, "--mount-proc=/proc", f"--root={folder}", *who, *map(str, command)]


class Root:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.environment = {"PATH": PATH, "HOME": "/root", "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}

    def __truediv__(self, name):
        return self.folder / name.lstrip("/")

    def try_run(self, *command, timeout=300, **more):
        return subprocess.run(inside(self.folder, *command), env=self.environment, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=timeout, **more)

    def run(self, *command, **more):
        done = self.try_run(*command, **more)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def install(self, deb):
        shutil.copy(deb, self / "tmp")
        return self.run("apt-get", "-qq", "-y", "--no-install-recommends", "install", f"/tmp/{pathlib.Path(deb).name}")


SYSTEMCTL = """#!/usr/bin/perl
use IO::Socket::UNIX;
my $manager = IO::Socket::UNIX->new(Peer => "/run/manager") or die "no manager: $!";
print $manager join(" ", @ARGV) . "\\n";
my ($code, $text) = split(/ /, <$manager>, 2);
print $text;
exit $code;
"""


class Manager:
    """What systemd would be asked by the package's scripts, and would do: it holds the socket, and runs the service.
    `calls` keeps what was asked that changes something."""

    def __init__(self, root, log, env):
        self.root, self.log, self.env = root, log, env
        self.calls, self.socket, self.process, self.port = [], None, None, None
        self.exits = []

    def __enter__(self):
        (self.root / "run/systemd/system").mkdir(parents=True)
        systemctl = self.root / "usr/local/bin/systemctl"
        systemctl.write_text(SYSTEMCTL)
        systemctl.chmod(0o755)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.root / "run/manager"))
        self.listener.listen()
        self.thread = threading.Thread(target=self.answer)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop_service()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.listener.close()
        self.stop_socket()
        (self.root / "run/manager").unlink()
        (self.root / "usr/local/bin/systemctl").unlink()
        (self.root / "run/systemd/system").rmdir()

    def answer(self):
        while True:
            try:
                asked, _ = self.listener.accept()
            except OSError:
                return
            with asked, asked.makefile("rw") as f:
                words = [w for w in f.readline().split() if not w.startswith("-")]
                try:
                    code, text = self.do(words[0], words[1:])
                except Exception as e:  # the scripts hide what they are told
                    self.calls.append(f"{words}: {e!r}")
                    code, text = 1, ""
                f.write(f"{code} {text}")

    def do(self, what, units):
        if what == "is-enabled":
            return 0, "enabled\n"
        if what == "is-active":
            return (0 if (self.socket if units == ["modgate.socket"] else self.process) else 3), ""
        if what != "daemon-reload":
            self.calls += [f"{what} {u.removeprefix('modgate.')}" for u in units]
        for unit in units:
            if what in ("stop", "restart"):
                (self.stop_service if unit == "modgate.service" else self.stop_socket)()
            if what in ("start", "restart"):
                (self.start_service if unit == "modgate.service" else self.start_socket)()
        return 0, ""

    def start_socket(self):
        if not self.socket:
            self.socket = manager.listening()
            self.port = self.socket.getsockname()[1]

    def stop_socket(self):
        if self.socket:
            self.socket.close()
            self.socket = None

    def start_service(self):
        if self.process:
            return
        ids = self.root.run("sh", "-c", "id -u modgate; id -g modgate").split()
        state = "/var/lib/modgate"
        env = {"PATH": PATH, "HOME": state, "STATE_DIRECTORY": state, **self.env}
        command = inside(self.root.folder, "/usr/bin/modgate", "serve", user=ids, namespace=())
        with open(self.log, "ab") as out:
            self.process = manager.launch(command, {"http": self.socket} if self.socket else None, env, stdout=out, stderr=out)

    def stop_service(self):
        if self.process:
            self.process.terminate()
            self.exits.append(self.process.wait(60))
            self.process = None
