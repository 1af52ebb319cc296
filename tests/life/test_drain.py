# SPDX-License-Identifier: Apache-2.0
"""SIGTERM: who is told, who may finish, and when it is over."""

import os
import signal
import socket
import threading

import pytest

from lib import expect, http
from lib.wait import until

M = "/example.com/m/@v/"
NEVER = "drain:\n  delay: 1h\n"


@pytest.fixture
def stocked(tree):
    for i in range(3):
        tree.add("example.com/m", f"v1.0.{i}")
    return tree.add("example.com/m", "v1.9.0", files={"noise": os.urandom(12 << 20)})


def test_load_balancers_are_told_before_accepting_stops(modgate_of, origin, stocked):
    m = modgate_of(origin.url, config="drain:\n  delay: 2s\n")
    expect.success(m.get(M + "v1.0.0.mod"))
    with m.session() as kept, m.session() as idle:
        expect.success(kept.request(M + "v1.0.0.mod"))
        expect.success(idle.request(M + "v1.0.0.mod"))
        m.terminate()

        def told():
            with m.session() as s:
                answer = s.request("/readyz")
                assert answer.status == 200 or answer.field("Connection") == "close"
                return answer if answer.status != 200 else None

        answer = until(told)
        assert answer.status == 503 and answer.field("Retry-After")
        assert answer.text.startswith("not ready: draining: ")
        assert m.get("/livez").status == 200
        # Hits and misses go on, but each connection ends with its next answer.
        answer = expect.success(kept.request(M + "v1.0.0.mod"))
        assert answer.field("Connection") == "close" and kept.closed()
        expect.success(m.get(M + "v1.0.1.mod"))
        # After the delay, who is idle is not waited for.
        assert idle.closed() and idle.buffer == b""
        assert m.process.wait(20) == 0, m.log()


def test_downloads_finish(modgate_of, origin, stocked):
    m = modgate_of(origin.url, config="drain-timeout: 1h\n")  # a busy machine may need more than 30 s for it
    body = m.get(M + "v1.9.0.zip").body
    with socket.create_connection(m.address, 60) as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        slow.sendall(http.head(M + "v1.9.0.zip", {}))
        got = slow.recv(1)  # the answer is under way
        m.terminate()
        until(lambda: "msg=draining" in m.log())
        while data := slow.recv(1 << 16):
            got += data
    head, _, rest = got.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ") and rest == body
    assert m.process.wait(20) == 0, m.log()


def test_what_fetch_says_at_the_end(modgate_of, origin, tree):
    """Nobody waits for it any more, and what it would have begun is gone."""
    targets = [f"/example.com/m{i}/@v/list" for i in range(60)]
    for t in targets:
        tree.files[t[1:]] = b"".join(b"v1.%d.0\n" % i for i in range(5000))
    for start in range(2):
        m = modgate_of(origin.url, config="list:\n  fresh: 0s\n  stale: 1h\n")
        for again in range(2):  # the second time a refresh begins behind the answer
            for t in targets:
                expect.success(m.get(t), tree.files[t[1:]])
        m.stop()


def test_a_second_sigterm_ends_at_once(modgate_of, origin, stocked):
    gate = threading.Event()
    origin.on(r"/v1\.0\.2\.info$", hold=gate)
    m = modgate_of(origin.url, config=NEVER)
    with m.session() as s:
        s.send_request(M + "v1.0.2.info")
        origin.wait_for(r"/v1\.0\.2\.info$")
        m.terminate()
        until(lambda: "going down soon" in m.log())

        def again():
            # Not heeded in the first half second: some send the signal to the process and then to its group.
            m.process.send_signal(signal.SIGTERM)
            return "told to end twice" in m.log()

        until(again)
        assert m.process.wait(20) == 1
        assert s.closed()
    gate.set()
    m.process = None


def test_front_dies_while_it_goes_down(modgate_of, origin, stocked):
    m = modgate_of(origin.url, config=NEVER)
    m.terminate()
    until(lambda: "going down soon" in m.log())
    os.kill(m.children()["front"], signal.SIGKILL)
    assert m.process.wait(20) == 0, m.log()
