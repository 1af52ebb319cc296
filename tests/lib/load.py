# SPDX-License-Identifier: Apache-2.0
"""Constant load of requests whose answers are known: every body is compared, nothing is tried twice."""

import hashlib
import itertools
import threading
import time

from lib import http


class Load:
    """Within the block `threads` clients ask for the targets {target: body} in turn, half of them on connections
    that they keep as long as they are let, half on a new one each time."""

    def __init__(self, address, bodies, threads=6, pause=0.0):
        self.address = address
        self.expected = {t: hashlib.sha256(b).digest() for t, b in bodies.items()}
        self.pause = pause
        self.stopping = threading.Event()
        self.counts = [0] * threads
        self.failures = []
        self.clients = [threading.Thread(target=self.client, args=(i, i % 2 == 0)) for i in range(threads)]

    def __enter__(self):
        for c in self.clients:
            c.start()
        self.wait(1)
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for c in self.clients:
            c.join()

    @property
    def done(self):
        return sum(self.counts)

    def wait(self, more, seconds=60):
        """Until every client has had so many further answers."""
        goal = [n + more for n in self.counts]
        end = time.monotonic() + seconds
        while any(n < g for n, g in zip(self.counts, goal)) and not self.failures:
            assert time.monotonic() < end, f"the load stands still at {self.counts}"
            time.sleep(0.005)

    def client(self, number, keeps):
        session = None
        try:
            for target in itertools.islice(itertools.cycle(self.expected), number, None):
                if self.stopping.is_set():
                    return
                session = session or http.Session(self.address)
                answer = session.request(target)
                assert answer.status == 200, answer
                assert hashlib.sha256(answer.body).digest() == self.expected[target], f"{target}: wrong bytes"
                self.counts[number] += 1
                if not keeps or answer.field("Connection") == "close":
                    session.close()
                    session = None
                if self.pause:
                    time.sleep(self.pause)
        except Exception as e:
            self.failures.append(f"{target} by client {number} after {self.counts[number]}: {e!r}")
        finally:
            if session:
                session.close()
