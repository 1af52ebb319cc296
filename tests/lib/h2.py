# SPDX-License-Identifier: Apache-2.0
"""An HTTP/2 client made of frames (RFC 9113): it sends what it is told, right or wrong, and reads answers
strictly. Header compression is that of the package hpack."""

import socket
import struct

import hpack

from lib.http import Broken

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM = ACK = 1
END_HEADERS = 4
NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR = range(4)
STREAM_CLOSED, REFUSED_STREAM, CANCEL, ENHANCE_YOUR_CALM = 5, 7, 8, 11
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def settings(**values):
    names = {"table": 1, "push": 2, "streams": 3, "window": 4, "frame": 5, "list": 6}
    return frame(SETTINGS, 0, 0, b"".join(struct.pack(">HI", names[k], v) for k, v in values.items()))


def window(stream, n):
    return frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", n))


def reset(stream, code=CANCEL):
    return frame(RST_STREAM, 0, stream, struct.pack(">I", code))


def request(path, method="GET", authority="localhost", scheme="http"):
    return [(":method", method), (":scheme", scheme), (":authority", authority), (":path", path)]


class Answer:
    def __init__(self):
        self.fields = []
        self.body = bytearray()
        self.ended = False
        self.reset = None  # code of RST_STREAM

    @property
    def status(self):
        return int(dict(self.fields)[":status"])

    def field(self, name):
        found = [v for n, v in self.fields if n == name]
        assert len(found) <= 1, f"{name} occurs {len(found)} times"
        return found[0] if found else None

    def __repr__(self):
        return f"<{self.fields[:1]} {len(self.body)} ended={self.ended} reset={self.reset}>"


class Client:
    """One connection. Without a window of its own it gives the server all it may."""

    def __init__(self, address, timeout=60, greet=True, own_window=None, receive_buffer=None,
                 context=None, source="127.0.0.1", first=b"", segment=None):
        """first: bytes before HTTP/2 begins, or TLS. segment: the largest, by which systems size what they keep of a
        sender's."""
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if segment:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, segment)
        self.socket.settimeout(timeout)
        self.socket.bind((source, 0))
        self.socket.connect(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall(first)
        if context:  # TLS, and HTTP/2 agreed on in its handshake
            context.set_alpn_protocols(["h2", "http/1.1"])
            self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
            assert self.socket.selected_alpn_protocol() == "h2"
        self.encoder = hpack.Encoder()
        self.decoder = hpack.Decoder()
        self.buffer = bytearray()
        self.at = 0  # of the buffer: what is before it was read
        self.next = 1
        self.answers = {}
        self.goaways = []  # (last stream, code)
        self.pings = []  # of acknowledgements
        self.settings = None
        self.order = []  # streams of DATA frames as they came
        if greet:
            self.send(PREFACE + settings(window=2**31 - 1 if own_window is None else own_window))
            if own_window is None:
                self.send(window(0, 2**31 - 1 - 65535))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def head(self, fields, end=True, stream=None):
        """The bytes of a request and its stream."""
        if stream is None:
            stream, self.next = self.next, self.next + 2
        self.answers[stream] = Answer()
        flags = END_HEADERS | (END_STREAM if end else 0)
        return stream, frame(HEADERS, flags, stream, self.encoder.encode(fields))

    def ask(self, path, method="GET", fields=(), end=True):
        stream, data = self.head([*request(path, method), *fields], end)
        self.send(data)
        return stream

    def get(self, path, method="GET", fields=()):
        return self.answer(self.ask(path, method, fields))

    def fill(self, n):
        """At least n bytes from self.at on."""
        if len(self.buffer) - self.at >= n:
            return
        del self.buffer[: self.at]
        self.at = 0
        while len(self.buffer) < n:
            try:
                data = self.socket.recv(1 << 18)
            except ConnectionError as e:
                raise Broken(f"reset after {self.goaways}") from e
            if not data:
                raise Broken(f"closed after {self.goaways}")
            self.buffer += data

    def read_frame(self):
        self.fill(9)
        n = int.from_bytes(self.buffer[self.at : self.at + 3], "big")
        kind, flags, stream = struct.unpack_from(">BBI", self.buffer, self.at + 3)
        self.fill(9 + n)
        payload = bytes(self.buffer[self.at + 9 : self.at + 9 + n])
        self.at += 9 + n
        self.take(kind, flags, stream, payload)
        return kind, flags, stream, payload

    def take(self, kind, flags, stream, payload):
        assert len(payload) <= 16384
        if kind in (HEADERS, DATA, RST_STREAM):
            answer = self.answers[stream]
            assert not answer.ended or kind == RST_STREAM, (kind, stream)
        if kind == HEADERS:
            assert flags & END_HEADERS and not answer.fields
            answer.fields = [(str(n), str(v)) for n, v in self.decoder.decode(payload)]
            answer.ended = bool(flags & END_STREAM)
        elif kind == DATA:
            assert answer.fields
            answer.body += payload
            answer.ended = bool(flags & END_STREAM)
            self.order.append(stream)
        elif kind == RST_STREAM:
            answer.reset = int.from_bytes(payload, "big")
        elif kind == GOAWAY:
            self.goaways.append(struct.unpack(">II", payload[:8]))
        elif kind == PING and flags & ACK:
            self.pings.append(payload)
        elif kind == PING:
            self.send(frame(PING, ACK, 0, payload))
        elif kind == SETTINGS and not flags & ACK:
            self.settings = {
                k: v for k, v in struct.iter_unpack(">HI", payload)
            }
            self.send(frame(SETTINGS, ACK))

    def until(self, condition):
        while not condition():
            self.read_frame()

    def answer(self, stream):
        """Reads until the stream has ended, by its end or by a reset."""
        a = self.answers[stream]
        self.until(lambda: a.ended or a.reset is not None)
        return a

    def rest(self):
        """Reads to the end of the connection."""
        try:
            while True:
                self.read_frame()
        except Broken:
            return self.goaways

    def settled(self):
        """What was sent so far has been dealt with, and the settings of both sides hold."""
        mark = struct.pack(">Q", len(self.pings) + 1)
        self.send(frame(PING, 0, 0, mark))
        self.until(lambda: self.settings is not None and mark in self.pings)
