# SPDX-License-Identifier: Apache-2.0
"""`modgate verify`: every damage is found, set aside and healed, whether the server runs or not."""

import fcntl
import json
import os
import pty
import re
import shutil
import signal
import socket
import stat
import subprocess
import threading
import time

import pytest

from lib import expect
from lib.modgate import binary
from lib.origin import Reply
from lib.tree import h1

PATH = "github.com/Azure/m"
KINDS = ("info", "mod", "zip")
RUNNING = pytest.mark.parametrize("running", [True, False], ids=["server", "no-server"])


def stored(m, kind, path=PATH, version="v1.0.0"):
    epath = re.sub("[A-Z]", lambda c: "!" + c.group().lower(), path)
    return m.store / "modules" / epath / "@v" / f"{version}.{kind}"


def url(kind, path=PATH, version="v1.0.0"):
    return "/" + re.sub("[A-Z]", lambda c: "!" + c.group().lower(), path) + f"/@v/{version}.{kind}"


def fill(m, tree, path=PATH, versions=("v1.0.0", "v1.1.0"), big=False):
    """Versions in the store, all of them got through modgate."""
    for version in versions:
        if tree.get(url("zip", path, version)[1:]) is None:
            more = {"big.bin": os.urandom(100_000).hex()} if big else None
            tree.add(path, version, files=more, gomod=f"module {path}\n\ngo 1.20\n\n// {version}\n")
        for kind in KINDS:
            expect.success(m.get(url(kind, path, version)))


def in_quarantine(m):
    return [f for f in (m.store / "quarantine").iterdir() if f.suffix != ".why"]


def right(m, tree, path=PATH, versions=("v1.0.0", "v1.1.0")):
    for version in versions:
        for kind in KINDS:
            assert stored(m, kind, path, version).read_bytes() == tree.get(url(kind, path, version)[1:])


def flip(file):
    """One bit, in place, under whoever has it open."""
    with open(file, "r+b") as f:
        data = bytearray(f.read())
        data[len(data) // 2] ^= 1
        f.seek(0)
        f.write(data)


def cut(file):
    os.truncate(file, file.stat().st_size // 2)


def empty(file):
    os.truncate(file, 0)


def grow(file):
    with open(file, "ab") as f:
        f.write(b"\n")


def swap(file):
    """With the same artifact of the other version."""
    other = file.with_name(file.name.replace("v1.0.0", "v1.1.0"))
    a, b = file.read_bytes(), other.read_bytes()
    file.write_bytes(b)
    other.write_bytes(a)


def link(file):
    other = file.with_name(file.name.replace("v1.0.0", "v1.1.0"))
    file.unlink()
    file.symlink_to(other.name)


def folder(file):
    file.unlink()
    file.mkdir()


DAMAGES = pytest.mark.parametrize("damage", [flip, cut, empty, grow, swap, link, folder])


@pytest.mark.smoke
@RUNNING
def test_what_is_right_is_left_alone(modgate, tree, running):
    fill(modgate, tree)
    before = {f: f.stat() for f in sorted((modgate.store / "modules").rglob("*"))}
    if not running:
        modgate.stop()
    done = modgate.run("verify")
    assert done.returncode == 0, done.stderr
    assert re.search(r"verified 6 artifacts \([0-9.]+ k?B\): nothing is damaged\n", done.stdout)
    for file, was in before.items():
        assert (file.stat().st_ino, file.stat().st_mtime_ns) == (was.st_ino, was.st_mtime_ns)


def test_an_empty_store_and_none(modgate_of, origin, tmp_path):
    m = modgate_of(origin.url)
    assert "verified 0 artifacts" in m.run("verify").stdout
    m.stop()
    assert m.run("verify").returncode == 0
    assert m.run("verify", "nonsense").returncode == 2
    assert "unknown flag --repare" in m.run("verify", "--repare").stderr


@RUNNING
@DAMAGES
def test_damage_is_set_aside_and_healed(modgate, origin, tree, damage, running):
    fill(modgate, tree)
    if not running:
        modgate.stop()
    for kind in KINDS:
        damage(stored(modgate, kind))
    damaged = 6 if damage is swap else 3
    done = modgate.run("verify", "--repair")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{damaged} healed, 0 damaged and set aside, 0 unreadable" in done.stdout
    for kind in KINDS:
        assert f"healed: modules/github.com/!azure/m/@v/v1.0.0.{kind}: corrupt store: " in done.stderr
    right(modgate, tree)
    assert len(in_quarantine(modgate)) >= (damaged if damage is not link else 0)
    again = modgate.run("verify")
    assert again.returncode == 0 and "nothing is damaged" in again.stdout
    if running:
        for kind in KINDS:
            expect.success(modgate.get(url(kind)), tree.get(url(kind)[1:]))
        assert "corrupt store" in modgate.log()


@RUNNING
def test_without_repair_it_is_set_aside_and_told(modgate, origin, tree, running):
    fill(modgate, tree)
    if not running:
        modgate.stop()
    flip(stored(modgate, "zip"))
    done = modgate.run("verify")
    assert done.returncode == 1
    assert "0 healed, 1 damaged and set aside" in done.stdout and "--repair" in done.stdout
    assert "damaged: modules/github.com/!azure/m/@v/v1.0.0.zip: corrupt store: its SHA-256 is " in done.stderr
    assert not stored(modgate, "zip").exists() and len(in_quarantine(modgate)) == 1
    again = modgate.run("verify")
    assert again.returncode == 0 and "verified 5 artifacts" in again.stdout
    if running:  # and is got again as any other that is asked for
        expect.success(modgate.get(url("zip")), tree.get(url("zip")[1:]))


@RUNNING
def test_what_upstream_does_not_have_stays_damaged(modgate, origin, tree, running):
    fill(modgate, tree)
    if not running:
        modgate.stop()
    origin.on(r"v1\.0\.0\.mod$", Reply(410, b"gone"))
    flip(stored(modgate, "mod"))
    flip(stored(modgate, "zip"))
    done = modgate.run("verify", "--repair")
    assert done.returncode == 1
    assert "1 healed, 1 damaged and set aside" in done.stdout
    line = re.search(r"damaged: .*v1\.0\.0\.mod: (.*)", done.stderr).group(1)
    assert "corrupt store" in line and "not healed" in line and "410" in line
    assert not stored(modgate, "mod").exists()
    if running:
        expect.success(modgate.get(url("zip")), tree.get(url("zip")[1:]))


@RUNNING
@pytest.mark.parametrize("text", [b"", b"{}", b"\xff" * 100, b"x" * 20000], ids=["empty", "object", "bytes", "long"])
def test_a_damaged_record(modgate, tree, text, running):
    fill(modgate, tree)
    if not running:
        modgate.stop()
    stored(modgate, "provenance").write_bytes(text)
    done = modgate.run("verify")
    assert done.returncode == 1, done.stdout
    assert done.stderr.count("its record cannot be read") == 3
    right(modgate, tree)  # nothing is thrown away because of its record
    done = modgate.run("verify", "--repair")
    # the first that is got again begins the record anew
    assert done.returncode == 0 and re.search("[123] healed", done.stdout), done.stderr
    right(modgate, tree)
    assert set(json.loads(stored(modgate, "provenance").read_bytes())) >= set(KINDS)


@RUNNING
def test_what_was_copied_in_gets_a_record(modgate, tree, running):
    fill(modgate, tree)
    if not running:
        modgate.stop()
    stored(modgate, "provenance").unlink()
    done = modgate.run("verify")
    assert done.returncode == 0 and "nothing is damaged" in done.stdout, done.stderr
    record = json.loads(stored(modgate, "provenance").read_bytes())
    assert set(record) >= set(KINDS)
    stored(modgate, "provenance").unlink()
    stored(modgate, "zip").write_bytes(b"no zip")
    stored(modgate, "info").write_bytes(b'{"Version":"v9.9.9"}')
    done = modgate.run("verify", "--repair")
    assert done.returncode == 0 and "2 healed" in done.stdout, done.stderr
    right(modgate, tree)


@RUNNING
@pytest.mark.parametrize("damage", [flip, empty, link, folder])
def test_what_go_keeps_beside_a_zip_is_mended(modgate, tree, damage, running):
    fill(modgate, tree)
    if not running:
        modgate.stop()
    beside = stored(modgate, "ziphash")
    right_one = beside.read_bytes()
    assert right_one == h1(tree.get(url("zip")[1:])).encode()
    damage(beside)
    done = modgate.run("verify")
    assert done.returncode == 0 and "1 healed" in done.stdout, done.stdout + done.stderr
    assert "v1.0.0.zip: corrupt store: the .ziphash beside it" in done.stderr
    assert beside.read_bytes() == right_one and not beside.is_symlink()
    beside.unlink()
    done = modgate.run("verify")
    assert done.returncode == 0 and "nothing is damaged" in done.stdout
    assert beside.read_bytes() == right_one
    right(modgate, tree)


@RUNNING
def test_bytes_and_record_changed_together_do_not_pass(proving, tree, running):
    """Who can write the store can write its records: the database is asked for the truth, not they."""
    tree.add(PATH, "v1.0.0")
    tree.add("example.com/other", "v1.0.0")
    m = proving()
    fill(m, tree, versions=["v1.0.0"])
    fill(m, tree, path="example.com/other", versions=["v1.0.0"])
    if not running:
        m.stop()
    record = json.loads(stored(m, "provenance").read_bytes())
    theirs = json.loads(stored(m, "provenance", "example.com/other").read_bytes())
    assert record["mod"]["verified"] == "sumdb"
    evil = stored(m, "mod", "example.com/other").read_bytes()
    for field in theirs["mod"]:  # a right record, but of another module
        record["mod"][field] = theirs["mod"][field]
    stored(m, "provenance").write_text(json.dumps(record))
    stored(m, "mod").write_bytes(evil)
    done = m.run("verify", "--repair")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 healed" in done.stdout and "has recorded h1:" in done.stderr
    assert stored(m, "mod").read_bytes() == tree.get(url("mod")[1:])


@RUNNING
def test_a_record_that_claims_another_hash(proving, tree, running):
    tree.add(PATH, "v1.0.0")
    m = proving()
    fill(m, tree, versions=["v1.0.0"])
    if not running:
        m.stop()
    record = json.loads(stored(m, "provenance").read_bytes())
    record["zip"]["h1"] = record["mod"]["h1"]
    stored(m, "provenance").write_text(json.dumps(record))
    done = m.run("verify", "--repair")
    assert done.returncode == 0 and "1 healed" in done.stdout, done.stdout + done.stderr
    assert "where h1:" in done.stderr
    right(m, tree, versions=["v1.0.0"])


@RUNNING
def test_all_is_proven_again_without_a_network(proving, origin, sumdb, tree, running):
    tree.add(PATH, "v1.0.0").add(PATH, "v1.1.0")
    m = proving()
    fill(m, tree)
    asked = len(sumdb.paths("."))
    sumdb.stop()
    origin.stop()
    if not running:
        m.stop()
    done = m.run("verify")
    assert done.returncode == 0 and "nothing is damaged" in done.stdout and "proven" not in done.stdout
    assert len(sumdb.paths(".")) == asked


@RUNNING
def test_what_cannot_be_proven_now_is_told_and_kept(proving, sumdb, tree, running):
    tree.add(PATH, "v1.0.0").add(PATH, "v1.1.0")
    m = proving()
    fill(m, tree)
    m.stop()
    shutil.rmtree(m.store / "sumdb" / sumdb.name / "lookup")
    sumdb.stop()
    if running:
        m.start()
    done = m.run("verify")
    assert done.returncode == 0, done.stderr
    assert re.search("4 could not be proven now: not proven by " + re.escape(sumdb.name), done.stdout)
    right(m, tree)


def soon_all(what, seconds=30):
    """Workers hear of damage a moment later than who found it: until 20 requests in a row say the right thing."""
    end = time.monotonic() + seconds
    while not all(what() for _ in range(20)):
        assert time.monotonic() < end, "some worker holds on to what was damaged"


@pytest.mark.parametrize("kind", ["zip", "mod"])
def test_an_open_server_lets_go_of_what_was_damaged(modgate_of, origin, tree, kind):
    """Front holds large files open and small ones in memory: after the damage was found it serves neither."""
    m = modgate_of(origin.url, config="workers: 2\n")
    fill(m, tree, versions=["v1.0.0"], big=True)
    want = tree.get(url(kind)[1:])
    for _ in range(20):  # both workers hold it ready
        expect.success(m.get(url(kind)), want)
    flip(stored(m, kind))
    assert "1 healed" in m.run("verify", "--repair").stdout
    soon_all(lambda: m.get(url(kind)).body == want)
    flip(stored(m, kind))
    origin.stop()
    assert m.run("verify", "--repair").returncode == 1
    soon_all(lambda: m.get(url(kind)).status in (502, 503, 504))


def test_one_worker_tells_the_others(modgate_of, origin, tree):
    """What a request finds damaged, the other workers must not go on serving."""
    m = modgate_of(origin.url, config="workers: 2\n")
    fill(m, tree, versions=["v1.0.0"], big=True)
    zip = tree.get(url("zip")[1:])
    for _ in range(20):
        expect.success(m.get(url("zip")), zip)
    flip(stored(m, "zip"))
    assert {m.get(url("zip")).body for _ in range(20)} != {zip}  # held open
    expect.success(m.get(url("zip").replace("!", "%21")), zip)  # nobody holds that ready: it is looked at
    soon_all(lambda: m.get(url("zip")).body == zip)


# --- large stores, terminals, ends before the end


def many(m, tree, count=334):
    """A little over 1,000 artifacts, as an import brings them."""
    cache = m.folder / "cache" / "cache" / "download"
    for i in range(count):
        tree.add(f"example.com/m{i % 20}", f"v1.{i}.0")
    for name, data in tree.files.items():
        file = cache / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    was = m.process
    if was:
        m.stop()
    done = m.run("import", cache)
    assert done.returncode == 0, done.stderr
    if was:
        m.start()
    return 3 * count


@RUNNING
def test_a_thousand_artifacts(modgate, tree, running):
    count = many(modgate, tree)
    if not running:
        modgate.stop()
    files = sorted((modgate.store / "modules").rglob("*.zip"))
    for file in files[::10]:
        flip(file)
    done = modgate.run("verify", "--repair")
    assert done.returncode == 0, done.stderr[-2000:]
    assert f"verified {count} artifacts" in done.stdout and f"{len(files[::10])} healed" in done.stdout
    assert modgate.run("verify").returncode == 0


def on_terminal(m, *args):
    ours, theirs = pty.openpty()
    with subprocess.Popen([binary(), *args, *m.store_args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=theirs,
                          env=m.environment(), cwd=m.folder) as p:
        os.close(theirs)
        shown = b""
        try:
            while data := os.read(ours, 65536):
                shown += data
        except OSError:  # how a terminal ends
            pass
        out = p.stdout.read().decode()
    os.close(ours)
    return p.returncode, out, shown.decode()


@RUNNING
def test_a_terminal_sees_a_bar(modgate, tree, running):
    count = many(modgate, tree)
    if not running:
        modgate.stop()
    code, out, shown = on_terminal(modgate, "verify")
    assert code == 0 and f"verified {count} artifacts" in out
    bars = re.findall(rf"\r\[(#*)(\.*)\] (\d+)/{count} artifacts, [0-9.]+ k?M?B", shown)
    assert all(len(done) + len(left) == 30 for done, left, _ in bars)
    counts = [int(n) for _, _, n in bars]
    assert counts == sorted(counts) and counts[-1] == count and bars[-1][1] == ""


def start_verify(m, *args):
    return subprocess.Popen([binary(), "verify", *args, *m.store_args], env=m.environment(), cwd=m.folder,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@RUNNING
def test_killed_on_the_way(modgate, origin, tree, running, tmp_path):
    """While it waits for an upstream that does not answer."""
    fill(modgate, tree)
    gate = threading.Event()
    origin.on(r"v1\.0\.0\.zip$", hold=gate, times=1)
    if not running:
        modgate.stop()
    flip(stored(modgate, "zip"))
    flip(stored(modgate, "mod"))
    asked = origin.count(r"v1\.0\.0\.zip$")
    p = start_verify(modgate, "--repair")
    origin.wait_for(r"v1\.0\.0\.zip$", asked + 1)
    p.send_signal(signal.SIGKILL)
    p.communicate()
    gate.set()
    done = modgate.run("verify", "--repair")
    assert done.returncode == 0, done.stderr
    right(modgate, tree, versions=["v1.1.0"])
    if running:
        for kind in KINDS:
            expect.success(modgate.get(url(kind)), tree.get(url(kind)[1:]))
    assert modgate.run("verify").returncode == 0


def test_a_store_that_another_command_writes(modgate, tree):
    """Neither a server to ask nor the lock: said, not waited for."""
    fill(modgate, tree)
    modgate.stop()
    with open(modgate.store / "lock", "r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = modgate.run("verify")
    assert done.returncode == 1 and "is writing to it" in done.stderr


# --- the socket


def connect(m):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(60)
    s.connect(str(m.store / "control.sock"))
    return s


def lines(s):
    data = b""
    while chunk := s.recv(65536):
        data += chunk
    return data.decode().splitlines()


def test_the_socket_is_the_owners_alone(modgate):
    at = modgate.store / "control.sock"
    assert stat.S_ISSOCK(at.stat().st_mode) and stat.S_IMODE(at.stat().st_mode) == 0o600
    modgate.stop()
    assert not at.exists()


def test_a_socket_that_was_left_is_replaced(modgate):
    modgate.kill()
    assert (modgate.store / "control.sock").exists()
    assert modgate.run("verify").returncode == 0  # nobody listens there
    modgate.start()
    assert modgate.run("verify").returncode == 0


def test_a_long_path(modgate_of, origin, tmp_path):
    """Longer than a socket's address."""
    store = tmp_path / ("d" * 100) / ("e" * 100)
    m = modgate_of(origin.url, args=["--store", str(store)], store=store)
    assert subprocess.run([binary(), "verify", "--store", str(store)], env=m.environment()).returncode == 0
    m.stop()
    assert not (store / "control.sock").exists()


@pytest.mark.parametrize("said", [b"nonsense\n", b"\n", b"verify repair now\n", b"x" * 20000, b"want zip x\nwarm\n",
                                  b"want list a.b/c@v1.0.0\n", b"verify\0\n", b"want zip a.b/c@master\n"])
def test_nonsense_is_refused(modgate, said):
    with connect(modgate) as s:
        s.sendall(said)
        told = lines(s)
    assert len(told) == 1 and told[0].startswith("failed "), told
    assert modgate.run("verify").returncode == 0


def test_one_after_the_other(modgate, tree):
    fill(modgate, tree)
    with connect(modgate) as s:
        for _ in range(50):
            s.sendall(b"verify\n")
            assert one_answer(s).startswith("done 6 ")


def test_those_sent_ahead_wait(modgate, tree):
    fill(modgate, tree)
    with connect(modgate) as s:
        s.sendall(b"verify\n" * 3 + b"verify")
        for _ in range(3):
            assert one_answer(s).startswith("done 6 ")
        s.sendall(b"\n")
        assert one_answer(s).startswith("done 6 ")


def one_answer(s):
    """The last line of one, and nothing of the next."""
    line = b""
    while not line.endswith(b"\n") or not line.startswith((b"done ", b"failed ")):
        if line.endswith(b"\n"):
            line = b""
        byte = s.recv(1)
        assert byte, f"closed after {line!r}"
        line += byte
    return line.decode()


def test_many_connections_are_bounded(modgate):
    held = [connect(modgate) for _ in range(20)]
    done = modgate.run("verify")
    assert done.returncode == 1 and "too many commands" in done.stderr
    for s in held:
        s.close()
    for _ in range(20):  # until it has seen that they are gone
        done = modgate.run("verify")
        if done.returncode == 0:
            break
    assert done.returncode == 0, done.stderr
