# SPDX-License-Identifier: Apache-2.0
"""kill -9 at a system call of one's choice: a process is traced by build/kill_at (tests/kill_at.c)."""

import collections
import os
import pathlib
import subprocess

from lib import modgate

KILL_AT = os.environ.get("KILL_AT") or str(pathlib.Path(modgate.binary()).parent / "kill_at")


class KillAt:
    """Within the block the process dies at its nth system call (of that name; "linkat+": at the call after it),
    if it comes that far.
    Afterwards: `what` is "killed", and `value` the name of the call, or "counted", and `counted` how many there
    were of each."""

    def __init__(self, pid, nth, name=None):
        self.argv = [KILL_AT, str(pid), str(nth), *([name] if name else [])]

    def __enter__(self):
        self.process = subprocess.Popen(self.argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n", "it cannot be traced"
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        out = self.process.stdout.read()
        self.process.stdout.close()
        assert self.process.wait(60) == 0
        self.what, self.value, *names = out.split()
        self.counted = collections.Counter({n: int(k) for n, k in (one.split("=") for one in names)})
