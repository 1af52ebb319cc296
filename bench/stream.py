# SPDX-License-Identifier: Apache-2.0
"""A cold 40 MB zip from an upstream that sends 5 MB/s: how far behind it a client is while it comes, and at the end.
What is held back until all is verified, the zip's directory, counts as not sent."""

import http.client
import socket
import threading
import time
import zipfile

import servers
import tree
from hot import table

ZIP = "/mod.example/stream/@v/v1.0.0.zip"
RATE = 5_000_000
STEP = 0.01


class Upstream:
    """Files at full speed, the zip at RATE. One request a connection."""

    def __init__(self, root):
        self.root = root
        self.listener = socket.create_server((servers.HOST, 0))
        self.port = self.listener.getsockname()[1]
        self.sent = []  # (when, bytes so far) of the zip
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with connection:
            path = connection.makefile("rb").readline().split()[1].decode()
            file = self.root / path.lstrip("/")
            if not file.is_file():
                connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                return
            body = file.read_bytes()
            connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode())
            if path == ZIP:
                self.drip(connection, memoryview(body))
            else:
                connection.sendall(body)

    def drip(self, connection, body):
        began, at = time.monotonic(), 0
        while at < len(body):
            due = int((time.monotonic() - began) * RATE)
            connection.sendall(body[at:due])
            at = min(due, len(body))
            self.sent.append((time.monotonic(), at))
            time.sleep(STEP)


def download(port):
    """(when, bytes so far) of one client."""
    connection = http.client.HTTPConnection(servers.HOST, port, timeout=60)
    connection.request("GET", ZIP)
    answer, got, total = connection.getresponse(), [], 0
    while data := answer.read1(1 << 20):
        total += len(data)
        got.append((time.monotonic(), total))
    if answer.status != 200 or answer.length:
        raise RuntimeError(f"{ZIP}: status {answer.status}, {answer.length} bytes missing")
    return got


def at(marks, when):
    return max((n for t, n in marks if t <= when), default=0)


def run(options, work):
    upstream = tree.make(options.cache / "stream",
                         lambda root: tree.add_module(root, "mod.example/stream", ["v1.0.0"], 40_000_000))
    held = upstream / ZIP.lstrip("/")
    with zipfile.ZipFile(held) as z:
        held_back = held.stat().st_size - z.start_dir
    origin = Upstream(upstream)
    with servers.modgate(options.modgate, work, f"http://{servers.HOST}:{origin.port}", work / "store") as server:
        server.wait_ready()
        got = download(server.port)
    began, ended = origin.sent[0][0], origin.sent[-1][0]
    seconds = range(1, int(ended - began) + 1)
    shares = [at(got, began + s) / min(at(origin.sent, began + s), origin.sent[-1][1] - held_back) for s in seconds]
    line = [f"{min(shares):.3f} (≥ 0.9)", f"{got[-1][0] - ended:.3f} s (≤ 0.3)"]
    return (f"A cold zip of 40 MB at {RATE / 1e6:.0f} MB/s:\n\n"
            + table(["least share of it that a client has, at each second", "the client's end after the upstream's"], [line]))
