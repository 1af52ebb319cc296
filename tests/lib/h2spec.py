# SPDX-License-Identifier: Apache-2.0
"""h2spec, strict: every demand of HTTP/2 and HPACK on a server."""

import os
import shutil
import subprocess
import tempfile

from lib.gocmd import ROOT, go_binary

PROGRAM = ROOT / ".cache" / "h2spec-v2.2.1"


def program():
    """Built once for all runs: it takes longer than what it does."""
    if not PROGRAM.exists():
        env = dict(os.environ, GOFLAGS="-mod=readonly", GOWORK="off")
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(
                [go_binary(), "build", "-o", f"{folder}/h2spec", "github.com/summerwind/h2spec/cmd/h2spec"],
                cwd=ROOT / "tests" / "oracle" / "h2spec", env=env, check=True, timeout=300,
            )
            part = PROGRAM.with_name(f"{PROGRAM.name}.{os.getpid()}")
            shutil.copy(f"{folder}/h2spec", part)
        part.replace(PROGRAM)
    return PROGRAM


def run(address, path, *options):
    """Asserts that nothing failed, and that nothing was left out."""
    argv = [program(), "--strict", "-h", address[0], "-p", str(address[1]), "-P", path, "-o", "10", *options]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=200)
    assert "146 tests, 146 passed, 0 skipped, 0 failed" in done.stdout, done.stdout[-4000:]
