# SPDX-License-Identifier: Apache-2.0
"""Private modules come from their repositories and from nowhere else; what is pushed is seen; no name leaves the house."""

import hashlib
import hmac
import io
import json
import os
import pathlib
import re
import shutil
import subprocess
import threading
import zipfile

import pytest

from lib import expect, gitrepo, gocmd, h2
from lib.gitserver import GitServer
from lib.modgate import binary
from lib.wait import until

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="there is no git")

HOST = "git.example.test"
QUICK = "upstream:\n  retries: 0\nfetch:\n  absent: 0s\n  denied: 0s\n  down: 0s\n"


@pytest.fixture
def server(tmp_path):
    with GitServer(tmp_path) as s:
        yield s


@pytest.fixture
def app(server):
    """A repository of one module with two versions."""
    r = server.add(f"{HOST}/team/app")
    one = r.commit({"go.mod": f"module {HOST}/team/app\n\ngo 1.20\n", "app.go": "package app\n\nconst V = 1\n"}, branch="main")
    r.tag("v1.0.0", one)
    two = r.commit({"app.go": "package app\n\nconst V = 2\n"}, parents=[one], branch="main")
    r.tag("v1.1.0", two)
    r.write()
    r.one, r.two = one, two
    return r


@pytest.fixture
def private(modgate_of, server, origin):
    """Starts modgates for which all of HOST is private; their upstream is the test's origin."""

    def start(config="", goproxy=None, patterns=f"{HOST}/*", scheme="", **env):
        return modgate_of(goproxy or origin.url, config=QUICK + config, scheme=scheme,
                          env={**server.environment(), "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1",
                               "GOPRIVATE": patterns, **env})

    return start


def info_of(answer):
    assert answer.status == 200, answer
    return json.loads(answer.text)


def test_a_private_module_comes_from_its_repository(private, app, server, origin):
    m = private()
    base = f"/{HOST}/team/app"
    assert m.get(f"{base}/@v/list").text == "v1.0.0\nv1.1.0\n"
    info = info_of(m.get(f"{base}/@v/v1.1.0.info"))
    assert info["Version"] == "v1.1.0"
    assert info["Origin"] == {"VCS": "git", "URL": f"https://{HOST}/team/app.git", "Hash": app.two.id,
                              "Ref": "refs/tags/v1.1.0"}
    assert info_of(m.get(f"{base}/@latest"))["Version"] == "v1.1.0"
    assert info_of(m.get(f"{base}/@v/main.info"))["Version"] == "v1.1.0"
    assert m.get(f"{base}/@v/v1.1.0.mod").text == f"module {HOST}/team/app\n\ngo 1.20\n"
    body = m.get(f"{base}/@v/v1.1.0.zip").body
    file = m.folder / "app.zip"
    file.write_bytes(body)
    with zipfile.ZipFile(file) as z:
        assert z.read(f"{HOST}/team/app@v1.1.0/app.go") == b"package app\n\nconst V = 2\n"
    record = json.loads((m.store / "modules" / HOST / "team/app/@v/v1.1.0.provenance").read_text())
    assert record["zip"]["origin"] == f"https://{HOST}/team/app.git"
    assert record["zip"]["verified"] == "none"  # there is no checksum database here
    assert record["zip"]["h1"].startswith("h1:")
    assert origin.requests == []
    assert len(server.asked("^GET .*/info/refs")) == 1, "where it is, and that it speaks version 2, is one question"


def test_a_host_that_speaks_no_version_2(private, app, server):
    server.protocol_2 = False
    m = private()
    assert m.get(f"/{HOST}/team/app/@v/list").text == "v1.0.0\nv1.1.0\n"
    assert m.get(f"/{HOST}/team/app/@v/v1.1.0.zip").status == 200


def test_what_is_no_module_is_absent_and_says_why(private, app, server, origin):
    m = private()
    base = f"/{HOST}/team/app"
    expect.failure(m.get(f"{base}/@v/v1.2.0.info"), 404)
    expect.failure(m.get(f"{base}/v2/@v/v2.0.0.info"), 404)
    expect.failure(m.get(f"{base}/sub/@v/v1.0.0.info"), 404)
    expect.failure(m.get(f"/{HOST}/team/none/@v/v1.0.0.info"), 404)
    assert origin.requests == []


def test_a_repository_that_does_not_exist(private, app, server):
    """Its page is there, it is not, or not yet."""
    m = private()
    server.page(f"{HOST}/team/gone", "git", f"https://{HOST}/team/gone.git")
    fetch = m.children()["fetch"]
    for path in ("@v/list", "@latest", "@v/main.info", "@v/v1.0.0.info", "@v/v1.0.0.mod", "@v/v1.0.0.zip"):
        expect.failure(m.get(f"/{HOST}/team/gone/{path}"), 404, "no such repository")
    assert m.children()["fetch"] == fetch


def test_parents_of_private_patterns_are_asked_of_nobody(private, app, server, origin):
    m = private(patterns=f"{HOST}/team/app")
    for path in (f"/{HOST}/@v/list", f"/{HOST}/team/@v/list", f"/{HOST}/team/@latest", f"/{HOST}/@v/v1.0.0.zip"):
        expect.failure(m.get(path), 404, "parent of private modules")
    assert origin.requests == [] and server.requests == []


def test_public_modules_go_upstream_first_and_private_ones_never(private, app, origin, tree):
    tree.add("example.com/public", "v1.0.0")
    m = private()
    assert m.get("/example.com/public/@v/v1.0.0.mod").status == 200
    assert m.get(f"/{HOST}/team/app/@v/v1.0.0.mod").status == 200
    assert {r.target for r in origin.requests if "example.com/public" not in r.target} <= set()


def test_direct_comes_after_the_upstreams(private, app, origin):
    """A public module that no upstream has: its repository is asked, as the list says."""
    m = private(goproxy=f"{origin.url},direct", patterns="")
    assert m.get(f"/{HOST}/team/app/@v/list").text == "v1.0.0\nv1.1.0\n"
    assert any(HOST in r.target for r in origin.requests)
    assert m.get(f"/{HOST}/team/app/@v/v1.0.0.zip").status == 200


def test_a_package_of_an_upstreams_module_is_asked_of_no_repository(private, server, origin, tree, tmp_path):
    """As with the go command itself: behind a wall, where no repository can be reached, GOPROXY=URL,direct still gets
    packages of what URL has. The go command asks it for the module and for the package at once."""
    tree.add("github.com/corp/lib", "v1.0.0", files={"pkg/sub/p.go": "package sub\n"})
    server.on(r"github\.com", (503, "nobody\n", []))
    m = private(goproxy=f"{origin.url},direct", patterns="")
    for query in ("@latest", "@v1.0.0", ""):
        project = tmp_path / f"project{query}"
        project.mkdir()
        (project / "go.mod").write_text("module example.com/project\n\ngo 1.20\n")
        gocmd.Go(tmp_path / f"go{query}", m.url).run("get", f"github.com/corp/lib/pkg/sub{query}", cwd=project)
        assert "github.com/corp/lib v1.0.0" in (project / "go.mod").read_text()
    expect.failure(m.get("/github.com/corp/lib/pkg/@v/list"), 404, "github.com/corp/lib")
    assert server.requests == []
    # Who asks for a file of a version means that module; and of what no upstream has any part nobody knows.
    expect.failure(m.get("/github.com/corp/lib/pkg/@v/v1.0.0.mod"), 502)
    expect.failure(m.get("/github.com/corp/other/pkg/@v/list"), 502)


def test_a_nested_module_is_no_package_of_the_one_around_it(private, app, server, origin):
    """Both come from one repository, which no upstream has."""
    inner = app.commit({"in/go.mod": f"module {HOST}/team/app/in\n\ngo 1.20\n"}, parents=[app.two], branch="main")
    app.tag("in/v0.1.0", inner)
    app.write()
    m = private(goproxy=f"{origin.url},direct", patterns="")
    assert m.get(f"/{HOST}/team/app/@v/list").text == "v1.0.0\nv1.1.0\n"
    assert m.get(f"/{HOST}/team/app/in/@v/list").text == "v0.1.0\n"


def test_stored_answers_outlive_the_repository(private, app, server):
    m = private("list:\n  fresh: 1ms\n  stale: 1ms\n")
    base = f"/{HOST}/team/app"
    assert m.get(f"{base}/@v/list").text == "v1.0.0\nv1.1.0\n"
    assert m.get(f"{base}/@v/v1.0.0.zip").status == 200
    server.on(rf"://{HOST}/", (503, "down\n", []))
    assert m.get(f"{base}/@v/list").text == "v1.0.0\nv1.1.0\n"
    assert m.get(f"{base}/@v/v1.0.0.zip").status == 200
    expect.failure(m.get(f"{base}/@v/v1.1.0.zip"), (502, 503, 504))


def test_a_moved_tag_changes_nothing_and_is_told(private, app, server):
    """First bytes win: the list still names the version, what is stored stays, what is not is refused; the alarm."""
    m = private("list:\n  fresh: 1ms\n  stale: 1ms\n")
    base = f"/{HOST}/team/app"
    before = m.get(f"{base}/@v/v1.1.0.info").body
    mod = m.get(f"{base}/@v/v1.1.0.mod").body
    app.tag("v1.1.0", app.commit({"app.go": "package app\n\nconst V = 666\n"}, parents=[app.two], branch="main"))
    app.write()
    done = m.run("refresh", f"{HOST}/team/app")
    assert done.returncode == 0, done.stderr
    expect.failure(m.get(f"{base}/@v/v1.1.0.zip"), 502, "re-tagged")
    assert m.get(f"{base}/@v/v1.1.0.info").body == before
    assert m.get(f"{base}/@v/v1.1.0.mod").body == mod
    until(lambda: "a tag was moved in its repository" in m.log())  # it is written behind the answer
    assert re.search(r"^modgate_retagged_total 1$", m.get("/metrics").text, re.M)


def test_commits_with_the_same_first_digits(private, server):
    """Two commits that one pseudo-version fits, found by trying some 2^24: its artifacts are of one of them."""
    module = f"{HOST}/team/twin"
    r = server.add(module)

    def put(kind, content):
        return gitrepo.git(r.folder, "hash-object", "-w", "-t", kind, "--stdin", input=content.encode()).decode().strip()

    def commit(i, nonce):
        files = {"go.mod": f"module {module}\n", "x.go": f"package app // {i}\n"}
        lines = "".join(f"100644 blob {put('blob', text)}\t{name}\n" for name, text in files.items())
        tree = gitrepo.git(r.folder, "mktree", input=lines.encode()).decode().strip()
        who = "a <a@b> 1577836800 +0000"
        return put("commit", f"tree {tree}\nauthor {who}\ncommitter {who}\n\n{nonce}\n")

    one, two = commit(1, "00523a4b"), commit(2, "00448dee")
    assert one[:12] == two[:12] and one != two
    m = private("list:\n  fresh: 1ms\n  stale: 1ms\n")
    gitrepo.git(r.folder, "update-ref", "refs/heads/main", one)
    version = info_of(m.get(f"/{module}/@v/main.info"))["Version"]
    assert version.endswith(one[:12])
    assert info_of(m.get(f"/{module}/@v/{version}.info"))["Origin"]["Hash"] == one
    gitrepo.git(r.folder, "update-ref", "refs/heads/main", two)
    m.run("refresh", module)
    for kind in ("mod", "zip"):
        expect.failure(m.get(f"/{module}/@v/{version}.{kind}"), 502, "another commit")
    gitrepo.git(r.folder, "update-ref", "refs/heads/main", one)
    m.run("refresh", module)
    assert b"package app // 1\n" in zipped(m, f"/{module}/@v/{version}.zip", f"{module}@{version}/x.go")


def zipped(m, target, name):
    with zipfile.ZipFile(io.BytesIO(m.get(target).body)) as z:
        return z.read(name)


# -- nothing leaves the house


def test_no_private_name_reaches_an_upstream(private, app, server, origin, tree):
    """Promise 3: 200 requests for private names, all that can be asked, hits and misses; the upstream hears nothing, and
    the proxy that all else goes through hears of the git host only."""
    m = private()
    base = f"/{HOST}/team/app"
    asked = 0
    for i in range(20):
        for path in (f"{base}/@v/list", f"{base}/@latest", f"{base}/@v/v1.0.0.info", f"{base}/@v/v1.{i}.0.mod",
                     f"{base}/@v/branch{i}.info", f"{base}/p{i}/@v/list", f"/{HOST}/other{i}/@v/list", f"/{HOST}/@v/list",
                     f"{base}/v{i + 2}/@latest", f"{base}/@v/v1.1.0.zip"):
            assert m.get(path).status in (200, 404), path
            asked += 1
    assert asked == 200
    assert origin.requests == []
    assert all(r.host.startswith(HOST) or r.method == "CONNECT" and r.path.startswith(HOST) for r in server.requests)
    assert m.get("/sumdb/sum.golang.org/supported").status == 404  # GOSUMDB=off: no database heard of it either


# -- pushes


def push(app, name, text):
    commit = app.commit({"app.go": text}, parents=[app.two], branch="main")
    app.tag(name, commit)
    app.write()


def post(m, kind, body, field, value):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    with m.session() as s:
        s.send(f"POST /hooks/{kind} HTTP/1.1\r\nHost: modgate\r\nContent-Type: application/json\r\n"
               f"{field}: {value}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
        return s.answer("POST")


def secret_file(folder, name, text="s3cret word"):
    file = pathlib.Path(folder) / name
    file.write_text(text + "\n")
    file.chmod(0o600)
    return file


def signed(body, secret="s3cret word"):
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


@pytest.mark.parametrize("kind", ["github", "gitlab", "gitea"])
def test_a_push_is_seen_at_once(private, app, server, tmp_path, kind):
    file = secret_file(tmp_path, "secret")
    m = private(f"hooks:\n  {kind}: {file}\nlist:\n  fresh: 1h\n")
    base = f"/{HOST}/team/app"
    assert m.get(f"{base}/@v/list").text == "v1.0.0\nv1.1.0\n"
    assert info_of(m.get(f"{base}/@v/main.info"))["Version"] == "v1.1.0"
    push(app, "v1.2.0", "package app\n\nconst V = 3\n")
    assert m.get(f"{base}/@v/list").text == "v1.0.0\nv1.1.0\n"  # an hour is not over
    url = f"https://{HOST}/team/app.git"
    content = {"project": {"git_http_url": url}} if kind == "gitlab" else {"repository": {"clone_url": url}}
    body = json.dumps(content).encode()
    field, value = {"github": ("X-Hub-Signature-256", "sha256=" + signed(body)), "gitlab": ("X-Gitlab-Token", "s3cret word"),
                    "gitea": ("X-Gitea-Signature", signed(body))}[kind]
    wrong = {"gitlab": "s3cret worx"}.get(kind, value[:-1] + ("0" if value[-1] != "0" else "1"))
    expect.failure(post(m, kind, body, field, wrong), 403, "not signed")
    assert m.get(f"{base}/@v/list").text == "v1.0.0\nv1.1.0\n"
    answer = post(m, kind, body, field, value)
    assert answer.status == 200 and "asked for anew" in answer.text
    until(lambda: m.get(f"{base}/@v/list").text == "v1.0.0\nv1.1.0\nv1.2.0\n")
    until(lambda: info_of(m.get(f"{base}/@v/main.info"))["Version"] == "v1.2.0")
    text = m.get("/metrics").text
    assert re.search(r'^modgate_hooks_total\{result="taken"\} 1$', text, re.M)
    assert re.search(r'^modgate_hooks_total\{result="refused"\} 1$', text, re.M)
    assert "s3cret" not in m.log()


def test_a_hook_s_secret_that_cannot_be_read_is_told_to_the_log_alone(private, app, tmp_path):
    file = secret_file(tmp_path, "secret")
    m = private(f"hooks:\n  gitlab: {file}\n")
    body = {"project": {"git_http_url": f"https://{HOST}/team/app.git"}}
    file.chmod(0o644)
    answer = post(m, "gitlab", body, "X-Gitlab-Token", "s3cret word")
    expect.failure(answer, 503, "hooks.gitlab")
    assert str(tmp_path) not in answer.text
    until(lambda: f"{file}: others may read this secret" in m.log())  # it is written behind the answer
    assert re.search(r'^modgate_hooks_total\{result="failed"\} 1$', m.get("/metrics").text, re.M)
    file.chmod(0o640)  # rights are looked at each time, as is the secret
    assert post(m, "gitlab", body, "X-Gitlab-Token", "s3cret word").status == 200


def test_a_push_is_seen_over_http_2(private, app, tmp_path):
    """Bodies come in frames there, of which some are empty; two at a time; and one that is too large."""
    m = private(f"hooks:\n  github: {secret_file(tmp_path, 'secret')}\nlist:\n  fresh: 1h\n", scheme="h2c://")
    base = f"/{HOST}/team/app"
    body = json.dumps({"repository": {"clone_url": f"https://{HOST}/team/app.git"}, "pad": "x" * 40000}).encode()
    with h2.Client(m.address) as client:
        def hook(signature, length=None):
            fields = [("content-type", "application/json"), ("x-hub-signature-256", f"sha256={signature}")]
            return client.ask("/hooks/github", "POST", fields + ([("content-length", str(length))] if length else []), end=False)

        assert client.get(f"{base}/@v/list").body == b"v1.0.0\nv1.1.0\n"
        push(app, "v1.2.0", "package app\n\nconst V = 3\n")
        right, wrong = hook(signed(body), len(body)), hook("0" * 64, len(body))
        for at in range(0, len(body), 8000):
            for stream in (right, wrong):
                client.send(h2.frame(h2.DATA, 0, stream) + h2.frame(h2.DATA, 0, stream, body[at:at + 8000]))
        assert client.get(f"{base}/@v/list").body == b"v1.0.0\nv1.1.0\n"
        for stream in (right, wrong):
            client.send(h2.frame(h2.DATA, h2.END_STREAM, stream))
        assert client.answer(wrong).status == 403
        answer = client.answer(right)
        assert answer.status == 200 and b"asked for anew" in answer.body
        until(lambda: client.get(f"{base}/@v/list").body == b"v1.0.0\nv1.1.0\nv1.2.0\n")
        assert client.answer(hook(signed(body), 9999999)).status == 413
        stream = hook(signed(body))
        client.send(h2.frame(h2.DATA, h2.END_STREAM, stream, body[:16000]))
        assert client.answer(stream).status == 413  # it did not say how much there would be
        assert client.get("/livez").body == b"ok\n"


def test_the_end_comes_while_a_push_is_looked_at(private, app, server, tmp_path):
    m = private(f"hooks:\n  github: {secret_file(tmp_path, 'secret')}\nlist:\n  fresh: 1h\n")
    assert m.get(f"/{HOST}/team/app/@v/list").text == "v1.0.0\nv1.1.0\n"
    gate = threading.Event()

    def wait(_):
        gate.wait(60)
        return 503, "later\n", []

    server.requests.clear()
    server.on("/info/refs|/git-upload-pack", wait)
    body = json.dumps({"repository": {"clone_url": f"https://{HOST}/team/app.git"}}).encode()
    try:
        assert post(m, "github", body, "X-Hub-Signature-256", "sha256=" + signed(body)).status == 200
        until(lambda: server.asked("/info/refs|/git-upload-pack"))
        m.stop()
    finally:
        gate.set()


def test_what_is_no_hook(private, app, tmp_path):
    m = private(f"hooks:\n  github: {secret_file(tmp_path, 'secret')}\n")
    field = "X-Hub-Signature-256"

    def try_body(body):
        return post(m, "github", body, field, "sha256=" + signed(body))

    expect.failure(try_body(b"payload=%7B%7D"), 400, "application/json")
    expect.failure(try_body(b"{}"), 400, "no repository")
    assert try_body(b'{"repository":{"clone_url":"https://elsewhere.test/x"}}').text.startswith("0 answers")
    expect.failure(post(m, "github", b"{}", "X-Other", "x"), 403)
    expect.failure(post(m, "gitlab", b"{}", "X-Gitlab-Token", "s3cret word"), 404)  # no secret is set for it
    expect.failure(post(m, "svn", b"{}", field, "sha256=0"), 404)
    assert m.get("/hooks/github", [(field, "x")]).status == 404  # a GET is for a module, which it does not name
    with m.session() as s:
        s.send(b"POST /hooks/github HTTP/1.1\r\nHost: x\r\nX-Hub-Signature-256: x\r\nContent-Length: 9999999\r\n\r\n")
        assert s.answer("POST").status == 413
    big = b" " * 1000000 + b'{"repository":{"clone_url":"https://elsewhere.test/x"}}'
    assert try_body(big).status == 200
    with m.session() as s:  # dripping: the body counts to its end, the next request is read behind it
        body = b'{"repository":{"clone_url":"https://elsewhere.test/x"}}'
        s.send(f"POST /hooks/github HTTP/1.1\r\nHost: x\r\n{field}: sha256={signed(body)}\r\n"
               f"Content-Length: {len(body)}\r\n\r\n".encode())
        for i in range(0, len(body), 7):
            s.send(body[i:i + 7])
        s.send(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        assert s.answer("POST").status == 200
        assert s.answer("GET").text == "ok\n"


def test_no_hooks_until_configured(private, app):
    m = private()
    answer = post(m, "github", b"{}", "X-Hub-Signature-256", "sha256=0")
    assert answer.status == 405


def test_refresh_by_command(private, app):
    m = private("list:\n  fresh: 1h\n")
    base = f"/{HOST}/team/app"
    assert m.get(f"{base}/@v/list").text == "v1.0.0\nv1.1.0\n"
    assert info_of(m.get(f"{base}/@latest"))["Version"] == "v1.1.0"
    push(app, "v1.2.0", "package app\n\nconst V = 3\n")
    assert info_of(m.get(f"{base}/@latest"))["Version"] == "v1.1.0"
    done = m.run("refresh", f"{HOST}/team/app")
    assert done.returncode == 0 and "2 answers are those of now" in done.stdout, done
    until(lambda: m.get(f"{base}/@v/list").text == "v1.0.0\nv1.1.0\nv1.2.0\n")
    until(lambda: info_of(m.get(f"{base}/@latest"))["Version"] == "v1.2.0")
    assert m.run("refresh").returncode == 2
    assert m.run("refresh", "no such").returncode == 1


# -- settings and processes


def check(folder, config, **env):
    file = pathlib.Path(folder) / "modgate.yaml"
    file.write_text(config)
    return subprocess.run([binary(), "config", "check", "--config", str(file), "--store", str(folder)],
                          env={"GOPROXY": "off", **env}, capture_output=True, text=True, timeout=60)


def test_mistakes_are_found_before_the_start(tmp_path):
    open_to_all = secret_file(tmp_path, "open")
    open_to_all.chmod(0o644)
    group_may_change = secret_file(tmp_path, "group")
    group_may_change.chmod(0o620)
    for config, words in [
        (f"hooks:\n  github: {tmp_path}/none\n", "hooks.github"),
        (f"hooks:\n  gitea: {open_to_all}\n", "others may read this secret"),
        (f"hooks:\n  gitlab: {group_may_change}\n", "others may change this secret"),
        (f"hooks:\n  gitlab: {secret_file(tmp_path, 'empty', '')}\n", "a secret is one line"),
        (f"vcs:\n  credentials: {open_to_all}\n", "others may read this secret"),
        (f"vcs:\n  credentials: {secret_file(tmp_path, 'words', 'some words')}\n", "words: line 1: write ORIGIN KIND"),
        (f"vcs:\n  credentials: {tmp_path}/none\n", "none: No such file"),
        (f"vcs:\n  netrc: {group_may_change}\n", "others may change this secret"),
        (f"vcs:\n  known-hosts: {tmp_path}/none\n", "none: No such file"),
        ("goprivate: 'git.corp[/x'\n", 'modgate.yaml:1:1: goprivate: "git.corp[/x" would match nothing'),
        ("gonoproxy: 'a.example, b.example'\n", 'gonoproxy: " b.example" would match nothing'),
        ("gonosumdb: 'https://a.example'\n", "gonosumdb: "),
        ("goinsecure: 'a['\n", "goinsecure: "),
        ("vcs:\n  map: ['git.corp.example']\n", "vcs.map"),
        ("vcs:\n  rewrite: ['https://a.example']\n", "vcs.rewrite"),
        ("vcs:\n  networks: [ten]\n", "vcs.networks"),
        ("govcs: 'public:git,public:hg'\n", "govcs"),
        ("vcs:\n  maps: []\n", "vcs.map"),
    ]:
        done = check(tmp_path, config)
        assert done.returncode == 1 and words in done.stderr, (config, done.stderr)
    assert check(tmp_path, f"hooks:\n  github: {secret_file(tmp_path, 'good')}\nvcs:\n  map: ['c.example/* https://g.example/*']\n"
                 ).returncode == 0


def test_a_secret_that_is_missing_is_told_and_closes_one_host_only(tmp_path):
    lines = secret_file(tmp_path, "credentials", f"https://a.example token none\nhttps://b.example token {secret_file(tmp_path, 'good')}\n"
                        f"https://c.example basic me {secret_file(tmp_path, 'two', 'one' + chr(10) + 'two')}\nssh://d.example key good\n")
    done = check(tmp_path, f"vcs:\n  credentials: {lines}\n")
    assert done.returncode == 0, done.stderr
    for words in ("line 1, for https://a.example: ", "none: No such file", "line 3, for https://c.example: ", "a secret is one line",
                  "line 4, for ssh://d.example: no file of known hosts is set"):
        assert words in done.stderr, (words, done.stderr)
    assert "b.example" not in done.stderr


def test_settings_are_inherited(tmp_path):
    netrc = secret_file(tmp_path, "netrc", "machine git.example login a password b")
    done = subprocess.run([binary(), "config", "show", "--store", str(tmp_path)], capture_output=True, text=True, timeout=60,
                          env={"GOPROXY": "direct", "GOVCS": "*:git", "GOINSECURE": "*.corp.example",
                               "ATHENS_NETRC_PATH": str(netrc)})
    assert done.returncode == 0, done.stderr
    for line in ('govcs: "*:git"', 'goinsecure: "*.corp.example"', f"netrc: {netrc}"):
        assert line in done.stdout, done.stdout


def test_no_git_process_outlives_its_work(private, app):
    m = private()
    assert m.get(f"/{HOST}/team/app/@v/v1.0.0.zip").status == 200

    def gits():
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                parent = int(pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
                name = pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
            except (OSError, ValueError):
                continue
            if parent == m.children().get("fetch") or parent == m.children().get("modgate-fetch"):
                found.append(name)
        return found

    until(lambda: gits() == [])


# -- the go command


def test_the_go_command_builds_a_private_project(private, app, server, sumdb, origin, tree, tmp_path):
    """Through modgate, with GOSUMDB on for what is public: one module of each."""
    if gocmd.go_binary() is None:
        pytest.skip("there is no go command")
    tree.add("example.com/public", "v1.0.0", files={"m.go": "package public\n\nconst P = 1\n"})
    sumdb.know(tree)
    m = private(GOSUMDB=sumdb.gosumdb)
    project = tmp_path / "project"
    project.mkdir()
    (project / "go.mod").write_text("module example.com/project\n\ngo 1.20\n")
    (project / "main.go").write_text(
        f'package main\n\nimport (\n\t"example.com/public"\n\t"{HOST}/team/app"\n)\n\nfunc main() {{ println(app.V, public.P) }}\n')
    go = gocmd.Go(tmp_path / "go", m.url, GOSUMDB=sumdb.gosumdb, GONOSUMDB=f"{HOST}/*")
    go.run("mod", "tidy", cwd=project)
    go.run("build", "-o", "out", ".", cwd=project)
    assert f"{HOST}/team/app v1.1.0" in (project / "go.mod").read_text()
    done = subprocess.run([project / "out"], capture_output=True, text=True, timeout=60)
    assert done.stderr.split() == ["2", "1"]
    assert not [r for r in origin.requests if HOST in r.target]
