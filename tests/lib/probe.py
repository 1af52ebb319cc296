# SPDX-License-Identifier: Apache-2.0
"""src/http alone: its probe server (tests/http_probe.c) of a test's own."""

import os
import pathlib
import signal
import subprocess

from lib import h2, http, modgate

PROBE = os.environ.get("HTTP_PROBE") or str(pathlib.Path(modgate.binary()).parent / "http_probe")


class Probe:
    def __init__(self, folder, env=None, **keys):
        self.log = folder / "probe.log"
        with open(self.log, "wb") as err:
            self.process = subprocess.Popen(
                [PROBE, *(f"{k}={v}" for k, v in keys.items())], stdout=subprocess.PIPE, stderr=err, text=True,
                env={**os.environ, **(env or {})},
            )
        host, port = self.process.stdout.readline().strip().rsplit(":", 1)
        self.address = (host, int(port))

    def session(self, timeout=20):
        return http.Session(self.address, timeout)

    def client(self, **more):
        return h2.Client(self.address, **more)

    def get(self, target, headers=(), method="GET"):
        return http.request(self.address, target, headers, method)

    def number(self, target):
        return int(self.get(target).body)

    def counts(self):
        """What HTTP/2 came to."""
        lines = self.get("/h2").text.split()
        return {name: int(value) for name, value in (line.split("=") for line in lines)}

    def rss(self):
        for line in open(f"/proc/{self.process.pid}/status"):
            if line.startswith("VmRSS"):
                return int(line.split()[1]) * 1024

    def cpu(self):
        stat = open(f"/proc/{self.process.pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        out, _ = self.process.communicate(timeout=30)
        log = self.log.read_text(errors="replace")
        assert not modgate.TROUBLE.search(log), log[:6000]
        assert self.process.returncode == 0 and out == "drained\n", (self.process.returncode, out, log)
