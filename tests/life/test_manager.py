# SPDX-License-Identifier: Apache-2.0
"""Under a service manager: sockets it opened, messages it hears, its watchdog. The unit for systemd."""

import concurrent.futures
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import uuid

import pytest

from lib import expect, http, manager
from lib.modgate import ROOT
from lib.wait import until

M = "/example.com/m/@v/"


@pytest.fixture
def stocked(tree):
    for i in range(5):
        tree.add("example.com/m", f"v1.0.{i}")
    return tree


@pytest.fixture
def sockets():
    """Two listening sockets with names."""
    opened = {"http": manager.listening(), "other": manager.listening()}
    yield opened
    for s in opened.values():
        s.close()


@pytest.fixture(params=["path", "abstract"])
def ear(request):
    with tempfile.TemporaryDirectory() as folder:  # short: an address holds 108 bytes
        e = manager.Ear(f"@modgate-{uuid.uuid4()}" if request.param == "abstract" else f"{folder}/notify")
        yield e
        e.close()


def port_of(s):
    return s.getsockname()[1]


# -- sockets


def test_sockets_of_the_manager_are_listened_on(modgate_of, origin, stocked, sockets):
    m = modgate_of(origin.url, sockets=sockets)
    for s in sockets.values():
        expect.success(http.request(("127.0.0.1", port_of(s)), M + "v1.0.0.mod"))
    assert until(lambda: re.findall(r"(?m)^export .*$", m.log())) == [f"export GOPROXY=http://127.0.0.1:{m.port}"]
    # They are not closed by the end of the service: who connects meanwhile waits for the next one.
    m.stop()
    with http.Session(m.address) as s:
        s.send_request(M + "v1.0.0.mod")
        m.start()
        expect.success(s.answer())


def test_a_restart_on_the_manager_s_socket_loses_no_request(modgate_of, origin, stocked, sockets):
    """Each on a connection of its own: one that is accepted just before the end is answered too."""
    m = modgate_of(origin.url, sockets=sockets)
    expect.success(m.get(M + "v1.0.0.mod"))
    ending, answered = threading.Event(), []

    def ask():
        while not ending.is_set():
            with http.Session(m.address) as s:
                # A client's request is not there yet when its connection is.
                time.sleep(random.uniform(0, 0.02))
                expect.success(s.request(M + "v1.0.0.mod"))
                answered.append(1)

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        asking = [pool.submit(ask) for _ in range(4)]
        try:
            for _ in range(5):
                so_far = len(answered)
                until(lambda: len(answered) > so_far + 10 or any(a.done() for a in asking))
                m.stop()
                m.start()
        finally:
            ending.set()
    for a in asking:
        a.result()


def test_sockets_by_name_and_by_address(modgate_of, origin, stocked, sockets):
    other = port_of(sockets["other"])
    m = modgate_of(origin.url, sockets=sockets, config=f"listen: ['systemd:http', '127.0.0.1:{other}']\n")
    for s in sockets.values():
        expect.success(http.request(("127.0.0.1", port_of(s)), M + "v1.0.0.mod"))
    assert m.get("/readyz").status == 200


def test_a_name_that_the_manager_does_not_know(modgate_of, origin, sockets):
    m = modgate_of(origin.url, sockets=sockets, config="listen: systemd:https\n", wait=False)
    assert m.process.wait(20) == 1
    assert 'the service manager opened no socket for "systemd:https"' in m.log()
    m.process = None


def test_an_address_that_the_manager_s_socket_is_in_the_way_of(modgate_of, origin, sockets):
    """Its package enables a socket for this machine; who wants every address instead is told what is in the way."""
    port = port_of(sockets["http"])
    m = modgate_of(origin.url, sockets=sockets, config=f"listen: ':{port}'\n", wait=False)
    assert m.process.wait(20) == 1
    assert f"the service manager has opened 127.0.0.1:{port} (systemd:http): disable its socket unit" in m.log()
    m.process = None


def test_sockets_meant_for_another_process_are_not_taken(modgate_of, origin, stocked):
    m = modgate_of(origin.url, env={"LISTEN_PID": "1", "LISTEN_FDS": "5"})
    expect.success(m.get(M + "v1.0.0.mod"))


def test_children_inherit_nothing_of_the_manager(modgate_of, origin, stocked, sockets, ear):
    m = modgate_of(origin.url, sockets=sockets, env={"NOTIFY_SOCKET": ear.name, "WATCHDOG_USEC": "60000000"})
    for pid in m.children().values():
        environment = pathlib.Path(f"/proc/{pid}/environ").read_bytes()
        assert b"LISTEN_" not in environment and b"NOTIFY_SOCKET" not in environment and b"WATCHDOG" not in environment


# -- messages


def test_messages_in_order(modgate_of, origin, stocked, ear):
    m = modgate_of(origin.url, env={"NOTIFY_SOCKET": ear.name})
    ready = ear.wait("READY=1")
    assert ready == 1 and any(t.startswith("STATUS=") for t in ear.heard[0][1].split("\n"))
    m.terminate()
    ear.wait("STOPPING=1", ready)
    assert m.process.wait(20) == 0
    assert not any("WATCHDOG" in text for text in ear.listen())


def test_messages_of_a_reload(modgate_of, origin, stocked, ear):
    m = modgate_of(origin.url, env={"NOTIFY_SOCKET": ear.name}, config="go-get: true\n")
    ready = ear.wait("READY=1")
    for config, status in [("go-get: false\n", "STATUS=Serving"), ("go-get: maybe\n", "STATUS=Serving with the old settings")]:
        (m.folder / "modgate.yaml").write_text(config)
        m.process.send_signal(signal.SIGHUP)
        reloading = ear.wait("RELOADING=1", ready)
        assert reloading == ready + 1
        assert re.search(r"(?m)^MONOTONIC_USEC=[0-9]+$", ear.heard[reloading - 1][1])
        ready = ear.wait("READY=1", reloading)
        assert ready == reloading + 1 and status in ear.heard[ready - 1][1]


def test_no_manager_at_the_address(modgate_of, origin, stocked, tmp_path):
    m = modgate_of(origin.url, env={"NOTIFY_SOCKET": str(tmp_path / "nobody")})
    expect.success(m.get(M + "v1.0.0.mod"))


# -- the watchdog


@pytest.mark.parametrize("role", ["fetch", "front"])
def test_a_process_that_stands_still_is_noticed(modgate_of, origin, stocked, role):
    """The watchdog is not fed, and it is replaced before the manager loses its patience."""
    with tempfile.TemporaryDirectory() as folder:
        ear = manager.Ear(f"{folder}/notify")
        watchdog = 8
        m = modgate_of(origin.url, env={"NOTIFY_SOCKET": ear.name, "WATCHDOG_USEC": str(watchdog * 1000000)})
        expect.success(m.get(M + "v1.0.0.mod"))
        fed = ear.wait("WATCHDOG=1", ear.wait("READY=1"))
        pid = m.children()[role]
        os.kill(pid, signal.SIGSTOP)
        until(lambda: re.search(rf'msg="a process does not answer and is killed" process={role}', m.log()))
        # At most once more: when it had answered just before it was stopped.
        assert sum("WATCHDOG=1" in text for text in ear.listen()[fed:]) <= 2
        until(lambda: m.children().get(role) not in (None, pid))
        ear.wait("WATCHDOG=1", len(ear.listen()))
        times = [t for t, text in ear.heard if "WATCHDOG=1" in text]
        assert max(b - a for a, b in zip(times, times[1:])) < watchdog
        expect.success(m.get(M + "v1.0.0.mod"))
        expect.success(m.get(M + "v1.0.1.mod"))
        m.stop()
        ear.close()


# -- the unit

UNIT = ROOT / "deploy" / "modgate.service"

needs_systemd = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")


@needs_systemd
def test_the_unit_is_hardened():
    done = subprocess.run(["systemd-analyze", "security", "--offline=yes", "--no-pager", "--threshold=15", UNIT],
                          capture_output=True, text=True, timeout=120)
    score = re.search(r"Overall exposure level for modgate.service: ([0-9.]+)", done.stdout + done.stderr)
    assert score and float(score.group(1)) <= 1.5, done.stdout + done.stderr
    assert done.returncode == 0


@needs_systemd
def test_the_units_are_understood(tmp_path):
    for name in ("modgate.service", "modgate.socket"):
        text = (ROOT / "deploy" / name).read_text()
        (tmp_path / name).write_text(text.replace("/usr/bin/modgate", "/bin/true"))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", *map(str, tmp_path.glob("modgate.*"))],
                          capture_output=True, text=True, timeout=120)
    ours = [line for line in (done.stdout + done.stderr).splitlines() if "modgate" in line]
    assert not ours, ours
