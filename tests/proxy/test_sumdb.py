# SPDX-License-Identifier: Apache-2.0
"""modgate as a proxy of the checksum database: /sumdb/NAME/ and the bare paths, what is verified before
it is passed on, what is kept, and what happens when the database shows two histories (T04, F30)."""

import re
import threading

import pytest

from lib import expect, gocmd
from lib.origin import Reply
from lib.sumdb import Sumdb
from lib.tree import h1

ZIP = "/example.com/m/@v/v1.0.0.zip"
LOOKUP = "/lookup/example.com/m@v1.0.0"
TEXT, BYTES = "text/plain; charset=utf-8", "application/octet-stream"


@pytest.fixture(params=["named", "bare"])
def base(request, sumdb):
    """Where the database's paths are."""
    return f"/sumdb/{sumdb.name}" if request.param == "named" else ""


def named(sumdb):
    return f"/sumdb/{sumdb.name}"


def same(m, target, body, type):
    answer = expect.success(m.get(target), body)
    assert answer.field("Content-Type").lower() == type
    return answer


def sooner_or_later(ask, wanted):
    tries = threading.Event()
    for _ in range(100):
        answer = ask()
        if wanted(answer):
            return answer
        tries.wait(0.2)
    raise AssertionError(answer)


# --- the endpoints


def test_every_endpoint(proving, sumdb, tree, base):
    tree.add("example.com/m", "v1.0.0").add("github.com/Azure/dep", "v1.2.3-RC1")
    sumdb.fill(300)
    m = proving()
    sumdb.learn(LOOKUP)
    same(m, base + LOOKUP, sumdb.get(LOOKUP)["body"], TEXT)
    upper = "/lookup/github.com/!azure/dep@v1.2.3-!r!c1"
    first = same(m, base + upper, None, TEXT).body
    assert same(m, base + upper.replace("!", "%21"), None, TEXT).body == first == sumdb.get(upper)["body"]
    assert sumdb.count("(?i)azure") == 1
    same(m, base + "/latest", sumdb.latest(), TEXT)
    for tile in ("8/0/000", "8/0/001.p/46", "8/0/001.p/7", "8/0/000.p/255", "8/1/000.p/1"):
        same(m, f"{base}/tile/{tile}", sumdb.get(f"/tile/{tile}")["body"], BYTES)
    asked = sumdb.count()
    expect.success(m.get(f"{base}/supported"))
    assert sumdb.count() == asked
    head = m.get(base + LOOKUP, method="HEAD")
    assert head.status == 200 and head.field("Content-Length") and head.body == b""


def test_the_go_command_by_the_bare_url(proving, sumdb, tree, go_of, tmp_path, origin):
    tree.add("example.com/m", "v1.0.0").add("github.com/Azure/dep", "v1.2.3-RC1")
    sumdb.fill(300)
    m = proving()
    work = gocmd.project(tmp_path / "user")
    for round in range(2):
        go = go_of(m.url, GOSUMDB=f"{sumdb.key} {m.url}", GOFLAGS="-modcacherw -mod=mod")
        go.run("mod", "download", "example.com/m@v1.0.0", "github.com/Azure/dep@v1.2.3-RC1", cwd=work)
        origin.stop()
        sumdb.stop()


def test_who_must_not_fetch_modules_may_prove_them(proving, sumdb, tree, go_of, tmp_path, origin):
    """Else the go command would turn to the database itself, which a firewall may forbid."""
    tree.add("example.com/m", "v1.0.0")
    m = proving()
    for kind in ("info", "mod", "zip"):
        expect.success(m.get(f"/example.com/m/@v/v1.0.0.{kind}"))
    expect.success(m.get(f"/cached-only/sumdb/{sumdb.name}/supported"))
    expect.failure(m.get("/cached-only/sumdb/sum.other.test/supported"), 404)
    before = origin.count()
    go = go_of(m.url + "/cached-only", GOSUMDB=sumdb.key, GOFLAGS="-modcacherw")
    go.run("mod", "download", "example.com/m@v1.0.0", cwd=gocmd.project(tmp_path / "user"))
    assert origin.count() == before


def test_what_is_no_such_path_is_asked_of_nobody(proving, sumdb, tree, base):
    sumdb.fill(300)
    m = proving()
    for path in ("tile/8/0/1", "tile/8/0/x000/001", "tile/8/0/000.p/0", "tile/8/0/000.p/01", "tile/8/0/000.p/256",
                 "tile/8/-1/000", "tile/0/0/000", "tile/31/0/000", "tile/4/0/000", "tile/8/data/000", "tile/8/data/001.p/44",
                 "tile/", "lookup/", "lookup/example.com/m",
                 "lookup/example.com/m@latest", "lookup/example.com/m@v1.0", "lookup/example.com/M@v1.0.0",
                 "lookup/example.com/m@v1.0.0/go.mod", "lookup/../latest@v1.0.0", "lookup/example.com/a%2fb%2f..@v1.0.0",
                 "lookup/example.com/m@v1.0.0%0aX", "elsewhere", "latest/x", "supported/x"):
        answer = m.get(f"{base}/{path}")
        assert answer.status in (400, 404), (path, answer)
    assert sumdb.count() == 0


def test_another_database_is_not_offered(proving, sumdb, origin):
    m = proving()
    for name in ("sum.golang.org", "other.example", "127.0.0.1:1", sumdb.name + "/x", "x/" + sumdb.name):
        for path in ("supported", "latest", "lookup/example.com/m@v1.0.0", "tile/8/0/000"):
            expect.failure(m.get(f"/sumdb/{name}/{path}"), 404)
    assert sumdb.count() == 0 and origin.count() == 0


def test_the_query_of_an_upstream_goes_with_every_question(proving, origin, sumdb, tree):
    tree.add("example.com/m", "v1.0.0")
    sumdb.mount(origin)
    m = proving(goproxy=origin.url + "?key=1", gosumdb=sumdb.key)
    expect.success(m.get(ZIP), tree.files[ZIP[1:]])
    asked = [r.target for r in origin.requests]
    assert f"/sumdb/{sumdb.name}/supported?key=1" in asked
    assert all(target.endswith("?key=1") for target in asked), asked
    assert "key=1" not in m.log()


def test_others_are_offered_by_name(proving, sumdb, sumdb_program, tree, origin, go_of, tmp_path):
    """With what they say nothing is proven here; but who trusts them gets it, proven against their own history."""
    for name in ("m", "n"):
        tree.add(f"example.com/{name}", "v1.0.0")
    with Sumdb(sumdb_program, name="also.modgate.test", seed="17" * 32) as also:
        also.know(tree).fill(20)
        m = proving(config=f'sumdb-also: ["{also.gosumdb}"]\n', GONOSUMDB="corp.example.com")
        go = go_of(m.url, GOSUMDB=also.key, GOFLAGS="-modcacherw -mod=mod")
        go.run("mod", "download", "example.com/m@v1.0.0", cwd=gocmd.project(tmp_path / "user"))
        assert also.paths("^/lookup/") == sumdb.paths("^/lookup/") == [LOOKUP]
        assert f'"by":"{sumdb.key.split("+")[1]}"' in (m.store / "modules/example.com/m/@v/v1.0.0.provenance").read_text()
        expect.failure(m.get(named(also) + "/lookup/corp.example.com/x@v1.0.0"), 404)
        expect.failure(m.get("/sumdb/third.modgate.test/supported"), 404)
        assert expect.success(m.get(LOOKUP)).body != expect.success(m.get(named(also) + LOOKUP)).body
        trusted = also.latest()
        also.fork(at=5)
        also.learn(LOOKUP.replace("/m@", "/n@"))
        also.fill(40)
        for _ in range(2):
            expect.failure(m.get(named(also) + LOOKUP.replace("/m@", "/n@")), 502, also.name)
            assert trusted in (m.store / "sumdb" / also.name / "fork").read_bytes().replace(b"\n\t", b"\n")
            expect.success(m.get(named(sumdb) + LOOKUP.replace("/m@", "/n@")))
            m.stop()
            m.start()
        done = m.run("sumdb", "acknowledge")
        assert done.returncode == 0 and f"sumdb/{also.name}/fork." in done.stdout, done.stdout + done.stderr
        also.history = "main"
        expect.success(m.get(named(also) + LOOKUP.replace("/m@", "/n@")))


def test_a_database_is_answered_for_once(modgate_of, origin, sumdb):
    for also in (sumdb.gosumdb, "off", "other.example"):
        m = modgate_of(origin.url, wait=False, env={"GOSUMDB": sumdb.gosumdb}, config=f'sumdb-also: ["{also}"]\n')
        assert m.process.wait(30) != 0
        assert "sumdb-also" in m.log()
        m.process = None


def test_none_is_offered_when_it_is_off(proving, sumdb, origin):
    m = proving(gosumdb="off")
    for path in ("supported", "latest", "lookup/example.com/m@v1.0.0", "tile/8/0/000"):
        expect.failure(m.get(f"{named(sumdb)}/{path}"), 404)
        expect.failure(m.get(f"/{path}"), 404)
    assert sumdb.count() == 0 and origin.count() == 0


def test_absence_and_fault_are_told_apart(proving, sumdb, tree, base):
    m = proving()
    expect.failure(m.get(base + LOOKUP), 404)
    tree.add("example.com/m", "v1.0.0")
    for status, wanted in ((410, (404, 410)), (500, (502, 503)), (503, (502, 503)), (403, (403, 502, 503))):
        rule = sumdb.on("^/lookup/", Reply(status, "trouble\n"))
        expect.failure(m.get(base + LOOKUP), wanted)
        sumdb.off(rule)
    sumdb.stop()
    expect.failure(m.get(base + LOOKUP), (502, 503, 504))
    sumdb.start()
    sooner_or_later(lambda: m.get(base + LOOKUP), lambda a: a.status == 200)


def test_nothing_is_passed_on_unverified(proving, sumdb, tree, base):
    tree.add("example.com/m", "v1.0.0")
    sumdb.fill(300)
    sumdb.learn(LOOKUP)
    m = proving()
    for path in (LOOKUP, "/latest", "/tile/8/0/000", "/tile/8/0/001.p/45", "/tile/8/1/000.p/1"):
        for change in (lambda b: bytes([b[0] ^ 1]) + b[1:], lambda b: b[:-1], lambda b: b + b"\n", lambda b: b""):
            rule = sumdb.alter("^" + re.escape(path), change)
            answer = m.get(base + path)
            # The tree may be known well enough by now without what is altered.
            assert answer.status in (502, 503) or answer.body == sumdb.get(path)["body"], (path, answer)
            sumdb.off(rule)
        right = sumdb.get(path)["body"]
        sooner_or_later(lambda: m.get(base + path), lambda a: a.status == 200 and a.body == right)


# --- what is kept


def test_cached_answers_need_no_network(proving, sumdb, tree, base):
    tree.add("example.com/m", "v1.0.0")
    sumdb.fill(300)
    m = proving()
    tiles = ["8/0/000", "8/0/001.p/45", "8/1/000.p/1"]
    paths = [LOOKUP, *(f"/tile/{tile}" for tile in tiles)]
    first = {path: expect.success(m.get(base + path)).body for path in paths}
    m.stop()
    sumdb.stop()
    m.start()
    for path in paths:
        expect.success(m.get(base + path), first[path])
    expect.success(m.get(base + "/supported"))
    expect.success(m.get(base + "/latest"))


def test_offline_nobody_is_asked_wherever_the_database_is(proving, sumdb, tree, base):
    tree.add("example.com/m", "v1.0.0").add("example.com/n", "v1.0.0")
    m = proving()
    expect.success(m.get(ZIP))
    m.stop()
    m.config += "offline: true\n"
    m.start()
    before = sumdb.count()
    expect.success(m.get(f"{base}/lookup/example.com/m@v1.0.0"))
    expect.success(m.get(f"{base}/latest"))
    expect.failure(m.get(f"{base}/lookup/example.com/n@v1.0.0"), 503)
    expect.failure(m.get(f"{base}/tile/8/0/123"), (404, 503))
    assert sumdb.count() == before


def test_every_width_a_tile_ever_had_is_answered(proving, sumdb, base):
    """Who saw an older head asks for tiles as they were then."""
    m = proving()
    first = {}
    for size in (5, 44, 200, 255, 256, 300):
        sumdb.fill(size - sumdb.size)
        expect.success(m.get(f"{base}/lookup/filler.example/of/main@v0.0.{size - 1}"))
        tile = "/tile/8/0/000" + (f".p/{size}" if size < 256 else "")
        first[tile] = expect.success(m.get(base + tile), sumdb.get(tile)["body"]).body
    for tile, body in first.items():
        expect.success(m.get(base + tile), body)
    sumdb.stop()
    for tile, body in first.items():
        expect.success(m.get(base + tile), body)
    whole = first["/tile/8/0/000"]
    for width in (1, 100, 254):  # never asked for, but known
        expect.success(m.get(f"{base}/tile/8/0/000.p/{width}"), whole[: 32 * width])


def test_the_full_tile_is_cut_when_a_partial_one_is_refused(proving, sumdb, tree, base):
    sumdb.fill(100)
    tree.add("example.com/m", "v1.0.0")
    sumdb.learn(LOOKUP)
    old = proving()
    expect.success(old.get(ZIP))
    sumdb.fill(300)
    sumdb.on(r"^/tile/.*/000\.p/1?\d\d$", Reply(404, "not kept\n"))
    new = proving()
    for m in (old, new):
        expect.success(m.get(f"{base}/tile/8/0/000.p/44"), sumdb.get("/tile/8/0/000.p/44")["body"])
        expect.success(m.get(base + LOOKUP))
        expect.success(m.get(ZIP), tree.files[ZIP[1:]])


@pytest.mark.parametrize("how", ["changed", "cut", "empty", "gone"])
def test_what_is_kept_of_the_database_heals(proving, sumdb, tree, how):
    for i in range(10):
        tree.add("example.com/m", f"v1.0.{i}")
    sumdb.fill(300)
    m = proving()
    expect.success(m.get(ZIP))
    before = expect.success(m.get(named(sumdb) + LOOKUP)).text.split("\n\n")[0]
    files = sorted(p for p in (m.store / "sumdb").rglob("*") if p.is_file())
    assert len(files) >= 4  # the head, a lookup, tiles
    # Each by itself, then all at once.
    for i, damaged in enumerate([[f] for f in files] + [files]):
        m.stop()
        for file in damaged:
            data = (file.read_bytes() if file.exists() else b"") or b"x"
            if how == "gone":
                file.unlink(missing_ok=True)
            else:
                at = len(data) // 2
                file.write_bytes({"changed": data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :], "cut": data[:-1], "empty": b""}[how])
        m.start()
        assert expect.success(m.get(named(sumdb) + LOOKUP)).text.split("\n\n")[0] == before
        name = f"example.com/m/@v/v1.0.{1 + i % 9}.zip"
        expect.success(m.get("/" + name), tree.files[name])
        expect.success(m.get(ZIP), tree.files[ZIP[1:]])
    assert "SECURITY" not in m.log()


# --- two histories


@pytest.mark.parametrize("size", ["larger", "equal", "smaller"])
@pytest.mark.parametrize("way", ["lookup", "latest", "artifact"])
def test_t04_f30_a_fork_is_refused_kept_and_told(proving, sumdb, tree, size, way, go_of, tmp_path):
    for name in ("m", "n", "o"):
        tree.add(f"example.com/{name}", "v1.0.0")
    sumdb.fill(10)
    m = proving()
    expect.success(m.get(ZIP))
    trusted = sumdb.latest()
    sumdb.fork(at=5)
    sumdb.learn("/lookup/example.com/n@v1.0.0")
    sumdb.fill({"larger": 20, "equal": sumdb_size(trusted), "smaller": 8}[size] - sumdb.size)
    other = sumdb.latest()
    target = {"lookup": f"{named(sumdb)}/lookup/example.com/n@v1.0.0", "latest": f"{named(sumdb)}/latest",
              "artifact": "/example.com/n/@v/v1.0.0.zip"}[way]
    # A smaller head that is given for "latest" alone may be passed over, not believed.
    answer = m.get(target)
    if (way, size) == ("latest", "smaller") and answer.status == 200:
        assert answer.body == trusted
        answer = m.get(f"{named(sumdb)}/lookup/example.com/n@v1.0.0")
    expect.failure(answer, (500, 502, 503), "SECURITY", sumdb.name)
    sooner_or_later(m.log, lambda log: re.search(r"level=error [^\n]*(SECURITY|fork)", log))
    evidence = (m.store / "sumdb" / sumdb.name / "fork").read_bytes().replace(b"\n\t", b"\n")
    assert trusted in evidence and other in evidence
    assert not list((m.store / "modules").rglob("n/@v/v1.0.0.zip"))

    # What was proven before is still true.
    expect.success(m.get(ZIP), tree.files[ZIP[1:]])
    # Until somebody has looked, nothing new is believed, whichever history is shown.
    sumdb.history = "main"
    for _ in range(2):
        expect.failure(m.get("/example.com/o/@v/v1.0.0.zip"), (500, 502, 503), sumdb.name)
        m.stop()
        m.start()
    expect.success(m.get(ZIP), tree.files[ZIP[1:]])


def sumdb_size(note):
    return int(note.split(b"\n")[1])


def test_a_fork_is_no_outage(proving, sumdb, tree):
    """Where proof is wanted only when the database can be reached, it was reached."""
    tree.add("example.com/m", "v1.0.0").add("example.com/n", "v1.0.0").latest("example.com/n", "v1.0.0")
    sumdb.fill(10)
    m = proving(config="sumdb: when-reachable\n")
    expect.success(m.get(ZIP))
    sumdb.fork(at=5)
    sumdb.fill(20)
    for _ in range(2):
        expect.failure(m.get("/example.com/n/@v/v1.0.0.zip"), (500, 502, 503), sumdb.name)
        assert not list((m.store / "modules").rglob("n/@v/v1.0.0.zip"))
        sumdb.history = "main"
    for target in ("/example.com/n/@v/v1.0.0.info", "/example.com/n/@v/list", "/example.com/n/@latest"):
        expect.success(m.get(target))


def test_a_fork_seen_by_one_who_has_no_head_yet_is_none(proving, sumdb, tree):
    tree.add("example.com/m", "v1.0.0")
    sumdb.fill(10)
    sumdb.fork(at=3)
    m = proving()
    expect.success(m.get(ZIP), tree.files[ZIP[1:]])
    lines = expect.success(m.get(named(sumdb) + LOOKUP)).text.split("\n")
    assert lines[1] == f"example.com/m v1.0.0 {h1(tree.files[ZIP[1:]])}"
