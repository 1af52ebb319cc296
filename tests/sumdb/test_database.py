# SPDX-License-Identifier: Apache-2.0
"""The checksum database of the tests, asked by the real go command without modgate: what the other
tests take for right and for wrong is right and wrong to Go."""

import re

import pytest

from lib import gocmd
from lib.origin import Reply

MODULES = [("example.com/m", "v1.0.0"), ("github.com/Azure/dep", "v1.2.3-RC1"), ("example.com/lib/v2", "v2.0.0")]


@pytest.fixture
def download(tree, origin, go_of, tmp_path):
    for path, version in MODULES:
        tree.add(path, version)
    work = gocmd.project(tmp_path / "user")

    def run(gosumdb, *names, check=True, go=None):
        go = go or go_of(origin.url, GOSUMDB=gosumdb, GOFLAGS="-modcacherw -mod=mod")
        names = names or [f"{path}@{version}" for path, version in MODULES]
        return go.run("mod", "download", *names, cwd=work, check=check)

    return run


def test_proves_asked_directly(sumdb, tree, download):
    sumdb.know(tree).fill(300)
    download(sumdb.gosumdb)
    assert sorted(sumdb.paths("^/lookup/")) == [
        "/lookup/example.com/lib/v2@v2.0.0", "/lookup/example.com/m@v1.0.0", "/lookup/github.com/!azure/dep@v1.2.3-!r!c1"]
    assert sumdb.size == 303 and sumdb.count(r"^/tile/8/0/001\.p/4[567]$")


@pytest.mark.parametrize("base", ["", "/p"])
def test_proves_through_an_origin(sumdb, tree, origin, download, go_of, base):
    sumdb.know(tree).fill(300)
    sumdb.mount(origin)
    if base:
        origin.on("^/p/", lambda request: origin.reply(*below(origin, request)))
    sumdb.stop()
    download(None, go=go_of(origin.url + base, GOSUMDB=sumdb.key))
    assert origin.count(rf"^/sumdb/{sumdb.name}/supported$") == 1
    assert sumdb.count("^/lookup/") == 3 and sumdb.count("^/tile/")
    assert sumdb.count("%21") == (1 if base else 0)


def below(origin, request):
    inner = request._replace(path=request.path[2:])
    return origin.admit(inner), inner


def test_refuses_what_has_other_bytes_or_no_record(sumdb, tree, download):
    sumdb.know(tree)
    sumdb.add("example.com/m", "v1.0.0")
    wrong = download(sumdb.gosumdb, "example.com/m@v1.0.0", check=False)
    assert wrong.returncode != 0 and "SECURITY ERROR" in wrong.stderr
    sumdb.sources.clear()
    absent = download(sumdb.gosumdb, "example.com/lib/v2@v2.0.0", check=False)
    assert absent.returncode != 0 and "404" in absent.stderr


def test_a_fork_is_a_fork(sumdb, tree, download, go_of, origin):
    sumdb.know(tree).fill(5)
    go = go_of(origin.url, GOSUMDB=sumdb.gosumdb)
    download(None, "example.com/m@v1.0.0", go=go)
    sumdb.fork(at=4)
    sumdb.fill(10)
    forked = download(None, "example.com/lib/v2@v2.0.0", check=False, go=go)
    assert forked.returncode != 0 and "misbehav" in forked.stderr, forked.stderr
    sumdb.history = "main"
    download(None, "example.com/lib/v2@v2.0.0", go=go)


@pytest.mark.parametrize("path", ["/lookup/", "/tile/"])
def test_what_is_altered_is_noticed(sumdb, tree, download, path):
    sumdb.know(tree).fill(5)
    rule = sumdb.alter("^" + path, lambda body: bytes([body[0] ^ 1]) + body[1:])
    assert download(sumdb.gosumdb, check=False).returncode != 0
    sumdb.off(rule)
    download(sumdb.gosumdb)
    sumdb.on("^" + path, Reply(503))
    assert "503" in download(sumdb.gosumdb, check=False).stderr


def test_answers_of_every_size_it_ever_had(sumdb):
    sumdb.fill(300)
    whole = sumdb.get("/tile/8/0/000")["body"]
    assert len(whole) == 256 * 32
    for width in (1, 44, 255):
        assert sumdb.get(f"/tile/8/0/000.p/{width}")["body"] == whole[: 32 * width]
    assert sumdb.get("/tile/8/0/001.p/44")["status"] == 200 and sumdb.get("/tile/8/0/001.p/45")["status"] == 404
    assert re.match(rb"go.sum database tree\n7\n", sumdb.latest(7))
    sumdb.at = 7
    assert sumdb.get("/tile/8/0/000", sumdb.at)["status"] == 404
