# SPDX-License-Identifier: Apache-2.0
"""`direct` as an entry of GOPROXY: pages that name a module proxy, zips of older rules, upstreams that are down meanwhile, and
what the go command makes of it."""

import json

import pytest

from lib import expect, gocmd
from lib.gitrepo import Link
from lib.gitserver import GitServer
from lib.origin import Reply
from lib.sumdb import h1_mod
from lib.tree import h1, make_zip

pytestmark = pytest.mark.skipif(gocmd.go_binary() is None, reason="there is no go command")

HOST = "git.example.test"
QUICK = "upstream:\n  retries: 0\nfetch:\n  absent: 0s\n  denied: 0s\n  down: 0s\n"
PAST = {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}


@pytest.fixture
def server(tmp_path):
    with GitServer(tmp_path) as s:
        yield s


@pytest.fixture
def direct(modgate_of, server):
    def start(goproxy="direct", config="", **env):
        return modgate_of(goproxy, config=QUICK + config, env={**server.environment(), **PAST, **env})

    return start


def go_sum(go, folder, *queries):
    """What is in go.mod and go.sum after `go get` of these, and of the commands what they said of failures."""
    work = gocmd.project(folder)
    said = []
    for query in queries:
        done = go.run("get", query, cwd=work, check=False)
        said.append(done.returncode)
    sums = work / "go.sum"
    return (work / "go.mod").read_text(), sums.read_text() if sums.exists() else "", said


# -- a go-import page of the kind "mod"


def serve_proxy(server, tree, at):
    """The tree as a module proxy of the test's host, below a URL."""
    def answer(request):
        body = tree.get(request.path.partition("/base/")[2].replace("%21", "!"))
        return (404, "not here\n", []) if body is None else (200, body, [])

    server.on(rf"^https://{at}/base/", answer)


@pytest.mark.parametrize("private", [False, True])
def test_a_page_may_name_a_module_proxy(direct, server, tree, tmp_path, private):
    tree.add("mods.example.test/Team/x", "v1.0.0", files={"sub/s.go": "package sub\n"})
    tree.add("mods.example.test/Team/x", "v1.1.0", files={"sub/s.go": "package sub\n"})
    tree.query("mods.example.test/Team/x", "main", "v1.1.0")
    tree.add("mods.example.test/Team/x/v2", "v2.0.0")
    serve_proxy(server, tree, "proxy.example.test")
    server.page("mods.example.test/Team", "mod", "https://proxy.example.test/base")
    m = direct(GOPRIVATE="mods.example.test/*" if private else "", goproxy="off" if private else "direct")
    asked = ["mods.example.test/Team/x@v1.0.0", "mods.example.test/Team/x/sub@main", "mods.example.test/Team/x/v2",
             "mods.example.test/Team/none", "mods.example.test/Team/x@v1.7.0"]
    theirs = go_sum(server.go(tmp_path / "go-direct"), tmp_path / "theirs", *asked)
    ours = go_sum(gocmd.Go(tmp_path / "go-ours", m.url), tmp_path / "ours", *asked)
    assert ours == theirs
    assert theirs[2] == [0, 0, 0, 1, 1] and "mods.example.test/Team/x v1.1.0/go.mod" in theirs[1]
    assert m.get("/mods.example.test/!team/x/@v/list").text == "v1.0.0\nv1.1.0\n"
    server.on(r"^https://proxy\.example\.test/base/.*v1\.9\.0", (503, "later\n", []))
    expect.failure(m.get("/mods.example.test/!team/x/@v/v1.9.0.info"), (502, 503))
    assert not server.asked(r"git-upload-pack")


# -- zips that older go commands have made


OLD = {
    # Since go 1.24 vendor/modules.txt is vendored, if go.mod says go 1.24.
    "go 1.14 to 1.23": (
        {"go.mod": "module PATH\n\ngo 1.24\n", "x.go": "package x\n", "vendor/modules.txt": "v\n", "vendor/a/a.go": "package a\n"},
        ["go.mod", "x.go", "vendor/modules.txt"]),
    # A link named go.mod made a module of its folder.
    "go 1.12 and 1.13": (
        {"go.mod": "module PATH\n\ngo 1.12\n", "x.go": "package x\n", "d/go.mod": Link("../go.mod"), "d/d.go": "package d\n"},
        ["go.mod", "x.go"]),
    # Today there is no zip of it: a link collides with a file.
    "go 1.12 and 1.13 alone": (
        {"go.mod": "module PATH\n\ngo 1.12\n", "x.go": "package x\n", "readme": Link("README"), "README": "r\n"},
        ["go.mod", "x.go", "README"]),
}


def zip_of(path, files, taken):
    return make_zip(path, "v1.0.0", {n: files[n].replace("PATH", path).encode() for n in taken})


def repository_of(server, path, files):
    r = server.add(path)
    r.tag("v1.0.0", r.commit({n: f.replace("PATH", path) if type(f) is str else f for n, f in files.items()}, branch="main"))
    return r.write()


@pytest.mark.parametrize("rules", OLD)
def test_a_zip_of_older_rules(direct, server, sumdb, rules):
    """The database has the hash that an older go command made of it: those rules are found, and recorded."""
    path = f"{HOST}/old"
    files, taken = OLD[rules]
    repository_of(server, path, files)
    old = zip_of(path, files, taken)
    sumdb.add(path, "v1.0.0", h1(old), h1_mod(files["go.mod"].replace("PATH", path).encode()))
    m = direct(GOSUMDB=sumdb.gosumdb)
    answer = m.get(f"/{path}/@v/v1.0.0.zip")
    assert answer.status == 200, answer.text
    assert h1(answer.body) == h1(old)
    record = json.loads((m.store / "modules" / path / "@v/v1.0.0.provenance").read_text())
    assert record["zip"]["verified"] == "sumdb" and record["zip"]["rules"] == rules.removesuffix(" alone")


def test_a_zip_of_no_rules(direct, server, sumdb):
    """That one set of older rules makes no zip of it is not the reason."""
    path = f"{HOST}/none"
    files = {"go.mod": "module PATH\n\ngo 1.20\n", "x.go": "package x\n", "sub/GO.MOD": "no\n"}
    repository_of(server, path, files)
    other = make_zip(path, "v1.0.0", {"go.mod": b"module other\n"})
    sumdb.add(path, "v1.0.0", h1(other), h1_mod(files["go.mod"].replace("PATH", path).encode()))
    m = direct(GOSUMDB=sumdb.gosumdb)
    answer = expect.failure(m.get(f"/{path}/@v/v1.0.0.zip"), 502, "re-tagged upstream", h1(other))
    assert "GO.MOD" not in answer.text
    expect.failure(m.get(f"/{path}/@v/v1.1.0.zip"), 404)


# -- upstreams before it


def test_an_upstream_that_fails_of_a_parent_is_no_answer(direct, server, origin):
    """It says that it does not have the module, and falls silent when it is asked for the parent."""
    path = f"{HOST}/team/app"
    repository_of(server, path, {"go.mod": "module PATH\n", "x.go": "package x\n"})
    origin.on(rf"^/{HOST}/team/@", Reply(503, "later"))
    m = direct(f"{origin.url},direct")
    assert m.get(f"/{path}/@v/list").text == "v1.0.0\n"
    assert m.get(f"/{path}/@latest").status == 200
    assert any(r.path.startswith(f"/{HOST}/team/@") for r in origin.requests)


def test_an_upstream_that_is_down_keeps_the_repository_out(direct, server, origin):
    """An outage is no absence: with a comma the list goes no further, as the go command's."""
    path = f"{HOST}/team/app"
    repository_of(server, path, {"go.mod": "module PATH\n", "x.go": "package x\n"})
    origin.on(".", Reply(503, "later"))
    m = direct(f"{origin.url},direct")
    expect.failure(m.get(f"/{path}/@v/list"), (502, 503))
    assert server.requests == []
    m = direct(f"{origin.url}|direct")
    assert m.get(f"/{path}/@v/list").text == "v1.0.0\n"


# -- what the go command makes of it


@pytest.mark.parametrize("text", ["retract [v0.0.0, v1.99.0]\n", "retract [v0.0.0, v2.0.0]\n"])
def test_what_is_retracted_whole(direct, server, tmp_path, text):
    """The go command, which looks for retractions itself, ends up with the same as without us."""
    path = f"{HOST}/gone"
    r = server.add(path)
    one = r.commit({"go.mod": f"module {path}\n\ngo 1.20\n", "x.go": "package x\n"}, branch="main")
    two = r.commit({"go.mod": f"module {path}\n\ngo 1.20\n\n{text}"}, parents=[one], branch="main")
    r.tag("v1.0.0", one)
    r.tag("v1.1.0", two)
    r.commit({"y.go": "package x\n"}, parents=[two], branch="main")
    r.write()
    m = direct(GOPRIVATE=f"{HOST}/*", goproxy="off")
    queries = [path, f"{path}@latest", f"{path}@upgrade", f"{path}@v1.0.0", f"{path}@v1", f"{path}@>v1.0.0"]
    theirs = [go_sum(server.go(tmp_path / "a"), tmp_path / f"theirs{i}", q) for i, q in enumerate(queries)]
    ours = [go_sum(gocmd.Go(tmp_path / "b", m.url), tmp_path / f"ours{i}", q) for i, q in enumerate(queries)]
    assert ours == theirs
