# SPDX-License-Identifier: Apache-2.0
"""Repositories read through the facade src/vcs/vcs.h (tests/vcs/vcs_probe.c): what the remote is asked for, how often, and
what is left behind."""

import hashlib
import os
import pathlib
import random
import shutil
import signal
import subprocess
import threading
import time
import zipfile

import pytest

from lib import gitcases
from lib.gitrepo import Link, Repository, Submodule, git
from lib.gitserver import GitServer
from lib.modgate import sanitized
from lib.ports import free_port
from lib.vcsprobe import Probe
from lib.wait import until


ROOT = "git.example.test/x"


def fill(r, versions=3):
    """v1.0.0, v1.1.0, …, each an hour and a commit after the other, and one commit more on main."""
    c, commits = None, []
    for i in range(versions + 1):
        c = r.commit({"go.mod": f"module {ROOT}\n", "x.go": f"package x // {i}\n", "LICENSE": "L\n",
                      "sub/go.mod": f"module {ROOT}/sub\n", "sub/y.go": "package sub\n"}, parents=[c] if c else [], branch="main")
        commits.append(c)
        if i < versions:
            r.tag(f"v1.{i}.0", c)
    r.tag("sub/v0.1.0", commits[1])
    r.write()
    return commits


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    with GitServer(tmp_path_factory.mktemp("host")) as s:
        yield s


@pytest.fixture(params=["git", "ourselves"])
def server(host, request, monkeypatch):
    """As if it were new; asked by git alone, or by ourselves where we can."""
    host.is_asked_by_git = request.param == "git"
    if not host.is_asked_by_git:
        monkeypatch.setenv("OWN_HTTP", "1")
    host.restore()
    for kept in (host.repositories, host.pages, host.secrets, host.scripts, host.requests):
        kept.clear()
    shutil.rmtree(host.folder / "repositories", ignore_errors=True)
    return host


@pytest.fixture
def probe(tmp_path, server):
    with Probe(tmp_path / "mirrors", f"{ROOT}=https://{ROOT}.git", env=server.environment()) as p:
        yield p


def refs_asked(server):
    """Each ls-remote and each fetch of git's begins with one of these."""
    return len(server.asked(r"GET .*/info/refs\?service=git-upload-pack"))


def posts(server):
    return len(server.asked(r"^POST .*/git-upload-pack\?"))


def questions(server):
    """How often it was asked for its refs, if for nothing else."""
    return refs_asked(server) if server.is_asked_by_git else posts(server)


def test_versions_and_their_artifacts(server, probe):
    commits = fill(server.add(ROOT))
    assert probe.good(f"list {ROOT}") == "v1.0.0 v1.1.0 v1.2.0"
    assert probe.good(f"stat {ROOT} v1.1.0").split() == \
        ["v1.1.0", "2020-01-01T01:00:00Z", commits[1].id, "refs/tags/v1.1.0"]
    assert probe.good(f"mod {ROOT} v1.1.0") == f"module {ROOT}|"
    assert probe.good(f"zip {ROOT} v1.1.0").startswith("h1:")
    assert probe.good(f"stat {ROOT}/sub v0.1.0").split()[-1] == "sub"
    assert probe.good(f"latest {ROOT}").startswith("v1.2.0 ")
    assert probe.good(f"stat {ROOT} main").split()[0] == f"v1.2.1-0.20200101030000-{commits[3].short}"
    assert probe.good(f"stat {ROOT} {commits[3].id[:8]}").split()[0] == f"v1.2.1-0.20200101030000-{commits[3].short}"
    assert probe.good(f"tag {ROOT} v1.0.0") == commits[0].id
    assert probe(f"stat {ROOT} v1.9.0")[0] == "not_found"
    assert probe(f"stat {ROOT} nobody")[0] == "not_found"
    assert probe(f"stat {ROOT} 0123456789ab")[0] == "not_found"
    assert probe.children() == [] and probe.leftovers() == []


def test_a_list_is_one_question_to_the_remote(server, probe):
    fill(server.add(ROOT))
    probe.good(f"list {ROOT}")
    assert questions(server) == 1
    probe.good(f"list {ROOT}")
    assert questions(server) == 1
    probe.good(f"refresh {ROOT}")
    probe.good(f"crowd 20 list {ROOT}")
    assert questions(server) == 2
    assert refs_asked(server) == (2 if server.is_asked_by_git else 1), "whom we know we need not greet again"


def test_a_first_version_comes_without_its_history(server, probe):
    r = server.add(ROOT)
    commits = fill(r)
    probe.good(f"zip {ROOT} v1.0.0")
    mirror, = [p for p in probe.folder.iterdir() if len(p.name) == 64]
    assert (mirror / "shallow").read_text().split() == [commits[0].id]
    asked = refs_asked(server)
    probe.good("sweep")  # brings the rest, it being little
    assert not (mirror / "shallow").exists()
    assert refs_asked(server) == asked + 1
    for version in ("v1.1.0", "v1.2.0"):
        probe.good(f"stat {ROOT} {version}")
        probe.good(f"zip {ROOT} {version}")
    assert refs_asked(server) == asked + 1


@pytest.mark.parametrize("annotated", [False, True])
def test_a_first_version_is_two_round_trips(server, probe, annotated):
    """One for the refs, one for the commit: it is asked for by its hash, so git does not ask for the refs again. Git
    greets the server for each."""
    r = server.add(ROOT)
    r.tag("v1.0.0", r.commit({"go.mod": f"module {ROOT}\n"}, branch="main"), annotated=annotated)
    r.write()
    probe.good(f"zip {ROOT} v1.0.0")
    assert (refs_asked(server), posts(server)) == ((2, 2) if server.is_asked_by_git else (1, 2))


def test_a_server_that_gives_only_what_it_advertises(server, probe):
    """The commit of an annotated tag is none of the refs; before protocol 2 it can be had by the tag's name alone."""
    r = server.add(ROOT)
    c = r.commit({"go.mod": f"module {ROOT}\n"}, branch="other")
    r.tag("v1.0.0", c, annotated=True)
    r.commit({"a": "b"}, parents=[c], branch="other")
    r.write()
    server.config.write_text("[safe]\n\tdirectory = *\n")
    server.protocol_2 = False
    try:
        assert probe.good(f"stat {ROOT} v1.0.0").split()[2] == c.id
    finally:
        server.restore()


def test_a_push_is_seen_by_who_asks_for_it(server, probe):
    """The refs are remembered, but who names what is not among them is not told so without a look."""
    r = server.add(ROOT)
    commits = fill(r)
    probe.good(f"list {ROOT}")
    r.tag("v1.3.0", commits[3])
    r.write()
    probe.good("refresh https://" + ROOT + ".git")
    assert probe.good(f"stat {ROOT} v1.3.0").split()[2] == commits[3].id


def test_sub_path_that_is_no_module(server, probe):
    fill(server.add(ROOT))
    assert probe(f"latest {ROOT}/none")[0] == "not_found"
    asked = refs_asked(server)
    assert probe(f"latest {ROOT}/none/below")[0] == "not_found"
    assert probe(f"latest {ROOT}/none2")[0] == "not_found"
    assert probe(f"list {ROOT}/none3")[0] == "not_found"
    assert refs_asked(server) == asked


def test_a_list_without_versions(server, probe):
    """Of a module it is empty."""
    r = server.add(ROOT)
    r.commit({"go.mod": f"module {ROOT}\n", "a/b.go": "package a\n"}, branch="main")
    r.write()
    assert probe.good(f"list {ROOT}") == ""
    assert probe(f"list {ROOT}/a")[0] == "not_found"


def test_sha256(server, probe):
    commits = fill(server.add(ROOT, sha256=True))
    assert len(commits[0].id) == 64
    assert probe.good(f"stat {ROOT} v1.0.0").split()[2] == commits[0].id
    assert probe.good(f"stat {ROOT} {commits[3].id[:12]}").split()[0].endswith(commits[3].short)
    assert probe.good(f"zip {ROOT} v1.2.0").startswith("h1:")


def test_a_thousand_revisions_are_one_clone(server, probe):
    """T15."""
    r = server.add(ROOT)
    c, commits = None, []
    for i in range(1002):
        c = r.commit({"go.mod": f"module {ROOT}\n", "x.go": f"package x // {i}\n"}, parents=[c] if c else [], branch="main")
        commits.append(c)
    r.tag("v0.1.0", commits[0])
    r.write()
    for c in commits[1:1001]:
        version = f"v0.1.1-0.{gitcases.stamp(c)}-{c.short}"
        assert probe.good(f"stat {ROOT} {version}").startswith(f"{version} ")
    packs = len(server.asked(r"POST .*/git-upload-pack"))
    answers = probe.good(f"crowd 64 stat {ROOT} {commits[1001].short}")
    assert answers == "ok=64 "
    # ls-refs for the refs and for the fetch, the fetch; once each.
    assert len(server.asked(r"POST .*/git-upload-pack")) == packs <= 6
    assert refs_asked(server) <= 3
    assert probe.children() == []


def test_a_gomod_that_is_too_large(server, probe):
    """The go command finds it out when it packs the zip (docs/decisions/2026-11-23-repositories.md)."""
    r = server.add(ROOT)
    r.tag("v1.0.0", r.commit({"go.mod": f"module {ROOT}\n//" + "x" * (16 << 20)}, branch="main"))
    r.write()
    for order in (f"stat {ROOT} v1.0.0", f"mod {ROOT} v1.0.0", f"zip {ROOT} v1.0.0"):
        code, text = probe(order)
        assert code == "not_found" and "more than 16777216 bytes" in text, (order, code, text)


def test_a_damaged_mirror_is_made_anew(tmp_path, server):
    fill(server.add(ROOT))
    mapping = f"{ROOT}=https://{ROOT}.git"
    with Probe(tmp_path / "m", mapping, env=server.environment()) as probe:
        h1 = probe.good(f"zip {ROOT} v1.0.0")
    mirror, = [p for p in (tmp_path / "m").iterdir() if len(p.name) == 64]
    for pack in mirror.rglob("*.pack"):
        pack.chmod(0o600)
        pack.write_bytes(pack.read_bytes()[:20] + b"\0" * 200)
    with Probe(tmp_path / "m", mapping, env=server.environment()) as probe:
        assert probe.good(f"zip {ROOT} v1.0.0") == h1
        shutil.rmtree(mirror)
        assert probe.good(f"zip {ROOT} v1.0.0") == h1
        assert probe.good(f"mod {ROOT} v1.1.0") == f"module {ROOT}|"
        probe.good(f"stat {ROOT} main")
        shutil.rmtree(mirror)
        assert probe.good(f"stat {ROOT} main").startswith("v1.2.1-")


@pytest.mark.parametrize("name", ["HEAD", "config"])
def test_a_mirror_that_is_no_repository_any_more_is_made_anew(tmp_path, server, name):
    """git ends at once, perhaps before it has been asked anything."""
    fill(server.add(ROOT))
    mapping = f"{ROOT}=https://{ROOT}.git"
    with Probe(tmp_path / "m", mapping, env=server.environment()) as probe:
        h1 = probe.good(f"zip {ROOT} v1.0.0")
    mirror, = [p for p in (tmp_path / "m").iterdir() if len(p.name) == 64]
    (mirror / name).write_text("\x01\x02")
    with Probe(tmp_path / "m", mapping, env=server.environment()) as probe:
        assert probe.good(f"zip {ROOT} v1.0.0") == h1


@pytest.mark.parametrize("attributes", [None, "", "* export-ignore\n"])
def test_a_mirror_without_its_attributes_is_made_anew(tmp_path, server, attributes):
    """Git would pack other files then, and say nothing."""
    r = server.add(ROOT)
    r.tag("v1.0.0", r.commit({"go.mod": f"module {ROOT}\n", ".gitattributes": "x.go export-ignore\n", "x.go": "package x\n"},
                             branch="main"))
    r.write()
    mapping = f"{ROOT}=https://{ROOT}.git"
    with Probe(tmp_path / "m", mapping, env=server.environment()) as probe:
        h1 = probe.good(f"zip {ROOT} v1.0.0")
        mirror, = [p for p in (tmp_path / "m").iterdir() if len(p.name) == 64]
        (mirror / "info" / "attributes").unlink()
        if attributes is not None:
            (mirror / "info" / "attributes").write_text(attributes)
        assert probe.good(f"zip {ROOT} v1.0.0 {tmp_path}/x.zip") == h1
    assert f"{ROOT}@v1.0.0/x.go" in zipfile.ZipFile(tmp_path / "x.zip").namelist()


def test_a_repository_that_does_not_exist(probe):
    """Whatever is asked, and however often."""
    for order in ("list", "latest", "stat", "mod", "zip", "tag"):
        for _ in range(2):
            code, text = probe(f"{order} {ROOT} v1.0.0" if order not in ("list", "latest") else f"{order} {ROOT}")
            assert code == "not_found" and "no such repository" in text, (order, code, text)
    assert probe("stat " + ROOT + " main")[0] == "not_found"


def test_what_a_killed_git_leaves_is_cleaned(tmp_path, server):
    fill(server.add(ROOT))
    mapping = f"{ROOT}=https://{ROOT}.git"
    with Probe(tmp_path / "m", mapping, env=server.environment()) as probe:
        probe.good(f"stat {ROOT} v1.0.0")
    mirror, = [p for p in (tmp_path / "m").iterdir() if len(p.name) == 64]
    for name in ("shallow.lock", "packed-refs.lock", "refs/tags/v1.1.0.lock", "objects/pack/tmp_pack_x", "objects/pack/.tmp-1-pack-x",
                 "objects/tmp_objdir-incoming-x/pack/tmp_pack_y"):
        (mirror / name).parent.mkdir(parents=True, exist_ok=True)
        (mirror / name).write_text("x")
    with Probe(tmp_path / "m", mapping, env=server.environment()) as probe:
        assert probe.good(f"stat {ROOT} v1.1.0").startswith("v1.1.0 ")
        assert probe.leftovers() == []


def test_a_branch_may_be_called_as_what_is_left(tmp_path, server):
    """A fetch that fails is cleaned behind; the branch stays, and with it what only it leads to."""
    r = server.add(ROOT)
    commits = fill(r)
    only = r.commit({"y.go": "package x\n"}, parents=[commits[1]], branch="tmp_x")
    r.write()
    with Probe(tmp_path / "m", f"{ROOT}=https://{ROOT}.git", env=server.environment()) as probe:
        probe.good(f"stat {ROOT} {commits[0].id}")
        probe.good("sweep")
        assert probe.good(f"stat {ROOT} {commits[0].id}").startswith("v1.0.0 ")
        r.tag("v1.9.0", r.commit({"z.go": "package x\n"}, parents=[commits[-1]]))
        r.write()
        server.on(r"git-upload-pack\?$", (503, "", []))
        probe.good(f"refresh {ROOT}")
        assert probe(f"stat {ROOT} v1.9.0")[0] == "unavailable"
        mirror, = [p for p in (tmp_path / "m").iterdir() if len(p.name) == 64]
        known = subprocess.run(["git", "for-each-ref", "--format=%(refname)"], cwd=mirror, capture_output=True, text=True).stdout
        assert "refs/heads/tmp_x\n" in known
    assert only


def test_faults_are_no_absences(tmp_path, server):
    with Probe(tmp_path / "n", f"b.test/x=http://127.0.0.1:{free_port()}/x", protocols="http") as probe:
        assert probe("list b.test/x")[0] == "unavailable"
    server.on(r"moved.example.test/", (302, "", [("Location", f"https://{ROOT}.git/info/refs?service=git-upload-pack")]))
    server.on(r"ill.example.test/", (503, "", []))
    with Probe(tmp_path / "m", f"c.test/x=https://{ROOT}.git", "d.test/x=ext::sh -c touch% pwned", "e.test/x=file:///etc",
               "f.test/x=git://127.0.0.1:1/x", "g.test/x=https://moved.example.test/x",
               "h.test/x=https://ill.example.test/x", protocols="https:http", env=server.environment()) as probe:
        assert probe("list g.test/x")[0] == "unavailable"
        assert probe("list h.test/x")[0] == "unavailable"
        assert probe("list c.test/x") == ("not_found", f"vcs: git repository https://{ROOT}.git: there is no such repository")
        for host in "def":
            code, text = probe(f"list {host}.test/x")
            assert (code, text[:7]) == ("denied", "policy:"), text
        assert not (tmp_path / "pwned").exists() and not (tmp_path / "m" / "pwned").exists()
        assert probe("list nowhere.test/x")[0] == "not_found"


def test_canceled_orders_leave_nothing(server, probe):
    """CANCELS=1000 makes them a thousand."""
    r = server.add(ROOT)
    fill(r, versions=40)
    probe.good(f"list {ROOT}")
    before = probe.descriptors()
    seen = set()
    for i in range(int(os.environ.get("CANCELS", "100"))):
        order = [f"zip {ROOT} v1.{i % 40}.0", f"stat {ROOT} v1.{i % 40}.0", f"list {ROOT}"][i % 3]
        if i % 3 == 2:
            probe.good(f"refresh {ROOT}")
        code, _ = probe(f"cancel {i % 25} {order}")
        assert code in ("ok", "canceled")
        assert probe.us < 2_000_000
        seen.add(code)
    assert "canceled" in seen
    assert probe.children() == [] and probe.leftovers() == []
    assert probe.descriptors() <= before
    assert probe.good(f"zip {ROOT} v1.39.0").startswith("h1:")


def test_memory_stays_level(server, probe):
    fill(server.add(ROOT))
    for order in (f"stat {ROOT} main", f"list {ROOT}", f"zip {ROOT} v1.0.0", f"latest {ROOT}/none"):
        probe.good(f"times 20 {order}") if "none" not in order else probe(f"times 20 {order}")
    before = int(probe.good("resident"))
    probe.good(f"times 10000 stat {ROOT} main")
    probe.good(f"times 50 zip {ROOT} v1.0.0")
    if not sanitized():  # whose allocator keeps what was freed
        assert int(probe.good("resident")) < before * 1.2 + 1024
    assert probe.children() == []


def test_refs_are_held_while_they_are_fresh(server, probe):
    """There may be very many, of very many repositories."""
    r = server.add(ROOT)
    c = fill(r)[0]
    with open(r.folder / "packed-refs", "a") as packed:
        packed.writelines(f"{c.id} refs/tags/x{i:06}\n" for i in range(100_000))
    probe.good(f"list {ROOT}")
    probe.good("sweep")
    held = int(probe.good("resident"))
    assert probe.good(f"list {ROOT}") and questions(server) == 1
    probe.good(f"refresh {ROOT}")
    probe.good("sweep")
    if not sanitized():  # whose allocator keeps what was freed
        assert int(probe.good("resident")) < held - 5000
    assert probe.good(f"list {ROOT}") == "v1.0.0 v1.1.0 v1.2.0" and questions(server) == 2


def test_a_tag_of_a_file_is_no_version(tmp_path):
    r = Repository(tmp_path / "r.git")
    fill(r)
    blob = subprocess.run(["git", "rev-parse", "main:go.mod"], cwd=r.folder, capture_output=True, text=True, check=True).stdout.strip()
    (r.folder / "refs" / "tags" / "v1.7.0").write_text(blob + "\n")
    with Probe(tmp_path / "m", f"{ROOT}=file://{r.folder}", protocols="file") as probe:
        code, text = probe(f"stat {ROOT} v1.7.0")
        assert (code, text) == ("not_found", "vcs: refs/tags/v1.7.0 is no commit")
        assert probe.good(f"stat {ROOT} v1.0.0").startswith("v1.0.0 ")


def test_it_dies_with_us(tmp_path, server, monkeypatch):
    """A git that still runs ends when we are killed."""
    monkeypatch.delenv("OWN_HTTP", raising=False)
    r = server.add(ROOT)
    fill(r)
    server.on(r"/info/refs\?service", lambda request: (time.sleep(20), (200, "", []))[1])
    probe = Probe(tmp_path / "m", f"{ROOT}=https://{ROOT}.git", env=server.environment())
    probe.process.stdin.write(f"list {ROOT}\n".encode())
    probe.process.stdin.flush()
    until(lambda: server.asked(r"/info/refs\?service"), 60)
    git = probe.children()
    assert git
    os.kill(probe.pid, signal.SIGKILL)
    probe.process.wait(60)
    until(lambda: not any(runs(pid) for pid in git), 60)


def runs(pid):
    """Not one that has ended and waits to be reaped."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_tree_that_git_packs_nowhere_costs_no_mirror(tmp_path, server):
    """git archive refuses ".git", with the status that it has for an object that it cannot read."""
    r = server.add(ROOT)
    commits = fill(r)
    entries = git(r.folder, "ls-tree", commits[0].id).decode()
    config = git(r.folder, "rev-parse", f"{commits[0].id}:sub").decode().strip()
    tree = b"".join(b"%s %s\0%s" % (mode.encode(), name.encode(), bytes.fromhex(id)) for mode, id, name in
                    [("40000", config, ".git")] + [(line.split()[0].lstrip("0"), line.split()[2], line.split("\t")[1])
                                                   for line in entries.splitlines()])
    tree = git(r.folder, "hash-object", "--literally", "-w", "-t", "tree", "--stdin", input=tree).decode().strip()
    who = "a <a@b> 1577836800 +0000"
    commit = f"tree {tree}\nparent {commits[-1].id}\nauthor {who}\ncommitter {who}\n\nx\n".encode()
    git(r.folder, "update-ref", "refs/tags/v1.9.0", git(r.folder, "hash-object", "-w", "-t", "commit", "--stdin",
                                                        input=commit).decode().strip())
    with Probe(tmp_path / "m", f"{ROOT}=https://{ROOT}.git", env=server.environment()) as probe:
        probe.good(f"zip {ROOT} v1.0.0")
    with Probe(tmp_path / "m", f"{ROOT}=https://{ROOT}.git", env=server.environment()) as probe:  # its mirror is not young now
        code, text = probe(f"zip {ROOT} v1.9.0")
        assert code == "not_found" and "invalid path" in text, (code, text)
        asked = len(server.requests)
        assert probe.good(f"zip {ROOT} v1.0.0").startswith("h1:")
        assert len(server.requests) == asked


def test_nothing_of_a_repository_runs(tmp_path):
    """T08: files that look like git's own, hooks and submodules are content, and no more."""
    r = Repository(tmp_path / "r.git")
    c = r.commit({"go.mod": f"module {ROOT}\n", "x.go": "package x\n", ".gitmodules":
                  '[submodule "../e"]\n\tpath = e\n\turl = ext::sh -c "touch pwned"\n', "e": Submodule("1" * 40),
                  "hooks/post-checkout": "#!/bin/sh\ntouch pwned\n", "config": "[core]\n\tfsmonitor = touch pwned\n",
                  "objects/info/alternates": "/etc\n", ".gitattributes": "* filter=evil export-subst\nx.go ident\n",
                  "link": Link("/etc/passwd")}, branch="main")
    r.tag("v1.0.0", c)
    r.write()
    (r.folder / "hooks").mkdir()
    (r.folder / "hooks" / "post-upload").write_text("#!/bin/sh\ntouch pwned\n")
    with Probe(tmp_path / "m", f"{ROOT}=file://{r.folder}", protocols="file") as probe:
        probe.good(f"zip {ROOT} v1.0.0 {tmp_path}/x.zip")
    names = {n.partition("@v1.0.0/")[2] for n in zipfile.ZipFile(tmp_path / "x.zip").namelist()}
    assert names == {"go.mod", "x.go", ".gitmodules", "hooks/post-checkout", "config", "objects/info/alternates",
                     ".gitattributes"}
    assert not list(tmp_path.rglob("pwned"))


def test_mirrors_are_trimmed(tmp_path, server):
    roots = [f"git.example.test/m{i}" for i in range(3)]
    for root in roots:
        fill(server.add(root))
    mappings = [f"{root}=https://{root}.git" for root in roots]

    def names():
        return {p.name: p for p in (tmp_path / "m").iterdir()}

    with Probe(tmp_path / "m", *mappings, env=server.environment()) as probe:
        for root in roots:
            probe.good(f"stat {root} v1.0.0")
        probe.good("sweep")
        assert len(names()) == 3
    old = sorted(names())[1]
    os.utime(names()[old] / "description", (0, 0))
    with Probe(tmp_path / "m", *mappings, env=server.environment()) as probe:
        probe.good("sweep")
        assert len(names()) == 2 and old not in names()
    with Probe(tmp_path / "m", *mappings, env={**server.environment(), "MIRRORS_MAX": "1"}) as probe:
        probe.good("sweep")
        assert not names()
        for root in roots:
            assert probe.good(f"list {root}") == "v1.0.0 v1.1.0 v1.2.0"


def test_few_commands_at_a_host_at_a_time(tmp_path, server):
    lock, running, most = threading.Lock(), 0, 0

    def slow(request):
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.1)
        with lock:
            running -= 1
        return 503, "", []

    server.on(r"/info/refs\?service", slow)
    with Probe(tmp_path / "m", *[f"git.example.test/m{i}=https://git.example.test/m{i}.git" for i in range(12)],
               env=server.environment()) as probe:
        assert probe.good("crowd 12 list git.example.test/m%d") == "unavailable=12 "
    assert most <= 2, "as the probe's options say"


HOSTILE = ["--upload-pack=touch pwned", "-oProxyCommand=touch pwned", "--output=pwned", "ext::sh -c touch% pwned", "--exec=touch pwned",
           "../../pwned", "v1.0.0/../../pwned", "$(touch pwned)", "`touch pwned`", ";touch pwned", "|touch pwned", "v1.0.0\ttouch pwned",
           "@{upload}", "HEAD@{1}", "HEAD~1", "HEAD^{/x}", ":/x", "v1.0.0:go.mod", "refs/heads/main", "*", "?", "[a-z]", "--", "-",
           "v1.0.0^{commit}", "\x01\x02", "é", "FETCH_HEAD", "ORIG_HEAD", "0123456\tx", "--all", "--not", "-h", "--help"]


def test_t07_a_folder_is_no_option(tmp_path, server):
    """A module's path may have "-o" in it, and then the name of a file: here one of another repository's mirror."""
    mirrors = tmp_path / "m"
    victim, evil = "git.example.test/victim", "git.example.test/evil"
    r = server.add(victim)
    r.tag("v1.0.0", r.commit({"go.mod": f"module {victim}\n"}, branch="main"))
    r.write()
    name = mirrors / hashlib.sha256(f"git3:https://{victim}.git".encode()).hexdigest() / "info" / "attributes"
    r = server.add(evil)
    folders = [f"-o{name}", "-opwned", "--list", "-v", "-9", "-"]
    c = r.commit({f"{d}/{f}": f"module {evil}/{d}\n" for d in folders for f in ("go.mod", "x.go")}, branch="main")
    r.write()
    with Probe(mirrors, *(f"{m}=https://{m}.git" for m in (victim, evil)), env=server.environment()) as probe:
        probe.good(f"zip {victim} v1.0.0")
        before = name.read_text()
        for d in folders:
            version = probe.good(f"stat {evil}/{d} {c.id}").split()[0]
            probe.good(f"zip {evil}/{d} {version} {tmp_path}/x.zip")
            assert {n.partition("@")[2] for n in zipfile.ZipFile(tmp_path / "x.zip").namelist()} == \
                {f"{version}/go.mod", f"{version}/x.go"}
        assert name.read_text() == before
    assert not list(tmp_path.rglob("pwned"))


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
def test_t07_hostile_revisions_reach_no_child(tmp_path):
    rnd = random.Random(7)
    r = Repository(tmp_path / "r.git")
    fill(r)
    # Refs of names that git itself would not make.
    packed = r.folder / "packed-refs"
    id = subprocess.run(["git", "rev-parse", "main"], cwd=r.folder, capture_output=True, text=True, check=True).stdout.strip()
    packed.write_text((packed.read_text() if packed.exists() else "") + f"{id} refs/tags/v6.6.6:refs/heads/pwned\n{id} refs/tags/-pwned\n")
    revisions = {rnd.choice(HOSTILE) + rnd.choice(["", "x", "=pwned", "pwned", rnd.choice(HOSTILE).replace(" ", "")])
                 for _ in range(1500)}
    revisions = sorted(revisions)[:500]
    trace = tmp_path / "trace"
    with Probe(tmp_path / "m", f"{ROOT}=file://{r.folder}", protocols="file", env={"ASAN_OPTIONS": "detect_leaks=0"},
               under=["strace", "-f", "-qq", "-s", "8192", "-e", "trace=execve", "-o", str(trace)]) as probe:
        for x in [*revisions, "v6.6.6:refs/heads/pwned", "-pwned"]:
            code, text = probe(f"stat {ROOT} {x.replace(' ', '')}")
            assert code == "not_found", f"{x}: {code} {text}"
            assert probe(f"zip {ROOT} {x.replace(' ', '')}")[0] == "not_found"
    runs = [line for line in trace.read_text().split("\n") if "execve(" in line]
    assert runs and not [line for line in runs if "pwned" in line.replace(str(tmp_path), "")]
    assert not list(tmp_path.rglob("pwned"))
