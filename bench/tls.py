# SPDX-License-Identifier: Apache-2.0
"""TLS: what a handshake, full and resumed, a small hit on an open connection, and an idle connection
cost beside nginx with the same certificate, suites and ticket rules. The client is slower than the server, so the
server's CPU per handshake or request is what counts."""

import os
import shutil
import socket
import ssl
import subprocess
from statistics import median

import servers
import tree
from hot import table

IDLE = 2_000
PATH = "/mod.example/hot/m00/@v/v1.0.0.mod"

NGINX_TLS = """\
listen {host}:{port} ssl backlog=16384;
        ssl_certificate {cert};
        ssl_certificate_key {key};
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256;
        ssl_prefer_server_ciphers on;
        ssl_session_tickets on;
        ssl_session_cache off;
        ssl_buffer_size 16k;"""


def certificate(work, kind):
    cert, key = work / f"{kind}.pem", work / f"{kind}.key"
    new = ["rsa:2048"] if kind == "rsa" else ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    subprocess.run(["openssl", "req", "-x509", "-newkey", *new, "-nodes", "-days", "30", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", cert], check=True, capture_output=True)
    key.chmod(0o600)
    return cert, key


def start(name, options, work, upstream, cert, key):
    """The server and its port for TLS."""
    port = servers.free_port()
    if name == "modgate":
        plain = servers.free_port()
        env = {"MODGATE_LISTEN": f"{servers.HOST}:{plain},https://{servers.HOST}:{port}", "MODGATE_TLS_CERT": str(cert),
               "MODGATE_TLS_KEY": str(key)}
        argv = [str(options.modgate), "serve", "--store", str(work / f"store-{cert.stem}")]
        settings = {"GOPROXY": f"file://{upstream}", "GOSUMDB": "off", **env}
        return servers.Server(f"modgate-{cert.stem}", argv, plain, work, settings), port
    name, plain = f"nginx-{cert.stem}", servers.free_port()
    config = work / f"{name}.conf"
    config.write_text(servers.NGINX.format(
        user="user root;" if os.geteuid() == 0 else "", folder=work, name=name, sendfile="off", host=servers.HOST,
        port=plain, root=upstream, locations=NGINX_TLS.format(host=servers.HOST, port=port, cert=cert, key=key)))
    return servers.Server(name, [shutil.which("nginx"), "-c", str(config)], plain, work), port


def client(version=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if version:
        context.minimum_version = context.maximum_version = version
    return context


def connect(context, port, session=None):
    raw = socket.create_connection((servers.HOST, port), timeout=30)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as the go command does; else a resumed one waits for an ACK
    return context.wrap_socket(raw, server_hostname="localhost", session=session)


def exchange(connection):
    connection.sendall(f"GET {PATH} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    if not connection.recv(65536).startswith(b"HTTP/1.1 200"):
        raise RuntimeError(f"{PATH} was not answered with 200")


def per(server, count, what):
    before = server.cpu_s()
    what(count)
    return (server.cpu_s() - before) / count * 1e6


def handshakes(context, port, resumed):
    def run(count):
        kept = None
        for _ in range(count):
            with connect(context, port, kept) as connection:
                exchange(connection)  # also brings the ticket
                if kept and not connection.session_reused:
                    raise RuntimeError("not resumed")
                if resumed:
                    kept = connection.session
    return run


def hits(context, port):
    def run(count):
        with connect(context, port) as connection:
            for _ in range(count):
                exchange(connection)
    return run


def idle(server, context, port):
    warm = [connect(context, port) for _ in range(50)]
    for connection in warm:
        exchange(connection)
    before = server.memory()[1]
    opened = []
    for _ in range(IDLE):
        opened.append(connect(context, port))
        exchange(opened[-1])
    used = (server.memory()[1] - before) / IDLE
    for connection in warm + opened:
        connection.close()
    return used


def measure(options, work, upstream, kind):
    cert, key = certificate(work, kind)
    running = {name: start(name, options, work, upstream, cert, key) for name in ("modgate", "nginx")}
    count = max(200, int(2000 * options.seconds))
    rows = {}
    try:
        for server, port in running.values():
            server.wait_ready()
            with connect(client(), port) as connection:
                exchange(connection)
        for version, short in ((ssl.TLSVersion.TLSv1_2, "1.2"), (ssl.TLSVersion.TLSv1_3, "1.3")):
            context = client(version)
            plans = [(f"{kind} {short} handshake, full, and a hit", lambda p: handshakes(context, p, False), count),
                     (f"{kind} {short} handshake, resumed, and a hit", lambda p: handshakes(context, p, True), count)]
            if kind == "ec":
                plans.append((f"hit on an open connection, {short}", lambda p: hits(context, p), count * 5))
            for row, plan, times in plans:
                rows[row] = {name: [] for name in running}
                for _ in range(options.rounds):
                    for name, (server, port) in running.items():
                        rows[row][name].append(per(server, times, plan(port)))
        memory = {}
        if kind == "ec":
            memory = {name: idle(server, client(), port) for name, (server, port) in running.items()}
    finally:
        for server, _ in running.values():
            server.stop()
    return rows, memory


def run(options, work):
    upstream = tree.make(options.cache / "upstream", tree.rows_tree)
    os.sched_setaffinity(0, {int(servers.CLIENT_CORE)})
    lines, memory = [], {}
    for kind in ("ec", "rsa"):
        rows, some = measure(options, work, upstream, kind)
        memory.update(some)
        for row, by in rows.items():
            ours, theirs = median(by["modgate"]), median(by["nginx"])
            lines.append([row, f"{ours:.1f}", f"{theirs:.1f}", f"{ours / theirs:.2f}", "≤ 1.05"])
    lines.append(["idle connection, KiB", f"{memory['modgate'] / 1024:.1f}", f"{memory['nginx'] / 1024:.1f}",
                  f"{memory['modgate'] / memory['nginx']:.2f}", "≤ 20 KiB"])
    return ("TLS over HTTP/1.1, µs of server CPU each:\n\n"
            + table(["", "modgate", "nginx", "ratio", "goal"], lines))
