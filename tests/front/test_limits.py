# SPDX-License-Identifier: Apache-2.0
"""What one client may take from the others: connections, requests, time, memory (T39, F24)."""

import os
import pathlib
import select
import signal
import socket
import statistics
import threading
import time

import pytest

from lib import expect, http
from lib.metrics import eventually, read
from lib.modgate import sanitized
from lib.tree import make_zip
from lib.wait import until

BASE = "/example.com/m/@v/v1.0.0"
ONE_WORKER = "workers: 1\nprefetch: false\n"


def connect(modgate, source="127.0.0.1", receive=None):
    s = http.Session.__new__(http.Session)
    s.socket = socket.socket()
    if receive:
        s.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
    s.socket.settimeout(60)
    s.socket.bind((source, 0))
    s.socket.connect(modgate.address)
    s.buffer = b""
    return s


def is_open(session):
    return not select.select([session.socket], [], [], 0)[0]


def stocked(modgate_of, origin, tree, config, files=None):
    tree.add("example.com/m", "v1.0.0", files=files)
    m = modgate_of(origin.url, config=config)
    expect.success(m.get(BASE + ".mod"))
    return m


# --- shares


def test_connections_of_one_address(modgate_of, origin, tree):
    m = stocked(modgate_of, origin, tree, "limits:\n  connections-per-address: 3\n")
    eventually(m, lambda now: now.of("modgate_http_connections") == 1)
    held = [connect(m, "127.0.0.2") for _ in range(3)]
    for s in held:
        expect.success(s.request(BASE + ".mod"))
    over = connect(m, "127.0.0.2")
    a = expect.failure(over.request(BASE + ".mod"), 429, "too many requests", "127.0.0.2 has as many connections")
    assert int(a.field("Retry-After")) >= 1 and a.field("Connection") == "close"
    assert over.closed()
    expect.success(connect(m, "127.0.0.3").request(BASE + ".mod"))  # nobody else is concerned
    for s in held:
        expect.success(s.request(BASE + ".mod"))
    now = read(m)
    assert now.of("modgate_http_connections_refused_total", reason="address") == 1
    assert now.of("modgate_http_requests_limited_total") == 1
    assert now.of("modgate_http_requests_total", code="429") == 1
    held.pop().close()
    end = time.monotonic() + 20
    while (a := connect(m, "127.0.0.2").request(BASE + ".mod", {"Connection": "close"})).status != 200:
        assert a.status == 429 and time.monotonic() < end


def test_a_flood_of_connections_from_one_address(modgate_of, origin, tree):
    m = stocked(modgate_of, origin, tree, ONE_WORKER + "limits:\n  connections-per-address: 50\n")
    flood = [connect(m, "127.0.0.2") for _ in range(400)]
    for _ in range(50):
        expect.success(m.get(BASE + ".mod"))
    # 50 as they may, 64 to be told, and the one that asks.
    now = eventually(m, lambda now: now.of("modgate_http_connections_refused_total", reason="address") == 350)
    assert now.of("modgate_http_connections") <= 50 + 64 + 1
    assert sum(is_open(s) for s in flood) <= 50 + 64
    for s in flood:
        s.close()
    eventually(m, lambda now: now.of("modgate_http_connections") == 1)


def test_requests_of_one_address(modgate_of, origin, tree):
    m = stocked(modgate_of, origin, tree, "limits:\n  requests-per-address: 1\n  burst-per-address: 10\n")
    began = time.monotonic()
    with connect(m, "127.0.0.2") as s:
        s.send(http.head(BASE + ".mod") * 40)
        answers = [s.answer() for _ in range(40)]
        good = [a for a in answers if a.status == 200]
        limited = [a for a in answers if a.status == 429]
        assert 10 <= len(good) <= 11 + time.monotonic() - began
        assert len(good) + len(limited) == 40
        for a in limited:
            expect.failure(a, 429, "127.0.0.2 has made as many requests")
            assert a.field("Retry-After") == "1"
        end = time.monotonic() + 20
        while s.request(BASE + ".mod").status != 200:  # on the same connection, in time
            assert time.monotonic() < end
            time.sleep(0.1)
    for _ in range(5):
        expect.success(connect(m, "127.0.0.4").request(BASE + ".mod"))


def test_no_limit_on_requests_unless_asked_for(modgate_of, origin, tree):
    m = stocked(modgate_of, origin, tree, "")
    with m.session() as s:
        for _ in range(20):
            s.send(http.head(BASE + ".mod") * 100)
            assert [s.answer().status for _ in range(100)] == [200] * 100


def test_full_of_idle_connections(modgate_of, origin, tree):
    m = stocked(modgate_of, origin, tree, ONE_WORKER + "max-connections: 8\nlimits:\n  connections-per-address: 100\n")
    eventually(m, lambda now: now.of("modgate_http_connections") == 1)
    held = []
    for _ in range(30):
        held.append(connect(m))
        expect.success(held[-1].request(BASE + ".mod"))
    # The oldest idle ones made room.
    assert held[0].closed() and held[20].closed()
    expect.success(held[-1].request(BASE + ".mod"))
    now = read(m)
    assert now.of("modgate_http_connections") <= 8
    assert now.of("modgate_http_connections_evicted_total") >= 22


def test_full_of_silent_connections(modgate_of, origin, tree):
    config = ONE_WORKER + "max-connections: 8\nlimits:\n  connections-per-address: 100\n  header-timeout: 1h\n"
    m = stocked(modgate_of, origin, tree, config)
    held = [connect(m) for _ in range(30)]
    for s in held[:4]:
        s.send(b"GET /slow HTTP/1.1\r\nHo")
    for _ in range(3):
        expect.success(m.get(BASE + ".mod", timeout=60))
    assert held[0].closed()


def test_full_of_connections_at_work(modgate_of, origin, tree):
    """Nobody makes room: who comes waits, and that is counted."""
    go_on = threading.Event()
    origin.on(r"held/@v/list$", hold=go_on)
    m = stocked(modgate_of, origin, tree, ONE_WORKER + "max-connections: 4\nlimits:\n  connections-per-address: 100\n")
    held = [connect(m) for _ in range(4)]
    for s in held:
        s.send_request("/example.com/held/@v/list")
    until(lambda: origin.count(r"held/@v/list$") == 1)
    with connect(m) as waiting:
        waiting.send_request(BASE + ".mod")
        with pytest.raises(TimeoutError):
            waiting.socket.settimeout(1.5)
            waiting.answer()
        waiting.socket.settimeout(60)
        go_on.set()
        for s in held:
            s.answer()
            s.close()
        expect.success(waiting.answer())
    now = read(m)
    assert now.of("modgate_http_accept_pauses_total", reason="connections") >= 1
    assert now.of("modgate_http_accept_pauses_total", reason="descriptors") == 0


# --- time


def test_slow_heads(modgate_of, origin, tree):
    m = stocked(modgate_of, origin, tree, "limits:\n  header-timeout: 500ms\n")
    with connect(m) as s:
        s.send(b"GET / HTTP/1.1\r\n")
        for i in range(1000):
            if not is_open(s):
                break
            s.send(b"X-%d: 1\r\n" % i)
            time.sleep(0.01)
        assert s.answer().status == 408
        assert s.closed()
    with connect(m) as s:  # and one that says nothing at all
        assert s.closed(20)
    eventually(m, lambda now: now.of("modgate_http_timeouts_total", phase="head") == 2)


def test_slow_bodies(modgate_of, origin, tree):
    m = stocked(modgate_of, origin, tree, "limits:\n  header-timeout: 500ms\n")
    with connect(m) as s:
        s.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n")
        assert s.answer().status == 405
        sent = 0
        while sent < 60000 and is_open(s):
            try:
                s.send(b"x")
            except OSError:
                break
            sent += 1
            time.sleep(0.01)
        assert sent < 30000
    eventually(m, lambda now: now.of("modgate_http_timeouts_total", phase="head") == 1)


def test_idle_connections(modgate_of, origin, tree):
    m = stocked(modgate_of, origin, tree, "limits:\n  idle-timeout: 300ms\n")
    with connect(m) as s:
        expect.success(s.request(BASE + ".mod"))
        assert s.closed(20)
    eventually(m, lambda now: now.of("modgate_http_timeouts_total", phase="idle") >= 1)


def make_big(tree):
    # Stored, not deflated: 12 MiB on the wire.
    tree.add("example.com/m", "v1.0.0")
    tree.files["example.com/m/@v/v1.0.0.zip"] = make_zip(
        "example.com/m", "v1.0.0", {"go.mod": "module example.com/m\n\ngo 1.20\n", "m.go": "package m\n",
                                    "big.bin": os.urandom(12 << 20)})
    return tree.files["example.com/m/@v/v1.0.0.zip"]


def test_slow_readers(modgate_of, origin, tree):
    whole = make_big(tree)
    m = modgate_of(origin.url, config="prefetch: false\nlimits:\n  stall-timeout: 1s\n  min-rate: 64KiB\n")
    assert m.get(BASE + ".zip").body == whole
    stopped, dripping, fair = (connect(m, receive=32768) for _ in range(3))
    for s in (stopped, dripping, fair):
        s.send_request(BASE + ".zip")
    # 1 KiB every 50 ms is too little, 512 KiB is enough, though it, too, is a small part of the whole.
    end, cut = time.monotonic() + 60, False
    while not cut:
        assert time.monotonic() < end
        try:
            cut = not dripping.socket.recv(1024)
        except ConnectionResetError:
            cut = True
        for _ in range(16):
            if select.select([fair.socket], [], [], 0.003)[0]:
                fair.buffer += fair.socket.recv(32768)
    assert b"200 OK" in fair.buffer[:100]
    a = fair.answer()
    assert a.body == whole
    with pytest.raises(OSError):  # a reset: nobody takes the part for the whole
        while len(stopped.buffer) < len(whole):
            stopped.fill()
    assert len(stopped.buffer) < len(whole)
    eventually(m, lambda now: now.of("modgate_http_timeouts_total", phase="write") == 2)


# --- floods


def quantile(times, q):
    return statistics.quantiles(times, n=100)[q - 1]


def latencies(m, n):
    times = []
    with m.session() as s:
        for _ in range(n):
            began = time.perf_counter()
            expect.success(s.request(BASE + ".mod"))
            times.append(time.perf_counter() - began)
    return times


def rss(m):
    return read(m).of("process_resident_memory_bytes", process="front")


def flood(m, n, part):
    held = []
    for i in range(n):
        s = connect(m, f"127.0.{i // 1000 + 1}.7")
        s.send(part)
        held.append(s)
    return held


def slowloris(m, n):
    """The latencies before and during, and what it costs."""
    latencies(m, 200)
    before, base = latencies(m, 1000), rss(m)
    held = flood(m, n, b"GET /example.com/m/@v/list HTTP/1.1\r\nHost: m\r\nX-A: b\r\n")
    eventually(m, lambda now: now.of("modgate_http_connections") >= n)
    during, cost = latencies(m, 1000), rss(m) - base
    print(f"{n} slow heads: {cost >> 10} KiB, p99 {quantile(before, 99) * 1e6:.0f} -> {quantile(during, 99) * 1e6:.0f} us")
    return held, before, during, cost


@pytest.mark.smoke
def test_t39_slow_heads_by_the_hundred(modgate_of, origin, tree):
    m = stocked(modgate_of, origin, tree, "limits:\n  header-timeout: 3s\n")
    held, _, _, cost = slowloris(m, 500)
    if not sanitized():
        assert cost <= 8 << 20
    for s in held:
        assert b"408" in (s.closed(60) and s.buffer)[:20]
        s.close()
    eventually(m, lambda now: now.of("modgate_http_timeouts_total", phase="head") == 500)


@pytest.mark.smoke
@pytest.mark.parametrize("drip", [0, 20], ids=["at_once", "drip"])
def test_t39_large_heads_that_never_end(modgate_of, origin, tree, drip):
    m = stocked(modgate_of, origin, tree, "limits:\n  header-timeout: 30s\n")
    base = rss(m)
    held = flood(m, 600, b"GET /example.com/m/@v/list HTTP/1.1\r\nHost: m\r\n" + b"X-A: %b\r\n" % (b"b" * 990) * (28 - drip // 3))
    for _ in range(drip):
        for s in held:
            try:
                s.send(b"X-B: %b\r\n" % (b"c" * 400))
            except OSError:
                pass
    expect.success(m.get(BASE + ".mod"))
    now = eventually(m, lambda now: now.of("modgate_http_connections_evicted_total") >= 100)
    if not sanitized():
        assert now.of("process_resident_memory_bytes", process="front") - base <= 24 << 20
    for s in held:
        s.close()
    eventually(m, lambda now: now.of("modgate_http_connections") == 1)
    expect.success(m.get(BASE + ".mod"))


def test_whoever_comes_to_an_end_with_a_large_head_is_served(modgate_of, origin, tree):
    """However much others hold who do not: the memory for such heads is full."""
    m = stocked(modgate_of, origin, tree, ONE_WORKER + "limits:\n  header-timeout: 2m\n")
    held = flood(m, 200, b"GET /example.com/m/@v/list HTTP/1.1\r\nHost: m\r\n" + b"X-A: %b\r\n" % (b"b" * 990) * 30)
    eventually(m, lambda now: now.of("modgate_http_connections_evicted_total") >= 1)
    half = b"GET %b.mod HTTP/1.1\r\nHost: m\r\n" % BASE.encode() + b"X-A: %b\r\n" % (b"b" * 990) * 10
    for _ in range(10):
        with connect(m, "127.0.0.9") as s:
            s.send(half)
            expect.success(m.get(BASE + ".mod"))  # behind it, so that it is heard before its end comes
            s.send(b"\r\n")
            assert s.answer().status == 200
    for s in held:
        s.close()


@pytest.mark.smoke
def test_large_heads_of_requests_that_wait(modgate_of, origin, tree):
    """Beyond 32 MiB of them all a head may have 4 KiB, and whoever sends more is told so."""
    m = stocked(modgate_of, origin, tree, "workers: 1\nlimits:\n  connections-per-address: 2000\n")
    go_on = threading.Event()
    origin.on(r"held/@v/list$", hold=go_on)
    base = rss(m)
    large = http.head("/example.com/held/@v/list", [("If-None-Match", "x" * 30000)])
    held = flood(m, 1300, large)
    with connect(m, "127.0.0.9") as s:
        s.send(large)
        expect.failure(s.answer(), 431, "a head may have 4 KiB")
    with connect(m, "127.0.0.9") as s:
        s.send(http.head("/example.com/held/@v/list"))
        expect.success(m.get(BASE + ".mod"))
        if not sanitized():
            assert rss(m) - base <= 56 << 20
        go_on.set()
        assert s.answer().status == 404
    assert held[0].answer().status == 404
    for s in held:
        s.close()


def kept_bodies(m):
    fds = pathlib.Path(f"/proc/{m.children()['front']}/fd")
    return sum(os.readlink(fd).startswith("/memfd:hook") for fd in fds.iterdir() if fd.is_symlink())


def test_bodies_of_hooks_that_wait(modgate_of, origin, tree, tmp_path):
    """Whoever can connect can send some: those that fetch has not looked at have 8 MiB together."""
    secret = tmp_path / "secret"
    secret.write_text("s3cret word\n")
    secret.chmod(0o600)
    m = stocked(modgate_of, origin, tree, ONE_WORKER + f"goprivate: corp.test\nhooks:\n  github: {secret}\n")
    fetch = m.children()["fetch"]
    os.kill(fetch, signal.SIGSTOP)
    post = (b"POST /hooks/github HTTP/1.1\r\nHost: modgate\r\nX-Hub-Signature-256: sha256=0\r\n"
            b"Content-Length: 1048576\r\n\r\n" + bytes(1 << 20))
    waiting = []
    for n in range(1, 9):
        waiting.append(m.session())
        waiting[-1].send(post)
        until(lambda n=n: kept_bodies(m) == n)
    for _ in range(4):
        with m.session() as s:
            s.send(post)
            answer = s.answer("POST")
            expect.failure(answer, 503, "too many hooks")
            assert answer.field("Retry-After") == "1"
    # Who leaves takes nothing with it: fetch is told all the same.
    for s in waiting[:4]:
        s.close()
    eventually(m, lambda now: now.of("modgate_http_connections") == 4 + 1)
    with m.session() as s:
        s.send(post)
        expect.failure(s.answer("POST"), 503, "too many hooks")
    os.kill(fetch, signal.SIGCONT)
    for s in waiting[4:]:
        expect.failure(s.answer("POST"), 403, "not signed")
    until(lambda: kept_bodies(m) == 0)
    with m.session() as s:
        s.send(post)
        expect.failure(s.answer("POST"), 403, "not signed")


@pytest.mark.soak
def test_f24_5000_slow_heads(modgate_of, origin, tree):
    m = stocked(modgate_of, origin, tree, "limits:\n  header-timeout: 2m\n")
    held, before, during, cost = slowloris(m, 5000)
    if not sanitized():
        assert cost <= 8 << 20
        assert quantile(during, 99) <= 2 * quantile(before, 99) + 0.002
    for s in held:
        s.close()
    eventually(m, lambda now: now.of("modgate_http_connections") == 1)


@pytest.mark.soak
def test_f24_1000_slow_readers(modgate_of, origin, tree):
    whole = make_big(tree)
    m = modgate_of(origin.url, config="prefetch: false\nlimits:\n  stall-timeout: 3s\n")
    expect.success(m.get(BASE + ".mod"))
    assert m.get(BASE + ".zip").body == whole
    before, base = latencies(m, 1000), rss(m)
    held = [connect(m, f"127.0.1.{i % 200 + 1}", receive=4096) for i in range(1000)]
    for s in held:
        s.send_request(BASE + ".zip")
    during, cost = latencies(m, 1000), rss(m) - base
    print(f"1000 readers that stop: {cost >> 10} KiB, p99 {quantile(before, 99) * 1e6:.0f} -> "
          f"{quantile(during, 99) * 1e6:.0f} us")
    if not sanitized():
        assert cost <= 8 << 20
    eventually(m, lambda now: now.of("modgate_http_timeouts_total", phase="write") == 1000, 120)
    for s in held:
        s.close()
