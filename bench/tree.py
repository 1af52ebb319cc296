# SPDX-License-Identifier: Apache-2.0
"""A tree of made-up modules, laid out like a Go module cache, that a server can use as its
file:// upstream. The same bytes on every machine: all "source" comes from a seeded generator."""

import base64
import hashlib
import io
import json
import random
import shutil
import tempfile
import zipfile
from pathlib import Path

import sumtree

STAMP = "3"  # changes when the generator does, so that an old tree is made anew
TIME = "2024-05-06T07:08:09Z"
WORDS = (
    "return range func error string context buffer reader writer index value offset length"
    " packet frame header option client server request response decode encode parse format"
).split()


def source(rng, package, size):
    """About size bytes that look like Go to a compressor (about 4:1)."""
    lines = [f"package {package}\n"]
    total = len(lines[0])
    while total < size:
        words = rng.choices(WORDS, k=7)
        line = f"// {' '.join(words)} {rng.getrandbits(48):x}\n"
        lines.append(line)
        total += len(line)
    return "".join(lines).encode()


def entry(archive, name, data, method):
    info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    info.compress_type = method
    archive.writestr(info, data)


def module_zip(path, version, mod, size):
    """A valid module zip of exactly size bytes: deflated sources and one stored file that fills up."""
    rng = random.Random(f"{path}@{version}")
    prefix = f"{path}@{version}/"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        entry(archive, prefix + "go.mod", mod, zipfile.ZIP_DEFLATED)
        number = 0
        while out.tell() < min(size * 0.8, 8_000_000):
            data = source(rng, "bench", max(512, min(40000, size // 4)))
            entry(archive, f"{prefix}file{number:04}.go", data, zipfile.ZIP_DEFLATED)
            number += 1
        name = prefix + "testdata/fill.bin"
        # What is still to come: the records of this last entry, the other directory records, the end.
        directory = sum(46 + len(i.filename) for i in archive.infolist())
        rest = size - out.tell() - directory - 30 - 46 - 2 * len(name) - 22
        if rest < 0:
            raise ValueError(f"{prefix}: {size} bytes is too small for a zip")
        fill = b"".join(rng.randbytes(min(1 << 20, rest - at)) for at in range(0, rest, 1 << 20))
        entry(archive, name, fill, zipfile.ZIP_STORED)
    assert len(out.getvalue()) == size
    return out.getvalue()


def go_mod(path, requires=(), go="1.21"):
    lines = [f"module {path}\n\ngo {go}\n"]
    if requires:
        lines.append("\nrequire (\n" + "".join(f"\t{p} {v}\n" for p, v in requires) + ")\n")
    return "".join(lines).encode()


def go_mod_hash(mod):
    """h1: of a go.mod file (golang.org/x/mod/sumdb/dirhash)."""
    line = f"{hashlib.sha256(mod).hexdigest()}  go.mod\n".encode()
    return "h1:" + base64.b64encode(hashlib.sha256(line).digest()).decode()


def info(version):
    return json.dumps({"Version": version, "Time": TIME}, separators=(",", ":")).encode()


def add_module(root, path, versions, zip_size=None, requires=(), go="1.21"):
    """One module: list, @latest, and per version info, mod and (with zip_size) zip. Paths here are
    all lower case, so the escaped path is the path."""
    folder = Path(root, path, "@v")
    folder.mkdir(parents=True)
    mod = go_mod(path, requires, go)
    for version in versions:
        (folder / f"{version}.info").write_bytes(info(version))
        (folder / f"{version}.mod").write_bytes(mod)
        if zip_size:
            (folder / f"{version}.zip").write_bytes(module_zip(path, version, mod, zip_size))
    (folder / "list").write_text("".join(v + "\n" for v in versions))
    (folder.parent / "@latest").write_bytes(info(versions[-1]))


def make(root, fill):
    """Calls fill(root) unless root was made by this version of the generator before."""
    root = Path(root)
    stamp = root / ".stamp"
    if stamp.exists() and stamp.read_text() == STAMP:
        return root
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    fill(root)
    stamp.write_text(STAMP)
    return root


def rows_tree(root):
    """The modules the rows ask for; go.mod and list have sizes as real ones do."""
    requires = [(f"mod.example/dep/d{i:02}", f"v1.{i}.0") for i in range(20)]
    versions = [f"v1.{minor}.{patch}" for minor in range(10) for patch in range(5)]
    # Zips too: goproxy fetches all three files of a version before it answers for one.
    add_module(root, "mod.example/bench/small", versions, 16 * 1024, requires)
    add_module(root, "mod.example/bench/zip32k", ["v1.0.0"], 32 * 1024)
    add_module(root, "mod.example/bench/zip64k", ["v1.0.0"], 64 * 1024)
    add_module(root, "mod.example/bench/zip7m", ["v1.0.0"], 7_300_000)
    for i in range(64):
        add_module(root, f"mod.example/hot/m{i:02}", ["v1.0.0"], 60 * 1024)
    with tempfile.TemporaryDirectory() as work:
        sumtree.add(root, Path(work))
