# SPDX-License-Identifier: Apache-2.0
"""The real go command on a project of 160 modules: what it sees through modgate is what it sees
without, cold, and warm with every upstream gone."""

import json
import re

import pytest

from lib import gocmd, modules
from lib.origin import Origin, Reply
from lib.tree import Made, h1

VERSIONS = ["github.com/pkg/errors", "github.com/BurntSushi/toml", "github.com/dgrijalva/jwt-go", "gopkg.in/yaml.v2",
            "github.com/evanphx/json-patch", "golang.org/x/exp"]
GETS = ["github.com/pkg/errors@v0", "github.com/pkg/errors@v0.8", "github.com/pkg/errors@latest", "github.com/BurntSushi/toml@v1",
        "github.com/BurntSushi/toml@master", "golang.org/x/exp@master", "golang.org/x/exp@f0251eb4aa3e", "golang.org/x/exp/slices@latest",
        "github.com/Azure/go-ansiterm@8c912ac", "github.com/cespare/xxhash/v2@v2.2.0", "gopkg.in/yaml.v2@v2.3.0",
        "github.com/dgrijalva/jwt-go@v3.1.0+incompatible", "github.com/dgrijalva/jwt-go@latest"]


def everything(go, folder):
    """Runs what developers run; returns {name: what came out}, free of paths."""
    out = {}

    def keep(name, done):
        out[name] = done.stdout.replace(str(go.folder), "GO").replace(str(folder), "WORK")

    def files(name, work):
        out[name + " go.mod"] = (work / "go.mod").read_text()
        out[name + " go.sum"] = (work / "go.sum").read_text()

    work = modules.copy_project(folder / "download", keep_sum=False)
    keep("download", go.run("mod", "download", "all", cwd=work))
    files("download", work)
    keep("list -m -json", go.run("list", "-m", "-json", "all", cwd=work))

    work = modules.copy_project(folder / "tidy", keep_sum=False)
    text = (work / "go.mod").read_text()
    # Packages whose modules must be found anew: their every prefix is asked for.
    text = re.sub(r"\n\tgithub\.com/(pkg/errors|PuerkitoBio/goquery) [^\n]+", "", text)
    (work / "go.mod").write_text(text)
    keep("tidy", go.run("mod", "tidy", cwd=work))
    files("tidy", work)

    keep("list -m -u", go.run("list", "-m", "-u", "all", cwd=work))
    keep("list -m -versions", go.run("list", "-m", "-versions", *VERSIONS, cwd=work))
    for query in GETS:
        go.run("get", query, cwd=work)
        files("get " + query, work)
    return out


def test_a_real_project_cold_and_warm(cache, modgate_of, go_of, tmp_path):
    with Origin(cache) as origin:
        direct = everything(go_of(origin.url), tmp_path / "direct")
        assert direct["download go.sum"] == (modules.PROJECT / "go.sum").read_text()
        assert len(json.loads("[" + direct["list -m -json"].replace("}\n{", "},\n{") + "]")) >= 100
        # What is compared below says something.
        assert " [v" in direct["list -m -u"], "no update is known"
        assert all(len(line.split()) > 2 for line in direct["list -m -versions"].splitlines() if "/exp" not in line)
        for kind in (r"github\.com/[a-z]*[A-Z]", r"gopkg\.in/", r"\+incompatible", r"/v[2-9] v[2-9]", r" v0\.0\.0-\d{14}-"):
            assert re.search(kind, direct["tidy go.mod"]), kind
        asked_direct = origin.count()

        origin.forget()
        m = modgate_of(origin.url)
        cold = everything(go_of(m.url), tmp_path / "cold")
        asked_cold = origin.count()
        assert cold == direct
        print(f"upstream requests: {asked_direct} without modgate, {asked_cold} through it")
        assert asked_cold <= 1.3 * asked_direct
        m.stop()

    # The origin is gone, everything counts as old, the module cache is empty.
    m.config = "list:\n  fresh: 0s\n  stale: 0s\n"
    m.start()
    warm = everything(go_of(m.url), tmp_path / "warm")
    assert warm == direct


@pytest.mark.smoke
def test_a_build(modgate, tree, go_of, tmp_path):
    tree.add("github.com/Azure/dep", "v1.2.3").add("example.com/lib/v2", "v2.0.0",
             gomod="module example.com/lib/v2\n\ngo 1.20\n\nrequire github.com/Azure/dep v1.2.3\n",
             files={"m.go": 'package m\n\nimport _ "github.com/Azure/dep"\n'})
    work = gocmd.project(tmp_path / "user", source='package main\n\nimport _ "example.com/lib/v2"\n\nfunc main() {}\n')
    go = go_of(modgate.url)
    go.run("get", "example.com/lib/v2@latest", cwd=work)
    go.run("build", "./...", cwd=work)
    sums = (work / "go.sum").read_text()
    for name, path, version in (("github.com/!azure/dep", "github.com/Azure/dep", "v1.2.3"), ("example.com/lib/v2", "example.com/lib/v2", "v2.0.0")):
        assert f"{path} {version} {h1(tree.files[f'{name}/@v/{version}.zip'])}\n" in sums


def test_a_failure_reaches_the_developer(modgate, origin, tree, go_of, tmp_path):
    tree.add("example.com/held", "v1.0.0")
    origin.on(r"/held/.*zip$", Reply(403, "license review pending\n"))
    work = gocmd.project(tmp_path / "user")
    go = go_of(modgate.url)
    held = go.run("mod", "download", "example.com/held@v1.0.0", cwd=work, check=False)
    assert held.returncode != 0
    assert "license review pending" in held.stderr and "[request " in held.stderr
    none = go.run("get", "example.com/none@v1.0.0", cwd=work, check=False)
    assert "not found: example.com/none@v1.0.0" in none.stderr and "[request " in none.stderr


def test_a_fault_does_not_send_the_developer_around_the_gate(modgate_of, origin, go_of, tmp_path):
    """GOPROXY=modgate,other: a fault stops the walk, an absence lets it go on."""
    m = modgate_of(origin.url, config="upstream:\n  retries: 0\n")
    work = gocmd.project(tmp_path / "user")
    with Origin(Made().add("example.com/x", "v1.0.0")) as other:
        go = go_of(f"{m.url},{other.url}")
        rule = origin.on(".", Reply(503))
        assert go.run("mod", "download", "example.com/x@v1.0.0", cwd=work, check=False).returncode != 0
        assert other.requests == []
        origin.off(rule)
        m.stop()
        m.start()
        go.run("mod", "download", "example.com/x@v1.0.0", cwd=work)
