# SPDX-License-Identifier: Apache-2.0
"""kill -9 of the process that writes, at any system call from the request to the commit: the fetch from
upstream, the proof by the checksum database, the tiles and the head it leaves, the files of the store (F01).
test_crash.py does the same to a single commit."""

import collections
import random
import re
import shutil
import threading

import pytest

from lib import expect, modgate, storecheck
from lib.kills import KillAt
from lib.origin import Origin
from lib.sumdb import Sumdb
from lib.tree import Made

ENDS = ("info", "mod", "zip")
# What changes the store: each of them has to be among the calls that somebody was killed at.
WRITES = {"pwrite64", "fsync", "linkat", "renameat", "unlinkat", "mkdirat"}
# Nothing is tried twice, no failure is remembered.
CONFIG = "upstream:\n  retries: 0\n  breaker-failures: 1000\nfetch:\n  absent: 0s\n  denied: 0s\n  down: 0s\n"


def soon(check):
    """What is true after a moment at the latest."""
    tries = threading.Event()
    for _ in range(200):
        if check():
            return
        tries.wait(0.05)
    assert check()


class World:
    """An upstream, a database, and modgates on stores that come and go."""

    def __init__(self, folder, program):
        self.folder, self.lives = folder, 0
        self.tree = Made()
        self.origin = Origin(self.tree).start()
        self.sumdb = Sumdb(program).start()
        self.sumdb.know(self.tree).fill(300)
        self.names = 0

    def close(self):
        self.origin.stop()
        self.sumdb.__exit__()

    def live(self):
        """A modgate on an empty store."""
        folder = self.folder / f"life{self.lives}"
        self.lives += 1
        folder.mkdir()
        return modgate.Modgate(folder, self.origin.url, config=CONFIG, env={"GOSUMDB": self.sumdb.gosumdb}).start()

    def module(self):
        self.names += 1
        name = f"example.com/m{self.names}"
        self.tree.add(name, "v1.0.0", files={"noise.bin": random.Random(name).randbytes(150_000)})
        return f"{name}/@v/v1.0.0."

    def fetch(self, m, module):
        """-> what was acknowledged"""
        got = set()
        for end in ENDS:
            answer = m.get("/" + module + end)
            if answer.status == 200:
                assert answer.body == self.tree.files[module + end]
                got.add(module + end)
            else:
                expect.failure(answer, (502, 503, 504))
        return got

    def check_alone(self, m, acknowledged):
        """Killed as a whole and started again, with nobody to ask."""
        m.kill()
        self.check_nothing_empty(m.store)
        gone = [(there, there.gone()) for there in (self.origin, self.sumdb)]
        m.start_elsewhere()
        storecheck.check(m.store, self.tree, self.sumdb)
        named = f"/sumdb/{self.sumdb.name}"
        for name in sorted(acknowledged):
            assert expect.success(m.get("/" + name)).body == self.tree.files[name]
            if not name.endswith(".info"):
                lookup = "/lookup/" + name.replace("/@v/", "@").rsplit(".", 1)[0]
                storecheck.check_lookup(expect.success(m.get(named + lookup)).body, lookup[1:], self.sumdb)
        storecheck.check_head(expect.success(m.get(named + "/latest")).body, self.sumdb)
        m.stop()
        for there, rule in gone:
            there.off(rule)

    def check_nothing_empty(self, root):
        for part in ("modules", "sumdb"):
            for file in (root / part).rglob("*"):
                assert not file.is_file() or file.stat().st_size > 0, file

    # -- the experiment

    def kill_at(self, m, point, seen):
        """One module, fetched by a process that dies at the (nth, name) call; -> what was acknowledged."""
        pid = m.children()["fetch"]
        module = self.module()
        with KillAt(pid, *point) as killer:
            got = self.fetch(m, module)
        asked = {name: self.origin.count(re.escape(name)) for name in got}
        if killer.what == "killed":
            seen[killer.value] += 1
            soon(lambda: m.children().get("fetch", pid) != pid)
        soon(lambda: m.get("/readyz").status == 200 and not any((m.store / "tmp").iterdir()))
        # All there is can be had at once, whatever was left.
        assert self.fetch(m, module) == {module + end for end in ENDS}
        assert asked == {name: self.origin.count(re.escape(name)) for name in got}, "what was acknowledged was fetched again"
        self.check_nothing_empty(m.store)
        return {module + end for end in ENDS}

    def count(self):
        """Calls of one fetch into an empty store, and of one that follows, by name."""
        m = self.live()
        counts = []
        for _ in range(2):
            with KillAt(m.children()["fetch"], 0) as killer:
                self.fetch(m, self.module())
            assert killer.counted.total() == int(killer.value) > 200
            counts.append(killer.counted)
        m.stop()
        return counts


@pytest.fixture
def world(tmp_path, sumdb_program):
    w = World(tmp_path, sumdb_program)
    yield w
    w.close()


def kill_everywhere(world, points):
    """points: [(call of the first fetch into an empty store, [calls of those that follow])]"""
    seen = collections.Counter()
    for first, others in points:
        m = world.live()
        acknowledged = set()
        try:
            for point in (first, *others):
                acknowledged |= world.kill_at(m, point, seen)
            world.check_alone(m, acknowledged)
        except BaseException:
            print(f"killed at call {first} of the first fetch, {others} of the following ones\n{m.log()[-5000:]}")
            raise
        finally:
            m.stop(check=False)
        shutil.rmtree(m.folder)
    print(f"killed {seen.total()} times: {dict(seen)}")
    assert WRITES <= set(seen), seen
    return seen


def lives_of(cold, warm):
    """Each of the points once; the following fetches of a life share theirs out."""
    share = -(-len(warm) // len(cold))
    return [(point, warm[i * share:(i + 1) * share]) for i, point in enumerate(cold)]


def test_f01_fetch_is_killed_at_some_calls(world):
    """A few of each that changes the store, and of all others."""
    rng, points = random.Random(), []
    for counted in world.count():
        names = [name for name in sorted(WRITES) if counted[name]]
        assert len(names) >= 5
        some = [(rng.randint(1, counted[name]), name) for name in 2 * names]
        some += [(rng.randint(1, counted.total()),) for _ in range(6)]
        points.append(rng.sample(some, len(some)))
    assert kill_everywhere(world, lives_of(*points)).total() >= 30


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_f01_fetch_is_killed_at_every_call(world):
    cold, warm = ([(nth,) for nth in range(1, counted.total() + 1)] for counted in world.count())
    assert kill_everywhere(world, lives_of(cold, warm)).total() >= 0.9 * (len(cold) + len(warm))
