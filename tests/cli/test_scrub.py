# SPDX-License-Identifier: Apache-2.0
"""The scrub in the background: what nobody asks for is found damaged, and healed, all the same."""

import ctypes
import mmap
import os
import pathlib
import platform
import re
import time

import pytest

from lib import expect

KINDS = ("info", "mod", "zip")
LIBC = ctypes.CDLL(None)
IOPRIO_GET, IOPRIO_IDLE = 252, 3 << 13


def until(what, seconds=60):
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.02)
    return found


def rounds(m):
    return len(re.findall("scrub: the whole store was looked at", m.log()))


def another_round(m, since=None):
    """Until one that began after now has ended."""
    seen = rounds(m) if since is None else since
    until(lambda: rounds(m) >= seen + 2)


def fill(m, tree, n=3):
    for i in range(n):
        tree.add("example.com/m", f"v1.{i}.0", files={"big.bin": os.urandom(30_000).hex()})
        for kind in KINDS:
            expect.success(m.get(f"/example.com/m/@v/v1.{i}.0.{kind}"))
    return m.store / "modules/example.com/m/@v"


def flip(file):
    with open(file, "r+b") as f:
        data = bytearray(f.read())
        data[len(data) // 2] ^= 1
        f.seek(0)
        f.write(data)


@pytest.fixture
def scrubbing(modgate_of, origin):
    def start(every="10ms", **more):
        return modgate_of(origin.url, config=f"workers: 2\nscrub:\n  every: {every}\n", **more)

    return start


def test_damage_is_found_and_healed(scrubbing, tree, origin):
    m = scrubbing()
    at_v = fill(m, tree)
    for _ in range(10):  # held ready by both workers
        expect.success(m.get("/example.com/m/@v/v1.0.0.zip"))
    flip(at_v / "v1.0.0.zip")
    flip(at_v / "v1.1.0.mod")
    (at_v / "v1.2.0.info").unlink()
    (at_v / "v1.2.0.info").symlink_to("v1.1.0.info")
    for name in ("v1.0.0.zip", "v1.1.0.mod", "v1.2.0.info"):
        want = tree.get(f"example.com/m/@v/{name}")
        until(lambda: not (at_v / name).is_symlink() and (at_v / name).exists() and (at_v / name).read_bytes() == want)
        until(lambda: re.search(rf'level=error [^\n]*corrupt store[^\n]*{name} finding=healed', m.log()))
    until(lambda: all(m.get("/example.com/m/@v/v1.0.0.zip").body == tree.get("example.com/m/@v/v1.0.0.zip")
                      for _ in range(10)))


def test_what_cannot_be_healed_is_set_aside(scrubbing, tree, origin):
    m = scrubbing()
    at_v = fill(m, tree)
    origin.stop()
    flip(at_v / "v1.0.0.zip")
    until(lambda: re.search(r"finding=damaged [^\n]*not healed", m.log()))
    assert not (at_v / "v1.0.0.zip").exists()
    expect.failure(m.get("/example.com/m/@v/v1.0.0.zip"), (502, 503, 504))
    another_round(m)
    assert len(re.findall("finding=damaged", m.log())) == 1


def test_nothing_is_touched_and_nobody_asked(scrubbing, tree, origin):
    m = scrubbing()
    at_v = fill(m, tree)
    before = {f: (f.stat().st_ino, f.stat().st_mtime_ns) for f in at_v.iterdir()}
    asked = origin.count()
    another_round(m)
    assert {f: (f.stat().st_ino, f.stat().st_mtime_ns) for f in at_v.iterdir()} == before
    assert origin.count() == asked and "corrupt" not in m.log()


def test_a_restart_goes_on_where_it_was(scrubbing, tree):
    """Behind the kept position; and the round after that sees everything again."""
    m = scrubbing()
    at_v = fill(m, tree)
    another_round(m)
    m.stop()
    state = m.store / "meta/scrub"
    # Between two rounds, or in the middle of one.
    assert re.fullmatch(r"(modules/[^\n]+)?\n\d{9,}\n", state.read_text())
    state.write_text("modules/example.com/m/@v/v1.1.0.zip\n0\n")
    seen = rounds(m)
    m.start()
    another_round(m, since=seen)
    told = re.findall(r"the whole store was looked at\" artifacts=(\d+)", m.log())
    assert told[seen] == "3" and told[seen + 1] == "9"


@pytest.mark.parametrize("text", ["", "nonsense", "\n\n", "x\n-1\n", "\n99999999999999\n"])
def test_a_damaged_position_costs_a_round(scrubbing, tree, text):
    m = scrubbing()
    fill(m, tree)
    m.stop()
    (m.store / "meta/scrub").write_text(text)
    seen = rounds(m)
    m.start()
    another_round(m, since=seen)


def resident(file):
    """Pages of the file that are in memory."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
    libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    libc.mincore.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p]
    size = file.stat().st_size
    pages = ctypes.create_string_buffer((size + mmap.PAGESIZE - 1) // mmap.PAGESIZE)
    with open(file, "rb") as f:
        at = libc.mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED, f.fileno(), 0)
    assert libc.mincore(at, size, pages) == 0
    libc.munmap(at, size)
    return sum(p & 1 for p in pages.raw)


def forget(file):
    with open(file, "rb") as f:
        os.fsync(f.fileno())
        os.posix_fadvise(f.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def priorities(pid):
    """(nice, I/O priority) of each thread."""
    found = []
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        try:
            nice = int((task / "stat").read_text().rpartition(")")[2].split()[16])
        except OSError:  # it has ended
            continue
        found.append((nice, LIBC.syscall(IOPRIO_GET, 1, int(task.name))))
    return found


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the number of ioprio_get is that of x86_64")
def test_it_gives_way_to_everybody(scrubbing, tree):
    m = scrubbing()
    fill(m, tree, 20)
    until(lambda: (19, IOPRIO_IDLE) in priorities(m.children()["fetch"]))
    assert {nice for nice, _ in priorities(m.children()["front"])} == {os.getpriority(os.PRIO_PROCESS, 0)}


def test_memory_is_left_to_those_who_serve(scrubbing, tree):
    """What was in memory stays there, what was not is not brought there."""
    m = scrubbing()
    at_v = fill(m, tree)
    warm, cold = at_v / "v1.0.0.zip", at_v / "v1.1.0.zip"
    m.stop()
    warm.read_bytes()
    forget(cold)
    if resident(cold):
        pytest.skip("this file system keeps everything in memory")
    seen = rounds(m)
    m.start()
    another_round(m, since=seen)
    # What the round under way is just reading is in memory for that moment.
    until(lambda: resident(cold) == 0)
    assert resident(warm) > 0


def test_it_is_not_done_too_often(scrubbing, tree):
    m = scrubbing("1d")
    at_v = fill(m, tree)
    flip(at_v / "v1.0.0.mod")
    assert m.run("verify", "--repair").returncode == 0
    m.stop()
    assert rounds(m) == 0 and not (m.store / "meta/scrub").exists()


def test_off(scrubbing, tree):
    m = scrubbing("0")
    fill(m, tree)
    m.stop()
    assert not (m.store / "meta/scrub").exists()
