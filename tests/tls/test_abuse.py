# SPDX-License-Identifier: Apache-2.0
"""Peers that do not mean TLS, or not all of it."""

import random
import select
import socket
import ssl
import time

from lib import certs, http


def client_hello(name="localhost"):
    """The first flight of a real client."""
    outgoing = ssl.MemoryBIO()
    c = ssl.create_default_context()
    try:
        c.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name).do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


def rest(s, seconds=30):
    """All that comes until the end, and whether the end was a reset."""
    got = b""
    end = time.monotonic() + seconds
    while True:
        assert select.select([s], [], [], max(0, end - time.monotonic()))[0], f"still open after {seconds} s"
        try:
            data = s.recv(65536)
        except ConnectionResetError:
            return got, True
        if not data:
            return got, False
        got += data


def test_what_is_not_tls_is_told_so_and_closed(secure_of, authority):
    m = secure_of()
    noise = random.Random(11)
    hello = client_hello()
    cases = [http.head("/livez"), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x80\x2e\x01\x00\x02" + bytes(60),
             b"\x16\x03\x01\x7f\xff" + bytes(60), hello[:5] + noise.randbytes(len(hello) - 5),
             b"\x17\x03\x03\x00\x05hello" + bytes(20)]
    cases += [bytes(noise.randrange(256) for _ in range(200)) for _ in range(20)]
    for bytes_ in cases:
        with socket.create_connection(m.secure, 30) as s:
            s.sendall(bytes_)
            s.shutdown(socket.SHUT_WR)
            got, _ = rest(s)
            # Nothing but an alert: level fatal.
            assert got == b"" or (got[0] == 21 and got[5] == 2), (bytes_[:20], got)
    counts = m.get("/metrics").text
    assert f'modgate_tls_handshakes_total{{result="failed"}} {len(cases)}\n' in counts
    # In the middle of a hello every kind of end.
    for n in (1, 5, 6, 100, len(hello) - 1):
        with socket.create_connection(m.secure, 30) as s:
            s.sendall(hello[:n])
            s.shutdown(socket.SHUT_WR)
            rest(s)
    with certs.Session(m.secure, certs.context(authority)) as s:
        assert s.request("/livez").status == 200


def test_bytes_changed_on_the_way(secure_of, authority):
    m = secure_of()
    context = certs.context(authority)
    for seed in range(10):
        with socket.create_connection(m.secure, 30) as raw:
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            tls = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
            while True:
                try:
                    tls.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    raw.sendall(outgoing.read())
                    incoming.write(raw.recv(65536))
            tls.write(http.head("/livez"))
            record = bytearray(outgoing.read())
            at = len(record) - 1 - random.Random(seed).randrange(60)
            record[at] ^= 1
            raw.sendall(record)
            got, _ = rest(raw)
            assert b"ok\n" not in got


def test_handshakes_that_do_not_end_are_ended(secure_of, authority):
    """Within the time of a request's head, 10 s; meanwhile others are served."""
    m = secure_of()
    hello = client_hello()
    start = time.monotonic()
    silent = [socket.create_connection(m.secure, 30) for _ in range(50)]
    half = [socket.create_connection(m.secure, 30) for _ in range(50)]
    drip = [socket.create_connection(m.secure, 30) for _ in range(10)]
    deaf = [socket.create_connection(m.secure, 30) for _ in range(10)]
    for s in half:
        s.sendall(hello[: len(hello) // 2])
    for s in deaf:
        s.sendall(hello)
    everybody = {*silent, *half, *drip, *deaf}
    context = certs.context(authority)
    sent = 0
    while everybody:
        assert time.monotonic() - start < 40, f"{len(everybody)} are still open"
        with certs.Session(m.secure, context) as s:
            assert s.request("/livez").status == 200
        for s in everybody & {*drip}:
            try:
                s.sendall(hello[sent : sent + 1])
            except OSError:
                everybody.discard(s)
        sent += 1
        for s in select.select(list(everybody), [], [], 0.1)[0]:
            try:
                if s.recv(65536):
                    continue
            except OSError:
                pass
            everybody.discard(s)
    assert time.monotonic() - start > 5, "nobody would get through a slow line"
    for s in [*silent, *half, *drip, *deaf]:
        s.close()
