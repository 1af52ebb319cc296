# SPDX-License-Identifier: Apache-2.0
"""Certificates change under load; what does not fit is refused."""

import os
import shutil
import signal
import ssl
import threading
import time

import pytest

from lib import certs
from lib.certs import Pair
from lib.metrics import eventually


def put(pair, folder):
    """The pair's bytes under the names that modgate watches, key last, each file replaced at once."""
    for name, file, mode in (("tls.crt", pair.cert, 0o644), ("tls.key", pair.key, 0o600)):
        fresh = folder / (name + ".new")
        shutil.copyfile(file, fresh)
        fresh.chmod(mode)
        os.rename(fresh, folder / name)
    return Pair(folder / "tls.crt", folder / "tls.key")


def served(m, context):
    with certs.Session(m.secure, context) as s:
        assert s.request("/livez").status == 200
        return s.serial


def wait_served(m, context, pair, seconds=20):
    end = time.monotonic() + seconds
    while served(m, context) != certs.serial(pair):
        assert time.monotonic() < end, "the new certificate is not served"
        time.sleep(0.02)


def wait_log(m, text, count=1, seconds=20):
    end = time.monotonic() + seconds
    while m.log().count(text) < count:
        assert time.monotonic() < end, f"not in the log: {text}"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def pairs(authority):
    return [authority.issue("localhost", ["DNS:localhost"], rsa=i == 1) for i in range(3)]


class Load:
    """Threads that ask over connections that stay, and over new ones, resumed and not."""

    def __init__(self, m, authority, threads=4):
        self.m, self.authority = m, authority
        self.stop = threading.Event()
        self.done, self.failed = 0, []
        self.threads = [threading.Thread(target=self.run, args=(i,)) for i in range(threads)]

    def run(self, i):
        context = certs.context(self.authority)
        stays, kept = certs.Session(self.m.secure, context), None
        while not self.stop.is_set() and not self.failed:
            try:
                answer = stays.request("/livez")
                assert answer.body == b"ok\n"
                if answer.field("Connection") == "close":  # by a front that is replaced
                    stays.close()
                    stays = certs.Session(self.m.secure, context)
                with certs.Session(self.m.secure, context, session=kept if i % 2 else None) as s:
                    assert s.request("/livez").body == b"ok\n"
                    kept = s.socket.session
                self.done += 1
            except Exception as e:
                self.failed.append(repr(e))
        stays.close()

    def __enter__(self):
        for t in self.threads:
            t.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for t in self.threads:
            t.join()
        assert not self.failed, self.failed
        assert self.done > len(self.threads)


def test_f28_swaps_under_load_cost_no_request(secure_of, authority, pairs, tmp_path):
    m = secure_of(put(pairs[0], tmp_path))
    context = certs.context(authority)
    with Load(m, authority):
        for i in range(1, 18):
            put(pairs[i % 3], tmp_path)
            m.process.send_signal(signal.SIGHUP)
            wait_served(m, context, pairs[i % 3])
        for i in range(18, 21):  # noticed without being told
            put(pairs[i % 3], tmp_path)
            wait_served(m, context, pairs[i % 3])
    assert "refused" not in m.log()


def test_a_bad_pair_is_refused_and_the_old_one_stays(secure_of, authority, pairs, tmp_path):
    m = secure_of(put(pairs[0], tmp_path))
    context = certs.context(authority)
    cert, key = tmp_path / "tls.crt", tmp_path / "tls.key"

    def other_key():
        shutil.copyfile(pairs[1].key, key)

    def half_a_certificate():
        cert.write_bytes(pairs[0].cert.read_bytes()[:300])

    def everybodys_key():
        key.chmod(0o644)

    bad = [(other_key, "the key does not belong to the certificate"), (half_a_certificate, "not certificates in PEM"),
           (lambda: cert.write_text("hello"), "no certificate in PEM"), (everybodys_key, "others may read this secret"),
           (key.unlink, "tls.key: No such file")]
    with Load(m, authority, threads=2):
        for n, (spoil, reason) in enumerate(bad, 1):
            spoil()
            if n % 2:
                m.process.send_signal(signal.SIGHUP)
            wait_log(m, reason)
            assert m.log().count("level=error") == n, "told once"
            assert served(m, context) == certs.serial(pairs[0])
            put(pairs[0], tmp_path)
            m.process.send_signal(signal.SIGHUP)
            eventually(m, lambda now: now.of("modgate_tls_reloads_total", result="taken") == n)
    put(pairs[1], tmp_path)
    wait_served(m, context, pairs[1])
    assert m.log().count("level=error") == len(bad)
    counts = m.get("/metrics").text
    assert f'modgate_tls_reloads_total{{result="refused"}} {len(bad)}\n' in counts
    assert f'modgate_tls_reloads_total{{result="taken"}} {len(bad) + 1}\n' in counts


def test_a_volume_of_kubernetes(secure_of, authority, pairs, tmp_path):
    """tls.crt -> ..data/tls.crt, ..data -> ..2026_1: kubelet replaces the middle link."""

    def version(i):
        folder = tmp_path / f"..2026_{i}"
        folder.mkdir()
        put(pairs[i % 3], folder)
        os.symlink(folder.name, tmp_path / "..data_tmp")
        os.rename(tmp_path / "..data_tmp", tmp_path / "..data")

    version(0)
    for name in ("tls.crt", "tls.key"):
        os.symlink(f"..data/{name}", tmp_path / name)
    m = secure_of(Pair(tmp_path / "tls.crt", tmp_path / "tls.key"))
    context = certs.context(authority)
    with Load(m, authority, threads=2):
        for i in range(1, 4):
            version(i)
            wait_served(m, context, pairs[i % 3])
            shutil.rmtree(tmp_path / f"..2026_{i - 1}")
    assert "refused" not in m.log()


def test_a_new_front_serves_the_new_certificate(secure_of, authority, pairs, tmp_path):
    m = secure_of(put(pairs[0], tmp_path))
    context = certs.context(authority)
    put(pairs[1], tmp_path)
    wait_served(m, context, pairs[1])
    # What is refused now must not be what the next one gets.
    (tmp_path / "tls.crt").write_text("hello")
    wait_log(m, "new certificates refused")
    front = m.children()["front"]
    os.kill(front, signal.SIGKILL)
    end = time.monotonic() + 20
    while m.children().get("front") in (None, front):
        assert time.monotonic() < end
        time.sleep(0.02)
    m.wait_ready()
    assert served(m, context) == certs.serial(pairs[1])


def test_t37_who_is_trusted_no_more_does_not_resume(secure_of, authority, stranger, pair, tmp_path):
    file = tmp_path / "clients.pem"
    file.write_bytes(stranger.pem.read_bytes())
    m = secure_of(args=["--tls-client-ca", file, "--tls-client-cert-required"])
    user = stranger.issue("builder-7")
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        file.write_bytes(stranger.pem.read_bytes())
        count = m.log().count("msg=reloaded")
        m.process.send_signal(signal.SIGHUP)
        wait_log(m, "msg=reloaded", count + 1)
        context = certs.context(authority, user, version)
        with certs.Session(m.secure, context) as s:
            assert s.request("/livez").status == 200
            kept = s.socket.session
        with certs.Session(m.secure, context, session=kept) as s:
            assert s.request("/livez").status == 200
            assert s.socket.session_reused
            kept = s.socket.session
        file.write_bytes(authority.pem.read_bytes())
        m.process.send_signal(signal.SIGHUP)
        wait_log(m, "msg=reloaded", count + 2)
        with pytest.raises(ssl.SSLError, match="(?i)unknown.ca"):
            with certs.Session(m.secure, context, session=kept) as s:
                s.request("/livez")


@pytest.mark.parametrize("spoil, reason", [
    (lambda p: p.key.chmod(0o640), None),
    (lambda p: p.key.chmod(0o604), "others may read this secret"),
    (lambda p: p.key.chmod(0o660), "others may change this secret"),
    (lambda p: p.key.unlink(), "tls.key: No such file"),
    (lambda p: p.cert.write_text("x"), "no certificate in PEM"),
    (lambda p: p.key.write_bytes(p.cert.read_bytes()), "not a private key in PEM"),
])
def test_a_bad_pair_at_start(secure_of, authority, pairs, tmp_path, spoil, reason):
    pair = put(pairs[0], tmp_path)
    spoil(pair)
    if reason is None:
        assert served(secure_of(pair), certs.context(authority)) == certs.serial(pairs[0])
        return
    m = secure_of(pair, wait=False)
    assert m.process.wait(20) == 1
    assert f"error: tls." in m.log() or "error: " in m.log()
    assert reason in m.log()
    m.process = None


def test_a_check_of_the_settings_reads_them_too(modgate_of, origin, pairs, tmp_path):
    m = modgate_of(origin.url)
    args = ["config", "check", "--listen", "https://127.0.0.1:1", "--tls-cert", pairs[0].cert, "--tls-key"]
    assert m.run(*args, pairs[0].key).returncode == 0
    done = m.run(*args, pairs[1].key)
    assert done.returncode == 1 and "the key does not belong to the certificate" in done.stderr and not done.stdout
    assert str(pairs[1].key) in done.stderr
    done = m.run(*args, tmp_path / "none.key")
    assert done.returncode == 1 and "none.key: No such file" in done.stderr


def test_an_old_certificate_is_told(secure_of, authority, tmp_path):
    m = secure_of(authority.issue("localhost", ["DNS:localhost"], days=3))
    assert "the certificate expires soon" in m.log()
