# SPDX-License-Identifier: Apache-2.0
"""Mistakes seen in existing proxies: protocol notes §11, what applies to modgate without git."""

import json
import os
import time
import zlib

import pytest

from lib import expect
from lib.origin import Reply
from lib.tree import make_zip

PSEUDO = "v0.0.0-20240501120000-abcdefabcdef"
OTHER_PSEUDO = "v1.0.1-0.20240501120000-abcdefabcdef"


def stock(tree):
    tree.add("example.com/m", "v1.0.0").add("example.com/m", "v1.1.0")
    tree.add("example.com/untagged", PSEUDO).latest("example.com/untagged", PSEUDO)
    tree.query("example.com/untagged", "main", PSEUDO).query("example.com/untagged", "abcdefa", PSEUDO)


def test_the_five_kinds_of_answer(shared):
    kinds = {
        "/example.com/m/@v/list": "text/plain; charset=utf-8",
        "/example.com/m/@v/v1.0.0.info": "application/json",
        "/example.com/m/@v/v1.0.0.mod": "text/plain; charset=utf-8",
        "/example.com/m/@v/v1.0.0.zip": "application/zip",
        "/example.com/untagged/@latest": "application/json",
        "/example.com/untagged/@v/main.info": "application/json",
    }
    for target, kind in kinds.items():
        answer = expect.success(shared.modgate.get(target), shared.tree.files[target[1:]])
        assert answer.field("Content-Type") == kind
        immutable = "/@v/v" in target
        control = answer.field("Cache-Control")
        if immutable:
            assert "immutable" in control and "max-age=" in control
        else:
            assert int(control.split("max-age=")[1].split(",")[0]) <= 60


def test_s11_05_a_zip_with_the_escaped_path_inside_is_refused(modgate, tree, origin):
    tree.add("github.com/Azure/x", "v1.0.0")
    tree.files["github.com/!azure/x/@v/v1.0.0.zip"] = make_zip("github.com/!azure/x", "v1.0.0", {"go.mod": "module x\n"})
    expect.failure(modgate.get("/github.com/%21azure/x/@v/v1.0.0.zip"), 502, "github.com/Azure/x@v1.0.0")
    assert not list(modgate.store.rglob("v1.0.0.zip"))


def test_s11_06_unknown_things_are_404(shared):
    for target in ("/example.com/none/@v/list", "/example.com/m/@v/v9.9.9.info", "/example.com/m/pkg/@v/list",
                   "/example.com/m/@v/nobranch.info", "/example.com/none/@latest", "/example.com/m/@v/v9.9.9.zip"):
        expect.failure(shared.modgate.get(target), 404)


@pytest.mark.parametrize("status", [500, 502, 503, 504, 429, 401, 418])
def test_s11_07_an_outage_is_not_an_absence(modgate_of, origin, status):
    m = modgate_of(origin.url, config="upstream:\n  retries: 0\n")
    origin.on(r".", Reply(status, "trouble\n"))
    for target in ("/example.com/m/@v/list", "/example.com/m/@v/v1.0.0.info", "/example.com/m/@latest"):
        expect.failure(m.get(target), (502, 503, 504) if status != 401 else (403, 502, 503))
    origin.off()
    origin.tree.add("example.com/n", "v1.0.0").add("example.com/m", "v1.0.0")
    expect.success(m.get("/example.com/n/@v/v1.0.0.info"))
    if status != 401:  # what an upstream withholds is remembered for a while, an outage is not
        expect.success(m.get("/example.com/m/@v/v1.0.0.info"))
        expect.success(m.get("/example.com/m/@v/list"), b"v1.0.0\n")


def test_s11_08_empty_lists(shared):
    expect.success(shared.modgate.get("/example.com/untagged/@v/list"), b"")
    expect.failure(shared.modgate.get("/example.com/unknown/@v/list"), 404)


def test_s11_09_errors_are_one_printable_line(modgate, origin):
    bodies = [b"", b"<html><h1>no</h1></html>", b"a\nb\nc\n", b"esc \x1b[31m red", b"\xff\xfe broken",
              b"x" * 5000, "naïve — ünïcode\n".encode(), b"nul \0 byte", b"cr\r\nlf\r\n"]
    for i, body in enumerate(bodies):
        for status in (404, 410, 403, 500):
            path = f"/example.com/e{i}x{status}/@v/list"
            origin.on(path.replace(".", r"\.") + "$", Reply(status, body))
            expect.failure(modgate.get(path), (404, 403, 502), f"example.com/e{i}x{status}")
    long = "/example.com/" + "/".join(["element"] * 60) + "/@v/list"
    expect.failure(modgate.get(long), 404)


def test_s11_10_lists_are_cleaned(modgate, origin):
    origin.on(r"example\.com/m/@v/list$", Reply(200, "\r\n".join([
        "v1.0.0", "v1.2.0 2024-05-01T12:00:00Z", PSEUDO, "v1.1", "v1.3.0+meta", "junk", "v2.0.0", "v1.0.0",
        "v2.0.0+incompatible", "  v1.4.0-rc.1  ", "v01.0.0", "", "v1.5.0"])))
    answer = expect.success(modgate.get("/example.com/m/@v/list"))
    assert answer.body.endswith(b"\n") and b"\r" not in answer.body
    assert sorted(answer.text.split("\n")[:-1]) == sorted(
        ["v1.0.0", "v1.2.0", "v2.0.0+incompatible", "v1.4.0-rc.1", "v1.5.0"])
    origin.on(r"example\.com/m/v2/@v/list$", Reply(200, "v2.0.0\nv1.0.0\nv3.0.0\nv2.1\n"))
    assert modgate.get("/example.com/m/v2/@v/list").text == "v2.0.0\n"


def test_s11_11_a_new_tag_appears(modgate_of, origin, tree):
    m = modgate_of(origin.url, config="list:\n  fresh: 0s\n  stale: 0s\n")
    tree.add("example.com/m", "v1.0.0")
    assert m.get("/example.com/m/@v/list").text == "v1.0.0\n"
    tree.add("example.com/m", "v1.1.0")
    assert m.get("/example.com/m/@v/list").text.split() == ["v1.0.0", "v1.1.0"]


def test_s11_11_a_stale_list_is_served_while_one_refresh_runs(modgate_of, origin, tree):
    m = modgate_of(origin.url, config="list:\n  fresh: 0s\n  stale: 1h\n")
    tree.add("example.com/m", "v1.0.0")
    expect.success(m.get("/example.com/m/@v/list"), b"v1.0.0\n")
    tree.add("example.com/m", "v1.1.0")
    expect.success(m.get("/example.com/m/@v/list"), b"v1.0.0\n")
    origin.wait_for("/@v/list$", 2)
    end = time.monotonic() + 10
    while m.get("/example.com/m/@v/list").text != "v1.0.0\nv1.1.0\n":
        assert time.monotonic() < end, "the refresh never showed"


def test_s11_12_stored_versions_never_leave_the_list(modgate_of, origin, tree):
    m = modgate_of(origin.url, config="list:\n  fresh: 0s\n  stale: 0s\n")
    tree.add("example.com/m", "v1.0.0").add("example.com/m", "v1.1.0")
    for kind in ("info", "mod", "zip"):
        expect.success(m.get(f"/example.com/m/@v/v1.0.0.{kind}"))
    expect.success(m.get("/example.com/m/@v/v1.1.0.mod"))
    expect.success(m.get("/example.com/m/@v/list"))
    tree.files["example.com/m/@v/list"] = b"v1.1.0\n"
    assert m.get("/example.com/m/@v/list").text.split() == ["v1.0.0", "v1.1.0"]
    origin.on(r"example\.com/m/@v/list$", Reply(404, "gone\n"))
    # Of v1.1.0 only the .mod is here: a list must not name what cannot be had (s11 10).
    expect.success(m.get("/example.com/m/@v/list"), b"v1.0.0\n")
    assert json.loads(m.get("/example.com/m/@latest").body)["Version"] == "v1.0.0"


def test_s11_13_info_must_name_the_version_asked_for(modgate, tree):
    tree.add("example.com/m", PSEUDO)
    tree.files[f"example.com/m/@v/{PSEUDO}.info"] = json.dumps(
        {"Version": OTHER_PSEUDO, "Time": "2024-05-01T12:00:00Z"}).encode()
    expect.failure(modgate.get(f"/example.com/m/@v/{PSEUDO}.info"), 502)


@pytest.mark.parametrize("bad", [
    "", "{", "[]", "null", '{"Time":"2024-05-01T12:00:00Z"}', '{"Version":"v1.0"}', '{"Version":1}',
    '{"Version":"v1.0.0","Time":""}', '{"Version":"v1.0.0","Time":"2024-05-01 12:00:00"}',
    '\ufeff{"Version":"v1.0.0"}', '{"Version":"v1.0.0"} x', '{"Version":"v1.0.0+meta"}'])
def test_s11_13_broken_info_is_a_fault_not_an_absence(shared, bad):
    path = f"example.com/bad{zlib.crc32(bad.encode())}"
    shared.origin.on(path + "/@v/v1.0.0.info$", Reply(200, bad, type="application/json"))
    expect.failure(shared.modgate.get(f"/{path}/@v/v1.0.0.info"), 502)


def test_s11_14_branches_move_and_versions_do_not(modgate_of, origin, tree):
    m = modgate_of(origin.url, config="list:\n  fresh: 0s\n  stale: 0s\n")
    later = "v0.0.0-20240601120000-fedcbafedcba"
    tree.add("example.com/m", PSEUDO).add("example.com/m", later).query("example.com/m", "main", PSEUDO)
    assert json.loads(m.get("/example.com/m/@v/main.info").body)["Version"] == PSEUDO
    first = m.get(f"/example.com/m/@v/{PSEUDO}.info").body
    tree.query("example.com/m", "main", later)
    assert json.loads(m.get("/example.com/m/@v/main.info").body)["Version"] == later
    tree.files[f"example.com/m/@v/{PSEUDO}.info"] = first.replace(b"2024-05", b"2031-05")
    tree.files[f"example.com/m/@v/{PSEUDO}.mod"] = b"module moved\n"
    assert m.get(f"/example.com/m/@v/{PSEUDO}.info").body == first


def test_s11_15_versions_that_are_not_their_own_name(modgate, origin, tree):
    tree.add("example.com/m", "v1.2.0").add("example.com/m", "v2.0.0+incompatible")
    canonical = tree.files["example.com/m/@v/v1.2.0.info"]
    tree.files["example.com/m/@v/v1.2.0+meta.info"] = canonical
    assert json.loads(modgate.get("/example.com/m/@v/v1.2.0+meta.info").body)["Version"] == "v1.2.0"
    tree.files["example.com/m/@v/v2.0.0.info"] = tree.files["example.com/m/@v/v2.0.0+incompatible.info"]
    assert json.loads(modgate.get("/example.com/m/@v/v2.0.0.info").body)["Version"] == "v2.0.0+incompatible"
    for rev, version in (("v1.3.0+meta", "v1.3.0+meta"), ("v3.0.0", "v3.0.0")):
        origin.on(rf"/{rev.replace('+', '.')}\.info$", Reply(200, json.dumps(
            {"Version": version, "Time": "2024-05-01T12:00:00Z"})))
        expect.failure(modgate.get(f"/example.com/m/@v/{rev}.info"), (404, 502))
    for kind in ("mod", "zip"):
        expect.failure(modgate.get(f"/example.com/m/@v/v1.2.0+meta.{kind}"), 404)


def test_s11_16_mod_bytes_are_never_touched(modgate, tree):
    odd = "module example.com/odd\r\n\r\ngo 1.20   \n\n\n// no final newline".encode()
    tree.add("example.com/odd", "v1.0.0")
    tree.files["example.com/odd/@v/v1.0.0.mod"] = odd
    expect.success(modgate.get("/example.com/odd/@v/v1.0.0.mod"), odd)
    future = b"module example.com/future\n\ngo 9.99\n\nunheardof x\n"
    tree.add("example.com/future", "v1.0.0")
    tree.files["example.com/future/@v/v1.0.0.mod"] = future
    expect.success(modgate.get("/example.com/future/@v/v1.0.0.mod"), future)  # s11 26


def test_s11_29_what_arrives_truncated_is_not_stored(modgate_of, origin, tree):
    m = modgate_of(origin.url, config="upstream:\n  retries: 0\n")
    tree.add("example.com/m", "v1.0.0")
    whole = tree.files["example.com/m/@v/v1.0.0.zip"]

    def cut(conn, request):
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(whole) + whole[: len(whole) // 2])

    origin.on(r"\.zip$", raw=cut, times=1)
    expect.failure(m.get("/example.com/m/@v/v1.0.0.zip"), 502)
    assert not list(m.store.rglob("*.zip"))
    # A complete transfer of half a zip: the zip itself tells.
    origin.on(r"\.zip$", Reply(200, whole[: len(whole) // 2]), times=1)
    expect.failure(m.get("/example.com/m/@v/v1.0.0.zip"), 502)
    assert not list(m.store.rglob("v1.0.0.zip"))


def test_s11_32_checksum_database_is_not_claimed(shared):
    before = shared.origin.count()
    for target in ("supported", "latest", "lookup/example.com/m@v1.0.0", "tile/8/0/000"):
        expect.failure(shared.modgate.get("/sumdb/sum.example/" + target), 404)
    assert shared.origin.count() == before, "asked upstream"


def test_s11_34_absences_are_remembered_for_a_while(modgate, origin):
    for target in ("/example.com/none/@v/list", "/example.com/none/@v/v1.0.0.info", "/example.com/none/@latest"):
        first = expect.failure(modgate.get(target), 404)
        for _ in range(5):
            expect.failure(modgate.get(target), 404)
        assert origin.count(target.replace(".", r"\.") + "$") == 1, target
        # s11 35: a tag may be pushed a minute later
        assert 0 < int(first.field("Cache-Control").split("max-age=")[1]) <= 60


def test_s11_36_withheld_is_403_and_not_an_absence(modgate, origin):
    origin.on(r"/example\.com/secret/", Reply(403, "withheld by policy\n"))
    for target in ("/example.com/secret/@v/list", "/example.com/secret/@v/v1.0.0.zip"):
        expect.failure(modgate.get(target), 403)


def test_s11_39_disable_module_fetch(modgate, origin, tree):
    tree.add("example.com/m", "v1.0.0")
    only = [("disable-MODULE-fetch", "true")]
    for target in ("/example.com/m/@v/list", "/example.com/m/@v/v1.0.0.info", "/example.com/m/@latest"):
        expect.failure(modgate.get(target, only), 404)
        expect.failure(modgate.get("/cached-only" + target), 404)
    assert origin.requests == []
    expect.success(modgate.get("/example.com/m/@v/v1.0.0.info", [("Disable-Module-Fetch", "false")]))
    expect.success(modgate.get("/example.com/m/@v/v1.0.0.info", only))
    expect.success(modgate.get("/cached-only/example.com/m/@v/v1.0.0.info"))
    # An asker who may not fetch must not be answered from, nor spoil, what others learn.
    expect.success(modgate.get("/example.com/m/@v/list"), b"v1.0.0\n")


def test_s11_40_nothing_is_labelled_gzip(shared):
    for target in ("/example.com/m/@v/v1.0.0.zip", "/example.com/m/@v/v1.0.0.info"):
        answer = shared.modgate.get(target, [("Accept-Encoding", "gzip")])
        expect.success(answer, shared.tree.files[target[1:]])


def test_s11_41_too_large_is_refused_before_it_is_read(modgate_of, origin):
    m = modgate_of(origin.url, config="upstream:\n  retries: 0\n")
    sent = []

    def huge(conn, request):
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 524288001\r\n\r\n")
        try:
            while len(sent) < 2000:
                conn.sendall(b"\0" * 65536)
                sent.append(65536)
        except OSError:
            pass

    origin.on(r"\.zip$", raw=huge)
    expect.failure(m.get("/example.com/m/@v/v1.0.0.zip"), 502)
    assert sum(sent) < 64 << 20
    origin.on(r"\.mod$", raw=lambda conn, _: conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 16777217\r\n\r\n"))
    expect.failure(m.get("/example.com/m/@v/v1.0.0.mod"), 502)
    assert not [p for p in (m.store / "tmp").glob("*")]


@pytest.mark.parametrize("name", ["aux.go", "a./x", "back\\slash", "e\u0301.txt", "sub/GO.MOD", "../up", "/abs"])
def test_s11_42_zips_the_go_command_would_refuse(shared, name):
    path = f"example.com/zip{zlib.crc32(name.encode())}"
    shared.tree.add(path, "v1.0.0", files={name: "x"})
    expect.failure(shared.modgate.get(f"/{path}/@v/v1.0.0.zip"), 502)


def test_s11_42_fold_collision(shared):
    shared.tree.add("example.com/fold", "v1.0.0", files={"README": "a", "readme": "b"})
    expect.failure(shared.modgate.get("/example.com/fold/@v/v1.0.0.zip"), 502)


def test_artifacts_are_fetched_one_by_one(modgate, origin, tree):
    tree.add("example.com/m", "v1.0.0")
    expect.success(modgate.get("/example.com/m/@v/v1.0.0.mod"))
    expect.success(modgate.get("/example.com/m/@v/v1.0.0.info"))
    assert origin.count(r"\.zip$") == 0


@pytest.mark.smoke
def test_stored_bytes_survive_a_restart_without_upstream(modgate_of, origin, tree):
    tree.add("example.com/m", "v1.0.0")
    m = modgate_of(origin.url)
    targets = [f"/example.com/m/@v/v1.0.0.{kind}" for kind in ("info", "mod", "zip")] + ["/example.com/m/@v/list"]
    for target in targets:
        expect.success(m.get(target))
    m.stop()
    origin.stop()
    m.start()
    for target in targets:
        expect.success(m.get(target), tree.files[target[1:]])
    # The layout is a module cache: any static server could serve it.
    for target in targets:
        assert (m.store / "modules" / target[1:]).read_bytes() == tree.files[target[1:]]


def test_a_module_cache_copied_into_the_store_is_served(modgate_of, origin, tree, tmp_path):
    tree.add("example.com/m", "v1.0.0")
    m = modgate_of(origin.url, wait=False)
    m.stop(check=False)
    tree.write(m.store / "modules")
    m.start()
    for kind in ("info", "mod", "zip"):
        expect.success(m.get(f"/example.com/m/@v/v1.0.0.{kind}"), tree.files[f"example.com/m/@v/v1.0.0.{kind}"])
    assert origin.count(r"\.(info|mod|zip)$") == 0
    assert os.path.isdir(m.store)
