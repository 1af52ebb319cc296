# SPDX-License-Identifier: Apache-2.0
"""src/http alone, byte by byte, through its probe server: framing, pipelining, refusals, validators,
ranges, slow and vanishing peers."""

import hashlib
import os
import random
import resource
import select
import socket
import struct
import time

import pytest

from lib import http, modgate

SMUGGLED = b"GET /echo?smuggled HTTP/1.1\r\nHost: x\r\n\r\n"


def get(target, *lines, version="1.1"):
    return "\r\n".join([f"GET {target} HTTP/{version}", "Host: x", *lines, "", ""]).encode()


# -- framing


def test_pipelined_requests_are_answered_in_order(probe):
    with probe.session() as s:
        s.send(b"".join(get(f"/echo?{i}") for i in range(2000)))
        for i in range(2000):
            assert s.answer().body.startswith(b"GET /echo?%d " % i)


def test_pipelined_requests_in_pieces_of_any_size(probe):
    rng = random.Random(3)
    data = b"".join(get(f"/echo?{i}", "X-Pad: " + "p" * rng.randrange(3000)) for i in range(300))
    with probe.session() as s:
        at = 0
        while at < len(data):
            n = rng.choice((1, 2, 7, 100, 1459, 9000, 70000))
            s.send(data[at : at + n])
            at += n
        for i in range(300):
            assert s.answer().body.startswith(b"GET /echo?%d " % i)


def test_pipelined_large_bodies_keep_their_order(probe, body):
    big = hashlib.sha256(probe.get("/big").body).digest()
    file = hashlib.sha256(body.read_bytes()).digest()
    with probe.session() as s:
        s.send(get("/big") + get("/echo?1") + get("/file") + get("/echo?2") + get("/small") + get("/big"))
        assert hashlib.sha256(s.answer().body).digest() == big
        assert b"/echo?1" in s.answer().body
        assert hashlib.sha256(s.answer().body).digest() == file
        assert b"/echo?2" in s.answer().body
        assert len(s.answer().body) == 300
        assert hashlib.sha256(s.answer().body).digest() == big


def test_requests_are_answered_though_the_client_has_closed_its_side(probe):
    with probe.session() as s:
        s.send(b"".join(get(f"/echo?{i}") for i in range(1500)))
        s.socket.shutdown(socket.SHUT_WR)
        for i in range(1500):
            assert s.answer().body.startswith(b"GET /echo?%d " % i)
        assert s.closed() and s.buffer == b""


def test_a_head_may_come_byte_by_byte(probe):
    with probe.session() as s:
        for byte in get("/echo?slow", "Range: bytes=0-", "User-Agent: drip"):
            s.send(bytes([byte]))
        assert s.answer().body.startswith(b"GET /echo?slow ")


@pytest.mark.parametrize("cut", range(0, 60, 7))
def test_a_head_cut_anywhere_waits_for_its_rest(probe, cut):
    request = get("/echo?first") + get("/echo?second")
    with probe.session() as s:
        s.send(request[:cut])
        time.sleep(0.005)
        s.send(request[cut:])
        assert b"first" in s.answer().body and b"second" in s.answer().body


def test_http_1_0(probe):
    with probe.session() as s:
        s.send(get("/small", version="1.0"))
        answer = s.answer()
        assert answer.status == 200 and answer.field("Connection") == "close"
        assert s.closed()
    with probe.session() as s:
        for _ in range(2):
            s.send(get("/small", "Connection: keep-alive", version="1.0"))
            assert s.answer().field("Connection") == "keep-alive"


def test_connection_close_from_either_side(probe):
    for target, lines in (("/small", ["Connection: close"]), ("/close", [])):
        with probe.session() as s:
            s.send(get(target, *lines) + SMUGGLED)
            answer = s.answer()
            assert answer.status == 200 and answer.field("Connection") == "close"
            assert s.closed() and s.buffer == b""


def test_request_ids_are_unique_and_shown(probe):
    ids = set()
    for _ in range(50):
        answer = probe.get("/error")
        shown = answer.field("X-Request-Id")
        assert len(shown) == 16 and shown.encode() in answer.body
        ids.add(shown)
    assert len(ids) == 50


# -- bodies nobody wants


@pytest.mark.parametrize("n", [1, 5, len(SMUGGLED), 65536])
@pytest.mark.parametrize("piecewise", [False, True])
def test_a_short_body_is_skipped(probe, n, piecewise):
    junk = (SMUGGLED * (n // len(SMUGGLED) + 1))[:n]
    with probe.session() as s:
        s.send(get("/echo?a", f"Content-Length: {n}"))
        if piecewise:
            assert b"?a" in s.answer().body
            for at in range(0, n, 9000):
                s.send(junk[at : at + 9000])
            s.send(get("/echo?b"))
        else:
            s.send(junk + get("/echo?b"))
            assert b"?a" in s.answer().body
        assert b"?b" in s.answer().body


@pytest.mark.parametrize("lines, junk", [
    (["Content-Length: 65537"], SMUGGLED * 2000),
    (["Content-Length: 18446744073709551615"], SMUGGLED),
    (["Transfer-Encoding: chunked"], b"0\r\n\r\n" + SMUGGLED),
    (["Transfer-Encoding: chunked"], b"%x\r\n%s\r\n0\r\n\r\n" % (len(SMUGGLED), SMUGGLED) + SMUGGLED),
    (["Content-Length: 10", "Expect: 100-continue"], b"0123456789" + SMUGGLED),
])
def test_any_other_body_ends_the_connection(probe, lines, junk):
    with probe.session() as s:
        s.send(get("/small", *lines))
        try:
            s.send(junk)
        except OSError:
            pass  # already closed
        answer = s.answer()
        assert answer.status in (200, 400, 413, 417) and answer.field("Connection") == "close"
        assert s.closed() and s.buffer == b""


# -- what is no request

BAD_STARTS = [
    b"GET  /small HTTP/1.1", b"GET /small  HTTP/1.1", b"GET /small HTTP/1.1 ", b" GET /small HTTP/1.1",
    b"GET\t/small HTTP/1.1", b"GET /small\tHTTP/1.1", b"GET /sm all HTTP/1.1", b"GET /small http/1.1",
    b"GET /small HTTP/1.10", b"GET /small HTTP/11", b"GET /small HTTP/01.1", b"GET /small HTTP/1.x",
    b"GET /small HTTP/2.0", b"GET /small HTTP/3.0", b"GET /small HTTP/0.9", b"GET /small HTTP/1,1",
    b"GET /small HTTPS/1.1", b"GET /small XTTP/1.1", b"GET /small", b"GET", b"GET ", b"/small HTTP/1.1",
    b"GET small HTTP/1.1", b"GET * HTTP/1.1", b"G\0T /small HTTP/1.1", b"GET /\0 HTTP/1.1",
    b"GET /\x01 HTTP/1.1", b"GET /\x7f HTTP/1.1", b"GET /small\r HTTP/1.1", b"GET /small HTTP/1.1\r",
    b"G(T /small HTTP/1.1", b"GET: /small HTTP/1.1", b"\x16\x03\x01\x02\x00", b"PRI * HTTP/2.0",
    b"GET ftp://x/ HTTP/1.1", b"GET x:80 HTTP/1.1", b"CONNECT x:80 HTTP/1.1", b"HTTP/1.1 200 OK",
]
BAD_FIELDS = [
    b"Content-Length: 5\r\nTransfer-Encoding: chunked", b"Transfer-Encoding: chunked\r\nContent-Length: 5",
    b"Content-Length: 5\r\nContent-Length: 6", b"Content-Length: 5\r\nContent-Length: 5", b"Content-Length: 5, 5",
    b"Content-Length: 5,6", b"Content-Length: +5", b"Content-Length: -1", b"Content-Length: 0x5",
    b"Content-Length: 5 5", b"Content-Length:", b"Content-Length: 5\0", b"Content-Length: 5.0", b"Content-Length: 5e1",
    b"Content-Length: 18446744073709551616", b"Content-Length: 99999999999999999999999", b"Content-Length: five",
    b"Content-Length: 0\r\nContent-Length: %d" % len(SMUGGLED), b"Content-Length : 5", b"Content-Length\t: 5",
    b" Content-Length: 5", b"\tContent-Length: 5", b"Content-Length", b"Content Length: 5", b"Content-Length 5",
    b"Transfer-Encoding: gzip", b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding: chunked, gzip",
    b"Transfer-Encoding: chunked, chunked", b"Transfer-Encoding: identity", b"Transfer-Encoding: chunked, identity",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", b"Transfer-Encoding: xchunked",
    b"Transfer-Encoding: chunkedx", b"Transfer-Encoding: \x0bchunked", b"Transfer-Encoding: chunked\x0c",
    b"Transfer-Encoding: \"chunked\"", b"Transfer-Encoding: chunked;q=1", b"Transfer-Encoding:", b"Transfer-Encoding: ,",
    b"Transfer-Encoding : chunked", b"Transfer-Encoding\t: chunked", b"Transfer-Encoding\x0b: chunked",
    b"Transfer-Encoding:\r\n chunked", b"X: y\r\n Transfer-Encoding: chunked", b"X: y\r\n\tContent-Length: 5",
    b"X: a\rContent-Length: 5", b"X: a\nContent-Length: 5", b"X: a\n\r\n", b"X: a\0b", b"X\0: b", b": no name", b"X",
    b"X\xe9: y", b"X Y: z", b"X(: y", b"X\x7f: y", b"\0: y", b"\x01X: y", b"X: \x01", b"X: \x7f", b"X: y\r", b"Host: other",
    b"Host: x", b"Host:", b"Host : x", b"=: y", b"\"X\": y", b"X;: y", b"X/Y: z", b"X[]: y", b"X{}: y", b"X@: y",
]
BAD_HEADS = (
    [start + b"\r\nHost: x\r\n\r\n" for start in BAD_STARTS]
    + [b"GET /small HTTP/1.1\r\nHost: x\r\n" + f + b"\r\n\r\n" for f in BAD_FIELDS]
    + [b"GET /small HTTP/1.1\r\n" + f + b"\r\nHost: x\r\n\r\n" for f in BAD_FIELDS if not f.startswith(b"Host: x")]
    + [
        b"GET /small HTTP/1.1\r\n\r\n",
        b"GET /small HTTP/1.1\nHost: x\n\n",
        b"GET /small HTTP/1.1\r\nHost: x\n\r\n",
        b"GET /small HTTP/1.1\nHost: x\r\n\r\n",
        b"GET /small HTTP/1.1\r\nHost: x\r\n\n",
        b"GET /small HTTP/1.1\r\nHost: x\r\r\n\r\n",
        b"GET /" + b"a" * 40000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /small HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 40000 + b"\r\n\r\n",
        b"GET /small HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 101 + b"\r\n",
        b"A" * 40000,
        b"\0" * 5000,
        random.Random(5).randbytes(5000) + b"\r\n\r\n",
    ]
)
assert len(BAD_HEADS) > 100


@pytest.mark.parametrize("number", range(len(BAD_HEADS)))
def test_what_is_no_request_is_refused_and_nothing_after_it_answered(probe, number):
    bad = BAD_HEADS[number]
    with probe.session() as s:
        s.send(bad + SMUGGLED)
        answer = s.answer()
        assert 400 <= answer.status < 600, (bad[:200], answer)
        # The target may well be a name that does not exist; then the request was one.
        assert answer.status != 404, bad[:200]
        assert answer.field("Content-Type").startswith("text/plain")
        assert answer.field("Connection") == "close"
        assert answer.body.count(b"\n") == 1 and answer.field("X-Request-Id").encode() in answer.body
        assert s.closed() and s.buffer == b"", (bad[:200], s.buffer)


def test_the_refusal_reaches_a_client_that_is_still_sending(probe):
    with probe.session() as s:
        s.send(b"GET /small HTTP/1.1\r\nHost: x\r\nX y\r\n\r\n")
        for _ in range(20):
            s.send(b"x" * 10000)
        assert s.answer().status == 400


def test_good_requests_before_a_bad_one_are_answered(probe):
    with probe.session() as s:
        s.send(get("/echo?1") + get("/echo?2") + b"BAD\r\n\r\n" + SMUGGLED)
        assert b"?1" in s.answer().body and b"?2" in s.answer().body
        assert s.answer().status == 400
        assert s.closed() and s.buffer == b""


def test_random_mutations_never_break_framing(probe):
    rng = random.Random(11)
    seed = get("/small", "Content-Length: 3", "Connection: keep-alive", "Range: bytes=1-2") + b"abc"
    for _ in range(400):
        data = bytearray(seed)
        for _ in range(rng.randrange(1, 4)):
            at = rng.randrange(len(data))
            kind = rng.randrange(3)
            if kind == 0:
                data[at] = rng.choice(b"\r\n\0 \t:,;/HTGEX019\xff")
            elif kind == 1:
                del data[at]
            else:
                data.insert(at, rng.choice(b"\r\n\0 \t:,0"))
        with probe.session() as s:
            s.send(bytes(data))
            s.socket.shutdown(socket.SHUT_WR)
            try:
                while True:
                    assert s.answer().status in (200, 206, 400, 404, 405, 414, 416, 417, 431, 501, 505)
            except http.Broken as e:
                assert "closed" in str(e), (bytes(data), e)
            assert s.buffer == b"", bytes(data)


# -- validators and ranges

MEMORY = bytes(ord("a") + i % 23 for i in range(300))
DATE = "Tue, 14 Nov 2023 22:13:20 GMT"
EARLIER = "Tue, 14 Nov 2023 22:13:19 GMT"

CONDITIONS = [
    # (headers, status, slice)
    ({}, 200, None),
    ({"If-None-Match": '"ETAG"'}, 304, None),
    ({"If-None-Match": 'W/"ETAG"'}, 304, None),
    ({"If-None-Match": '"a", "ETAG" , "b"'}, 304, None),
    ({"If-None-Match": "*"}, 304, None),
    ({"If-None-Match": '"other"'}, 200, None),
    ({"If-None-Match": "ETAG"}, 200, None),
    ({"If-Modified-Since": DATE}, 304, None),
    ({"If-Modified-Since": EARLIER}, 200, None),
    ({"If-Modified-Since": "yesterday"}, 200, None),
    ({"If-None-Match": '"other"', "If-Modified-Since": DATE}, 200, None),
    ({"Range": "bytes=0-0"}, 206, (0, 1)),
    ({"Range": "bytes=10-19"}, 206, (10, 20)),
    ({"Range": "bytes=290-"}, 206, (290, 300)),
    ({"Range": "bytes=290-9999"}, 206, (290, 300)),
    ({"Range": "bytes=-10"}, 206, (290, 300)),
    ({"Range": "bytes=-9999"}, 206, (0, 300)),
    ({"Range": "bytes=300-"}, 416, None),
    ({"Range": "bytes=-0"}, 416, None),
    ({"Range": "bytes=20-10"}, 200, None),
    ({"Range": "bytes=1-2,4-5"}, 200, None),
    ({"Range": "lines=1-2"}, 200, None),
    ({"Range": "bytes=a-b"}, 200, None),
    ({"Range": "bytes=10-19", "If-Range": '"ETAG"'}, 206, (10, 20)),
    ({"Range": "bytes=10-19", "If-Range": 'W/"ETAG"'}, 200, None),
    ({"Range": "bytes=10-19", "If-Range": '"other"'}, 200, None),
    ({"Range": "bytes=10-19", "If-Range": DATE}, 206, (10, 20)),
    ({"Range": "bytes=10-19", "If-Range": EARLIER}, 200, None),
    ({"Range": "bytes=10-19", "If-None-Match": '"ETAG"'}, 304, None),
]


@pytest.mark.parametrize("headers, status, part", CONDITIONS, ids=lambda v: str(v)[:60])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_conditions_and_ranges(probe, headers, status, part, method):
    headers = {n: v.replace("ETAG", "small") for n, v in headers.items()}
    if method == "HEAD" and status in (206, 416):
        status, part = 200, None
    answer = probe.get("/small", headers, method)
    assert answer.status == status
    assert (answer.field("ETag") == '"small"') == (status != 416)
    if status in (200, 206):
        want = MEMORY[slice(*part)] if part else MEMORY
        assert answer.field("Content-Length") == str(len(want))
        assert answer.field("Accept-Ranges") == "bytes"
        assert answer.field("Last-Modified") == DATE
        assert answer.body == (want if method == "GET" else b"")
    if status == 206:
        assert answer.field("Content-Range") == f"bytes {part[0]}-{part[1] - 1}/300"
    if status == 304:
        assert answer.field("Cache-Control") == "public, max-age=60" and answer.field("Content-Type") is None
    if status == 416:
        assert answer.field("Content-Range") == "bytes */300" and answer.field("Content-Length") == "0"


def test_ranges_of_a_file(probe, body):
    data = body.read_bytes()
    rng = random.Random(2)
    with probe.session() as s:
        for _ in range(30):
            first = rng.randrange(len(data))
            last = min(len(data) - 1, first + rng.choice((0, 1, 4095, 4096, 65536, 3 << 20)))
            answer = s.request("/file", {"Range": f"bytes={first}-{last}"})
            assert answer.status == 206 and answer.body == data[first : last + 1]


def test_head_has_the_fields_of_get_and_no_body(probe):
    for target in ("/small", "/big", "/file", "/none"):
        with probe.session() as s:
            head = s.request(target, method="HEAD")
            assert s.buffer == b""
            again = s.request(target)
            keep = lambda a: [(n, v) for n, v in a.fields if n not in ("Date", "X-Request-Id")]
            assert head.status == again.status and keep(head) == keep(again)


def test_errors_are_not_conditional(probe):
    assert probe.get("/none", {"If-None-Match": "*", "Range": "bytes=0-1"}).status == 404
    assert probe.get("/error", {"If-None-Match": "*", "Range": "bytes=0-1"}).status == 503


# -- peers that are slow, or leave


def test_a_slow_reader_gets_everything_and_holds_up_nobody(probe, body):
    with probe.session(60) as slow:
        slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        slow.send(get("/file"))
        digest = hashlib.sha256()
        at = slow.line_end(b"\r\n\r\n") + 4
        digest.update(slow.buffer[at:])
        got = len(slow.buffer) - at
        worst = 0
        with probe.session() as other:
            while got < 50 << 20:
                data = slow.socket.recv(1 << 20)
                assert data
                digest.update(data)
                got += len(data)
                start = time.monotonic()
                assert other.request("/small").status == 200
                worst = max(worst, time.monotonic() - start)
        assert digest.digest() == hashlib.sha256(body.read_bytes()).digest()
        assert worst < 1


def test_a_client_that_reads_nothing_is_cut_and_costs_nothing(probe_of, body):
    probe = probe_of(file=body, stall_ms=300)
    before = probe.rss()
    stuck = []
    for _ in range(50):
        s = probe.session()
        s.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.send(get("/file") * 3)
        stuck.append(s)
    time.sleep(0.1)
    cpu = probe.cpu()
    assert probe.get("/small").status == 200
    assert probe.rss() - before < 8 << 20
    for s in stuck:
        cut = select.poll()
        cut.register(s.socket, 0)  # seen without reading: who reads, however slowly, is not cut
        assert cut.poll(60_000)
        with pytest.raises(OSError):
            while s.socket.recv(1 << 20):
                pass
            raise ConnectionResetError("ended")
        s.close()
    assert probe.cpu() - cpu < 2


def test_clients_that_vanish_in_the_middle_of_a_body(probe):
    for i in range(60):
        s = probe.session()
        s.send(get("/file" if i % 2 else "/big"))
        s.socket.recv(1000)
        if i % 3:
            s.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.close()
    assert probe.get("/small").status == 200


def test_a_truncated_file_cuts_the_connection(probe_of, tmp_path):
    file = tmp_path / "shrinks"
    file.write_bytes(b"x" * (8 << 20))
    probe = probe_of(file=file)
    with probe.session() as s:
        s.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.send(get("/file"))
        s.line_end(b"\r\n\r\n")
        os.truncate(file, 100)
        with pytest.raises(http.Broken):
            s.answer()


@pytest.mark.parametrize("lane", [0, 2])
def test_a_file_that_is_not_in_memory(probe_of, tmp_path, lane):
    file = tmp_path / "cold"
    data = random.Random(9).randbytes(20 << 20)
    file.write_bytes(data)
    with open(file, "rb") as f:
        os.fsync(f.fileno())
        os.posix_fadvise(f.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    probe = probe_of(file=file, lane=lane)
    assert probe.get("/file").body == data


def test_parked_clients(probe):
    with probe.session() as a, probe.session() as b:
        a.send(get("/park") + get("/echo?after"))
        b.send(get("/park"))
        left = probe.session()
        left.send(get("/park"))
        gone = probe.number("/gone")
        left.close()
        while probe.number("/gone") == gone:
            time.sleep(0.005)
        assert probe.number("/wake") == 2
        assert a.answer().body == b"good morning\n"
        assert b"after" in a.answer().body
        assert b.answer().body == b"good morning\n"


def test_a_parked_client_cannot_fill_the_memory(probe):
    before = probe.rss()
    with probe.session() as s:
        s.socket.settimeout(0.3)
        s.send(get("/park"))
        sent = 0
        with pytest.raises(TimeoutError):
            while sent < 64 << 20:
                sent += s.socket.send(b"GET /small HTTP/1.1\r\nHost: x\r\n\r\n" * 2000)
        assert probe.rss() - before < 4 << 20
        assert probe.number("/wake") == 1
        s.socket.settimeout(20)
        assert s.answer().body == b"good morning\n"
        assert len(s.answer().body) == 300


def test_a_thousand_idle_connections(probe):
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    before = probe.rss()
    idle = [probe.session() for _ in range(1000)]
    for s in idle:
        s.send_request("/small")
    for s in idle:
        assert s.answer().status == 200
    grown = probe.rss() - before
    cpu = probe.cpu()
    time.sleep(0.5)
    assert probe.cpu() - cpu < 0.1
    if not modgate.sanitized():
        assert grown < 6 << 20
    for s in idle:
        s.send_request("/small")
    for s in idle:
        assert s.answer().status == 200
        s.close()


def test_no_descriptors_left(probe_of, tmp_path):
    probe = probe_of()
    resource.prlimit(probe.process.pid, resource.RLIMIT_NOFILE, (40, 40))
    held = [probe.session() for _ in range(60)]
    alive = 0
    for s in held:
        try:
            alive += s.request("/small").status == 200
        except OSError:
            pass
    assert 15 <= alive < 60
    for s in held:
        s.close()
    assert probe.get("/small").status == 200
