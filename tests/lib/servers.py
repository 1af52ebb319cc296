# SPDX-License-Identifier: Apache-2.0
"""Real servers put in front of modgate."""

import contextlib
import os
import shutil
import socket
import subprocess
import time

from lib import certs
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


GIT_NGINX = """
{user} daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log info;
events {{ worker_connections 128; }}
http {{
  access_log {folder}/access.log; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{
    listen 127.0.0.1:{port} ssl; ssl_certificate {cert}; ssl_certificate_key {key};
    auth_basic "git"; auth_basic_user_file {folder}/passwords; client_max_body_size 0;
    location / {{ proxy_pass http://127.0.0.1:{backend}; proxy_set_header Host {host}; proxy_set_header Authorization ""; }}
  }}
}}
"""

SSHD = """
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host_key
PidFile none
AuthorizedKeysFile {folder}/authorized_keys
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
AllowTcpForwarding no
LogLevel VERBOSE
"""


@contextlib.contextmanager
def running(argv, port, folder):
    with open(folder / "out", "ab") as out:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        wait_listening(port, process)
        yield
    finally:
        process.terminate()
        process.wait(10)


@contextlib.contextmanager
def git_nginx(server, host, folder, **passwords):
    """nginx with TLS and basic auth before a lib.gitserver.GitServer, all of whose requests are for host: its port.
    Its certificate, of the server's authority, is for localhost."""
    port = free_port()
    folder.mkdir()
    pair = server.authority.issue("localhost", ["DNS:localhost", "IP:127.0.0.1"])
    lines = [f"{user}:{certs.openssl('passwd', '-apr1', word).decode().strip()}" for user, word in passwords.items()]
    (folder / "passwords").write_text("\n".join(lines) + "\n")
    file = folder / "config"
    file.write_text(GIT_NGINX.format(folder=folder, port=port, user="user root;" if os.geteuid() == 0 else "", backend=server.port_plain, host=host, cert=pair.cert, key=pair.key))
    program = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin")
    with running([program, "-p", str(folder), "-c", str(file), "-e", str(folder / "error.log")], port, folder):
        yield port


def ssh_key(file):
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(file)], check=True, timeout=60)
    return file.with_suffix(".pub").read_text().strip()


@contextlib.contextmanager
def sshd(folder):
    """OpenSSH's server for the user that runs the tests; `folder` gets `key`, which it lets in, and `known_hosts`: its port."""
    port = free_port()
    folder.mkdir()
    (folder / "authorized_keys").write_text(ssh_key(folder / "key") + "\n")
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {ssh_key(folder / 'host_key')}\n")
    (folder / "config").write_text(SSHD.format(folder=folder, port=port))
    if os.geteuid() == 0:
        os.makedirs("/run/sshd", mode=0o755, exist_ok=True)  # it insists, as root
    with running(["/usr/sbin/sshd", "-D", "-e", "-f", str(folder / "config")], port, folder):
        yield port
