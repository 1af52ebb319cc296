# SPDX-License-Identifier: Apache-2.0
"""A client that asks for one small thing again and again by HTTP/2, and says how long each answer took: until it was in
the client's socket, by the kernel's clock, for who makes a flood on the same core may keep the client from looking. It
is a process of its own, `python -m lib.clean`, with real-time priority where it may."""

import array
import contextlib
import gc
import json
import os
import select
import socket
import statistics
import struct
import subprocess
import sys
import time

from lib import h2
from lib.gocmd import ROOT


SO_TIMESTAMPNS = 35


class Clean:
    """with Clean(m.address, path) as c: c.during("quiet"); ...; c.during("flood"); ...; c.end()"""

    def __init__(self, address, path, core=None, pause=0):
        argv = [sys.executable, "-m", "lib.clean", *map(str, address), path, str(pause)]
        self.process = subprocess.Popen(argv, cwd=ROOT / "tests", stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, preexec_fn=lambda: self.place(core))

    @staticmethod
    def place(core):
        if core is not None:
            os.sched_setaffinity(0, {core})
        try:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))
        except PermissionError:
            pass

    def during(self, what):
        """From now on what is measured belongs to that. Returns when it does."""
        print(what, file=self.process.stdin, flush=True)
        assert self.process.stdout.readline().strip() == what

    def end(self):
        """{what: [seconds]}"""
        self.process.stdin.close()
        times = json.loads(self.process.stdout.read())
        assert self.process.wait(60) == 0
        return times

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def cores():
    """One for the server, one for its clients, good and bad; the same where there is one only."""
    all_of_them = sorted(os.sched_getaffinity(0))
    return all_of_them[0], all_of_them[-1]


@contextlib.contextmanager
def on(core):
    """Processes that are started meanwhile stay on that core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def p99(times):
    return statistics.quantiles(times, n=100)[98]


class Asker:
    """As little as can be between the clock and the socket."""

    def __init__(self, address, path):
        self.client = h2.Client(address)
        self.client.settled()
        assert self.client.get(path).status == 200
        # The second time every field is in the table, the third is as the second: the block stays the same.
        self.fields = h2.request(path)
        self.client.encoder.encode(self.fields)
        block = self.client.encoder.encode(self.fields)
        assert block == self.client.encoder.encode(self.fields)
        self.socket = self.client.socket
        self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.start = struct.pack(">I", len(block))[1:] + bytes([h2.HEADERS, h2.END_STREAM | h2.END_HEADERS])
        self.block = block
        self.stream = self.client.next

    def ask(self):
        """How long the answer took, in seconds."""
        stream, self.stream = self.stream, self.stream + 2
        request = self.start + stream.to_bytes(4, "big") + self.block
        began = time.time_ns()
        self.socket.send(request)
        got = b""
        while not self.is_answer(got, stream):
            more, told, _, _ = self.socket.recvmsg(1 << 16, 64)
            assert more, "closed"
            got += more
        s, ns = struct.unpack("qq", told[0][2])
        return (s * 10**9 + ns - began) / 1e9

    def is_answer(self, got, stream):
        """HEADERS, the first field :status 200 of the static table, and DATA to the end of the stream."""
        at = 0
        while len(got) - at >= 9:
            n = int.from_bytes(got[at : at + 3], "big")
            if len(got) - at < 9 + n:
                return False
            kind, flags = got[at + 3], got[at + 4]
            if kind in (h2.HEADERS, h2.DATA):
                assert int.from_bytes(got[at + 5 : at + 9], "big") == stream
                assert kind == h2.DATA or got[at + 9] == 0x88
            assert kind not in (h2.GOAWAY, h2.RST_STREAM)
            at += 9 + n
            if kind == h2.DATA and flags & h2.END_STREAM:
                return True
        return False


def main():
    host, port, path, pause = sys.argv[1:]
    pause = float(pause)
    asker = Asker((host, int(port)), path)
    times, now = {}, None
    gc.disable()
    while True:
        if now is None or select.select([sys.stdin], [], [], 0)[0]:
            what = sys.stdin.readline().strip()
            if not what:
                break
            now = times.setdefault(what, array.array("d"))
            print(what, flush=True)
        for _ in range(20):
            if pause:
                time.sleep(pause)
            now.append(asker.ask())
    json.dump({what: list(of) for what, of in times.items()}, sys.stdout)


if __name__ == "__main__":
    main()
