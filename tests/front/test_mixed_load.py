# SPDX-License-Identifier: Apache-2.0
"""Everything that may be asked, in every way, over every protocol, while so many upstream
requests fail that one in a hundred of all would: no byte is ever wrong, and neither memory nor descriptors grow.
tests/oracle/load asks and compares."""

import io
import json
import os
import random
import subprocess
import threading
import time
import zipfile

import pytest

from lib import certs
from lib.gocmd import ROOT, go_binary
from lib.modgate import sanitized
from lib.origin import Origin, Reply, reset
from lib.ports import free_port
from lib.tree import Made


class Unreliable(Origin):
    """Errs three times in twenty requests: an error status, no answer, half of one, one changed byte, a pause."""

    def __init__(self, tree, rng):
        super().__init__(tree)
        self.rng = rng
        self.faults = 0

    def admit(self, request):
        with self.lock:
            if not self.rules and self.rng.random() < 0.15:
                self.faults += 1
                fault = self.rng.choice([self.status, self.nothing, self.half, self.changed, self.pause])
                self.rules = [fault()]
                try:
                    return super().admit(request)
                finally:
                    self.rules = []
            return super().admit(request)

    def once(self, **how):
        rule = self.on("", **how)
        self.rules = []
        return rule

    def status(self):
        return self.once(reply=Reply(self.rng.choice([500, 502, 503])))

    def nothing(self):
        return self.once(raw=lambda conn, request: reset(conn))

    def half(self):
        def raw(conn, request):
            data = self.from_tree(request).bytes(request)
            conn.sendall(data[: len(data) // 2])
            reset(conn)

        return self.once(raw=raw)

    def changed(self):
        """Where a hash covers it: not in what describes a version, not in the zip's own book-keeping."""

        def reply(request):
            right = self.from_tree(request)
            body = bytearray(right.body)
            at = 0
            if right.status == 200 and request.path.endswith(".zip"):
                with zipfile.ZipFile(io.BytesIO(body)) as z:
                    last = z.infolist()[-1]
                    at = z.start_dir - 1 - self.rng.randrange(last.compress_size)
            elif right.status != 200 or not request.path.endswith(".mod"):
                return right
            body[at] ^= 1 << self.rng.randrange(8)
            return Reply(200, bytes(body), type=right.type)

        return self.once(reply=reply)

    def pause(self):
        return self.once(reply=lambda request: time.sleep(self.rng.random() / 2))


@pytest.fixture(scope="session")
def load_program(tmp_path_factory):
    program = tmp_path_factory.mktemp("load") / "load"
    subprocess.run([go_binary(), "build", "-o", program, "./load"], cwd=ROOT / "tests" / "oracle",
                   env=dict(os.environ, GOFLAGS="-mod=readonly", GOWORK="off"), check=True, timeout=200)
    return program


def stock(tree, rng, modules):
    for i in range(modules):
        path = f"example.com/m{i}"
        size = rng.choice([100, 3000, 3000, 40_000, 40_000, 300_000])
        tree.add(path, f"v1.0.{i}", files={"noise": rng.randbytes(size)})
        tree.latest(path, f"v1.0.{i}")
    tree.add("example.com/large", "v1.0.0", files={"noise": rng.randbytes(12_000_000)})
    return tree


def plan(tree, folder, rng, seed, requests, servers, authority):
    paths = [n for n in tree.files if n.endswith((".info", ".mod", ".zip"))]
    rng.shuffle(paths)
    paths.sort(key=lambda n: "large" in n)  # among those that are seldom asked for
    return json.dumps({
        "Seed": seed, "Requests": requests, "Workers": 32, "CA": str(authority.pem), "Folder": str(tree.write(folder)),
        "Servers": [{"URL": url, "Protocol": protocol} for url, protocol in servers],
        "Paths": paths, "Lists": [n for n in tree.files if n.endswith(("list", "@latest"))],
        "Absent": [f"example.com/absent{i}/@v/list" for i in range(20)],
    })


class Watch(threading.Thread):
    """Memory and descriptors while something runs."""

    def __init__(self, m):
        super().__init__(daemon=True)
        self.m, self.marks, self.over = m, [], threading.Event()

    def run(self):
        while not self.over.wait(0.2):
            pids = self.m.children().values()
            self.marks.append((self.m.rss() >> 20, sum(len(os.listdir(f"/proc/{p}/fd")) for p in pids)))

    def third(self, n):
        """The most of each in the n-th third."""
        part = self.marks[n * len(self.marks) // 3 : (n + 1) * len(self.marks) // 3]
        return tuple(max(m[i] for m in part) for i in (0, 1))


def mixed(tmp_path, modgate_of, sumdb, load_program, requests, modules):
    seed = int(os.environ.get("SOAK_SEED", time.time_ns() % 1_000_000))
    print(f"SOAK_SEED={seed}")
    rng = random.Random(seed)
    tree = stock(Made(), rng, modules)
    sumdb.know(tree)
    authority = certs.Authority(tmp_path / "authority")
    pair = authority.issue("localhost", ["DNS:localhost", "IP:127.0.0.1"])
    secure, clear = free_port(), free_port()
    with Unreliable(tree, rng) as origin:
        m = modgate_of(
            # What was freed is kept by ASan, else up to 256 MiB a process: memory would be level only after hours.
            origin.url, env={"GOSUMDB": sumdb.gosumdb, "ASAN_OPTIONS": "halt_on_error=1:detect_leaks=1:quarantine_size_mb=8"},
            config="list:\n  fresh: 1s\n  stale: 1s\nfetch:\n  down: 1s\nupstream:\n  breaker-open: 1s\nstream:\n  above: 100KiB\n",
            args=["--listen", f"https://127.0.0.1:{secure}", "--tls-cert", str(pair.cert), "--tls-key", str(pair.key),
                  "--listen", f"h2c://127.0.0.1:{clear}"])
        servers = [(m.url, "http/1.1"), (f"https://127.0.0.1:{secure}", "http/1.1"),
                   (f"https://127.0.0.1:{secure}", "h2"), (f"http://127.0.0.1:{clear}", "h2")]
        text = plan(tree, tmp_path / "truth", rng, seed, requests, servers, authority)
        watch = Watch(m)
        watch.start()
        done = subprocess.run([load_program], input=text, capture_output=True, text=True, timeout=7200)
        watch.over.set()
        watch.join()
        assert done.returncode == 0, done.stderr
        report = json.loads(done.stdout)
    counts = report["Counts"]
    print(f"{requests} requests in {report['Seconds']:.0f} s, {origin.faults} faults upstream; "
          f"MiB and descriptors by thirds: {[watch.third(n) for n in range(3)]}")
    for kind, outcomes in counts.items():
        print(f"  {kind}: {outcomes}")
    assert not report["Wrongs"], "\n".join(report["Wrong"])
    assert sum(sum(c.values()) for c in counts.values()) == requests
    return watch, counts, origin


def failures(counts):
    return sum(n for c in counts.values() for outcome, n in c.items() if outcome not in ("right", "cancelled"))


def test_every_byte_of_a_mixed_load_is_right(tmp_path, modgate_of, sumdb, load_program):
    _, counts, origin = mixed(tmp_path, modgate_of, sumdb, load_program, 20_000, 400)
    assert origin.faults
    assert failures(counts) < 1_000


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_a_million_mixed_requests(tmp_path, modgate_of, sumdb, load_program):
    requests = 100_000 if sanitized() else 1_000_000
    watch, counts, _ = mixed(tmp_path, modgate_of, sumdb, load_program, requests, requests // 400)
    assert failures(counts) < requests // 50
    (_, _), (memory, descriptors), (memory_after, descriptors_after) = (watch.third(n) for n in range(3))
    assert memory_after <= memory * 1.1 + 8
    assert descriptors_after <= descriptors + 16
