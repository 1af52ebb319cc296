# SPDX-License-Identifier: Apache-2.0
"""The rows: every server answers the same requests from what it has stored."""

import sys
from statistics import median

import measure
import servers
import tree
from rows import ROWS

NGINX = ("nginx sendfile", "nginx buffered")
ALL = ("modgate", *NGINX, "nginx return", "goproxy")


def start(names, options, work, upstream):
    """The servers asked for. nginx reads the upstream's tree itself: the same files in the layout of
    modgate's store."""
    found = {}
    fixed = [(row.path, row.status, 64) for row in ROWS if row.floor]
    for name in names:
        if name == "modgate":
            env = {"GOSUMDB": (upstream / "key").read_text()}
            store = work / "store"
            server = servers.modgate(options.modgate, work, f"file://{upstream}", store, env=env)
        elif name == "nginx sendfile":
            server = servers.nginx("nginx-sendfile", work, upstream)
        elif name == "nginx buffered":
            server = servers.nginx("nginx-buffered", work, upstream, sendfile="off")
        elif name == "nginx return":
            server = servers.nginx("nginx-return", work, upstream, fixed=fixed)
        else:
            binary = servers.goproxy_build(options.cache)
            server = servers.goproxy(binary, work, f"file://{upstream}")
        found[name] = server
    return found


def fill(server, row):
    """Asks once, so that the server has it; the answer's length. The first answer may be slow."""
    status, body = servers.ask(server.port, row.path)
    if status != row.status:
        raise measure.LoadFailed(f"{server.name}: {row.path}: status {status}: {body[:200]!r}")
    return len(body)


def measure_row(row, running, options):
    """A, B, C, A, B, C, …: what else the machine does hits all servers alike."""
    results = {name: [] for name in running}
    lengths = {name: fill(server, row) for name, server in running.items()}
    seconds = row.seconds * options.seconds
    for name, server in running.items():
        args = measure.row_args(row, lengths[name])
        measure.load(options.load, server, args, 0.2, options.connections)
    for _ in range(options.rounds):
        for name, server in running.items():
            args = measure.row_args(row, lengths[name])
            full = measure.load(options.load, server, args, seconds, options.connections)
            part = measure.load(
                options.load, server, args, seconds, options.connections, 0.7 * full["rate"]
            )
            results[name].append({"full": full, "part": part})
    return results


def measure_all(options, work):
    """row name -> server name -> rounds."""
    upstream = tree.make(options.cache / "upstream", tree.rows_tree)
    running = start(options.servers, options, work, upstream)
    results = {}
    try:
        for server in running.values():
            server.wait_ready()
        for row in ROWS:
            if options.only and row.name not in options.only:
                continue
            without = {"nginx return": not row.floor, "goproxy": not row.goproxy}
            chosen = {n: s for n, s in running.items() if not without.get(n)}
            print(f"  {row.name} …", file=sys.stderr, flush=True)
            results[row.name] = measure_row(row, chosen, options)
    finally:
        for server in running.values():
            server.stop()
    return results


# --- report ---


def middle(rounds, phase, *keys):
    values = []
    for entry in rounds:
        value = entry[phase]
        for key in keys:
            value = value[key]
        values.append(value)
    return median(values)


def cost(row, entry):
    """What one round is compared by. A large body moves through loopback TCP in steps that either
    side's system calls may carry out: whose CPU they are charged to is chance, only the sum is not."""
    full = entry["full"]
    return full["cpu_us"] + full["client_us"] if row.both else full["cpu_us"]


def best_nginx(row, result):
    """The nginx configuration that needs less CPU for this row."""
    known = [name for name in NGINX if name in result]
    if not known:
        return None
    return min(known, key=lambda name: median(cost(row, entry) for entry in result[name]))


def ratio(row, result, other):
    """Median over the rounds of modgate's CPU over the other's in the same round."""
    if "modgate" not in result or other not in result:
        return None
    pairs = zip(result["modgate"], result[other])
    return median(cost(row, a) / cost(row, b) for a, b in pairs)


def against(value, goal):
    if value is None:
        return "–"
    if goal is None:
        return f"{value:.2f}"
    return f"{value:.2f} (≤ {goal}: {'yes' if value <= goal else '**no**'})"


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def table(head, lines):
    out = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    out += ["| " + " | ".join(line) + " |" for line in lines]
    return "\n".join(out) + "\n"


def cpu_table(results, names):
    lines = []
    for row in ROWS:
        if row.name not in results:
            continue
        result = results[row.name]
        cells = [number(middle(result[n], "full", "cpu_us")) if n in result else "–" for n in names]
        best = ratio(row, result, best_nginx(row, result))
        sendfile = ratio(row, result, "nginx sendfile")
        lines.append([row.name, *cells, against(best, row.best), against(sendfile, row.sendfile)])
        if row.both:
            sums = [
                number(median(cost(row, e) for e in result[n])) if n in result else "–" for n in names
            ]
            lines.append([f"{row.name}, server + client", *sums, "", ""])
    return table(["row", *names, "modgate ÷ better nginx", "modgate ÷ nginx sendfile"], lines)


def latency_table(results, names):
    lines = []
    for name, result in results.items():
        cells = []
        for server in names:
            if server not in result:
                cells.append("–")
                continue
            us = [middle(result[server], "part", "latency_us", q) for q in ("p50", "p99", "p999")]
            rate = middle(result[server], "part", "rate")
            cells.append(" / ".join(number(v) for v in us) + f" at {number(rate)}")
        lines.append([name, *cells])
    return table(["row", *names], lines)


def rate_table(results, names):
    """Requests a second, only where the server's core was the limit."""
    lines = []
    for name, result in results.items():
        cells = []
        for server in names:
            if server not in result:
                cells.append("–")
                continue
            busy = middle(result[server], "full", "busy")
            rate = number(middle(result[server], "full", "rate"))
            client = number(middle(result[server], "full", "client_us"))
            shown = rate if busy >= 0.97 else f"({busy * 100:.0f} % busy)"
            cells.append(f"{shown}; {client}")
        lines.append([name, *cells])
    return table(["row", *names], lines)


def report(results, options):
    names = [name for name in ALL if name in options.servers]
    return "\n".join(
        [
            f"Server CPU, µs per request ({options.connections} connections, closed loop;"
            f" median of {options.rounds} rounds):\n",
            cpu_table(results, names),
            "Latency at 70 % of the server's own maximum, µs: p50 / p99 / p99.9 at requests/s:\n",
            latency_table(results, names),
            "Requests/s where the server's core was ≥ 97 % busy; client CPU µs per request:\n",
            rate_table(results, names),
        ]
    )


def run(options, work):
    return report(measure_all(options, work), options)
