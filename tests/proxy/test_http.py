# SPDX-License-Identifier: Apache-2.0
"""The HTTP side: methods, validators, ranges, health, prefix, loops."""

import email.utils
import re
import time

import pytest

from lib import expect

INFO = "/example.com/m/@v/v1.0.0.info"
ZIP = "/example.com/m/@v/v1.0.0.zip"
BIG = "/example.com/big/@v/v1.0.0.zip"
LIST = "/example.com/m/@v/list"


def stock(tree):
    import random

    noise = random.Random(1).randbytes(3 << 20)
    tree.add("example.com/m", "v1.0.0").add("example.com/big", "v1.0.0", files={"noise.bin": noise})


@pytest.mark.smoke
def test_root_and_health(shared):
    for method in ("GET", "HEAD"):
        for target in ("/", "/livez", "/healthz", "/readyz"):
            answer = shared.modgate.get(target, method=method)
            assert answer.status == 200
            assert re.fullmatch(r"modgate/\d+\.\d+\.\d+\S*", answer.field("X-Go-Proxy"))
            assert "no-store" in answer.field("Cache-Control")


@pytest.mark.parametrize("target", [INFO, ZIP, BIG, LIST, "/example.com/none/@v/list"])
def test_head_says_what_get_says(shared, target):
    get = shared.modgate.get(target)
    head = shared.modgate.get(target, method="HEAD")
    assert head.status == get.status
    assert head.body == b""
    varying = {"date", "age", "connection", "x-request-id", "cache-control"}
    assert [f for f in get.fields if f[0].lower() not in varying] == [f for f in head.fields if f[0].lower() not in varying]
    assert get.field("Cache-Control").split("=")[0] == head.field("Cache-Control").split("=")[0]


def test_a_cold_head_answers_like_a_cold_get(shared):
    shared.tree.add("example.com/cold", "v1.0.0")
    head = shared.modgate.get("/example.com/cold/@v/v1.0.0.mod", method="HEAD")
    assert head.status == 200
    assert int(head.field("Content-Length")) == len(shared.tree.files["example.com/cold/@v/v1.0.0.mod"])


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "BREW", "get"])
def test_other_methods_are_405(shared, method):
    answer = shared.modgate.get(INFO, [("Content-Length", "0")] if method != "TRACE" else [], method)
    assert answer.status in (405, 501, 400), answer
    if answer.status == 405:
        assert "GET" in answer.field("Allow") and "HEAD" in answer.field("Allow")


def test_options(shared):
    assert "GET" in shared.modgate.get(INFO, method="OPTIONS").field("Allow")


@pytest.mark.parametrize("target", [INFO, ZIP, BIG, LIST])
def test_etag(shared, target):
    full = expect.success(shared.modgate.get(target))
    tag = full.field("ETag")
    assert re.fullmatch(r'"[!#-~]+"', tag), tag
    for value, status in [(tag, 304), (f'"x", {tag}', 304), (f"W/{tag}", 304), ("*", 304), ('"x"', 200), ("", 200)]:
        answer = shared.modgate.get(target, [("If-None-Match", value)])
        assert answer.status == status, (value, answer)
        if status == 304:
            assert answer.field("ETag") == tag
            assert answer.field("Cache-Control")
    assert shared.modgate.get(target, [("If-None-Match", tag)], "HEAD").status == 304


@pytest.mark.parametrize("target", [INFO, BIG, LIST, "/example.com/m/@v/v1.0.0.mod"])
def test_everything_stored_has_its_date(shared, target):
    at = expect.success(shared.modgate.get(target)).field("Last-Modified")
    assert shared.modgate.get(target, [("If-Modified-Since", at)]).status == 304


def test_last_modified(shared):
    full = shared.modgate.get(ZIP)
    at = full.field("Last-Modified")
    seconds = email.utils.parsedate_to_datetime(at).timestamp()
    assert seconds <= time.time() + 1
    assert at == email.utils.formatdate(seconds, usegmt=True)
    assert shared.modgate.get(ZIP, [("If-Modified-Since", at)]).status == 304
    assert shared.modgate.get(ZIP, [("If-Modified-Since", "Thu, 01 Jan 1970 00:00:00 GMT")]).status == 200
    assert shared.modgate.get(ZIP, [("If-Modified-Since", "nonsense")]).status == 200
    # If-None-Match has precedence (RFC 9110 §13.2.2).
    assert shared.modgate.get(ZIP, [("If-Modified-Since", at), ("If-None-Match", '"x"')]).status == 200


@pytest.mark.parametrize("target", [INFO, ZIP, BIG])
def test_ranges(shared, target):
    full = expect.success(shared.modgate.get(target))
    size = len(full.body)
    tag = full.field("ETag")
    assert full.field("Accept-Ranges") == "bytes"
    for value, first, last in [("bytes=0-0", 0, 0), ("bytes=1-9", 1, 9), ("bytes=-5", size - 5, size - 1),
                               ("bytes=10-", 10, size - 1), (f"bytes=0-{size * 2}", 0, size - 1),
                               (f"bytes=-{size * 2}", 0, size - 1), (f"bytes={size - 1}-", size - 1, size - 1)]:
        answer = shared.modgate.get(target, [("Range", value)])
        assert answer.status == 206, (value, answer)
        assert answer.field("Content-Range") == f"bytes {first}-{last}/{size}"
        assert answer.body == full.body[first : last + 1]
        assert answer.field("ETag") == tag
    for value in (f"bytes={size}-", f"bytes={size + 5}-{size + 9}", "bytes=-0"):
        answer = shared.modgate.get(target, [("Range", value)])
        assert answer.status == 416, (value, answer)
        assert answer.field("Content-Range") == f"bytes */{size}"
    for value in ("bytes=5-2", "bytes=a-b", "lines=1-2", "bytes=", "bytes=0-1,3-4", "bytes=--1", "0-5",
                  "bytes=99999999999999999999999-"):
        answer = shared.modgate.get(target, [("Range", value)])
        assert answer.status in (200, 416), (value, answer)
        if answer.status == 200:
            assert answer.body == full.body


def test_if_range(shared):
    full = shared.modgate.get(ZIP)
    tag = full.field("ETag")
    part = [("Range", "bytes=0-3")]
    assert shared.modgate.get(ZIP, part + [("If-Range", tag)]).status == 206
    for stale in ('"x"', f"W/{tag}", "Thu, 01 Jan 1970 00:00:00 GMT"):
        answer = shared.modgate.get(ZIP, part + [("If-Range", stale)])
        assert answer.status == 200 and answer.body == full.body


def test_a_large_zip_in_ranges_adds_up(shared):
    want = shared.tree.files[BIG[1:]]
    step, got = 300_001, b""
    with shared.modgate.session() as s:
        for first in range(0, len(want), step):
            got += s.request(BIG, [("Range", f"bytes={first}-{first + step - 1}")]).body
    assert got == want


def test_keep_alive_and_pipelining(shared):
    want = shared.tree.files[INFO[1:]]
    with shared.modgate.session() as s:
        for _ in range(50):
            assert s.request(INFO).body == want
        for _ in range(50):
            s.send_request(INFO)
            s.send_request(ZIP)
        for _ in range(50):
            assert s.answer().body == want
            assert s.answer().body == shared.tree.files[ZIP[1:]]


def test_http_1_0_and_connection_close(shared):
    with shared.modgate.session() as s:
        s.send(f"GET {INFO} HTTP/1.0\r\n\r\n".encode())
        assert s.answer().status == 200
        assert s.closed()
    with shared.modgate.session() as s:
        assert s.request(INFO, [("Connection", "close")]).status == 200
        assert s.closed()


def test_a_client_that_never_reads_holds_up_nobody(shared):
    with shared.modgate.session() as s:
        for _ in range(40):
            s.send_request(BIG)
        assert shared.modgate.get(INFO, timeout=5).status == 200
        assert s.answer().body == shared.tree.files[BIG[1:]]


def test_a_slow_head_holds_up_nobody(shared):
    with shared.modgate.session() as s:
        for byte in f"GET {INFO} HTTP/1.1\r\nHost: x\r\n".encode():
            s.send(bytes([byte]))
        assert shared.modgate.get(INFO, timeout=5).status == 200
        s.send(b"\r\n")
        assert s.answer().status == 200


def test_path_prefix(modgate_of, origin, tree):
    tree.add("example.com/m", "v1.0.0")
    m = modgate_of(origin.url, config="path-prefix: /go/proxy\n")
    assert m.get("/go/proxy" + INFO).body == tree.files[INFO[1:]]
    assert m.get("/go/proxy/").status == 200
    for target in (INFO, "/go/proxyx" + INFO, "/go" + INFO):
        expect.failure(m.get(target), 404)
    for target in ("/livez", "/healthz", "/readyz"):
        assert m.get(target).status == 200


def test_the_go_proxy_field_can_be_set(modgate_of, origin):
    m = modgate_of(origin.url, config="go-proxy-header: house proxy\n")
    assert m.get("/example.com/m/@v/list").field("X-Go-Proxy") == "house proxy"


def test_a_loop_is_508(modgate_of, origin, tree):
    tree.add("example.com/m", "v1.0.0")
    m = modgate_of(origin.url, config="via: gate\n")
    for via in ("1.1 gate", "1.0 fred, 1.1 gate", "1.1 gate (build cache)", "HTTP/1.1 gate,1.1 other"):
        answer = m.get(INFO, [("Via", via)])
        assert answer.status == 508 and "loop" in answer.text
    assert origin.requests == []
    for i, via in enumerate(("1.1 other", "1.1 gatekeeper", "1.1 corp-gate, 1.1 gate.example", "1.1 other (gate)")):
        tree.add(f"example.com/via{i}", "v1.0.0")
        assert m.get(f"/example.com/via{i}/@v/v1.0.0.info", [("Via", via)]).status == 200, via
    assert origin.requests[0].headers["via"] == ["1.1 other, 1.1 gate"]


def test_two_modgates_in_a_row_and_in_a_ring(modgate_of, origin, tree):
    tree.add("example.com/m", "v1.0.0")
    far = modgate_of(origin.url, config="via: far\n")
    near = modgate_of(far.url, config="via: near\n")
    assert near.get(INFO).body == tree.files[INFO[1:]]
    # A ring: first asks second asks first.
    second = modgate_of("http://127.0.0.1:1", wait=False, config="via: second\nupstream:\n  retries: 0\n")
    second.stop(check=False)
    first = modgate_of(second.url, config="via: first\nupstream:\n  retries: 0\n")
    second.goproxy = first.url
    second.start()
    started = time.monotonic()
    expect.failure(first.get("/example.com/ring/@v/list"), (502, 503, 508))
    assert time.monotonic() - started < 10


def test_go_get_is_passed_through_only_when_switched_on(shared, modgate_of, origin):
    from lib.origin import Reply

    expect.failure(shared.modgate.get("/example.com/m?go-get=1"), 404)
    page = '<html><head><meta name="go-import" content="example.com/m git https://git.example/m"></head></html>'
    origin.on(r"^/example\.com/m$", Reply(200, page, type="text/html; charset=utf-8"))
    m = modgate_of(origin.url, config="go-get: true\n")
    answer = m.get("/example.com/m?go-get=1")
    assert answer.status == 200 and answer.text == page
    assert answer.field("Content-Type").startswith("text/html")
    assert origin.requests[-1].target == "/example.com/m?go-get=1"


def test_go_get_pages_under_all_other_rules(modgate_of, origin):
    """Prefix, private names, GOPROXY's order, cache-only requests, faults: as for everything else."""
    from lib.origin import Reply

    page = Reply(200, "<html></html>", type="text/html; charset=utf-8")
    origin.on(r"^/(corp\.)?example\.com(/.*)?$", page)
    m = modgate_of(origin.url, config="go-get: true\npath-prefix: /go\nupstream:\n  retries: 0\n",
                   env={"GOPRIVATE": "corp.example.com/secret"})
    assert m.get("/go/example.com/m?go-get=1").body == page.body
    assert m.get("/go/example.com/m/pkg?x=y&go-get=1").body == page.body
    assert m.get("/go/example.com/M/v1/_x~y?go-get=1").body == page.body
    assert m.get("/go/example.com/m?go-get=1", method="HEAD").status == 200
    assert {r.target for r in origin.requests} == {
        "/example.com/m?go-get=1", "/example.com/m/pkg?go-get=1", "/example.com/M/v1/_x~y?go-get=1"}
    origin.forget()
    for private in ("/go/corp.example.com/secret/app?go-get=1", "/go/corp.example.com?go-get=1"):
        expect.failure(m.get(private), 404, "private")
    expect.failure(m.get("/go/example.com/m?go-get=1", [("Disable-Module-Fetch", "true")]), 404)
    expect.failure(m.get("/example.com/m?go-get=1"), 404)
    assert origin.requests == []
    expect.failure(m.get("/go/unknown.example/m?go-get=1"), 404, "unknown.example/m")
    for bad in ("/go/../etc?go-get=1", "/go/example.com/a%2fb?go-get=1", "/go/example.com/%0d%0aX:y?go-get=1",
                "/go//evil.test/m?go-get=1", "/go/corp%2eexample.com/secret/app?go-get=1", "/go/corp.example.com/%73ecret?go-get=1",
                "/go/x.example/../corp.example.com/secret?go-get=1"):
        assert 400 <= m.get(bad).status < 500, bad
    assert all(r.path in ("/unknown.example/m",) for r in origin.requests), origin.requests
    origin.on(".", Reply(503))
    expect.failure(m.get("/go/example.com/other?go-get=1"), (502, 503))
