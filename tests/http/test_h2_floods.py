# SPDX-License-Identifier: Apache-2.0
"""Floods of HTTP/2 frames (T30-T34): each is ended in time, costs no memory, and nobody else notices."""

import threading
import time

import pytest

from lib import floods, h2, modgate
from lib.http import Broken
from lib.probe import Probe
from lib.wait import until

# What was freed is used again at once, or RSS would tell nothing under sanitizers.
QUICK_TO_FORGET = {"ASAN_OPTIONS": "quarantine_size_mb=1"}


@pytest.fixture(scope="module")
def probe(tmp_path_factory, body):
    p = Probe(tmp_path_factory.mktemp("probe"), file=body, h2c=1, env=QUICK_TO_FORGET)
    yield p
    p.stop()


class Bystander(threading.Thread):
    """A client that goes on asking on one connection, and how long it had to wait."""

    def __init__(self, probe):
        super().__init__()
        self.client = probe.client()
        self.client.settled()
        self.stopped = False
        self.waits = []
        self.failed = None

    def run(self):
        try:
            while not self.stopped:
                start = time.monotonic()
                assert len(self.client.get("/small").body) == 300
                self.waits.append(time.monotonic() - start)
        except Exception as e:
            self.failed = e

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stopped = True
        self.join()
        self.client.socket.close()
        assert self.failed is None, self.failed


@pytest.mark.parametrize("make, code", floods.FLOODS, ids=lambda v: getattr(v, "__name__", ""))
def test_t30_to_t34_a_flood_is_ended_and_costs_nobody_else(probe, make, code):
    at = floods.Place(probe.address, "/small", "/park")
    floods.end_of(at, make)  # what the first one allocates stays
    before, counts, gone = probe.rss(), probe.counts(), probe.number("/gone")
    ended = 0
    with Bystander(probe) as other:
        end = time.monotonic() + 1
        while ended == 0 or time.monotonic() < end:
            goaways = floods.end_of(at, make)
            assert goaways == [] or goaways[-1][1] == code, goaways
            ended += 1
    assert other.waits and max(other.waits) < 10
    assert probe.rss() - before < (64 << 20 if modgate.sanitized() else 8 << 20)
    assert probe.number("/gone") > gone  # nobody waits for what is parked any more
    if code == h2.ENHANCE_YOUR_CALM:
        assert probe.counts()["floods"] - counts["floods"] == ended
    assert probe.get("/small").status == 200


def test_t34_a_head_that_grows_when_it_is_decoded(probe):
    """1 MiB out of a few hundred bytes is refused, and the connection goes on; more ends it."""
    with probe.client() as c:
        c.settled()
        c.encoder.huffman = False
        c.ask("/small", fields=[("x", "y" * 3900)])
        before = probe.rss()
        stream = c.ask("/small", fields=[("x", "y" * 3900)] * 270)
        assert c.answer(stream).status == 431
        assert c.get("/small").status == 200 and not c.goaways
        assert probe.rss() - before < 4 << 20
        c.ask("/small", fields=[("x", "y" * 3900)] * 2000)
        assert c.rest()[-1][1] == h2.ENHANCE_YOUR_CALM


def test_t34_heads_are_charged_by_what_they_cost(probe):
    """1 MiB each, when it is decoded: thirty of them cost as much as five hundred that are a little too large."""
    with probe.client() as c:
        c.settled()
        c.encoder.huffman = False
        c.ask("/small", fields=[("x", "y" * 3900)])
        heads = [c.head([*h2.request("/small"), *[("x", "y" * 3900)] * 270])[1] for _ in range(30)]
        c.send(b"".join(heads))
        assert c.rest()[-1][1] == h2.ENHANCE_YOUR_CALM


def test_t34_trailers_that_grow_when_they_are_decoded(probe):
    """Nobody reads them: they must not cost more than a head may."""
    with probe.client() as c:
        c.settled()
        c.encoder.huffman = False
        c.ask("/small", fields=[("x", "y" * 3900)])

        def answer(trailers):
            stream, head = c.head(h2.request("/small"), end=False)
            block = c.encoder.encode([("x", "y" * 3900)] * trailers)
            c.send(head + h2.frame(h2.HEADERS, h2.END_STREAM | h2.END_HEADERS, stream, block))
            return c.answer(stream)

        assert answer(1).status == 200
        assert answer(500).reset is not None
        assert answer(1).status == 200 and not c.goaways
        with pytest.raises(Broken):
            for _ in range(1000):
                answer(500)
        assert c.goaways[-1][1] == h2.ENHANCE_YOUR_CALM


def test_cancels_in_proportion_are_no_flood(probe):
    """A third of the requests taken back, for ever."""
    with probe.client() as c:
        c.settled()
        for _ in range(300):
            streams = [c.ask("/small") for _ in range(2)]
            c.send(h2.reset(c.ask("/park")))
            for stream in streams:
                assert c.answer(stream).status == 200
        assert not c.goaways


def test_a_client_that_tells_each_byte_it_read_is_no_flood(probe):
    """Two WINDOW_UPDATEs for each 4 KiB, and a PING now and then."""
    with probe.client(own_window=65535) as c:
        c.settled()
        for round in range(6):
            stream = c.ask("/big")
            told = 0
            while not c.answers[stream].ended:
                c.read_frame()
                while told + 4096 <= len(c.answers[stream].body):
                    c.send(h2.window(0, 4096) + h2.window(stream, 4096))
                    told += 4096
            c.settled()
        assert not c.goaways


def test_streams_beyond_the_maximum(probe):
    with probe.client() as c:
        c.settled()
        assert c.settings[3] == 100
        streams = [c.ask("/park") for _ in range(100)]
        c.settled()
        assert not c.goaways
        c.ask("/park")
        assert c.rest()[-1][1] == h2.PROTOCOL_ERROR
    with probe.client() as c:  # before the maximum was acknowledged
        extra = [c.head(h2.request("/park")) for _ in range(110)]
        c.send(b"".join(data for _, data in extra))
        for stream, _ in extra[100:]:
            assert c.answer(stream).reset == h2.REFUSED_STREAM
        assert not c.goaways


@pytest.mark.parametrize("end, fields", [
    (True, []),
    (False, [("if-none-match", "x" * 3000)]),  # what is to come of it is awaited
], ids=["parked", "unfinished"])
def test_what_requests_under_way_may_hold(probe_of, end, fields):
    """A few bytes each, and a head of 4 KiB is kept: a hundred for each connection would be too much."""
    # What is awaited is awaited until the last has asked, however long that takes.
    probe = probe_of(h2c=1, header_ms=600000, env=QUICK_TO_FORGET)
    before = probe.rss()
    clients = [probe.client() for _ in range(80)]
    for c in clients:
        first = c.ask("/park", fields=fields, end=end)
        _, again = c.head([*h2.request("/park"), *fields], end, stream=first)
        streams = range(3, 201, 2)
        c.answers.update((s, h2.Answer()) for s in streams)
        c.send(b"".join(again[:5] + s.to_bytes(4, "big") + again[9:] for s in streams))
        c.settled()
        c.settled()  # the first PING is answered before what else there is to say
    refused = [[a.reset for a in c.answers.values()].count(h2.REFUSED_STREAM) for c in clients]
    assert refused[0] == 0 and refused[-1] > 80, refused
    assert [c.goaways for c in clients if c.goaways] == []
    assert probe.rss() - before < (160 << 20 if modgate.sanitized() else 64 << 20)
    with probe.client() as other:  # who has less than its part is served
        assert other.get("/small").status == 200
        _, first = other.head([*h2.request("/park"), *fields], end)
        other.send(first)
        _, again = other.head([*h2.request("/park"), *fields], end)

        def ask_ninety():
            streams = range(other.next, other.next + 180, 2)
            other.next += 180
            other.answers.update((s, h2.Answer()) for s in streams)
            other.send(b"".join(again[:5] + s.to_bytes(4, "big") + again[9:] for s in streams))
            other.settled()
            other.settled()
            return [other.answers[s].reset for s in streams]

        for _ in range(5):  # who asks for more, again and again, is turned away and no flood: it is others that hold it
            assert ask_ninety().count(h2.REFUSED_STREAM) > 80
        assert not other.goaways
        with pytest.raises(OSError):  # but not for ever
            for _ in range(400):
                ask_ninety()
        assert other.goaways[-1][1] == h2.ENHANCE_YOUR_CALM
    for c in clients:
        c.socket.close()
    until(lambda: probe.counts()["open"] == 1, 60)
    with probe.client() as c:
        streams = [c.ask("/park") for _ in range(100)]
        c.settled()
        c.settled()
        assert not any(c.answers[s].reset for s in streams)


def test_frames_that_nobody_takes(probe_of, body):
    """8 MiB of all connections together; then a frame for each, and whoever reads is served on."""
    probe = probe_of(h2c=1, stall_ms=600000, file=body)
    clients, all_may = [], 8 << 20

    def stop_reading():
        """How much is kept for one more, at most a hundred answers."""
        before = probe.counts()["unsent"]
        c = probe.client(receive_buffer=4096, segment=536)
        clients.append(c)
        for _ in range(100):
            c.ask("/file", fields=[("range", "bytes=0-59999")])
            kept = probe.counts()["unsent"] - before  # asked behind it, told behind it
            if kept:
                break
        return kept

    kept = []
    while probe.counts()["unsent"] <= all_may:
        kept.append(stop_reading())
        assert len(kept) < 1000
    assert min(kept) > 0 and max(kept) > 40 << 10
    assert max(stop_reading() for _ in range(10)) <= 32 << 10
    with probe.client() as other:
        streams = [other.ask("/big") for _ in range(10)]
        bodies = [other.answer(s).body for s in streams]
        assert len(bodies[0]) == 1 << 20 and all(b == bodies[0] for b in bodies)
    for c in clients:
        c.socket.close()
    until(lambda: probe.counts()["unsent"] == 0, 60)


def test_streams_refused_to_one_who_reads_nothing(probe):
    """Before the maximum was acknowledged each stream beyond it is reset, and the resets cannot be sent."""
    counts = probe.counts()
    with probe.client(receive_buffer=4096) as c:
        for path in ["/file"] * 3 + ["/park"] * 97:
            c.ask(path)
        time.sleep(0.5)  # the socket is full; were it not, the resets would be counted as they are sent
        before = probe.rss()
        block = c.encoder.encode(h2.request("/park"))
        with pytest.raises(OSError):
            for first in range(c.next, 2_000_000, 4000):
                c.send(b"".join(h2.frame(h2.HEADERS, 5, first + i, block) for i in range(0, 4000, 2)))
        assert probe.rss() - before < (64 << 20 if modgate.sanitized() else 8 << 20)
    assert probe.counts()["floods"] - counts["floods"] == 1
