# SPDX-License-Identifier: Apache-2.0
"""Ports for servers of tests: each is given once, and stays its server's over restarts."""

import os
import pathlib
import random
import re
import socket


def below_ephemeral():
    """What the kernel never gives to a connection or to a bind of port 0, shared out among the workers of a run."""
    first = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    count = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    worker = int(re.sub(r"\D", "", os.environ.get("PYTEST_XDIST_WORKER", "0")))
    ports = [p for p in range(10_000, first) if p % count == worker]
    random.shuffle(ports)  # for runs side by side
    return iter(ports)


PORTS = below_ephemeral()


def free_port():
    for port in PORTS:
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise AssertionError("no port is free")
