# SPDX-License-Identifier: Apache-2.0
"""The servers that are compared: each is started on a free port and pinned to one core, and tells
the CPU time and the memory of its whole process tree."""

import http.client
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

SERVER_CORE = "0"
CLIENT_CORE = "1"
HOST = "127.0.0.1"


def free_port():
    with socket.socket() as s:
        s.bind((HOST, 0))
        return s.getsockname()[1]


def ask(port, path, timeout=60):
    """One request on its own connection: status and body."""
    connection = http.client.HTTPConnection(HOST, port, timeout=timeout)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


class Server:
    """A running process tree. Use as a context manager."""

    def __init__(self, name, argv, port, folder, env=None, core=SERVER_CORE):
        self.name = name
        self.port = port
        self.log = Path(folder, f"{name}.log")
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                ["taskset", "-c", core, *argv],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **(env or {})},
                cwd=folder,
            )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def wait_ready(self, path="/", seconds=20, pause=0.005):
        """Until any HTTP answer comes."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                return ask(self.port, path)
            except (OSError, http.client.HTTPException):
                time.sleep(pause)
        raise RuntimeError(f"{self.name} does not answer:\n{self.log.read_text()[-2000:]}")

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def pids(self):
        """The process and all its descendants."""
        children = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
        found = [self.process.pid]
        for pid in found:
            found.extend(children.get(pid, ()))
        return found

    def cpu_s(self):
        """User and system time of all threads. schedstat counts in ns what utime + stime show in
        ticks of 10 ms; a thread that ended in between would be missed, so servers with children
        that come and go are not measured with this."""
        total = 0
        for pid in self.pids():
            for task in Path(f"/proc/{pid}/task").glob("*/schedstat"):
                total += int(task.read_text().split()[0])
        return total / 1e9

    def memory(self):
        """Sums over all processes in bytes: PSS (shared pages divided among their users), RSS."""
        pss = rss = 0
        for pid in self.pids():
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    pss += int(line.split()[1]) * 1024
                elif line.startswith("Rss:"):
                    rss += int(line.split()[1]) * 1024
        return pss, rss


NGINX = """\
daemon off;
worker_processes 1;
{user}
error_log stderr crit;
pid {folder}/{name}.pid;
worker_rlimit_nofile 20000;
events {{ worker_connections 16384; }}
http {{
    access_log off;
    server_tokens off;
    default_type text/plain;
    keepalive_timeout 3600s;
    keepalive_requests 1000000000;
    sendfile {sendfile};
    open_file_cache max=10000 inactive=1h;
    open_file_cache_valid 1h;
    open_file_cache_errors on;
    client_body_temp_path {folder}/{name}.tmp;
    proxy_temp_path {folder}/{name}.tmp;
    fastcgi_temp_path {folder}/{name}.tmp;
    scgi_temp_path {folder}/{name}.tmp;
    uwsgi_temp_path {folder}/{name}.tmp;
    server {{
        listen {host}:{port} backlog=16384;
        root {root};
        {locations}
    }}
}}
"""


def nginx(name, folder, root, sendfile="on", fixed=()):
    """fixed: (path, status, body length) of answers that nginx makes up by itself (its floor)."""
    folder = Path(folder)
    port = free_port()
    config = folder / f"{name}.conf"
    locations = "\n        ".join(
        f'location = {path} {{ return {status} "{"x" * length}"; }}' for path, status, length in fixed
    )
    config.write_text(
        NGINX.format(
            user="user root;" if os.geteuid() == 0 else "",
            folder=folder,
            name=name,
            sendfile=sendfile,
            host=HOST,
            port=port,
            root=root,
            locations=locations,
        )
    )
    binary = shutil.which("nginx")
    if binary is None:
        raise RuntimeError("nginx is not installed")
    return Server(name, [binary, "-c", str(config)], port, folder)


NGINX_CACHE = """\
daemon off;
worker_processes auto;
{user}
error_log stderr crit;
pid {folder}/nginx-cache.pid;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {folder}/nginx-cache.tmp;
    fastcgi_temp_path {folder}/nginx-cache.tmp;
    scgi_temp_path {folder}/nginx-cache.tmp;
    uwsgi_temp_path {folder}/nginx-cache.tmp;
    proxy_cache_path {folder}/nginx-cache keys_zone=modules:10m use_temp_path=off;
    upstream origin {{ server {origin}; keepalive 64; }}
    server {{
        listen {host}:{port};
        location / {{
            proxy_pass http://origin;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_cache modules;
            proxy_cache_valid 200 1h;
            proxy_cache_lock on;
        }}
    }}
}}
"""


def nginx_cache(folder, origin, core):
    """nginx as a cache of whatever the origin (HOST:PORT) says."""
    folder = Path(folder)
    port = free_port()
    config = folder / "nginx-cache.conf"
    user = "user root;" if os.geteuid() == 0 else ""
    config.write_text(NGINX_CACHE.format(user=user, folder=folder, host=HOST, port=port, origin=origin))
    binary = shutil.which("nginx")
    if binary is None:
        raise RuntimeError("nginx is not installed")
    return Server("nginx-cache", [binary, "-c", str(config)], port, folder, core=core)


GOPROXY_VERSION = "v0.26.1"


def goproxy_build(cache):
    """goproxy from its source, in a throw-away module below the cache folder."""
    folder = Path(cache, "goproxy")
    binary = folder / f"goproxy-{GOPROXY_VERSION}"
    if not binary.exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        env = {**os.environ, "GOFLAGS": "-mod=mod"}
        for command in (
            ["go", "mod", "init", "throwaway"],
            ["go", "mod", "edit", "-require", f"github.com/goproxy/goproxy@{GOPROXY_VERSION}"],
            ["go", "build", "-o", binary.name, "github.com/goproxy/goproxy/cmd/goproxy"],
        ):
            subprocess.run(command, cwd=folder, env=env, check=True, stderr=subprocess.DEVNULL)
    return binary


def goproxy(binary, folder, upstream):
    port = free_port()
    argv = [str(binary), "server", "--address", f"{HOST}:{port}", "--cacher-dir", "goproxy-cache"]
    env = {"GOPROXY": upstream, "GOSUMDB": "off", "GONOSUMDB": "*", "GOMAXPROCS": "1"}
    return Server("goproxy", argv, port, folder, env)


def modgate(binary, folder, upstream, store, name="modgate", env=None, core=SERVER_CORE,
            scheme=""):
    port = free_port()
    argv = [str(binary), "serve", "--listen", f"{scheme}{HOST}:{port}", "--store", str(store)]
    settings = {"GOPROXY": upstream, "GOSUMDB": "off", **(env or {})}
    return Server(name, argv, port, folder, settings, core)
