# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 over TLS, where client and server agree on it in the handshake (RFC 7301)."""

import random
import subprocess

import pytest

from lib import certs, h2, h2spec

ZIP = "/example.com/large/@v/v1.0.0.zip"


def add(tree):
    tree.add("example.com/large", "v1.0.0", {"noise.bin": random.Random(7).randbytes(3 << 20)})
    return tree.files[ZIP[1:]]


def curl(*args):
    return subprocess.run(["curl", "-sS", "--noproxy", "*", *map(str, args)], capture_output=True, timeout=60)


@pytest.mark.smoke
@pytest.mark.parametrize("offer, agreed", [("--http2", b"2"), ("--http1.1", b"1.1"), ("--no-alpn", b"1.1")])
def test_the_version_is_what_both_speak(secure_of, authority, tree, tmp_path, offer, agreed):
    body = add(tree)
    m = secure_of()
    out = tmp_path / "zip"
    url = f"https://localhost:{m.secure[1]}{ZIP}"
    done = curl(offer, "--cacert", authority.pem, "-o", out, "-w", "%{http_version}", url)
    assert done.stdout == agreed and out.read_bytes() == body, done


@pytest.mark.parametrize("version", [certs.ssl.TLSVersion.TLSv1_2, certs.ssl.TLSVersion.TLSv1_3])
def test_streams_over_tls(secure_of, authority, tree, version):
    body = add(tree)
    m = secure_of()
    context = certs.context(authority, version=version)
    with h2.Client(m.secure, context=context) as c, h2.Client(m.secure, context=context, own_window=1000) as slow:
        held = slow.ask(ZIP)
        for _ in range(2):
            asked = [c.ask(ZIP, fields=[("range", f"bytes={at}-")]) for at in range(0, len(body), 500_000)]
            small = c.ask("/livez")
            assert c.answer(small).status == 200
            for stream, at in zip(asked, range(0, len(body), 500_000)):
                assert c.answer(stream).body == body[at:]
        assert not c.goaways
        slow.until(lambda: len(slow.answers[held].body) == 1000)
        while not slow.answers[held].ended:
            slow.send(h2.window(0, 100_000) + h2.window(held, 100_000))
            slow.read_frame()
        assert slow.answers[held].body == body


def test_h2spec_over_tls(secure_of, tree):
    add(tree)
    m = secure_of()
    for path in (ZIP, ZIP.replace(".zip", ".info")):
        assert m.get(path).status == 200
        h2spec.run(m.secure, path, "-t", "-k")


def test_h2load_over_tls(secure_of, authority, tree):
    add(tree)
    m = secure_of()
    assert m.get("/example.com/large/@v/v1.0.0.info").status == 200
    url = f"https://localhost:{m.secure[1]}/example.com/large/@v/v1.0.0.info"
    done = subprocess.run(["h2load", "-n", "2000", "-c", "4", "-m", "50", url], capture_output=True, timeout=60)
    assert b"2000 succeeded, 0 failed" in done.stdout and b"Application protocol: h2" in done.stdout, done
