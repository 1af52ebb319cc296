# SPDX-License-Identifier: Apache-2.0
"""An HTTP/1.1 client that sends exactly what it is told and reads answers strictly."""

import re
import select
import socket
import time


class Answer:
    def __init__(self, version, status, reason, fields, body):
        self.version = version
        self.status = status
        self.reason = reason
        self.fields = fields  # [(name as sent, value)]
        self.body = body

    def field(self, name):
        """The value of a field that occurs at most once, or None."""
        found = [v for n, v in self.fields if n.lower() == name.lower()]
        assert len(found) <= 1, f"{name} occurs {len(found)} times"
        return found[0] if found else None

    @property
    def text(self):
        return self.body.decode("utf-8")

    def __repr__(self):
        return f"<{self.status} {self.body[:200]!r}>"


class Broken(OSError):
    """The other side closed, reset, or answered something that is not HTTP."""


class Session:
    """One connection to (host, port), or to the path of a Unix socket, from the address `source`. Answers are read
    in order; whatever follows one stays in the buffer."""

    def __init__(self, address, timeout=60, source=None):
        self.buffer = b""
        if isinstance(address, str):
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(timeout)
            self.socket.connect(address)
        else:
            self.socket = socket.create_connection(address, timeout, (source, 0) if source else None)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def send_request(self, target, headers=(), method="GET"):
        self.send(head(target, headers, method))

    def request(self, target, headers=(), method="GET"):
        self.send_request(target, headers, method)
        return self.answer(method)

    def fill(self):
        try:
            data = self.socket.recv(262144)
        except ConnectionResetError as e:
            raise Broken(f"reset after {self.buffer[:200]!r}") from e
        if not data:
            raise Broken(f"closed after {self.buffer[:200]!r}")
        self.buffer += data

    def line_end(self, what):
        while (at := self.buffer.find(what)) < 0:
            self.fill()
        return at

    def answer(self, method="GET"):
        at = self.line_end(b"\r\n\r\n")
        lines = self.buffer[:at].decode("latin-1").split("\r\n")
        self.buffer = self.buffer[at + 4 :]
        m = re.fullmatch(r"HTTP/(1\.[01]) (\d{3}) ([ -~]*)", lines[0])
        if not m:
            raise Broken(f"not a status line: {lines[0]!r}")
        fields = []
        for line in lines[1:]:
            f = re.fullmatch(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?([\t -~\x80-\xff]*)", line)
            if not f:
                raise Broken(f"not a field line: {line!r}")
            fields.append((f.group(1), f.group(2).strip()))
        answer = Answer(m.group(1), int(m.group(2)), m.group(3), fields, b"")
        if answer.status // 100 == 1:
            return self.answer(method)
        if method == "HEAD" or answer.status in (204, 304):
            return answer
        length = answer.field("Content-Length")
        if (answer.field("Transfer-Encoding") or "").lower() == "chunked":
            assert length is None, "both Content-Length and Transfer-Encoding"
            answer.body = self.chunks()
        elif length is not None:
            answer.body = self.exactly(int(length))
        else:
            answer.body = self.rest()
        return answer

    def exactly(self, n):
        parts = [self.buffer[:n]]
        got = len(parts[0])
        self.buffer = self.buffer[n:]
        while got < n:
            self.fill()
            take = self.buffer[: n - got]
            self.buffer = self.buffer[len(take) :]
            parts.append(take)
            got += len(take)
        return b"".join(parts)

    def chunks(self):
        body = b""
        while True:
            at = self.line_end(b"\r\n")
            size = int(self.buffer[:at].split(b";")[0], 16)
            self.buffer = self.buffer[at + 2 :]
            body += self.exactly(size)
            if size == 0:
                at = self.line_end(b"\r\n")
                self.buffer = self.buffer[at + 2 :]
                return body
            assert self.exactly(2) == b"\r\n"

    def rest(self):
        while True:
            try:
                self.fill()
            except Broken as e:
                if "reset" in str(e):
                    raise
                data, self.buffer = self.buffer, b""
                return data

    def closed(self, seconds=10):
        """Did the other side end the connection, with nothing more to read?"""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if select.select([self.socket], [], [], end - time.monotonic())[0]:
                try:
                    data = self.socket.recv(65536)
                except ConnectionResetError:
                    return True
                if not data:
                    return True
                self.buffer += data
        return False


def head(target, headers=(), method="GET"):
    lines = [f"{method} {target} HTTP/1.1", "Host: modgate.test"]
    lines += [f"{n}: {v}" for n, v in (headers.items() if isinstance(headers, dict) else headers)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def request(address, target, headers=(), method="GET", timeout=60):
    with Session(address, timeout) as s:
        return s.request(target, [*(headers.items() if isinstance(headers, dict) else headers), ("Connection", "close")], method)
