# SPDX-License-Identifier: Apache-2.0
"""src/upstream alone, through its probe program, against origins that break in every way: time-outs,
cut and malformed answers, retries and resume, redirects, credentials, overload, proxies, TLS."""

import json
import os
import pathlib
import shutil
import ssl
import subprocess
import threading
import time

import pytest

from lib.modgate import binary
from lib.ports import free_port
from lib.origin import Origin, Reply, reset

PROBE = os.environ.get("UPSTREAM_PROBE") or str(pathlib.Path(binary()).parent / "upstream_probe")
BODY = bytes(range(256)) * 40
OK = b"HTTP/1.1 200 OK\r\n"


def run(url, env=None, **options):
    """What each GET came to, in the order they ended."""
    done = subprocess.run(
        [PROBE, url, *(f"{k}={v}" for k, v in options.items())],
        capture_output=True, text=True, timeout=60,
        env={"PATH": os.environ["PATH"], **(env or {})},
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def get(url, **options):
    (result,) = run(url, **{"retries": 0, **options})
    return result


def failed(result, code, cause, *words):
    assert (result["code"], result["cause"]) == (code, cause), result
    for word in words:
        assert word in result["error"], result
    return result


def fine(result, body=None):
    assert (result["code"], result["status"]) == ("ok", 200), result
    if body is not None:
        assert result["bytes"] == result["sunk"] == len(body)
        assert result["body"].encode("latin-1", "replace")[:1] == body[:1].decode("latin-1").encode("latin-1", "replace")
    return result


def raw(*pieces, end=None):
    """Sends the pieces, then ends the connection (end: how)."""

    def send(conn, _):
        for piece in pieces:
            conn.sendall(piece)
        if end:
            end(conn)

    return send


def body_of(length, fields=b""):
    return OK + fields + b"Content-Length: %d\r\n\r\n" % length


@pytest.fixture
def o():
    with Origin() as origin:
        yield origin


@pytest.fixture
def other():
    with Origin() as origin:
        yield origin


# --- what works


def test_answers_come_back_with_status_and_text(o):
    o.on("/x", Reply(200, b"hello", type="text/x"))
    assert fine(get(o.url + "/x"))["type"] == "text/x"
    for status in (204, 400, 401, 403, 404, 410, 418, 451, 500, 501, 505):
        o.on("/y", Reply(status, b"because"))
        r = get(o.url + "/y", retries=2)
        assert (r["code"], r["status"], r["sunk"]) == ("ok", status, 0)
        assert r["text"] == ("because" if status != 204 else "")
    assert o.count("/y") == 11  # none of them twice


def test_requests_are_plain(o):
    o.on("/x", Reply(200, b"hello"))
    fine(get(o.url + "/x?a=%21b+c", via="1.1 pseudonym"))
    request = o.requests[0]
    assert request.target == "/x?a=%21b+c"
    assert {name for name, values in request.headers.items() if values} == {"host", "user-agent", "via"}
    assert request.headers["user-agent"][0].startswith("modgate/")
    assert request.headers["via"] == ["1.1 pseudonym"]


def test_connections_are_kept_and_shared(o):
    o.on("/", Reply(200, b"hello"))
    for r in run(o.url + "/x", times=20):
        fine(r)
    assert (o.count("/x"), o.accepted) == (20, 1)
    o.on("/n", Reply(404, b"a page " * 2000))  # read to the end, to keep the connection
    assert [r["status"] for r in run(o.url + "/n", times=3)] == [404] * 3
    assert o.accepted == 2


def test_an_endless_refusal_is_not_read(o):
    def endless(conn, _):
        conn.sendall(b"HTTP/1.1 404 No\r\nContent-Length: 99999999999\r\n\r\n")
        while True:
            conn.sendall(b"x" * 65536)

    o.on("/x", raw=endless)
    r = get(o.url + "/x")
    assert (r["code"], r["status"]) == ("ok", 404) and r["ms"] < 2000


def test_interim_answers_are_skipped(o):
    o.on("/x", raw=raw(b"HTTP/1.1 103 Early\r\nContent-Length: 99\r\n\r\n", body_of(5) + b"hello"))
    fine(get(o.url + "/x"), b"hello")


@pytest.mark.parametrize("pieces", [
    [b"5\r\nhello\r\n0\r\n\r\n"],
    [b"2;x=y\r\nhe\r\n", b"3\r\nllo\r\n0\r\nX-Trailer: Content-Length: 7\r\n\r\n"],
])
def test_chunked_bodies(o, pieces):
    o.on("/x", raw=raw(OK + b"Transfer-Encoding: chunked\r\n\r\n", *pieces))
    fine(get(o.url + "/x"), b"hello")


# --- time


def never(conn, _):
    conn.recv(1)  # until the other side goes


def test_f06_no_answer(o):
    o.on("/x", raw=never)
    r = failed(get(o.url + "/x", first_byte_ms=300, retries=2), "timeout", "http", "did not answer within 300 ms")
    assert 300 <= r["ms"] < 1500
    assert o.count("/x") == 1  # the time is used up: no second try


def test_f06_a_head_that_never_ends(o):
    def drip(conn, _):
        conn.sendall(OK)
        while True:
            conn.sendall(b"X: y\r\n")
            time.sleep(0.05)

    o.on("/x", raw=drip)
    assert failed(get(o.url + "/x", first_byte_ms=400), "timeout", "http")["ms"] < 1500


def test_f06_a_body_that_stalls(o):
    def stall(conn, _):
        conn.sendall(body_of(100) + b"x" * 20)
        never(conn, _)

    o.on("/x", raw=stall)
    r = failed(get(o.url + "/x", stall_ms=300, retries=2), "timeout", "http", "stalled", "bytes within 300 ms")
    assert r["ms"] < 1500 and o.count("/x") == 1


def test_f06_a_slow_body_is_cut_and_a_steady_one_is_not(o):
    def pace(size):
        def send(conn, _):
            conn.sendall(body_of(size * 30))
            for _ in range(30):
                conn.sendall(b"x" * size)
                time.sleep(0.05)

        return send

    # The steady one sends in each piece what suffices for a second, so that a busy machine is no stall.
    o.on("/slow", raw=pace(1))
    o.on("/steady", raw=pace(2000))
    failed(get(o.url + "/slow", stall_ms=1000), "timeout", "http", "stalled")
    r = fine(get(o.url + "/steady", stall_ms=1000))
    assert r["bytes"] == 60000 and r["ms"] > 1400


def test_f06_no_connection():
    r = failed(get(f"http://127.0.0.1:{free_port()}/x"), "unavailable", "connect", "127.0.0.1")
    assert r["ms"] < 1000
    failed(get("http://nowhere.invalid/x"), "unavailable", "dns", "nowhere.invalid")


def test_f06_a_handshake_that_never_comes(o):
    o.on("", raw=never)
    r = failed(get(o.url.replace("http", "https") + "/x", connect_ms=400), "timeout", "tls")
    assert r["ms"] < 2000


@pytest.mark.parametrize("phase", ["waiting", "body", "backoff", "queue"])
def test_cancel_is_heard_within_a_second(o, phase):
    def stall(conn, _):
        if phase == "body":
            conn.sendall(body_of(100) + b"x")
        never(conn, _)

    options = {"retries": 0}
    if phase == "backoff":
        o.on("/x", Reply(503, fields=[("Retry-After", "2")]))
        options = {"retries": 5}
    else:
        o.on("/x", raw=stall)
    if phase == "queue":
        options |= {"per_host": 1, "parallel": 3}
    for r in run(o.url + "/x", cancel_ms=200, **options):
        assert failed(r, "canceled", "none")["ms"] < 1200


# --- F07, F08: cut and malformed


@pytest.mark.parametrize("end", [None, reset])
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_f07_cut_bodies(o, end, framing):
    head = body_of(len(BODY)) if framing == "length" else OK + b"Transfer-Encoding: chunked\r\n\r\n2800\r\n"
    o.on("/x", raw=raw(head, BODY[:1000], end=end))
    r = failed(get(o.url + "/x", retries=2, breaker_failures=99), "unavailable", "http")
    assert o.count("/x") == 3 and r["restarts"] == 2


MALFORMED = {
    "two lengths": b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    "two lengths, the longer first": b"Content-Length: 6\r\nContent-Length: 5\r\n\r\nhello!",
    "a list of lengths": b"Content-Length: 5, 6\r\n\r\nhello!",
    "length and chunks": b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "chunks and length": b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "negative length": b"Content-Length: -1\r\n\r\nhello",
    "a length that is none": b"Content-Length: five\r\n\r\nhello",
    "a huge length": b"Content-Length: 99999999999999999999999\r\n\r\nhello",
    "length too long": b"Content-Length: 6\r\n\r\nhello",
    "chunk too long": b"Transfer-Encoding: chunked\r\n\r\n7\r\nhello\r\n0\r\n\r\n",
    "chunk too short": b"Transfer-Encoding: chunked\r\n\r\n4\r\nhello\r\n0\r\n\r\n",
    "no last chunk": b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    "half a last chunk": b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0",
    "a chunk size that is none": b"Transfer-Encoding: chunked\r\n\r\nx\r\nhello\r\n0\r\n\r\n",
    "encoded though not asked for": b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello",
    "encoded, then not": b"Content-Encoding: gzip\r\nContent-Encoding: identity\r\nContent-Length: 5\r\n\r\nhello",
    "encoded many times": b"Content-Encoding: " + b"gzip, " * 9 + b"gzip\r\nContent-Length: 5\r\n\r\nhello",
    "a part though not asked for": None,
    "no HTTP": None,
    "a head without end": None,
    "nothing": None,
}


@pytest.mark.parametrize("what", MALFORMED)
def test_f08_malformed_answers(o, what):
    fields = MALFORMED[what]
    pieces = {
        "a part though not asked for": [b"HTTP/1.1 206 x\r\nContent-Range: bytes 0-4/9\r\nContent-Length: 5\r\n\r\nhello"],
        "no HTTP": [b"SSH-2.0-OpenSSH\r\n\r\n"],
        "a head without end": [OK, *([b"X-Padding: " + b"x" * 1000 + b"\r\n"] * 100)],
        "nothing": [],
    }.get(what, [OK + (fields or b"")])
    o.on("/x", raw=raw(*pieces))
    bad, after = run(o.url + "/x", times=2, retries=0)
    for r in (bad, after):
        if what.startswith("a part"):
            assert (r["code"], r["status"], r["sunk"]) == ("ok", 206, 0)
        else:
            assert r["code"] in ("unavailable", "corrupt") and r["cause"] in ("http", "upstream"), r
            assert r["bytes"] == 0
    assert o.accepted == 2  # never on the same connection again


def test_f08_what_follows_an_answer_belongs_to_nobody(o):
    evil = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"

    def smuggle(conn, _):
        conn.sendall(body_of(5) + b"hello" + evil)
        return True

    o.on("/x", raw=smuggle)
    for r in run(o.url + "/x", times=5):
        assert fine(r)["body"] == "hello"
    assert o.accepted == 5


def test_too_much_is_refused(o):
    o.on("/length", Reply(200, b"x" * 1001))
    o.on("/chunks", raw=raw(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"3e9\r\n" + b"x" * 1001 + b"\r\n0\r\n\r\n"))
    o.on("/close", raw=raw(OK + b"\r\n", b"x" * 1001))
    o.on("/fits", Reply(200, b"x" * 1000))
    fine(get(o.url + "/fits", max=1000))
    for path in ("/length", "/chunks", "/close"):
        r = failed(get(o.url + path, max=1000, retries=2), "corrupt", "upstream", "1000 bytes")
        assert r["sunk"] <= 1000 and o.count(path) == 1


# --- resume


def resumable(o, body, etag, cut, *, later=None, fields=b""):
    """Cuts the first answer; answers a range with the rest, or with what `later` says."""

    def first(conn, _):
        conn.sendall(body_of(len(body), b"ETag: %s\r\n" % etag + fields) + body[:cut])

    def rest(request):
        if later:
            return later(request)
        wanted = request.headers.get("range")
        if not wanted or request.headers["if-range"] != [etag.decode()]:
            return Reply(200, body, [("ETag", etag.decode())])
        start = int(wanted[0].removeprefix("bytes=").removesuffix("-"))
        return Reply(206, body[start:], [("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}"),
                                         ("ETag", etag.decode())])

    o.on("/x", rest)
    return o.on("/x", raw=first, times=1)


def test_a_cut_body_goes_on_where_it_was_cut(o):
    resumable(o, BODY, b'"v1"', 4000)
    r = fine(get(o.url + "/x", retries=1), BODY)
    assert r["restarts"] == 0
    assert o.requests[1].headers["range"] == ["bytes=4000-"]
    assert o.requests[1].headers["if-range"] == ['"v1"']


def test_a_body_cut_twice(o):
    def second(conn, request):
        start = int(request.headers["range"][0].removeprefix("bytes=").removesuffix("-"))
        conn.sendall(b"HTTP/1.1 206 x\r\nContent-Range: bytes %d-%d/%d\r\nContent-Length: %d\r\n\r\n"
                     % (start, len(BODY) - 1, len(BODY), len(BODY) - start) + BODY[start : start + 1000])

    resumable(o, BODY, b'"v1"', 4000)
    o.on("/x", raw=second, times=1)
    o.rules[:2] = reversed(o.rules[:2])
    assert fine(get(o.url + "/x", retries=2), BODY)["restarts"] == 0
    assert [r.headers["range"] for r in o.requests[1:]] == [["bytes=4000-"], ["bytes=5000-"]]


@pytest.mark.parametrize("etag", [b'W/"v1"', b"", b"v1"])
def test_without_a_strong_validator_it_starts_over(o, etag):
    resumable(o, BODY, etag, 4000)
    assert fine(get(o.url + "/x", retries=1), BODY)["restarts"] == 1
    assert "range" not in o.requests[1].headers


def test_a_body_that_changed_meanwhile_starts_over(o):
    new = b"n" * 500
    resumable(o, BODY, b'"v1"', 4000, later=lambda _: Reply(200, new, [("ETag", '"v2"')]))
    assert fine(get(o.url + "/x", retries=1), new)["restarts"] == 1


WRONG_PARTS = {
    "another start": {"Content-Range": f"bytes 3999-{len(BODY) - 1}/{len(BODY)}"},
    "not to the end": {"Content-Range": f"bytes 4000-4999/{len(BODY)}"},
    "unknown size": {"Content-Range": f"bytes 4000-{len(BODY) - 1}/*"},
    "another version": {"Content-Range": f"bytes 4000-{len(BODY) - 1}/{len(BODY)}", "ETag": '"v2"'},
    "no range at all": {},
}


@pytest.mark.parametrize("what", WRONG_PARTS)
def test_a_wrong_part_is_not_joined(o, what):
    replies = iter([Reply(206, BODY[4000:], list(WRONG_PARTS[what].items()))])
    resumable(o, BODY, b'"v1"', 4000, later=lambda _: next(replies, Reply(200, BODY)))
    assert fine(get(o.url + "/x", retries=2), BODY)["restarts"] == 1
    assert o.count("/x") == 3


@pytest.mark.parametrize("rest", [BODY[4000:-100], BODY[4000:] + b"more"], ids=["short", "long"])
def test_a_part_that_is_not_what_it_says_is_not_joined(o, rest):
    """Its own framing is whole, so that only the Content-Range tells."""

    def second(conn, _):
        conn.sendall(b"HTTP/1.1 206 x\r\nContent-Range: bytes 4000-%d/%d\r\nTransfer-Encoding: chunked\r\n\r\n"
                     b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY) - 1, len(BODY), len(rest), rest))
        return True

    resumable(o, BODY, b'"v1"', 4000)
    o.on("/x", raw=second, times=1)
    o.rules[:2] = reversed(o.rules[:2])
    failed(get(o.url + "/x", retries=1), "unavailable", "http")


def test_bodies_of_two_mirrors_are_not_joined(o, other):
    """Validators are each server's own: the same one elsewhere says nothing."""
    wrong = b"w" * len(BODY)
    resumable(o, BODY, b'"v1"', 4000)
    resumable(other, wrong, b'"v1"', len(wrong))
    turns = iter([f"{o.url}/x?sig=1", f"{other.url}/x"])
    o.on("/start", reply=lambda _: Reply(302, fields=[("Location", next(turns))]))
    r = get(o.url + "/start", retries=1)
    assert fine(r, wrong)["restarts"] == 1 and "range" not in other.requests[0].headers
    resumable(o, BODY, b'"v1"', 4000)
    turns = iter([f"{o.url}/x?sig=1", f"{o.url}/x?sig=2"])  # signed anew, but the same thing
    assert fine(get(o.url + "/start", retries=1), BODY)["restarts"] == 0
    assert o.requests[-1].headers["range"] == ["bytes=4000-"]


def test_a_range_refused_starts_over(o):
    replies = iter([Reply(416, b"no")])
    resumable(o, BODY, b'"v1"', len(BODY) - 1, later=lambda _: next(replies, Reply(200, BODY)))
    assert fine(get(o.url + "/x", retries=2), BODY)["restarts"] == 1


# --- F10: storms


def test_f10_overload_is_tried_again_and_other_faults_are_not(o):
    for status in (502, 503, 504):
        o.on(f"/{status}", Reply(200, b"hello"))
        o.on(f"/{status}", Reply(status), times=2)
        fine(get(f"{o.url}/{status}", retries=2), b"hello")
        assert o.count(f"/{status}") == 3
    for status in (500, 501, 429):
        o.on(f"/{status}", Reply(status, b"why"))
        r = get(f"{o.url}/{status}", retries=2)
        assert (r["status"], r["text"]) == (status, "why") and o.count(f"/{status}") == 1


@pytest.mark.parametrize("status", [429, 503])
def test_f10_retry_after(o, status):
    o.on("/soon", Reply(200, b"hello"))
    o.on("/soon", Reply(status, fields=[("Retry-After", "1")]), times=1)
    assert fine(get(o.url + "/soon", retries=1), b"hello")["ms"] >= 1000
    o.on("/later", Reply(status, fields=[("Retry-After", "120")]))
    r = get(o.url + "/later", retries=2)
    assert (r["status"], r["retry_after"]) == (status, 120)
    assert r["ms"] < 1000 and o.count("/later") == 1


@pytest.mark.parametrize("fault", ["503", "reset", "silence"])
def test_f10_the_circuit_opens_probes_and_closes(o, fault):
    rules = {"503": {"reply": Reply(503)}, "reset": {"raw": lambda c, _: reset(c)}, "silence": {"raw": never}}
    broken = o.on("/x", **rules[fault])
    options = dict(retries=0, breaker_failures=3, breaker_open_ms=600, first_byte_ms=100)
    results = run(o.url + "/x", times=6, **options)
    assert o.count("/x") == 3
    for r in results[3:]:
        failed(r, "unavailable", r["cause"], "3 failures in a row")
        assert r["ms"] < 50 and r["retry_after"] >= 1
    o.forget()
    # half open: one probe fails, the next half-open one succeeds and all is well
    o.off(broken)
    o.on("/x", Reply(200, b"hello"))
    o.on("/x", **rules[fault], times=4)
    results = run(o.url + "/x", times=8, gap_ms=350, **options)
    assert [r["status"] == 200 for r in results[-2:]] == [True, True]
    assert [r["status"] == 200 for r in results[:5]] == [False] * 5
    assert o.count("/x") <= 7


def test_f10_a_500_for_one_thing_does_not_close_the_door_for_others(o):
    o.on("/x", Reply(500))
    assert [r["status"] for r in run(o.url + "/x", times=8, retries=0, breaker_failures=3)] == [500] * 8


def test_per_host_limit_and_queue(o):
    gate = threading.Event()
    o.on("/x", Reply(200, b"hello"), hold=gate)
    threading.Timer(0.7, gate.set).start()
    results = run(o.url + "/x", parallel=8, per_host=2, queue_ms=5000)
    assert all(r["status"] == 200 for r in results) and o.most_busy <= 2
    o.forget()
    gate.clear()

    def open_gate():  # long after the other two have had enough of waiting, however slow the start was
        while o.count("/x") < 2:
            time.sleep(0.01)
        time.sleep(1)
        gate.set()

    threading.Thread(target=open_gate, daemon=True).start()
    results = run(o.url + "/x", parallel=4, per_host=2, queue_ms=200, retries=0)
    assert sorted(r["code"] for r in results) == ["ok", "ok", "unavailable", "unavailable"]
    assert o.count("/x") == 2


# --- F11: redirects and credentials


def to(location, status=302):
    return Reply(status, b"over there", [("Location", location)])


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed(o, other, status):
    o.on("/x", to(f"{other.url}/y?sig=1", status))
    other.on("/y", Reply(200, b"hello"))
    fine(get(o.url + "/x"), b"hello")
    assert other.requests[0].target == "/y?sig=1"


def test_relative_redirects(o):
    o.on("/a/b", to("../c/d"))
    o.on("/c/d", to("?q=1"))
    o.on("/c/d", lambda r: Reply(200, b"hello") if r.target == "/c/d?q=1" else to("?q=1"))
    fine(get(o.url + "/a/b"), b"hello")


def test_f11_ten_hops_and_no_more(o):
    o.on("/hop", lambda r: to(f"/hop{int(r.path[4:]) + 1}"))
    o.on("/hop10$", Reply(200, b"hello"))
    fine(get(o.url + "/hop0", redirects=10), b"hello")
    o.forget()
    o.on("/hop10$", lambda _: to("/hop11"))
    r = failed(get(o.url + "/hop0", redirects=10, retries=2), "unavailable", "upstream", "too often")
    assert o.count() == 11 and r["ms"] < 1000


def test_f11_circles_and_bad_targets(o):
    o.on("/self", to("/self"))
    o.on("/a", to("/b"))
    o.on("/b", to("/a"))
    for path in ("/self", "/a"):
        r = failed(get(o.url + path, retries=2), "unavailable", "upstream", "circle")
        assert r["ms"] < 1000
    for location in ("ftp://mirror.example/x", "file:///etc/hostname", "http://", "http://h:99999/", "x" * 9000):
        o.on("/bad", to(location))
        r = get(o.url + "/bad")
        assert r["code"] == "unavailable" or r["status"] == 302, r
        assert r["sunk"] == 0
    o.on("/none", Reply(302, b"where?"))
    assert get(o.url + "/none")["status"] == 302


def test_f11_credentials_stay_with_their_origin(o, other):
    o.on("/x", to(f"{other.url}/y"))
    o.on("/z", Reply(200, b"hello"))
    other.on("/y", to(f"http://canary:canary@127.0.0.1:{o.port}/z"))
    fine(get(f"http://user:p%40ss@127.0.0.1:{o.port}/x"), b"hello")
    asked = {r.path: r.headers["authorization"] for r in o.requests + other.requests}
    basic = ["Basic dXNlcjpwQHNz"]  # user:p@ss
    assert asked == {"/x": basic, "/y": [], "/z": basic}
    assert all("referer" not in r.headers for r in o.requests + other.requests)


def test_secrets_are_in_no_message(o):
    o.on("/x", raw=raw(OK + b"Content-Length: 9\r\n\r\n"))
    bad = [
        f"http://user:hunter2@127.0.0.1:{o.port}/x?token=hunter2",
        f"http://user:hunter2@127.0.0.1:{free_port()}/x?token=hunter2",
        "http://user:hunter2@nowhere.invalid/x?token=hunter2",
        "ftp://user:hunter2@mirror.example/x",
        "http://user:hunter2@:80/",
    ]
    for url in bad:
        r = get(url)
        assert r["code"] != "ok" and r["error"] and "hunter2" not in json.dumps(r), r


@pytest.mark.parametrize("proxy", ["http://user:hunter2@[::1", "http://user:hunter2@proxy.invalid:99999999",
                                   "gopher://user:hunter2@proxy.invalid", "http://user:hun#ter2@proxy.invalid"])
def test_a_proxys_password_is_in_no_message(proxy):
    (r,) = run("http://mirror.example/x", env={"HTTP_PROXY": proxy}, retries=0, connect_ms=2000)
    assert r["code"] != "ok" and r["error"]
    assert "hunter2" not in json.dumps(r) and "ter2" not in json.dumps(r), r


# --- TLS and proxies


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    openssl = shutil.which("openssl")
    assert openssl, "openssl is needed to make a certificate"
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", folder / "key", "-out", folder / "cert"],
        check=True, capture_output=True,
    )
    return folder


@pytest.fixture
def secure(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert", certificate / "key")
    with Origin(tls=context) as origin:
        origin.on("", Reply(200, b"hello"))
        yield origin


def test_tls(secure, certificate):
    url = f"https://localhost:{secure.port}/x"
    ca = str(certificate / "cert")
    for r in run(url, ca_file=ca, times=3):
        fine(r, b"hello")
    assert secure.accepted == 1
    fine(run(url, env={"SSL_CERT_FILE": ca})[0], b"hello")
    failed(get(url), "unavailable", "tls", "localhost")
    failed(get(url.replace("localhost", "127.0.0.1"), ca_file=ca), "unavailable", "tls")
    failed(get(url, ca_file=str(certificate / "none")), "unavailable", "tls")


def test_f11_https_never_falls_back_to_http(secure, certificate, o):
    secure.on("/x", to(o.url + "/plain"))
    o.on("/plain", Reply(200, b"hello"))
    r = get(f"https://localhost:{secure.port}/x", ca_file=certificate / "cert", retries=2)
    failed(r, "unavailable", "upstream", "https to http")
    assert o.count() == 0 and r["ms"] < 1000


def test_proxies_of_the_environment(o, other):
    proxy = other
    proxy.on("", Reply(200, b"by proxy"))
    o.on("", Reply(200, b"direct"))
    env = {"HTTP_PROXY": proxy.url}

    def through(url, env):
        (r,) = run(url, env=env, retries=0, connect_ms=2000)
        return r

    assert fine(through("http://mirror.example/x", env))["body"] == "by proxy"
    assert proxy.requests[0].target == "http://mirror.example/x"
    assert fine(through("http://mirror.example/x", {"http_proxy": f"127.0.0.1:{proxy.port}"}))["body"] == "by proxy"
    assert fine(through(o.url + "/x", env))["body"] == "direct"  # loopback is never proxied
    proxy.forget()
    for no in ("mirror.invalid", ".invalid", "*"):
        failed(through("http://mirror.invalid/x", env | {"NO_PROXY": no}), "unavailable", "dns")
    failed(through("http://mirror.invalid/x", {"ALL_PROXY": proxy.url}), "unavailable", "dns")
    assert proxy.count() == 0
    proxy.on("", Reply(403, b"no tunnels"))
    failed(through("https://mirror.example/x", {"HTTPS_PROXY": proxy.url}), "unavailable", "http", "403")
    assert proxy.requests[0].method == "CONNECT"


# --- file trees


def test_file_trees(tmp_path):
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "x y").write_bytes(BODY)
    root = f"file://{tmp_path}/tree"
    assert fine(get(f"{root}/x%20y", root=root))["bytes"] == len(BODY)
    assert get(f"{root}/none", root=root)["status"] == 404
    failed(get(f"{root}x/none", root=root + "x"), "unavailable", "upstream", "not mounted")
    failed(get(f"{root}/x%20y", max=10), "corrupt", "upstream")
    if os.geteuid() != 0:
        (tmp_path / "tree" / "secret").touch(mode=0)
        assert get(f"{root}/secret", root=root)["status"] == 403
