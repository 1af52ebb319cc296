# SPDX-License-Identifier: Apache-2.0
"""The head parser against llhttp: two readings of one request are how requests are smuggled.

What modgate takes, llhttp must take too, with the same method, target, header values, end of the head,
body and fate of the connection. What modgate refuses although llhttp takes it must be refused for one
of the reasons below."""

import functools
import json
import os
import pathlib
import random
import struct
import subprocess

import httptools
import pytest

from lib import modgate

PROGRAM = os.environ.get("HEAD_DUMP") or str(pathlib.Path(modgate.binary()).parent / "head_dump")
CORPUS = pathlib.Path(__file__).parents[2] / "fuzz" / "head"
GENERATED = 40000

# Why modgate is the stricter one.
STRICTER = {
    "the request line does not end in an HTTP version": "llhttp skips several spaces before the version",
    "only HTTP/1.0 and HTTP/1.1 are spoken here": "llhttp reads HTTP/0.9 and 2.0 as well",
    "the request target is neither a path nor an http URL": "no proxy: no CONNECT, no other scheme, * for OPTIONS",
    "the request target is empty or has a byte that no URL may have": "llhttp lets a fragment pass",
    "the request's head is longer than 32 KiB": "a limit",
    "the request target is longer than 16 KiB": "a limit",
    "the request has more than 100 header lines": "a limit",
    "HTTP/1.1 needs a Host header": "RFC 9112 section 3.2",
    "Host comes twice": "RFC 9112 section 3.2",
    "Host is empty or no host name": "RFC 9112 section 3.2, RFC 9110 section 4.2.1",
    "Content-Length is no plain number": "no leading zero, nothing above 2^63-1",
    "HTTP/1.0 knows no Transfer-Encoding": "RFC 9112 section 6.1 calls the framing faulty",
    "the only transfer coding understood is chunked": "RFC 9112 section 6.1: 501",
    "the only expectation met is 100-continue": "RFC 9110 section 10.1.1: 417",
    "a header that may come once comes twice": "which one counts would be a guess",
    "a CR stands without LF": "llhttp skips any CR before a request",
    "the request does not begin with a method": "llhttp skips any empty lines before a request",
}


class Reading:
    """What llhttp makes of a request."""

    def __init__(self, data):
        self.url, self.headers, self.body = b"", [], b""
        self.head = self.complete = self.upgrade = False
        self.error = None
        self.parser = httptools.HttpRequestParser(self)
        self.feed(data)

    def feed(self, data):
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.upgrade = True
        except httptools.HttpParserError as e:
            self.error = self.error or e

    def on_url(self, part):
        self.url += part

    def on_header(self, name, value):
        self.headers.append((name.lower().decode("latin-1"), value.rstrip(b" \t")))

    def on_headers_complete(self):
        self.head = True
        self.method = self.parser.get_method()
        self.version = self.parser.get_http_version()
        self.keep_alive = self.parser.should_keep_alive()

    def on_body(self, part):
        self.body += part

    def on_message_complete(self):
        self.complete = True

    def values(self, name):
        return [v for n, v in self.headers if n == name]


def judge(heads):
    data = b"".join(struct.pack("<I", len(h)) + h for h in heads)
    run = subprocess.run([PROGRAM], input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
    assert run.returncode == 0, run.stderr.decode()
    verdicts = [json.loads(line) for line in run.stdout.splitlines()]
    assert len(verdicts) == len(heads)
    return verdicts


def origin_form(url):
    """The path and query of a target, and the host it names."""
    if url.lower().startswith((b"http://", b"https://")):
        host, slash, rest = url.split(b"//", 1)[1].partition(b"/")
        return b"/" + rest, host
    return url, None


def check_done(head, ours):
    """Everything that was taken means the same to both."""
    used = ours["used"]
    theirs = Reading(head[:used])
    method = bytes.fromhex(ours["method"])
    if isinstance(theirs.error, httptools.HttpParserInvalidMethodError):
        assert method not in (b"GET", b"HEAD", b"POST", b"OPTIONS")
        return "a method llhttp does not know: answered 501, and the connection closed"
    assert theirs.error is None and theirs.head, theirs.error
    assert not Reading(head[: used - 1]).head
    assert theirs.method == method
    assert theirs.version == f"1.{ours['minor']}"

    target, host = origin_form(theirs.url)
    assert bytes.fromhex(ours["target"]) == target
    expected_host = [host] if host is not None else theirs.values("host")
    assert [bytes.fromhex(ours["host"])] == expected_host if "host" in ours else not expected_host
    for name in ("if-none-match", "if-modified-since", "range", "if-range", "authorization", "disable-module-fetch"):
        assert theirs.values(name) == ([bytes.fromhex(ours[name])] if name in ours else [])
    for name, which in (("user-agent", 0), ("via", 0), ("x-request-id", 0), ("x-forwarded-for", -1)):
        values = theirs.values(name)
        assert [bytes.fromhex(ours[name])] == [values[which]] if name in ours else not values

    check_fate(theirs, ours)
    if theirs.upgrade:
        return "an upgrade is asked for: modgate goes on in HTTP/1.1"
    check_body(theirs, ours)
    return None


def check_fate(theirs, ours):
    if theirs.values("proxy-connection"):
        return  # no header of HTTP, but llhttp heeds it
    if ours["keep_alive"] or not theirs.keep_alive:
        assert bool(ours["keep_alive"]) == theirs.keep_alive
    else:
        # RFC 9112 section 9.3: close comes first; to llhttp keep-alive does in HTTP/1.0
        assert ours["minor"] == 0 and b"close" in b",".join(theirs.values("connection")).lower()


def check_body(theirs, ours):
    if ours["chunked"]:
        assert not theirs.complete
        theirs.feed(b"3\r\nabc\r\n0\r\n\r\n")
        assert theirs.complete and theirs.body == b"abc"
    elif ours["length"] == 0:
        assert theirs.complete
    else:
        assert not theirs.complete
        if ours["length"] < 1 << 20:
            theirs.feed(b"x" * (ours["length"] - 1))
            assert not theirs.complete
            theirs.feed(b"x")
            assert theirs.complete and len(theirs.body) == ours["length"]


def check(head, ours):
    if ours["verdict"] == "done":
        return check_done(head, ours)
    theirs = Reading(head)
    if ours["verdict"] == "more":
        assert not theirs.head
        return None
    if theirs.error is None and theirs.head:
        assert ours["reason"] in STRICTER
        return ours["reason"]
    return None


REQUEST_LINES = [
    b"GET / HTTP/1.1", b"GET /mirror.example/!a/@v/v1.0.0.zip HTTP/1.1", b"HEAD /a?b=c HTTP/1.1",
    b"POST /x HTTP/1.1", b"OPTIONS * HTTP/1.1", b"GET / HTTP/1.0", b"POST / HTTP/1.0", b"GET /a#b HTTP/1.1",
    b"GET http://a.example:80/p?q HTTP/1.1", b"GET https://a.example HTTP/1.1", b"CONNECT a:443 HTTP/1.1",
    b"PUT / HTTP/1.1", b"BREW / HTTP/1.1", b"GET / HTTP/2.0", b"GET / HTTP/0.9", b"GET //x HTTP/1.1",
    b"\r\nGET / HTTP/1.1", b"\rGET / HTTP/1.1",
]  # fmt: skip
HEADER_LINES = [
    b"Host: h", b"Host: [::1]:80", b"host:\th.example \t", b"Host: a b", b"Host:", b"User-Agent: Go-http-client/1.1",
    b"Accept-Encoding: gzip", b"Content-Length: 0", b"Content-Length: 5", b"content-length: 5 ", b"Content-Length: 05",
    b"Content-Length: 5, 5", b"Content-Length: -5", b"Content-Length: 18446744073709551617", b"Content-Length:",
    b"Transfer-Encoding: chunked", b"Transfer-Encoding: CHUNKED", b"transfer-encoding: gzip, chunked",
    b"Transfer-Encoding: chunked, identity", b"Transfer-Encoding: identity", b"Transfer-Encoding : chunked",
    b"Connection: close", b"Connection: keep-alive", b"Connection: Keep-Alive, close", b"Connection: a,b ,\tClose",
    b"Connection: closed", b"Connection: upgrade", b"Upgrade: h2c", b"Connection:", b"Proxy-Connection: close",
    b"Range: bytes=0-1", b"If-None-Match: \"a\", W/\"b\"", b"If-Range: \"a\"", b"Authorization: Basic eDp5",
    b"If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT", b"Via: 1.1 a", b"Via: 1.1 b", b"X-Forwarded-For: 1.2.3.4",
    b"X-Request-ID: r", b"Disable-Module-Fetch: true", b"Expect: 100-continue", b"Expect: tea", b"X-Empty:",
    b"X: \xc3\xbc\xff", b" folded", b"\tfolded", b"no colon", b": no name", b"X Y: z", b"X(: z",
]  # fmt: skip
TRICKY = [b"\r", b"\n", b"\r\n", b"\0", b" ", b"\t", b":", b",", b"\x0b", b"\x7f", b"\x80", b"#", b"?", b"%", b"\"", b"0",
          b"chunked", b"Content-Length: 1\r\n", b"\r\n "]  # fmt: skip


def mutate(rng, head):
    at = rng.randrange(len(head) + 1)
    kind = rng.randrange(4)
    if kind == 0:
        return head[:at] + rng.choice(TRICKY) + head[at:]
    if kind == 1:
        return head[:at] + head[at + rng.randrange(1, 4) :]
    if kind == 2:
        return head[:at] + rng.choice(TRICKY) + head[at + 1 :]
    return head[:at] + bytes([rng.randrange(256)]) + head[at + 1 :]


def generate(seed, count):
    rng = random.Random(seed)
    for _ in range(count):
        line = rng.choice(REQUEST_LINES[:6] if rng.random() < 0.7 else REQUEST_LINES)
        lines = rng.choices(HEADER_LINES, k=rng.randrange(5))
        if rng.random() < 0.8:
            lines.insert(0, b"Host: h.example")
        head = b"\r\n".join([line, *lines]) + b"\r\n\r\n"
        for _ in range(rng.choice((0, 0, 1, 1, 2))):
            head = mutate(rng, head)
        yield head


LARGE = [
    b"GET /" + b"x" * (16 << 10) + b" HTTP/1.1\r\nHost: h\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"x" * (32 << 10) + b"\r\n\r\n",
]


def corpus():
    return LARGE + [path.read_bytes()[1:] for path in sorted(CORPUS.iterdir())]


@functools.cache
def differences():
    """Judges everything once; what was seen of each named difference."""
    heads = corpus() + list(generate("modgate", GENERATED))
    seen = {"taken": 0}
    for head, ours in zip(heads, judge(heads)):
        try:
            difference = check(head, ours)
        except AssertionError as e:
            pytest.fail(f"{head!r}\nmodgate: {ours}\n{e}")
        seen["taken"] += ours["verdict"] == "done"
        if difference:
            seen[difference] = seen.get(difference, 0) + 1
    return seen


def test_what_is_taken_means_the_same_to_llhttp():
    """And there is enough of it for that to say something."""
    assert differences()["taken"] > GENERATED // 10


def test_named_differences_exist():
    """A reason that no case shows any more is to be taken off the list."""
    assert set(STRICTER) - set(differences()) == set()
