# SPDX-License-Identifier: Apache-2.0
"""A minute of each flood (T30-T34, T36, T39) on the server as it is: what it costs, and what another client notices."""

import os
import statistics
import subprocess
import sys
import threading
import time

import pytest

from lib import floods, h2
from lib.gocmd import ROOT
from lib.metrics import read
from lib.modgate import sanitized

SECONDS = float(os.environ.get("FLOOD_SECONDS", 60))
SMALL = "/example.com/m/@v/v1.0.0.mod"
HELD = "/example.com/held/@v/list"
NAMES = [make.__name__ for make, _ in floods.FLOODS] + [other.__name__ for other in floods.OTHERS]


def flooding(m, name, seconds):
    """In a process of its own: what it takes of this one's time would be counted as the server's."""
    argv = [sys.executable, "-m", "lib.floods", *map(str, m.address), SMALL, HELD, name, str(seconds)]
    return subprocess.Popen(argv, cwd=ROOT / "tests", stdout=subprocess.PIPE, text=True)


def waits(m, until):
    """How long each answer took, one after the other on one connection."""
    times = []
    with h2.Client(m.address) as c:
        c.settled()
        while not until(len(times)):
            began = time.perf_counter()
            assert c.get(SMALL).status == 200
            times.append(time.perf_counter() - began)
    return times


def p99(times):
    return statistics.quantiles(times, n=100)[98]


def rss(m):
    return read(m).of("process_resident_memory_bytes", process="front")


@pytest.mark.soak
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", NAMES)
def test_a_minute_of_it(modgate_of, origin, tree, name):
    tree.add("example.com/m", "v1.0.0")
    go_on = threading.Event()
    origin.on(r"held/@v/list$", hold=go_on)
    m = modgate_of(origin.url, config="workers: 1\nprefetch: false\n", scheme="h2c://")
    assert m.get(SMALL).status == 200
    flooding(m, name, 1).communicate(timeout=300)  # what the first ones allocate stays
    waits(m, lambda n: n >= 500)
    before = waits(m, lambda n: n >= 5000)
    base = rss(m)
    flood = flooding(m, name, SECONDS)
    during = waits(m, lambda n: flood.poll() is not None and n >= 200)
    cost = rss(m) - base
    count = int(flood.stdout.read())
    assert flood.returncode == 0
    go_on.set()
    print(f"\n{name}: {count} connections in {SECONDS:.0f} s, RSS {cost >> 10:+} KiB, "
          f"p99 {p99(before) * 1e6:.0f} -> {p99(during) * 1e6:.0f} us")
    if not sanitized():
        assert cost <= 8 << 20
        assert p99(during) <= 2 * p99(before) + 0.001
