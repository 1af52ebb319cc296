# SPDX-License-Identifier: Apache-2.0
"""What is left behind of private fetches by a whole modgate: of those that nobody waits for any more, and of many."""

import contextlib
import os
import pathlib
import random
import shutil
import socket
import time

import pytest

from lib.gitserver import GitServer
from lib.modgate import sanitized
from lib.wait import until

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="there is no git")

HOST = "git.example.test"
QUICK = "upstream:\n  retries: 0\nfetch:\n  absent: 0s\n  denied: 0s\n  down: 0s\nlist:\n  stale: 1ms\n  fresh: "
VERSIONS = 20


@pytest.fixture
def server(tmp_path):
    with GitServer(tmp_path) as s:
        yield s


@pytest.fixture
def private(modgate_of, server, origin):
    return lambda fresh: modgate_of(origin.url, config=f"{QUICK}{fresh}\n", env={
        **server.environment(), "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", "GOPRIVATE": f"{HOST}/*"})


def fill(server, name):
    r, c = server.add(f"{HOST}/{name}"), None
    for i in range(VERSIONS):
        c = r.commit({"go.mod": f"module {HOST}/{name}\n", "x.go": f"package x // {i}\n"}, parents=[c] if c else [], branch="main")
        r.tag(f"v1.{i}.0", c)
    r.write()


def below(pid):
    """All processes that it has started, and those have. Some may end meanwhile."""
    found = []
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for t in pathlib.Path(f"/proc/{pid}/task").iterdir():
            for child in (t / "children").read_text().split():
                found += [int(child), *below(child)]
    return found


def descriptors(m):
    return {role: len(os.listdir(f"/proc/{pid}/fd")) for role, pid in m.children().items()}


def leftovers(m):
    """Folders may go while they are walked."""
    mirrors = [name for _, folders, files in os.walk(m.store / "mirrors") for name in folders + files
               if name.startswith("tmp_") or name.endswith(".lock") or ".aside" in name]
    return mirrors + os.listdir(m.store / "tmp")


def test_requests_that_nobody_waits_for_leave_nothing(private, server):
    """CANCELS=1000 makes them a thousand. Lists, rev queries and zips, of mirrors that are there and of new ones."""
    m = private("1ms")
    rnd, many = random.Random(1), int(os.environ.get("CANCELS", "60"))
    names = [f"m{i}" for i in range(12)]
    for name in names:
        fill(server, name)
    m.get(f"/{HOST}/m0/@v/list")
    fetch = m.children()["fetch"]
    before = descriptors(m)
    for i in range(many):
        name, version = rnd.choice(names), f"v1.{rnd.randrange(VERSIONS)}.0"
        path = rnd.choice([f"/{HOST}/{name}/@v/list", f"/{HOST}/{name}/@v/q{i}.info", f"/{HOST}/{name}/@v/{version}.info",
                           f"/{HOST}/{name}/@v/{version}.zip"])
        with socket.create_connection(m.address) as s:
            s.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            time.sleep(rnd.random() * 0.06)
        if i % 20 == 19:  # else all but one job of each name would wait for that one
            until(lambda: not below(fetch), 60)
            for mirror in rnd.sample(sorted((m.store / "mirrors").iterdir()), 1 if any((m.store / "mirrors").iterdir()) else 0):
                shutil.rmtree(mirror, ignore_errors=True)
    until(lambda: not below(fetch), 60)
    until(lambda: not leftovers(m), 60)
    for name in names:
        assert m.get(f"/{HOST}/{name}/@v/v1.0.0.zip").status == 200
        assert m.get(f"/{HOST}/{name}/@v/list").text.count("\n") == VERSIONS
    until(lambda: not below(fetch), 60)
    assert m.children()["fetch"] == fetch
    after = descriptors(m)
    # What it holds ready, connections between the processes and upstream ones, does not grow with requests.
    assert all(after[role] <= before[role] + 12 for role in before), (before, after)
    assert m.log().count("result=canceled") > many / 10


def test_memory_stays_level(private, server):
    """REQUESTS=10000 makes them ten thousand: questions that are put to fetch, of which a few are put to the repository."""
    m = private("2s")
    for i in range(4):
        fill(server, f"m{i}")

    def ask(n):
        with m.session() as s:
            for i in range(n):
                kind = [f"@v/v1.{i % VERSIONS}.0.info", "@v/main.info", "@v/list", f"@v/no{i % 50}.info", f"p{i % 50}/@v/list", "@latest"]
                s.send(f"GET /{HOST}/m{i % 4}/{kind[i // 4 % 6]} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
                assert s.answer("GET").status in (200, 404)

    many = int(os.environ.get("REQUESTS", "300"))
    ask(max(many // 5, 300))
    before = m.rss()
    ask(many)
    if not sanitized():  # whose allocator keeps what was freed
        assert m.rss() < before * 1.1 + (2 << 20), (before, m.rss())
    print("resident before and after:", before, m.rss())
