# SPDX-License-Identifier: Apache-2.0
"""Private modules from real servers: git behind nginx with TLS and basic auth, sshd, repositories that move; what they get to see."""

import json
import os
import pathlib
import pwd
import shutil

import pytest

from lib import expect, servers
from lib.gitserver import GitServer

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="there is no git")

HOST = "git.example.test"
QUICK = "upstream:\n  retries: 0\nfetch:\n  absent: 0s\n  denied: 0s\n  down: 0s\n"
MODULE = "corp.example.test/app"


@pytest.fixture
def server(tmp_path):
    with GitServer(tmp_path) as s:
        yield s


def fill(repository, module=MODULE):
    one = repository.commit({"go.mod": f"module {module}\n\ngo 1.20\n", "app.go": "package app\n"}, branch="main")
    repository.tag("v1.0.0", one)
    repository.write()
    return one


@pytest.fixture
def start(modgate_of, server, origin):
    """A modgate for which all modules of example.test are private, and this machine may be reached; without a proxy."""

    def go(env=None, **settings):
        ca = str(server.authority.pem)
        lines = "".join(f"  {k.replace('_', '-')}: {json.dumps(str(v))}\n" for k, v in settings.items())
        return modgate_of(origin.url, config=f"{QUICK}vcs:\n  networks: 127.0.0.0/8\n{lines}",
                          env={"SSL_CERT_FILE": ca, "GIT_SSL_CAINFO": ca, "GOPRIVATE": "*.example.test", **(env or {})})

    return go


def secret(path, text):
    path.write_text(text)
    path.chmod(0o600)
    return path


def works(m, commit, module=MODULE):
    assert m.get(f"/{module}/@v/list").text == "v1.0.0\n"
    info = m.get(f"/{module}/@v/v1.0.0.info")
    assert info.status == 200 and json.loads(info.text)["Origin"]["Hash"] == commit.id, info
    assert m.get(f"/{module}/@v/v1.0.0.mod").status == 200
    assert m.get(f"/{module}/@v/v1.0.0.zip").status == 200
    return json.loads(info.text)


def logs(m):
    return "".join(pathlib.Path(f).read_text() for f in m.logs)


@pytest.mark.skipif(shutil.which("nginx", path="/usr/sbin:/usr/bin") is None, reason="there is no nginx")
def test_basic_auth_behind_nginx(server, start, tmp_path, origin):
    commit = fill(server.add(f"{HOST}/team/app", page=False))
    with servers.git_nginx(server, HOST, tmp_path / "nginx", me="CANARY-1", you="CANARY-2") as port:
        secret(tmp_path / "password", "wrong")
        lines = secret(tmp_path / "credentials", f"https://localhost:{port} basic me password\n")
        m = start(map=f"corp.example.test/* https://localhost:{port}/team/*.git", credentials=lines)
        assert m.get(f"/{MODULE}/@v/list").status in (403, 404, 502)
        assert not (m.store / "modules" / MODULE / "@v/v1.0.0.zip").exists()
        secret(tmp_path / "password", "CANARY-1\n")  # read anew
        info = works(m, commit)
        assert info["Origin"]["URL"] == f"https://localhost:{port}/team/app.git"
        secret(lines, f"https://localhost:{port} basic you password\n")
        secret(tmp_path / "password", "CANARY-2\n")
        assert m.run("refresh", MODULE).returncode == 0
        everything = logs(m) + (m.store / "modules" / MODULE / "@v/v1.0.0.provenance").read_text() + info["Origin"]["URL"]
        assert "CANARY" not in everything
        assert {line.split()[2] for line in (tmp_path / "nginx/access.log").read_text().splitlines()} >= {"me", "you"}
    assert origin.requests == []


@pytest.mark.skipif(shutil.which("nginx", path="/usr/sbin:/usr/bin") is None, reason="there is no nginx")
def test_an_authority_of_ones_own(server, start, tmp_path):
    """Without it the server is a fault, not an absence, and hears of no secret."""
    commit = fill(server.add(f"{HOST}/team/app", page=False))
    with servers.git_nginx(server, HOST, tmp_path / "nginx", me="CANARY") as port:
        secret(tmp_path / "password", "CANARY")
        lines = secret(tmp_path / "credentials", f"https://localhost:{port} basic me password\n")
        rules = f"corp.example.test/* https://localhost:{port}/team/*.git"
        m = start(map=rules, credentials=lines, env={"SSL_CERT_FILE": None, "GIT_SSL_CAINFO": None})
        expect.failure(m.get(f"/{MODULE}/@v/list"), 502)
        assert not (tmp_path / "nginx/access.log").read_text()
        m.stop()
        works(start(map=rules, credentials=lines), commit)


@pytest.mark.skipif(not os.path.exists("/usr/sbin/sshd"), reason="there is no sshd")
def test_sshd_with_a_key(server, start, tmp_path):
    r = server.add(f"{HOST}/app", page=False)
    commit = fill(r)
    user = pwd.getpwuid(os.geteuid()).pw_name
    with servers.sshd(tmp_path / "ssh") as port:
        folder = tmp_path / "ssh"
        lines = secret(folder / "credentials", f"ssh://127.0.0.1:{port} key key\n")
        rules = f"{MODULE} ssh://{user}@127.0.0.1:{port}{r.folder}"
        m = start(map=rules, credentials=lines, known_hosts=folder / "known_hosts")
        info = works(m, commit)
        assert info["Origin"]["URL"] == f"ssh://{user}@127.0.0.1:{port}{r.folder}"
        r.branch("dev", commit)
        r.branch("next", commit)
        r.write()
        servers.ssh_key(folder / "other")
        secret(lines, f"ssh://127.0.0.1:{port} key other\n")  # not let in
        m.run("refresh", MODULE)
        assert m.get(f"/{MODULE}/@v/dev.info").status in (403, 404, 502)
        secret(lines, f"ssh://127.0.0.1:{port} key key\n")
        known = (folder / "known_hosts").read_text()
        (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {(folder / 'other.pub').read_text()}")  # not who it should be
        before = (folder / "out").read_text().count("Accepted publickey")
        m.run("refresh", MODULE)
        assert m.get(f"/{MODULE}/@v/dev.info").status in (403, 404, 502)
        assert (folder / "out").read_text().count("Accepted publickey") == before
        assert m.get(f"/{MODULE}/@v/v1.0.0.zip").status == 200
        (folder / "known_hosts").write_text(known)
        m.run("refresh", MODULE)
        assert m.get(f"/{MODULE}/@v/next.info").status == 200
        assert "PRIVATE KEY" not in logs(m)


@pytest.mark.skipif(not os.path.exists("/usr/sbin/sshd"), reason="there is no sshd")
def test_a_qualified_path_whose_https_wants_a_login(server, proxied, tmp_path):
    """Then ssh is tried, as the go command tries it."""
    module = f"{HOST}/team/app.git"
    r = server.add(f"{HOST}/team/app", page=False, secret="me:secret")
    commit = fill(r, module)
    user = pwd.getpwuid(os.geteuid()).pw_name
    with servers.sshd(tmp_path / "ssh") as port:
        folder = tmp_path / "ssh"
        lines = secret(folder / "credentials", f"ssh://127.0.0.1:{port} key key\n")
        info = works(proxied(networks="127.0.0.0/8", credentials=lines, known_hosts=folder / "known_hosts",
                             rewrite=f"git+ssh://{HOST}/team/app ssh://{user}@127.0.0.1:{port}{r.folder}"), commit, module)
        assert info["Origin"]["URL"] == f"git+ssh://{HOST}/team/app"


@pytest.fixture
def proxied(modgate_of, server, origin):
    def go(**settings):
        lines = "".join(f"  {k.replace('_', '-')}: {json.dumps(str(v))}\n" for k, v in settings.items())
        return modgate_of(origin.url, config=QUICK + ("vcs:\n" + lines if lines else ""),
                          env={**server.environment(), "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", "GOPRIVATE": "*.example.test"})

    return go


def test_a_repository_that_moves(server, proxied, tmp_path):
    """Its redirects are followed, and .info says what the go command says."""
    module = "corp.example.test/app"
    server.page(module, "git", f"https://{HOST}/old/app.git")
    commit = fill(server.add(f"{HOST}/new/app", page=False))
    server.on(rf"^https://{HOST}/old/", lambda r: (301, "", [("Location", f"https://{HOST}{r.path.replace('/old/', '/new/')}?{r.query}".rstrip("?"))]))
    m = proxied()
    info = works(m, commit)
    told = json.loads(server.go(tmp_path / "go").run("mod", "download", "-json", f"{module}@v1.0.0", cwd=tmp_path).stdout)
    assert told["Origin"]["URL"] == info["Origin"]["URL"] == f"https://{HOST}/old/app.git"


def test_t24_git_sends_a_secret_nowhere_else(server, proxied, tmp_path):
    """The repository answers git itself with redirects to another host, and with a realm there."""
    r = server.add("corp.example.test/app", secret="oauth2:CANARY")
    commit = fill(r)
    evil = "evil.example.test"
    fill(server.add(f"{evil}/app", page=False, secret="oauth2:CANARY"))
    secret(tmp_path / "token", "CANARY")
    lines = secret(tmp_path / "credentials", "https://corp.example.test token token\n")
    server.on(r"^https://corp\.example\.test/app\.git/git-upload-pack", (307, "", [("Location", f"https://{evil}/app.git/git-upload-pack")]))
    m = proxied(credentials=lines)
    assert m.get(f"/{MODULE}/@v/list").status != 200
    assert server.asked(r"POST https://corp\.example\.test/app\.git/git-upload-pack")
    assert not server.asked(evil)
    server.scripts.clear()
    works(m, commit)
    server.on(r"^https://corp\.example\.test/app\.git/info/refs", lambda r: (302, "", [("Location", f"https://{evil}/app.git/info/refs?{r.query}")]))
    with server.lock:
        server.requests.clear()
    m.get(f"/{MODULE}/@v/nothing.info")
    for request in server.asked(evil):
        assert "Authorization" not in request.headers
    assert "CANARY" not in logs(m)


def test_t09_no_protocol_without_protection(server, proxied):
    for url in (f"git://{HOST}/app", f"http://{HOST}/app"):
        server.page(MODULE, "git", url)
        expect.failure(proxied().get(f"/{MODULE}/@v/list"), 404, "only https")
    assert not server.asked(rf"http://{HOST}")
