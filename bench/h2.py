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
IDLE = 1_000
# Scheme, streams a connection, and what modgate's CPU may be of nginx's at most.
ROWS = [("https", 1, 0.7), ("https", 10, None), ("https", 100, 0.4), ("http", 10, None), ("http", 100, None)]
# So many that the handshakes do not count.
REQUESTS = {1: 60_000, 10: 150_000, 100: 300_000}
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


def frame(kind, flags, stream, payload):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def greet(context, port):
    """An open connection on which one request was answered."""
    connection = tls.connect(context, port)
    literal = lambda text: bytes([len(text)]) + text.encode()
    head = b"\x82\x87\x01" + literal("localhost") + b"\x04" + literal(PATH)  # GET, https, :authority, :path
    connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b"") + frame(1, 5, 1, head))
    seen = b""
    while b'{"Version"' not in seen:
        more = connection.recv(65536)
        if not more:
            raise RuntimeError(f"{PATH} was not answered")
        seen += more
    return connection


def idle(server, port):
    context = tls.client()
    context.set_alpn_protocols(["h2"])
    warm = [greet(context, port) for _ in range(50)]
    before = server.memory()[1]
    opened = [greet(context, port) for _ in range(IDLE)]
    used = (server.memory()[1] - before) / IDLE
    for connection in warm + opened:
        connection.close()
    return used


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
            requests = int(REQUESTS[streams] * options.seconds)
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
        memory = {name: idle(server, int(url.rsplit(":", 1)[1]))
                  for (scheme, name), (server, url) in started.items() if scheme == "https"}
    finally:
        for server, _ in started.values():
            server.stop()
    head = ["", "streams", "modgate", "nginx", "modgate ÷ nginx"]
    text = f"HTTP/2, .info, {options.connections} connections: server CPU, µs per request; requests/s:\n\n"
    kib = {name: f"{used / 1024:.1f} KiB" for name, used in memory.items()}
    return (text + table(head, lines) + f"\nAn idle connection, TLS and HTTP/2: modgate {kib['modgate']} (≤ 45 KB), "
            f"nginx {kib['nginx']}.")
