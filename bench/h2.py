# SPDX-License-Identifier: Apache-2.0
"""HTTP/2: a small hit at 1, 10 and 100 streams a connection, modgate beside nginx, over TLS and in clear text. The
load is h2load's; requests carry what the go command sends."""

import contextlib
import re
import subprocess
import sys
from statistics import median

import measure
import servers
import tls
import tree
from hot import against, number, table
from rows import BENCH

PATH = f"{BENCH}/small/@v/v1.3.2.info"
# Scheme, streams a connection, and what modgate's CPU may be of nginx's at most.
ROWS = [("https", 1, 0.7), ("https", 10, None), ("https", 100, 0.4), ("http", 10, None), ("http", 100, None)]
NGINX = {"listen {host}:{port} backlog=16384;": "listen {host}:{port} backlog=16384 http2;",
         "keepalive_requests 1000000000;": "keepalive_requests 1000000000; http2_max_concurrent_streams 128;"}


@contextlib.contextmanager
def nginx_speaks_it():
    plain, secure = servers.NGINX, tls.NGINX_TLS
    assert all(old in plain for old in NGINX) and " ssl backlog" in secure
    for old, new in NGINX.items():
        servers.NGINX = servers.NGINX.replace(old, new)
    tls.NGINX_TLS = secure.replace(" ssl backlog", " ssl http2 backlog")
    try:
        yield
    finally:
        servers.NGINX, tls.NGINX_TLS = plain, secure


def load(server, url, streams, requests, connections):
    """CPU of the server, µs a request, and requests a second."""
    argv = ["taskset", "-c", servers.CLIENT_CORE, "h2load", "-n", str(requests), "-c", str(connections)]
    argv += ["-m", str(streams), "-H", "user-agent: Go-http-client/2.0", "-H", "accept-encoding: gzip"]
    before = server.cpu_s()
    run = subprocess.run([*argv, url + PATH], capture_output=True, text=True)
    used = server.cpu_s() - before
    found = re.search(r"([\d.]+) req/s", run.stdout)
    if run.returncode != 0 or f"{requests} succeeded, 0 failed" not in run.stdout or not found:
        raise measure.LoadFailed(f"{server.name}: {run.stdout[-2000:]}{run.stderr[-2000:]}")
    return used / requests * 1e6, float(found.group(1))


def ready(server, url):
    """Until h2load has an answer: nginx speaks nothing but HTTP/2 there."""
    for _ in range(200):
        try:
            load(server, url, 1, 1, 1)
            return
        except measure.LoadFailed as error:
            last = error
    raise last


def start(options, work, upstream):
    """(scheme, name): server and URL."""
    env = {"GOSUMDB": (upstream / "key").read_text()}
    clear = {
        "modgate": servers.modgate(options.modgate, work, f"file://{upstream}", work / "store-h2", env=env,
                                   scheme="h2c://"),
        "nginx": servers.nginx("nginx-h2", work, upstream),
    }
    started = {("http", name): (s, f"http://{servers.HOST}:{s.port}") for name, s in clear.items()}
    cert, key = tls.certificate(work, "ec")
    for name in clear:
        server, port = tls.start(name, options, work, upstream, cert, key)
        started["https", name] = (server, f"https://{servers.HOST}:{port}")
    return started


def run(options, work):
    upstream = tree.make(options.cache / "upstream", tree.rows_tree)
    with nginx_speaks_it():
        started = start(options, work, upstream)
    lines = []
    try:
        for (_, name), (server, url) in started.items():
            if name == "modgate":
                server.wait_ready()
                servers.ask(server.port, PATH)
            ready(server, url)
        for scheme, streams, goal in ROWS:
            print(f"  {scheme}, {streams} streams …", file=sys.stderr, flush=True)
            requests = int((60000 if streams > 1 else 30000) * options.seconds)
            rounds = {"modgate": [], "nginx": []}
            for _ in range(options.rounds):
                for name, found in rounds.items():
                    server, url = started[scheme, name]
                    found.append(load(server, url, streams, requests, options.connections))
            cpu = {name: median(c for c, _ in found) for name, found in rounds.items()}
            rate = {name: median(r for _, r in found) for name, found in rounds.items()}
            share = median(a[0] / b[0] for a, b in zip(rounds["modgate"], rounds["nginx"]))
            cells = [f"{number(cpu[name])}; {number(rate[name])}/s" for name in rounds]
            lines.append(["TLS" if scheme == "https" else "clear", str(streams), *cells, against(share, goal)])
    finally:
        for server, _ in started.values():
            server.stop()
    head = ["", "streams", "modgate", "nginx", "modgate ÷ nginx"]
    text = f"HTTP/2, .info, {options.connections} connections: server CPU, µs per request; requests/s:\n\n"
    return text + table(head, lines)
