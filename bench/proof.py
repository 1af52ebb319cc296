# SPDX-License-Identifier: Apache-2.0
"""What proof costs: the CPU of all of modgate for artifacts that it gets and stores, with the checksum
database and without, in one run. Its tiles and lookups are in the store already; modules come from
files, everything is kept on tmpfs, nothing is fetched ahead. The .mod of each module comes before its
zip, as the go command asks for them."""

import hashlib
import http.client
import shutil
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from statistics import median

import servers
import sumtree
import tree
from hot import table

SMALL, LARGE = 240, 4
SIZES = {"small": 60 * 1024, "large": 7_300_000}
ROUNDS = 5
MOD_GOAL_US = 300
ZIP_GOAL = 1.15


def names(kind):
    return [f"proof.example/{kind}{i:03}" for i in range({"small": SMALL, "large": LARGE}[kind])]


def proof_tree(root):
    requires = [(f"proof.example/dep/d{i:02}", f"v1.{i}.0") for i in range(20)]
    for kind, size in SIZES.items():
        for name in names(kind):
            tree.add_module(root, name, ["v1.0.0"], size, requires)
    with tempfile.TemporaryDirectory() as work:
        sumtree.add(root, Path(work))


def get_all(server, kind, artifact):
    """CPU of the server and seconds, per artifact."""
    connection = http.client.HTTPConnection(servers.HOST, server.port, timeout=60)
    took = []
    before = server.cpu_s()
    for name in names(kind):
        began = time.perf_counter()
        connection.request("GET", f"/{name}/@v/v1.0.0.{artifact}")
        answer = connection.getresponse()
        body = answer.read()
        took.append(time.perf_counter() - began)
        if answer.status != 200:
            raise RuntimeError(f"{name}.{artifact}: {answer.status}: {body[:200]!r}")
    connection.close()
    return (server.cpu_s() - before) / len(took), median(took)


def one_round(options, work, upstream, known):
    """(kind, artifact) -> (CPU, seconds). known: what a store knows of the database; None: no proof."""
    store = Path(tempfile.mkdtemp(prefix="store-", dir=work))
    if known:
        shutil.copytree(known, store / "sumdb")
    env = {"GOSUMDB": (upstream / "key").read_text() if known else "off", "MODGATE_PREFETCH": "false"}
    with servers.modgate(options.modgate, work, f"file://{upstream}", store, env=env) as server:
        server.wait_ready("/livez")
        servers.ask(server.port, "/proof.example/none/@v/v1.0.0.mod")  # its threads are there then
        found = {(k, a): get_all(server, k, a) for a in ("mod", "zip") for k in SIZES}
    shutil.rmtree(store)
    return found


def learn(options, work, upstream):
    """The folder with all that a store knows of the database once everything was proven."""
    store = Path(work, "known")
    env = {"GOSUMDB": (upstream / "key").read_text(), "MODGATE_PREFETCH": "false"}
    with servers.modgate(options.modgate, work, f"file://{upstream}", store, env=env) as server:
        server.wait_ready("/livez")
        for kind in SIZES:
            get_all(server, kind, "mod")
    return store / "sumdb"


def hash_and_inflate(upstream, kind):
    """CPU of the least that anybody has to do with a zip: SHA-256 of its bytes, and of the content of
    its files. In libcrypto and zlib, as modgate does."""
    used = []
    for name in names(kind):
        path = upstream / name / "@v" / "v1.0.0.zip"
        began = time.process_time()
        hashlib.sha256(path.read_bytes()).digest()
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                hashlib.sha256(archive.read(entry)).digest()
        used.append(time.process_time() - began)
    return sum(used) / len(used)


def us(seconds):
    return f"{seconds * 1e6:,.0f}"


def line(title, without, proven, least=None):
    """Medians, and the median of what proof added in each round."""
    added = median(p[0] - w[0] for w, p in zip(without, proven))
    later = median(p[1] - w[1] for w, p in zip(without, proven))
    cells = [title, us(median(w[0] for w in without)), us(median(p[0] for p in proven)), us(added)]
    if least is None:
        return [*cells, us(later), "", f"+{added * 1e3:.2f} ms (≤ +{MOD_GOAL_US / 1e3:.1f} ms)"]
    return [*cells, us(later), us(least), f"{(least + added) / least:.2f} (≤ {ZIP_GOAL})"]


def run(options, work):
    upstream = tree.make(options.cache / "proof", proof_tree)
    memory = Path(tempfile.mkdtemp(prefix="modgate-bench-", dir="/dev/shm"))
    without, proven = [], []
    least = {kind: [] for kind in SIZES}
    try:
        known = learn(options, memory, upstream)
        for _ in range(ROUNDS):
            print("  a round …", file=sys.stderr, flush=True)
            without.append(one_round(options, memory, upstream, None))
            proven.append(one_round(options, memory, upstream, known))
            for kind in SIZES:
                least[kind].append(hash_and_inflate(upstream, kind))
    finally:
        shutil.rmtree(memory, ignore_errors=True)

    def of(*key):
        return [r[key] for r in without], [r[key] for r in proven]

    lines = [
        line(".mod, 0.6 KB", *of("small", "mod")),
        line("zip 60 KB", *of("small", "zip"), median(least["small"])),
        line("zip 7.3 MB", *of("large", "zip"), median(least["large"])),
    ]
    head = ["got and stored", "unproven", "proven", "proof", "proof, elapsed", "hash + inflate", "goal"]
    return (
        f"What proof costs, in µs of CPU of all processes an artifact, median of {ROUNDS} rounds;"
        " tiles and lookups warm. Goal of a zip: hash + inflate + proof over hash + inflate:\n\n"
        + table(head, lines)
    )
