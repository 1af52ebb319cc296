# SPDX-License-Identifier: Apache-2.0
"""Drives tests/vcs/vcs_probe.c, which says what orders there are."""

import os
import pathlib
import subprocess

from lib.modgate import binary


class Probe:
    """Answers as (code, text); .us is how long the last order took."""

    def __init__(self, folder, *mappings, protocols="https", env=None, under=()):
        self.folder = pathlib.Path(folder)
        clean = {n: v for n, v in os.environ.items() if "proxy" not in n.lower()}
        self.process = subprocess.Popen([*under, pathlib.Path(binary()).parent / "vcs_probe", str(folder), protocols, *mappings],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**clean, **(env or {})})
        self.pid = int(self.process.stdout.readline())

    def __call__(self, order):
        self.process.stdin.write(order.encode() + b"\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline().decode(errors="replace")  # a go.mod may be anything, and have CR
        assert line, f"the probe ended at {order}"
        us, code, text = line[:-1].split(" ", 2)
        self.us = int(us)
        return code, text

    def good(self, order):
        code, text = self(order)
        assert code == "ok", f"{order}: {text}"
        return text

    def children(self):
        return [int(p) for t in pathlib.Path(f"/proc/{self.pid}/task").iterdir() for p in (t / "children").read_text().split()]

    def descriptors(self):
        return len(list(pathlib.Path(f"/proc/{self.pid}/fd").iterdir()))

    def leftovers(self):
        """Files that only a git at work has."""
        return [p for p in self.folder.rglob("*") if p.name.startswith("tmp_") or p.name.endswith(".lock") or ".aside" in p.name]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        assert self.process.wait(60) == 0
