# SPDX-License-Identifier: Apache-2.0
"""A running Athens replaced in place: its environment, its disk store, its clients."""

import pytest

from lib import expect, gocmd
from lib.tree import escape

MODULES = [("github.com/Azure/x", "v1.0.0"), ("github.com/Azure/x", "v1.1.0-RC1"), ("example.com/old", "v2.0.0+incompatible"),
           ("example.com/lib/v3", "v3.0.1"), ("gopkg.in/yaml.v3", "v3.0.1"),
           ("example.com/untagged", "v0.0.0-20240501120000-abcdefabcdef")]


def files_below(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture
def left(tree, tmp_path):
    """The disk that an Athens left."""
    for path, version in MODULES:
        tree.add(path, version)
    return tree.write_athens(tmp_path / "athens")


@pytest.mark.parametrize("mode", ["sync", "none"])
def test_in_place(modgate_of, origin, tree, left, go_of, tmp_path, mode):
    """Every module is served from where Athens left it, with nobody to ask; Athens' files stay as they are."""
    before = files_below(left)
    origin.stop()
    m = modgate_of(origin.url, store=left, config="upstream:\n  retries: 0\n",
                   prefix="/athens",
                   env={"ATHENS_DISK_STORAGE_ROOT": str(left), "ATHENS_STORAGE_TYPE": "disk", "ATHENS_DOWNLOAD_MODE": mode,
                        "ATHENS_PATH_PREFIX": "/athens", "ATHENS_GOGET_WORKERS": "5"})
    for _ in range(2):
        for path, version in MODULES:
            for kind in ("info", "mod", "zip"):
                name = f"{escape(path)}/@v/{escape(version)}.{kind}"
                expect.success(m.get("/" + name), tree.files[name])
        m.stop()
        m.start()
    for name in ("ATHENS_DISK_STORAGE_ROOT", "ATHENS_DOWNLOAD_MODE"):
        assert sum(name in line for line in m.log().splitlines()) == len(m.logs), "one line of notice a start"
    work = gocmd.project(tmp_path / "user")
    go = go_of(m.url)
    go.run("mod", "download", *(f"{path}@{version}" for path, version in MODULES), cwd=work)
    assert go.run("list", "-m", "-versions", "github.com/Azure/x", cwd=work).stdout == "github.com/Azure/x v1.0.0 v1.1.0-RC1\n"
    assert go.run("list", "-m", "gopkg.in/yaml.v3@latest", cwd=work).stdout == "gopkg.in/yaml.v3 v3.0.1\n"
    assert before.items() <= files_below(left).items()


def test_what_athens_spoilt_comes_from_an_upstream(modgate_of, origin, tree, left):
    """Athens keeps empty files after a power loss, and would serve them for ever."""
    for name in ("go.mod", "source.zip", "v1.0.0.info"):
        (left / "github.com/Azure/x/v1.0.0" / name).write_bytes(b"")
    m = modgate_of(origin.url, store=left, env={"ATHENS_DISK_STORAGE_ROOT": str(left)})
    for kind in ("info", "mod", "zip"):
        name = f"github.com/!azure/x/@v/v1.0.0.{kind}"
        expect.success(m.get("/" + name), tree.files[name])
    assert origin.count() == 3
