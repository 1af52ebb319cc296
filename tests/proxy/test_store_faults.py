# SPDX-License-Identifier: Apache-2.0
"""A disk that is full, failing, or changed behind modgate's back, as its clients see it (F03, F04, F05).
tests/store looks at the same faults call by call."""

import os
import random
import shutil
import signal
import subprocess
import time

import pytest

from lib import expect
from lib.drip import Drip, Reader

ZIP = "/example.com/m/@v/v1.0.0.zip"
KINDS = ("info", "mod", "zip")
NO_RETRIES = "upstream:\n  retries: 0\n"


def until_served(m, target, want, seconds):
    end = time.monotonic() + seconds
    while (answer := m.get(target)).status != 200:
        expect.failure(answer, 503)
        assert time.monotonic() < end, answer
        time.sleep(0.1)
    assert answer.body == want


# --- F03


@pytest.fixture
def small_disk(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("only root can mount")
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "none", folder], stderr=subprocess.DEVNULL).returncode != 0:
        pytest.skip("no mounts here")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_f03_a_full_disk(modgate_of, origin, tree, small_disk):
    for name in ("m", "cold", "later"):
        tree.add(f"example.com/{name}", "v1.0.0", files={"noise.bin": random.Random(name).randbytes(400_000)})
    m = modgate_of(origin.url, config=f"store: {small_disk}/store\n", store=small_disk / "store")
    expect.success(m.get(ZIP))
    ballast = small_disk / "ballast"
    with open(ballast, "wb", buffering=0) as f:
        with pytest.raises(OSError):
            while True:
                f.write(bytes(4096))
    cold = "/example.com/cold/@v/v1.0.0.zip"
    for _ in range(5):  # however often: a full disk is no broken one
        expect.failure(m.get(cold), 503, "No space left")
        expect.success(m.get(ZIP), tree.files[ZIP[1:]])
    unready = m.get("/readyz")
    assert unready.status == 503 and unready.text.startswith("not ready: store: ")
    assert list((small_disk / "store" / "tmp").iterdir()) == []
    ballast.unlink()
    until_served(m, cold, tree.files[cold[1:]], 10)
    m.wait_ready()
    m.stop()


def test_f03_a_disk_that_fills_while_a_zip_is_sent(modgate_of, origin, tree, small_disk):
    tree.add("example.com/m", "v1.0.0", files={"noise.bin": random.Random(3).randbytes(12_000_000)})
    tree.add("example.com/later", "v1.0.0", files={"noise.bin": random.Random(4).randbytes(1_000_000)})
    drip = Drip(tree.files[ZIP[1:]])
    origin.on(r"/m/.*zip$", raw=drip)
    m = modgate_of(origin.url, config=f"store: {small_disk}/store\nstream:\n  above: 1MiB\n", store=small_disk / "store")
    with Reader(m.address, ZIP) as reader:
        drip.to(4_000_000)
        reader.read_to(3_900_000)
        drip.finish()
        assert "reset" in reader.read_until_cut()
        assert bytes(reader.body) == drip.body[: len(reader.body)]
    later = "/example.com/later/@v/v1.0.0.zip"
    until_served(m, later, tree.files[later[1:]], 10)
    assert list((small_disk / "store" / "tmp").iterdir()) == []
    assert "No space left" in m.log()
    m.stop()


# --- F04


class Injected:
    """Errors for calls of a running process, until the end of the block."""

    def __init__(self, pid, inject):
        self.argv = ["strace", "-f", "-p", str(pid), "-o", "/dev/null", "-e", f"inject={inject}"]

    def __enter__(self):
        self.strace = subprocess.Popen(self.argv, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
        line = self.strace.stderr.readline()
        if "attached" not in line:
            self.strace.kill()
            pytest.skip(f"strace cannot attach here: {line}")

    def __exit__(self, *_):
        self.strace.send_signal(signal.SIGINT)
        self.strace.communicate(timeout=20)


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.parametrize("call", ["fsync", "linkat", "pwrite64"])
def test_f04_a_failing_disk(modgate_of, origin, tree, call):
    """What could not be made durable is not served as if it were, nor repeated as success; hits go on; after
    three errors writing pauses; without the errors everything can be had again."""
    tree.add("example.com/m", "v1.0.0")
    for i in range(6):
        tree.add(f"example.com/c{i}", "v1.0.0")
    m = modgate_of(origin.url, config=NO_RETRIES)
    expect.success(m.get(ZIP))
    with Injected(m.children()["fetch"], f"{call}:error=EIO"):
        for i in range(6):
            expect.failure(m.get(f"/example.com/c{i}/@v/v1.0.0.zip"), 503)
            expect.success(m.get(ZIP), tree.files[ZIP[1:]])
        refused = expect.failure(m.get("/example.com/c0/@v/v1.0.0.zip"), 503, "writing is refused")
        assert 0 < int(refused.field("Retry-After")) <= 60
        assert m.get("/readyz").status == 503
    assert not list((m.store / "modules").glob("example.com/c*/@v/*.zip"))
    # The pause is the process's: a restart ends it.
    m.stop()
    m.start()
    for i in range(6):
        target = f"/example.com/c{i}/@v/v1.0.0.zip"
        expect.success(m.get(target), tree.files[target[1:]])


# --- F05


def truncate(path, data):
    path.write_bytes(data[: len(data) // 2])


def empty(path, data):
    path.write_bytes(b"")


def flip(path, data):
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))


def link(path, data):
    kept = path.with_name("kept")
    kept.write_bytes(data)
    path.unlink()
    path.symlink_to(kept)


def fifo(path, data):
    path.unlink()
    os.mkfifo(path)


def folder(path, data):
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("size", [10, 300_000], ids=["small", "large"])
@pytest.mark.parametrize("how", [truncate, empty, flip, link, fifo, folder])
def test_f05_damage_is_never_served_and_heals(modgate_of, origin, tree, how, size):
    tree.add("example.com/m", "v1.0.0", files={"noise.bin": random.Random(5).randbytes(size)})
    m = modgate_of(origin.url, config=NO_RETRIES)
    targets = [f"/example.com/m/@v/v1.0.0.{kind}" for kind in KINDS]
    for target in targets:
        expect.success(m.get(target))
    m.stop()
    for target in targets:
        how(m.store / "modules" / target[1:], tree.files[target[1:]])
    origin.stop()
    m.start()
    for target in targets:  # nobody to ask: a fault, neither the damaged bytes nor an absence
        expect.failure(m.get(target), (502, 503))
    origin.start()
    origin.alive = True
    for target in targets:
        end = time.monotonic() + 30
        while (answer := m.get(target)).status != 200:
            expect.failure(answer, (502, 503))
            assert time.monotonic() < end, answer
            time.sleep(0.1)
        assert answer.body == tree.files[target[1:]]
        stored = m.store / "modules" / target[1:]
        assert not stored.is_symlink() and stored.read_bytes() == answer.body
    m.stop()
    origin.stop()
    m.start()
    for target in targets:
        expect.success(m.get(target), tree.files[target[1:]])
