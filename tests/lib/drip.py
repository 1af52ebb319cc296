# SPDX-License-Identifier: Apache-2.0
"""A body that an origin sends piece by piece, as the test says, and clients that read what has come so far.

    drip = Drip(body)
    origin.on(r"\\.zip$", raw=drip)
    reader = Reader(m.address, "/example.com/m/@v/v1.0.0.zip")
    drip.to(1_000_000)              # so many bytes may go, and no more
    reader.read_to(900_000)         # waits until so many have come
"""

import re
import select
import socket
import ssl
import struct
import threading
import time

from lib.http import Broken, head
from lib.origin import reset


class Drip:
    """Each connection that asks gets the body up to where it may go, from the offset it asks for if
    `ranges` is set. `cut()` ends those that are open."""

    def __init__(self, body, fields=(), ranges=False, rate=None):
        self.body = body
        self.fields = list(fields)
        self.ranges = ranges
        self.rate = rate  # bytes a second
        self.allowed = len(body) if rate else 0
        self.cuts = 0
        self.changed = threading.Condition()
        self.sent = []  # (time, bytes so far) of the last connection
        self.asked = 0
        self.deserted = 0  # connections that the other side has closed early

    def to(self, n):
        with self.changed:
            self.allowed = max(self.allowed, n)
            self.changed.notify_all()

    def finish(self):
        self.to(len(self.body))

    def cut(self):
        with self.changed:
            self.cuts += 1
            self.changed.notify_all()

    def wait(self, what, seconds=20):
        with self.changed:
            assert self.changed.wait_for(lambda: what(self), seconds), vars(self).keys()

    def __call__(self, conn, request):
        first = 0
        wanted = request.headers["range"]
        if self.ranges and wanted:
            first = int(re.fullmatch(r"bytes=(\d+)-", wanted[0])[1])
        with self.changed:
            self.asked += 1
            self.sent = []
            cuts = self.cuts
            self.changed.notify_all()
        conn.sendall(self.head(first))
        return self.send(conn, first, cuts)

    def head(self, first):
        lines = ["HTTP/1.1 206 Partial Content" if first else "HTTP/1.1 200 OK", "Content-Type: application/zip"]
        lines += [f"Content-Length: {len(self.body) - first}"]
        lines += [f"{name}: {value}" for name, value in self.fields]
        if first:
            lines.append(f"Content-Range: bytes {first}-{len(self.body) - 1}/{len(self.body)}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def send(self, conn, at, cuts):
        start, first = time.monotonic(), at
        while at < len(self.body):
            with self.changed:
                self.changed.wait_for(lambda: self.allowed > at or self.cuts > cuts, 0.02)
                if self.cuts > cuts:
                    reset(conn)
                    return False
                to = self.allowed
            if self.rate:
                to = min(to, first + int((time.monotonic() - start) * self.rate))
                time.sleep(0.004)
            if select.select([conn], [], [], 0)[0]:  # nothing is to come from there but the end
                with self.changed:
                    self.deserted += 1
                    self.changed.notify_all()
                return False
            if to > at:
                to = min(to, at + 262144)
                conn.sendall(self.body[at:to])
                at = to
                with self.changed:
                    self.sent.append((time.monotonic(), at))
        return True


class Reader:
    """One GET whose body is read as it comes. `get` is what has come of it; `head` and `status` of it."""

    def __init__(self, address, target, headers=(), receive_buffer=None, context=None):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(30)
        self.socket.connect(address)
        if context:
            self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
        self.socket.sendall(head(target, headers))
        self.head = None
        self.body = bytearray()
        self.times = []  # (time, bytes so far)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def leave(self, hard=False):
        if hard:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def take(self):
        """Some more of it; Broken when there will be none."""
        try:
            data = self.socket.recv(1 << 18)
        except (ConnectionResetError, ssl.SSLEOFError) as e:
            raise Broken(f"reset after {len(self.body)} bytes") from e
        if not data:
            raise Broken(f"closed after {len(self.body)} bytes")
        self.body += data
        if self.head is None:
            at = self.body.find(b"\r\n\r\n")
            if at < 0:
                return
            self.head = bytes(self.body[: at + 2]).decode("latin-1")
            del self.body[: at + 4]
        self.times.append((time.monotonic(), len(self.body)))

    @property
    def status(self):
        return int(self.head[9:12])

    def field(self, name):
        found = re.search(rf"\r\n{name}: (.*)\r\n", self.head, re.I)
        return found and found[1]

    @property
    def length(self):
        return int(self.field("Content-Length"))

    def read_head(self):
        while self.head is None:
            self.take()
        return self

    def read_to(self, n):
        while self.head is None or len(self.body) < n:
            self.take()
        return self

    def read_all(self):
        self.read_head()
        self.read_to(self.length)
        return bytes(self.body)

    def read_until_cut(self):
        """It must not come to its end: what it was cut by, and how much had come, is returned."""
        try:
            while self.head is None or len(self.body) < self.length:
                self.take()
        except Broken as e:
            return str(e)
        raise AssertionError("complete")

    def silent(self):
        """Nothing has come that was not read."""
        return not select.select([self.socket], [], [], 0)[0]
