# SPDX-License-Identifier: Apache-2.0
"""A proxy between developers and modgate that opens their TLS: it speaks as modgate to the go command with a certificate
of its own, and as any client to modgate."""

import pathlib
import shutil
import socket
import subprocess

import pytest

from lib import gocmd, metrics
from lib.ports import free_port
from lib.wait import until

NAME = "modules.test"  # the go command goes around proxies for this machine's own names
ADDON = """\
def server_connect(data):
    data.server.address = ("127.0.0.1", data.server.address[1])
"""


@pytest.fixture
def mitmproxy(tmp_path, authority):
    """Starts them: (URL, the file of the authority it makes up, what it was asked)."""
    program = shutil.which("mitmdump")
    assert program, "mitmproxy is not installed"
    started = []

    def start(*options):
        folder = tmp_path / f"mitm{len(started)}"
        folder.mkdir()
        addon, log, port = folder / "here.py", folder / "log", free_port()
        addon.write_text(ADDON)
        with open(log, "wb") as out:
            started.append(subprocess.Popen(
                [program, "--listen-host", "127.0.0.1", "-p", str(port), "-s", addon, "--set", f"confdir={folder}", "--set",
                 f"ssl_verify_upstream_trusted_ca={authority.pem}", "--set", "flow_detail=1", *options],
                stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT))

        def listens():
            assert started[-1].poll() is None, log.read_text()
            try:
                socket.create_connection(("127.0.0.1", port), 5).close()
            except OSError:
                return False
            return (folder / "mitmproxy-ca-cert.pem").exists()

        until(listens, 60)
        return f"http://127.0.0.1:{port}", folder / "mitmproxy-ca-cert.pem", log

    yield start
    for p in started:
        p.terminate()
        p.wait(30)


@pytest.mark.parametrize("options", [[], ["--no-http2"]])
def test_the_go_command_through_it(secure_of, authority, tree, go_of, tmp_path, mitmproxy, options):
    tree.add("example.com/lib", "v1.2.0", {"m.go": "package lib\n\nconst Answer = 42\n"})
    m = secure_of(authority.issue(NAME, [f"DNS:{NAME}"]))
    proxy, trusted, log = mitmproxy(*options)
    url = f"https://{NAME}:{m.secure[1]}"
    go = go_of(url, SSL_CERT_FILE=str(trusted), HTTPS_PROXY=proxy)
    work = gocmd.project(tmp_path / "work", requires=[("example.com/lib", "v1.2.0")],
                         source='package main\n\nimport "example.com/lib"\n\nfunc main() { println(lib.Answer) }\n')
    go.run("mod", "tidy", cwd=work)
    assert go.run("run", ".", cwd=work).stderr.strip() == "42"
    asked = pathlib.Path(log).read_text()
    for what in ("v1.2.0.mod", "v1.2.0.zip"):
        assert f"/example.com/lib/@v/{what}" in asked, asked
    # A failure keeps its status and its words, which the go command shows.
    done = go.run("mod", "download", "example.com/none@v1.0.0", cwd=work, check=False)
    assert done.returncode != 0 and "404 Not Found" in done.stderr and "not found" in done.stderr.lower()
    # Who does not trust it gets nothing.
    other = go_of(url, SSL_CERT_FILE=str(authority.pem), HTTPS_PROXY=proxy)
    assert "certificate" in other.run("mod", "download", cwd=work, check=False).stderr
    now = metrics.read(m)
    assert now.of("modgate_tls_handshakes_total", result="full") >= 1
    assert (now.of("modgate_http2_requests_total") > 0) == (not options)
