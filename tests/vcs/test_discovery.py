# SPDX-License-Identifier: Apache-2.0
"""From a module path to its repository (protocol §3.1–3.3): src/vcs/discovery and src/vcs/credential through vcs_find."""

import base64
import json
import os
import pathlib
import stat
import subprocess
import time

import pytest

from lib import modgate
from lib.gitserver import GitServer

PROBE = os.environ.get("VCS_FIND") or str(pathlib.Path(modgate.binary()).parent / "vcs_find")
HTML = [("Content-Type", "text/html; charset=utf-8")]


@pytest.fixture
def server(tmp_path):
    with GitServer(tmp_path) as s:
        yield s


def asks(server, path, **options):
    done = subprocess.run([PROBE, path, *(f"{k}={v}" for k, v in options.items())], capture_output=True, text=True, timeout=60,
                          env={"PATH": os.environ["PATH"], **server.environment()})
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def ask(server, path, **options):
    (result,) = asks(server, path, **options)
    return result


def found(result, **want):
    assert result["code"] == "ok", result
    assert {k: result[k] for k in want} == want
    return result


def absent(result, *words):
    assert result["code"] == "not_found", result
    for word in words:
        assert word in result["error"], result
    return result


def tags(*contents, head=""):
    metas = "".join(f'<meta name="go-import" content="{c}">' for c in contents)
    return 200, f"<html><head>{head}{metas}</head><body></body></html>", HTML


def page(server, path, *contents, **more):
    server.on(rf"^https://{path}/?\?go-get=1$", tags(*contents, **more))


def seen(server, host):
    return [r for r in server.requests if r.method != "CONNECT" and r.host.split(":")[0] == host]


def test_a_page_of_the_path_itself(server):
    server.add("go.example.test/x")
    found(ask(server, "go.example.test/x"), kind="git", root="go.example.test/x", url="https://go.example.test/x.git", subdir="",
          at="https://go.example.test/x.git", protocols="https:ssh")


def test_a_page_of_a_prefix_is_asked_too(server):
    server.add("go.example.test/x", subdir="deep/down")
    found(ask(server, "go.example.test/x/y/v2"), root="go.example.test/x", subdir="deep/down")
    assert [r.path for r in seen(server, "go.example.test") if r.query == "go-get=1"] == ["/x/y/v2", "/x"]


def test_t10_pages_that_disagree(server):
    server.add("go.example.test/x")
    page(server, "go.example.test/x/y", "go.example.test/x git https://evil.example.test/x")
    absent(ask(server, "go.example.test/x/y"), "disagree")
    page(server, "go.example.test/z", "go.example.test git https://evil.example.test/x")
    page(server, "go.example.test", "other.example.test git https://evil.example.test/x")
    absent(ask(server, "go.example.test/z"), "disagree")
    assert not seen(server, "evil.example.test")


@pytest.mark.parametrize("contents, words", [
    (["go.example.test/x git https://a.example.test/x", "go.example.test/x git https://b.example.test/x"], "2 go-import tags"),
    (["go.example.test/xx git https://a.example.test/x"], "none of them"),
    ([], "none of them"),
    (["go.example.test/x git"], "none of them"),
    (["go.example.test/x git https://a.example.test/x ../up"], "../up"),
    (["go.example.test/x git https://a.example.test/x a/../../up"], "up"),
    (["go.example.test/x git https://a.example.test/x -x"], "-x"),
    (["go.example.test/x cvs https://a.example.test/x"], "cvs"),
    (["go.example.test/x hg https://a.example.test/x"], "unsupported version control"),
    (["go.example.test/x svn https://a.example.test/x"], "GOVCS"),
    (["go.example.test/x git http://a.example.test/x"], "only https"),
    (["go.example.test/x git git://a.example.test/x"], "only https"),
    (["go.example.test/x git file:///etc/passwd"], "not the URL"),
    (["go.example.test/x git ext::sh://a.example.test/x"], "not the URL"),
    (["go.example.test/x git ssh://-oProxyCommand=x/y"], "not the URL"),
    (["go.example.test/x git https://user:CANARY@a.example.test/x"], "not the URL"),
    (["go.example.test/x git a.example.test/x"], "not the URL"),
    (["go.example.test/x mod http://p.example.test"], "without https"),
])
def test_t10_t09_tags_that_are_refused(server, contents, words):
    page(server, "go.example.test/x", *contents)
    r = absent(ask(server, "go.example.test/x"), words)
    assert "CANARY" not in json.dumps(r)
    assert not seen(server, "a.example.test")


def test_module_proxies(server):
    page(server, "go.example.test/x", "go.example.test/x git https://a.example.test/x", "go.example.test/x mod https://p.example.test/base")
    found(ask(server, "go.example.test/x"), kind="proxy", url="https://p.example.test/base", root="go.example.test/x")


def test_t10_redirects(server):
    for i in range(12):
        server.on(rf"^https://go\.example\.test/hop{i}\?", (302, "", [("Location", f"/hop{i + 1}?go-get=1")]))
    page(server, "go.example.test/hop12", "go.example.test/x git https://a.example.test/x")
    server.on(r"^https://go\.example\.test/x\?", (302, "", [("Location", "/hop3?go-get=1")]))
    found(ask(server, "go.example.test/x"), url="https://a.example.test/x")  # ten
    server.on(r"^https://go\.example\.test/x\?", (302, "", [("Location", "/hop2?go-get=1")]))
    r = ask(server, "go.example.test/x")  # eleven
    assert (r["code"], r["cause"]) == ("unavailable", "upstream") and "too often" in r["error"]


def test_t10_no_way_down_to_http(server):
    server.on(r"^https://go\.example\.test/x\?", (302, "", [("Location", "http://plain.example.test/x?go-get=1")]))
    r = ask(server, "go.example.test/x")
    assert r["code"] == "unavailable" and "from https to http" in r["error"]
    assert not seen(server, "plain.example.test")


def test_t10_ten_megabytes(server):
    tag = '<meta name="go-import" content="go.example.test/x git https://a.example.test/x">'
    server.on(r"^https://go\.example\.test/x\?", (200, f"<html><head>{tag}" + "<p>x</p>" * (10 << 17), HTML))
    absent(ask(server, "go.example.test/x"), "larger than 1 MiB")
    server.on(r"^https://go\.example\.test/x\?", (200, f"<html><head>{tag}</head><body>" + "<p>x</p>" * (10 << 17), HTML))
    found(ask(server, "go.example.test/x"), url="https://a.example.test/x")


def test_the_status_matters_only_without_a_tag(server):
    server.on(r"^https://go\.example\.test/x\?", (404, tags("go.example.test/x git https://a.example.test/x")[1], HTML))
    found(ask(server, "go.example.test/x"), url="https://a.example.test/x")
    for status, code in [(404, "not_found"), (410, "not_found"), (500, "unavailable"), (503, "unavailable"), (429, "unavailable"),
                         (401, "denied"), (403, "denied")]:
        server.on(r"^https://go\.example\.test/y\?", (status, "no", HTML))
        r = ask(server, "go.example.test/y")
        assert r["code"] == code and f"answered {status}" in r["error"], r


def test_pages_are_kept_and_shared(server):
    server.add("go.example.test/x")
    for path in ("go.example.test/x/a", "go.example.test/none"):
        server.requests.clear()
        answers = asks(server, path, times=3, parallel=20)
        assert len(answers) == 60 and len({json.dumps(a) for a in answers}) == 1
        pages = [r.path for r in seen(server, "go.example.test") if r.query == "go-get=1"]
        assert sorted(pages) == sorted(set(pages)), pages


def test_faults_are_not_kept(server):
    server.on(r"^https://go\.example\.test/y\?", (503, "no", HTML))
    assert {a["code"] for a in asks(server, "go.example.test/y", times=3)} == {"unavailable"}
    assert len(seen(server, "go.example.test")) == 3


def test_fixed_hosts_need_no_page(server):
    server.add("github.com/u/r", page=False)
    r = ask(server, "github.com/u/r/v2", times=1)
    found(r, root="github.com/u/r", url="https://github.com/u/r", kind="git")
    assert not [q for q in server.requests if "go-get" in q.query]
    absent(ask(server, "github.com/u"), "longer")
    absent(ask(server, "chiselapp.com/user/a/repository/b"), "GOVCS")
    absent(ask(server, "go.example.test/x.svn"), "GOVCS")
    absent(ask(server, "go.example.test/x.hg"), "unsupported version control")


def test_a_qualifier(server):
    absent(ask(server, "git.example.test/a/x.git/sub"))
    server.add("git.example.test/a/x", page=False)
    found(ask(server, "git.example.test/a/x.git/sub"), root="git.example.test/a/x.git", url="https://git.example.test/a/x")


def test_govcs(server):
    server.add("go.example.test/x")
    absent(ask(server, "go.example.test/x", govcs="*:hg"), "GOVCS")
    absent(ask(server, "go.example.test/x", govcs="private:off", private="*.example.test"), "private")
    found(ask(server, "go.example.test/x", govcs="private:off"))


def test_goinsecure(server):
    """https with whatever certificate, then http; and the repository too."""
    server.on(r"^https://bad\.host\.test/", (404, "no", HTML))
    server.on(r"^http://bad\.host\.test/x/?\?", tags("bad.host.test/x git http://bad.host.test/x.git"))
    r = ask(server, "bad.host.test/x")
    assert r["cause"] == "tls", r
    env = {**server.environment(), "HTTP_PROXY": f"http://127.0.0.1:{server.port_plain}"}
    done = subprocess.run([PROBE, "bad.host.test/x", "goinsecure=*.host.test"], capture_output=True, text=True, timeout=60,
                          env={"PATH": os.environ["PATH"], **env})
    found(json.loads(done.stdout), url="http://bad.host.test/x.git", protocols="https:ssh:http:git")


def test_mapping(server):
    server.add("git.example.test/team/x", page=False)
    rules = "corp.example.test/*/* https://git.example.test/*/*.git,deep.example.test/a ssh://git@git.example.test:2222/b"
    found(ask(server, "corp.example.test/team/x/sub", map=rules), root="corp.example.test/team/x", url="https://git.example.test/team/x.git",
          at="https://git.example.test/team/x.git")
    found(ask(server, "corp.example.test/team/x/v2", map=rules), root="corp.example.test/team/x")
    found(ask(server, "deep.example.test/a/b", map=rules), root="deep.example.test/a", at="ssh://git@git.example.test:2222/b", pins="")
    server.requests.clear()
    absent(ask(server, "corp.example.test/team", map=rules), "below")
    absent(ask(server, "corp.example.test", map=rules), "below")
    assert not server.requests


def test_rewriting(server):
    server.add("mirror.example.test/u/r", page=False)
    rules = "https://github.com/ https://elsewhere.example.test/,https://github.com/u/ https://mirror.example.test/u/"
    found(ask(server, "github.com/u/r", rewrite=rules), url="https://github.com/u/r", at="https://mirror.example.test/u/r")
    assert not seen(server, "github.com") and not seen(server, "elsewhere.example.test")


@pytest.mark.parametrize("setting, value", [
    ("map", "x"), ("map", "a.example/* https://b.example/x"), ("map", "a.example/x* https://b.example/*"), ("map", "a.example file:///x"),
    ("map", "* https://b.example/*"), ("map", "a.example https://u:p@b.example/"), ("rewrite", "github.com x"), ("rewrite", "https://a.example/"),
    ("govcs", "x"),
])
def test_settings_that_are_refused(server, setting, value):
    done = subprocess.run([PROBE, "a.example/x", f"{setting}={value}"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and done.stderr.strip()


def test_a_repository_that_has_moved(server):
    server.add("go.example.test/x")
    server.add("new.example.test/y", page=False)
    server.on(r"^https://go\.example\.test/x\.git/info/refs", lambda r: (301, "", [("Location", f"https://new.example.test/y.git/info/refs?{r.query}")]))
    found(ask(server, "go.example.test/x"), url="https://go.example.test/x.git", at="https://new.example.test/y.git")


def test_a_repository_that_has_moved_to_where_one_needs_a_login(server):
    """git is told of the new place, and of that one's address."""
    server.add("localhost/y", page=False, secret="me:secret")
    to = f"https://localhost:{server.port}/y.git"
    server.on(r"^https://go\.example\.test/x\.git/info/refs", lambda r: (301, "", [("Location", f"{to}/info/refs?{r.query}")]))
    server.page("go.example.test/x", "git", "https://go.example.test/x.git")
    found(ask(server, "go.example.test/x", private="go.example.test/*", networks="127.0.0.0/8,::1"), at=to,
          pins=f"localhost:{server.port}:127.0.0.1")


@pytest.mark.parametrize("to", ["/users/sign_in", "https://NEW.example.test/y.git/info/refs?service=git-upload-pack",
                                "https://new.example.test/y.git/info/refs?service=git-upload-pack&more"])
def test_redirects_to_no_repository(server, to):
    """git would go on with an address that nobody has looked at."""
    server.add("new.example.test/y", page=False)
    server.add("go.example.test/x")
    server.on(r"^https://go\.example\.test/users/", (200, "log in\n", []))
    server.on(r"^https://go\.example\.test/x\.git/info/refs", (302, "", [("Location", to)]))
    r = ask(server, "go.example.test/x")
    assert (r["code"], r["cause"]) == ("unavailable", "upstream") and "redirects" in r["error"], r


def test_a_login_that_strangers_are_asked_for(server):
    """As the go command does: the URL itself tells whether there is anything for who has none."""
    server.add("github.com/corp/x", page=False, secret="me:secret")
    absent(ask(server, "github.com/corp/x"), "no such repository")
    found(ask(server, "github.com/corp/x", private="github.com/corp/*"))  # git will say that a login is missing
    server.on(r"^https://github\.com/corp/x\?$", (200, "a page", HTML))
    found(ask(server, "github.com/corp/x"))
    server.on(r"^https://github\.com/corp/x\?$", (503, "down", []))
    found(ask(server, "github.com/corp/x"))


def test_a_repository_is_asked_once_for_all_its_paths(server):
    server.add("git.example.test/x", page=False)
    for path in ("corp.example.test/x/a", "corp.example.test/x"):
        server.requests.clear()
        assert len({r["at"] for r in asks(server, path, map="corp.example.test/* https://git.example.test/*.git", times=20)}) == 1
        assert len(server.asked("GET https://git.example.test/x.git/info/refs")) == 1


def test_pins_are_the_address_that_answered(server):
    server.add("git.example.test/x", page=False)
    server.repositories["localhost/x.git"] = server.repositories["git.example.test/x.git"]
    to = f"https://localhost:{server.port}"
    absent_or = ask(server, "corp.example.test/x", map=f"corp.example.test/* {to}/*.git")
    assert (absent_or["code"], absent_or["cause"]) == ("denied", "policy")
    r = found(ask(server, "corp.example.test/x", map=f"corp.example.test/* {to}/*.git", networks="127.0.0.0/8,::1"), at=f"{to}/x.git")
    assert r["pins"] == f"localhost:{server.port}:127.0.0.1"


def test_t48_repositories_inside(server):
    """What a stranger's page names is not asked; nor does a proxy get to hear of it."""
    for url in ("https://127.0.0.1/x", "https://[::1]/x", "https://169.254.169.254/x", "https://localhost/x", "https://10.0.0.1/x",
                "https://2130706433/x", "https://0xa9fea9fe/x", "ssh://git@127.0.0.1/x", "ssh://git@10.1.2.3/x"):
        page(server, "go.example.test/x", f"go.example.test/x git {url}")
        r = ask(server, "go.example.test/x")
        assert (r["code"], r["cause"]) == ("denied", "policy"), (url, r)
    assert {r.host for r in server.requests if r.method == "CONNECT"} == {"go.example.test:443"}


def test_t48_paths_that_are_addresses(server):
    for path in ("10.0.0.1/x.git", "127.0.0.1/x.git/y", "169.254.169.254/latest", "169.254.169.254/latest.git", "127.1/x.git"):
        r = ask(server, path)
        assert (r["code"], r["cause"]) == ("denied", "policy"), (path, r)
    assert not server.requests


def secret(path, text, mode=0o600):
    path.write_text(text)
    path.chmod(mode)
    return path


def basic(login):
    return f"Basic {base64.b64encode(login.encode()).decode()}"


def authorizations(server, host):
    return {r.headers.get("Authorization") for r in seen(server, host)}


def test_logins(server, tmp_path):
    server.add("go.example.test/x")
    secret(tmp_path / "token", "CANARY-1\n")
    lines = secret(tmp_path / "credentials", "# ours\n\nhttps://go.example.test token token\nhttps://go.example.test:444 basic me token\n")
    r = found(ask(server, "go.example.test/x", credentials=lines, env=1), env_error="")
    assert authorizations(server, "go.example.test") == {basic("oauth2:CANARY-1")}
    assert r["GIT_CONFIG_COUNT"] == "1" and r["GIT_CONFIG_KEY_0"] == "http.https://go.example.test:443/.extraHeader"
    assert r["GIT_CONFIG_VALUE_0"] == f"Authorization: {basic('oauth2:CANARY-1')}"
    server.requests.clear()
    secret(tmp_path / "token", "CANARY-2")  # rotated
    found(ask(server, "go.example.test/x", credentials=lines))
    assert authorizations(server, "go.example.test") == {basic("oauth2:CANARY-2")}


def test_netrc(server, tmp_path):
    server.add("go.example.test/x")
    netrc = secret(tmp_path / "netrc", "machine a.example login x password y\nmacdef init\nmachine go.example.test login no password no\n\n"
                   "machine go.example.test\n\tlogin me password CANARY\nmachine go.example.test login me password late\ndefault login d password e\n")
    r = found(ask(server, "go.example.test/x", netrc=netrc, env=1))
    assert r["GIT_CONFIG_VALUE_0"] == f"Authorization: {basic('me:CANARY')}"
    server.add("other.example.test/x")
    r = found(ask(server, "other.example.test/x", netrc=netrc, env=1))
    assert "GIT_CONFIG_COUNT" not in r and authorizations(server, "other.example.test") == {None}


def test_t24_secrets_stay_with_their_origin(server, tmp_path):
    """Redirects of the page and of the repository, another host, another port, another scheme: canaries nowhere."""
    secret(tmp_path / "token", "CANARY")
    lines = secret(tmp_path / "credentials", "https://go.example.test token token\n")
    server.on(r"^https://go\.example\.test/x\?", (302, "", [("Location", "https://evil.example.test/x?go-get=1")]))
    page(server, "evil.example.test/x", "go.example.test/x git https://go.example.test/x.git")
    server.on(r"^https://go\.example\.test/x\.git/info/refs", lambda r: (307, "", [("Location", f"https://evil.example.test/y.git/info/refs?{r.query}")]))
    server.add("evil.example.test/y", page=False, secret="oauth2:CANARY")  # answers 401 and a realm of its own
    r = found(ask(server, "go.example.test/x", credentials=lines, env=1))
    assert authorizations(server, "go.example.test") == {basic("oauth2:CANARY")}
    assert authorizations(server, "evil.example.test") == {None} and len(seen(server, "evil.example.test")) == 2
    # It asks who we are, and git is sent there without the secret.
    assert r["at"] == "https://evil.example.test/y.git" and r["pins"] == ""
    assert "CANARY" not in json.dumps(r) and "GIT_CONFIG_COUNT" not in json.dumps(r), r
    for url in ("https://go.example.test:444/x", "https://sub.go.example.test/x", "https://example.test/x"):
        page(server, "else.example.test/x", f"else.example.test/x git {url}")
        server.on(r"/x/info/refs", (404, "no", []))
        r = ask(server, "else.example.test/x", credentials=lines, env=1)
        assert "CANARY" not in json.dumps(r) and "GIT_CONFIG_COUNT" not in r, r
    assert "CANARY" not in json.dumps([r for r in server.requests if not r.host.startswith("go.example.test")])


def test_secrets_that_cannot_be_used(server, tmp_path):
    server.add("go.example.test/x")
    lines = secret(tmp_path / "credentials", "https://go.example.test token token\n")
    for text, mode, words in [("CANARY", 0o604, "others may read"), ("CANARY", 0o620, "others may change"), ("", 0o600, "one line"),
                              ("CANARY\nX", 0o600, "one line")]:
        secret(tmp_path / "token", text, mode)
        r = ask(server, "go.example.test/x", credentials=lines)
        assert (r["code"], r["cause"]) == ("unavailable", "auth") and words in r["error"] and "CANARY" not in r["error"], r
    (tmp_path / "token").unlink()
    assert "token" in ask(server, "go.example.test/x", credentials=lines)["error"]
    for line in ("https://go.example.test", "https://go.example.test token a b", "ssh://go.example.test token a", "https://go.example.test/x token a",
                 "go.example.test token a", "https://go.example.test nothing a"):
        secret(lines, line)
        r = ask(server, "go.example.test/x", credentials=lines)
        assert r["code"] == "unavailable" and "line 1" in r["error"], r
        # Nor does it open its hosts to a request that no page stands before.
        r = ask(server, "go.example.test/x.git", credentials=lines)
        assert r["code"] == "unavailable" and "line 1" in r["error"], r
    assert not server.requests


def test_ssh(server, tmp_path):
    key = secret(tmp_path / "key", "KEY")
    lines = secret(tmp_path / "credentials", "ssh://git.example.test:2222 key key\n")
    page(server, "go.example.test/x", "go.example.test/x git git+ssh://git@git.example.test:2222/x")
    r = found(ask(server, "go.example.test/x", credentials=lines, known_hosts=tmp_path / "known_hosts", env=1), env_error="")
    command = r["GIT_SSH_COMMAND"]
    for option in ("BatchMode=yes", "IdentitiesOnly=yes", "StrictHostKeyChecking=yes", f"UserKnownHostsFile={tmp_path}/known_hosts", f"IdentityFile={key}",
                   "GlobalKnownHostsFile=none", "ForwardAgent=no"):
        assert f"-o {option}" in command
    assert "known" in ask(server, "go.example.test/x", credentials=lines, env=1)["env_error"]
    page(server, "go.example.test/y", "go.example.test/y git ssh://git@git.example.test/x")
    assert "no key" in ask(server, "go.example.test/y", credentials=lines, known_hosts="/x", env=1)["env_error"]
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    key.chmod(0o640)  # as other secrets may be; ssh would pass it over, and the server be blamed
    page(server, "go.example.test/z", "go.example.test/z git ssh://git@git.example.test:2222/z")
    assert "chmod 0600" in ask(server, "go.example.test/z", credentials=lines, known_hosts=tmp_path / "known_hosts", env=1)["env_error"]


def test_where_a_repository_is_is_asked_once_by_all_who_ask_at_once(server):
    server.add("git.example.test/u/r", page=False)
    # Waiting makes sure that the others come meanwhile.
    server.on(r"/u/r\.git/info/refs", lambda r: (time.sleep(1), (200, "refs", []))[1])
    for r in asks(server, "corp.example.test/u/r", map="corp.example.test/*/* https://git.example.test/*/*.git", times=3, parallel=5):
        found(r)
    assert len([r for r in server.requests if "/u/r.git/info/refs" in r.path]) == 1


def test_a_github_app(server, tmp_path):
    """Its key signs a token, which is exchanged for the one that opens repositories; that is used until it nears its end."""
    server.add("github.example.test/u/r", page=False)
    subprocess.run(["openssl", "genrsa", "-out", tmp_path / "app.pem", "2048"], check=True, capture_output=True)
    (tmp_path / "app.pem").chmod(0o600)
    subprocess.run(["openssl", "rsa", "-in", tmp_path / "app.pem", "-pubout", "-out", tmp_path / "app.pub"], check=True, capture_output=True)
    lines = secret(tmp_path / "credentials", "https://github.example.test github-app 4711 99 app.pem\n")
    answer = [201, '{"token":"ghs_CANARY","expires_at":"2099-01-01T00:00:00Z","permissions":{}}', [("Content-Type", "application/json")]]
    server.on(r"/api/v3/app/installations/99/access_tokens", lambda r: tuple(answer))
    rules = "corp.example.test/*/* https://github.example.test/*/*.git"
    results = asks(server, "corp.example.test/u/r", map=rules, credentials=lines, env=1, times=3, parallel=5)
    for r in results:
        assert r["GIT_CONFIG_VALUE_0"] == f"Authorization: {basic('x-access-token:ghs_CANARY')}", r
    (exchange,) = [r for r in server.requests if "access_tokens" in r.path]
    head, claims, signature = exchange.headers["Authorization"].removeprefix("Bearer ").split(".")
    decode = lambda s: base64.urlsafe_b64decode(s + "=" * (-len(s) % 4))  # noqa: E731
    assert exchange.method == "POST" and json.loads(decode(head)) == {"alg": "RS256", "typ": "JWT"}
    told = json.loads(decode(claims))
    assert told["iss"] == "4711" and 0 < told["exp"] - told["iat"] <= 600
    (tmp_path / "signed").write_text(f"{head}.{claims}")
    (tmp_path / "signature").write_bytes(decode(signature))
    subprocess.run(["openssl", "dgst", "-sha256", "-verify", tmp_path / "app.pub", "-signature", tmp_path / "signature", tmp_path / "signed"],
                   check=True, capture_output=True)
    # One that is about to end is asked for again each time.
    answer[1] = '{"token":"ghs_CANARY","expires_at":"2001-01-01T00:00:00Z"}'
    server.requests.clear()
    ask(server, "corp.example.test/u/r", map=rules, credentials=lines, env=1)  # by our request, and for git
    assert len([r for r in server.requests if "access_tokens" in r.path]) == 2
    for status, code in ((401, "denied"), (500, "unavailable")):
        answer[0] = status
        r = ask(server, "corp.example.test/u/r", map=rules, credentials=lines)
        assert (r["code"], r["cause"]) == (code, "auth") and f"{status}" in r["error"]
        assert "CANARY" not in r["error"] and signature not in r["error"]
