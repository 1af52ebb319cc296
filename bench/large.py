# SPDX-License-Identifier: Apache-2.0
"""A store of 1,000,000 versions: how fast modgate starts on it, and what requests cost that are
spread evenly over all versions, so that hardly any is answered from the hot cache."""

import hashlib
import json
import os
import shutil
import sys
import time
from pathlib import Path
from statistics import median

import measure
import servers
import tree
from hot import number, table

MODULES = 20_000
VERSIONS = 50
FRESH_S = 1_700_000_000


def module(i):
    return f"large.example/owner{i % 500:03}/module{i:05}"


def version(i):
    return f"v1.{i}.0"


def record(kind, data, h1):
    return f'"{kind}":' + json.dumps(
        {
            "sha256": hashlib.sha256(data).hexdigest(),
            "size": len(data),
            "h1": h1,
            "origin": "https://mirror.example",
            "verified": "none",
            "fetched": FRESH_S,
        },
        separators=(",", ":"),
    )


def write(folder, name, data):
    fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644, dir_fd=folder)
    os.write(fd, data)
    os.utime(fd, (FRESH_S, FRESH_S))  # not as if it had come a moment ago
    os.close(fd)


def write_module(root, i):
    """The files that modgate's own commit leaves for a module of which no zip was asked for."""
    path = module(i)
    where = Path(root, "modules", path, "@v")
    where.mkdir(parents=True)
    mod = tree.go_mod(path, [("mod.example/dep/one", "v1.2.3"), ("mod.example/dep/two", "v0.1.0")])
    mod_record = record("mod", mod, tree.go_mod_hash(mod))
    folder = os.open(where, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for number_ in range(VERSIONS):
            name = version(number_)
            info = tree.info(name)
            head = f'"modgate":1,"of":"{path}@{name}","first_seen":{FRESH_S}'
            text = f'{{{head},\n{record("info", info, "")},\n{mod_record}}}\n'
            write(folder, f"{name}.provenance", text.encode())
            write(folder, f"{name}.info", info)
            write(folder, f"{name}.mod", mod)
        write(folder, "list", "".join(version(n) + "\n" for n in range(VERSIONS)).encode())
    finally:
        os.close(folder)


def in_halves(work):
    """work(first, step) in two processes."""
    child = os.fork()
    if child == 0:
        try:
            work(1, 2)
            os._exit(0)
        except BaseException as error:  # the parent sees the exit status
            print(error, file=sys.stderr)
            os._exit(1)
    work(0, 2)
    if os.waitpid(child, 0)[1] != 0:
        raise RuntimeError("the store could not be made")


def make_store(root, modules):
    def write_share(first, step):
        for i in range(first, modules, step):
            write_module(root, i)

    in_halves(write_share)


def read_all(root, modules):
    """Into the page cache: the row is about modgate, not about the disk."""

    def read_share(first, step):
        for i in range(first, modules, step):
            folder = Path(root, "modules", module(i), "@v")
            for entry in os.scandir(folder):
                if entry.name.endswith((".info", ".provenance")):
                    with open(entry.path, "rb") as file:
                        file.read()

    in_halves(read_share)


def targets_file(path, modules):
    size = len(tree.info(version(0)))  # of v1.0.0 … v1.9.0; one more from v1.10.0 on
    with open(path, "w") as out:
        for i in range(modules):
            for number_ in range(VERSIONS):
                length = size + (number_ >= 10)
                out.write(f"/{module(i)}/@v/{version(number_)}.info 200 {length}\n")
    return path


def start_times(options, work, store, count=5):
    """Seconds from exec to the first answer."""
    times = []
    path = f"/{module(1)}/@v/{version(1)}.info"
    for i in range(count):
        began = time.monotonic()
        with servers.modgate(options.modgate, work, "off", store, f"start{i}") as server:
            status, _ = server.wait_ready(path, pause=0.001)
            times.append(time.monotonic() - began)
            if status != 200:
                raise RuntimeError(f"{path}: status {status}")
    return median(times)


def measure_pair(options, server, targets):
    """CPU of the hot row and of the spread one, round by round, after every version was asked for
    once (which is the first round's own line)."""
    one = ["--get", f"/{module(1)}/@v/{version(1)}.info", "--status", "200"]
    spread = ["--targets", str(targets)]
    measure.load(options.load, server, one, 0.3, options.connections)
    every = measure.load(options.load, server, [*spread, "--once"], 300, options.connections)
    rounds = [("first", every)]
    for i in range(options.rounds):
        hot = measure.load(options.load, server, one, 1, options.connections)
        wide = measure.load(options.load, server, spread, 5, options.connections)
        rounds.append((f"round {i + 1}", wide, hot))
    return rounds


def describe(name, rounds, before, after):
    lines = []
    for what, wide, *rest in rounds:
        hot = rest[0]["cpu_us"] if rest else None
        lines.append(
            [f"{name}, {what}", number(hot) if hot else "", number(wide["cpu_us"])]
            + [f"{wide['cpu_us'] / hot:.2f}" if hot else "", number(wide["latency_us"]["p99"])]
            + [f"{wide['requests']:,}"]
        )
    lines.append(
        [f"{name}, memory (PSS)", "", f"{before / 1e6:.1f} → {after / 1e6:.1f} MB", "", "", ""]
    )
    return lines


def run(options, work):
    modules = options.large_modules
    print(f"  making a store of {modules * VERSIONS:,} versions …", file=sys.stderr, flush=True)
    store = tree.make(
        options.cache / f"large-{modules}",
        lambda root: make_store(root, modules),
    )
    os.sync()
    targets = targets_file(work / "targets", modules)
    lines = []
    start = start_times(options, work, store)
    print("  reading it once …", file=sys.stderr, flush=True)
    read_all(store, modules)
    in_memory = {"MODGATE_HOT_CACHE": "1GiB"}
    started = {
        "modgate": lambda: servers.modgate(options.modgate, work, "off", store),
        "modgate, hot-cache 1 GiB": lambda: servers.modgate(
            options.modgate, work, "off", store, env=in_memory
        ),
        "nginx buffered": lambda: servers.nginx(
            "nginx-buffered", work, store / "modules", sendfile="off"
        ),
    }
    for name, begin in started.items():
        print(f"  {name} …", file=sys.stderr, flush=True)
        with begin() as server:
            server.wait_ready()
            before = server.memory()[0]
            rounds = measure_pair(options, server, targets)
            lines += describe(name, rounds, before, server.memory()[0])
    head = ["", "hot .info, µs", "spread .info, µs", "ratio (goal ≤ 1.5)", "closed-loop p99, µs", "requests"]
    text = (
        f"Store of {modules * VERSIONS:,} versions. Start to the first answer, median of 5:"
        f" {start * 1000:.0f} ms (goal ≤ 200 ms).\n\n" + table(head, lines)
    )
    if not options.keep:
        shutil.rmtree(store)
    return text
