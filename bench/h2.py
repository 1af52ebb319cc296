# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 in clear text: a small hit at 1, 10 and 100 streams a connection, modgate beside nginx. The load is
h2load's; requests carry what the go command sends."""

import re
import subprocess
import sys
from statistics import median

import measure
import servers
import tree
from hot import against, number, table
from rows import BENCH

PATH = f"{BENCH}/small/@v/v1.3.2.info"
CONNECTIONS = 8
# Streams a connection, and what modgate's CPU may be of nginx's at most.
ROWS = [(1, 0.7), (10, None), (100, 0.4)]
NGINX = {"listen {host}:{port} backlog=16384;": "listen {host}:{port} backlog=16384 http2;",
         "keepalive_requests 1000000000;": "keepalive_requests 1000000000; http2_max_concurrent_streams 128;"}


def nginx(work, upstream):
    plain = servers.NGINX
    for old, new in NGINX.items():
        assert old in plain
        servers.NGINX = servers.NGINX.replace(old, new)
    try:
        return servers.nginx("nginx-h2", work, upstream)
    finally:
        servers.NGINX = plain


def load(server, streams, requests):
    """CPU of the server, µs a request, and requests a second."""
    argv = ["taskset", "-c", servers.CLIENT_CORE, "h2load", "-n", str(requests), "-c", str(CONNECTIONS)]
    argv += ["-m", str(streams), "-H", "user-agent: Go-http-client/2.0", "-H", "accept-encoding: gzip"]
    before = server.cpu_s()
    run = subprocess.run([*argv, f"http://{servers.HOST}:{server.port}{PATH}"], capture_output=True, text=True)
    used = server.cpu_s() - before
    found = re.search(r"([\d.]+) req/s", run.stdout)
    if run.returncode != 0 or f"{requests} succeeded, 0 failed" not in run.stdout or not found:
        raise measure.LoadFailed(f"{server.name}: {run.stdout[-2000:]}{run.stderr[-2000:]}")
    return used / requests * 1e6, float(found.group(1))


def ready(server):
    """Until h2load has an answer: nginx speaks nothing but HTTP/2 there."""
    for _ in range(200):
        try:
            load(server, 1, CONNECTIONS)
            return
        except measure.LoadFailed as error:
            last = error
    raise last


def run(options, work):
    upstream = tree.make(options.cache / "upstream", tree.rows_tree)
    env = {"GOSUMDB": (upstream / "key").read_text()}
    started = {
        "modgate": servers.modgate(options.modgate, work, f"file://{upstream}", work / "store-h2", env=env,
                                   scheme="h2c://"),
        "nginx": nginx(work, upstream),
    }
    lines = []
    try:
        started["modgate"].wait_ready()
        servers.ask(started["modgate"].port, PATH)
        for server in started.values():
            ready(server)
        for streams, goal in ROWS:
            print(f"  {streams} streams …", file=sys.stderr, flush=True)
            requests = int((60000 if streams > 1 else 30000) * options.seconds)
            rounds = {name: [] for name in started}
            for _ in range(options.rounds):
                for name, server in started.items():
                    rounds[name].append(load(server, streams, requests))
            cpu = {name: median(c for c, _ in found) for name, found in rounds.items()}
            rate = {name: median(r for _, r in found) for name, found in rounds.items()}
            share = median(a[0] / b[0] for a, b in zip(rounds["modgate"], rounds["nginx"]))
            cells = [f"{number(cpu[name])}; {number(rate[name])}/s" for name in started]
            lines.append([str(streams), *cells, against(share, goal)])
    finally:
        for server in started.values():
            server.stop()
    head = ["streams", *started, "modgate ÷ nginx"]
    text = f"HTTP/2, .info, {CONNECTIONS} connections: server CPU, µs per request; requests/s:\n\n"
    return text + table(head, lines)
