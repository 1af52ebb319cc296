# SPDX-License-Identifier: Apache-2.0
"""How long an answer that may change is given without asking again: lists, @latest, branches, absences."""

import os
import threading
import time

import pytest

from lib import expect, herd

LIST = "/example.com/m/@v/list"
LATEST = "/example.com/m/@latest"
MAIN = "/example.com/m/@v/main.info"
MUTABLE = [LIST, LATEST, MAIN]
HOUR = 3600


@pytest.fixture
def tagged(tree):
    return tree.add("example.com/m", "v1.0.0").latest("example.com/m", "v1.0.0").query("example.com/m", "main", "v1.0.0")


def next_version(tree):
    tree.add("example.com/m", "v1.1.0").latest("example.com/m", "v1.1.0").query("example.com/m", "main", "v1.1.0")


def made_older(m, target, seconds):
    file = m.store / "modules" / target[1:]
    at = time.time() - seconds
    os.utime(file, (at, at))


@pytest.mark.parametrize("target", MUTABLE)
def test_fresh_for_the_time_that_is_set(modgate_of, origin, tagged, target):
    """Fresh: nobody is asked, not even after a restart. Stale: answered, and one refresh runs. Older: asked
    first."""
    m = modgate_of(origin.url, config="list:\n  fresh: 1h\n  stale: 1h\n")
    first = expect.success(m.get(target), tagged.files[target[1:]])
    next_version(tagged)
    for _ in range(2):
        for _ in range(5):
            answer = expect.success(m.get(target), first.body)
            assert answer.field("Cache-Status") is None
            assert 0 < int(answer.field("Cache-Control").split("max-age=")[1]) <= HOUR
        m.stop()
        made_older(m, target, HOUR - 120)
        m.start()
    assert origin.count() == 1

    m.stop()
    made_older(m, target, HOUR + 60)
    m.start()
    stale = expect.success(m.get(target), first.body)
    assert "stale" in stale.field("Cache-Status")
    origin.wait_for(target, 2)

    m.stop()
    made_older(m, target, 3 * HOUR)
    tagged.add("example.com/m", "v1.2.0").latest("example.com/m", "v1.2.0").query("example.com/m", "main", "v1.2.0")
    m.start()
    assert b"v1.2.0" in expect.success(m.get(target)).body
    assert origin.count(target) == 3


@pytest.mark.parametrize("target", MUTABLE)
def test_many_ask_for_what_is_stale_and_one_refresh_runs(modgate_of, origin, tagged, target):
    m = modgate_of(origin.url, config="list:\n  fresh: 0s\n  stale: 1h\n")
    old = expect.success(m.get(target)).body
    gate = threading.Event()
    origin.on(".", hold=gate)
    next_version(tagged)
    members = herd.run(m.address, [target] * 50, old)
    assert all(x.status == 200 and x.as_expected for x in members), "the refresh held them up"
    origin.wait_for(target, 2)
    assert origin.count() == 2
    gate.set()


def test_s11_35_an_absence_is_forgotten_in_time(modgate_of, origin, tree):
    """What is published after somebody asked for it too early appears by itself."""
    m = modgate_of(origin.url, config="fetch:\n  absent: 1s\n")
    targets = ["/example.com/m/@v/list", "/example.com/m/@v/v1.0.0.info", "/example.com/m/@v/v1.0.0.zip", "/example.com/m/@latest"]
    for target in targets:
        expect.failure(m.get(target), 404)
    tree.add("example.com/m", "v1.0.0")
    end = time.monotonic() + 20
    for target in targets:
        while m.get(target).status != 200:
            assert time.monotonic() < end, f"{target} is still said to be absent"
            time.sleep(0.05)


def test_s11_35_absences_are_short_by_default(modgate_of, origin):
    m = modgate_of(origin.url)
    for target in ("/example.com/m/@v/list", "/example.com/m/@v/v1.0.0.info"):
        control = expect.failure(m.get(target), 404).field("Cache-Control")
        assert int(control.split("max-age=")[1]) <= 60


def test_a_remembered_absence_outlives_the_upstream(modgate_of, origin, tree):
    """The go command asks for every parent path of a module: with the upstream gone those must stay the
    404 they were, also after a restart, or no build would do without the upstream."""
    m = modgate_of(origin.url, config="fetch:\n  absent: 0s\nupstream:\n  retries: 0\n")
    probe = "/github.com/user/@v/list"
    expect.failure(m.get(probe), 404)
    m.stop()
    origin.stop()
    m.start()
    expect.failure(m.get(probe), 404, "cannot be asked again now")
    expect.failure(m.get("/github.com/other/@v/list"), (502, 503))
