# SPDX-License-Identifier: Apache-2.0
"""Promise 3 as the network sees it: no private name is in any packet but those between us, our clients and the git host."""

import concurrent.futures
import json
import secrets

import pytest

from lib import capture, gocmd
from lib import sumdb as databases
from lib.gitserver import GitServer
from lib.origin import Origin
from lib.sumdb import Sumdb
from lib.tree import Made, escape

pytestmark = [pytest.mark.network, pytest.mark.skipif(bool(capture.missing()), reason=f"no packet was looked at: {capture.missing()}")]


class Stage:
    """Upstream, database and git host, and names that nobody else has: the token is in each element of each."""

    def __init__(self, folder, program, modgate_of):
        self.folder, self.modgate_of = folder, modgate_of
        self.token = secrets.token_hex(5)
        self.host = f"git-{self.token}.example.test"
        self.team = f"{self.host}/Team-{self.token}"
        self.app = f"{self.team}/app-{self.token}"
        self.mapped = f"code-{self.token}.test/team-{self.token}/mapped-{self.token}"
        self.tree = Made()
        self.tree.add("example.com/public", "v1.0.0")
        self.upstream, self.server, self.database = Origin(self.tree), GitServer(folder, [f"DNS:code-{self.token}.test"]), Sumdb(program)
        self.database.know(self.tree)

    def __enter__(self):
        for one in (self.upstream, self.server, self.database):
            one.__enter__()
        for path in (self.app, self.mapped):
            r = self.server.add(path)
            one = r.commit({"go.mod": f"module {path}\n\ngo 1.20\n\nrequire example.com/public v1.0.0\n", "x.go": "package x\n",
                            "p0/p.go": "package p\n"}, branch="main")
            r.tag("v1.0.0", one)
            r.tag("v1.1.0", r.commit({"x.go": "package x // 2\n"}, parents=[one], branch="main"))
            r.write()
        return self

    def __exit__(self, *_):
        for one in (self.database, self.server, self.upstream):
            one.__exit__(None, None, None)

    def modgate(self, **env):
        """Its upstream and its database are asked by their names, so that DNS has something to say too."""
        upstream = f"http://upstream.example.test:{self.upstream.port}"
        host = self.mapped.partition("/")[0]
        config = {
            "go-get": True,
            "upstream": {"retries": 0},
            "fetch": {"absent": "0s", "denied": "0s", "down": "0s"},
            "list": {"fresh": "1ms", "stale": "1ms"},
            "vcs": {"map": [f"{host}/*/* https://{host}/*/*"]},
        }
        outside = {"NO_PROXY": "127.0.0.1,upstream.example.test,sum.example.test"}
        return self.modgate_of(f"{upstream},direct", config=json.dumps(config),
                               env={**self.server.environment(), **outside, "no_proxy": outside["NO_PROXY"],
                                    "GOSUMDB": f"{self.database.key} http://sum.example.test:{self.database.port}", **env})

    def leaks(self, seen, m):
        """The flows with a private name that are none of the client, of modgate's answers, of the git host."""
        known = {m.port, self.server.port, self.server.port_plain}
        return [f for f, data in seen.flows().items()
                if self.token.encode() in data.lower() and not {f.sport, f.dport} & known]


def requests_of(stage):
    """200 questions for private names: all there are, of what is there and what is not."""
    asked = []
    for path in (stage.app, stage.mapped):
        base = f"/{escape(path)}"
        parents = ["/" + escape("/".join(path.split("/")[:n])) for n in (1, 2)]
        name = stage.database.name
        for i in range(5):
            asked += [f"{base}/@v/list", f"{base}/@latest", f"{base}/@v/v1.{i}.0.info", f"{base}/@v/v1.{i}.0.mod",
                      f"{base}/@v/v1.{i}.0.zip", f"{base}/@v/branch{i}.info", f"{base}/@v/main.info", f"{base}/p{i}/@v/list",
                      f"{base}/p{i}/@latest", f"{base}/v{i + 2}/@v/list", f"{base}/v{i + 2}/@latest", f"{base}-{i}/@v/list",
                      f"{parents[i % 2]}/@v/list", f"{parents[i % 2]}/@latest", f"{parents[i % 2]}/@v/v1.{i}.0.zip",
                      f"/sumdb/{name}/lookup{base}@v1.{i}.0", f"/sumdb/{name}/lookup{parents[i % 2]}@v1.{i}.0",
                      f"{base}?go-get=1", f"{parents[i % 2]}?go-get=1", f"/cached-only{base}/@v/v1.{i}.9.info"]
    return asked


@pytest.mark.timeout(600)
def test_no_packet_to_anybody_has_a_private_name(tmp_path, sumdb_program, modgate_of):
    def work():
        with capture.Capture() as seen, Stage(tmp_path, sumdb_program, modgate_of) as stage:
            private = f"{stage.team}/*,{stage.mapped.partition('/')[0]}"
            m = stage.modgate(GOPRIVATE=private)
            assert m.get("/example.com/public/@v/v1.0.0.zip").status == 200
            assert m.get(f"/{escape(stage.app)}/@v/v1.1.0.zip").status == 200
            assert m.get(f"/{escape(stage.mapped)}/@v/v1.1.0.zip").status == 200
            asked = requests_of(stage)
            assert len(asked) == 200
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                answers = list(pool.map(m.get, asked))
            assert {a.status for a in answers} == {200, 404}
            # Who does not know what is private asks us, the database too.
            work = gocmd.project(tmp_path / "user")
            go = gocmd.Go(tmp_path / "go", m.url, GOSUMDB=stage.database.key, GONOPROXY="", GONOSUMDB="", GOVCS="*:all")
            for path in (stage.app, stage.mapped, f"{stage.app}/p0"):
                done = go.run("get", f"{path}@v1.0.0", cwd=work, check=False)
                assert done.returncode != 0 and "verifying" in done.stderr, done.stderr
            assert m.run("refresh", stage.app).returncode == 0
            # While the git host is down nobody else is asked either.
            stage.server.on("", (503, "down\n", []))
            for target in asked[::10]:
                m.get(target)
            assert stage.leaks(seen, m) == []
            # What was looked at is what was sent: the rest of it is there.
            flows = seen.flows()
            assert any(f.protocol == "udp" and f.dport == 53 and b"\x08upstream\x07example" in data for f, data in flows.items())
            assert any(f.dport == stage.upstream.port and b"example.com/public" in data for f, data in flows.items())
            assert any(f.dport == stage.database.port and b"/lookup/example.com/public@" in data for f, data in flows.items())
            assert any(f.dport == stage.server.port_plain and stage.token.encode() in data for f, data in flows.items())
            assert not any(stage.token in r.target for r in stage.upstream.requests + stage.database.requests)
            # And a name that is not private would have been found.
            open_to_all = stage.modgate()
            open_to_all.get(f"/{escape(stage.app)}/@v/list")
            assert any(f.dport == stage.upstream.port for f in stage.leaks(seen, open_to_all))

    capture.alone(work)
