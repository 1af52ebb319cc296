# SPDX-License-Identifier: Apache-2.0
"""What the store is after kill -9 at any system call, after errors at any of them, and after somebody
changed its files behind its back (F01, F03, F04, F05)."""

import collections
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess

import pytest

from lib import modgate

PROBE = os.environ.get("STORE_PROBE") or str(pathlib.Path(modgate.binary()).parent / "store_probe")
FOLDER = "modules/example.com/!probe/@v"
ENDS = {"i": "info", "m": "mod", "z": "zip"}
# LeakSanitizer cannot work under ptrace.
ENV = dict(os.environ, ASAN_OPTIONS="detect_leaks=0", TZ="UTC")

needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")


def probe(*args, inject=None, text=None):
    trace = ["strace", "-f", "-qq", "-o", "/dev/null"] if inject else []
    for one in inject or []:
        trace += ["-e", f"inject={one}"]
    return subprocess.run([*trace, PROBE, *map(str, args)], env=ENV, text=True, input=text,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)


class Judge:
    """A process that reads the store as a server does, for as long as the test wants."""

    def __init__(self, root):
        self.p = subprocess.Popen([PROBE, "judge", root], env=ENV, text=True, bufsize=1,
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.p.stdin.close()
        assert self.p.wait(30) == 0

    def __call__(self, kind, number):
        self.p.stdin.write(f"{kind} {number}\n")
        self.p.stdin.flush()
        return self.p.stdout.readline().strip()

    def all(self, number):
        return [self(kind, number) for kind in ENDS]


def calls_of_put(tmp_path):
    """(name, its ordinal in the process) of each system call between the two marks of `put`."""
    log = tmp_path / "trace"
    done = subprocess.run(["strace", "-f", "-qq", "-o", log, PROBE, "put", tmp_path / "traced", "1"],
                          env=ENV, stdout=subprocess.PIPE, timeout=60)
    assert done.returncode == 0
    seen = collections.Counter()
    calls, marks = [], 0
    for line in log.read_text(errors="replace").splitlines():
        m = re.match(r"\d+ +(?:\[pid +\d+\] )?(\w+)\(", line)
        if not m:
            continue
        name = m[1]
        seen[name] += 1
        if name == "getppid":
            marks += 1
        elif marks == 1:
            calls.append((name, seen[name]))
    assert marks == 2 and len(calls) > 100
    return calls


def tmp_files(root):
    folder = root / "tmp"
    return list(folder.iterdir()) if folder.exists() else []


def expect_whole(root, wanted=("good", "absent")):
    """After a restart nothing half written is left, and what is there is right."""
    assert probe("open", root).stdout == "ok\n"
    assert tmp_files(root) == []
    with Judge(root) as judge:
        verdicts = judge.all(1)
    assert set(verdicts) <= set(wanted), verdicts
    for kind, verdict in zip(ENDS, verdicts):
        assert (root / FOLDER / f"v1.0.1.{ENDS[kind]}").exists() == (verdict == "good")
    return verdicts


@needs_strace
def test_f01_killed_at_every_system_call(tmp_path):
    killed, seen = 0, collections.Counter()
    calls = calls_of_put(tmp_path)
    for i, (name, nth) in enumerate(calls):
        root = tmp_path / f"s{i}"
        done = probe("put", root, 1, inject=[f"{name}:signal=SIGKILL:when={nth}"])
        if done.returncode == -signal.SIGKILL or done.returncode == 128 + signal.SIGKILL:
            killed += 1
            assert done.stdout == ""
        verdicts = expect_whole(root)
        # They become visible in their order, each only after the one before is complete.
        assert verdicts == sorted(verdicts, key="good absent".index), (name, nth)
        seen[verdicts.count("good")] += 1
        if i % 8 == 0:
            assert probe("put", root, 1).stdout == "ok\n"
            expect_whole(root, ["good"])
        shutil.rmtree(root)
    assert killed >= 0.97 * len(calls), f"{killed} of {len(calls)}"
    assert set(seen) == {0, 1, 2, 3}, seen


WRITES = ("pwrite64", "fsync", "ftruncate", "linkat", "renameat", "mkdirat", "openat", "unlinkat", "futimens")


@needs_strace
@pytest.mark.parametrize("error", ["EIO", "ENOSPC", "EDQUOT"])
def test_f03_f04_an_error_at_every_write(tmp_path, error):
    calls = [c for c in calls_of_put(tmp_path) if c[0] in WRITES]
    failed = 0
    for i, (name, nth) in enumerate(calls):
        root = tmp_path / f"s{i}"
        done = probe("put", root, 1, inject=[f"{name}:error={error}:when={nth}"])
        if done.stdout == "ok\n":
            expect_whole(root, ["good"])
        else:
            failed += 1
            assert done.returncode == 1 and done.stdout.startswith("unavailable store"), done
            # What was acknowledged before the error stays; the rest can be had again at once.
            if root.exists():
                expect_whole(root)
        assert probe("put", root, 1).stdout == "ok\n"
        if i % 4 == 0:
            expect_whole(root, ["good"])
        shutil.rmtree(root)
    assert failed > 30


@needs_strace
@pytest.mark.parametrize("error", ["EIO", "EACCES", "EMFILE", "ENOMEM"])
@pytest.mark.parametrize("call", ["openat2", "preadv2", "pread64"])
def test_f04_a_read_error_is_never_an_absence(tmp_path, call, error):
    root = tmp_path / "store"
    assert probe("put", root, 1).stdout == "ok\n"
    # The dynamic loader reads too: count what happens before the first look.
    log = tmp_path / "trace"
    subprocess.run(["strace", "-qq", "-o", log, "-e", call, PROBE, "judge", root], env=ENV, input=b"", check=True)
    first = log.read_text().count(f"{call}(") + 1
    inject = [f"{call}:error={error}:when={first}+"]
    answers = probe("judge", root, text="i 1\nm 1\nz 1\n", inject=inject)
    assert answers.stdout.split() == ["fault"] * 3
    expect_whole(root, ["good"])


class LoopDisk:
    """A small file system of its own."""

    def __init__(self, folder, *options):
        self.image, self.mount = folder / "image", folder / "mnt"
        self.mount.mkdir()
        with open(self.image, "wb") as f:
            f.truncate(64 << 20)
        subprocess.run(["mkfs.ext4", "-q", "-m", "0", *options, self.image], check=True)

    def __enter__(self):
        done = subprocess.run(["mount", "-o", "loop", self.image, self.mount], stderr=subprocess.PIPE)
        if done.returncode != 0:
            pytest.skip("no loop mounts here")
        return self

    def __exit__(self, *_):
        subprocess.run(["umount", self.mount], check=True)


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("mkfs.ext4"), reason="needs root and mkfs.ext4")
@pytest.mark.parametrize("options", [[], ["-N", "64"]], ids=["no-space", "no-inodes"])
def test_f03_a_full_disk(tmp_path, options):
    with LoopDisk(tmp_path, *options) as disk:
        root = disk.mount / "store"
        assert probe("open", root).stdout == "ok\n"
        ballast = disk.mount / "ballast"
        ballast.mkdir()
        if options:
            for i in range(10):
                (ballast / str(i)).touch()
        else:
            subprocess.run(["fallocate", "-l", "40M", ballast / "big"], check=True)
        full = probe("fill", root, 0, 2000)
        assert full.stdout.startswith("unavailable store") and "No space left" in full.stdout
        stored = len(list((root / FOLDER).glob("*.zip")))
        with Judge(root) as judge:
            for number in range(stored):
                assert judge.all(number) == ["good"] * 3
            assert "damaged" not in judge.all(stored)
        shutil.rmtree(ballast)
        assert probe("fill", root, 0, stored + 2).stdout == "ok\n"
        assert tmp_files(root) == []
        with Judge(root) as judge:
            assert judge.all(stored + 1) == ["good"] * 3


def mutate(rng, path, other):
    """Changes what stands at path; returns how, or None when this way does not apply."""
    data = path.read_bytes()
    how = rng.choice(["truncate", "empty", "extend", "flip", "zero", "swap", "link", "fifo", "folder", "remove"])
    if how == "truncate":
        os.truncate(path, rng.randrange(len(data)))
    elif how == "empty":
        os.truncate(path, 0)
    elif how == "extend":
        path.write_bytes(data + b"x")
    elif how == "flip":
        at = rng.randrange(len(data))
        path.write_bytes(data[:at] + bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1:])
    elif how == "zero":
        at = rng.randrange(len(data))
        path.write_bytes(data[:at] + bytes(len(data) - at))
    elif how == "swap":
        third = path.with_name("swap")
        path.rename(third)
        other.rename(path)
        third.rename(other)
    else:
        keep = path.with_name("kept")
        path.rename(keep)
        if how == "link":
            path.symlink_to("kept")  # even to the right bytes
        elif how == "fifo":
            os.mkfifo(path)
        elif how == "folder":
            path.mkdir()
    return how


def restore(path, data):
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
    else:
        path.unlink(missing_ok=True)
    path.write_bytes(data)
    path.with_name("kept").unlink(missing_ok=True)


def test_f05_every_change_behind_its_back_is_seen(tmp_path):
    rng = random.Random(5)
    root = tmp_path / "store"
    versions = 20
    assert probe("fill", root, 0, versions).stdout == "ok\n"
    folder = root / FOLDER
    ways = collections.Counter()
    with Judge(root) as judge:
        for number in range(versions):
            assert judge.all(number) == ["good"] * 3
        for _ in range(1000):
            number, kind = rng.randrange(versions), rng.choice("imz")
            # One in eight strikes the record instead of the artifact.
            end = ENDS[kind] if rng.randrange(8) else "provenance"
            path = folder / f"v1.0.{number}.{end}"
            other = folder / f"v1.0.{(number + 1) % versions}.{end}"
            before, before_other = path.read_bytes(), other.read_bytes()
            how = mutate(rng, path, other)
            verdict = judge(kind, number)
            if how == "remove" and end != "provenance":
                assert verdict == "absent"
            elif end == "provenance" and how in ("flip", "extend"):
                # A changed word or a space behind it may leave the hashes as they were.
                assert verdict in ("good", "damaged")
            else:
                assert verdict == "damaged", (how, end)
            ways[how] += 1
            restore(path, before)
            if how == "swap":
                restore(other, before_other)
            assert judge(kind, number) == "good"
    assert len(ways) == 10 and min(ways.values()) > 50
