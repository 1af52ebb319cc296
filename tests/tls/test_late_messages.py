# SPDX-License-Identifier: Apache-2.0
"""T38: what costs the server work after the handshake and brings nothing: key updates, renegotiation, a record a byte."""

import os
import pathlib
import subprocess
import time

import pytest

from lib import certs
from lib.clean import Clean, cores, on, p99
from lib.metrics import read
from lib.modgate import sanitized

SECONDS = float(os.environ.get("FLOOD_SECONDS", 60))
MOD = "/example.com/m/@v/v1.0.0.mod"


@pytest.fixture(scope="session")
def program(tmp_path_factory):
    binary = tmp_path_factory.mktemp("late") / "late_messages"
    source = pathlib.Path(__file__).with_name("late_messages.c")
    subprocess.run([os.environ.get("CC", "cc"), "-O1", "-o", binary, source, "-lssl", "-lcrypto"], check=True)
    return binary


@pytest.fixture
def sending(secure_of, program, tree):
    tree.add("example.com/m", "v1.0.0")
    with on(cores()[0]):
        m = secure_of(config="workers: 1\nprefetch: false\n", scheme="h2c://")
    assert m.get(MOD).status == 200

    def begin(what, seconds):
        with on(cores()[1]):
            p = subprocess.Popen([program, str(m.secure[1]), str(seconds), what], stdout=subprocess.PIPE, text=True)
        assert p.stdout.readline() == "begun\n"
        return p

    return m, begin


def end(p):
    """(connections, messages)"""
    out, _ = p.communicate(timeout=300)
    assert p.returncode == 0
    return map(int, out.split())


def memory(m):
    return read(m).of("process_resident_memory_bytes", process="front")


@pytest.mark.smoke
@pytest.mark.parametrize("what", ["key_updates", "renegotiation"])
def test_t38_is_closed(sending, authority, what):
    m, begin = sending
    connections, messages = end(begin(what, 0.5))
    floods = read(m).of("modgate_tls_floods_total")
    assert floods == (connections if what == "key_updates" else 0)
    # What was sent before the client saw the end: two buffers of the system's.
    assert messages < 1_000_000 * connections
    with certs.Session(m.secure, certs.context(authority)) as s:
        assert s.request(MOD).status == 200


@pytest.mark.soak
@pytest.mark.timeout(300)
@pytest.mark.parametrize("what", ["key_updates", "renegotiation", "drips"])
def test_t38_others_do_not_notice(sending, what):
    m, begin = sending
    list(end(begin(what, 1)))
    base = memory(m)
    with Clean(m.address, MOD, core=cores()[1], pause=0.0003) as clean:
        clean.during("quiet")
        time.sleep(SECONDS / 6)
        clean.during("between")
        p = begin(what, SECONDS)
        clean.during("flood")
        p.wait(SECONDS + 60)
        clean.during("between")
        connections, messages = end(p)
        times = clean.end()
    cost = memory(m) - base
    before, during = p99(times["quiet"]), p99(times["flood"])
    print(f"\n{what}: {connections} connections, {messages} messages, RSS {cost / 1024:+.0f} KiB, "
          f"p99 {before * 1e6:.0f} -> {during * 1e6:.0f} us")
    if not sanitized():
        assert cost <= 8 << 20
        assert during <= 0.05
