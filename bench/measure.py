# SPDX-License-Identifier: Apache-2.0
"""One measurement: the load generator against one server, and what the server's processes used."""

import json
import subprocess

from servers import CLIENT_CORE, HOST


class LoadFailed(Exception):
    pass


def load(generator, server, row_args, seconds, connections=64, rate=None):
    """The generator's report, with cpu_us (server, per request), client_us and busy (the share of
    its core that the server used) added."""
    argv = ["taskset", "-c", CLIENT_CORE, str(generator), *row_args]
    argv += ["--seconds", str(seconds), "--connections", str(connections)]
    if rate:
        argv += ["--rate", f"{rate:.0f}"]
    before = server.cpu_s()
    run = subprocess.run([*argv, HOST, str(server.port)], capture_output=True, text=True)
    used = server.cpu_s() - before
    if run.returncode != 0:
        raise LoadFailed(f"{server.name}: {run.stderr.strip()}")
    report = json.loads(run.stdout)
    report["cpu_us"] = used / report["requests"] * 1e6
    report["client_us"] = report["client_cpu_s"] / report["requests"] * 1e6
    report["busy"] = used / report["elapsed_s"]
    return report


def row_args(row, length):
    return ["--get", row.path, "--status", str(row.status), "--length", str(length)]
