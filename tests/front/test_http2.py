# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 in clear text in front of modules: only where it was asked for, and the same answers."""

import os
import subprocess

from lib import h2, metrics


def add(tree):
    tree.add("example.com/m", "v1.0.0", {"big.bin": os.urandom(300000)})


PATHS = ["/example.com/m/@v/list", "/example.com/m/@v/v1.0.0.info", "/example.com/m/@v/v1.0.0.mod",
         "/example.com/m/@v/v1.0.0.zip", "/example.com/m/@latest", "/example.com/none/@v/list",
         "/example.com/m/@v/v9.9.9.info", "/livez"]


def test_the_same_answers_cold_and_warm(modgate_of, origin, tree):
    add(tree)
    m = modgate_of(origin.url, scheme="h2c://")
    with h2.Client(m.address) as c:
        for _ in range(2):
            streams = [(path, c.ask(path)) for path in PATHS]
            for path, stream in streams:
                two, one = c.answer(stream), m.get(path)
                assert (two.status, two.field("etag")) == (one.status, one.field("ETag"))
                if one.status == 200:
                    assert two.body == one.body
                assert two.field("x-go-proxy") == one.field("X-Go-Proxy")
        zip = c.get(PATHS[3], fields=[("range", "bytes=10-99")])
        assert zip.status == 206 and zip.body == m.get(PATHS[3]).body[10:100]
        assert c.get(PATHS[1], "POST").status == 405
        assert not c.goaways
    counted = metrics.eventually(m, lambda s: s.of("modgate_http2_requests_total") == 2 * len(PATHS) + 2)
    assert counted.of("modgate_http2_connections_total") == 1


def test_curl(modgate_of, origin, tree, tmp_path):
    add(tree)
    m = modgate_of(origin.url, scheme="h2c://")
    out = tmp_path / "zip"
    done = subprocess.run(["curl", "-sSf", "--http2-prior-knowledge", "-o", out, "-w", "%{http_version}",
                           m.url + PATHS[3]], capture_output=True, check=True, text=True, timeout=60)
    assert done.stdout == "2" and out.read_bytes() == m.get(PATHS[3]).body


def test_not_unless_asked_for(modgate):
    with modgate.session() as s:
        s.send(h2.PREFACE + h2.settings())
        assert s.answer().status in (400, 505)


def test_a_drain_under_load_loses_nothing(modgate_of, origin, tree):
    """Clients that obey GOAWAY: every request below the last stream named is answered."""
    add(tree)
    m = modgate_of(origin.url, scheme="h2c://")
    for path in PATHS[:4]:
        m.get(path)
    clients = [h2.Client(m.address) for _ in range(4)]
    for c in clients:
        c.settled()
    m.terminate()
    for c in clients:
        try:
            while len(c.goaways) < 2:
                for stream in [c.ask(path) for path in PATHS[:4]]:
                    assert c.answer(stream).status == 200
        except OSError:
            pass  # asked after the last GOAWAY, which is read now
        c.rest()
        last = c.goaways[-1][0]
        assert c.goaways[0] == (2**31 - 1, h2.NO_ERROR)
        for stream, answer in c.answers.items():
            assert stream > last or (answer.ended and answer.status == 200), (stream, last, answer)
        c.socket.close()
