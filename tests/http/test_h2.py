# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 as src/http speaks it, through its probe server: the same answers as by HTTP/1.1, taking turns,
refusals, bodies nobody reads, peers that stall, leave or are told to. Floods are in test_h2_floods.py."""

import hashlib
import os
import random
import signal
import socket
import subprocess
import time

import pytest

from lib import h2, http, modgate
from lib.probe import Probe
from test_raw import CONDITIONS


@pytest.fixture(scope="module")
def probe(tmp_path_factory, body):
    p = Probe(tmp_path_factory.mktemp("probe"), file=body, h2c=1)
    yield p
    p.stop()


# -- the same exchange as HTTP/1.1

OF_CONNECTION = ("date", "connection", "x-request-id")


def compare(probe, client, target, method="GET", headers=None):
    headers = headers or {}
    one = probe.get(target, headers, method)
    two = client.get(target, method, [(n.lower(), v) for n, v in headers.items()])
    keep = lambda fields: [(n.lower(), v) for n, v in fields if n.lower() not in OF_CONNECTION]
    assert one.status == two.status and keep(one.fields) == keep(two.fields[1:])
    assert two.field("date") and (two.field("x-request-id") is None) == (one.field("X-Request-Id") is None)
    if one.field("X-Request-Id") is None:
        assert one.body == two.body
    else:
        known = lambda body, id: bytes(body).replace(id.encode(), b"ID")
        assert known(one.body, one.field("X-Request-Id")) == known(two.body, two.field("x-request-id"))


def test_every_answer_is_that_of_http_1(probe):
    with probe.client() as c:
        for method in ("GET", "HEAD", "POST", "BREW"):
            for target in ("/small", "/big", "/file", "/error", "/none", "/small?x=%41"):
                if (method, target) != ("GET", "/file"):
                    compare(probe, c, target, method)
        for method in ("GET", "HEAD"):
            for headers, _, _ in CONDITIONS:
                compare(probe, c, "/small", method, {n: v.replace("ETAG", "small") for n, v in headers.items()})
        assert not c.goaways


def test_ranges_of_a_file(probe, body):
    data = body.read_bytes()
    rng = random.Random(2)
    with probe.client() as c:
        asked = []
        for _ in range(30):
            first = rng.randrange(len(data))
            last = min(len(data) - 1, first + rng.choice((0, 1, 4095, 4096, 65536, 3 << 20)))
            asked.append((first, last, c.ask("/file", fields=[("range", f"bytes={first}-{last}")])))
        for first, last, stream in asked:
            answer = c.answer(stream)
            assert answer.status == 206 and answer.body == data[first : last + 1]


def test_the_handler_sees_what_was_asked(probe):
    with probe.client() as c:
        answer = c.get("/echo?a=b", "DELETE")
        assert answer.body.startswith(b"DELETE /echo?a=b ")
        assert answer.field("content-length") == str(len(answer.body))
        first, second = c.get("/error").field("x-request-id"), c.get("/error").field("x-request-id")
        assert first != second and len(first) == 16
        star, data = c.head(h2.request("*", "OPTIONS"))
        c.send(data)
        assert c.answer(star).status == 404


def test_http_1_is_spoken_on_the_same_listener(probe):
    assert probe.get("/small").status == 200
    with probe.session() as s:
        for byte in b"PRINT /echo HTTP/1.1\r\nHost: x\r\n\r\n":
            s.send(bytes([byte]))
        assert s.answer().body.startswith(b"PRINT /echo ")


@pytest.mark.parametrize("cut", [1, 3, 4, 10, 23, 24, 30, 40, 60])
def test_the_beginning_may_come_in_pieces(probe, cut):
    with probe.client(greet=False) as c:
        stream, head = c.head(h2.request("/small"))
        data = h2.PREFACE + h2.settings() + head
        c.send(data[:cut])
        with probe.session() as other:
            assert other.request("/small").status == 200
        for byte in data[cut:]:
            c.send(bytes([byte]))
        assert c.answer(stream).status == 200


def test_a_head_may_come_byte_by_byte(probe):
    with probe.client() as c:
        c.settled()
        stream, data = c.head([*h2.request("/small"), ("x", "y" * 1000)])
        head = h2.frame(h2.HEADERS, h2.END_STREAM, stream, data[9:20])
        head += h2.frame(h2.CONTINUATION, h2.END_HEADERS, stream, data[20:])
        for byte in head:
            c.send(bytes([byte]))
        assert c.answer(stream).status == 200


def test_real_clients(probe, body, tmp_path):
    url = "http://%s:%d" % probe.address
    out = tmp_path / "out"
    run = lambda *args: subprocess.run(args, capture_output=True, check=True, timeout=60)
    run("curl", "-sSf", "--http2-prior-knowledge", "-o", out, f"{url}/file")
    assert hashlib.sha256(out.read_bytes()).digest() == hashlib.sha256(body.read_bytes()).digest()
    done = run("nghttp", "-v", "-n", f"{url}/small", f"{url}/big")
    assert done.stdout.count(b":status: 200") == 2
    done = run("h2load", "-n", "5000", "-c", "5", "-m", "100", f"{url}/small")
    assert b"5000 succeeded, 0 failed" in done.stdout, done.stdout
    done = run("h2load", "-n", "20", "-c", "2", "-m", "10", "-w", "16", f"{url}/file")
    assert b"20 succeeded, 0 failed" in done.stdout, done.stdout


def test_no_other_way_leads_to_http_2(probe, probe_of):
    """T36: an Upgrade is ignored; a listener that was not asked for HTTP/2 does not know it."""
    upgrade = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAMAAABkAAQAoAAA"}
    assert (lambda a: (a.version, a.status))(probe.get("/small", upgrade)) == ("1.1", 200)
    plain = probe_of()
    with plain.session() as s:
        s.send(h2.PREFACE + h2.settings())
        assert s.answer().status in (400, 505) and s.closed()


# -- streams take turns


def test_a_large_answer_does_not_hold_up_small_ones(probe):
    with probe.client() as c:
        c.settled()
        large = [c.head(h2.request("/file")) for _ in range(3)]
        small = [c.head(h2.request("/small")) for _ in range(20)]
        c.send(b"".join(data for _, data in large + small))
        for stream, _ in small:
            assert len(c.answer(stream).body) == 300
        # A frame of each in turn: three of the large ones, then each small one.
        assert len(c.order) <= 2 * 3 + len(small)
        later, data = c.head(h2.request("/small"))
        c.send(data)
        c.answer(later)
        for stream, _ in large:
            c.send(h2.reset(stream))


def test_large_answers_advance_together(probe):
    with probe.client() as c:
        c.settled()
        streams = [c.ask("/big") for _ in range(10)]
        for stream in streams:
            assert len(c.answer(stream).body) == 1 << 20
        middle = c.order[len(c.order) // 4 : len(c.order) // 2]
        assert set(middle) == set(streams)


def test_windows_are_kept_to(probe):
    """What may be sent is sent, and not a byte more (RFC 9113 §6.9)."""
    with probe.client(own_window=1000) as c:
        c.settled()
        first, second = c.ask("/big"), c.ask("/small")
        assert len(c.answer(second).body) == 300
        c.until(lambda: len(c.answers[first].body) == 1000)
        c.settled()
        assert len(c.answers[first].body) == 1000
        c.send(h2.window(first, 70000))
        c.until(lambda: len(c.answers[first].body) == 65535 - 300)
        c.settled()
        assert len(c.answers[first].body) == 65535 - 300  # the connection's
        c.send(h2.window(0, 1 << 21) + h2.window(first, 1 << 21))
        assert len(c.answer(first).body) == 1 << 20


def test_random_requests_cancels_and_windows(probe, body):
    """Every body that ends is the whole one."""
    rng = random.Random(int(os.environ.get("SEED", 11)))
    data = body.read_bytes()
    memory = bytes(ord("a") + i % 23 for i in range(1 << 20))
    with probe.client(own_window=100000) as c:
        c.settled()
        open_streams, done = {}, 0
        for _ in range(1500):
            if len(open_streams) < 60:
                kind = rng.choice(("/small", "/big", "/file"))
                first = rng.randrange(len(data) if kind == "/file" else 200)
                want = {"/small": memory[:300], "/big": memory, "/file": data}[kind][first : first + 200000]
                fields = [("range", f"bytes={first}-{first + 199999}")]
                open_streams[c.ask(kind, fields=fields)] = want
            stream = rng.choice(list(open_streams))
            action = rng.random()
            if action < 0.02:
                c.send(h2.reset(stream))
                del open_streams[stream]
            else:
                c.send(h2.window(stream, 50000) + h2.window(0, 50000))
            c.read_frame()
            for stream in [s for s in open_streams if c.answers[s].ended]:
                assert c.answers[stream].body == open_streams.pop(stream)
                done += 1
        assert not c.goaways and done > 50


# -- requests that are none

GOOD = h2.request("/small")


def without(name):
    return [f for f in GOOD if f[0] != name]


REFUSED = [
    # fields; a status, or None: the stream is reset
    (without(":method"), None),
    (without(":path"), None),
    (without(":scheme"), None),
    (without(":authority"), None),
    ([*GOOD, (":path", "/")], None),
    ([*GOOD, (":status", "200")], None),
    ([("a", "b"), *GOOD], None),
    ([*GOOD, ("A", "b")], None),
    ([*GOOD, ("a b", "c")], None),
    ([*GOOD, ("a", "b\r\nc: d")], None),
    ([*GOOD, ("a", "b\0")], None),
    ([*GOOD, ("connection", "close")], None),
    ([*GOOD, ("transfer-encoding", "chunked")], None),
    ([*GOOD, ("upgrade", "h2c")], None),
    ([*GOOD, ("te", "gzip")], None),
    ([*GOOD, ("content-length", "1"), ("content-length", "1")], None),
    ([*GOOD, ("content-length", "x")], None),
    ([*without(":path"), (":path", "")], None),
    ([*without(":path"), (":path", "*")], None),
    ([*without(":path"), (":path", "small")], None),
    ([*without(":path"), (":path", "/a b")], None),
    ([*without(":path"), (":path", "/a#b")], 400),
    ([*without(":scheme"), (":scheme", "ftp")], 400),
    ([*without(":authority"), (":authority", "a@b")], 400),
    ([*GOOD, ("host", "elsewhere")], 400),
    ([*GOOD, ("host", "localhost"), ("host", "localhost")], None),
    ([*GOOD, ("range", "bytes=0-1"), ("range", "bytes=0-1")], 400),
    ([*GOOD, ("expect", "tea")], 417),
    ([*without(":path"), (":path", "/" + "a" * 16384)], 414),
    ([*GOOD, ("a", "b" * 33000)], 431),
    ([*GOOD, *[("a", "b")] * 101], 431),
]


@pytest.mark.parametrize("number", range(len(REFUSED)))
def test_what_is_no_request_is_refused_and_costs_nobody_else(probe, number):
    fields, status = REFUSED[number]
    before = probe.number("/count")
    with probe.client() as c:
        c.settled()
        first = c.ask("/small")
        stream, data = c.head(fields)
        at = data.index(b"\x01") and 16384 + 9  # HEADERS and CONTINUATION of 16 KiB
        if len(data) > at:
            block = data[9:]
            parts = [block[i : i + 16384] for i in range(0, len(block), 16384)]
            data = h2.frame(h2.HEADERS, h2.END_STREAM, stream, parts[0])
            for part in parts[1:-1]:
                data += h2.frame(h2.CONTINUATION, 0, stream, part)
            data += h2.frame(h2.CONTINUATION, h2.END_HEADERS, stream, parts[-1])
        c.send(data)
        answer = c.answer(stream)
        if answer.reset is None or status:
            assert answer.status == status and b"invalid request: " in answer.body, answer.body
        else:
            assert answer.reset in (h2.PROTOCOL_ERROR, h2.INTERNAL_ERROR) and not answer.fields
        assert c.answer(first).status == 200 and c.get("/small").status == 200 and not c.goaways
    assert probe.number("/count") == before + 3  # the two of this test, and this one


# -- bodies nobody reads


def test_a_body_is_skipped(probe):
    with probe.client() as c:
        for n in (0, 1, 1000, 60000):
            stream = c.ask("/echo?body", "POST", [("content-length", str(n))], end=False)
            for at in range(0, n, 10000):
                c.send(h2.frame(h2.DATA, 0, stream, b"x" * min(10000, n - at)))
            c.send(h2.frame(h2.DATA, h2.END_STREAM, stream))
            assert c.answer(stream).body.startswith(b"POST /echo?body ")
        stream = c.ask("/echo?trailers", "POST", end=False)
        c.send(h2.frame(h2.DATA, 0, stream, b"x"))
        trailers = c.encoder.encode([("a", "b")])
        c.send(h2.frame(h2.HEADERS, h2.END_STREAM | h2.END_HEADERS, stream, trailers))
        assert c.answer(stream).body.startswith(b"POST /echo?trailers ")
        assert not c.goaways


def test_a_body_of_another_length_than_was_said(probe):
    with probe.client() as c:
        for said, sent in ((1, 2), (2, 1), (5, 0)):
            stream = c.ask("/echo", "POST", [("content-length", str(said))], end=False)
            c.send(h2.frame(h2.DATA, h2.END_STREAM, stream, b"x" * sent))
            answer = c.answer(stream)
            assert answer.reset == h2.PROTOCOL_ERROR and not answer.fields


@pytest.mark.parametrize("fields", [[("content-length", "1000000")], [("expect", "100-continue")], []])
def test_a_longer_body_is_answered_and_then_not_wanted(probe, fields):
    with probe.client() as c:
        c.settled()
        stream = c.ask("/small", "POST", fields, end=False)
        if not fields:
            for _ in range(5):
                c.send(h2.frame(h2.DATA, 0, stream, b"x" * 16000))
        answer = c.answer(stream)
        c.until(lambda: answer.reset is not None)
        assert answer.status == 200 and answer.ended and answer.reset == h2.NO_ERROR
        c.send(h2.frame(h2.DATA, 0, stream, b"x" * 100))  # was on its way
        assert c.get("/small").status == 200 and not c.goaways


# -- peers that are slow, or leave


def test_a_body_that_does_not_come(probe_of):
    probe = probe_of(h2c=1, header_ms=300)
    with probe.client() as c:
        stream = c.ask("/small", "POST", end=False)
        answer = c.answer(stream)
        assert answer.status == 408 and answer.body.startswith(b"timeout: ")
        assert c.get("/small").status == 200


def test_heads_that_do_not_come(probe_of):
    """T36: a preface without SETTINGS, and a head without its end, have the time that a head has."""
    probe = probe_of(h2c=1, header_ms=300, idle_ms=60000)
    for start in (b"", h2.PREFACE[:3], h2.PREFACE[:20], h2.PREFACE, h2.PREFACE + h2.settings()[:5],
                  h2.PREFACE + h2.settings() + h2.frame(h2.HEADERS, h2.END_STREAM, 1, b"\x82")):
        with probe.session() as s:
            s.send(start)
            while True:
                data = s.socket.recv(65536)
                if not data:
                    break


def test_an_idle_connection_is_told_to_go(probe_of):
    probe = probe_of(h2c=1, idle_ms=400)
    with probe.client() as c:
        assert c.get("/small").status == 200
        assert c.rest() == [(1, h2.NO_ERROR)]


def test_an_answer_that_is_not_taken_ends_alone(probe_of, body):
    """A stream whose window stays shut, or opens by a byte at a time, is reset; the connection goes on."""
    probe = probe_of(h2c=1, file=body, stall_ms=600, rate=1024)
    with probe.client(own_window=0) as c:
        shut, drip = c.ask("/file"), c.ask("/big")
        c.settled()
        while c.answers[shut].reset is None or c.answers[drip].reset is None:
            if c.answers[drip].reset is None:
                c.send(h2.window(drip, 1))
            c.settled()
            time.sleep(0.02)
        assert c.answers[shut].reset == c.answers[drip].reset == h2.CANCEL
        fair = c.ask("/small")
        c.send(h2.window(fair, 300))
        assert c.answer(fair).status == 200 and not c.goaways
    assert probe.counts()["stalled"] == 2


def test_a_client_that_reads_nothing_is_cut_and_costs_little(probe_of, body):
    probe = probe_of(h2c=1, file=body, stall_ms=300)
    before = probe.rss()
    stuck = []
    for _ in range(40):
        c = probe.client(receive_buffer=4096)
        c.send(b"".join(c.head(h2.request("/file"))[1] for _ in range(50)))
        stuck.append(c)
    assert probe.get("/small").status == 200
    assert probe.rss() - before < (32 << 20 if modgate.sanitized() else 8 << 20)
    while probe.counts()["open"] > 1:
        time.sleep(0.01)
    for c in stuck:
        with c, pytest.raises(OSError):
            while c.socket.recv(1 << 20):
                pass
            raise ConnectionResetError("ended")


def test_clients_that_vanish(probe):
    gone = probe.number("/gone")
    with probe.client() as c:
        parked = [c.ask("/park") for _ in range(10)]
        c.settled()
        for stream in parked[:3]:
            c.send(h2.reset(stream))
        c.settled()
        assert probe.number("/gone") == gone + 3
    for i in range(40):
        c = probe.client()
        c.send(b"".join(c.head(h2.request("/file" if i % 2 else "/big"))[1] for _ in range(5)))
        c.socket.recv(1000)
        c.socket.close()
    with probe.client() as c:
        c.ask("/park")
        c.settled()
    while probe.number("/gone") < gone + 11:
        pass
    assert probe.number("/gone") == gone + 11


def test_parked_exchanges(probe):
    with probe.client() as c:
        parked = [c.ask("/park") for _ in range(20)]
        c.settled()
        assert int(c.get("/wake").body) == 20
        for stream in parked:
            answer = c.answer(stream)
            assert answer.body == b"good morning\n" and len(answer.field("x-request-id")) == 16


@pytest.mark.parametrize("lane", [0, 1, 2])
def test_a_file_that_is_not_in_memory(probe_of, tmp_path, lane):
    file = tmp_path / "cold"
    data = random.Random(5).randbytes(8 << 20)
    file.write_bytes(data)
    with open(file, "rb") as f:
        os.fsync(f.fileno())
        os.posix_fadvise(f.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    probe = probe_of(h2c=1, file=file, lane=lane)
    with probe.client() as c:
        streams = [c.ask("/file") for _ in range(5)]
        assert len(c.get("/small").body) == 300
        for stream in streams:
            assert c.answer(stream).body == data


def test_a_truncated_file_resets_its_stream(probe_of, tmp_path):
    file = tmp_path / "short"
    file.write_bytes(b"x" * (4 << 20))
    probe = probe_of(h2c=1, file=file)
    os.truncate(file, 1 << 20)
    with probe.client() as c:
        answer = c.answer(c.ask("/file"))
        assert answer.reset == h2.INTERNAL_ERROR and len(answer.body) == 1 << 20
        assert c.get("/small").status == 200 and not c.goaways


# -- going


def test_an_answer_that_closes(probe):
    """As Connection: close in HTTP/1.1: two GOAWAYs, and what was asked before the first is answered."""
    with probe.client() as c:
        c.settled()
        streams = [c.ask("/close"), c.ask("/big"), c.ask("/small")]
        for stream in streams:
            assert c.answer(stream).status == 200
        assert c.rest() == [(2**31 - 1, h2.NO_ERROR), (5, h2.NO_ERROR)]


def test_drain_loses_nothing_that_was_asked(probe_of, body):
    probe = probe_of(h2c=1, file=body, drain_ms=20000)
    with probe.client(own_window=65535) as busy, probe.client() as idle, probe.client() as parked:
        for c in (busy, idle, parked):
            c.settled()
        large = busy.ask("/file")
        waiting = parked.ask("/park")
        busy.settled()
        parked.settled()
        probe.process.send_signal(signal.SIGTERM)
        assert idle.rest() == [(2**31 - 1, h2.NO_ERROR), (0, h2.NO_ERROR)]
        busy.until(lambda: busy.goaways)
        late = busy.ask("/small")  # not told yet that it would be too late, for all we know
        busy.send(h2.window(0, 60 << 20) + h2.window(large, 60 << 20))
        assert len(busy.answer(large).body) == 50 << 20
        parked.ask("/wake")
        assert parked.answer(waiting).body == b"good morning\n"
        assert busy.goaways[0] == (2**31 - 1, h2.NO_ERROR) and late in (3, 5)
        busy.rest()
        parked.rest()
    assert probe.process.wait(20) == 0


def test_a_peer_that_does_not_hear_does_not_hold_up_the_drain(probe_of):
    probe = probe_of(h2c=1, drain_ms=60000)
    deaf = probe.client()
    deaf.get("/small")
    with deaf:
        time.sleep(1.2)  # idle for longer than it then has to hear of the drain
        start = time.monotonic()
        probe.process.send_signal(signal.SIGTERM)
        while deaf.socket.recv(4096):
            pass
        assert time.monotonic() - start >= 1
        assert probe.process.wait(20) == 0


def test_idle_connections_are_small(probe_of):
    """At most 45 KB each, after an answer and with both header tables in use."""
    probe = probe_of(h2c=1)
    count = 300
    with probe.client() as c:
        c.get("/big")
    before = probe.rss()
    idle = []
    for i in range(count):
        c = probe.client()
        for j in range(30):
            c.ask(f"/echo?{i}.{j}", fields=[("x-padding", f"{i}.{j}" + "x" * 100)])
        c.answer(c.next - 2)
        idle.append(c)
    grown = probe.rss() - before
    for c in idle:
        c.socket.close()
    assert grown / count < (45e3 if not modgate.sanitized() else 200e3), grown / count
