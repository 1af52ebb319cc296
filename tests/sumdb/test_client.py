# SPDX-License-Identifier: Apache-2.0
"""What the go command has proven and kept, src/sumdb proves again: with the same files and nothing else."""

import os
import pathlib
import re
import shutil
import subprocess

import pytest

from lib import gocmd, modgate

# Answers of the public database, as the go command got and kept them on 2026-11-23: two lookups with heads
# of two sizes, the head that was trusted, and all tiles that it takes to prove the one under the other.
PUBLIC = pathlib.Path(__file__).parent / "public"
PUBLIC_KEY = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
PROGRAM = os.environ.get("SUMDB_CACHE") or str(pathlib.Path(modgate.binary()).parent / "sumdb_cache")


def prove(key, folder, head):
    done = subprocess.run([PROGRAM, key, folder, head], capture_output=True, text=True, errors="replace", timeout=100)
    said = re.search(r"^(\d+) of (\d+) proven", done.stdout, re.M)
    assert said, done.stdout + done.stderr
    assert (done.returncode == 0) == (said[1] == said[2])
    return int(said[1]), int(said[2]), done.stdout


@pytest.fixture
def kept(sumdb, tree, origin, go_of, tmp_path):
    """Six modules, looked up one by one while the database grew, in the go command's cache."""
    sumdb.know(tree)
    go = go_of(origin.url, GOSUMDB=sumdb.gosumdb, GOFLAGS="-modcacherw -mod=mod")
    work = gocmd.project(tmp_path / "user")
    for i in range(6):
        path = f"example.com/Part{i}"
        tree.add(path, "v1.0.0")
        go.run("mod", "download", f"{path}@v1.0.0", cwd=work)
        sumdb.fill([3, 250, 5, 700, 64, 0][i])
    folder = go.modcache / "cache" / "download" / "sumdb" / sumdb.name
    head = pathlib.Path(go.environment()["GOPATH"]) / "pkg" / "sumdb" / sumdb.name / "latest"
    return sumdb.key, folder, head


def test_proves_what_the_go_command_proved(kept):
    assert prove(*kept)[:2] == (6, 6)


def test_proves_nothing_by_another_key(kept, sumdb):
    other = sumdb.key[:-6] + ("AAAAA=" if sumdb.key[-6:] != "AAAAA=" else "AAABA=")
    done = subprocess.run([PROGRAM, other, *kept[1:]], capture_output=True, text=True, timeout=100)
    assert done.returncode != 0


def test_a_changed_byte_proves_nothing(kept):
    _, folder, head = kept
    noticed = 0
    for file in sorted(p for p in folder.rglob("*") if p.is_file()):
        good = file.read_bytes()
        file.write_bytes(bytes([*good[: len(good) // 2], good[len(good) // 2] ^ 1, *good[len(good) // 2 + 1 :]]))
        proven, of, said = prove(*kept)
        # Partial tiles of smaller trees are not needed any more.
        assert proven < of or ".p" in str(file), f"{file} was changed\n{said}"
        noticed += proven < of
        file.write_bytes(good)
    assert noticed > 6 and prove(*kept)[:2] == (6, 6)


def test_proves_the_public_database():
    assert prove(PUBLIC_KEY, PUBLIC, PUBLIC / "latest")[:2] == (2, 2)


def test_any_changed_byte_of_the_public_database_is_noticed(tmp_path):
    folder = tmp_path / "public"
    shutil.copytree(PUBLIC, folder)
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    assert len(files) == 1 + 2 + 14
    for file in files:
        good = file.read_bytes()
        for at in (0, len(good) // 3, len(good) // 2, len(good) - 2):
            file.write_bytes(bytes([*good[:at], good[at] ^ 1, *good[at + 1 :]]))
            done = subprocess.run([PROGRAM, PUBLIC_KEY, folder, folder / "latest"], capture_output=True, timeout=100)
            assert done.returncode == 1, f"byte {at} of {file} was changed"
        file.write_bytes(good)
