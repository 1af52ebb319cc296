# SPDX-License-Identifier: Apache-2.0
"""Certificates, settings and the binary change, and fetch dies, under constant load by HTTP/1.1 and HTTP/2, in the clear and
by TLS: no hit fails, no byte is wrong (F18, F28)."""

import contextlib
import os
import random
import shutil
import signal
import time

import pytest

from lib import certs, expect
from lib.load import Load
from lib.modgate import Adopted, binary, group_members
from lib.ports import free_port
from lib.wait import until

M = "/example.com/m/@v/"


def put(pair, folder):
    """Both files at once, as cert-manager does: a link to a folder is replaced."""
    fresh = folder / f"of-{time.monotonic_ns()}"
    fresh.mkdir()
    shutil.copyfile(pair.cert, fresh / "tls.crt")
    shutil.copyfile(pair.key, fresh / "tls.key")
    (fresh / "tls.key").chmod(0o600)
    link = folder / "fresh"
    link.symlink_to(fresh)
    link.rename(folder / "now")


def install(program):
    fresh = program.with_suffix(".new")
    shutil.copy2(binary(), fresh)
    fresh.rename(program)


class Changes:
    def __init__(self, m, authority, pairs, folder, rng):
        self.m, self.authority, self.pairs, self.folder, self.rng = m, authority, pairs, folder, rng
        self.number = 0
        self.count = {}

    def config(self, more=""):
        (self.m.folder / "modgate.yaml").write_text(
            f"go-proxy-header: n{self.number}\nworkers: {self.rng.randint(1, 4)}\n"
            f"hot-cache: {self.rng.randint(0, 2)}MiB\n{more}")

    def swap(self):
        pair = self.rng.choice(self.pairs)
        put(pair, self.folder)
        context = certs.context(self.authority)

        def served():
            with certs.Session(self.m.secure, context) as s:
                return s.serial == certs.serial(pair)

        until(served, every=0.1)

    def reload(self):
        self.number += 1
        self.config()
        done = self.m.run("reload")
        assert done.returncode == 0, done.stderr
        assert self.m.get("/livez").field("X-Go-Proxy") == f"n{self.number}"

    def broken(self):
        self.config("nonsense: here\n")
        done = self.m.run("reload")
        assert done.returncode == 1 and "modgate.yaml:4" in done.stderr, done.stderr
        assert self.m.get("/livez").field("X-Go-Proxy") == f"n{self.number}"

    def upgrade(self):
        self.config()
        self.number += 1
        self.config()
        install(self.m.program)
        self.m.upgrade()
        assert self.m.get("/livez").field("X-Go-Proxy") == f"n{self.number}"

    def kill(self):
        fetch = self.m.children()["fetch"]
        if self.rng.random() < 0.5:
            self.m.process.send_signal(signal.SIGHUP)  # and in its midst:
        with contextlib.suppress(ProcessLookupError):
            os.kill(fetch, signal.SIGKILL)
        until(lambda: self.m.children().get("fetch", fetch) != fetch)

    def make(self, load, **how_many):
        todo = [name for name, n in how_many.items() for _ in range(n)]
        self.rng.shuffle(todo)
        for i, name in enumerate(todo):
            getattr(self, name)()
            load.wait(self.rng.randint(1, 3))
            assert not load.failures, (name, i, load.failures)
            if i % 5 == 0:  # a miss, or one not long ago
                expect.success(self.m.get(M + f"v1.1.{i % 100}.info"))


@pytest.fixture
def changing(modgate_of, origin, tree, tmp_path):
    """A server that is asked for what it has stored, and what can happen to it."""
    rng = random.Random(seed := random.randrange(1 << 32))
    print(f"seed {seed}")
    for i in range(10):
        tree.add("example.com/m", f"v1.0.{i}", files={"noise": rng.randbytes(4000 * i * i)})
    for i in range(100):
        tree.add("example.com/m", f"v1.1.{i}")
    authority = certs.Authority(tmp_path / "authority")
    pairs = [authority.issue("localhost", ["DNS:localhost", "IP:127.0.0.1"]) for _ in range(3)]
    folder = tmp_path / "certificates"
    folder.mkdir()
    put(pairs[0], folder)
    program = tmp_path / "bin" / "modgate"
    program.parent.mkdir()
    install(program)
    port = free_port()
    m = modgate_of(origin.url, program=program, config="go-proxy-header: n0\n",
                   args=["--listen", f"https://127.0.0.1:{port}", "--tls-cert", str(folder / "now/tls.crt"),
                         "--tls-key", str(folder / "now/tls.key")])
    m.secure = ("127.0.0.1", port)
    return Changes(m, authority, pairs, folder, rng)


@pytest.fixture(autouse=True)
def adopting():
    Adopted.adopt()
    yield
    Adopted.adopt(False)


def never_down(c, threads=8, **how_many):
    m = c.m
    bodies = {t: expect.success(m.get(t)).body
              for t in (M + f"v1.0.{i}.{kind}" for i in range(10) for kind in ("info", "mod", "zip"))}
    begun = time.monotonic()
    with Load(m.address, bodies, threads, secure=(m.secure, c.authority)) as load:
        c.make(load, **how_many)
    assert not load.failures, load.failures
    print(f"{load.done} requests in {time.monotonic() - begun:.0f} s: {how_many}")
    until(lambda: len(group_members(m.group)) == 3)


def test_hits_notice_nothing(changing):
    never_down(changing, swap=2, reload=5, broken=1, upgrade=2, kill=2)


@pytest.mark.soak
@pytest.mark.timeout(3000)
def test_hits_notice_nothing_for_long(changing):
    never_down(changing, swap=20, reload=90, broken=10, upgrade=5, kill=10)
