# SPDX-License-Identifier: Apache-2.0
"""go-import pages of vanity hosts that lead to modgate."""

import re
import subprocess

from lib import expect
from lib.modgate import binary

CONFIG = """go-import:
  - go.corp.example/*/v2 git https://git.corp.example/team/*.git
  - go.corp.example/* git https://git.corp.example/team/*.git
  - all.corp.example mod https://modgate.corp.example/go
"""


def ask(m, host, path, method="GET"):
    with m.session() as s:
        s.send(f"{method} {path}?go-get=1 HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        return s.answer(method)


def content(answer):
    assert answer.status == 200, answer
    assert answer.field("Content-Type").startswith("text/html")
    return re.findall(r'<meta name="go-import" content="([^"]*)">', answer.text)


def test_pages_of_a_vanity_host(modgate_of):
    m = modgate_of("off", config=CONFIG + "path-prefix: /go\n")

    def page(*what):
        return ask(m, *what)

    one = ["go.corp.example/one git https://git.corp.example/team/one.git"]
    assert content(page("go.corp.example", "/one")) == one
    assert content(page("go.corp.example:443", "/one/pkg/deep")) == one
    assert content(page("go.corp.example", "/one/v2/pkg")) == [
        "go.corp.example/one/v2 git https://git.corp.example/team/one.git"]
    assert content(page("all.corp.example", "/x/y")) == ["all.corp.example mod https://modgate.corp.example/go"]
    head = page("go.corp.example", "/one", "HEAD")
    assert head.status == 200 and not head.body
    expect.failure(page("other.example", "/one"), 404)
    expect.failure(page("go.corp.example", "/one/../two"), 404)


def test_off_until_configured(modgate_of):
    m = modgate_of("off")
    expect.failure(ask(m, "go.corp.example", "/one"), 404)


def test_a_mistake_is_found_before_the_start(tmp_path):
    file = tmp_path / "modgate.yaml"
    file.write_text("go-import: ['go.corp.example/* svn https://svn.corp.example/*']\n")
    done = subprocess.run([binary(), "config", "check", "--config", str(file), "--store", str(tmp_path)],
                          env={"GOPROXY": "off"}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "go-import" in done.stderr and "KIND is git" in done.stderr
