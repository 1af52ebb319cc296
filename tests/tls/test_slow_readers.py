# SPDX-License-Identifier: Apache-2.0
"""F21 over TLS: a thousand at once who read slowly from a large zip. Records are made as the sockets take them, and nothing
is as large as what is asked for."""

import os
import socket

import pytest

from lib import certs, http
from lib.metrics import read
from lib.modgate import sanitized
from lib.tree import make_zip

BASE = "/example.com/m/@v/v1.0.0"
# With a record of 16 KiB that waits for its socket, and what libssl keeps of a connection.
EACH = 64 << 10


def connect(m, context, i):
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    raw.settimeout(60)
    raw.bind((f"127.0.1.{i % 200 + 1}", 0))
    raw.connect(m.secure)
    s = certs.Session.__new__(certs.Session)
    s.socket = context.wrap_socket(raw, server_hostname="localhost")
    s.buffer = b""
    return s


def memory(m):
    return read(m).of("process_resident_memory_bytes", process="front")


def readers(secure_of, tree, authority, n, size):
    """What n of them cost."""
    tree.add("example.com/m", "v1.0.0")
    whole = make_zip("example.com/m", "v1.0.0", {"go.mod": "module example.com/m\n\ngo 1.20\n", "m.go": "package m\n",
                                                 "big.bin": os.urandom(size)})
    tree.files["example.com/m/@v/v1.0.0.zip"] = whole
    m = secure_of(config="prefetch: false\nlimits:\n  stall-timeout: 5m\n  header-timeout: 5m\n")
    context = certs.context(authority)
    with certs.Session(m.secure, context) as s:
        assert s.request(BASE + ".zip").body == whole
    held = [connect(m, context, i) for i in range(20)]  # what the first ones allocate stays
    base = memory(m)
    held += [connect(m, context, i) for i in range(n)]
    for s in held:
        s.socket.send(http.head(BASE + ".zip"))
    peak = 0
    for _ in range(4):
        for s in held:
            s.buffer += s.socket.recv(8192)
        peak = max(peak, memory(m))
    for s in held:
        assert b"200 OK" in s.buffer[:20]
    cost = peak - base
    print(f"\n{n} readers over TLS: {cost / 1024 / n:.1f} KiB each")
    fast = certs.Session(m.secure, context)
    assert fast.request(BASE + ".zip").body == whole
    for s in [fast, *held]:
        s.socket.close()
    return cost


@pytest.mark.smoke
def test_f21_a_hundred(secure_of, tree, authority):
    cost = readers(secure_of, tree, authority, 100, 8 << 20)
    if not sanitized():
        assert cost <= 100 * EACH + (2 << 20)


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_f21_a_thousand(secure_of, tree, authority):
    cost = readers(secure_of, tree, authority, 1000, 100 << 20)
    if not sanitized():
        assert cost <= 1000 * EACH
