# SPDX-License-Identifier: Apache-2.0
"""Real servers put in front of modgate."""

import contextlib
import shutil
import socket
import subprocess
import time

from lib.ports import free_port

NGINX = """
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log info;
events {{ worker_connections 512; }}
http {{
  access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  upstream modgate {{ server 127.0.0.1:{backend}; keepalive 1; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://modgate; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_request_buffering off; proxy_buffering off;
    }}
  }}
}}
"""

HAPROXY = """
global
  maxconn 200
defaults
  mode http
  timeout connect 5s
  timeout client 10s
  timeout server 10s
  option http-keep-alive
frontend f
  bind 127.0.0.1:{port}
  default_backend b
backend b
  http-reuse always
  server s 127.0.0.1:{backend} maxconn 1
"""


def wait_listening(port, process, seconds=10):
    end = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            assert process.poll() is None, f"ended with {process.returncode}"
            assert time.monotonic() < end, "does not listen"
            time.sleep(0.02)


@contextlib.contextmanager
def in_front(kind, backend, folder):
    """nginx or haproxy in front of the port `backend`, with one connection to it that all share."""
    port = free_port()
    folder.mkdir()
    file = folder / "config"
    template = {"nginx": NGINX, "haproxy": HAPROXY}[kind]
    file.write_text(template.format(folder=folder, backend=backend, port=port))
    program = shutil.which(kind, path="/usr/sbin:/usr/local/sbin:/usr/bin")
    argv = {"nginx": [program, "-p", str(folder), "-c", str(file), "-e", str(folder / "error.log")],
            "haproxy": [program, "-db", "-f", str(file)]}[kind]
    with open(folder / "out", "wb") as out:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        wait_listening(port, process)
        yield ("127.0.0.1", port)
    finally:
        process.terminate()
        process.wait(10)
