# SPDX-License-Identifier: Apache-2.0
"""What clients of every kind see of modgate over TLS."""

import hashlib
import json
import os
import shutil
import random
import re
import ssl
import subprocess
import time

import pytest

from lib import certs, gocmd, http, metrics
from lib.drip import Drip, Reader
from lib.modgate import sanitized
from lib.wait import until

BOTH = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


def s_client(address, *args, input=b"Q\n", seconds=30):
    done = subprocess.run(["openssl", "s_client", "-connect", f"{address[0]}:{address[1]}", *map(str, args)],
                          input=input, capture_output=True, timeout=seconds)
    return done.returncode, (done.stdout + done.stderr).decode(errors="replace")


def curl(*args, seconds=60):
    return subprocess.run(["curl", "-sS", "--noproxy", "*", *map(str, args)], capture_output=True, timeout=seconds)


@pytest.mark.parametrize("over", ["HTTP/2", "HTTP/1.1"])
def test_the_go_command_with_a_private_authority(secure_of, authority, tree, go_of, tmp_path, over):
    tree.add("example.com/lib", "v1.2.0", {"m.go": "package lib\n\nconst Answer = 42\n"})
    tree.add("example.com/lib", "v1.3.0", {"m.go": "package lib\n\nconst Answer = 43\n"})
    m = secure_of()
    go = go_of(f"https://localhost:{m.secure[1]}", SSL_CERT_FILE=str(authority.pem),
               GODEBUG="http2client=0" if over == "HTTP/1.1" else "")
    source = 'package main\n\nimport "example.com/lib"\n\nfunc main() { println(lib.Answer) }\n'
    work = gocmd.project(tmp_path / "work", requires=[("example.com/lib", "v1.2.0")], source=source)
    go.run("mod", "tidy", cwd=work)
    assert go.run("run", ".", cwd=work).stderr.strip() == "42"
    go.run("get", "example.com/lib@latest", cwd=work)
    assert go.run("run", ".", cwd=work).stderr.strip() == "43"
    now = metrics.read(m)
    assert (now.of("modgate_http2_requests_total") >= 6) == (over == "HTTP/2")
    assert now.of("modgate_http_requests_total", code="200", kind="zip") == 2
    # Who does not know the authority gets nothing.
    other = go_of(f"https://localhost:{m.secure[1]}")
    assert "certificate" in other.run("mod", "download", cwd=work, check=False).stderr


def test_http_where_tls_is_spoken_is_told_so(secure_of, go_of, tmp_path):
    m = secure_of()
    for method in ("GET", "POST"):
        answer = http.request(m.secure, "/example.com/m/@v/list", method=method)
        assert answer.status == 400 and answer.field("Connection") == "close"
    assert http.request(m.secure, "/").text == "invalid request: this address speaks TLS: write https:// instead of http:// in the URL\n"
    said = go_of(f"http://localhost:{m.secure[1]}").run("list", "-m", "-versions", "example.com/m", cwd=tmp_path, check=False)
    assert "write https:// instead of http://" in said.stderr
    # Who says neither is not answered.
    with http.Session(m.secure) as s:
        s.send(b"SSH-2.0-client\r\n")
        assert b"HTTP/" not in s.socket.recv(100)


def test_certificates_are_told_in_the_form_of_the_log(secure_of):
    m = secure_of(config="log:\n  format: json\n")
    m.stop()
    told = [json.loads(line) for line in m.log().splitlines() if not line.startswith("export ")]
    assert [x["role"] for x in told if x["msg"] == "certificate"] == ["supervisor"]


@pytest.mark.smoke
@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_curl(secure_of, authority, version):
    m = secure_of()
    url = f"https://localhost:{m.secure[1]}/readyz"
    done = curl("--cacert", authority.pem, "--tls-max", version, f"--tlsv{version}", url, url, "-w", "%{ssl_verify_result}")
    assert done.stdout == b"ready\n0ready\n0", done
    assert curl(url).returncode == 60
    assert 'modgate_tls_handshakes_total{result="full"} 1\n' in m.get("/metrics").text


@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize("rsa", [False, True])
def test_every_byte_of_small_and_large(secure_of, authority, tree, version, rsa):
    noise = random.Random(7).randbytes(9 << 20)
    tree.add("example.com/large", "v1.0.0", {"noise.bin": noise})
    pair = authority.issue("rsa", ["DNS:localhost"], rsa=rsa)
    m = secure_of(pair)
    want = tree.get("example.com/large/@v/v1.0.0.zip")
    with certs.Session(m.secure, certs.context(authority, version=version)) as s:
        for _ in range(3):
            assert s.request("/example.com/large/@v/v1.0.0.info").status == 200
            got = s.request("/example.com/large/@v/v1.0.0.zip")
            assert hashlib.sha256(got.body).digest() == hashlib.sha256(want).digest()
            part = s.request("/example.com/large/@v/v1.0.0.zip", {"Range": "bytes=5000000-5100000"})
            assert part.status == 206 and part.body == want[5000000:5100001]
        # Many requests in one record, one request in many.
        s.send(http.head("/livez") * 100)
        for _ in range(100):
            assert s.answer().body == b"ok\n"
        for byte in http.head("/livez"):
            s.send(bytes([byte]))
        assert s.answer().body == b"ok\n"


def test_slow_readers_get_every_byte(secure_of, authority, tree):
    noise = random.Random(8).randbytes(6 << 20)
    tree.add("example.com/large", "v1.0.0", {"noise.bin": noise})
    m = secure_of()
    want = tree.get("example.com/large/@v/v1.0.0.zip")
    sessions = [certs.Session(m.secure, certs.context(authority)) for _ in range(5)]
    for s in sessions:
        s.send_request("/example.com/large/@v/v1.0.0.zip")
    for s in sessions:
        assert s.answer().body == want
        s.close()


def test_the_name_chooses_the_certificate(secure_of, authority):
    first = authority.issue("first", ["DNS:localhost", "DNS:first.test"])
    second = authority.issue("second", ["DNS:second.test", "DNS:*.wild.test"])
    third = authority.issue("third", ["DNS:x.wild.test"], rsa=True)
    m = secure_of(first, second, third)
    for name, pair in [("first.test", first), ("second.test", second), ("a.wild.test", second), ("X.Wild.test", third),
                       ("localhost", first)]:
        with certs.Session(m.secure, certs.context(authority), name) as s:
            assert s.serial == certs.serial(pair), name
    unnamed = certs.context(authority)
    unnamed.check_hostname = False
    for name in (None, "unknown.test", "127.0.0.1", "a.b.wild.test"):
        with certs.Session(m.secure, unnamed, name) as s:
            assert s.serial == certs.serial(first), name


def resumes(m, context, before):
    """(resumed, the session to try next)"""
    with certs.Session(m.secure, context, session=before) as s:
        assert s.request("/livez").status == 200
        return s.socket.session_reused, s.socket.session


@pytest.mark.parametrize("version", BOTH)
def test_clients_resume_until_the_keys_are_gone(secure_of, authority, version):
    # More than one worker: what one sealed all open.
    m = secure_of(args=["--tls-ticket-rotate", "1500ms", "--workers", 3])
    context = certs.context(authority, version=version)
    resumed, kept = resumes(m, context, None)
    assert not resumed
    # Right at a change of keys the old one still counts, so two tries in a row cannot both fail.
    assert resumes(m, context, kept)[0] or resumes(m, context, resumes(m, context, None)[1])[0]
    _, kept = resumes(m, context, None)
    end = time.monotonic() + 20
    while resumes(m, context, kept)[0]:
        assert time.monotonic() < end, "a ticket counts for ever"
        time.sleep(0.2)


def test_what_is_weak_is_refused(secure_of):
    m = secure_of()
    for args in (["-tls1"], ["-tls1_1"], ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256:@SECLEVEL=0"],
                 ["-tls1_2", "-cipher", "AES128-SHA:DES-CBC3-SHA:aNULL:@SECLEVEL=0"]):
        if "-cipher" not in args:
            args = [*args, "-cipher", "ALL:@SECLEVEL=0"]
        code, said = s_client(m.secure, *args)
        assert code != 0 and "Cipher is (NONE)" in said, said
    for args in (["-tls1_2"], ["-tls1_3"], ["-tls1_2", "-cipher", "ECDHE-ECDSA-CHACHA20-POLY1305"]):
        code, said = s_client(m.secure, *args)
        assert code == 0 and "Cipher is (NONE)" not in said, said
        assert "Compression: NONE" in said
    code, said = s_client(m.secure, "-tls1_2", input=b"R\n")
    assert "no renegotiation" in said or code != 0, said


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("rsa", [False, True])
def test_testssl_finds_nothing_medium_or_worse(secure_of, authority, tmp_path, rsa):
    program = shutil.which("testssl") or shutil.which("testssl.sh")
    assert program, "testssl.sh is not installed"
    more = "keyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\ncrlDistributionPoints=URI:http://localhost/x.crl\n"
    m = secure_of(authority.issue("localhost", ["DNS:localhost"], days=90, rsa=rsa, more=more))
    report = tmp_path / "report.json"
    # All it knows but what old browsers would say.
    subprocess.run([program, *"-p -s -f -P -S -h -U".split(), "--warnings", "off", "--color", "0", "--add-ca", str(authority.pem), "--jsonfile", str(report),
                    f"localhost:{m.secure[1]}"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=1700)
    found = json.loads(report.read_text())
    assert len(found) > 80
    worse = [f"{x['severity']} {x['id']}: {x['finding']}" for x in found if x["severity"] in ("MEDIUM", "HIGH", "CRITICAL", "FATAL")]
    assert not worse, "\n".join(worse)


def test_a_stapled_answer(secure_of, authority, stranger):
    pair = authority.issue("localhost", ["DNS:localhost"])
    other = authority.issue("other", ["DNS:other.test"])
    m = secure_of(pair, other, args=["--tls-ocsp", authority.staple(pair), "--tls-ocsp", "-"])
    _, said = s_client(m.secure, "-status", "-servername", "localhost", "-CAfile", authority.pem)
    assert "OCSP Response Status: successful" in said and "Cert Status: good" in said
    _, said = s_client(m.secure, "-status", "-servername", "other.test")
    assert "no response sent" in said


def test_an_answer_that_is_not_good_is_not_stapled(secure_of, authority, stranger):
    pair = authority.issue("localhost", ["DNS:localhost"])
    about_other = authority.staple(authority.issue("other", ["DNS:other.test"]))
    for file, reason in [(about_other, "about another certificate"), (authority.pem, "not an OCSP answer"),
                         (authority.staple(pair, revoked=True), "revoked")]:
        m = secure_of(pair, args=["--tls-ocsp", file])
        _, said = s_client(m.secure, "-status")
        assert "no response sent" in said
        assert "not stapled" in m.log() and reason in m.log()
        m.stop()


def test_client_certificates(secure_of, authority, stranger):
    user, foreigner = authority.issue("builder-7"), stranger.issue("mallory")
    m = secure_of(args=["--tls-client-ca", authority.pem])
    for version in BOTH:
        for shown in (None, user):
            with certs.Session(m.secure, certs.context(authority, shown, version)) as s:
                assert s.request("/livez").status == 200
        with pytest.raises(ssl.SSLError, match="(?i)unknown.ca"):
            with certs.Session(m.secure, certs.context(authority, foreigner, version)) as s:
                s.request("/livez")
    # Who asked in vain can be seen in the log; also who resumed.
    context = certs.context(authority, user, ssl.TLSVersion.TLSv1_3)
    with certs.Session(m.secure, context) as s:
        assert s.request("/example.com/none/@v/v1.0.0.info").status == 404
        kept = s.socket.session
    with certs.Session(m.secure, context, session=kept) as s:
        assert s.socket.session_reused
        assert s.request("/example.com/none/@v/v2.0.0.info").status == 404
    with certs.Session(m.secure, certs.context(authority)) as s:
        assert s.request("/example.com/none/@v/v3.0.0.info").status == 404
    for version, who in [("1.0.0", "CN=builder-7,O=Example at 127.0.0.1:"), ("2.0.0", "CN=builder-7,O=Example at 127.0.0.1:"),
                         ("3.0.0", "127.0.0.1:")]:
        line = until(lambda: next((x for x in m.log().splitlines() if f"example.com/none@v{version}" in x and "request failed" in x), None))
        assert re.search(f'by="?{who}[0-9]+', line), line
    m = secure_of(args=["--tls-client-ca", authority.pem, "--tls-client-cert-required"])
    for version in BOTH:
        with certs.Session(m.secure, certs.context(authority, user, version)) as s:
            assert s.request("/livez").status == 200
        with pytest.raises(ssl.SSLError, match="(?i)certificate.required|handshake.failure"):
            with certs.Session(m.secure, certs.context(authority, None, version)) as s:
                s.request("/livez")


def test_a_farewell_only_after_all(secure_of, authority, tree):
    tree.add("example.com/large", "v1.0.0", {"noise.bin": random.Random(9).randbytes(24 << 20)})
    m = secure_of()
    zip = "/example.com/large/@v/v1.0.0.zip"
    with certs.Session(m.secure, certs.context(authority)) as s:
        assert s.request(zip, {"Connection": "close"}).status == 200
        assert s.socket.recv(1) == b""  # close_notify, or this would raise
    with certs.Session(m.secure, certs.context(authority)) as s:
        assert s.request("/livez").status == 200
        m.terminate()
        assert s.socket.recv(1) == b""
        m.process.wait(30)
    m.start()
    # The stored file loses its end while it is being sent.
    with certs.Session(m.secure, certs.context(authority)) as s:
        s.send_request(zip)
        s.fill()
        os.truncate(m.store / "modules/example.com/large/@v/v1.0.0.zip", 100000)
        with pytest.raises((ssl.SSLError, http.Broken)) as told:
            s.answer()
        assert "closed" not in str(told.value)


def test_curl_notices_a_download_that_was_cut(secure_of, authority, tree, tmp_path):
    tree.add("example.com/large", "v1.0.0", {"noise.bin": random.Random(9).randbytes(24 << 20)})
    m = secure_of()
    url = f"https://localhost:{m.secure[1]}/example.com/large/@v/v1.0.0.zip"
    assert curl("--cacert", authority.pem, url, "-o", tmp_path / "whole").returncode == 0
    process = subprocess.Popen(["curl", "-sS", "--noproxy", "*", "--cacert", str(authority.pem), "--limit-rate", "4M", url,
                                "-o", str(tmp_path / "part")], stderr=subprocess.PIPE)
    while not (tmp_path / "part").exists() or (tmp_path / "part").stat().st_size == 0:
        assert process.poll() is None
        time.sleep(0.01)
    os.truncate(m.store / "modules/example.com/large/@v/v1.0.0.zip", 100000)
    assert process.wait(60) in (18, 56, 92)  # the last one: by HTTP/2
    process.stderr.close()
    assert (tmp_path / "part").stat().st_size < (tmp_path / "whole").stat().st_size


@pytest.mark.smoke
def test_idle_connections_are_small(secure_of, authority):
    if sanitized():
        pytest.skip("memory as shipped")
    m = secure_of(args=["--workers", 1])
    context = certs.context(authority)

    def open_some(n):
        made = []
        for _ in range(n):
            made.append(certs.Session(m.secure, context))
            assert made[-1].request("/livez").status == 200
        return made

    some = open_some(50)  # what is allocated once is there
    before = m.rss()
    some += open_some(400)
    each = (m.rss() - before) / 400
    print(f"{each / 1024:.1f} KiB an idle connection")
    assert each < 40 << 10
    for s in some:
        s.close()


@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize("good", [True, False])
def test_a_zip_that_is_sent_while_it_comes(secure_of, authority, origin, tree, version, good):
    tree.add("example.com/m", "v1.0.0", {"noise.bin": random.Random(8).randbytes(3 << 20)})
    target = "/example.com/m/@v/v1.0.0.zip"
    body = tree.get(target[1:])
    drip = Drip(body if good else body[:-1] + b"x")
    origin.on(r"\.zip$", raw=drip)
    m = secure_of(config="stream:\n  above: 100KiB\n")
    context = certs.context(authority, version=version)
    with Reader(m.secure, target, context=context) as first:
        drip.to(1_000_000)
        first.read_to(900_000)
        with Reader(m.secure, target, context=context) as second:
            second.read_to(900_000)
            drip.finish()
            for reader in (first, second):
                if good:
                    assert reader.read_all() == body
                else:
                    reader.read_until_cut()
                    assert len(reader.body) <= len(body) - 65557
    assert drip.asked == 1
