# SPDX-License-Identifier: Apache-2.0
"""OCSP answers that are asked of the certificates' authorities."""

import os
import re
import signal
import subprocess
import time

import pytest

from lib.metrics import eventually, read
from lib.ocsp import OpensslResponder, Responder, answer
from lib.ports import free_port
from lib.wait import until


@pytest.fixture
def responder():
    r = Responder()
    yield r
    r.stop()


def issue(authority, name, url, must=False):
    more = f"authorityInfoAccess=OCSP;URI:{url}\n" + ("tlsfeature=status_request\n" if must else "")
    return authority.issue(name, [f"DNS:{name}"], more=more)


def stapled(m, authority, name="localhost"):
    """None, or until when the answer in a handshake counts."""
    said = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{m.secure[1]}", "-status", "-servername", name,
                           "-CAfile", authority.pem], input=b"", capture_output=True, timeout=60).stdout.decode()
    assert "Verify return code: 0 (ok)" in said, said
    if "no response sent" in said:
        return None
    assert "OCSP Response Status: successful" in said and "Cert Status: good" in said, said
    return re.search(r"Next Update: (.*)", said).group(1)


def test_a_real_responder_is_asked(secure_of, authority):
    port = free_port()
    pair = issue(authority, "localhost", f"http://127.0.0.1:{port}/")
    real = OpensslResponder(authority, [pair], port)
    try:
        m = secure_of(pair, args=["--tls-ocsp", "fetch"])
        until(lambda: stapled(m, authority))
    finally:
        real.stop()
    eventually(m, lambda now: now.of("modgate_tls_ocsp_fetches_total", result="good") == 1)
    said = stapled(m, authority)
    # It outlives fetch, and a restart, without anybody to ask.
    os.kill(m.children()["fetch"], signal.SIGKILL)
    eventually(m, lambda now: now.of("modgate_process_restarts_total", process="fetch") == 1)
    assert stapled(m, authority) == said
    m.stop()
    m.start()
    assert stapled(m, authority) == said
    now = read(m)
    assert now.of("modgate_tls_ocsp_fetches_total") == 0


def test_asked_again_before_the_end_and_never_shown_after_it(secure_of, authority, responder):
    pair = issue(authority, "localhost", responder.url("a"), must=True)
    responder.says["a"] = lambda about: (200, answer(authority, about, lasts=6))
    m = secure_of(pair, args=["--tls-ocsp", "fetch"])
    first = until(lambda: stapled(m, authority))
    second = until(lambda: (s := stapled(m, authority)) != first and s)
    assert second, "it ran out before it was asked for again"
    responder.says["a"] = lambda about: (500, b"")
    until(lambda: stapled(m, authority) is None, 30)
    assert "which the certificate demands: clients will refuse it" in until(
        lambda: "which the certificate demands" in (log := m.log()) and log, 30)
    assert "the last one still counts" in m.log() and "answered 500" in m.log()
    responder.says["a"] = lambda about: (200, answer(authority, about))
    until(lambda: stapled(m, authority), 60)


def test_what_is_not_good_is_not_stapled(secure_of, authority, stranger, responder):
    other = authority.issue("other", ["DNS:other.test"])
    about_other = authority.staple(other).read_bytes()

    def good(about):
        return 200, answer(authority, about)

    responder.says = {
        "good": good,
        "other": lambda about: (200, about_other),
        "stranger": lambda about: (200, answer(stranger, about)),
        "old": lambda about: (200, answer(authority, about, since=-600, lasts=300)),
        "early": lambda about: (200, answer(authority, about, since=1200)),
        "endless": lambda about: (200, answer(authority, about, lasts=None)),
        "unknown": lambda about: (200, answer(authority, about, status="unknown")),
        "revoked": lambda about: (200, answer(authority, about, status="revoked")),
        "cut": lambda about: (200, good(about)[1][:-1]),
        "more": lambda about: (200, good(about)[1] + b"x"),
        "empty": lambda about: (200, b""),
        "large": lambda about: (200, bytes(100_000)),
        "text": lambda about: (200, b"<html>welcome to the guest network</html>"),
        "try-later": lambda about: (200, bytes.fromhex("30030a0103")),
        "missing": lambda about: (404, b"nothing here"),
    }
    pairs = [issue(authority, f"{path}.test", responder.url(path)) for path in responder.says]
    m = secure_of(*pairs, args=[a for _ in pairs for a in ("--tls-ocsp", "fetch")])
    eventually(m, lambda now: now.of("modgate_tls_ocsp_fetches_total") >= len(pairs))
    until(lambda: stapled(m, authority, "good.test"))
    time.sleep(1.5)  # whatever was kept would have been taken by now
    for path in responder.says:
        assert bool(stapled(m, authority, f"{path}.test")) == (path == "good"), path
    now = read(m)
    assert now.of("modgate_tls_ocsp_fetches_total", result="good") == 1
    assert now.of("modgate_tls_ocsp_fetches_total", result="revoked") >= 1
    assert m.log().count("the authority has revoked this certificate") >= 1


def test_good_no_more(secure_of, authority, responder):
    pair = issue(authority, "localhost", responder.url("a"))
    responder.says["a"] = lambda about: (200, answer(authority, about, lasts=6))
    m = secure_of(pair, args=["--tls-ocsp", "fetch"])
    until(lambda: stapled(m, authority))
    responder.says["a"] = lambda about: (200, answer(authority, about, status="revoked", lasts=3600))
    until(lambda: "the authority has revoked this certificate" in m.log())
    until(lambda: stapled(m, authority) is None)
    # That this changed a file does not make it ask without end.
    asked = len(responder.asked)
    time.sleep(3)
    assert len(responder.asked) <= asked + 1


def test_another_certificate_in_the_same_file(secure_of, authority, responder):
    responder.says["a"] = responder.says["b"] = lambda about: (200, answer(authority, about))
    pair, other = (issue(authority, "localhost", responder.url(p)) for p in "ab")
    m = secure_of(pair, args=["--tls-ocsp", "fetch"])
    until(lambda: stapled(m, authority))
    for part in ("cert", "key"):
        getattr(other, part).replace(getattr(pair, part))
    until(lambda: "b" in responder.asked)
    until(lambda: stapled(m, authority))
    assert responder.asked.count("b") == 1


def test_it_goes_on_with_new_settings(secure_of, authority, responder):
    """The processes that ask and show are others then."""
    pair = issue(authority, "localhost", responder.url("a"))
    responder.says["a"] = lambda about: (200, answer(authority, about, lasts=8))
    m = secure_of(pair, args=["--tls-ocsp", "fetch"], config="list:\n  fresh: 1m\n")
    first = until(lambda: stapled(m, authority))
    (m.folder / "modgate.yaml").write_text("list:\n  fresh: 2m\n")
    m.process.send_signal(signal.SIGHUP)
    until(lambda: "new settings are in force" in m.log())
    assert stapled(m, authority)
    assert until(lambda: (s := stapled(m, authority)) != first and s), "it ran out"


def test_nobody_to_ask(secure_of, authority, responder):
    pair = authority.issue("localhost", ["DNS:localhost"])
    m = secure_of(pair, args=["--tls-ocsp", "fetch"])
    assert "names no OCSP responder" in m.log()
    assert stapled(m, authority) is None


def test_offline_nobody_is_asked(secure_of, authority, responder):
    pair = issue(authority, "localhost", responder.url("a"))
    m = secure_of(pair, args=["--tls-ocsp", "fetch", "--offline"])
    time.sleep(1)
    assert stapled(m, authority) is None and not responder.asked


def test_a_demand_without_a_setting_is_told(secure_of, authority, responder):
    m = secure_of(issue(authority, "localhost", responder.url("a"), must=True))
    assert "which the certificate demands: clients will refuse it" in m.log()
    assert "level=error" in [line for line in m.log().splitlines() if "demands" in line][0]
    assert not responder.asked
