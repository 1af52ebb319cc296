# SPDX-License-Identifier: Apache-2.0
"""What grows with what clients do, and where it ends."""

import os
import pathlib
import re
import resource
import signal

from lib import expect
from lib.modgate import sanitized


def resident(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) * 1024


def test_slow_readers_of_a_large_go_mod_share_it(modgate_of, origin, tree):
    size = 4 << 20
    tree.add("example.com/m", "v1.0.0", gomod="module example.com/m\n" + "//" + "x" * size + "\n")
    target = "/example.com/m/@v/v1.0.0.mod"
    m = modgate_of(origin.url, config="hot-cache: 1MiB\n")
    expect.success(m.get(target), tree.files[target[1:]])
    front = m.children()["front"]
    before = resident(front)
    readers = [m.session() for _ in range(40)]
    for reader in readers:
        reader.send_request(target)
    for reader in readers:
        reader.fill()  # it has begun, and is not taken further
    grown = resident(front) - before
    assert grown < (16 if not sanitized() else 64) * size / 4, f"{grown >> 20} MiB for {len(readers)} readers"
    for reader in readers[:3]:
        expect.success(reader.answer(), tree.files[target[1:]])
    for reader in readers:
        reader.close()


def test_a_long_list_stays_a_list(modgate_of, origin, tree):
    """Sent from the file, like everything large, with all that belongs to what may change."""
    target = "/example.com/m/@v/list"
    long = b"".join(b"v1.%d.0\n" % i for i in range(5000))
    tree.files[target[1:]] = long
    m = modgate_of(origin.url, config="list:\n  fresh: 0s\n  stale: 1h\n")
    expect.success(m.get(target), long)
    longer = tree.files[target[1:]] = long + b"v1.5000.0\n"
    stale = expect.success(m.get(target), long)
    assert "stale" in stale.field("Cache-Status")
    assert m.get(target, [("If-None-Match", stale.field("ETag"))]).status == 304
    origin.wait_for(target, 2)
    while (answer := m.get(target)).body != longer:
        expect.success(answer, long)
    assert answer.field("ETag") != stale.field("ETag")


def test_a_go_get_path_has_a_length(modgate_of, origin):
    m = modgate_of(origin.url, config="go-get: true\n")
    expect.failure(m.get("/example.com/" + "x" * 9000 + "?go-get=1", timeout=5), 404, "too long")
    assert origin.requests == []


def test_connections_leave_descriptors_for_the_rest(modgate_of, origin, tree):
    """However many connect: what is stored can be opened, and a new fetch be reached."""
    for i in range(40):
        tree.add("example.com/m", f"v1.0.{i}")
    m = modgate_of(origin.url)
    for i in range(40):
        expect.success(m.get(f"/example.com/m/@v/v1.0.{i}.mod"))
    resource.prlimit(m.process.pid, resource.RLIMIT_NOFILE, (200, 200))
    os.kill(m.children()["front"], signal.SIGKILL)  # those that are started now inherit it
    expect.success(m.get("/example.com/m/@v/v1.0.0.mod"))
    m.wait_ready()
    front = m.children()["front"]
    with m.session() as first:
        expect.success(first.request("/example.com/m/@v/v1.0.0.mod"))
        idle = [m.session() for _ in range(300)]  # most wait in the listener's queue
        for i in range(1, 20):
            expect.success(first.request(f"/example.com/m/@v/v1.0.{i}.mod"))
        os.kill(m.children()["fetch"], signal.SIGKILL)
        expect.success(first.request("/example.com/m/@v/v1.0.20.zip"))
        assert m.children()["front"] == front
        for s in idle:
            s.close()
