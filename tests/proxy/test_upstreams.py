# SPDX-License-Identifier: Apache-2.0
"""Lists of upstreams, as the go command's GOPROXY, and upstreams with peculiarities."""

import base64
import json
import threading

import pytest

from lib import expect, gocmd, herd
from lib.ports import free_port
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
        expect.failure(m.get(f"/example.com/s{i}/@v/v1.0.0.info"), (403, 502, 503, 504))
        assert second.count(f"/s{i}/") == 0


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


def test_off_and_direct_end_the_list(two, modgate_of):
    first, second = two
    nobody = {"HTTPS_PROXY": f"http://127.0.0.1:{free_port()}"}  # answers for the repository
    m = modgate_of(f"{first.url},off,{second.url}")
    expect.failure(m.get(INFO), 404, f"{first.url}{INFO} answered 404")
    m = modgate_of(f"{first.url},direct,{second.url}", env=nobody)
    expect.failure(m.get(INFO), 502)
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


PSEUDO = ["v0.0.0-20230101000000-aaaaaaaaaaaa", "v0.0.0-20240101000000-bbbbbbbbbbbb"]


def test_upstream_without_latest_whose_list_has_only_pseudo_versions(origin, tree, modgate):
    """As the go command does: then the newest of those, or the newest by the times in the list."""
    for version in PSEUDO:
        tree.add("example.com/m", version).add("example.com/t", version)
    tree.files["example.com/m/@v/list"] = "".join(v + "\n" for v in reversed(PSEUDO)).encode()
    tree.files["example.com/t/@v/list"] = f"{PSEUDO[0]} 2025-01-01T00:00:00Z\n{PSEUDO[1]} 2024-01-01T00:00:00Z\n".encode()
    expect.success(modgate.get("/example.com/m/@v/list"), b"")
    assert json.loads(expect.success(modgate.get("/example.com/m/@latest")).body)["Version"] == PSEUDO[1]
    assert json.loads(expect.success(modgate.get("/example.com/t/@latest")).body)["Version"] == PSEUDO[0]


def test_a_module_cache_is_an_upstream(tree, tmp_path, modgate_of, go_of):
    """The cache/download of a go command as file://: it has no @latest, and its lists name pseudo-versions."""
    tree.add("example.com/m", "v1.0.0").add("example.com/untagged", PSEUDO[0]).add("example.com/untagged", PSEUDO[1])
    for version in PSEUDO:
        tree.query("example.com/untagged", version, version)
    with Origin(tree) as origin:
        filler = go_of(origin.url)
        work = gocmd.project(tmp_path / "filler")
        filler.run("mod", "download", "example.com/m@v1.0.0", *(f"example.com/untagged@{v}" for v in PSEUDO), cwd=work)
    cache = filler.modcache / "cache" / "download"
    (cache / "example.com/untagged/@v/list").write_text("".join(v + "\n" for v in PSEUDO))
    go = go_of(modgate_of(f"file://{cache}").url)
    work = gocmd.project(tmp_path / "user")
    for query, version in (("example.com/m@latest", "v1.0.0"), ("example.com/untagged@latest", PSEUDO[1])):
        found = json.loads(go.run("list", "-m", "-json", query, cwd=work).stdout)
        assert found["Version"] == version
    go.run("mod", "download", f"example.com/untagged@{PSEUDO[1]}", cwd=work)


def test_s11_45_retractions_reach_the_developer(origin, tree, modgate, go_of, tmp_path):
    """The version that retracts itself and others. modgate lists all; the go command chooses."""
    gomod = "module example.com/r\n\ngo 1.20\n\nretract v1.2.0 // only to retract\nretract v1.1.0 // leaks\n"
    for version in ("v1.0.0", "v1.1.0"):
        tree.add("example.com/r", version)
    tree.add("example.com/r", "v1.2.0", gomod=gomod)
    tree.add("example.com/all", "v1.0.0", gomod="module example.com/all\n\nretract v1.0.0\n")
    work = gocmd.project(tmp_path / "user")
    said = []
    for goproxy in (origin.url, modgate.url):
        go = go_of(goproxy)
        assert go.run("list", "-m", "example.com/r@latest", cwd=work).stdout == "example.com/r v1.0.0\n"
        assert go.run("list", "-m", "-versions", "example.com/r", cwd=work).stdout == "example.com/r v1.0.0\n"
        shown = go.run("list", "-m", "-retracted", "-f", "{{.Retracted}}", "example.com/r@v1.1.0", cwd=work).stdout
        assert shown == "[leaks]\n"
        said.append(go.run("list", "-m", "example.com/all@latest", cwd=work, check=False).stderr.strip())
    assert said[0] == said[1] and "no matching versions" in said[1]


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
    m = modgate_of(origin.url, env={"GOPRIVATE": "corp.example.com/secret", "HTTPS_PROXY": f"http://127.0.0.1:{free_port()}"})
    for target in ("/corp.example.com/secret/app/@v/v1.0.0.info", "/corp.example.com/secret/@v/list",
                   "/corp.example.com/secret/app/@latest"):
        expect.failure(m.get(target), 502)  # nobody answers for its repository
    expect.failure(m.get("/corp.example.com/@v/list"), 404)
    assert origin.requests == [], "a private name, or a parent of one, went upstream"
    expect.success(m.get(INFO))


def test_proxies_of_the_environment(origin, tree, modgate_of):
    """http_proxy is heard for upstreams that are not this machine, NO_PROXY too."""
    tree.add("example.com/m", "v1.0.0").add("example.com/n", "v1.0.0")
    answer = lambda request: Reply(200, tree.files[request.path.split("mirror.example/")[-1].lstrip("/")])
    origin.on(".", answer)
    env = {"http_proxy": origin.url}
    m = modgate_of("http://mirror.example/", env=env)
    expect.success(m.get(INFO), tree.files[INFO[1:]])
    assert [r.target for r in origin.requests] == ["http://mirror.example" + INFO]
    assert origin.requests[0].headers["host"] == ["mirror.example"]
    direct = modgate_of(origin.url, env=env)  # loopback is never proxied
    expect.success(direct.get("/example.com/n/@v/v1.0.0.info"))
    assert origin.requests[-1].target == "/example.com/n/@v/v1.0.0.info"
    origin.forget()
    excluded = modgate_of("http://mirror.invalid", env=env | {"NO_PROXY": ".invalid"}, config="upstream:\n  retries: 0\n")
    expect.failure(excluded.get(INFO), 502, "mirror.invalid")
    assert origin.requests == []


def test_so_many_at_a_time_from_one_host(origin, tree, modgate_of):
    names = [f"example.com/m{i}" for i in range(12)]
    for name in names:
        tree.add(name, "v1.0.0")
    m = modgate_of(origin.url, config="upstream:\n  per-host: 3\n")
    gate = threading.Event()
    origin.on(".", hold=gate)
    threading.Thread(target=lambda: (origin.wait_for(".", 3), gate.set()), daemon=True).start()
    members = herd.run(m.address, [f"/{name}/@v/v1.0.0.info" for name in names])
    assert {x.status for x in members} == {200}
    assert origin.most_busy == 3
