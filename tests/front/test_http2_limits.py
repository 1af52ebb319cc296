# SPDX-License-Identifier: Apache-2.0
"""What one client may take from the others (T39), and whose request it is, by HTTP/2."""

import select
import threading
import time

import pytest

from lib import expect, h2
from lib.metrics import eventually, read
from lib.modgate import sanitized
from test_limits import make_big

BASE = "/example.com/m/@v/v1.0.0"
MOD = BASE + ".mod"
ONE_EACH = "limits:\n  requests-per-address: 1\n  burst-per-address: 1\n"


@pytest.fixture
def serving(modgate_of, origin, tree):
    def start(config, stock=True):
        tree.add("example.com/m", "v1.0.0")
        m = modgate_of(origin.url, config="prefetch: false\n" + config, scheme="h2c://")
        if stock:
            expect.success(m.get(MOD))
            eventually(m, lambda now: now.of("modgate_http_connections") == 1)
        return m

    return start


def taken_for(m, source, first=b"", fields=()):
    """Who modgate thinks is asking."""
    with h2.Client(m.address, source=source, first=first) as c:
        for _ in range(50):
            a = c.get(MOD, fields=fields)
            if a.status == 429:
                return bytes(a.body).decode().split(": ", 1)[1].split(" has ")[0]
            assert a.status == 200, a
    raise AssertionError("never limited")


def test_whose_request_it_is(serving):
    m = serving("proxy-protocol:\n  from: 127.0.0.2\nforwarded:\n  from: 127.0.0.3\n" + ONE_EACH, False)
    assert taken_for(m, "127.0.0.2", b"PROXY TCP4 192.0.2.1 198.51.100.2 12345 443\r\n") == "192.0.2.1"
    assert taken_for(m, "127.0.0.3", fields=[("x-forwarded-for", "192.0.2.7, 192.0.2.2")]) == "192.0.2.2"
    assert taken_for(m, "127.0.0.4", fields=[("x-forwarded-for", "192.0.2.2")]) == "127.0.0.4"


def test_requests_of_one_address(serving):
    m = serving("limits:\n  requests-per-address: 1\n  burst-per-address: 10\n")
    began = time.monotonic()
    with h2.Client(m.address, source="127.0.0.2") as c:
        answers = [c.answer(stream) for stream in [c.ask(MOD) for _ in range(40)]]
        limited = [a for a in answers if a.status == 429]
        good = [a for a in answers if a.status == 200]
        assert 10 <= len(good) <= 11 + time.monotonic() - began and len(good) + len(limited) == 40
        assert all(a.field("retry-after") == "1" and b"has made as many" in a.body for a in limited)
        end = time.monotonic() + 20
        while c.get(MOD).status != 200:  # on the same connection, in time
            assert time.monotonic() < end
            time.sleep(0.1)
        assert not c.goaways
    assert read(m).of("modgate_http_requests_total", code="429") >= len(limited)


def test_one_connection_too_many(serving):
    m = serving("limits:\n  connections-per-address: 3\n")
    held = [h2.Client(m.address, source="127.0.0.2") for _ in range(3)]
    for c in held:
        assert c.get(MOD).status == 200
    with h2.Client(m.address, source="127.0.0.2") as over:
        a = over.get(MOD)
        assert a.status == 429 and b"127.0.0.2 has as many connections" in a.body
        assert over.rest() == [(1, h2.NO_ERROR)]
    with h2.Client(m.address, source="127.0.0.3") as other:
        assert other.get(MOD).status == 200
    for c in held:
        assert c.get(MOD).status == 200 and not c.goaways
        c.socket.close()
    eventually(m, lambda now: now.of("modgate_http_connections") == 1)
    assert read(m).of("modgate_http_connections_refused_total", reason="address") == 1


def test_those_without_a_request_make_room(serving, origin):
    """At the maximum idle connections are told to go, and those that owe a head; not one at work."""
    m = serving("workers: 1\nmax-connections: 8\nlimits:\n  connections-per-address: 100\n  header-timeout: 1h\n")
    go_on = threading.Event()
    origin.on(r"slow/@v/list$", hold=go_on)
    busy = h2.Client(m.address)
    waiting = busy.ask("/example.com/slow/@v/list")
    origin.wait_for(r"slow/@v/list$")
    held = []
    for i in range(20):
        held.append(h2.Client(m.address))
        if i < 3:
            held[-1].send(h2.frame(h2.HEADERS, h2.END_STREAM, 1, b"\x82"))
        else:
            assert held[-1].get(MOD).status == 200
    assert held[5].rest() == [(1, h2.NO_ERROR)]  # it knows that nothing is lost
    held[0].rest()
    now = read(m)
    assert now.of("modgate_http_connections") <= 8
    assert now.of("modgate_http_connections_evicted_total") >= 12
    go_on.set()
    assert busy.answer(waiting).status == 404 and not busy.goaways
    for c in [busy, *held]:
        c.socket.close()


def test_those_who_owe_bodies_make_room(serving, origin):
    """Not one of whose requests any is at work."""
    m = serving("workers: 1\nmax-connections: 8\nlimits:\n  connections-per-address: 100\n  header-timeout: 1h\n")
    go_on = threading.Event()
    origin.on(r"slow/@v/list$", hold=go_on)
    busy = h2.Client(m.address)
    busy.ask(MOD, end=False)
    waiting = busy.ask("/example.com/slow/@v/list")
    origin.wait_for(r"slow/@v/list$")
    held = []
    for _ in range(20):
        held.append(h2.Client(m.address))
        held[-1].ask(MOD, end=False)
        held[-1].ask(MOD, end=False)
    with h2.Client(m.address) as other:
        assert other.get(MOD).status == 200
    assert read(m).of("modgate_http_connections_evicted_total") >= 12
    go_on.set()
    assert busy.answer(waiting).status == 404 and not busy.goaways
    for c in [busy, *held]:
        c.socket.close()


def test_time(serving, origin, tree):
    """Each phase ends, and is counted as by HTTP/1.1."""
    make_big(tree)
    m = serving("limits:\n  header-timeout: 500ms\n  idle-timeout: 1s\n  stall-timeout: 1s\n  min-rate: 64KiB\n")
    assert m.get(BASE + ".zip").status == 200
    with h2.Client(m.address) as c:
        assert c.get(MOD).status == 200 and c.rest() == [(1, h2.NO_ERROR)]
    eventually(m, lambda now: now.of("modgate_http_timeouts_total", phase="idle") >= 1)
    with h2.Client(m.address) as c:
        c.settled()
        drip = h2.frame(h2.CONTINUATION, 0, 1, b"\x40\x7f\xff\x05" + b"x" * 1000)
        c.send(h2.frame(h2.HEADERS, h2.END_STREAM, 1, b"\x82"))
        for byte in drip:
            if select.select([c.socket], [], [], 0.01)[0]:
                break
            c.send(bytes([byte]))
        assert c.rest() == [(1, h2.ENHANCE_YOUR_CALM)]
    eventually(m, lambda now: now.of("modgate_http_timeouts_total", phase="head") >= 1)


def test_slow_readers(modgate_of, origin, tree):
    """A connection must take its share, however many streams it has; one that does is not cut."""
    whole = make_big(tree)
    m = modgate_of(origin.url, config="prefetch: false\nlimits:\n  stall-timeout: 1s\n  min-rate: 64KiB\n",
                   scheme="h2c://")
    assert m.get(BASE + ".zip").body == whole
    fair = h2.Client(m.address, receive_buffer=32768)
    streams = [fair.ask(BASE + ".zip", fields=[("range", f"bytes={i * 1000}-{i * 1000 + 99999}")]) for i in range(40)]
    stopped, dripping = (h2.Client(m.address, receive_buffer=32768) for _ in range(2))
    for c in (stopped, dripping):
        for _ in range(3):
            c.ask(BASE + ".zip")
    # 1 KiB every 50 ms is too little; 256 KiB a second are enough, though the 40 streams share them.
    end, cut = time.monotonic() + 60, False
    while not cut:
        assert time.monotonic() < end
        try:
            cut = not dripping.socket.recv(1024)
        except ConnectionResetError:
            cut = True
        time.sleep(0.05)
        if select.select([fair.socket], [], [], 0)[0]:
            fair.buffer += fair.socket.recv(16384)
    for i, stream in enumerate(streams):
        assert fair.answer(stream).body == whole[i * 1000 : i * 1000 + 100000]
    with pytest.raises(OSError):  # a reset: nobody takes the part for the whole
        while stopped.socket.recv(1 << 20):
            pass
        raise ConnectionResetError("ended")
    eventually(m, lambda now: now.of("modgate_http_timeouts_total", phase="write") == 2)
    for c in (fair, stopped, dripping):
        c.socket.close()


@pytest.mark.smoke
def test_t39_large_heads_that_never_end(serving):
    m = serving("workers: 1\nlimits:\n  header-timeout: 30s\n")
    base = read(m).of("process_resident_memory_bytes", process="front")
    held = []
    for i in range(600):
        c = h2.Client(m.address, source=f"127.0.{i // 100 + 1}.7")
        c.encoder.huffman = False
        block = c.encoder.encode([*h2.request(MOD), *[("x-a", "b" * 1300 + str(n)) for n in range(20)]], huffman=False)
        try:
            c.send(h2.frame(h2.HEADERS, h2.END_STREAM, 1, block[:16384]) + h2.frame(h2.CONTINUATION, 0, 1, block[16384:]))
        except OSError:
            pass
        held.append(c)
    now = eventually(m, lambda now: now.of("modgate_http_connections_evicted_total") >= 100)
    if not sanitized():
        assert now.of("process_resident_memory_bytes", process="front") - base <= 24 << 20
    with h2.Client(m.address) as c:
        assert c.get(MOD).status == 200
    for c in held:
        c.socket.close()
    eventually(m, lambda now: now.of("modgate_http_connections") == 1)


@pytest.mark.soak
def test_f24_1000_readers_that_stop(modgate_of, origin, tree):
    whole = make_big(tree)
    m = modgate_of(origin.url, config="prefetch: false\nlimits:\n  stall-timeout: 5s\n", scheme="h2c://")
    assert m.get(BASE + ".zip").body == whole
    rss = lambda: read(m).of("process_resident_memory_bytes", process="front")
    rss()
    base, held = rss(), []
    for i in range(1000):
        held.append(h2.Client(m.address, source=f"127.0.1.{i % 200 + 1}", receive_buffer=4096))
        held[-1].ask(BASE + ".zip")
    cost = rss() - base
    print(f"\n1000 readers that stop: {cost / 1000 / 1024:.1f} KiB each")
    if not sanitized():
        assert cost <= 45_000 * 1000  # what an idle connection may cost
    eventually(m, lambda now: now.of("modgate_http_timeouts_total", phase="write") == 1000, 120)
    for c in held:
        c.socket.close()
