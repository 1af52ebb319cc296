#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""power_loss.py [--disk ext4|xfs] [--delays 0,6,30] [-- COMMAND...]: does a Go module proxy keep what it has
acknowledged when the power goes?

For each delay, on a file system of its own: the proxy is started, a module's .info, .mod and .zip are asked for until
each is answered 200 and right; the proxy is killed; that many seconds later the power goes; the disk is mounted again,
the proxy started again, its upstream gone. A line a delay, of which each word is one of

    kept      what was acknowledged is served, with the same bytes
    lost      it is not served any more; with an upstream it would be fetched again
    WRONG     200, with other bytes than before: cut short, or none

COMMAND serves modules over HTTP in the foreground; {store} in it is an empty folder on the file system, {port} the port
to listen on, {goproxy} its upstream. Default: build/modgate. Another proxy, for example:

    power_loss.py -- env ATHENS_STORAGE_TYPE=disk ATHENS_DISK_STORAGE_ROOT={store} ATHENS_PORT=127.0.0.1:{port} \\
        'ATHENS_GO_BINARY_ENV_VARS=GOPROXY={goproxy};GOSUMDB=off;GOFLAGS=-modcacherw' athens-proxy

The exit code is 0 if all was kept, 1 if not. Needs root (it mounts loop devices), e2fsprogs and xfsprogs.
"""

import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import time
import zipfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from lib import http  # noqa: E402
from lib.disk import KINDS, Disk, why_not  # noqa: E402
from lib.modgate import binary  # noqa: E402
from lib.ports import free_port
from lib.origin import Origin  # noqa: E402
from lib.tree import Made, h1  # noqa: E402

MODGATE = [binary(), "serve", "--listen", "127.0.0.1:{port}", "--store", "{store}/modgate"]
ENDS = ("info", "mod", "zip")
MODULE = "/example.com/m/@v/v1.0.0."


class Proxy:
    """The program that is judged, from start to kill -9."""

    def __init__(self, command, folder, store, goproxy, env=None):
        self.command, self.store, self.goproxy, self.env = command, store, goproxy, env or {}
        self.home = folder / "home"
        self.home.mkdir(parents=True, exist_ok=True)
        self.log = folder / "log"
        self.process = None

    def start(self):
        self.port = free_port()
        words = {"{store}": str(self.store), "{port}": str(self.port), "{goproxy}": self.goproxy}
        argv = []
        for word in self.command:
            for name, value in words.items():
                word = word.replace(name, value)
            argv.append(word)
        env = {"PATH": os.environ["PATH"], "HOME": str(self.home), "GOPROXY": self.goproxy, "GOSUMDB": "off",
               "ASAN_OPTIONS": "detect_leaks=0", **self.env}
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(argv, env=env, cwd=self.home, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=subprocess.STDOUT, start_new_session=True)
        return self

    def get(self, target):
        """The answer; None if there is none."""
        try:
            return http.request(("127.0.0.1", self.port), target, timeout=60)
        except OSError:
            return None

    def wait_ready(self, seconds=30):
        """Until it answers anything at all."""
        end = time.monotonic() + seconds
        while self.get("/") is None:
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{self.command[0]} does not answer:\n" + self.log.read_text(errors="replace")[-3000:])
            time.sleep(0.02)
        return self

    def kill(self):
        if self.process is not None:
            if self.process.poll() is None:
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.process = None


def is_right(target, body, want):
    """Some proxies write their own .info and pack zips anew."""
    try:
        if target.endswith(".info"):
            return json.loads(body)["Version"] == json.loads(want)["Version"]
        return h1(body) == h1(want) if target.endswith(".zip") else body == want
    except (ValueError, KeyError, zipfile.BadZipFile):
        return False


def acknowledged(proxy, target, want, seconds=60):
    """Asks until the answer is 200 and right; -> the body"""
    end = time.monotonic() + seconds
    while True:
        answer = proxy.get(target)
        if answer is not None and answer.status == 200 and is_right(target, answer.body, want):
            return answer.body
        if time.monotonic() > end:
            raise RuntimeError(f"{target} is never answered 200 and right, but {answer}")
        time.sleep(0.1)


def judge(proxy, target, want):
    answer = proxy.get(target)
    if answer is None or answer.status != 200:
        return "lost"
    return "kept" if answer.body == want else f"WRONG ({len(answer.body)} bytes)"


class Trial:
    """One disk with one module, on its way to a power cut and beyond."""

    def __init__(self, folder, image, kind, delay, command, tree, env):
        self.delay, self.tree = delay, tree
        folder.mkdir()
        self.disk = Disk(folder, kind, image=image)
        self.proxy = Proxy(command, folder, self.disk.mount / "store", None, env)

    def fill(self, goproxy):
        """The proxy is gone when the last answer is here: it can do nothing more for what it promised."""
        self.proxy.goproxy = goproxy
        self.disk.__enter__()
        self.proxy.store.mkdir()
        subprocess.run(["sync", "-f", self.proxy.store], check=True)
        try:
            self.proxy.start().wait_ready()
            self.answers = {end: acknowledged(self.proxy, MODULE + end, self.tree.files[(MODULE + end)[1:]]) for end in ENDS}
            self.at = time.monotonic()
        finally:
            self.proxy.kill()

    def cut(self):
        time.sleep(max(0.0, self.at + self.delay - time.monotonic()))
        self.disk.lose_power()
        self.really = time.monotonic() - self.at

    def judge(self, watch):
        """{end: verdict} of what is there after the restart. The upstream must be gone."""
        self.disk.mount_again()
        try:
            self.proxy.start().wait_ready()
            found = {end: judge(self.proxy, MODULE + end, body) for end, body in self.answers.items()}
            if watch is not None:
                watch(self.proxy)
        finally:
            self.proxy.kill()
        return Outcome(self.delay, self.really, found)


# delay: asked for; really: when the cut was over, in seconds since the last answer
Outcome = collections.namedtuple("Outcome", "delay really verdicts")


def made():
    noise = {f"f{i}.go": f"package m\n// {os.urandom(2000).hex()}\n" for i in range(5)}
    return Made().add("example.com/m", "v1.0.0", files=noise)


def sweep(folder, kind, delays, command=None, tree=None, env=None, others=(), watch=None, at_once=61):
    """Yields an Outcome for each delay, many disks waiting together. After its restart the proxy has neither its
    upstream nor any of the other origins; watch(proxy) looks at it then."""
    folder, tree, lock = pathlib.Path(folder), tree or made(), threading.Lock()
    image = folder / "image"
    Disk(folder, kind, name=kind).image.rename(image)

    def run(trial, goproxy):
        with lock:
            trial.fill(goproxy)
            if trial.delay == 0:
                trial.cut()
        if trial.delay != 0:
            trial.cut()

    # Those that wait longest are filled first.
    delays = sorted(delays, reverse=True)
    for first in range(0, len(delays), at_once):
        trials = [Trial(folder / str(first + i), image, kind, delay, command or MODGATE, tree, env)
                  for i, delay in enumerate(delays[first:first + at_once])]
        try:
            with Origin(tree) as origin, concurrent.futures.ThreadPoolExecutor(len(trials)) as pool:
                running = [pool.submit(run, trial, origin.url) for trial in trials]
                try:
                    for one in concurrent.futures.as_completed(running):
                        one.result()
                finally:
                    pool.shutdown(cancel_futures=True)
            gone = [(other, other.gone()) for other in others]
            for trial in reversed(trials):
                yield trial.judge(watch)
            for other, rule in gone:
                other.off(rule)
        finally:
            for trial in trials:
                trial.disk.discard()


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--disk", choices=KINDS, action="append", help="default: both")
    p.add_argument("--delays", default="0,3,6,12,25,33,40,60", help="seconds, with commas between")
    p.add_argument("command", nargs="*", metavar="COMMAND")
    args = p.parse_args()
    delays = [float(d) for d in args.delays.split(",")]
    bad = 0
    for kind in args.disk or KINDS:
        missing = why_not(kind)
        if missing:
            sys.exit(f"power_loss: {kind} cannot be tried here: {missing}")
        with tempfile.TemporaryDirectory(prefix="power-loss-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None) as folder:
            for o in sweep(folder, kind, delays, args.command):
                print(f"{kind} {o.delay:5.1f} s  " + "  ".join(f".{end} {v}" for end, v in o.verdicts.items()), flush=True)
                bad += any(v != "kept" for v in o.verdicts.values())
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
