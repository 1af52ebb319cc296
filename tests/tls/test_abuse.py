# SPDX-License-Identifier: Apache-2.0
"""Peers that do not mean TLS, or not all of it."""

import random
import select
import selectors
import socket
import ssl
import time

import pytest

from lib import certs, http
from lib.metrics import eventually, read
from lib.modgate import sanitized


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
            # Nothing but an alert, level fatal; HTTP is answered as HTTP.
            if bytes_.startswith(b"GET "):
                assert got.startswith(b"HTTP/1.1 400 "), got
            else:
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


# --- handshakes that are begun and not ended (T39)


def begin(address, n, first):
    """Connections on which so much is said, from many addresses."""
    held = []
    for i in range(n):
        s = socket.socket()
        s.bind((f"127.0.{i // 1000 + 1}.7", 0))
        s.connect(address)
        s.sendall(first)
        held.append(s)
    return held


def memory(now):
    return now.of("process_resident_memory_bytes", process="front")


def handshaking(now, state):
    return now.of("modgate_tls_handshaking", state=state)


@pytest.mark.smoke
def test_t39_the_beginning_of_a_first_message_costs_nothing(secure_of, authority):
    m = secure_of(config="limits:\n  header-timeout: 2m\n")
    with certs.Session(m.secure, certs.context(authority)) as s:
        assert s.request("/livez").status == 200
    base = read(m)
    held = begin(m.secure, 800, client_hello()[:-1])
    now = eventually(m, lambda now: now.of("modgate_http_connections") > 800)
    assert handshaking(now, "under_way") == handshaking(now, "waiting") == 0
    with certs.Session(m.secure, certs.context(authority)) as s:
        assert s.request("/livez").status == 200
    if not sanitized():
        assert memory(read(m)) - memory(base) <= 2 << 20
    for s in held:
        s.close()


@pytest.mark.smoke
def test_t39_handshakes_that_stop_in_the_middle(secure_of, authority):
    """The clients say all of their first message, and never answer ours."""
    m = secure_of(config="workers: 2\nlimits:\n  header-timeout: 2m\n")
    context = certs.context(authority)
    with certs.Session(m.secure, context) as s:
        assert s.request("/livez").status == 200
    base = read(m)
    held = begin(m.secure, 1000, client_hello())
    for _ in range(20):  # others get through meanwhile
        with certs.Session(m.secure, context) as s:
            assert s.request("/livez").status == 200
    now = eventually(m, lambda now: now.of("modgate_http_connections_evicted_total") > 800)
    print(f"1000 half handshakes: {int(memory(now) - memory(base)) >> 10} KiB")
    assert handshaking(now, "under_way") <= 2 * 64
    if not sanitized():
        assert memory(now) - memory(base) <= 8 << 20
    for s in held:
        s.close()
    eventually(m, lambda now: handshaking(now, "under_way") == handshaking(now, "waiting") == 0)


class Asking:
    """One that is greeted and asks once, and goes on whenever it is told to."""

    def __init__(self, address, context):
        raw = socket.create_connection(address, 60)
        raw.setblocking(False)
        self.socket = context.wrap_socket(raw, server_hostname="localhost", do_handshake_on_connect=False)
        self.got, self.asked = b"", False

    def go_on(self):
        """True when it has the whole answer."""
        try:
            if not self.asked:
                self.socket.do_handshake()
                self.socket.sendall(http.head("/livez"))
                self.asked = True
            self.got += self.socket.recv(4096)
        except ssl.SSLWantReadError:
            pass
        return self.got.endswith(b"\r\n\r\nok\n")


def ask_at_once(address, context, many, at_once):
    """So many, so many of them at a time: (how many were cut and asked again, the longest that we kept one waiting)."""
    slowest = cut = begun = 0
    last = time.monotonic()
    with selectors.DefaultSelector() as here:
        while begun < many or here.get_map():
            while begun < many and len(here.get_map()) < at_once:
                one = Asking(address, context)
                one.go_on()
                here.register(one.socket, selectors.EVENT_READ, one)
                begun += 1
            ready = here.select(0.005)
            slowest, last = max(slowest, time.monotonic() - last), time.monotonic()
            for key, _ in ready:
                try:
                    if not key.data.go_on():
                        continue
                except OSError:
                    cut, begun = cut + 1, begun - 1
                    assert cut < many
                here.unregister(key.fileobj)
                key.fileobj.close()
    return cut, 2 * slowest


def test_many_at_once_are_greeted_one_after_the_other(secure_of, authority):
    """Room for two, and forty at a time that all go on: nobody is refused."""
    m = secure_of(config="workers: 1\nlimits:\n  handshakes: 2\n")
    cut, slowest = ask_at_once(m.secure, certs.context(authority), 400, 40)
    now = read(m)
    assert now.of("modgate_tls_handshakes_total", result="full") >= 400
    assert now.of("modgate_http_connections_evicted_total") == cut
    # 0.1 s is the least patience. Where the machine kept us from going on for longer, they may have been cut.
    assert cut == 0 or slowest > 0.1


def test_who_waits_for_its_turn_may_leave(secure_of, authority):
    m = secure_of(config="workers: 1\nlimits:\n  handshakes: 2\n  header-timeout: 2s\n")
    held = begin(m.secure, 20, client_hello())
    eventually(m, lambda now: handshaking(now, "under_way") == 2 and handshaking(now, "waiting") >= 1)
    for s in held[2:12]:
        s.close()
    eventually(m, lambda now: handshaking(now, "under_way") == handshaking(now, "waiting") == 0)
    now = read(m)
    assert now.of("modgate_http_timeouts_total", phase="handshake") >= 1
    assert now.of("modgate_http_timeouts_total", phase="head") == 0
    for s in held:
        s.close()
    with certs.Session(m.secure, certs.context(authority)) as s:
        assert s.request("/livez").status == 200
