# SPDX-License-Identifier: Apache-2.0
"""T11: the zip of a commit has the hash that the go command gives it with GOPROXY=direct, whatever its attributes say."""

import json
import random
import subprocess

import pytest

from lib import gocmd
from lib.gitrepo import Executable, Link, Submodule
from lib.gitserver import GitServer
from lib.vcsprobe import Probe

pytestmark = pytest.mark.skipif(gocmd.go_binary() is None, reason="needs the go command")

CONTENTS = [b"", b"x\ny\n", b"x\r\ny\r\n", b"x\ny\r\n", b"a\0b\nc\n", b"lone\rcr\n", b"$Id$\n", b"$Id: old $\nx\n", "ä€\n".encode(),
            b"no end", b"x\n" * 5000, b"$Format:%H$\n", b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"1" * 64 +
            b"\nsize 5\n", bytes(range(256)) * 300]
ATTRIBUTES = ["text", "-text", "text=auto", "eol=lf", "eol=crlf", "text eol=crlf", "text=auto eol=crlf", "-text eol=crlf", "binary",
              "crlf", "ident", "ident eol=crlf", "working-tree-encoding=UTF-16", "working-tree-encoding=UTF-16LE-BOM",
              "export-ignore", "export-subst", "filter=lfs diff=lfs merge=lfs -text", "export-subst eol=crlf", "!text"]


def tree(rnd, root, sha256):
    """A module with files of all contents under all attributes, in folders that change them once more."""
    files = {"go.mod": f"module {root}\n\ngo 1.20\n", "x.go": "package x\n", "LICENSE": "license\n",
             "run.sh": Executable("#!/bin/sh\n"), "link": Link("x.go"), "gitlink": Submodule("2" * (64 if sha256 else 40)),
             "a" * 101 + ".txt": "long\n", "/".join(["d" * 60] * 3) + "/deep.txt": "deep\n", ".github/w.yml": "x\n", "ünïcode.txt": "u\n",
             "sub/go.mod": f"module {root}/sub\n", "sub/s.go": "package sub\n", "sub/LICENSE.txt": "no\n",
             "own/go.mod": f"module {root}/own\n", "own/LICENSE": "own\r\n", "own/o.go": "package own\n",
             "vendor/modules.txt": "x\n", "vendor/a.example/b/b.go": "package b\n", "sub/vendor/c.example/c.go": "package c\n"}
    lines = []
    for i, attribute in enumerate(ATTRIBUTES):
        for j in rnd.sample(range(len(CONTENTS)), 4):
            files[f"f{i}/c{j}.dat"] = CONTENTS[j]
        lines.append(f"/f{i}/* {attribute}")
    if rnd.random() < 0.5:
        lines.insert(0, f"* {rnd.choice(ATTRIBUTES[:12])}")
    files[".gitattributes"] = "\n".join(lines) + "\n"
    inner = rnd.randrange(len(ATTRIBUTES))
    if f"f{inner}/.gitattributes" not in files:
        files[f"f{inner}/.gitattributes"] = f"c*.dat {rnd.choice(ATTRIBUTES)}\n[attr]mine text\nc1.dat mine\n"
    return files


def hashes(go, folder, wanted):
    done = go.run("mod", "download", "-json", *wanted, cwd=folder, check=False)
    found, decoder, text = {}, json.JSONDecoder(), done.stdout.strip()
    while text:
        entry, end = decoder.raw_decode(text)
        found[f"{entry['Path']}@{entry['Version']}"] = entry.get("Sum") or entry.get("Error")
        text = text[end:].strip()
    return found


@pytest.mark.parametrize("seed", range(2))
def test_t11_zips_have_the_hashes_of_the_go_command(tmp_path, seed):
    rnd = random.Random(seed)
    with GitServer(tmp_path) as server:
        wanted, mappings = [], []
        for i in range(6):
            root = f"git.example.test/r{i}"
            r = server.add(root, sha256=i == 3)
            c = r.commit(tree(rnd, root, i == 3), branch="main")
            for prefix, path in (("", root), ("sub/", root + "/sub"), ("own/", root + "/own")):
                r.tag(f"{prefix}v1.0.0", c)
                wanted.append((path, "v1.0.0"))
            r.write()
            mappings.append(f"{root}=https://{root}.git")
        go = server.go(tmp_path / "go")
        theirs = hashes(go, gocmd.project(tmp_path / "p"), [f"{p}@{v}" for p, v in wanted])
        with Probe(tmp_path / "mirrors", *mappings, env=server.environment()) as probe:
            for path, version in wanted:
                code, text = probe(f"zip {path} {version}")
                expected = theirs[f"{path}@{version}"]
                if expected.startswith("h1:"):
                    assert (code, text) == ("ok", expected), f"{path} (seed {seed})"
                else:
                    assert code == "not_found", f"{path} (seed {seed}): go says {expected}, we {code} {text}"
        assert sum(v.startswith("h1:") for v in theirs.values()) >= 12, theirs


def test_a_tree_that_is_not_sorted(tmp_path):
    """Of another program than git, which lists them as they are; go takes what comes."""
    root = "git.example.test/x"
    with GitServer(tmp_path) as server:
        folder = server.add(root).folder

        def store(kind, content):
            done = subprocess.run(["git", "hash-object", "-w", "-t", kind, "--literally", "--stdin"], cwd=folder, input=content,
                                  capture_output=True, check=True)
            return done.stdout.decode().strip()

        files = [("z.go", "package x\n"), ("go.mod", f"module {root}\n"), ("m.go", "package x // m\n"), ("a.go", "package x // a\n")]
        tree = store("tree", b"".join(b"100644 %s\0%s" % (name.encode(), bytes.fromhex(store("blob", content.encode())))
                                      for name, content in files))
        who = "a <a@b> 1577836800 +0000"
        commit = store("commit", f"tree {tree}\nauthor {who}\ncommitter {who}\n\nx\n".encode())
        for ref in ("heads/main", "tags/v1.0.0"):
            (folder / "refs" / ref).write_text(commit + "\n")
        theirs = hashes(server.go(tmp_path / "go"), gocmd.project(tmp_path / "p"), [f"{root}@v1.0.0"])[f"{root}@v1.0.0"]
        assert theirs.startswith("h1:"), theirs
        with Probe(tmp_path / "mirrors", f"{root}=https://{root}.git", env=server.environment()) as probe:
            assert probe(f"zip {root} v1.0.0") == ("ok", theirs)
