# SPDX-License-Identifier: Apache-2.0
"""Memory: all processes idle, with 4 MB in the hot cache, and with 10,000 idle connections."""

import socket
import time

import servers
import tree
from hot import table

CONNECTIONS = 10_000


def settle(server):
    """Memory after what the last requests started has ended."""
    time.sleep(2)
    return server.memory()


def fill(server, upstream):
    """Fetches 4 MB of artifacts and asks for each again; what it came to."""
    total = 0
    for zip_file in sorted(upstream.glob("mod.example/hot/*/@v/*.zip")):
        path = f"/{zip_file.relative_to(upstream)}"
        for _ in range(2):
            status, body = servers.ask(server.port, path)
            if status != 200:
                raise RuntimeError(f"{path}: status {status}")
        total += len(body)
    return total


def idle_connections(server, path, count):
    """Connections on each of which one request was answered."""
    head = f"GET {path} HTTP/1.1\r\nHost: {servers.HOST}\r\n\r\n".encode()
    opened = []
    for _ in range(count):
        connection = socket.create_connection((servers.HOST, server.port), timeout=30)
        connection.sendall(head)
        if not connection.recv(65536).startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"{path} was not answered with 200")
        opened.append(connection)
    return opened


def run(options, work):
    upstream = tree.make(options.cache / "upstream", tree.rows_tree)
    results = []
    with servers.modgate(options.modgate, work, f"file://{upstream}", work / "store") as server:
        server.wait_ready()
        results.append(("just started", settle(server), ""))
        total = fill(server, upstream)
        results.append((f"after {total / 1e6:.1f} MB fetched and hot", settle(server), "≤ 20 MB"))
        path = "/mod.example/hot/m00/@v/v1.0.0.mod"
        servers.ask(server.port, path)
        opened = idle_connections(server, path, CONNECTIONS)
        results.append((f"with {CONNECTIONS:,} idle connections", settle(server), "≤ 60 MB"))
        for connection in opened:
            connection.close()
        results.append(("after they closed", settle(server), ""))
    lines = [
        [what, f"{pss / 1e6:.1f} MB", f"{rss / 1e6:.1f} MB", goal]
        for what, (pss, rss), goal in results
    ]
    return "Memory of all processes, idle:\n\n" + table(["", "PSS", "RSS", "goal"], lines)
