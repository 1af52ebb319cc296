# SPDX-License-Identifier: Apache-2.0
"""A git host: serves repositories by smart HTTP over TLS, and go-import pages, under any host name.

    with GitServer(tmp_path) as server:
        r = server.add("git.example.test/x")              # a lib.gitrepo.Repository, with a page that names it
        server.page("go.example.test/y", "git", server.url_of("git.example.test/x"), "sub")
        go = server.go(tmp_path / "go")                   # a lib.gocmd.Go with GOPROXY=direct
        modgate_of("direct", env=server.environment())

The server is an HTTP proxy: go, git and modgate, told of it by HTTPS_PROXY, reach every host name through it, and it
answers for all of them with a certificate of its own authority. `port` serves the same over TLS without a proxy, as
localhost; `port_plain`, which is also the proxy, over plain HTTP.
"""

import base64
import collections
import http.server
import os
import pathlib
import re
import socket
import ssl
import subprocess
import tempfile
import threading
import urllib.parse

from lib import certs, gocmd
from lib.gitrepo import Repository
from lib.ports import free_port

NAMES = ["DNS:localhost", "IP:127.0.0.1", "DNS:example.test", "DNS:*.example.test", "DNS:github.com", "DNS:bitbucket.org",
         "DNS:gopkg.in"]

Request = collections.namedtuple("Request", "method scheme host path query headers")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60
    scheme = "http"
    connected = ""

    def setup(self):
        if isinstance(self.request, ssl.SSLSocket):
            self.request.do_handshake()
            self.scheme = "https"
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().setup()

    def do_CONNECT(self):
        owner = self.server.owner
        owner.note(Request("CONNECT", "", self.path, "", "", dict(self.headers)))
        self.connected = self.path.rpartition(":")[0]
        self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
        self.wfile.flush()
        inner = owner.tls.wrap_socket(self.request, server_side=True)
        self.scheme = "https"
        self.connection = self.request = inner
        self.rfile = inner.makefile("rb")
        self.wfile = inner.makefile("wb", 0)
        self.close_connection = False

    def do_GET(self):
        owner = self.server.owner
        target = urllib.parse.urlsplit(self.path)
        host = target.netloc or self.headers.get("Host", "")
        body = self.body()
        request = Request(self.command, self.scheme, host, target.path, target.query, dict(self.headers))
        owner.note(request)
        name = (host.rpartition(":")[0] or host) + urllib.parse.unquote(target.path)
        for pattern, answer in owner.scripts:
            if pattern.search(f"{self.scheme}://{name}?{target.query}"):
                return self.send(*answer(request) if callable(answer) else answer)
        if "go-get=1" in target.query.split("&"):
            return self.send(200, owner.html(name.rstrip("/")), [("Content-Type", "text/html; charset=utf-8")])
        found = owner.repository_of(name)
        if found is None:
            return self.send(404, "there is no such repository\n")
        secret = owner.secrets.get(found)
        if secret and self.headers.get("Authorization") != f"Basic {base64.b64encode(secret.encode()).decode()}":
            return self.send(401, "who are you?\n", [("WWW-Authenticate", 'Basic realm="git"')])
        self.backend(owner.repositories[found], name[len(found):], target.query, body)

    do_POST = do_HEAD = do_GET

    def body(self):
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            parts = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def backend(self, repository, path, query, body):
        """git http-backend, a CGI program (RFC 3875)."""
        env = {"PATH": os.environ["PATH"], "GIT_PROJECT_ROOT": str(repository.folder), "GIT_HTTP_EXPORT_ALL": "1",
               "PATH_INFO": path, "QUERY_STRING": query, "REQUEST_METHOD": self.command, "LC_ALL": "C",
               "CONTENT_TYPE": self.headers.get("Content-Type", ""), "CONTENT_LENGTH": str(len(body)),
               "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""), "REMOTE_ADDR": "127.0.0.1",
               "GIT_PROTOCOL": self.headers.get("Git-Protocol", "") if self.server.owner.protocol_2 else "",
               "GIT_CONFIG_NOSYSTEM": "1",
               "GIT_CONFIG_GLOBAL": str(self.server.owner.config)}
        with tempfile.TemporaryFile() as asked:
            asked.write(body)
            asked.seek(0)
            with subprocess.Popen(["git", "http-backend"], env=env, stdin=asked, stdout=subprocess.PIPE) as backend:
                try:
                    self.pass_on(backend.stdout)
                finally:
                    backend.kill()

    def pass_on(self, cgi):
        """Its answer as it comes: for a large pack git says now and then that it is still there."""
        fields = []
        while line := cgi.readline().decode("latin-1").rstrip("\r\n"):
            fields.append(line.split(": ", 1))
        status = next((int(v.split()[0]) for n, v in fields if n == "Status"), 200 if fields else 500)
        self.send_response_only(status)
        for n, v in fields:
            if n not in ("Status", "Content-Length"):
                self.send_header(n, v)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while piece := cgi.read1(1 << 16):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    def send(self, status, content=b"", fields=()):
        content = content.encode() if isinstance(content, str) else content
        self.send_response_only(status)
        for n, v in fields:
            self.send_header(n, v)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_):
        pass


class Listener(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, owner, port, tls):
        self.owner, self.tls = owner, tls
        super().__init__(("127.0.0.1", port), Handler)

    def get_request(self):
        s, address = super().get_request()
        if self.tls:  # the handshake is the thread's work
            s = self.owner.tls.wrap_socket(s, server_side=True, do_handshake_on_connect=False)
        return s, address

    def handle_error(self, request, client_address):
        pass  # peers leave when they like


class GitServer:
    def __init__(self, folder, names=()):
        """names: what else its certificate shall say, as "DNS:git.corp.example"."""
        self.folder = pathlib.Path(folder) / "gitserver"
        self.folder.mkdir(parents=True)
        self.authority = certs.Authority(self.folder / "ca")
        pair = self.authority.issue("git.example.test", [*NAMES, *names])
        self.tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.tls.load_cert_chain(pair.cert, pair.key)
        self.config = self.folder / "gitconfig"  # of the serving side
        self.restore()
        self.port, self.port_plain = free_port(), free_port()
        self.lock = threading.Lock()
        self.repositories = {}  # "host/path" of its URL: Repository
        self.pages = {}         # prefix: content of its go-import tag
        self.secrets = {}       # "host/path" of a repository: "user:password" it asks for
        self.scripts = []       # (pattern of "scheme://host/path?query", answer), the last one added first
        self.requests = []

    def restore(self):
        """A server of today, that has no secrets."""
        self.protocol_2 = True
        self.config.write_text("[safe]\n\tdirectory = *\n[uploadpack]\n\tallowFilter = true\n\tallowAnySHA1InWant = true\n")

    def __enter__(self):
        self.listeners = [Listener(self, self.port, True), Listener(self, self.port_plain, False)]
        for listener in self.listeners:
            threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_):
        for listener in self.listeners:
            listener.shutdown()
            listener.server_close()

    # -- what it serves

    def add(self, root, subdir="", page=True, secret=None, **more):
        """A new repository at https://ROOT.git, and the go-import page that says so to module paths below ROOT."""
        at = f"{root}.git"
        assert at not in self.repositories
        self.repositories[at] = Repository(self.folder / "repositories" / at.replace("/", "_"), **more)
        if secret:
            self.secrets[at] = secret
        if page:
            self.page(root, "git", f"https://{at}", subdir)
        return self.repositories[at]

    def url_of(self, root):
        return f"https://{root}.git"

    def page(self, prefix, vcs, url, subdir=""):
        self.pages[prefix] = f"{prefix} {vcs} {url} {subdir}".strip()

    def on(self, pattern, answer):
        """answer: (status, body, fields), or a function of the Request that gives one; for what matches in
        "scheme://host/path?query"."""
        self.scripts.insert(0, (re.compile(pattern), answer))

    def html(self, name):
        """The tag of the longest prefix of the name, and nobody else's."""
        best = max((p for p in self.pages if name == p or name.startswith(p + "/")), key=len, default=None)
        tag = f'<meta name="go-import" content="{self.pages[best]}">' if best else ""
        return f"<!DOCTYPE html>\n<html><head>{tag}</head><body>{name}</body></html>\n"

    def repository_of(self, name):
        with self.lock:
            names = list(self.repositories)
        for at in names:
            for spelling in (at, at.removesuffix(".git")):  # many hosts serve both
                if name.startswith(spelling + "/"):
                    self.repositories.setdefault(spelling, self.repositories[at])
                    if at in self.secrets:
                        self.secrets.setdefault(spelling, self.secrets[at])
                    return spelling
        return None

    # -- what it saw

    def note(self, request):
        with self.lock:
            self.requests.append(request)

    def asked(self, pattern):
        """The requests whose "METHOD scheme://host/path?query" matches."""
        wanted = re.compile(pattern)
        with self.lock:
            return [r for r in self.requests if wanted.search(f"{r.method} {r.scheme}://{r.host}{r.path}?{r.query}")]

    # -- its clients

    @property
    def proxy(self):
        return f"http://127.0.0.1:{self.port_plain}"

    def environment(self):
        """For go, git and modgate."""
        ca = str(self.authority.pem)
        return {"HTTPS_PROXY": self.proxy, "HTTP_PROXY": self.proxy, "https_proxy": self.proxy, "http_proxy": self.proxy,
                "NO_PROXY": "", "no_proxy": "", "SSL_CERT_FILE": ca, "GIT_SSL_CAINFO": ca}

    def go(self, folder, **env):
        """A go command that asks this server alone, as GOPROXY=direct does."""
        quiet = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_ATTR_NOSYSTEM": "1", "LC_ALL": "C"}
        return gocmd.Go(folder, "direct", GOVCS="*:all", GONOSUMDB="*", **{**self.environment(), **quiet, **env})
