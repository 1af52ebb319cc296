# SPDX-License-Identifier: Apache-2.0
"""Cold `go mod download all`: through an empty modgate against straight from the same upstream, which
answers 20 ms or 0 ms late; and through nginx as a mere cache, which proves and syncs nothing. Caches and
stores on tmpfs. The checksum database is reached through the upstream, by all."""

import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import servers
import sumtree
import tree
from hot import table

MODULES = 120
ROUNDS = 5
UPSTREAM = Path(__file__).with_name("slow_upstream.py")


def name(i):
    return f"cold.example/owner{i % 10}/module{i:03}"


def cold_tree(root):
    """Modules that require modules of higher number, some in an older version than others do, so that
    the go command walks a graph. Half are older than graph pruning (go 1.17)."""
    rng = random.Random("cold")
    versions = ["v1.0.0", "v1.1.0", "v1.2.0"]
    for i in range(MODULES):
        after = list(range(i + 1, min(i + 25, MODULES)))
        picked = sorted(rng.sample(after, min(5, len(after))))
        requires = [(name(n), rng.choice(versions)) for n in picked]
        go = "1.16" if i % 2 else "1.21"
        tree.add_module(root, name(i), versions, rng.randrange(8, 120) * 1024, requires, go)
    with tempfile.TemporaryDirectory() as work:
        sumtree.add(root, Path(work))


def project(folder):
    """Requires every module, as `go mod tidy` leaves a go.mod."""
    folder.mkdir()
    lines = "".join(f"\t{name(i)} v1.2.0\n" for i in range(MODULES))
    (folder / "go.mod").write_text(f"module cold.example/project\n\ngo 1.21\n\nrequire (\n{lines})\n")
    return folder


def download(work, proxy, gosumdb):
    """Seconds of one cold `go mod download all`."""
    folder = Path(tempfile.mkdtemp(prefix="go-", dir=work))
    where = project(folder / "project")
    env = {
        **os.environ,
        "GOPROXY": proxy,
        "GOSUMDB": gosumdb,
        "GOPATH": str(folder / "gopath"),
        "GOFLAGS": "-modcacherw -mod=mod",
        "GOMODCACHE": str(folder / "modcache"),
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
    }
    began = time.monotonic()
    subprocess.run(["go", "mod", "download", "all"], cwd=where, env=env, check=True)
    took = time.monotonic() - began
    found = (where / "go.sum").read_text()
    shutil.rmtree(folder)
    return took, found


def requests_of(port):
    return int(servers.ask(port, "/requests")[1])


def compare(options, work, upstream_tree, delay_ms, proven):
    key = (upstream_tree / "key").read_text()
    gosumdb = key if proven else "off"
    port = servers.free_port()
    argv = [sys.executable, str(UPSTREAM), str(upstream_tree), str(port), str(delay_ms)]
    direct, through, cached, asked = [], [], [], []
    every_core = f"0-{os.cpu_count() - 1}"
    with servers.Server("upstream", argv, port, work, core=every_core) as upstream:
        upstream.wait_ready("/requests")
        url = f"http://{servers.HOST}:{port}"
        for _ in range(ROUNDS):
            before = requests_of(port)
            took, sums = download(work, url, gosumdb)
            middle = requests_of(port)
            direct.append(took)
            store = Path(tempfile.mkdtemp(prefix="store-", dir=work))
            env = {"GOSUMDB": gosumdb}
            with servers.modgate(options.modgate, work, url, store, core=every_core, env=env) as server:
                server.wait_ready("/livez")
                through_url = f"http://{servers.HOST}:{server.port}"
                took, sums_through = download(work, through_url, gosumdb)
            if sums != sums_through:
                raise RuntimeError("go.sum through modgate is another than without")
            through.append(took)
            asked.append((requests_of(port) - middle) / (middle - before))
            shutil.rmtree(store)
            with servers.nginx_cache(work, f"{servers.HOST}:{port}", every_core) as server:
                server.wait_ready("/livez")
                cached.append(download(work, f"http://{servers.HOST}:{server.port}", gosumdb)[0])
            shutil.rmtree(work / "nginx-cache")
    ratio = median(b / a for a, b in zip(direct, through))
    goal = ("≤ 0.5" if delay_ms else "≤ 1.05") if proven else "no goal"
    return [
        f"{delay_ms} ms, GOSUMDB {'on' if proven else 'off'}",
        f"{median(direct):.2f} s",
        f"{median(through):.2f} s",
        f"{ratio:.2f} ({goal})",
        f"{median(b / a for a, b in zip(direct, cached)):.2f}",
        f"{median(asked):.2f} (≤ 1.3)",
    ]


def run(options, work):
    upstream_tree = tree.make(options.cache / "cold-proven", cold_tree)
    memory = Path(tempfile.mkdtemp(prefix="modgate-bench-", dir="/dev/shm"))
    try:
        lines = [
            compare(options, memory, upstream_tree, delay_ms, proven)
            for proven in (True, False)
            for delay_ms in (20, 0)
        ]
    finally:
        shutil.rmtree(memory, ignore_errors=True)
    head = ["upstream answers after", "direct", "through modgate", "ratio (goal)"]
    head += ["nginx proxy_cache ÷ direct", "upstream requests"]
    return (
        f"Cold `go mod download all` of {MODULES} modules, median of {ROUNDS}:\n\n"
        + table(head, lines)
    )
