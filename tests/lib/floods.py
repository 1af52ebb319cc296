# SPDX-License-Identifier: Apache-2.0
"""Floods (T30-T34, T36, T39): what a client sends again and again. `python -m lib.floods` sends one of them for a
while, a connection after the other, and prints that it has begun, then how many there were."""

import argparse
import socket
import struct
import time

from lib import h2
from lib.http import Broken


class Place:
    """Where it goes: a server of HTTP/2 in clear text, a small answer there, and one that does not come."""

    def __init__(self, address, small, park):
        self.address, self.small, self.park = address, small, park


# -- bytes of HTTP/2; each gets the client, the place, and the stream of a request that is not answered


def rapid_reset(c, at, parked):
    """CVE-2023-44487."""
    return b"".join(data + h2.reset(s) for s, data in (c.head(h2.request(at.park)) for _ in range(100)))


def rapid_reset_of_hits(c, at, parked):
    return b"".join(data + h2.reset(s) for s, data in (c.head(h2.request(at.small)) for _ in range(100)))


def made_you_reset(c, at, parked):
    """CVE-2025-8671: a frame that makes the server reset the stream."""
    out = b""
    for _ in range(50):
        stream, data = c.head(h2.request(at.park))
        out += data + h2.window(stream, 0)
    return out


def made_you_reset_by_window(c, at, parked):
    out = b""
    for _ in range(50):
        stream, data = c.head(h2.request(at.park))
        out += data + h2.window(stream, 2**31 - 1)
    return out


def made_you_reset_by_head(c, at, parked):
    return b"".join(c.head([*h2.request(at.small), ("connection", "x")])[1] for _ in range(50))


def heads_too_large(c, at, parked):
    return b"".join(c.head([*h2.request(at.small), *[("a", "b" * 4000)] * 10])[1] for _ in range(20))


def pings(c, at, parked):
    return h2.frame(h2.PING, 0, 0, b"12345678") * 1000


def settings(c, at, parked):
    return h2.frame(h2.SETTINGS) * 1000


def settings_of_tables(c, at, parked):
    return (h2.settings(table=0) + h2.settings(table=4096)) * 500


def acknowledgements(c, at, parked):
    return h2.frame(h2.SETTINGS, h2.ACK) * 1000


def empty_data(c, at, parked):
    return h2.frame(h2.DATA, 0, parked) * 1000


def tiny_data(c, at, parked):
    return h2.frame(h2.DATA, 0, parked, b"x") * 1000


def priorities(c, at, parked):
    return h2.frame(h2.PRIORITY, 0, parked, struct.pack(">IB", parked + 2, 7)) * 1000


def priorities_of_idle_streams(c, at, parked):
    return b"".join(
        h2.frame(h2.PRIORITY, 0, 1001 + 2 * i, struct.pack(">IB", 1003 + 2 * i, 7)) for i in range(1000)
    )


def priority_updates(c, at, parked):
    return h2.frame(16, 0, 0, struct.pack(">I", parked) + b"u=0") * 1000


def windows(c, at, parked):
    return h2.window(0, 1) * 1000


def windows_of_a_stream(c, at, parked):
    return h2.window(parked, 1) * 1000


def windows_of_closed_streams(c, at, parked):
    return h2.window(1, 1) * 1000


def unknown_frames(c, at, parked):
    return h2.frame(0xEE, 0xFF, 0, b"x" * 10) * 1000


def continuations(c, at, parked):
    """CVE-2024-28182: a head that does not end."""
    stream, data = c.head(h2.request(at.small))
    head = h2.frame(h2.HEADERS, h2.END_STREAM, stream, data[9:])
    return head + h2.frame(h2.CONTINUATION, 0, stream, b"") * 1000


FLOODS = [
    (rapid_reset, h2.ENHANCE_YOUR_CALM),
    (rapid_reset_of_hits, h2.ENHANCE_YOUR_CALM),
    (made_you_reset, h2.PROTOCOL_ERROR),  # for nghttp2 that is the connection's end
    (made_you_reset_by_window, h2.ENHANCE_YOUR_CALM),
    (made_you_reset_by_head, h2.ENHANCE_YOUR_CALM),
    (heads_too_large, h2.ENHANCE_YOUR_CALM),
    (pings, h2.ENHANCE_YOUR_CALM),
    (settings, h2.ENHANCE_YOUR_CALM),
    (settings_of_tables, h2.ENHANCE_YOUR_CALM),
    (acknowledgements, h2.ENHANCE_YOUR_CALM),
    (empty_data, h2.ENHANCE_YOUR_CALM),
    (tiny_data, h2.ENHANCE_YOUR_CALM),
    (priorities, h2.ENHANCE_YOUR_CALM),
    (priorities_of_idle_streams, h2.ENHANCE_YOUR_CALM),
    (priority_updates, h2.ENHANCE_YOUR_CALM),
    (windows, h2.ENHANCE_YOUR_CALM),
    (windows_of_a_stream, h2.ENHANCE_YOUR_CALM),
    (windows_of_closed_streams, h2.ENHANCE_YOUR_CALM),
    (unknown_frames, h2.ENHANCE_YOUR_CALM),
    (continuations, h2.ENHANCE_YOUR_CALM),
]
# The server must have reset those before, or they are more than may be open.
IN_STEP = (made_you_reset, made_you_reset_by_window, made_you_reset_by_head, heads_too_large)


def end_of(at, make):
    """One connection to its end; the GOAWAYs it was sent."""
    with h2.Client(at.address, own_window=65535) as c:
        assert c.get(at.small).status == 200
        parked = c.ask(at.park, fields=[("expect", "100-continue")], end=False)
        c.settled()
        try:
            for _ in range(5000):
                c.send(make(c, at, parked))
                if make in IN_STEP:
                    c.settled()
        except OSError:
            # What the server said may be lost to the reset: it did not wait for ever for us to read.
            return c.rest()
        raise AssertionError("all of them were taken")


class Tape:
    """What `end_of` has sent, to be sent again by connections that cost nothing to make: a client of frames is slower
    than the server it floods."""

    def __init__(self, at, make):
        self.parts = []  # of bytes; after each but the last an answer to its PING is awaited
        with h2.Client(at.address, own_window=65535, greet=False) as c:
            whole = bytearray()
            send = c.send
            c.send = lambda data: (whole.extend(data), send(data))
            c.send(h2.PREFACE + h2.settings(window=65535))
            assert c.get(at.small).status == 200
            parked = c.ask(at.park, fields=[("expect", "100-continue")], end=False)
            c.settled()
            self.cut(whole)
            try:
                for _ in range(5000):
                    c.send(make(c, at, parked))
                    if make in IN_STEP:
                        c.settled()
                        self.cut(whole)
            except (OSError, Broken):
                self.cut(whole)

    def cut(self, whole):
        self.parts.append(bytes(whole))
        whole.clear()

    def play(self, at):
        with socket.create_connection(at.address, 60) as s:
            for i, part in enumerate(self.parts):
                s.sendall(part)
                while i + 1 < len(self.parts) and PING_ACK not in (got := s.recv(1 << 16)):
                    if not got:
                        return
            while s.recv(1 << 16):
                pass


PING_ACK = h2.frame(h2.PING, h2.ACK, 0, b"12345678")[:9]


# -- the others


def silent_prefaces(at):
    """T36: a hundred connections that begin and then say nothing."""
    begun = []
    for i in range(100):
        s = socket.create_connection(at.address, 60)
        s.sendall((h2.PREFACE + h2.settings())[: i % 40])
        begun.append(s)
    for s in begun:
        s.close()


def heads_that_stop(at):
    """T39: the same, in the middle of a head."""
    begun = []
    for _ in range(100):
        c = h2.Client(at.address)
        c.send(h2.frame(h2.HEADERS, h2.END_STREAM, 1, b"\x82"))
        begun.append(c)
    for c in begun:
        c.socket.close()


OTHERS = [silent_prefaces, heads_that_stop]


def main():
    parser = argparse.ArgumentParser()
    for name in ("host", "port", "small", "park", "name", "seconds"):
        parser.add_argument(name)
    o = parser.parse_args()
    at = Place((o.host, int(o.port)), o.small, o.park)
    makers = {make.__name__: make for make, _ in FLOODS}
    others = {other.__name__: other for other in OTHERS}
    n = 0
    tape = Tape(at, makers[o.name]) if o.name in makers else None
    print("begun", flush=True)
    end = time.monotonic() + float(o.seconds)
    while time.monotonic() < end:
        try:
            if tape:
                tape.play(at)
            else:
                others[o.name](at)
        except (Broken, OSError):
            pass  # ended sooner than it could begin
        n += 1
    print(n)


if __name__ == "__main__":
    main()
