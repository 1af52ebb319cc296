#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An upstream that serves a tree of files and answers each request a settable time late, as one far
away does: slow_upstream.py ROOT PORT DELAY_MS. `GET /requests` tells how many it has seen."""

import asyncio
import sys
from pathlib import Path
from urllib.parse import unquote


class Upstream(asyncio.Protocol):
    root = Path()
    delay_s = 0.0
    requests = 0

    def connection_made(self, transport):
        self.transport = transport
        self.pending = b""

    def data_received(self, data):
        self.pending += data
        while b"\r\n\r\n" in self.pending:
            head, _, self.pending = self.pending.partition(b"\r\n\r\n")
            path = unquote(head.split(b" ", 2)[1].decode())
            if path == "/requests":
                self.answer(200, str(Upstream.requests).encode())
                continue
            Upstream.requests += 1
            file = self.root / path.lstrip("/")
            found = (200, file.read_bytes()) if file.is_file() else (404, b"not found\n")
            if self.delay_s > 0:
                asyncio.get_running_loop().call_later(self.delay_s, self.answer, *found)
            else:
                self.answer(*found)

    def answer(self, status, body):
        if not self.transport.is_closing():
            head = f"HTTP/1.1 {status} {'OK' if status == 200 else 'Not Found'}\r\n"
            self.transport.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)


async def main():
    root, port, delay_ms = sys.argv[1:4]
    Upstream.root = Path(root)
    Upstream.delay_s = float(delay_ms) / 1000
    server = await asyncio.get_running_loop().create_server(
        Upstream, "127.0.0.1", int(port), backlog=1024
    )
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
