# SPDX-License-Identifier: Apache-2.0
"""Module caches and Athens stores taken over into the store."""

import json
import os
import pathlib
import pty
import re
import shutil
import subprocess

import pytest

from lib import modgate
from lib.tree import escape, h1, make_zip

PROBE = os.environ.get("STORE_PROBE") or str(pathlib.Path(modgate.binary()).parent / "store_probe")
FILES = {"go.mod": b"module m\n", "m.go": b"package m\n"}
MODULES = [("github.com/Azure/x", "v1.0.0"), ("github.com/Azure/x", "v1.2.0-rc.1"),
           ("github.com/Azure/x", "v0.0.0-20200101000000-abcdefabcdef"), ("github.com/Azure/x/v2", "v2.0.1"),
           ("gopkg.in/yaml.v3", "v3.0.1"), ("example.com/old", "v4.1.0+incompatible")]


def info(version):
    return json.dumps({"Version": version, "Time": "2024-05-01T12:00:00Z"}).encode()


def write(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def modcache(root, modules=MODULES):
    for path, version in modules:
        at_v = root / "cache/download" / escape(path) / "@v"
        z = make_zip(path, version, FILES)
        write(at_v / f"{escape(version)}.info", info(version))
        write(at_v / f"{escape(version)}.mod", b"module %s\n" % path.encode())
        write(at_v / f"{escape(version)}.zip", z)
        write(at_v / f"{escape(version)}.ziphash", h1(z).encode())
        write(at_v / f"{escape(version)}.lock", b"")
        write(at_v / "list", b"v9.9.9\n")  # not stored, so not to be believed
    write(root / "cache/download/sumdb/sum.example/lookup/a@v1.0.0", b"x")
    write(root / "github.com/!azure/x@v1.0.0/go.mod", b"module x\n")  # unpacked
    return root


def athens(root, modules=MODULES):
    for path, version in modules:
        folder = root / path / version
        write(folder / f"{version}.info", info(version))
        write(folder / "go.mod", b"module %s\n" % path.encode())
        write(folder / "source.zip", make_zip(path, version, FILES))
    return root


def probe(*args):
    p = subprocess.run([PROBE, *map(str, args)], text=True, stdout=subprocess.PIPE, timeout=60)
    return p.returncode, p.stdout.splitlines()


def take(store, folder):
    rc, lines = probe("import", store, folder)
    assert rc == 0, lines
    return lines[:-1], dict(zip(["layout"], lines[-1].split())) | {
        k: int(v) for k, v in (word.split("=") for word in lines[-1].split()[1:])}


def files_below(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


LAYOUTS = pytest.mark.parametrize("layout", [modcache, athens], ids=["modcache", "athens"])


@LAYOUTS
def test_everything_is_taken_and_nothing_twice(tmp_path, layout):
    source, store = layout(tmp_path / "source"), tmp_path / "store"
    troubles, found = take(store, source)
    assert troubles == []
    assert found == {"layout": layout.__name__, "modules": 4, "versions": 6, "added": 18, "same": 0,
                     "conflicts": 0, "refused": 0, "lists": 4}
    before = files_below(store / "modules")
    for path, version in MODULES:
        base = f"{escape(path)}/@v/{escape(version)}"
        assert before[base + ".info"] == info(version)
        assert before[base + ".zip"] == make_zip(path, version, FILES)
        record = json.loads(before[base + ".provenance"])
        assert record["zip"]["h1"] == h1(before[base + ".zip"])
        assert record["mod"]["origin"] == ("athens" if layout is athens else "import")
    lists = store / "modules/github.com/!azure/x/@v/list"
    assert lists.read_text() == "v1.0.0\nv1.2.0-rc.1\n"
    assert lists.stat().st_mtime < 86400  # stale from its birth
    assert list((store / "tmp").iterdir()) == []

    troubles, found = take(store, source)
    assert troubles == [] and (found["added"], found["same"], found["lists"]) == (0, 18, 0)
    assert files_below(store / "modules") == before


def test_cache_download_itself(tmp_path):
    _, found = take(tmp_path / "store", modcache(tmp_path / "source") / "cache/download")
    assert found["added"] == 18


def test_athens_store_in_place(tmp_path):
    """The store's root is the Athens store's: its own folders are not taken for modules."""
    root = athens(tmp_path / "both")
    before = files_below(root)
    for _ in range(2):
        troubles, found = take(root, root)
        assert troubles == [] and found["versions"] == 6
    assert before.items() <= files_below(root).items()


def test_what_is_broken_is_named_and_left_out(tmp_path):
    source = modcache(tmp_path / "source")
    at_v = source / "cache/download/github.com/!azure/x/@v"
    (at_v / "v1.0.0.zip").write_bytes(make_zip("other.example/m", "v1.0.0", FILES))
    (at_v / "v1.2.0-rc.1.ziphash").write_text(h1(make_zip("a.example/b", "v1.0.0", FILES)))
    (at_v / "v1.0.0.info").write_bytes(info("v1.0.1"))
    (at_v / "v1.2.0-rc.1.info").write_bytes(b"")
    (at_v / "v1.0.0.mod").unlink()
    (at_v / "v1.0.0.mod").symlink_to("v1.2.0-rc.1.mod")
    (at_v / "master.info").write_bytes(info("v1.0.0"))  # an answer of a moment
    (source / "cache/download/Upper.example/@v").mkdir(parents=True)
    (source / "cache/download/link").symlink_to("github.com")
    troubles, found = take(tmp_path / "store", source)
    assert found["refused"] == len(troubles) == 7 and found["added"] == 18 - 5
    named = "\n".join(troubles)
    for word in ["x/@v/v1.0.0.zip: ", "v1.2.0-rc.1.zip: its hash", "v1.0.0.info: ", "v1.2.0-rc.1.info: ",
                 "v1.0.0.mod: it is a symbolic link", "Upper.example/@v: ", "link: symbolic links"]:
        assert word in named
    stored = tmp_path / "store/modules/github.com/!azure/x/@v"
    assert not (stored / "v1.0.0.zip").exists() and not (stored / "master.info").exists()


def test_athens_zero_bytes_after_power_loss(tmp_path):
    root = athens(tmp_path / "both")
    for name in ["go.mod", "source.zip", "v1.0.0.info"]:
        os.truncate(root / "github.com/Azure/x/v1.0.0" / name, 0)
    troubles, found = take(tmp_path / "store", root)
    assert found["refused"] == len(troubles) == 3 and found["added"] == 15
    for kind in "imz":
        rc, lines = probe("adopt", root, kind, "github.com/Azure/x", "v1.0.0")
        assert rc == 1 and lines[0].startswith("corrupt github.com/Azure/x/v1.0.0/")


def test_conflicts_keep_what_is_stored(tmp_path):
    store = tmp_path / "store"
    take(store, modcache(tmp_path / "a", MODULES[:1]))
    other = modcache(tmp_path / "b", MODULES[:1])
    changed = make_zip(*MODULES[0], {**FILES, "evil.go": b"package m\n"})
    at_v = other / "cache/download/github.com/!azure/x/@v"
    (at_v / "v1.0.0.zip").write_bytes(changed)
    (at_v / "v1.0.0.ziphash").unlink()
    before = files_below(store / "modules")
    troubles, found = take(store, other)
    assert (found["conflicts"], found["same"]) == (1, 2)
    assert troubles[0].startswith("conflict github.com/!azure/x/@v/v1.0.0.zip: the store has other bytes")
    assert files_below(store / "modules") == before


def test_import_heals(tmp_path):
    """A damaged file whose record the cache's copy satisfies is replaced; one without a record gets it."""
    store, source = tmp_path / "store", modcache(tmp_path / "a", MODULES[:1])
    take(store, source)
    at_v = store / "modules/github.com/!azure/x/@v"
    before = files_below(at_v)
    os.truncate(at_v / "v1.0.0.zip", 100)
    _, found = take(store, source)
    assert (found["added"], found["same"]) == (1, 2)
    assert files_below(at_v)["v1.0.0.zip"] == before["v1.0.0.zip"]
    (at_v / "v1.0.0.provenance").unlink()
    _, found = take(store, source)
    assert (found["added"], found["same"]) == (0, 3)
    record = json.loads((at_v / "v1.0.0.provenance").read_text())
    assert record["zip"]["sha256"] == json.loads(before["v1.0.0.provenance"])["zip"]["sha256"]


def test_lists_keep_what_they_named(tmp_path):
    store = tmp_path / "store"
    kept = store / "modules/github.com/!azure/x/@v/list"
    write(kept, b"v0.9.0\nv1.0.0\n")
    os.utime(kept, (10**9, 10**9))
    _, found = take(store, modcache(tmp_path / "a"))
    assert kept.read_text() == "v0.9.0\nv1.0.0\nv1.2.0-rc.1\n"
    assert kept.stat().st_mtime == 10**9


@pytest.mark.parametrize("make", [lambda p: None, lambda p: p.mkdir(), lambda p: write(p / "a/b/c.zip", b"x"),
                                  lambda p: write(p / "src/x/go.mod", b"module x\n"), lambda p: p.write_text("")],
                         ids=["absent", "empty", "other", "source", "file"])
def test_neither_layout(tmp_path, make):
    make(tmp_path / "source")
    rc, lines = probe("import", tmp_path / "store", tmp_path / "source")
    assert rc == 1 and lines[0].split()[0] in ("invalid", "not_found") and str(tmp_path / "source") in lines[0]


def test_adopting_one_artifact(tmp_path):
    root = athens(tmp_path / "both")
    rc, lines = probe("adopt", root, "m", "github.com/Azure/x", "v1.0.0")
    assert (rc, lines) == (0, ["v1.0.0", "v1.2.0-rc.1"])
    at_v = root / "modules/github.com/!azure/x/@v"
    assert sorted(p.name for p in at_v.iterdir()) == ["v1.0.0.mod", "v1.0.0.provenance"]
    assert probe("adopt", root, "z", "github.com/Azure/x", "v1.0.0")[0] == 0
    assert (at_v / "v1.0.0.zip").read_bytes() == make_zip("github.com/Azure/x", "v1.0.0", FILES)
    for path, version in [("github.com/Azure/x", "v1.0.9"), ("github.com/azure/x", "v1.0.0"), ("gopkg.in/no.v1", "v1.0.0")]:
        rc, lines = probe("adopt", root, "z", path, version)
        assert rc == 1 and lines[0].startswith("not_found ")


def test_a_large_cache(tmp_path):
    modules = [(f"example.com/m{i % 40}", f"v1.{i}.0") for i in range(400)]
    _, found = take(tmp_path / "store", modcache(tmp_path / "source", modules))
    assert (found["modules"], found["versions"], found["added"], found["lists"]) == (40, 400, 1200, 40)


def run_import(*args):
    return subprocess.run([modgate.binary(), "import", *map(str, args)], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=60, env={"PATH": os.environ["PATH"], "GOPROXY": "off"})


def test_the_command(tmp_path):
    source, store = modcache(tmp_path / "source"), tmp_path / "store"
    done = run_import(source, "--store", store)
    assert done.returncode == 0, done.stderr
    assert "Go module cache: 4 modules, 6 versions" in done.stdout and "added 18 files" in done.stdout
    assert "\r" not in done.stderr and "0 of 6 versions" in done.stderr
    done = run_import("--store", store, source)
    assert done.returncode == 0 and "18 were there already" in done.stdout
    shutil.copy(source / "cache/download/gopkg.in/yaml.v3/@v/v3.0.1.zip",
                source / "cache/download/example.com/old/@v/v4.1.0+incompatible.zip")
    done = run_import(source, "--store", tmp_path / "other")
    assert done.returncode == 1 and "refused: example.com/old/@v/v4.1.0+incompatible.zip: " in done.stderr
    assert run_import().returncode == run_import("--store").returncode == 2
    assert run_import(tmp_path, "--store", tmp_path / "other").returncode == 1


def test_a_terminal_sees_a_bar(tmp_path):
    source = modcache(tmp_path / "source", [(f"example.com/m{i % 40}", f"v1.{i}.0") for i in range(400)])
    ours, theirs = pty.openpty()
    with subprocess.Popen([modgate.binary(), "import", source, "--store", tmp_path / "store"], stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=theirs, env={"PATH": os.environ["PATH"], "GOPROXY": "off"}) as p:
        os.close(theirs)
        shown = b""
        try:
            while data := os.read(ours, 65536):
                shown += data
        except OSError:  # how a terminal ends
            pass
    os.close(ours)
    assert p.returncode == 0
    bars = re.findall(r"\r\[(#*)(\.*)\] (\d+)/400 versions, [0-9.]+ k?M?B", shown.decode())
    assert all(len(done) + len(left) == 30 for done, left, _ in bars)
    counts = [int(n) for _, _, n in bars]
    assert counts == sorted(counts) and counts[-1] == 400 and bars[-1][1] == ""
    assert shown.endswith(b"\n")
