# SPDX-License-Identifier: Apache-2.0
"""Repositories asked over HTTP by ourselves (src/vcs/smarthttp.h): what is not as it should be is left to git, and nothing wrong
stays behind."""

import hashlib
import itertools
import os
import subprocess
import time

import pytest

from lib.gitserver import GitServer
from lib.vcsprobe import Probe

ROOT = "git.example.test/x"
RESULT = [("Content-Type", "application/x-git-upload-pack-result")]


EMPTY_PACK = b"PACK\0\0\0\2\0\0\0\0" + hashlib.sha1(b"PACK\0\0\0\2\0\0\0\0").digest()


def packet(payload):
    payload = payload.encode() if isinstance(payload, str) else payload
    return b"%04x%s" % (len(payload) + 4, payload)


@pytest.fixture
def server(tmp_path):
    with GitServer(tmp_path) as s:
        yield s


def fill(server, **more):
    r = server.add(ROOT, **more)
    one = r.commit({"go.mod": f"module {ROOT}\n", "x.go": "package x\n", "y/y.go": "package y\n"}, branch="main")
    two = r.commit({"x.go": "package x // 2\n"}, parents=[one], branch="main")
    r.tag("v1.0.0", one)
    r.tag("v1.1.0", two, annotated=True)
    r.write()
    return r, one, two


@pytest.fixture
def probe_of(tmp_path, server):
    def go(name="m", **env):
        return Probe(tmp_path / name, f"{ROOT}=https://{ROOT}.git", env={**server.environment(), **env})

    return go


@pytest.fixture
def expected(probe_of):
    """What git alone makes of v1.1.0; asked after the server is filled."""
    def go():
        with probe_of("by-git") as probe:
            return probe.good(f"zip {ROOT} v1.1.0")

    return go


def posts(server):
    return len(server.asked(r"^POST .*/git-upload-pack\?"))


def clear(server):
    with server.lock:
        server.requests.clear()


def break_once(server, monkeypatch, n, answer):
    """The nth request to git-upload-pack from now on is answered by `answer`."""
    handler = server.listeners[0].RequestHandlerClass
    backend = handler.backend
    count = 0

    def broken(self, repository, path, query, body):
        nonlocal count
        if path == "/git-upload-pack":
            count += 1
            if count == n:
                return self.send(*(answer(body) if callable(answer) else answer))
        return backend(self, repository, path, query, body)

    clear(server)
    monkeypatch.setattr(handler, "backend", broken)


def test_the_pack_comes_by_one_connection(server, probe_of, expected):
    _, one, two = fill(server)
    h1 = expected()
    clear(server)
    with probe_of(OWN_HTTP="1") as probe:
        assert probe.good(f"stat {ROOT} v1.1.0").split()[2] == two.id
        assert probe.good(f"zip {ROOT} v1.1.0") == h1
        assert [r.method for r in server.requests] == ["CONNECT", "GET", "POST", "POST"]
        assert probe.good(f"stat {ROOT} v1.0.0").split()[2] == one.id
        assert [r.method for r in server.requests] == ["CONNECT", "GET", "POST", "POST", "POST"]
        mirror, = [p for p in probe.folder.iterdir() if len(p.name) == 64]
        assert subprocess.run(["git", "fsck", "--strict"], cwd=mirror, capture_output=True).returncode == 0
        assert probe.leftovers() == [] and probe.children() == []


def test_a_server_of_an_older_version_is_gits(server, probe_of, expected):
    fill(server)
    h1 = expected()
    server.protocol_2 = False
    clear(server)
    with probe_of(OWN_HTTP="1") as probe:
        assert probe.good(f"zip {ROOT} v1.1.0") == h1
        asked = len(server.asked("^GET .*/info/refs"))
        probe.good(f"refresh {ROOT}")
        assert probe.good(f"list {ROOT}") == "v1.0.0 v1.1.0"
        assert len(server.asked("^GET .*/info/refs")) == asked + 1, "it is not greeted once more"


def test_a_server_that_forgets_version_2(server, probe_of):
    fill(server)
    with probe_of(OWN_HTTP="1") as probe:
        assert probe.good(f"list {ROOT}") == "v1.0.0 v1.1.0"
        server.protocol_2 = False
        probe.good(f"refresh {ROOT}")
        assert probe.good(f"list {ROOT}") == "v1.0.0 v1.1.0"


def pack_without(repository, commit, name):
    """A pack that git would not make: an object that the commit leads to is not in it."""
    def git(*args, **more):
        return subprocess.run(["git", *args], cwd=repository.folder, capture_output=True, check=True, **more).stdout

    lines = git("rev-list", "--objects", "--no-walk", commit.id).decode().splitlines()
    wanted = [line.split(" ")[0] for line in lines if line.partition(" ")[2] != name]
    assert len(wanted) == len(lines) - 1
    return git("pack-objects", "--stdout", "-q", input="\n".join(wanted).encode() + b"\n")


def answer_with(commit, pack, end=b"0000"):
    parts = [pack[i:i + 60000] for i in range(0, len(pack), 60000)]
    return 200, packet("shallow-info\n") + packet(f"shallow {commit.id}") + b"0001" + packet("packfile\n") + \
        b"".join(packet(b"\1" + p) for p in parts) + end, RESULT


@pytest.mark.parametrize("name", ["go.mod", "y/y.go", "y", "x.go"])
def test_a_pack_that_lacks_an_object(server, probe_of, expected, monkeypatch, name):
    """It never becomes a file that is not there."""
    repository, one, two = fill(server)
    h1 = expected()
    break_once(server, monkeypatch, 2, answer_with(two, pack_without(repository, two, name)))
    with probe_of(OWN_HTTP="1") as probe:
        assert probe.good(f"mod {ROOT} v1.1.0") == f"module {ROOT}|"
        assert probe.good(f"zip {ROOT} v1.1.0") == h1
        assert probe.leftovers() == [] and probe.children() == []


def test_answers_that_are_none(server, probe_of, expected, monkeypatch):
    repository, one, two = fill(server)
    h1 = expected()
    whole = subprocess.run(["git", "pack-objects", "--stdout", "-q", "--revs"], cwd=repository.folder, capture_output=True, check=True,
                           input=two.id.encode() + b"\n").stdout
    other = subprocess.run(["git", "pack-objects", "--stdout", "-q", "--revs"], cwd=repository.folder, capture_output=True, check=True,
                           input=one.id.encode() + b"\n").stdout
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 0x55
    answers = [(200, "", RESULT), (200, "<html>hello</html>", []), (200, packet("ERR no"), RESULT), (500, "ill", []),
               (200, packet("packfile\n") + packet(b"\3fatal: ill\n"), RESULT), answer_with(one, whole), (200, b"0000", RESULT),
               answer_with(two, whole[:-30]), answer_with(two, whole, end=b""), answer_with(two, bytes(flipped)),
               answer_with(two, b"PACK"), answer_with(two, EMPTY_PACK), answer_with(two, other), (200, packet("packfile\n") + b"0000", RESULT)]
    for i, answer in enumerate(answers):
        with monkeypatch.context() as patched, probe_of(f"m{i}", OWN_HTTP="1") as probe:
            break_once(server, patched, 2, answer)
            assert probe.good(f"zip {ROOT} v1.1.0") == h1, answer
            assert probe.leftovers() == [] and probe.children() == []
            assert probe.good(f"stat {ROOT} v1.0.0").split()[2] == one.id
            mirror, = [p for p in probe.folder.iterdir() if len(p.name) == 64]
            assert subprocess.run(["git", "fsck", "--strict"], cwd=mirror, capture_output=True).returncode == 0, answer


def test_refs_that_are_none(server, probe_of, monkeypatch):
    """The first time it is a fault; who was known to speak so is greeted once more."""
    fill(server)
    for i, answer in enumerate([(200, "", RESULT), (200, "<html>hello</html>", []), (200, packet("ERR no"), RESULT), (500, "ill", []),
                                (200, packet("1" * 40 + " refs/heads/x\n" + "2" * 40 + "\trefs/tags/v6.6.6"), RESULT)]):
        with monkeypatch.context() as patched, probe_of(f"m{i}", OWN_HTTP="1") as probe:
            break_once(server, patched, 1, answer)
            code, text = probe(f"list {ROOT}")
            assert code in ("unavailable", "corrupt") and f"git repository https://{ROOT}.git: " in text, answer
            assert probe.good(f"list {ROOT}") == "v1.0.0 v1.1.0"
            break_once(server, patched, 1, answer)
            probe.good(f"refresh {ROOT}")
            assert probe.good(f"list {ROOT}") == "v1.0.0 v1.1.0"


def test_what_the_statuses_mean(server, probe_of):
    fill(server)
    told = {401: ("denied", "auth"), 403: ("denied", "auth"), 404: ("not_found", "vcs"), 410: ("not_found", "vcs"),
            301: ("unavailable", "upstream"), 302: ("unavailable", "upstream"), 500: ("unavailable", "upstream"),
            503: ("unavailable", "upstream"), 429: ("unavailable", "upstream")}
    for where in ("info/refs", "git-upload-pack"):
        for status, kind in itertools.product(told, ("git", "ourselves")):
            server.scripts.clear()
            server.on(rf"/{where}\?", (status, "", [("Location", f"https://{ROOT}.git/{where}")]))
            expected = told[status]
            if where == "git-upload-pack" and status in (404, 410):
                expected = "unavailable", "http"  # it was there a moment ago
            with probe_of(f"{status}-{kind}-{where[:3]}", **({"OWN_HTTP": "1"} if kind == "ourselves" else {})) as probe:
                code, text = probe(f"list {ROOT}")
                assert (code, text.split(":")[0]) == expected, f"{kind}, {where}, {status}: {text}"


def test_one_repository_that_is_ill_is_not_its_host(tmp_path, server):
    """What we make of an answer opens no circuit."""
    fill(server)
    well = "git.example.test/well"
    r = server.add(well)
    r.tag("v1.0.0", r.commit({"go.mod": f"module {well}\n"}, branch="main"))
    r.write()
    with Probe(tmp_path / "m", f"{ROOT}=https://{ROOT}.git", f"{well}=https://{well}.git", env={**server.environment(), "OWN_HTTP": "1"}) as probe:
        for answer in (packet("ERR no"), b"<html>", packet("what")) * 3:
            server.scripts.clear()
            server.on(rf"^https://{ROOT}\.git/git-upload-pack", (200, answer, RESULT))
            assert probe(f"list {ROOT}")[0] in ("unavailable", "corrupt")
        assert probe.good(f"list {well}") == "v1.0.0"


def test_a_cancel_is_heard_while_the_server_thinks(server, probe_of, monkeypatch):
    fill(server)
    with probe_of(OWN_HTTP="1") as probe:
        for n, order in ((1, f"list {ROOT}"), (2, f"zip {ROOT} v1.1.0")):
            break_once(server, monkeypatch, n, lambda body: (time.sleep(5), (503, "", []))[1])
            probe.good(f"refresh {ROOT}")
            code, _ = probe(f"cancel 100 {order}")
            assert code == "canceled" and probe.us < 1_100_000
            assert probe.children() == [] and probe.leftovers() == []
            monkeypatch.undo()


def test_nothing_is_left_of_cancels_at_any_time(server, probe_of):
    fill(server)
    with probe_of(OWN_HTTP="1") as probe:
        for i in range(int(os.environ.get("CANCELS", "60"))):
            probe.good(f"refresh {ROOT}")
            assert probe(f"cancel {i % 30} zip {ROOT} v1.1.0")[0] in ("ok", "canceled")
            assert probe.children() == [] and probe.leftovers() == []
        assert probe.good(f"zip {ROOT} v1.1.0").startswith("h1:")
