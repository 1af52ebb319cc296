# SPDX-License-Identifier: Apache-2.0
"""Upstreams that fail in every way (F06, F07, F08, F10, F11), herds (F26), a fetch process that dies."""

import os
import random
import signal
import ssl
import subprocess
import threading
import time

import pytest

from lib import expect, herd
from lib.modgate import sanitized
from lib.ports import free_port
from lib.origin import Origin, Reply, reset

INFO = "/example.com/m/@v/v1.0.0.info"
ZIP = "/example.com/m/@v/v1.0.0.zip"
LIST = "/example.com/m/@v/list"
NO_RETRIES = "upstream:\n  retries: 0\n"
QUICK = "upstream:\n  retries: 0\n  first-byte-timeout: 1s\n  stall-timeout: 1s\n  connect-timeout: 1s\n"


def nothing_stored(m, name="v1.0.0.zip"):
    assert not list((m.store / "modules").rglob(name))
    assert not [p for p in (m.store / "tmp").glob("*")]


def head_of(length):
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % length


# --- F06: slow and silent upstreams


def test_f06_silence_before_the_answer(modgate_of, origin, tree):
    tree.add("example.com/m", "v1.0.0").add("example.com/n", "v1.0.0")
    m = modgate_of(origin.url, config=QUICK)
    expect.success(m.get("/example.com/n/@v/v1.0.0.mod"))
    gate = threading.Event()
    origin.on(r"/m/@v/", hold=gate)
    start = time.monotonic()
    answers = []
    asker = threading.Thread(target=lambda: answers.append(m.get(ZIP)))
    asker.start()
    origin.wait_for(r"/m/@v/")
    for _ in range(50):  # hits and other misses go on
        expect.success(m.get("/example.com/n/@v/v1.0.0.mod", timeout=1))
    expect.success(m.get("/example.com/n/@v/v1.0.0.zip", timeout=5))
    asker.join()
    gate.set()
    expect.failure(answers[0], 504)
    assert time.monotonic() - start < 5
    nothing_stored(m, "m/@v/v1.0.0.zip")


@pytest.mark.parametrize("pace", ["silent", "one byte a second"])
def test_f06_a_body_that_stalls(modgate_of, origin, tree, pace):
    tree.add("example.com/m", "v1.0.0")
    body = tree.files[ZIP[1:]]
    done = threading.Event()

    def stall(conn, _):
        conn.sendall(head_of(len(body)) + body[:20])
        for byte in body[20:]:
            if done.wait(1 if pace != "silent" else 30):
                return
            conn.sendall(bytes([byte]))

    origin.on(r"\.zip$", raw=stall)
    m = modgate_of(origin.url, config=QUICK)
    start = time.monotonic()
    expect.failure(m.get(ZIP), (502, 504))
    assert time.monotonic() - start < 8
    done.set()
    nothing_stored(m)


def test_f06_nobody_listens(modgate_of):
    m = modgate_of(f"http://127.0.0.1:{free_port()}", config=QUICK)
    expect.failure(m.get(LIST), 502, "127.0.0.1")


# --- F07: transfers cut in the middle


@pytest.mark.parametrize("how", ["reset", "close"])
def test_f07_cut_in_the_body(modgate_of, origin, tree, how):
    tree.add("example.com/m", "v1.0.0")
    body = tree.files[ZIP[1:]]

    def cut(conn, _):
        conn.sendall(head_of(len(body)) + body[: len(body) // 2])
        if how == "reset":
            reset(conn)

    origin.on(r"\.zip$", raw=cut)
    m = modgate_of(origin.url, config="upstream:\n  retries: 1\n")
    expect.failure(m.get(ZIP), 502)
    assert 1 <= origin.count(r"\.zip$") <= 2
    nothing_stored(m)


@pytest.mark.parametrize("ranges", [True, False])
def test_f07_a_retry_goes_on_where_the_cut_was(modgate_of, origin, tree, ranges):
    noise = random.Random(7).randbytes(400_000)
    tree.add("example.com/m", "v1.0.0", files={"noise.bin": noise})
    body = tree.files[ZIP[1:]]
    fields = b'ETag: "one"\r\nAccept-Ranges: bytes\r\n' if ranges else b""

    def cut(conn, _):
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%s\r\n" % (len(body), fields) + body[:200_000])

    def rest(request):
        wanted = request.headers["range"]
        if not (ranges and wanted):
            return Reply(200, body, type="application/zip")
        first = int(wanted[0].split("=")[1].rstrip("-").split("-")[0])
        return Reply(206, body[first:], [("Content-Range", f"bytes {first}-{len(body) - 1}/{len(body)}"), ("ETag", '"one"')])

    origin.on(r"\.zip$", rest)
    origin.on(r"\.zip$", raw=cut, times=1)
    m = modgate_of(origin.url)
    expect.success(m.get(ZIP), body)
    assert origin.count(r"\.zip$") == 2
    assert origin.requests[-1].headers["range"] == (["bytes=200000-"] if ranges else [])
    assert origin.requests[-1].headers["if-range"] == (['"one"'] if ranges else [])


# --- F08: answers that break HTTP

BODY = b'{"Version":"v1.0.0","Time":"2024-05-01T12:00:00Z"}'
N = len(BODY)
BROKEN = {
    "longer length": head_of(N + 5) + BODY,
    "no status line": b"\r\n\r\n" + BODY,
    "garbage": b"\x00\x01\x02 hello\r\n\r\n",
    "http 0.9": BODY,
    "empty": b"",
    "half a head": b"HTTP/1.1 200 OK\r\nContent-Len",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: %d\r\n\r\n" % N + BODY,
    "negative length": b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n" + BODY,
    "word as length": b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n" + BODY,
    "huge length": b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n" + BODY,
    "length and chunks": b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    "chunks without end": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % N + BODY + b"\r\n",
    "short chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % (N + 9) + BODY,
    "long chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % (N - 9) + BODY + b"\r\n0\r\n\r\n",
    "bad chunk size": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n" + BODY + b"\r\n0\r\n\r\n",
    "huge chunk size": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n" + BODY,
    "no chunk size": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n" + BODY,
    "cut in the trailer": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % N + BODY + b"\r\n0\r\nX: y",
    "unknown coding": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n" + BODY,
    "not gzip": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % N + BODY,
    "unknown encoding": b"HTTP/1.1 200 OK\r\nContent-Encoding: frob\r\nContent-Length: %d\r\n\r\n" % N + BODY,
    "204": b"HTTP/1.1 204 No Content\r\n\r\n",
    "206 unasked": b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-9/50\r\nContent-Length: 10\r\n\r\n0123456789",
    "304 unasked": b"HTTP/1.1 304 Not Modified\r\n\r\n",
    "status 0": b"HTTP/1.1 000 Zero\r\nContent-Length: 0\r\n\r\n",
    "status 999": b"HTTP/1.1 999 Much\r\nContent-Length: 0\r\n\r\n",
    "http 3.7": b"HTTP/3.7 200 OK\r\nContent-Length: %d\r\n\r\n" % N + BODY,
    "302 to nowhere": b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n",
    "302 to a file": b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n",
    "302 to gopher": b"HTTP/1.1 302 Found\r\nLocation: gopher://127.0.0.1/\r\nContent-Length: 0\r\n\r\n",
    "101": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n",
    "endless 100": b"HTTP/1.1 100 Continue\r\n\r\n" * 300,
    "a line without end": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 400_000,
    "ten thousand fields": b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200_000,
}


def test_f08_answers_that_break_http(modgate_of, origin, tree):
    assert len(BROKEN) >= 30
    m = modgate_of(origin.url, config="upstream:\n  retries: 0\n  breaker-failures: 1000\n  first-byte-timeout: 2s\n  stall-timeout: 2s\n")
    for i, (name, data) in enumerate(BROKEN.items()):
        origin.on(f"/broken{i}/", raw=lambda conn, _, data=data: conn.sendall(data))
        answer = m.get(f"/example.com/broken{i}/@v/v1.0.0.info")
        assert answer.status in (502, 504), (name, answer)
        expect.failure(answer, (502, 504))
        assert not list((m.store / "modules").rglob(f"broken{i}/@v/*.info")), name
    tree.add("example.com/m", "v1.0.0")
    expect.success(m.get(INFO))


def test_f08_bytes_after_an_answer_are_nobodys(modgate_of, origin, tree):
    """What follows a complete answer must not become the answer to the next request."""
    tree.add("example.com/m", "v1.0.0").add("example.com/n", "v1.0.0")
    evil = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
    origin.on(r"/m/@v/v1.0.0.mod", raw=lambda conn, _: conn.sendall(head_of(3) + b"mod" + evil) or True)
    m = modgate_of(origin.url, config=NO_RETRIES)
    m.get("/example.com/m/@v/v1.0.0.mod")
    expect.success(m.get("/example.com/n/@v/v1.0.0.mod"), tree.files["example.com/n/@v/v1.0.0.mod"])


# --- F10: storms


def test_f10_storms_leave_what_is_stored_alone(modgate_of, origin, tree):
    tree.add("example.com/m", "v1.0.0").latest("example.com/m", "v1.0.0")
    m = modgate_of(origin.url, config="list:\n  fresh: 0s\n  stale: 0s\nupstream:\n  retries: 1\n  breaker-failures: 1000\n")
    for target in (LIST, "/example.com/m/@latest", ZIP):
        expect.success(m.get(target))
    for status in (500, 502, 503, 504, 429):
        rule = origin.on(".", Reply(status, "storm\n", [("Retry-After", "7")]))
        for target in (LIST, "/example.com/m/@latest"):
            answer = expect.success(m.get(target), tree.files[target[1:]])
            assert "detail=" in (answer.field("Cache-Status") or "")
        expect.success(m.get(ZIP), tree.files[ZIP[1:]])
        cold = expect.failure(m.get(f"/example.com/cold{status}/@v/list"), (502, 503))
        if status in (429, 503) and cold.field("Retry-After"):
            assert 0 < int(cold.field("Retry-After")) <= 7
        origin.off(rule)


def test_f10_the_circuit_opens_and_closes_again(modgate_of, origin, tree):
    tree.add("example.com/m", "v1.0.0")
    m = modgate_of(origin.url, config="upstream:\n  retries: 0\n  breaker-failures: 5\n  breaker-open: 1s\n")
    cut = origin.on(".", raw=lambda conn, _: reset(conn))
    for i in range(12):
        expect.failure(m.get(f"/example.com/x{i}/@v/list"), (502, 503))
    assert origin.count() == 5, "an open circuit lets nothing through"
    origin.off(cut)
    end = time.monotonic() + 10
    i = 0
    while m.get(f"/example.com/m/@v/v1.0.0.{('info', 'mod', 'zip')[i % 3]}").status != 200:
        i += 1
        assert time.monotonic() < end, "the circuit never closed"
        time.sleep(0.1)


# --- F11: redirects


def test_f11_redirects(modgate_of, origin, tree):
    tree.add("example.com/m", "v1.0.0")
    m = modgate_of(origin.url, config=NO_RETRIES)
    origin.on(r"^/example\.com/m/@v/v1\.0\.0\.mod$", Reply(302, b"", [("Location", "/moved/here?sig=a%20b")]))
    origin.on(r"^/moved/here$", Reply(200, tree.files["example.com/m/@v/v1.0.0.mod"]))
    expect.success(m.get("/example.com/m/@v/v1.0.0.mod"))
    assert origin.requests[-1].target == "/moved/here?sig=a%20b"

    origin.on(r"^/example\.com/loop/", lambda request: Reply(302, b"", [("Location", request.path)]))
    origin.on(r"^/example\.com/hops/", Reply(302, b"", [("Location", "/hop/0")]))
    origin.on(r"^/hop/", lambda request: Reply(302, b"", [("Location", f"/hop/{int(request.path.split('/')[2]) + 1}")]))
    for name in ("loop", "hops"):
        start = time.monotonic()
        expect.failure(m.get(f"/example.com/{name}/@v/list"), 502)
        assert time.monotonic() - start < 1 + sanitized()
    assert origin.count("/loop/") <= 11 and origin.count("/hop/") <= 11


def test_f11_credentials_do_not_cross_origins(modgate_of, origin, tree):
    tree.add("example.com/m", "v1.0.0")
    with Origin(tree) as other:
        origin.on(r"\.info$", Reply(302, b"", [("Location", other.url + INFO)]))
        origin.on(r"\.mod$", Reply(302, b"", [("Location", "/same" + INFO)]))
        origin.on(r"^/same", Reply(200, "module example.com/m\n"))
        m = modgate_of(f"http://user:secret@127.0.0.1:{origin.port}", config=NO_RETRIES)
        expect.success(m.get(INFO))
        expect.success(m.get("/example.com/m/@v/v1.0.0.mod"))
        assert other.requests[0].headers["authorization"] == []
        assert all(r.headers["authorization"] for r in origin.requests)


def test_f11_https_never_falls_back_to_http(modgate_of, origin, tree, tmp_path):
    tree.add("example.com/m", "v1.0.0")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                    "-keyout", key, "-out", cert], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    with Origin(tree, tls=context) as secure:
        secure.on(r"/plain/", Reply(302, b"", [("Location", origin.url + "/example.com/plain/@v/list")]))
        m = modgate_of(f"https://127.0.0.1:{secure.port}", config=f"upstream:\n  retries: 0\n  ca-file: {cert}\n")
        expect.success(m.get(INFO))
        expect.failure(m.get("/example.com/plain/@v/list"), 502)
        assert origin.requests == []
        # Without the authority nothing is trusted.
        strict = modgate_of(f"https://127.0.0.1:{secure.port}", config=NO_RETRIES)
        expect.failure(strict.get(INFO), 502)


# --- F26: herds. The time and memory limits hold for the binary as shipped; a sanitized one is slower.

CLIENTS = 1000
DELAY = 1.0


class Slowly:
    """A fixed time to answer, from when the request came."""

    def __init__(self, then):
        self.then = then

    def __call__(self, conn, request):
        threading.Event().wait(max(0.0, request.at + DELAY - time.monotonic()))
        return self.then(conn, request)


def half(body):
    def send(conn, _):
        conn.sendall(head_of(len(body)) + body[: len(body) // 2])

    return send


@pytest.mark.smoke
@pytest.mark.parametrize("kind", ["small", "large", "404", "503", "half a body"])
def test_f26_a_thousand_clients_and_one_cold_module(modgate_of, origin, tree, kind):
    m = modgate_of(origin.url, config=NO_RETRIES)
    size = {"large": 150_000}.get(kind, 20_000)  # held in memory, or sent from the file
    for name in ("one", "herd"):
        noise = random.Random(name).randbytes(size)
        tree.add(f"example.com/{name}", "v1.0.0", files={"noise.bin": noise})
        body = tree.files[f"example.com/{name}/@v/v1.0.0.zip"]
        if kind in ("404", "503"):
            data = Reply(int(kind), "as the test says\n")
            then = lambda conn, request, data=data: conn.sendall(data.bytes(request)) or True
        elif kind == "half a body":
            then = half(body)
        else:
            then = lambda conn, _, body=body: conn.sendall(head_of(len(body)) + body) or True
        origin.on(f"/{name}/.*zip$", raw=Slowly(then))
    want = {"404": 404, "503": (502, 503), "half a body": 502}.get(kind, 200)
    want = want if isinstance(want, tuple) else (want,)

    single = herd.run(m.address, ["/example.com/one/@v/v1.0.0.zip"])[0]
    assert single.status in want
    before = m.rss()
    members = herd.run(m.address, ["/example.com/herd/@v/v1.0.0.zip"] * CLIENTS, tree.files["example.com/herd/@v/v1.0.0.zip"])
    grown = m.peak_rss() - before
    slowest = max(x.took for x in members)
    assert origin.count("/herd/.*zip$") == 1
    assert {x.status for x in members} <= set(want)
    if kind in ("small", "large"):
        assert all(x.as_expected for x in members)
    else:
        assert all(b"[request " in x.body for x in members)
    limit = 1.1 * single.took + 0.2
    print(f"single {single.took:.3f} s, slowest of {CLIENTS} {slowest:.3f} s, limit {limit:.3f} s, +{grown >> 10} KiB")
    assert slowest <= limit + 3 * sanitized()
    if not sanitized():
        assert grown <= 30 << 20


@pytest.mark.smoke
def test_f26_one_get_for_each_artifact(modgate_of, origin, tree):
    """A thousand clients who want all of a cold module, on as many workers as there are."""
    m = modgate_of(origin.url, config="workers: 4\n")
    tree.add("example.com/m", "v1.0.0").latest("example.com/m", "v1.0.0")
    targets = [f"/example.com/m/{name}" for name in ("@v/list", "@latest", "@v/v1.0.0.info", "@v/v1.0.0.mod", "@v/v1.0.0.zip")]
    origin.on(".", raw=Slowly(lambda conn, request: conn.sendall(origin.from_tree(request).bytes(request)) or True))
    members = herd.run(m.address, targets * (CLIENTS // len(targets)))
    assert {x.status for x in members} == {200}
    for i, member in enumerate(members):
        want = tree.files[targets[i % len(targets)][1:]]
        assert member.got == len(want) and member.body == want[: herd.SMALL]
    assert sorted(origin.paths()) == sorted(targets)


def test_f26_spellings_are_one_thing(modgate_of, origin, tree):
    tree.add("github.com/Azure/x", "v1.0.0")
    name = "github.com/!azure/x/@v/v1.0.0.zip"
    gate = threading.Event()
    origin.on(".", hold=gate)
    m = modgate_of(origin.url)
    spellings = ["/" + name, "/" + name.replace("!", "%21"), "/" + name.replace("a", "%61"), "/" + name + "?x=1"]
    threading.Thread(target=lambda: (origin.wait_for("zip$"), gate.set()), daemon=True).start()
    members = herd.run(m.address, spellings * 25, tree.files[name])
    assert all(x.status == 200 and x.as_expected for x in members)
    assert origin.count() == 1


def test_f26_a_body_cut_for_a_herd_is_fetched_again_once(modgate_of, origin, tree):
    """The retry is the flight's: it does not multiply with those who wait."""
    tree.add("example.com/m", "v1.0.0")
    body = tree.files[ZIP[1:]]
    origin.on(r"\.zip$", raw=half(body), times=1)
    members = herd.run(modgate_of(origin.url).address, [ZIP] * 200, body)
    assert all(x.status == 200 and x.as_expected for x in members)
    assert origin.count(r"\.zip$") == 2


def test_f26_the_first_client_may_leave(modgate, origin, tree):
    tree.add("example.com/m", "v1.0.0")
    gate = threading.Event()
    origin.on(r"\.zip$", hold=gate)
    leader = modgate.session()
    leader.send_request(ZIP)
    origin.wait_for(r"\.zip$")
    with modgate.session() as second:
        second.send_request(ZIP)
        with modgate.session() as probe:  # its answer shows that the second request was taken in
            assert probe.request("/livez").status == 200
        leader.close()
        gate.set()
        expect.success(second.answer(), tree.files[ZIP[1:]])
    assert origin.count(r"\.zip$") <= 2


def test_f26_a_fetch_nobody_waits_for_ends(modgate, origin, tree):
    """s11 30: it must neither take the next asker down with it nor go on for ever."""
    tree.add("example.com/m", "v1.0.0")
    cut = threading.Event()

    def drip(conn, _):
        conn.sendall(head_of(1 << 20))
        try:
            for _ in range(300):
                conn.sendall(b"x" * 4096)
                if cut.wait(0.1):
                    return
        except OSError:
            cut.set()

    origin.on(r"\.zip$", raw=drip, times=1)
    with modgate.session() as s:
        s.send_request(ZIP)
        origin.wait_for(r"\.zip$")
    assert cut.wait(10), "the transfer goes on though nobody waits for it"
    expect.success(modgate.get(ZIP), tree.files[ZIP[1:]])


# --- the fetch process dies


@pytest.mark.smoke
def test_fetch_killed_while_busy(modgate, origin, tree):
    tree.add("example.com/m", "v1.0.0").add("example.com/busy", "v1.0.0")
    expect.success(modgate.get(INFO))
    gate = threading.Event()
    origin.on("/busy/", hold=gate)
    with modgate.session() as busy, modgate.session() as hits:
        busy.send_request("/example.com/busy/@v/v1.0.0.zip")
        origin.wait_for("/busy/")
        first = modgate.children()["fetch"]
        os.kill(first, signal.SIGKILL)
        for _ in range(200):
            expect.success(hits.request(INFO), tree.files[INFO[1:]])
        origin.wait_for("/busy/", 2)  # the order is given once to the next fetch
        os.kill(modgate.children()["fetch"], signal.SIGKILL)
        expect.failure(busy.answer(), (502, 503))
        for _ in range(200):
            expect.success(hits.request(INFO), tree.files[INFO[1:]])
    gate.set()
    modgate.wait_ready()
    assert modgate.children()["fetch"] != first
    expect.success(modgate.get("/example.com/busy/@v/v1.0.0.mod"))


def test_fetch_killed_at_random_moments(modgate, origin, tree):
    """Whatever moment it dies at: each answer is right or a 5xx, nothing half-written is served."""
    for i in range(24):
        tree.add("example.com/r", f"v1.0.{i}")
    rng = random.Random(30)
    for i in range(24):
        target = f"/example.com/r/@v/v1.0.{i}.zip"
        if i % 4 == 0:
            with modgate.session() as s:
                s.send_request(target)
                threading.Event().wait(rng.random() * 0.02)
                if pid := modgate.children().get("fetch"):
                    os.kill(pid, signal.SIGKILL)
                answer = s.answer()
        else:
            answer = modgate.get(target)
        if answer.status == 200:
            assert answer.body == tree.files[target[1:]]
        else:
            expect.failure(answer, (502, 503))
        modgate.wait_ready()
    for i in range(24):
        target = f"/example.com/r/@v/v1.0.{i}.zip"
        expect.success(modgate.get(target), tree.files[target[1:]])


def test_sigterm_lets_answers_finish(modgate_of, origin, tree):
    tree.add("example.com/m", "v1.0.0")
    gate = threading.Event()
    origin.on(r"\.zip$", hold=gate)
    m = modgate_of(origin.url)
    with m.session() as s:
        s.send_request(ZIP)
        origin.wait_for(r"\.zip$")
        m.terminate()
        with pytest.raises(OSError):  # nobody new is let in
            while True:
                m.get("/livez", timeout=5)
        gate.set()
        expect.success(s.answer(), tree.files[ZIP[1:]])
        assert s.closed()
    m.stop()
