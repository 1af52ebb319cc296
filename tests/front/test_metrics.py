# SPDX-License-Identifier: Apache-2.0
"""/metrics: the form, and that what is counted is what a test did."""

import os
import signal
import threading

from lib import expect, http
from lib import metrics as exposition
from lib.metrics import eventually, read
from lib.ports import free_port
from lib.origin import Reply

BASE = "/example.com/m/@v/v1.0.0"
# Nothing is got ahead, nothing tried twice: what is counted is what was asked.
PLAIN = "prefetch: false\nupstream:\n  retries: 0\n"


class Since:
    """What was counted since it was made."""

    def __init__(self, modgate):
        self.modgate = modgate
        self.was = read(modgate)
        self.now = None

    def read(self):
        self.now = read(self.modgate)
        return self

    def of(self, name, **labels):
        return self.now.of("modgate_" + name, **labels) - self.was.of("modgate_" + name, **labels)

    def until(self, condition):
        def holds(now):
            self.now = now
            return condition(self)

        eventually(self.modgate, holds)
        return self


def test_requests_add_up(modgate_of, origin, tree):
    tree.add("example.com/m", "v1.0.0")
    m = modgate_of(origin.url, config=PLAIN)
    s = Since(m)
    info = expect.success(m.get(BASE + ".info"))  # fetched
    for _ in range(5):
        expect.success(m.get(BASE + ".info"))  # two workers: from memory, or from the store once each
    etag = info.field("ETag")
    assert m.get(BASE + ".info", {"If-None-Match": etag}).status == 304
    assert m.get(BASE + ".info", {"Range": "bytes=0-3"}).status == 206
    assert m.get(BASE + ".info", {"Range": "bytes=99999-"}).status == 416
    assert m.get(BASE + ".info", method="HEAD").status == 200
    assert m.get("/example.com/m/@v/v1.9.9.zip").status == 404
    assert m.get("/example.com/m/@v/v1.9.9.zip").status == 404
    assert m.get(BASE + ".info", method="POST").status == 405
    assert m.get("/no/such/thing").status == 404
    s.read()
    for code, kind, n in [("200", "info", 7), ("304", "info", 1), ("206", "info", 1), ("416", "info", 1),
                          ("404", "zip", 2), ("405", "other", 1), ("404", "other", 1), ("200", "mod", 0)]:
        assert s.of("http_requests_total", code=code, kind=kind) == n, (code, kind)
    # Ours to read the metrics is answered after it was written.
    assert s.of("http_requests_total") == 10 + 2 + 1 + 1 + 1
    assert s.of("http_request_duration_seconds_count", kind="info") == 10
    assert s.of("lookups_total", result="fetched", kind="info") == 1
    assert s.of("lookups_total", result="memory", kind="info") + s.of("lookups_total", result="store", kind="info") == 9
    assert s.of("lookups_total", kind="zip") == s.of("lookups_total", result="failed", kind="zip") == 2
    assert s.of("http_connections_total") == 15
    assert s.of("fetch_flights_total", result="ok", kind="info") == 1
    assert s.of("fetch_flights_total", result="not_found", kind="zip") == 1
    host = f"127.0.0.1:{origin.port}"
    assert s.of("upstream_requests_total", host=host, code="2xx") == 1
    assert s.of("upstream_requests_total", host=host, code="4xx") == 1
    assert s.of("upstream_request_duration_seconds_count") == 2
    assert s.of("upstream_response_bytes_total") == len(info.body)
    s.until(lambda s: s.now.of("modgate_http_connections") == 1)  # the one that asks
    assert s.now.of("modgate_build_info") == 1


def test_connections_and_bytes(modgate_of, origin, tree):
    tree.add("example.com/m", "v1.0.0")
    m = modgate_of(origin.url, config=PLAIN)
    expect.success(m.get(BASE + ".mod"))
    s = Since(m)
    sessions = [m.session() for _ in range(20)]
    received = 0
    for x in sessions:
        x.send_request(BASE + ".mod")
        while b"\r\n\r\nmodule" not in x.buffer or not x.buffer.endswith(b"\n"):
            x.fill()
        received += len(x.buffer)
    s.until(lambda s: s.now.of("modgate_http_connections") == 21)
    for x in sessions:
        x.close()
    s.until(lambda s: s.now.of("modgate_http_connections") == 1)
    asked = len(m.get("/livez").body)
    assert asked and s.of("http_requests_total", kind="mod") == 20
    sent = s.of("http_response_bytes_total")
    scrapes = s.of("http_requests_total", kind="other")
    assert received <= sent <= received + scrapes * 100_000


def test_bad_heads_and_canceled_requests(modgate_of, origin, tree):
    tree.add("example.com/m", "v1.0.0")
    gate = threading.Event()
    origin.on(r"\.info$", hold=gate)
    m = modgate_of(origin.url, config=PLAIN)
    s = Since(m)
    for junk in (b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b"GET / HTTP/2.0\r\n\r\n"):
        with m.session() as x:
            x.send(junk)
            assert x.answer().status in (400, 505)
    s.read()
    assert s.of("http_bad_heads_total") == 3
    assert s.of("http_requests_total", code="400") == 2 and s.of("http_requests_total", code="505") == 1
    with m.session() as x:
        x.send_request(BASE + ".info")
        s.until(lambda s: s.now.of("modgate_fetch_flights") == 1)
    s.until(lambda s: s.of("http_requests_canceled_total") == 1)
    gate.set()
    s.until(lambda s: s.now.of("modgate_fetch_flights") == 0)


def test_joined_flights_and_refusals(modgate_of, origin, tree):
    tree.add("example.com/m", "v1.0.0")
    gate = threading.Event()
    origin.on(r"\.zip$", hold=gate)
    m = modgate_of(origin.url, config=PLAIN)
    s = Since(m)
    sessions = [m.session() for _ in range(8)]
    for x in sessions:
        x.send_request(BASE + ".zip")
    # The requests of one worker join in front, those of others in fetch.
    s.until(lambda s: s.now.of("modgate_http_connections") == 9 and s.of("fetch_orders_total") >= 1)
    gate.set()
    for x in sessions:
        expect.success(x.answer())
        x.close()
    s.read()
    assert s.of("fetch_orders_total") == 1 + s.of("fetch_joined_total")
    assert s.of("fetch_flights_total", kind="zip", result="ok") == 1
    assert s.of("lookups_total", kind="zip") == 8
    assert s.of("upstream_requests_total", code="2xx") == 1


def test_an_upstream_that_fails(modgate_of, origin, tree):
    origin.on(".", Reply(503))
    m = modgate_of(origin.url, config=PLAIN + "  breaker-failures: 2\n  breaker-open: 1h\nfetch:\n  down: 0s\n")
    s = Since(m)
    for i in range(4):
        expect.failure(m.get(f"/example.com/m{i}/@v/v1.0.0.info"), (502, 503, 504))
    s.read()
    host = f"127.0.0.1:{origin.port}"
    assert s.of("upstream_requests_total", host=host, code="5xx") == 2
    assert s.now.of("modgate_upstream_breaker_open", host=host) == 1
    assert s.of("fetch_flights_total", result="unavailable", kind="info") == 4


def test_proofs(proving, tree, sumdb):
    tree.add("example.com/m", "v1.0.0")
    m = proving("prefetch: false\n")
    expect.success(m.get(BASE + ".mod"))
    s = Since(m)
    expect.success(m.get(BASE + ".zip"))
    tree.add("example.com/unknown", "v1.0.0")
    sumdb.on("^/lookup/", Reply(404, "not found: invalid version: unknown revision\n"))
    expect.failure(m.get("/example.com/unknown/@v/v1.0.0.mod"), 403)
    s.read()
    assert s.of("proofs_total", result="proven") == 1
    assert s.of("proofs_total", result="unknown") >= 1
    assert s.of("proofs_total", result="mismatch") == 0


def test_counts_outlive_processes(modgate_of, origin, tree):
    tree.add("example.com/m", "v1.0.0")
    m = modgate_of(origin.url, config=PLAIN)
    expect.success(m.get(BASE + ".info"))
    s = Since(m)
    assert s.was.of("process_resident_memory_bytes", process="front") > 1 << 20
    assert s.was.of("process_resident_memory_bytes", process="fetch") > 1 << 20
    assert 5 < s.was.of("process_open_fds", process="front") < 200
    for role in ("fetch", "front"):
        os.kill(m.children()[role], signal.SIGKILL)
        m.wait_ready()

        def restarted(now):
            restarts = now.of("modgate_process_restarts_total", process=role)
            return restarts == 1 and now.of("modgate_http_connections") == 1

        s.now = eventually(m, restarted)
        assert s.of("http_requests_total", kind="info") == 0
        assert s.now.of("modgate_http_requests_total", kind="info") == 1
        assert s.now.of("modgate_fetch_flights_total", result="ok", kind="info") == 1


def test_an_address_of_their_own(modgate_of, origin):
    port = free_port()
    m = modgate_of(origin.url, config=f"metrics:\n  listen: 127.0.0.1:{port}\n  athens: true\n")
    expect.failure(m.get("/metrics"), 404)
    there = ("127.0.0.1", port)
    found = exposition.Metrics(http.request(there, "/metrics").text)
    assert found.of("modgate_build_info") == 1
    assert ("athens_cache_hit_total", frozenset({("cache_type", "zip")})) in found
    assert http.request(there, "/readyz").status == 200
    assert http.request(there, "/metrics", method="POST").status == 405
    assert http.request(there, BASE + ".info").status == 404


def test_switched_off(modgate_of, origin):
    m = modgate_of(origin.url, config="metrics:\n  enabled: false\n")
    expect.failure(m.get("/metrics"), 404)


def test_as_athens_names_them(modgate_of, origin, tree):
    tree.add("example.com/m", "v1.0.0")
    m = modgate_of(origin.url, config=PLAIN + "metrics:\n  athens: true\n")
    for _ in range(4):
        expect.success(m.get(BASE + ".zip"))
    now = read(m)
    assert now.of("athens_cache_hit_total", cache_type="zip") == 3
    assert now.of("athens_cache_miss_total", cache_type="zip") == 1
    assert now.of("proxy_cache_lookup_total", cache_result="hit", cache_type="zip") == 3
