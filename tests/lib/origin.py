# SPDX-License-Identifier: Apache-2.0
"""A scripted upstream proxy: serves a tree of modules, counts what is asked, misbehaves on command.

    origin = Origin(tree).start()
    origin.on(r"/@v/v1\\.0\\.0\\.zip$", Reply(503, b"later"))        # every time
    origin.on(r"/@v/list$", Reply(500), times=2)                     # then as before
    origin.on(r"\\.mod$", hold=gate)                                 # answers once gate is set
    origin.on(r"\\.info$", raw=lambda conn, request: conn.sendall(b"HTTP/1.1 200 OK\\r\\n..."))

Rules added later win. Tests wait for what they need (`wait_for`), they never sleep.
"""

import collections
import re
import socket
import struct
import threading
import time
import urllib.parse

from lib.ports import free_port

Request = collections.namedtuple("Request", "method target path headers at")


class Reply:
    def __init__(self, status=200, body=b"", fields=(), type="text/plain; charset=utf-8"):
        self.status = status
        self.body = body.encode() if isinstance(body, str) else body
        self.fields = list(fields)
        self.type = type

    def bytes(self, request):
        head = [f"HTTP/1.1 {self.status} {REASONS.get(self.status, 'Status')}"]
        if self.type:
            head.append(f"Content-Type: {self.type}")
        head.append(f"Content-Length: {len(self.body)}")
        head += [f"{n}: {v}" for n, v in self.fields]
        data = ("\r\n".join(head) + "\r\n\r\n").encode("latin-1")
        return data if request.method == "HEAD" else data + self.body


REASONS = {200: "OK", 301: "Moved Permanently", 302: "Found", 304: "Not Modified", 403: "Forbidden",
           404: "Not Found", 410: "Gone", 429: "Too Many Requests", 500: "Internal Server Error",
           502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout"}


class Rule:
    def __init__(self, pattern, reply, raw, hold, times, method):
        self.pattern = re.compile(pattern)
        self.reply = reply
        self.raw = raw
        self.hold = hold
        self.left = times
        self.method = method

    def takes(self, request):
        return self.left != 0 and self.method in (None, request.method) and self.pattern.search(request.path)


class Origin:
    def __init__(self, tree=None, port=0, tls=None):
        self.tree = tree
        self.port = port or free_port()
        self.tls = tls  # an ssl.SSLContext
        self.lock = threading.Condition()
        self.rules = []
        self.requests = []
        self.busy = 0
        self.most_busy = 0
        self.connections = set()
        self.accepted = 0
        self.listener = None
        self.alive = True

    # -- the script

    def on(self, pattern, reply=None, *, raw=None, hold=None, times=-1, method=None):
        rule = Rule(pattern, reply, raw, hold, times, method)
        with self.lock:
            self.rules.insert(0, rule)
        return rule

    def off(self, *rules):
        with self.lock:
            self.rules = [r for r in self.rules if rules and r not in rules]

    def gone(self):
        """A rule for as long as nobody is to be reached here; the port stays ours, unlike with stop()."""
        return self.on("", raw=lambda conn, request: reset(conn))

    def forget(self):
        with self.lock:
            self.requests.clear()
            self.most_busy = 0

    # -- what happened

    def paths(self, pattern="", method=None):
        with self.lock:
            return [r.path for r in self.requests if re.search(pattern, r.path) and method in (None, r.method)]

    def count(self, pattern=""):
        return len(self.paths(pattern))

    def wait_for(self, pattern, count=1, seconds=20):
        """Until the count-th request for the pattern has arrived."""
        with self.lock:
            ok = self.lock.wait_for(
                lambda: sum(1 for r in self.requests if re.search(pattern, r.path)) >= count, seconds
            )
        assert ok, f"no {count} requests for {pattern!r} within {seconds} s: {self.paths()}"

    # -- life

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("127.0.0.1", self.port))
        s.listen(1024)
        self.port = s.getsockname()[1]
        self.listener = s
        self.alive = True
        threading.Thread(target=self.accept, args=(s,), daemon=True).start()
        return self

    def stop(self):
        """Gone: the port refuses connections, open ones are cut."""
        self.alive = False
        if self.listener is None:
            return
        listener, self.listener = self.listener, None
        try:
            listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        listener.close()
        with self.lock:
            live = list(self.connections)
        for c in live:
            try:
                c.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def accept(self, listener):
        while True:
            try:
                conn, _ = listener.accept()
            except OSError:
                return
            conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                self.connections.add(conn)
                self.accepted += 1
            threading.Thread(target=self.serve, args=(conn,), daemon=True).start()

    def serve(self, conn):
        buffer = b""
        try:
            if self.tls:
                conn = self.tls.wrap_socket(conn, server_side=True)
            while self.alive:
                while (end := buffer.find(b"\r\n\r\n")) < 0:
                    data = conn.recv(65536)
                    if not data:
                        return
                    buffer += data
                head, buffer = buffer[:end].decode("latin-1"), buffer[end + 4 :]
                if not self.one(conn, head.split("\r\n")):
                    return
        except OSError:
            pass
        finally:
            with self.lock:
                self.connections.discard(conn)
            conn.close()

    def one(self, conn, lines):
        method, target, _ = lines[0].split(" ", 2)
        headers = collections.defaultdict(list)
        for line in lines[1:]:
            name, value = line.split(":", 1)
            headers[name.strip().lower()].append(value.strip())
        path = target.split("?", 1)[0]
        request = Request(method, target, path, headers, time.monotonic())
        rule = self.admit(request)
        try:
            if rule and rule.raw:
                if rule.hold is not None:
                    rule.hold.wait(120)
                return rule.raw(conn, request) is True
            conn.sendall(self.reply(rule, request).bytes(request))
            return "close" not in headers["connection"]
        finally:
            self.leave()

    def admit(self, request):
        """Counts the request; the rule that takes it, if one does."""
        with self.lock:
            self.requests.append(request)
            self.busy += 1
            self.most_busy = max(self.most_busy, self.busy)
            rule = next((r for r in self.rules if r.takes(request)), None)
            if rule and rule.left > 0:
                rule.left -= 1
            self.lock.notify_all()
        return rule

    def leave(self):
        with self.lock:
            self.busy -= 1

    def reply(self, rule, request):
        if rule and rule.hold is not None:
            rule.hold.wait(120)
        reply = rule.reply if rule and rule.reply else None
        if callable(reply):
            reply = reply(request)
        return reply or self.from_tree(request)

    def from_tree(self, request):
        if self.tree is None:
            return Reply(404, "not found: the origin is empty\n")
        found = self.tree.get(urllib.parse.unquote(request.path).lstrip("/"))
        if found is None:
            return Reply(404, f"not found: {request.path}\n")
        if isinstance(found, int):
            return Reply(found, f"withheld: {request.path}\n")
        return Reply(200, found, type=content_type(request.path))


def content_type(path):
    if path.endswith(".zip"):
        return "application/zip"
    if path.endswith(".info") or path.endswith("@latest"):
        return "application/json"
    return "text/plain; charset=utf-8"


def reset(conn):
    """Closes with RST instead of FIN."""
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    conn.close()
