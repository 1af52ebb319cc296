# SPDX-License-Identifier: Apache-2.0
"""A large zip is sent while it comes: all but what makes it a zip, which waits for the proof. Nobody holds
a bad one, and nobody slows or harms another (F07, F26)."""

import contextlib
import io
import os
import random
import signal
import socket
import threading
import time
import zipfile

import pytest

from lib import expect, gocmd, http, metrics
from lib.drip import Drip, Reader
from lib.modgate import sanitized
from lib.origin import Origin, Reply
from lib.tree import make_zip

ZIP = "/example.com/m/@v/v1.0.0.zip"
HELD_BACK = 65557
ABOVE = "stream:\n  above: 100KiB\n"
ONCE = ABOVE + "upstream:\n  retries: 0\n"
SEED = int(os.environ.get("SEED", "0")) or int(time.time())


def noise(n, seed=1):
    return random.Random(seed).randbytes(n)


def add(tree, size=1_000_000, path="example.com/m", seed=1):
    tree.add(path, "v1.0.0", files={"noise.bin": noise(size, seed)})
    return tree.files[f"{path}/@v/v1.0.0.zip"]


def served_by(origin, body, **more):
    drip = Drip(body, **more)
    origin.on(r"\.zip$", raw=drip)
    return drip


def eventually(what, seconds=20):
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end
        time.sleep(0.01)
    return found


def landed(m, n):
    """Fetch has n bytes of something, and front had the time to send what it may of them."""

    def sizes():
        for f in (m.store / "tmp").iterdir():
            with contextlib.suppress(FileNotFoundError):  # another transfer, just ended
                yield f.stat().st_size

    eventually(lambda: n in sizes())
    time.sleep(0.1)


def nothing_left(m, target=ZIP):
    assert not (m.store / "modules" / target[1:]).exists()
    eventually(lambda: not list((m.store / "tmp").iterdir()))


def notes(m):
    """What quarantine/ says of bytes that were refused; the bytes themselves are not there."""
    folder = m.store / "quarantine"
    found = [f.read_text() for f in folder.iterdir()] if folder.exists() else []
    assert all(len(text) < 2000 for text in found)
    return found


def descriptors(m):
    return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in m.children().values())


# --- it comes as upstream sends it


def test_a_cold_zip_comes_as_fast_as_upstream_sends_it(proving, origin, tree, sumdb):
    body = add(tree, 40_000_000)
    drip = served_by(origin, body, rate=5_000_000)
    m = proving()
    with Reader(m.address, ZIP) as reader:
        assert reader.read_all() == body
        assert reader.field("ETag") is None and reader.field("Accept-Ranges") == "bytes"
    first, last = drip.sent[0][0], drip.sent[-1][0]
    for second in range(1, int(last - first)):
        then = first + second
        upstream = max(n for at, n in drip.sent if at <= then)
        # Half a second of patience with a busy machine; quiet ones are within a few milliseconds.
        client = max((n for at, n in reader.times if at <= then + 0.5), default=0)
        assert client >= 0.9 * (upstream - HELD_BACK), (second, upstream, client)
    late = reader.times[-1][0] - last
    print(f"the end came {late:.3f} s after the upstream's")
    assert late < (10 if sanitized() else 2)
    assert origin.count(r"\.zip$") == 1
    answer = expect.success(m.get(ZIP), body)
    assert answer.field("ETag")
    assert origin.count(r"\.zip$") == 1
    now = metrics.read(m)
    assert now.of("modgate_http_streams_total") == 1 and now.of("modgate_http_streams_cut_total") == 0


def test_a_zip_within_the_zip_is_no_end(modgate_of, origin, tree):
    """Its directory is not the zip's own."""
    inner = make_zip("example.com/inner", "v1.0.0", {"a": noise(20_000, 2), "b": "b"})
    tree.add("example.com/m", "v1.0.0", files={"a.zip": inner, "b.zip": inner, "noise.bin": noise(600_000)})
    body = tree.files[ZIP[1:]]
    assert body.count(b"PK\x01\x02") > 4
    drip = served_by(origin, body)
    m = modgate_of(origin.url, config=ABOVE)
    with Reader(m.address, ZIP) as reader:
        drip.to(500_000)
        reader.read_to(500_000)
        drip.finish()
        assert reader.read_all() == body


def test_a_long_directory_is_held_back_from_its_start(modgate_of, origin, tree):
    """Names are in it and in the local headers; of 2,000 long ones it is longer than what is held back anyway."""
    files = {f"{'d' * 60}/{i:05}/{'n' * 60}.go": f"package n // {i}\n" for i in range(2000)}
    tree.add("example.com/m", "v1.0.0", files=files)
    body = tree.files[ZIP[1:]]
    with zipfile.ZipFile(io.BytesIO(body)) as z:
        directory = z.start_dir
    assert len(body) - directory > 3 * HELD_BACK
    drip = served_by(origin, body)
    m = modgate_of(origin.url, config=ABOVE)
    with Reader(m.address, ZIP) as reader:
        drip.to(len(body) - 1)
        reader.read_to(directory)
        landed(m, len(body) - 1)
        assert reader.silent() and len(reader.body) == directory
        drip.finish()
        assert reader.read_all() == body


def test_what_is_small_or_of_unknown_length_is_verified_first(modgate_of, origin, tree):
    body = add(tree, 90_000)
    large = add(tree, 300_000, "example.com/large")
    gate = threading.Event()
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in (large[:200_000], large[200_000:]))

    def chunked(conn, _):
        conn.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks)
        gate.wait(60)
        conn.sendall(b"0\r\n\r\n")
        return True

    drip = served_by(origin, body)
    origin.on(r"/large/.*\.zip$", raw=chunked)
    m = modgate_of(origin.url, config=ABOVE)
    with Reader(m.address, ZIP) as small, Reader(m.address, "/example.com/large/@v/v1.0.0.zip") as unknown:
        drip.to(len(body) - 1)
        landed(m, len(body) - 1)
        landed(m, len(large))
        assert small.silent() and unknown.silent()
        drip.finish()
        gate.set()
        assert small.read_all() == body and small.field("ETag")
        assert unknown.read_all() == large and unknown.field("ETag")


def test_streaming_can_be_turned_off(modgate_of, origin, tree):
    body = add(tree)
    drip = served_by(origin, body)
    m = modgate_of(origin.url, config="stream:\n  above: 0\n")
    with Reader(m.address, ZIP) as reader:
        drip.to(len(body) - 1)
        landed(m, len(body) - 1)
        assert reader.silent()
        drip.finish()
        assert reader.read_all() == body and reader.field("ETag")


# --- what is bad reaches nobody


def other_content(body):
    return make_zip("example.com/m", "v1.0.0", {
        "go.mod": "module example.com/m\n\ngo 1.20\n", "m.go": 'package m\n\nconst Version = "v1.0.0"\n',
        "noise.bin": noise(1_000_000, 3)})


BAD = {
    "a wrong last byte": lambda body: body[:-1] + bytes([body[-1] ^ 1]),
    "a wrong byte in the middle": lambda body: body[:400_000] + bytes([body[400_000] ^ 1]) + body[400_001:],
    "a good zip of other content": other_content,
}


@pytest.mark.parametrize("how", BAD)
def test_nobody_gets_a_bad_zip_whole(proving, origin, tree, how):
    bad = BAD[how](add(tree))
    drip = served_by(origin, bad)
    m = proving(ABOVE)
    with Reader(m.address, ZIP) as leader:
        drip.to(300_000)
        leader.read_to(200_000)
        with Reader(m.address, ZIP) as follower, Reader(m.address, ZIP, [("Range", "bytes=-70000")]) as tail:
            follower.read_to(200_000)
            head = http.Session(m.address)
            head.send_request(ZIP, method="HEAD")
            drip.finish()
            for reader in (leader, follower):
                assert "reset" in reader.read_until_cut()
                assert len(reader.body) <= len(bad) - HELD_BACK
                assert bytes(reader.body) == bad[: len(reader.body)]
            tail.read_head()
            assert tail.status == 502  # a part waits for the proof of the whole
            assert head.answer("HEAD").status == 502
            head.close()
    nothing_left(m)
    note, = notes(m)
    assert ZIP[1:] in note and "example.com" in note
    eventually(lambda: 'msg="request failed" target=example.com/m@v1.0.0 code=corrupt cause=proof' in m.log())
    # The right bytes find nothing in their way.
    origin.off()
    expect.success(m.get(ZIP), tree.files[ZIP[1:]])


def test_another_origin_may_have_better_bytes(proving, origin, tree):
    """A | list goes on after a mismatch: who was cut finds the right ones stored when he comes back."""
    body = add(tree)
    drip = Drip(other_content(body))
    with Origin(tree) as bad:
        bad.on(r"\.zip$", raw=drip)
        m = proving(ABOVE, goproxy=f"{bad.url}|{origin.url}")
        with Reader(m.address, ZIP) as reader:
            drip.to(500_000)
            reader.read_to(400_000)
            drip.finish()
            reader.read_until_cut()
        expect.success(m.get(ZIP), body)
        assert (bad.count(r"\.zip$"), origin.count(r"\.zip$")) in ((1, 1), (2, 1))  # twice: why they differ


# --- clients that come and go


def test_ranges_and_conditions(proving, origin, tree):
    body = add(tree)
    size = len(body)
    drip = served_by(origin, body)
    m = proving(ABOVE)
    drip.to(500_000)
    with Reader(m.address, ZIP) as reader:
        reader.read_to(400_000)
        with Reader(m.address, ZIP, [("Range", "bytes=1000-1999")]) as low, \
             Reader(m.address, ZIP, [("Range", "bytes=450000-750000")]) as across, \
             Reader(m.address, ZIP, [("Range", "bytes=-10")]) as last, \
             Reader(m.address, ZIP, [("Range", "bytes=5-9"), ("If-Range", '"x"')]) as if_range, \
             Reader(m.address, ZIP, [("If-None-Match", '"x"')]) as if_none_match:
            drip.to(size - 1)
            reader.read_to(size - HELD_BACK)
            landed(m, size - 1)
            # Nobody knows the hash yet, and a part would be complete before the whole is proven.
            assert low.silent() and across.silent() and last.silent() and if_range.silent() and if_none_match.silent()
            drip.finish()
            assert last.read_all() == body[-10:]
            assert low.read_all() == body[1000:2000]
            assert low.status == 206 and low.field("Content-Range") == f"bytes 1000-1999/{size}"
            assert across.read_all() == body[450_000:750_001]
            assert if_range.read_all() == body and if_range.status == 200 and if_range.field("ETag")
            assert if_none_match.read_all() == body
        assert reader.read_all() == body
    assert origin.count(r"\.zip$") == 1


def test_who_must_not_ask_does_not_wait(modgate_of, origin, tree):
    body = add(tree)
    drip = served_by(origin, body)
    m = modgate_of(origin.url, config=ABOVE)
    drip.to(500_000)
    with Reader(m.address, ZIP) as reader:
        reader.read_to(400_000)
        expect.failure(m.get(ZIP, [("Disable-Module-Fetch", "true")]), 404)
        expect.failure(m.get("/cached-only" + ZIP), 404)
        drip.finish()
        assert reader.read_all() == body


def test_the_last_to_leave_ends_the_transfer(modgate_of, origin, tree):
    drip = served_by(origin, add(tree))
    m = modgate_of(origin.url, config=ABOVE)
    drip.to(500_000)
    first, second = Reader(m.address, ZIP), Reader(m.address, ZIP)
    first.read_to(400_000)
    second.read_to(400_000)
    first.leave()
    drip.to(600_000)
    second.read_to(500_000)
    assert drip.deserted == 0
    second.leave()
    drip.wait(lambda d: d.deserted == 1)
    nothing_left(m)


def test_one_who_reads_slowly_slows_nobody(modgate_of, origin, tree):
    body = add(tree, 20_000_000)
    drip = served_by(origin, body)
    m = modgate_of(origin.url, config=ABOVE)
    with Reader(m.address, ZIP, receive_buffer=4096) as slow, Reader(m.address, ZIP) as reader:
        drip.to(1_000_000)
        slow.read_head()
        drip.finish()
        assert reader.read_all() == body
        # It goes on with the file that is in the store by now, whatever becomes of its name.
        expect.success(m.get(ZIP), body)
        (m.store / "modules" / ZIP[1:]).unlink()
        assert slow.read_all() == body
    assert origin.count(r"\.zip$") == 1


def a_round(m, origin, tree, rng, i):
    """Clients come and go as chance will have it; one is always there, so that upstream is asked once."""
    path = f"example.com/r{i}"
    target = f"/{path}/@v/v1.0.0.zip"
    body = add(tree, rng.randrange(150_000, 600_000), path, seed=i)
    drip = Drip(body)
    rule = origin.on(f"/r{i}/.*zip$", raw=drip)
    readers = [Reader(m.address, target)]
    for at in sorted(rng.randrange(len(body)) for _ in range(rng.randrange(1, 6))):
        drip.to(at)
        for _ in range(rng.randrange(3)):
            readers.append(Reader(m.address, target))
        if rng.random() < 0.7:
            readers.append(Reader(m.address, target))  # before any other may leave
            readers[-1].read_head()
            gone = readers.pop(0)
            if rng.random() < 0.5:
                # The last bytes may look like the beginning of a directory.
                gone.read_to(max(0, min(at - 100, len(body) - HELD_BACK)))
                assert bytes(gone.body) == body[: len(gone.body)]
            gone.leave(hard=rng.random() < 0.5)
    drip.finish()
    for reader in readers:
        got = reader.read_all()
        assert got == body[len(body) - len(got) :], reader.head
        reader.leave()
    assert drip.asked == 1
    origin.off(rule)
    del tree.files[target[1:]]


def cancelled_at_random(modgate_of, origin, tree, rounds):
    rng = random.Random(SEED)
    print(f"SEED={SEED}")
    m = modgate_of(origin.url, config=ABOVE)
    expect.success(m.get("/livez"))
    marks = []
    for i in range(rounds):
        a_round(m, origin, tree, rng, i)
        if i % max(1, rounds // 10) == rounds // 20:
            marks.append((descriptors(m), m.rss() >> 20))
    eventually(lambda: not list((m.store / "tmp").iterdir()))
    print("descriptors and MiB:", marks)
    return m, marks


def test_cancelled_at_random_100_times(modgate_of, origin, tree):
    m, marks = cancelled_at_random(modgate_of, origin, tree, 100)
    eventually(lambda: descriptors(m) < marks[0][0] + 30)


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_cancelled_at_random_1000_times(modgate_of, origin, tree):
    m, marks = cancelled_at_random(modgate_of, origin, tree, 1000)
    eventually(lambda: descriptors(m) < marks[0][0] + 30)
    assert marks[-1][1] < marks[1][1] + 40


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_a_thousand_slow_readers_of_one_cold_zip(modgate_of, origin, tree):
    """Each takes 1 MB/s of 40 MB that come at 20 MB/s; what modgate holds for them is not the zip."""
    body = add(tree, 40_000_000)
    drip = served_by(origin, body, rate=20_000_000)
    m = modgate_of(origin.url, config=ABOVE)
    readers = []
    for _ in range(1000):
        s = socket.create_connection(m.address, 30)
        s.sendall(http.head(ZIP))
        s.setblocking(False)
        readers.append([s, -1])  # bytes of the body so far; -1: no head yet
    start, most, turn = time.monotonic(), 0, 0
    buffer = memoryview(bytearray(64 << 10))
    expected = memoryview(body)
    while readers:
        turn += 1
        most = max(most, m.rss()) if turn % 20 == 1 else most
        for reader in readers:
            s, at = reader
            try:
                n = s.recv_into(buffer[: 50_000 if at >= 0 else 2_000])
            except BlockingIOError:
                continue
            assert n > 0, at
            data = buffer[:n]
            if at < 0:
                end = bytes(data).index(b"\r\n\r\n") + 4
                data, at = data[end:], 0
            assert data == expected[at : at + len(data)]
            reader[1] = at + len(data)
            if reader[1] == len(body):
                s.close()
        readers = [r for r in readers if r[1] < len(body)]
        time.sleep(max(0.0, start + turn * 0.05 - time.monotonic()))
    print(f"{most >> 20} MiB at most, {time.monotonic() - start:.0f} s")
    assert drip.asked == 1
    assert most < 64 << 20 or sanitized()


# --- upstreams that fail


@pytest.mark.parametrize("how", ["goes on", "starts over", "starts over with other bytes", "stays away"])
def test_f07_upstream_dies_half_way(modgate_of, origin, tree, how):
    body = add(tree)
    drip = Drip(body, fields=[("ETag", '"one"')] if how == "goes on" else [], ranges=how == "goes on")
    drip.to(500_000)
    later = Drip(other_content(body)) if "other" in how else drip
    if how == "stays away":
        origin.gone()
    else:
        origin.on(r"\.zip$", raw=later)
    origin.on(r"\.zip$", raw=drip, times=1)
    m = modgate_of(origin.url, config=ABOVE + "upstream:\n  retries: 1\n")
    with Reader(m.address, ZIP) as reader:
        reader.read_to(500_000)
        drip.cut()
        if how == "stays away":
            reader.read_until_cut()
        else:
            later.wait(lambda d: d.asked == (2 if later is drip else 1))
            later.finish()
            if "other" in how:
                reader.read_until_cut()
                assert bytes(reader.body) == body[: len(reader.body)]
            else:
                assert reader.read_all() == body
    if how in ("goes on", "starts over"):
        expect.success(m.get(ZIP), body)
    else:
        nothing_left(m)


def test_another_origin_goes_on_with_the_same_bytes(modgate_of, origin, tree):
    body = add(tree)
    drip = Drip(body)
    with Origin(tree) as weak:
        weak.on(r"\.zip$", raw=drip)
        m = modgate_of(f"{weak.url}|{origin.url}", config=ONCE)
        drip.to(500_000)
        with Reader(m.address, ZIP) as reader:
            reader.read_to(500_000)
            drip.cut()
            assert reader.read_all() == body
    assert origin.count(r"\.zip$") == 1


def test_fetch_killed_in_the_middle(modgate_of, origin, tree):
    body = add(tree)
    drip = served_by(origin, body)
    m = modgate_of(origin.url, config=ABOVE)
    drip.to(500_000)
    with Reader(m.address, ZIP) as reader, http.Session(m.address) as waiter:
        reader.read_to(400_000)
        waiter.send_request(ZIP, method="HEAD")
        os.kill(m.children()["fetch"], signal.SIGKILL)
        reader.read_until_cut()
        assert bytes(reader.body) == body[: len(reader.body)]
        drip.finish()
        answer = waiter.answer("HEAD")  # asked again of the next one
        assert answer.status == 200 and answer.field("ETag")
    expect.success(m.get(ZIP), body)
    now = metrics.read(m)
    assert now.of("modgate_http_streams_total") == now.of("modgate_http_streams_cut_total") == 1


def test_a_drain_lets_it_come_to_its_end(modgate_of, origin, tree):
    body = add(tree)
    drip = served_by(origin, body)
    m = modgate_of(origin.url, config=ABOVE)
    drip.to(500_000)
    with Reader(m.address, ZIP) as reader:
        reader.read_to(400_000)
        m.terminate()
        eventually(lambda: "msg=draining" in m.log())
        drip.finish()
        assert reader.read_all() == body
    m.stop()


# --- the go command


def test_the_go_command_unpacks_what_was_streamed(proving, origin, tree, sumdb, go_of, tmp_path):
    body = add(tree)
    served_by(origin, body, rate=2_000_000)
    m = proving(ABOVE)
    go = go_of(m.url, GOSUMDB=sumdb.gosumdb)
    go.run("mod", "download", "example.com/m@v1.0.0", cwd=gocmd.project(tmp_path / "user"))
    assert origin.count(r"\.zip$") == 1
