# SPDX-License-Identifier: Apache-2.0
"""Lists of upstreams, as the go command's GOPROXY, and upstreams with peculiarities."""

import base64
import json

import pytest

from lib import expect
from lib.modgate import free_port
from lib.origin import Origin, Reply
from lib.tree import Made

INFO = "/example.com/m/@v/v1.0.0.info"
LIST = "/example.com/m/@v/list"


@pytest.fixture
def two():
    """Two origins; only the second has the module."""
    tree = Made().add("example.com/m", "v1.0.0")
    with Origin(Made()) as first, Origin(tree) as second:
        yield first, second


def test_comma_goes_on_after_404_and_410_only(two, modgate_of):
    first, second = two
    for i, status in enumerate((404, 410)):
        second.tree.add(f"example.com/m{i}", "v1.0.0")
    m = modgate_of(f"{first.url},{second.url}", config="upstream:\n  retries: 0\n")
    for i, status in enumerate((404, 410)):
        first.on(f"/m{i}/", Reply(status))
        expect.success(m.get(f"/example.com/m{i}/@v/v1.0.0.info"))
    for i, status in enumerate((403, 401, 500, 502, 503, 429)):
        second.tree.add(f"example.com/s{i}", "v1.0.0")
        first.on(f"/s{i}/", Reply(status))
        second.forget()
        expect.failure(m.get(f"/example.com/s{i}/@v/v1.0.0.info"), (403, 502, 503, 504))
        assert second.requests == []


def test_pipe_goes_on_after_anything(two, modgate_of):
    first, second = two
    m = modgate_of(f"{first.url}|{second.url}", config="upstream:\n  retries: 0\n")
    for i, status in enumerate((404, 410, 403, 500, 503)):
        second.tree.add(f"example.com/p{i}", "v1.0.0")
        first.on(f"/p{i}/", Reply(status))
        expect.success(m.get(f"/example.com/p{i}/@v/v1.0.0.info"))
    first.stop()
    expect.success(m.get(INFO))


def test_comma_stops_at_a_dead_upstream(two, modgate_of):
    _, second = two
    m = modgate_of(f"http://127.0.0.1:{free_port()},{second.url}", config="upstream:\n  retries: 0\n")
    expect.failure(m.get(INFO), 502)
    assert second.requests == []


def test_off_and_direct_end_the_list_with_the_404_before_them(two, modgate_of):
    first, second = two
    for end in ("off", "direct"):
        m = modgate_of(f"{first.url},{end},{second.url}")
        expect.failure(m.get(INFO), 404)
        assert second.requests == []
    m = modgate_of(f" {first.url} ,, {second.url}, direct")
    expect.success(m.get(INFO))


def test_only_off(modgate_of):
    m = modgate_of("off")
    expect.failure(m.get(INFO), (403, 404))
    expect.failure(m.get(LIST), (403, 404))


def test_trailing_slash_path_and_query_of_the_base(origin, tree, modgate_of):
    tree.add("example.com/m", "v1.0.0")
    origin.on(r"^/base/", lambda request: Reply(200, tree.files[request.path[len("/base/"):]]))
    expect.success(modgate_of(origin.url + "/").get(INFO))
    assert origin.paths() == [INFO]
    expect.success(modgate_of(origin.url + "/base/").get(INFO))
    assert origin.paths()[-1] == "/base" + INFO
    expect.success(modgate_of(origin.url + "/base?key=1").get(INFO))
    assert origin.requests[-1].target == f"/base{INFO}?key=1"


def test_names_are_escaped_as_the_go_command_does(origin, tree, modgate):
    tree.add("github.com/Azure/x", "v0.1.0-RC1").add("example.com/m", "v2.0.0+incompatible")
    expect.success(modgate.get("/github.com/!azure/x/@v/v0.1.0-!r!c1.mod"))
    expect.success(modgate.get("/example.com/m/@v/v2.0.0%2Bincompatible.mod"))
    assert origin.paths() == ["/github.com/%21azure/x/@v/v0.1.0-%21r%21c1.mod", "/example.com/m/@v/v2.0.0+incompatible.mod"]


def test_credentials_go_out_as_authorization_and_stay_secret(origin, tree, modgate_of):
    tree.add("example.com/m", "v1.0.0")
    secret = "s3cr3t%40word"
    m = modgate_of(f"http://user:{secret}@127.0.0.1:{origin.port}", config="log:\n  level: debug\nupstream:\n  retries: 0\n")
    expect.success(m.get(INFO))
    want = "Basic " + base64.b64encode(b"user:s3cr3t@word").decode()
    assert origin.requests[0].headers["authorization"] == [want]
    origin.stop()
    cold = expect.failure(m.get("/example.com/cold/@v/list"), 502)
    everything = cold.text + m.log()
    everything += "".join(p.read_text(errors="replace") for p in m.store.rglob("*.provenance"))
    for word in (secret, "s3cr3t", want.split()[1]):
        assert word not in everything


def test_file_upstream(tree, tmp_path, modgate_of):
    tree.add("github.com/Azure/x", "v1.0.0")
    folder = tree.write(tmp_path / "static")
    m = modgate_of(f"file://{folder}")
    for name in ("@v/v1.0.0.info", "@v/v1.0.0.mod", "@v/v1.0.0.zip", "@v/list"):
        expect.success(m.get(f"/github.com/%21azure/x/{name}"), tree.files[f"github.com/!azure/x/{name}"])
    expect.failure(m.get("/github.com/%21azure/y/@v/list"), 404)
    assert json.loads(m.get("/github.com/%21azure/x/@latest").body)["Version"] == "v1.0.0"


def test_upstream_without_latest(origin, tree, modgate):
    """The answer is worked out from the list: releases before pre-releases, highest first."""
    for version in ("v1.0.0", "v1.9.0", "v1.10.0", "v1.11.0-rc.1"):
        tree.add("example.com/m", version)
    assert json.loads(modgate.get("/example.com/m/@latest").body)["Version"] == "v1.10.0"
    expect.failure(modgate.get("/example.com/none/@latest"), 404)


def test_upstream_that_withholds_a_zip(origin, tree, modgate):
    tree.add("example.com/m", "v1.0.0")
    origin.on(r"\.zip$", Reply(403, "license review pending\n"))
    expect.failure(modgate.get("/example.com/m/@v/v1.0.0.zip"), 403, "license review pending")
    expect.success(modgate.get("/example.com/m/@v/v1.0.0.mod"))


def test_upstream_with_a_mod_but_no_zip(tree, modgate):
    tree.add("example.com/m", "v1.0.0", zip=False)
    expect.success(modgate.get("/example.com/m/@v/v1.0.0.mod"))
    expect.failure(modgate.get("/example.com/m/@v/v1.0.0.zip"), 404)


def test_everything_stale_but_usable_when_upstreams_are_down(origin, tree, modgate_of):
    tree.add("example.com/m", "v1.0.0").latest("example.com/m", "v1.0.0").query("example.com/m", "main", "v1.0.0")
    m = modgate_of(origin.url, config="list:\n  fresh: 0s\n  stale: 0s\nupstream:\n  retries: 0\n")
    targets = [LIST, "/example.com/m/@latest", "/example.com/m/@v/main.info"]
    for target in targets:
        expect.success(m.get(target))
    origin.stop()
    for _ in range(2):
        for target in targets:
            answer = expect.success(m.get(target), tree.files[target[1:]])
            assert "detail=" in (answer.field("Cache-Status") or ""), "a stale answer must say so"
    # What was never asked is a fault, not an absence.
    expect.failure(m.get("/example.com/other/@v/list"), (502, 503))


def test_own_address_in_the_list_is_skipped(origin, tree, modgate_of):
    tree.add("example.com/m", "v1.0.0")
    port = free_port()
    m = modgate_of(f"http://127.0.0.1:{port},{origin.url}", wait=False)
    m.stop(check=False)
    m.port = port
    m.start()
    expect.success(m.get(INFO))
    assert "127.0.0.1" in m.log()


def test_no_upstream_at_all_is_said(modgate_of, tmp_path):
    m = modgate_of(None, wait=False, env={"GOROOT": str(tmp_path), "PATH": "/nonexistent"})
    assert m.process.wait(20) != 0
    assert "GOPROXY" in m.log()
    m.process = None


def test_noproxy_patterns_are_not_asked_upstream(origin, tree, modgate_of):
    tree.add("corp.example.com/secret/app", "v1.0.0").add("example.com/m", "v1.0.0")
    m = modgate_of(origin.url, env={"GOPRIVATE": "corp.example.com/secret"})
    for target in ("/corp.example.com/secret/app/@v/v1.0.0.info", "/corp.example.com/secret/@v/list",
                   "/corp.example.com/@v/list", "/corp.example.com/secret/app/@latest"):
        assert m.get(target).status in (403, 404)
    assert origin.requests == [], "a private name, or a parent of one, went upstream"
    expect.success(m.get(INFO))
