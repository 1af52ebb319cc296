# SPDX-License-Identifier: Apache-2.0
"""Constant load of requests whose answers are known: every body is compared, nothing is tried twice."""

import hashlib
import itertools
import threading
import time

from lib import certs, h2, http

STREAMS = 4  # at a time on an HTTP/2 connection


class Load:
    """Within the block `threads` clients ask for the targets {target: body} in turn: on connections that they keep as
    long as they are let, or on a new one each time. With secure=(address, authority) half of them use TLS:
    HTTP/2 on kept connections, HTTP/1.1 on new ones."""

    def __init__(self, address, bodies, threads=6, pause=0.0, secure=None):
        self.address = address
        self.expected = {t: hashlib.sha256(b).digest() for t, b in bodies.items()}
        self.pause = pause
        self.stopping = threading.Event()
        self.counts = [0] * threads
        self.failures = []
        if secure:
            self.secure, authority = secure
            self.contexts = [certs.context(authority) for _ in range(threads)]
        kinds = [self.kept, self.fresh] + ([self.streams, self.greeted] if secure else [])
        self.clients = [threading.Thread(target=self.client, args=(i, kinds[i % len(kinds)])) for i in range(threads)]

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

    def client(self, number, kind):
        targets = itertools.islice(itertools.cycle(self.expected), number, None)
        connection = None
        try:
            while not self.stopping.is_set():
                connection = kind(number, connection, targets)
                if self.pause:
                    time.sleep(self.pause)
        except Exception as e:
            self.failures.append(f"{kind.__name__} client {number} after {self.counts[number]}: {e!r}")
        finally:
            if connection:
                connection.__exit__()

    def check(self, number, target, answer):
        assert answer.status == 200, f"{target}: {answer}"
        assert hashlib.sha256(answer.body).digest() == self.expected[target], f"{target}: wrong bytes"
        self.counts[number] += 1

    # Each makes its requests and returns the connection for the next ones, or None.

    def kept(self, number, session, targets):
        session = session or http.Session(self.address)
        target = next(targets)
        answer = session.request(target)
        self.check(number, target, answer)
        if answer.field("Connection") != "close":
            return session
        session.close()

    def fresh(self, number, _, targets):
        target = next(targets)
        with http.Session(self.address) as s:
            self.check(number, target, s.request(target))

    def greeted(self, number, _, targets):
        target = next(targets)
        with certs.Session(self.secure, self.contexts[number]) as s:
            self.check(number, target, s.request(target))

    def streams(self, number, client, targets):
        """Whoever has heard a GOAWAY asks elsewhere; what he asked for before must be answered."""
        client = client or h2.Client(self.secure, context=self.contexts[number])
        for target, stream in [(t, client.ask(t)) for t in itertools.islice(targets, STREAMS)]:
            answer = client.answer(stream)
            assert answer.reset is None, f"{target}: {answer} {client.goaways}"
            self.check(number, target, answer)
        if not client.goaways:
            return client
        client.socket.close()
