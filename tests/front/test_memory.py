# SPDX-License-Identifier: Apache-2.0
"""F22: an allocation finds no memory. A process may end of it, and be started again; no answer is ever wrong, and
afterwards everything works. Not with a sanitizer, whose allocator stands where ours must."""

import os
import pathlib
import random
import struct
import subprocess
import time

import pytest

from lib import certs, http
from lib.modgate import sanitized
from lib.ports import free_port
from lib.wait import until

pytestmark = [pytest.mark.smoke, pytest.mark.skipif(sanitized(), reason="allocations fail in the binary as shipped")]
BASE = "/example.com/m/@v/"


@pytest.fixture(scope="session")
def shim(tmp_path_factory):
    library = tmp_path_factory.mktemp("shim") / "fail_malloc.so"
    source = pathlib.Path(__file__).with_name("fail_malloc.c")
    subprocess.run([os.environ.get("CC", "cc"), "-shared", "-fPIC", "-O1", "-o", library, source], check=True)
    return library


def may_fail(ask, want):
    """Right, or an honest failure."""
    try:
        a = ask()
    except (http.Broken, OSError):
        return
    assert a.status in (500, 502, 503, 504) or (a.status, a.body) == (200, want), a


def over_tls(address, context, target):
    with certs.Session(address, context) as s:
        return s.request(target)


class Victim:
    """A modgate in one role of which the nth allocation from now can be made to fail."""

    def __init__(self, modgate_of, origin, sumdb, shim, pair, folder, role):
        self.left = folder / "left"
        self.left.write_bytes(bytes(8))
        port = free_port()
        self.m = modgate_of(
            origin.url, config="fetch:\n  down: 0s\nstream:\n  above: 64KiB\n",
            args=["--listen", f"https://127.0.0.1:{port}", "--tls-cert", str(pair.cert), "--tls-key", str(pair.key)],
            env={"LD_PRELOAD": str(shim), "FAIL_MALLOC": f"{role}:{self.left}", "GOSUMDB": sumdb.gosumdb})
        self.secure = ("127.0.0.1", port)

    def fail(self, n):
        with open(self.left, "r+b") as f:
            f.write(struct.pack("q", n))

    def has_failed(self):
        return struct.unpack("q", self.left.read_bytes())[0] <= 0


@pytest.mark.parametrize("role", ["front", "fetch"])
def test_f22_any_allocation_may_fail(modgate_of, origin, tree, sumdb, shim, tmp_path, role):
    seed = int(os.environ.get("MEMORY_SEED", time.time_ns() % 1_000_000))
    print(f"MEMORY_SEED={seed}")
    rng = random.Random(seed)
    authority = certs.Authority(tmp_path / "authority")
    context = certs.context(authority)
    sumdb.know(tree)
    v = Victim(modgate_of, origin, sumdb, shim, authority.issue("localhost", ["DNS:localhost"]), tmp_path, role)
    rounds = int(os.environ.get("MEMORY_ROUNDS", 10))
    failed, began = [], time.monotonic()
    for i in range(rounds):
        n = int(10 ** rng.uniform(0, 3.5))
        before = set(tree.files)
        tree.add("example.com/m", f"v1.{i}.0", files={"noise": rng.randbytes(rng.choice([100, 100_000]))})
        fresh = {name: want for name, want in tree.files.items() if name not in before}
        v.fail(n)
        for name, want in fresh.items():
            may_fail(lambda: v.m.get("/" + name, timeout=30), want)
            may_fail(lambda: over_tls(v.secure, context, "/" + name), want)
        failed.append((n, v.has_failed(), round(time.monotonic() - began, 1)))
        v.fail(0)

        def right(name, want):
            try:
                a = v.m.get("/" + name, timeout=30)
            except (http.Broken, OSError):
                return False
            assert a.status != 200 or a.body == want
            return a.status == 200

        for name, want in fresh.items():
            until(lambda: right(name, want), 30)
    print(f"{role}: the nth allocation, and whether there was one: {failed}")
    assert sum(hit for _, hit, _ in failed) >= 3
