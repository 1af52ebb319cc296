# SPDX-License-Identifier: Apache-2.0
"""Is the load generator right? The same requests by wrk and by bench_load against nginx: the rates
and what the server spends must agree."""

import re
import shutil
import subprocess
from statistics import median

import measure
import servers
import tree
from hot import number, table
from rows import ROWS

FIELDS = ["-H", "User-Agent: Go-http-client/1.1", "-H", "Accept-Encoding: gzip"]


def wrk(server, row, seconds, connections):
    url = f"http://{servers.HOST}:{server.port}{row.path}"
    argv = ["taskset", "-c", servers.CLIENT_CORE, "wrk", "-t1", f"-c{connections}"]
    before = server.cpu_s()
    run = subprocess.run(
        [*argv, f"-d{seconds}", *FIELDS, url], check=True, capture_output=True, text=True
    )
    used = server.cpu_s() - before
    count, elapsed = re.search(r"(\d+) requests in ([\d.]+)s", run.stdout).groups()
    return used / int(count) * 1e6, int(count) / float(elapsed)


def run(options, work):
    if shutil.which("wrk") is None:
        raise RuntimeError("wrk is not installed")
    upstream = tree.make(options.cache / "upstream", tree.rows_tree)
    lines = []
    with servers.nginx("nginx", work, upstream, sendfile="off") as server:
        server.wait_ready()
        for row in (row for row in ROWS if row.status == 200):
            ours, theirs = [], []
            for _ in range(options.rounds):
                report = measure.load(
                    options.load, server, ["--get", row.path], 2, options.connections
                )
                ours.append((report["cpu_us"], report["rate"]))
                theirs.append(wrk(server, row, 2, options.connections))
            columns = [median(v[i] for v in who) for i in (0, 1) for who in (ours, theirs)]
            lines.append([row.name, *map(number, columns)])
    head = ["row", "bench_load CPU µs", "wrk CPU µs", "bench_load req/s", "wrk req/s"]
    return "bench_load beside wrk, against nginx (sendfile off):\n\n" + table(head, lines)
