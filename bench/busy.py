# SPDX-License-Identifier: Apache-2.0
"""Latency of hits while modgate is busy with other things: 200 cold fetches, 16 at a time, over and over, and one
300 MB zip on its way through. All of modgate on core 0; the clients and the upstream (nginx) on core 1, where the
load generator goes before the others, as we measure modgate and not them."""

import json
import subprocess
from statistics import median

import servers
import tree
from hot import table
from measure import LoadFailed

HIT = "/mod.example/hit/@v/v1.0.0.mod"
LARGE = "/mod.example/large/@v/v1.0.0.zip"
COLD = 200
RATE = 5000  # hits a second: a quarter of a core for the generator
SECONDS = 1


def busy_tree(root):
    tree.add_module(root, "mod.example/hit", ["v1.0.0"], 16 * 1024)
    tree.add_module(root, "mod.example/large", ["v1.0.0"], 300_000_000)
    for i in range(COLD):
        tree.add_module(root, f"mod.example/cold/m{i:03}", ["v1.0.0"], (20 + i) * 1024)


def generator(options, port, args, nice=0):
    argv = ["nice", "-n", str(nice), "taskset", "-c", servers.CLIENT_CORE, str(options.load), *map(str, args)]
    return subprocess.Popen([*argv, servers.HOST, str(port)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def report(process):
    out, err = process.communicate()
    if process.returncode:
        raise LoadFailed(err.strip())
    return json.loads(out)


def hits(options, server, upstream):
    length = (upstream / HIT.lstrip("/")).stat().st_size
    args = ["--get", HIT, "--length", length, "--rate", RATE, "--seconds", SECONDS, "--connections", 32]
    return generator(options, server.port, args, nice=-10)


def targets(file, paths, upstream):
    """A list for the load generator: path, status, length."""
    file.write_text("".join(f"{p} 200 {(upstream / p.lstrip('/')).stat().st_size}\n" for p in paths))
    return file


def one_round(options, work, upstream, url, number):
    cold = [f"/{f.relative_to(upstream)}" for f in sorted(upstream.glob("mod.example/cold/*/@v/*.zip"))]
    lists = {"cold": targets(work / "cold", cold, upstream), "large": targets(work / "large", [LARGE], upstream)}
    found = {}
    with servers.modgate(options.modgate, work, url, work / f"store-{number}") as server:
        server.wait_ready()
        servers.ask(server.port, HIT)
        found["quiet"] = report(hits(options, server, upstream))
        others = {
            name: generator(options, server.port, ["--targets", file, "--once", "--connections", n, "--seconds", 60])
            for (name, file), n in zip(lists.items(), (16, 1))
        }
        measured = hits(options, server, upstream)
        for name, process in others.items():
            found[name] = report(process)
        found["busy"] = report(measured)
    return found


def run(options, work):
    upstream = tree.make(options.cache / "busy", busy_tree)
    with servers.nginx("nginx-upstream", work, upstream) as origin:
        origin.wait_ready()
        subprocess.run(["taskset", "-a", "-p", "-c", servers.CLIENT_CORE, str(origin.process.pid)], check=True,
                       stdout=subprocess.DEVNULL)
        rounds = [one_round(options, work, upstream, f"http://{servers.HOST}:{origin.port}", n)
                  for n in range(options.rounds)]
    lines = []
    for q in ("p50", "p99", "p999"):
        quiet, busy = (median(r[phase]["latency_us"][q] for r in rounds) for phase in ("quiet", "busy"))
        ratio = median(r["busy"]["latency_us"][q] / r["quiet"]["latency_us"][q] for r in rounds)
        lines.append([q, f"{quiet:.0f}", f"{busy:.0f}", f"{ratio:.2f}" + (" (≤ 2)" if q == "p99" else "")])
    took = ", ".join(f"{name} {median(r[name]['elapsed_s'] for r in rounds):.2f} s" for name in ("cold", "large"))
    return (f"Hits ({RATE:,}/s) while {COLD} cold fetches and a 300 MB zip run ({took}), µs, median of "
            f"{options.rounds}:\n\n" + table(["", "quiet", "busy", "ratio (goal)"], lines))
