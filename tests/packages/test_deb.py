# SPDX-License-Identifier: Apache-2.0
"""The Debian package: installed, used, replaced, removed and purged in a system of its own."""

import concurrent.futures
import filecmp
import json
import os
import pty
import re
import select
import stat
import subprocess
import threading
import time

import pytest

from lib import debroot, expect, http
from lib.debroot import make
from lib.modgate import ROOT, binary
from lib.wait import until

pytestmark = [pytest.mark.packages, pytest.mark.timeout(900)]
M = "/example.com/m/@v/"


@pytest.fixture(scope="module")
def system(root, deb):
    """With the package installed, not started."""
    root.said = root.install(deb)
    return root


@pytest.fixture(scope="module")
def described():
    return json.loads(subprocess.run([binary(), "help", "--json"], capture_output=True, text=True, check=True).stdout)


def mode(path):
    s = path.stat()
    return stat.S_IMODE(s.st_mode), s.st_uid, s.st_gid


def ids(system):
    return tuple(map(int, system.run("sh", "-c", "id -u modgate; id -g modgate").split()))


def test_two_packages_of_one_program_are_equal(deb, tmp_path):
    again = next(f for f in make("deb", tmp_path, TZ="Asia/Tokyo", LANG="C") if "dbgsym" not in f)
    assert filecmp.cmp(deb, again, shallow=False)


def test_the_version_is_the_program_s(deb):
    package = subprocess.run(["dpkg-deb", "-f", deb, "Version"], capture_output=True, text=True, check=True).stdout.strip()
    program = subprocess.run([binary(), "version"], capture_output=True, text=True, check=True).stdout.split()[1]
    assert package == program, "debian/changelog and meson.build name one version"


def test_it_is_built_with_what_make_build_is_built_with():
    needed = re.search(r"(?s)^build=\((.*?)\)", (ROOT / "tools/deps").read_text(), re.M).group(1).split()
    named = re.findall(r"(?m)^ ([a-z0-9.+-]+)", (ROOT / "debian/control").read_text().split("\n\n")[0])
    assert set(needed) - set(named) == {"gcc", "libc6-dev", "ca-certificates"}, "build-essential, and what it runs with"


def test_what_is_installed(system):
    uid, gid = ids(system)
    assert 0 < uid < 1000, "a system user"
    assert system.run("getent", "passwd", "modgate").strip().endswith(":/var/lib/modgate:/usr/sbin/nologin")
    assert mode(system / "var/lib/modgate") == (0o750, uid, gid)
    assert mode(system / "etc/modgate") == (0o750, 0, gid)
    assert mode(system / "etc/modgate/modgate.yaml") == (0o640, 0, gid)
    assert system.run("systemctl", "is-enabled", "modgate.service", "modgate.socket").split() == ["enabled"] * 2
    assert not system.run("dpkg", "--verify", "modgate")
    # Nothing on this system says which upstreams to ask, and that is told.
    assert "modgate cannot start yet:" in system.said and "no upstream to fetch modules from" in system.said


def test_the_units_are_understood_there(system):
    said = system.run("systemd-analyze", "verify", "modgate.service", "modgate.socket")
    assert "modgate" not in said, said


def test_the_settings_file_is_right(system, described):
    env = {"GOPROXY": "https://mirror.example", "PATH": debroot.PATH}
    done = subprocess.run(debroot.inside(system.folder, "modgate", "config", "check"), env=env, capture_output=True, text=True)
    assert done.returncode == 0 and "the settings are fine" in done.stdout, done.stderr
    # What is commented out are settings too.
    for file in ("modgate.yaml", "image.yaml"):
        names, section = [], ""
        for line in (ROOT / "deploy" / file).read_text().splitlines():
            m = re.match(r"#?(  )?([a-z-]+):( .*)?$", line)
            if m:
                names += [f"{section}.{m.group(2)}" if m.group(1) else m.group(2)] if m.group(3) else []
                section = section if m.group(3) else m.group(2)
        known = {s["name"] for s in described["settings"]}
        assert names and set(names) <= known, set(names) - known


def test_the_manual_pages_tell_every_command_and_setting(system, described):
    system.environment["MANWIDTH"] = "500"
    page = system.run("man", "--warnings", "modgate")
    for command in described["commands"]:
        assert " ".join(filter(None, ("modgate", command["name"], command["word"]))) in page
    page = system.run("man", "--warnings", "5", "modgate.yaml")
    for setting in described["settings"]:
        entry = re.search(rf"(?m)^ +{re.escape(setting['name'])} \({setting['kind']}\)\n(( {{10}}.*\n)+)", page)
        assert entry and setting["help"] in entry.group(1) and setting["env"] in entry.group(1)
        assert (setting["default"] or "") in entry.group(1)
    assert "warning" not in page and "@" not in page.replace("@latest", "")


BASH = """
source /usr/share/bash-completion/bash_completion
_completion_loader modgate
complete -p modgate >&2
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_modgate
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.mark.parametrize("words, offered", [
    (["ver"], {"verify", "version"}),
    (["config", ""], {"check", "show"}),
    (["verify", "--rep"], {"--repair"}),
    (["serve", "--list-"], {"--list-fresh", "--list-stale", "--listen"} - {"--listen"}),
    (["serve", "--log-level", ""], {"debug", "info", "warn", "error"}),
    (["serve", "--log-format", "=", "j"], {"json"}),
    (["serve", "--offline", "=", "t"], {"true"}),
    (["serve", "--offline", "--gopr"], {"--goproxy", "--goprivate"}),
    (["serve", "--tls-cert", "/etc/modgate/"], {"/etc/modgate/modgate.yaml"}),
    (["version", "--"], {""}),
])
def test_bash_completes(system, words, offered):
    done = system.try_run("bash", "--norc", "-c", BASH, "bash", "modgate", *words)
    assert set(done.stdout.splitlines()) == offered, done.stderr


def test_zsh_completes(system):
    """Typed into a terminal: there is no other way to ask it."""
    child, terminal = pty.fork()
    if child == 0:
        os.execve("/usr/bin/unshare", debroot.inside(system.folder, "zsh", "-f", "-i"), {**system.environment, "TERM": "dumb"})
    seen = b""

    def see(pattern, typed):
        nonlocal seen
        os.write(terminal, typed)
        seen, end = b"", time.monotonic() + 60
        while not re.search(pattern, seen):
            assert time.monotonic() < end, seen
            if select.select([terminal], [], [], 1)[0]:
                seen += os.read(terminal, 4096)

    try:
        see(rb"ready-7", b"autoload -U compinit; compinit -u -D; echo ready-$((3 + 4))\n")
        see(rb"config ", b"modgate conf\t")
        see(rb"check", b"che\t")
        see(rb"done-7", b"\x15echo done-$((3 + 4))\n")
        see(rb"--log-format=", b"modgate serve --log-for\t")
        see(rb"json", b"js\t")
    finally:
        os.close(terminal)
        os.kill(child, 9)
        os.waitpid(child, 0)


def next_version(deb, folder):
    """The same package with a higher version."""
    subprocess.run(["dpkg-deb", "-R", deb, folder / "tree"], check=True)
    control = folder / "tree/DEBIAN/control"
    control.write_text(re.sub(r"(?m)^Version: .*", "Version: 999", control.read_text()))
    subprocess.run(["dpkg-deb", "-Znone", "--root-owner-group", "-b", folder / "tree", folder / "next.deb"],
                   check=True, capture_output=True)
    return folder / "next.deb"


class Load:
    """Requests, each on a new connection, without end and without a pause."""

    def __init__(self, port):
        self.port, self.done, self.ending = port, 0, threading.Event()
        self.pool = concurrent.futures.ThreadPoolExecutor(2)
        self.threads = [self.pool.submit(self.ask) for _ in range(2)]

    def ask(self):
        while not self.ending.is_set():
            expect.success(http.request(("127.0.0.1", self.port), M + "v1.0.0.mod"))
            self.done += 1

    def finish(self):
        self.ending.set()
        for t in self.threads:
            t.result(120)
        return self.done


def test_life_of_the_package(system, deb, origin, tree, tmp_path):
    """Started by its installation, replaced without losing a request, removed, purged."""
    tree.add("example.com/m", "v1.0.0")
    settings = system / "etc/modgate/modgate.yaml"
    settings.write_text(settings.read_text() + f"goproxy: {origin.url}\ngosumdb: off\n")
    written, before = settings.read_text(), mode(settings)
    newer = next_version(deb, tmp_path)
    store = system / "var/lib/modgate"

    with debroot.Manager(system, tmp_path / "log", {}) as manager:
        system.run("dpkg-reconfigure", "modgate")
        assert manager.calls[:2] == ["start socket", "restart service"]

        # Root's own calls are for the same store, and leave nothing of root's there.
        expect.success(http.request(("127.0.0.1", manager.port), M + "v1.0.0.mod"))
        expect.success(http.request(("127.0.0.1", manager.port), M + "v1.0.0.zip"))
        assert "nothing is damaged" in system.run("modgate", "verify")

        load = Load(manager.port)
        manager.calls.clear()
        system.install(newer)
        asked = load.done
        until(lambda: load.done > asked + 10)
        assert load.finish() > 20
        # Replaced when its files are, and the socket never closed.
        assert manager.calls == ["start socket", "restart service"] and manager.exits == [0, 0][:len(manager.exits)]
        assert system.run("dpkg-query", "-W", "-f", "${Version}", "modgate") == "999"
        assert settings.read_text() == written and mode(settings) == before

        manager.calls.clear()
        system.run("apt-get", "-qq", "-y", "remove", "modgate")
        assert manager.calls[:2] == ["stop socket", "stop service"]
        assert not manager.process and set(manager.exits) == {0}

    uid, gid = mode(store)[1:]
    assert (store / "modules/example.com/m/@v/v1.0.0.zip").exists() and settings.exists()
    assert {mode(p)[1:] for p in store.rglob("*")} == {(uid, gid)}
    assert not (system / "usr/bin/modgate").exists()

    system.run("apt-get", "-qq", "-y", "purge", "modgate")
    assert not store.exists() and not (system / "etc/modgate").exists()
    left = [p for top in ("etc", "lib/systemd", "usr", "var/lib/systemd") for p in (system / top).rglob("*modgate*")]
    assert not left, left
