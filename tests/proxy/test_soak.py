# SPDX-License-Identifier: Apache-2.0
"""`make soak`: SOAK_SECONDS of mixed load with kills, outages and slow upstreams. Every answer is right
or an honest failure, and neither memory nor descriptors grow."""

import os
import random
import shutil
import signal
import threading
import time

import pytest

from lib import expect, http
from lib.origin import Reply, reset

SECONDS = int(os.environ.get("SOAK_SECONDS", "60"))
MODULES = 40


def descriptors(m):
    return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in m.children().values())


class Client(threading.Thread):
    """Asks for random things until told to stop; what is wrong goes into `trouble`."""

    def __init__(self, m, tree, seed, stop):
        super().__init__(daemon=True)
        self.m, self.tree, self.rng, self.stop = m, tree, random.Random(seed), stop
        self.trouble, self.right, self.failed = None, 0, 0

    def one(self, session):
        name = self.rng.choice(list(self.tree.files))
        target = "/" + name if self.rng.random() < 0.97 else "/example.com/absent/@v/list"
        answer = session.request(target, method=self.rng.choice(["GET", "GET", "GET", "HEAD"]))
        if answer.status == 200:
            self.right += 1
            assert not answer.body or target.endswith(("list", "@latest")) or answer.body == self.tree.files[name], target
        elif answer.status == 404:
            assert "absent" in target, (target, answer)
        else:
            self.failed += 1
            assert answer.status in (502, 503, 504), (target, answer)

    def run(self):
        while not self.stop.is_set():
            try:
                with http.Session(self.m.address, 60) as session:
                    for _ in range(self.rng.randrange(1, 50)):
                        self.one(session)
                        if self.stop.is_set():
                            return
            except (http.Broken, ConnectionError):
                pass  # the process was being restarted
            except Exception as e:
                self.trouble = repr(e)
                return


def mischief(rng, m, origin, restart):
    kind = rng.choice(["fetch", "outage", "cut", "slow", "nothing", "restart", "front"])
    if kind in ("fetch", "front") and (pid := m.children().get(kind)):
        os.kill(pid, signal.SIGKILL)
        m.wait_ready()
    elif kind == "outage":
        origin.on(".", Reply(rng.choice([500, 502, 503, 429])), times=rng.randrange(1, 60))
    elif kind == "cut":
        origin.on(".", raw=lambda conn, _: conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf") or reset(conn),
                  times=rng.randrange(1, 20))
    elif kind == "slow":
        gate = threading.Event()
        origin.on(".", hold=gate, times=rng.randrange(1, 10))
        threading.Timer(rng.random(), gate.set).start()
    elif kind == "restart":
        restart()


@pytest.mark.soak
@pytest.mark.timeout(SECONDS + 300)
def test_a_long_day(modgate_of, origin, tree):
    rng = random.Random(int(time.time()))
    for i in range(MODULES):
        tree.add(f"example.com/m{i}", f"v1.0.{i}", files={"noise": rng.randbytes(rng.choice([10, 5000, 300_000]))})
        tree.latest(f"example.com/m{i}", f"v1.0.{i}")
    m = modgate_of(origin.url, config="list:\n  fresh: 1s\n  stale: 1s\nupstream:\n  breaker-open: 1s\n")

    def restart():
        m.kill()
        if rng.random() < 0.7:  # else little would be left to fetch
            shutil.rmtree(m.store)
        m.start()

    stop = threading.Event()
    clients = [Client(m, tree, rng.random(), stop) for _ in range(16)]
    for client in clients:
        client.start()
    end = time.monotonic() + SECONDS
    marks = []
    while time.monotonic() < end and not any(c.trouble for c in clients):
        mischief(rng, m, origin, restart)
        stop.wait(rng.random() * 3)
        marks.append((m.rss() >> 20, descriptors(m)))
    stop.set()
    for client in clients:
        client.join(90)
    assert not [c.trouble for c in clients if c.trouble]
    right, failed = sum(c.right for c in clients), sum(c.failed for c in clients)
    print(f"{right} right, {failed} honest failures; MiB and descriptors at times: {marks[:: max(1, len(marks) // 10)]}")
    assert right > failed
    origin.off()
    m.kill()
    m.start()
    for name, data in tree.files.items():
        if name.endswith((".info", ".mod", ".zip")):
            expect.success(m.get("/" + name), data)
    assert descriptors(m) < 500
