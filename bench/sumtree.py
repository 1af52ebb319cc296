# SPDX-License-Identifier: Apache-2.0
"""A checksum database as a tree of files below an upstream's /sumdb/NAME/: the records of a tree's
modules spread among others, every tile as wide as the last head has it. Made once with the tests' own
database (golang.org/x/mod), so that measuring needs nothing but a server of files."""

import hashlib
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from lib import sumdb  # noqa: E402
from lib.tree import h1, unescape  # noqa: E402

NAME = "sum.bench.test"
# Between two records that are asked for: so that each lies in a tile of its own, as in a large log.
GAP = 300


def versions(root):
    for zip_file in sorted(root.rglob("*.zip")):
        module = unescape(str(zip_file.parent.parent.relative_to(root)))
        yield module, zip_file.stem, zip_file


def tiles(size):
    """tile/8/L/K of a log of that size, the partial ones included."""
    level, count = 0, size
    while count > 0:
        for number in range((count + 255) // 256):
            width = min(256, count - number * 256)
            groups = [f"{number % 1000:03}"]
            while number >= 1000:
                number //= 1000
                groups.insert(0, f"x{number % 1000:03}")
            yield f"tile/8/{level}/{'/'.join(groups)}" + ("" if width == 256 else f".p/{width}")
        level, count = level + 1, count >> 8


def add(root, work):
    """Returns the database's key, as GOSUMDB takes it."""
    with sumdb.Sumdb(sumdb.build(work), name=NAME, seed=hashlib.sha256(b"bench").hexdigest()) as db:
        known = []
        for module, version, zip_file in versions(root):
            db.fill(GAP)
            mod = sumdb.h1_mod(zip_file.with_suffix(".mod").read_bytes())
            db.add(module, version, zip=h1(zip_file.read_bytes()), mod=mod)
            known.append(zip_file.parent.parent.relative_to(root) / f"@{version}")
        base = root / "sumdb" / NAME
        lookups = [f"lookup/{str(name).replace('/@', '@')}" for name in known]
        for path in [*lookups, *tiles(db.size), "latest"]:
            answer = db.get("/" + path)
            if answer["status"] != 200:
                raise RuntimeError(f"{path}: {answer}")
            file = base / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(answer["body"])
        (base / "supported").write_bytes(b"")
        (root / "key").write_text(db.key)
