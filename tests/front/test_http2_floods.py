# SPDX-License-Identifier: Apache-2.0
"""Floods (T30-T34, T36, T39) of the server as it is: what they cost, what another client notices, how they are counted.
Seconds with and without the flood take turns: what else the machine does concerns both."""

import os
import statistics
import subprocess
import sys
import threading
import time

import pytest

from lib import floods
from lib.clean import Clean, cores, on, p99
from lib.gocmd import ROOT
from lib.metrics import read
from lib.modgate import sanitized

SECONDS = float(os.environ.get("FLOOD_SECONDS", 60))
SLICES = 12
SMALL = "/example.com/m/@v/v1.0.0.mod"
HELD = "/example.com/held/@v/list"
NAMES = [make.__name__ for make, _ in floods.FLOODS] + [other.__name__ for other in floods.OTHERS]
KINDS = {"rapid_reset": "resets", "made_you_reset_by_window": "faults", "heads_too_large": "faults",
         "acknowledgements": "chatter", "windows": "chatter", "continuations": "head", "pings": "unsent"}


@pytest.fixture
def flooded(modgate_of, origin, tree):
    """A server on a core of its own, and a flood of it on another."""
    tree.add("example.com/m", "v1.0.0")
    go_on = threading.Event()
    origin.on(r"held/@v/list$", hold=go_on)
    with on(cores()[0]):
        m = modgate_of(origin.url, config="workers: 1\nprefetch: false\n", scheme="h2c://")
    assert m.get(SMALL).status == 200

    def begin(name, seconds):
        argv = [sys.executable, "-m", "lib.floods", *map(str, m.address), SMALL, HELD, name, str(seconds)]
        with on(cores()[1]):
            flood = subprocess.Popen(argv, cwd=ROOT / "tests", stdout=subprocess.PIPE, text=True)
        assert flood.stdout.readline() == "begun\n"
        return flood

    yield m, begin
    go_on.set()


def end(flood):
    """How often it was sent."""
    out, _ = flood.communicate(timeout=300)
    assert flood.returncode == 0
    return int(out)


def rss(m):
    return read(m).of("process_resident_memory_bytes", process="front")


@pytest.mark.parametrize("name", KINDS)
def test_a_moment_of_it(flooded, name):
    m, begin = flooded
    end(begin(name, 0.2))
    base = rss(m)
    assert end(begin(name, 0.5)) >= 1
    now = read(m)
    assert now.of("modgate_http2_floods_total", kind=KINDS[name]) >= 2
    assert now.of("modgate_http2_floods_total", kind=KINDS[name]) == now.of("modgate_http2_floods_total")
    assert m.get(SMALL).status == 200
    if not sanitized():
        assert now.of("process_resident_memory_bytes", process="front") - base <= 8 << 20


@pytest.mark.soak
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", NAMES)
def test_a_minute_of_it(flooded, name):
    m, begin = flooded
    end(begin(name, 1))  # what the first ones allocate stays
    base, cost, count = rss(m), 0, 0
    with Clean(m.address, SMALL, core=cores()[1], pause=0.0003) as clean:
        for i in range(SLICES):
            clean.during(f"quiet {i}")
            time.sleep(SECONDS / SLICES)
            clean.during("between")
            flood = begin(name, SECONDS / SLICES)
            clean.during(f"flood {i}")
            while flood.poll() is None:
                cost = max(cost, rss(m) - base)
                time.sleep(0.25)
            clean.during("between")
            count += end(flood)
        times = clean.end()
    # The median: a moment in which the machine was somebody else's is in one of them.
    before, during = (statistics.median(p99(times[f"{what} {i}"]) for i in range(SLICES)) for what in ("quiet", "flood"))
    print(f"\n{name}: {count} times in {SECONDS:.0f} s, RSS {cost / 1024:+.0f} KiB, p99 {before * 1e6:.0f} -> "
          f"{during * 1e6:.0f} us, {during / before:.2f} times")
    if not sanitized():
        assert cost <= 8 << 20
        assert during <= 2 * before
