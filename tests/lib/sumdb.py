# SPDX-License-Identifier: Apache-2.0
"""A checksum database that does what a test says: golang.org/x/mod behind a scripted origin.

    db = Sumdb(program).start()
    db.know(tree)                            # what is looked up gets its record, as in the real one
    db.add("example.com/m", "v1.0.0", zip="h1:...", mod="h1:...")    # or any record a test wants
    db.on(r"^/tile/", Reply(503))            # everything an Origin can do
    db.alter(r"^/lookup/", lambda body: body[:-1])                   # right answers, changed
    db.fork(at=3)                            # from now on another history under the same key

`gosumdb` is the value of GOSUMDB for who asks it directly, `key` for who reaches it through a proxy:
`mount(origin)` puts it under that origin's /sumdb/NAME/.
"""

import base64
import hashlib
import json
import os
import re
import subprocess
import urllib.parse

from lib.gocmd import ROOT, go_binary
from lib.origin import Origin, Reply
from lib.tree import escape, h1, unescape

NAME = "sum.modgate.test"
SEED = bytes(range(32)).hex()
NO_HASH = "h1:" + base64.b64encode(bytes(32)).decode()


def build(folder):
    """The program behind it. x/mod comes from wherever the go command of this machine gets modules."""
    program = folder / "database"
    env = dict(os.environ, GOFLAGS="-mod=readonly", GOWORK="off")
    subprocess.run([go_binary(), "build", "-o", program, "./database"], cwd=ROOT / "tests" / "oracle", env=env,
                   check=True, timeout=200)
    return program


def h1_mod(data):
    """The hash of a go.mod in go.sum."""
    line = f"{hashlib.sha256(data).hexdigest()}  go.mod\n".encode()
    return "h1:" + base64.b64encode(hashlib.sha256(line).digest()).decode()


def record(path, version, zip, mod):
    return f"{path} {version} {zip}\n{path} {version}/go.mod {mod}\n"


class Sumdb(Origin):
    def __init__(self, program, name=NAME, seed=SEED, port=0, tls=None):
        super().__init__(port=port, tls=tls)
        self.name = name
        self.sources = []
        self.known = {}  # history: {(path, version)}
        self.history = "main"
        self.at = 0  # how much of it is seen, 0 for all
        self.size = 0  # records in the history
        self.prefixes = []  # where it is mounted
        self.process = subprocess.Popen([program, name, seed], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.key = self.process.stdout.readline().decode().strip()

    @property
    def gosumdb(self):
        return f"{self.key} {self.url}"

    def __exit__(self, *_):
        self.stop()
        self.process.stdin.close()
        self.process.stdout.close()
        assert self.process.wait(30) == 0

    # -- what is in it

    def command(self, op, **more):
        with self.lock:  # reentrant
            more.setdefault("history", self.history)
            self.process.stdin.write(json.dumps(dict(op=op, **more)).encode() + b"\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
            assert line, "the database's program ended"
            answer = json.loads(line)
            self.size = answer["size"]
            answer["body"] = base64.b64decode(answer["body"] or "")
            return answer

    def add(self, path, version, zip=NO_HASH, mod=NO_HASH, text=None):
        """A record, by the text if there is one."""
        self.command("add", path=path, version=version, text=text or record(path, version, zip, mod))
        self.known.setdefault(self.history, set()).add((path, version))

    def know(self, tree):
        """Modules of which a record is made when somebody asks: Made or Cache."""
        self.sources.append(tree)
        return self

    def fill(self, count):
        """Records of modules that nobody asks for."""
        self.command("fill", size=count)

    def fork(self, at=0):
        """Another history, the same in the first `at` records. Goes back by setting `history`."""
        name = f"fork{len(self.known)}"
        self.command("fork", size=at, new=name)
        self.known[name] = set()
        self.history = name
        return name

    def get(self, path, size=0):
        """The right answer: what Origin wants of a tree."""
        return self.command("get", path=path, size=size)

    def latest(self, size=0):
        """The signed tree head, as of some size."""
        return self.get("/latest", size)["body"]

    def sign(self, text):
        """Any text as a note under the database's key."""
        return self.command("sign", text=text)["body"]

    # -- the script

    def alter(self, pattern, change, times=-1):
        """Right answers go through `change`."""

        def reply(request):
            right = self.from_tree(request)
            if right.status != 200:
                return right
            return Reply(200, change(right.body), type=right.type)

        return self.on(pattern, reply, times=times)

    def from_tree(self, request):
        path = urllib.parse.unquote(request.path)
        with self.lock:
            self.learn(path)
            found = self.get(path, self.at)
        return Reply(found["status"], found["body"], type=found["type"])

    def learn(self, path):
        m = re.fullmatch(r"/lookup/([^@]+)@([^@]+)", path)
        if not m or self.at:
            return
        name, version = unescape(m[1]), unescape(m[2])
        if (name, version) in self.known.get(self.history, ()):
            return
        for tree in self.sources:
            sums = sums_of(tree, name, version)
            if sums:
                self.add(name, version, *sums)
                return

    # -- under another origin

    def mount(self, origin):
        """Below /sumdb/NAME/ of an origin, with `supported`. Asked there, its rules hold (but for `raw`)
        and it counts requests, under the paths they would have here."""
        prefix = f"/sumdb/{self.name}"

        def reply(request):
            inner = request._replace(path=request.path[len(prefix):])
            if inner.path == "/supported":
                return Reply(200)
            rule = self.admit(inner)
            try:
                return self.reply(rule, inner)
            finally:
                self.leave()

        return origin.on("^" + re.escape(prefix) + "/", reply)


def sums_of(tree, path, version):
    """(h1 of the zip, of the go.mod) as the tree has them, or None. Where a cache never had the zip
    nobody can ask for it."""
    base = f"{escape(path)}/@v/{escape(version)}"
    mod = tree.get(base + ".mod")
    zip = tree.get(base + ".zip")
    if not isinstance(mod, bytes):
        return None
    return h1(zip) if isinstance(zip, bytes) else NO_HASH, h1_mod(mod)
