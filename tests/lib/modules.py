# SPDX-License-Identifier: Apache-2.0
"""Real modules for the tests: fetched once through this machine's own go client and settings into
.cache/gomodcache, then only read. What they are stands in tests/projects/big."""

import fcntl
import hashlib
import os
import pathlib
import shutil
import subprocess

from lib.gocmd import ROOT, go_binary
from lib.tree import Cache, unescape

PROJECT = ROOT / "tests" / "projects" / "big"
FOLDER = ROOT / ".cache" / "gomodcache"


def wanted():
    """(versions, queries) of upstream.txt."""
    versions, queries = [], []
    for line in (PROJECT / "upstream.txt").read_text().splitlines():
        word, *rest = line.split()[:4] or ["#"]
        if word == "version":
            versions.append(tuple(rest))
        elif word == "query":
            queries.append(tuple(rest))
    return versions, queries


def cache():
    """The filled module cache as a tree; fills it if it is not there or the lists have changed."""
    versions, queries = wanted()
    digest = hashlib.sha256()
    for name in ("go.mod", "go.sum", "upstream.txt"):
        digest.update((PROJECT / name).read_bytes())
    FOLDER.parent.mkdir(exist_ok=True)
    with open(FOLDER.parent / "gomodcache.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp = FOLDER / ".filled"
        if not stamp.exists() or stamp.read_text() != digest.hexdigest():
            fill(versions)
            stamp.write_text(digest.hexdigest())
    return Cache(FOLDER / "cache" / "download", queries)


def fill(versions):
    work = FOLDER.parent / "gomodcache.work"
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(PROJECT, work)
    env = dict(os.environ, GOMODCACHE=str(FOLDER), GOFLAGS="-modcacherw", GOTOOLCHAIN="local", GOWORK="off")

    def go(*args):
        for attempt in (1, 2, 3):  # a registry may stumble
            done = subprocess.run([go_binary(), *args], cwd=work, env=env, stdin=subprocess.DEVNULL,
                                  capture_output=True, text=True)
            if done.returncode == 0:
                return
        raise RuntimeError(f"go {args[0]} {args[1]}: {done.stderr[-3000:]}")

    go("mod", "download", "all")
    go("mod", "tidy")
    go("mod", "download", *(f"{path}@{version}" for path, version in versions))
    # Versions of which the graph needed only the .mod: a proxy that has it has the .info too.
    download = FOLDER / "cache" / "download"
    bare = []
    for file in download.glob("**/@v/*.mod"):
        if not file.with_name(file.name[:-4] + ".info").exists():
            epath = str(file.parent.parent.relative_to(download))
            bare.append(unescape(epath) + "@" + unescape(file.name[:-4]))
    if bare:
        go("list", "-m", *sorted(bare))
    shutil.rmtree(work)
    # Only cache/download is served; the extracted copies are dead weight.
    for entry in FOLDER.iterdir():
        if entry.name not in ("cache", ".filled"):
            shutil.rmtree(entry)


def copy_project(folder, keep_sum=True):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True)
    for name in ("go.mod", "go.sum", "main.go"):
        if name != "go.sum" or keep_sum:
            shutil.copy(PROJECT / name, folder / name)
    return folder

