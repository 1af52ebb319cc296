# SPDX-License-Identifier: Apache-2.0
"""What is measured: one line a row. A new row is a new line here (and, where it needs them, modules
in tree.rows_tree)."""

from dataclasses import dataclass

BENCH = "/mod.example/bench"
SUMDB = "/sumdb/sum.bench.test"


@dataclass(frozen=True)
class Row:
    name: str
    path: str
    status: int = 200
    best: float = None  # goal: modgate's CPU over that of the better nginx
    sendfile: float = None  # goal: over nginx with sendfile
    both: bool = False  # compare server and client CPU together (see hot.cost)
    goproxy: bool = True  # does it answer such a thing
    floor: bool = False  # also measure nginx answering from its configuration
    seconds: float = 1.0  # per measurement


SMALL = {"best": 0.85, "sendfile": 0.6, "floor": True}

ROWS = [
    Row("list", f"{BENCH}/small/@v/list", **SMALL),
    Row("info", f"{BENCH}/small/@v/v1.3.2.info", **SMALL),
    Row("mod", f"{BENCH}/small/@v/v1.3.2.mod", **SMALL),
    Row("latest", f"{BENCH}/small/@latest", **SMALL),
    Row("404 probe", "/mod.example/@v/list", status=404, **SMALL),
    Row("sumdb lookup", f"{SUMDB}/lookup/mod.example/bench/small@v1.3.2", goproxy=False, **SMALL),
    Row("sumdb tile", f"{SUMDB}/tile/8/0/000", goproxy=False, **SMALL),
    Row("zip 32 KB", f"{BENCH}/zip32k/@v/v1.0.0.zip", sendfile=0.9),
    Row("zip 64 KB", f"{BENCH}/zip64k/@v/v1.0.0.zip", sendfile=0.9),
    Row("zip 7.3 MB", f"{BENCH}/zip7m/@v/v1.0.0.zip", sendfile=1.0, both=True, seconds=2.0),
]
