# SPDX-License-Identifier: Apache-2.0
"""`modgate warm`: what a project needs is in the store before anybody asks for it."""

import os
import pty
import re
import subprocess

import pytest

from lib import expect
from lib.modgate import binary
from lib.origin import Reply
from lib.ports import free_port
from lib.tree import h1

RUNNING = pytest.mark.parametrize("running", [True, False], ids=["server", "no-server"])
KINDS = ("info", "mod", "zip")
HASH = "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="


@pytest.fixture
def project(tree, tmp_path):
    """A go.mod and a go.sum, and the modules that they name."""
    for path, version in (("github.com/Azure/a", "v1.0.0"), ("example.com/b/v2", "v2.1.0"), ("example.com/c", "v0.3.0"),
                          ("example.com/fork", "v1.5.0")):
        tree.add(path, version)
    (tmp_path / "go.mod").write_text(
        "module example.com/me\n\ngo 1.20\n\nrequire (\n\tgithub.com/Azure/a v1.0.0\n\texample.com/b/v2 v2.1.0\n"
        "\texample.com/here v1.0.0\n\texample.com/replaced v1.0.0 // indirect\n)\n\n"
        "replace example.com/here => ./here\n\nreplace example.com/replaced => example.com/fork v1.5.0\n")
    (tmp_path / "go.sum").write_text(
        f"github.com/Azure/a v1.0.0 {HASH}\ngithub.com/Azure/a v1.0.0/go.mod {HASH}\nexample.com/c v0.3.0/go.mod {HASH}\n")
    return tmp_path


def names(m):
    return sorted(str(f.relative_to(m.store / "modules")) for f in (m.store / "modules").rglob("*")
                  if f.suffix[1:] in KINDS)


def all_of(path, version):
    return [f"{path}/@v/{version}.{kind}" for kind in KINDS]


@pytest.mark.smoke
@RUNNING
def test_a_project(modgate, origin, tree, project, running):
    if not running:
        modgate.stop()
    done = modgate.run("warm", project / "go.mod")
    assert done.returncode == 0, done.stderr
    assert re.search(r"^9 artifacts \([0-9.]+ k?B\) are stored: 9 were got, 0 were there already$", done.stdout, re.M)
    assert names(modgate) == sorted(all_of("github.com/!azure/a", "v1.0.0") + all_of("example.com/b/v2", "v2.1.0") +
                                    all_of("example.com/fork", "v1.5.0"))
    asked = origin.count()
    done = modgate.run("warm", project / "go.mod", project / "go.sum")
    assert done.returncode == 0 and "1 were got, 9 were there already" in done.stdout
    assert origin.count() == asked + 1 and "example.com/c/@v/v0.3.0.mod" in names(modgate)
    assert "example.com/c/@v/v0.3.0.zip" not in names(modgate)
    origin.stop()
    if not running:
        modgate.start()
    for name in names(modgate):
        expect.success(modgate.get("/" + name), tree.get(name))
    assert modgate.run("verify").returncode == 0


@RUNNING
def test_modules_by_name(modgate, project, running):
    if not running:
        modgate.stop()
    done = modgate.run("warm", "example.com/c@v0.3.0", "github.com/Azure/a@v1.0.0")
    assert done.returncode == 0 and "6 were got" in done.stdout
    assert names(modgate) == sorted(all_of("example.com/c", "v0.3.0") + all_of("github.com/!azure/a", "v1.0.0"))


@RUNNING
def test_failures_are_named_and_the_rest_is_got(modgate, origin, project, running):
    origin.on(r"/b/v2/@v/.*\.zip$", Reply(403, b"licence"))
    if not running:
        modgate.stop()
    done = modgate.run("warm", project / "go.mod", "example.com/none@v1.0.0")
    assert done.returncode == 1
    assert "4 failed; each is named above" in done.stdout and "8 were got" in done.stdout
    for kind in KINDS:
        assert re.search(rf"failed: example.com/none/@v/v1.0.0.{kind}: .*404", done.stderr)
    assert re.search(r"failed: example.com/b/v2/@v/v2.1.0.zip: .*licence", done.stderr)


@RUNNING
def test_private_modules_stay_in_the_house(modgate_of, origin, project, running):
    # Nobody answers for its repository.
    m = modgate_of(origin.url, env={"GOPRIVATE": "example.com/b", "HTTPS_PROXY": f"http://127.0.0.1:{free_port()}"})
    if not running:
        m.stop()
    origin.forget()
    done = m.run("warm", project / "go.mod")
    assert done.returncode == 1 and done.stderr.count("failed: example.com/b/v2/@v/v2.1.0.") == 3
    assert not origin.paths("/b/")


@RUNNING
def test_what_is_got_is_proven(proving, sumdb, project, tree, running):
    m = proving()
    if not running:
        m.stop()
    sumdb.add("example.com/c", "v0.3.0", zip=h1(tree.get("example.com/fork/@v/v1.5.0.zip")))
    done = m.run("warm", "example.com/c@v0.3.0", "github.com/Azure/a@v1.0.0")
    assert done.returncode == 1
    assert "failed: example.com/c/@v/v0.3.0.zip: " in done.stderr and sumdb.name in done.stderr
    assert "example.com/c/@v/v0.3.0.zip" not in names(m)
    assert '"verified":"sumdb"' in (m.store / "modules/github.com/!azure/a/@v/v1.0.0.provenance").read_text().replace(" ", "")


def test_mistakes(modgate, project):
    assert modgate.run("warm").returncode == 2
    (project / "bad.mod").write_text("module x\n\nnonsense\n")
    (project / "bad.sum").write_text(f"example.com/c v0.3.0 {HASH}\nexample.com/c\n")
    for word, reason in (("example.com/c", "MODULE@VERSION"), ("example.com/c@latest", "version"), ("none/go.mod", "open"),
                         (project / "bad.mod", "3"), (project / "bad.sum", "line 2")):
        done = modgate.run("warm", word)
        assert done.returncode == 1 and str(word) in done.stderr and reason in done.stderr, done.stderr
    assert names(modgate) == []


def test_without_a_server_somebody_must_be_asked(modgate, project):
    modgate.stop()
    (modgate.store / "upstreams").unlink()
    modgate.goproxy = None  # and no Go installation that names one
    modgate.env = {"PATH": "/nonexistent", "GOROOT": str(modgate.folder / "none")}
    done = modgate.run("warm", "example.com/c@v0.3.0")
    assert done.returncode == 1 and "no upstream to fetch modules from" in done.stderr


@RUNNING
def test_a_thousand_artifacts_on_a_terminal(modgate, tree, tmp_path, running):
    lines = []
    for i in range(340):
        tree.add(f"example.com/m{i % 30}", f"v1.{i}.0")
        lines.append(f"example.com/m{i % 30} v1.{i}.0 {HASH}\n")
    (tmp_path / "go.sum").write_text("".join(lines))
    if not running:
        modgate.stop()
    ours, theirs = pty.openpty()
    with subprocess.Popen([binary(), "warm", tmp_path / "go.sum", *modgate.store_args], env=modgate.environment(),
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=theirs) as p:
        os.close(theirs)
        shown = b""
        try:
            while data := os.read(ours, 65536):
                shown += data
        except OSError:  # how a terminal ends
            pass
        out = p.stdout.read().decode()
    os.close(ours)
    assert p.returncode == 0 and "1020 were got" in out, shown[-2000:]
    bars = re.findall(r"\r\[#*\.*\] (\d+)/1020 artifacts, ", shown.decode())
    assert [int(n) for n in bars] == sorted(int(n) for n in bars) and bars[-1] == "1020"
    assert len(names(modgate)) == 1020
