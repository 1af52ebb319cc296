# SPDX-License-Identifier: Apache-2.0
"""The log: every line in its format, the id of a failed request in it, nobody waits for its reader."""

import json
import os
import re
import signal
import subprocess

import pytest

from lib import expect, http
from lib.modgate import binary
from lib.ports import free_port
from lib.origin import Reply

LOGFMT = re.compile(r'(?:[a-z_]+=(?:"(?:[^"\\]|\\.)*"|[^\s"=]*)(?: |$))+')
ODD = '/example.com/m/@v/odd"name%20%5c.info'


def lines_of(m):
    """Without what is printed for people to copy."""
    return [line for line in m.log().splitlines() if not line.startswith("export ")]


@pytest.mark.parametrize("form", ["json", "logfmt"])
def test_every_line_has_the_form_that_is_set(modgate_of, origin, tree, form):
    tree.add("example.com/m", "v1.0.0")
    m = modgate_of(origin.url, config=f"log:\n  format: {form}\n  level: debug\nupstream:\n  retries: 0\n")
    expect.success(m.get("/example.com/m/@v/v1.0.0.zip"))
    origin.on("/bad/", Reply(500, 'a "quoted"\treason \x1b[31m\n'))
    expect.failure(m.get("/example.com/bad/@v/list"), 502)
    m.get(ODD)
    os.kill(m.children()["fetch"], signal.SIGKILL)
    m.wait_ready()
    m.stop()
    lines = lines_of(m)
    roles = set()
    for line in lines:
        assert line.isprintable(), line
        if form == "json":
            found = json.loads(line)
            assert {"time", "level", "role", "msg"} <= set(found), line
            roles.add(found["role"])
        else:
            assert LOGFMT.fullmatch(line), line
            roles.add(re.search(r" role=(\w+)", line)[1])
    assert roles == {"supervisor", "front", "fetch"}
    assert len(lines) > 8


def test_the_id_in_an_answer_stands_in_the_log(modgate_of, origin):
    m = modgate_of(origin.url, config="upstream:\n  retries: 0\n")
    ids = []
    for i, status in enumerate((404, 403, 500)):
        origin.on(f"/m{i}/", Reply(status, "as the test says\n"))
        answer = expect.failure(m.get(f"/example.com/m{i}/@v/list"), (404, 403, 502))
        ids.append(re.search(r"\[request ([0-9a-f]{16})\]", answer.text)[1])
    m.stop()
    for i, one in enumerate(ids):
        found = [line for line in lines_of(m) if one in line]
        assert found and f"example.com/m{i}" in found[0], one


def test_a_log_that_nobody_reads_holds_up_nobody(tmp_path, origin, tree):
    """A full pipe: lines are dropped and counted, requests are answered, the end is orderly."""
    for i in range(600):
        tree.add("example.com/m", f"v1.0.{i}")
    port = free_port()
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "GOPROXY": origin.url, "GOSUMDB": "off"}
    p = subprocess.Popen([binary(), "serve", "--listen", f"127.0.0.1:{port}", "--store", str(tmp_path / "s"), "--log-level", "debug"],
                         env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    try:
        assert p.stdout.readline().startswith(b"export GOPROXY=")
        with http.Session(("127.0.0.1", port)) as s:
            for i in range(600):
                expect.success(s.request(f"/example.com/m/@v/v1.0.{i}.info"))
                expect.failure(s.request(f"/example.com/no{i}/@v/list"), 404)
            for i in range(600):
                expect.success(s.request(f"/example.com/m/@v/v1.0.{i}.info"))
        p.send_signal(signal.SIGTERM)
        assert p.wait(30) == 0
        assert p.stderr.read().count(b"msg=fetched") < 1200, "the pipe was never full: nothing was tested"
    finally:
        if p.poll() is None:
            os.killpg(p.pid, signal.SIGKILL)
        p.communicate()
