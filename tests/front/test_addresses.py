# SPDX-License-Identifier: Apache-2.0
"""Whose request it is: the PROXY protocol, forwarded addresses, Unix sockets, IPv6."""

import os
import signal
import socket
import stat
import struct

import pytest

from lib import expect, http
from lib.metrics import eventually, read
from lib.ports import free_port
from lib.wait import until

BASE = "/example.com/m/@v/v1.0.0"
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
# One request an address: the second is told whose it is taken for.
ONE_EACH = "limits:\n  requests-per-address: 1\n  burst-per-address: 1\n"


def v2(source="192.0.2.1", command=0x21, family=None, tlvs=b""):
    six = ":" in source
    af = socket.AF_INET6 if six else socket.AF_INET
    body = socket.inet_pton(af, source) + socket.inet_pton(af, "::2" if six else "198.51.100.2")
    body += struct.pack(">HH", 12345, 443) + tlvs
    family = family if family is not None else 0x21 if six else 0x11
    return SIGNATURE + struct.pack(">BBH", command, family, len(body)) + body


def connect(address, source=None):
    s = http.Session.__new__(http.Session)
    s.socket = socket.create_connection(address, 60, (source, 0) if source else None)
    s.buffer = b""
    return s


def taken_for(modgate, source=None, before=b"", headers=()):
    """Who modgate thinks is asking."""
    for _ in range(50):
        with connect(modgate.address, source) as s:
            s.send(before + http.head(BASE + ".mod", [*headers, ("Connection", "close")]))
            a = s.answer()
        if a.status == 429:
            expect.failure(a, 429, "has made as many requests")
            return a.text.split(": ", 1)[1].split(" has ")[0]
        assert a.status == 200, a
    raise AssertionError("never limited")


@pytest.fixture
def serving(modgate_of, origin, tree):
    def start(config, **more):
        tree.add("example.com/m", "v1.0.0")
        return modgate_of(origin.url, config="prefetch: false\n" + config, **more)

    return start


# --- the PROXY protocol


@pytest.fixture
def balanced(serving):
    """127.0.0.2 is a load balancer; the tests' own requests come from 127.0.0.1."""
    return serving("proxy-protocol:\n  from: [127.0.0.2, '::1/128']\n" + ONE_EACH)


def test_the_balancer_says_who(balanced):
    for head, client in [
        (b"PROXY TCP4 192.0.2.1 198.51.100.2 12345 443\r\n", "192.0.2.1"),
        (b"PROXY TCP6 2001:db8::1 2001:db8::2 12345 443\r\n", "[2001:db8::1]"),
        (b"PROXY TCP6 ::ffff:192.0.2.9 ::2 12345 443\r\n", "192.0.2.9"),
        (b"PROXY UNKNOWN\r\n", "127.0.0.2"),
        (v2("192.0.2.2"), "192.0.2.2"),
        (v2("2001:db8:1::1"), "[2001:db8:1::1]"),
        (v2("192.0.2.3", tlvs=b"\x04\0\x20" + bytes(32)), "192.0.2.3"),
        (v2(command=0x20), "127.0.0.2"),
        (v2(family=0), "127.0.0.2"),
    ]:
        assert taken_for(balanced, "127.0.0.2", head) == client, head


def test_the_balancer_must_say_it_well(serving):
    m = serving("proxy-protocol:\n  from: 127.0.0.2\n")
    heads = [
        b"", b"PROXY TCP4 192.0.2.1 198.51.100.2 12345\r\n", b"PROXY TCP4 192.0.2.256 198.51.100.2 1 2\r\n",
        b"proxy TCP4 192.0.2.1 198.51.100.2 1 2\r\n", v2(command=0x11), v2(command=0x22), v2(family=0x12),
        v2(family=0x21), SIGNATURE + b"\x21\x11\x10\x00", b"PROXY UNKNOWN " + b"x" * 120,
    ]
    for head in heads:
        with connect(m.address, "127.0.0.2") as s:
            s.send(head + http.head(BASE + ".mod"))
            a = s.answer()
            assert a.status == 400 and "must begin with a PROXY header" in a.text, head
            assert s.closed()
    assert read(m).of("modgate_http_bad_heads_total") == len(heads)


def test_nobody_else_may(balanced):
    for head in (b"PROXY TCP4 192.0.2.1 198.51.100.2 12345 443\r\n", v2(), v2("2001:db8::1")):
        with connect(balanced.address, "127.0.0.3") as s:
            s.send(head + http.head(BASE + ".mod"))
            assert s.answer().status == 400
            assert s.closed()


def test_a_header_in_pieces_and_what_follows(balanced):
    head = v2("203.0.113.5")
    request = http.head(BASE + ".mod")
    for step in (1, 7, len(head) + 10):
        whole = head.replace(socket.inet_aton("203.0.113.5"), socket.inet_aton(f"203.0.113.{step % 200 + 10}")) + request
        with connect(balanced.address, "127.0.0.2") as s:
            s.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for i in range(0, len(whole), step):
                s.send(whole[i : i + step])
            expect.success(s.answer())
            assert s.request(BASE + ".mod").status == 429  # the same connection, the same client


def test_a_balancer_that_keeps_us_waiting(serving):
    m = serving("proxy-protocol:\n  from: 127.0.0.2\nlimits:\n  header-timeout: 300ms\n")
    with connect(m.address, "127.0.0.2") as silent, connect(m.address, "127.0.0.2") as slow:
        slow.send(b"PROXY TCP4 ")
        assert silent.closed(20) and slow.closed(20)
    eventually(m, lambda now: now.of("modgate_http_timeouts_total", phase="head") == 2
               and now.of("modgate_http_connections") == 1)
    with connect(m.address, "127.0.0.2") as s:
        s.send(b"PROXY TCP4 ")
    eventually(m, lambda now: now.of("modgate_http_connections") == 1)


def test_connections_count_for_who_is_told(serving):
    m = serving("proxy-protocol:\n  from: 127.0.0.2\nlimits:\n  connections-per-address: 2\n")
    held = []
    for i in range(12):
        held.append(connect(m.address, "127.0.0.2"))
        held[-1].send(b"PROXY TCP4 192.0.2.%d 198.51.100.2 1 2\r\n" % (i // 2) + http.head(BASE + ".mod"))
        expect.success(held[-1].answer())
    with connect(m.address, "127.0.0.2") as s:
        s.send(b"PROXY TCP4 192.0.2.0 198.51.100.2 1 2\r\n" + http.head(BASE + ".mod"))
        expect.failure(s.answer(), 429, "192.0.2.0 has as many connections")
    for s in held:
        s.close()


# --- forwarded addresses


@pytest.mark.parametrize("field, cases", [
    ("x-forwarded-for", [
        ([("X-Forwarded-For", "192.0.2.1")], "192.0.2.1"),
        ([("X-Forwarded-For", "6.6.6.6, 192.0.2.1")], "192.0.2.1"),
        ([("X-Forwarded-For", "6.6.6.6, 192.0.2.1, 10.1.2.3")], "192.0.2.1"),
        ([("X-Forwarded-For", "6.6.6.6"), ("X-Forwarded-For", "192.0.2.1")], "192.0.2.1"),
        ([("X-Forwarded-For", "2001:db8::7")], "[2001:db8::7]"),
        ([("Forwarded", "for=6.6.6.6")], "127.0.0.2"),
        ([("X-Forwarded-For", "nonsense")], "127.0.0.2"),
        ([], "127.0.0.2"),
    ]),
    ("forwarded", [
        ([("Forwarded", 'for=6.6.6.6, for="[2001:db8::7]:80";proto=https')], "[2001:db8::7]"),
        ([("X-Forwarded-For", "6.6.6.6"), ("Forwarded", "for=192.0.2.1, for=10.0.0.9")], "192.0.2.1"),
    ]),
])
def test_a_trusted_proxy_says_who(serving, field, cases):
    m = serving(f"forwarded:\n  from: [127.0.0.2, 10.0.0.0/8]\n  field: {field}\n" + ONE_EACH)
    for headers, client in cases:
        assert taken_for(m, "127.0.0.2", headers=headers) == client, headers
        # Who is not trusted can write what he likes.
        assert taken_for(m, "127.0.0.3", headers=headers) == "127.0.0.3", headers


def test_connections_of_a_trusted_proxy_are_not_counted(serving):
    m = serving("forwarded:\n  from: 127.0.0.2\nlimits:\n  connections-per-address: 2\n")
    held = [connect(m.address, "127.0.0.2") for _ in range(20)]
    for s in held:
        expect.success(s.request(BASE + ".mod"))
        s.close()


# --- Unix sockets and IPv6


def ask_unix(path, headers=()):
    s = http.Session.__new__(http.Session)
    s.socket = socket.socket(socket.AF_UNIX)
    s.socket.settimeout(60)
    s.socket.connect(str(path))
    s.buffer = b""
    with s:
        return s.request(BASE + ".mod", headers)


def test_unix_sockets(serving, tmp_path):
    path = tmp_path / "http.sock"
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(path))
    dead.close()  # the file stays, as after a kill
    m = serving(f"listen-mode: '0640'\nforwarded:\n  from: unix\n{ONE_EACH}", args=["--listen", f"unix:{path}"])
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    for _ in range(5):  # no address, no share of one
        expect.success(ask_unix(path))
    found = [ask_unix(path, [("X-Forwarded-For", "192.0.2.77")]) for _ in range(5)]
    assert any(a.status == 429 and "192.0.2.77" in a.text for a in found)
    other = m.run("serve", "--listen", f"unix:{path}")
    assert other.returncode == 1 and "another server listens there" in other.stderr
    os.kill(m.children()["front"], signal.SIGKILL)
    m.wait_ready()
    expect.success(ask_unix(path))
    m.stop()
    assert not path.exists()
    m.process = None


def test_what_is_no_socket_is_not_replaced(modgate_of, origin, tmp_path):
    path = tmp_path / "precious"
    path.write_text("precious")
    m = modgate_of(origin.url)
    other = m.run("serve", "--listen", f"unix:{path}")
    assert other.returncode == 1 and "is no socket" in other.stderr
    assert path.read_text() == "precious"


def have_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as s:
            s.bind(("::1", 0))
        return True
    except OSError:
        return False


@pytest.mark.skipif(not have_ipv6(), reason="this machine has no IPv6")
def test_ipv6_and_both(serving):
    ports = free_port(), free_port()
    serving("limits:\n  connections-per-address: 1\n",
            args=["--listen", f"[::1]:{ports[0]}", "--listen", f":{ports[1]}"])
    for port, address, name in [(ports[0], "::1", "[::1]"), (ports[1], "::1", "[::1]"),
                                (ports[1], "127.0.0.9", "127.0.0.9")]:
        target = ("::1" if ":" in address else "127.0.0.1", port)

        def admitted():
            """A connection, once the last one of the address is counted off."""
            one = connect(target, address)
            if one.request(BASE + ".mod").status == 200:
                return one
            return one.__exit__(None, None, None)

        with until(admitted), connect(target, address) as second:
            # IPv4 that comes through an IPv6 socket keeps its name.
            expect.failure(second.request(BASE + ".mod"), 429, f"requests: {name} has as many connections")
    with pytest.raises(OSError):
        connect(("127.0.0.1", ports[0]))


@pytest.mark.parametrize("config, words", [
    ("proxy-protocol:\n  from: 10.0.0.1/8\n", "expected a network"),
    ("forwarded:\n  from: [example.com]\n", "expected a network"),
    ("listen-mode: rw\n", "octal"),
    ("metrics:\n  listen: 'unix:relative'\n", "metrics.listen"),
    ("forwarded:\n  field: via\n", "x-forwarded-for"),
])
def test_mistakes_are_told(modgate_of, origin, config, words):
    m = modgate_of(origin.url, config=config, wait=False)
    assert m.process.wait(30) == 1
    assert words in m.log()
    m.process = None
