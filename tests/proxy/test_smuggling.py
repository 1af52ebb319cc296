# SPDX-License-Identifier: Apache-2.0
"""T35: requests that two parsers might read in two ways. Alone, modgate refuses them and closes;
behind nginx and haproxy the answers of later clients stay theirs."""

import itertools

import pytest

from lib import http
from lib.servers import in_front

HIDDEN = b"GET /example.com/hidden/@v/v1.0.0.mod HTTP/1.1\r\nHost: x\r\n\r\n"
INFO = "/example.com/m/@v/v1.0.0.info"


def stock(tree):
    tree.add("example.com/m", "v1.0.0").add("example.com/hidden", "v1.0.0")
    for i in range(8):
        tree.add(f"example.com/c{i}", "v1.0.0")


# Field sections after which an honest server must not go on as if nothing were wrong.
AMBIGUOUS = [
    b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
    b"Content-Length: 5\r\nContent-Length: 6\r\n",
    b"Content-Length: 5, 6\r\n",
    b"Content-Length: +5\r\n",
    b"Content-Length: -1\r\n",
    b"Content-Length: 0x5\r\n",
    b"Content-Length: 5 5\r\n",
    b"Content-Length:\r\n",
    b"Content-Length: 5\0\r\n",
    b"Content-Length: 99999999999999999999999\r\n",
    b"Content-Length : 5\r\n",
    b" Content-Length: 5\r\n",
    b"Content-Length\r\n",
    b"Content Length: 5\r\n",
    b"Transfer-Encoding: gzip, chunked\r\n",
    b"Transfer-Encoding: chunked, gzip\r\n",
    b"Transfer-Encoding: chunked, chunked\r\n",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: xchunked\r\n",
    b"Transfer-Encoding : chunked\r\n",
    b"Transfer-Encoding\t: chunked\r\n",
    b"Transfer-Encoding: \x0bchunked\r\n",
    b"Transfer-Encoding: \"chunked\"\r\n",
    b"Transfer-Encoding:\r\n chunked\r\n",
    b"X: y\r\n Transfer-Encoding: chunked\r\n",
    b"X: y\r\n\tContent-Length: 5\r\n",
    b"X: a\rContent-Length: 5\r\n",
    b"X: a\0b\r\n",
    b"X\0: b\r\n",
    b": empty name\r\n",
    b"X\xe9: y\r\n",
    b"Host: other\r\n",
]


@pytest.mark.parametrize("fields", AMBIGUOUS, ids=lambda f: ascii(f)[2:-1][:50])
def test_t35_ambiguous_fields_are_refused_and_the_connection_closed(shared, fields):
    with shared.modgate.session() as s:
        s.send(f"GET {INFO} HTTP/1.1\r\nHost: x\r\n".encode() + fields + b"\r\n" + HIDDEN)
        answer = s.answer()
        assert answer.status in (400, 501), answer
        assert s.closed()
        assert s.buffer == b"", "something was answered after a refusal"


@pytest.mark.parametrize("start", [
    b"GET  / HTTP/1.1", b"GET / HTTP/1.1 ", b" GET / HTTP/1.1", b"GET\t/ HTTP/1.1", b"GET / http/1.1", b"GET / HTTP/1.10",
    b"GET / HTTP/2.0", b"GET / HTTP/0.9", b"GET / HTTP/1.", b"GET /", b"GET", b"", b"GET / HTTP/1.1\r", b"G\0T / HTTP/1.1",
    b"GET /\x01 HTTP/1.1", b"GET / HTTPS/1.1", b"GET /a b HTTP/1.1", b"PRI * HTTP/2.0", b"GET * HTTP/1.1", b"\x16\x03\x01\x02"])
def test_t35_bad_request_lines(shared, start):
    with shared.modgate.session() as s:
        s.send(start + b"\r\nHost: x\r\n\r\n" + HIDDEN)
        try:
            answer = s.answer()
        except http.Broken:
            return
        assert answer.status in (400, 404, 501, 505), answer
        if answer.status != 404:
            assert s.closed() and s.buffer == b""


@pytest.mark.parametrize("head", [
    f"GET {INFO} HTTP/1.1\nHost: x\n\n".encode(),
    f"GET {INFO} HTTP/1.1\r\nHost: x\n\r\n".encode(),
    f"GET {INFO} HTTP/1.1\nHost: x\r\n\r\n".encode(),
    f"GET {INFO} HTTP/1.1\r\nHost: x\r\n\n".encode() + HIDDEN,
    f"GET {INFO} HTTP/1.1\r\n\r\n".encode(),
    f"GET {INFO} HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".encode(),
])
def test_t35_bare_line_feeds_and_hosts(shared, head):
    with shared.modgate.session(timeout=20) as s:
        s.send(head)
        try:
            assert s.answer().status in (400, 408)
        except http.Broken:
            pass
        assert s.closed(15)


def test_t35_a_body_on_get_is_drained_or_the_connection_closed(shared):
    want = shared.tree.files[INFO[1:]]
    bodies = [(b"Content-Length: %d\r\n" % len(HIDDEN), HIDDEN),
              (b"Transfer-Encoding: chunked\r\n", b"%x\r\n" % len(HIDDEN) + HIDDEN + b"\r\n0\r\n\r\n")]
    for fields, body in bodies:
        with shared.modgate.session() as s:
            s.send(f"GET {INFO} HTTP/1.1\r\nHost: x\r\n".encode() + fields + b"\r\n" + body)
            first = s.answer()
            assert first.status in (200, 400, 413)
            s.send_request(INFO)
            try:
                assert s.answer().body == want
            except http.Broken:
                pass


@pytest.mark.parametrize("body", [
    b"5;" + b"e" * 300 + b"\r\nhello\r\n0\r\n\r\n", b"5\nhello\r\n0\r\n\r\n", b"5 \r\nhello\r\n0\r\n\r\n", b"0x5\r\nhello\r\n0\r\n\r\n",
    b"-5\r\nhello\r\n0\r\n\r\n", b"fffffffffffffffff\r\nhello\r\n0\r\n\r\n", b"5\r\nhelloXX0\r\n\r\n", b"\r\nhello\r\n0\r\n\r\n"])
def test_t35_bad_chunks_end_the_connection(shared, body):
    with shared.modgate.session() as s:
        s.send(f"GET {INFO} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode() + body + HIDDEN)
        try:
            for _ in range(2):
                answer = s.answer()
                assert answer.body != shared.tree.files["example.com/hidden/@v/v1.0.0.mod"]
        except http.Broken:
            pass
        assert s.closed()


def corpus():
    """More than 300 requests: every ambiguous field section under several request lines and tails."""
    lines = [f"GET {INFO} HTTP/1.1", f"POST {INFO} HTTP/1.1", f"GET http://x{INFO} HTTP/1.1"]
    tails = [HIDDEN, b"0\r\n\r\n" + HIDDEN, b"5\r\nhello\r\n0\r\n\r\n" + HIDDEN]
    for line, fields, tail in itertools.product(lines, AMBIGUOUS, tails):
        yield line.encode() + b"\r\nHost: x\r\n" + fields + b"\r\n" + tail


@pytest.mark.parametrize("kind", ["nginx", "haproxy"])
def test_t35_answers_stay_aligned_behind_a_real_proxy(shared, kind, tmp_path):
    requests = list(corpus())
    assert len(requests) >= 300
    with in_front(kind, shared.modgate.port, tmp_path / kind) as address:
        for i, attack in enumerate(requests):
            with http.Session(address, 10) as s:
                s.send(attack)
                try:
                    answer = s.answer()
                    assert answer.status < 500 or answer.status in (501, 502), (attack, answer)
                except (http.Broken, TimeoutError):
                    pass
            # Whoever comes next over the shared connection gets what is his.
            name = f"example.com/c{i % 8}/@v/v1.0.0.mod"
            with http.Session(address, 10) as s:
                for _ in range(2):
                    answer = s.request("/" + name)
                    assert answer.status == 200, (attack, answer)
                    assert answer.body == shared.tree.files[name], attack
