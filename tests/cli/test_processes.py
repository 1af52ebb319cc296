# SPDX-License-Identifier: Apache-2.0
"""The supervisor and its children: who dies, who comes back, and who must not notice."""

import contextlib
import os
import pathlib
import pwd
import re
import signal
import socket
import subprocess
import tempfile
import threading
import time
import uuid

import pytest

from lib import expect
from lib.modgate import Modgate, binary, group_members

M = "/example.com/m/@v/"


def until(condition, seconds=20):
    """Polls: what is waited for happens in another process."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError("did not happen")


def another(m, role, old):
    """The pid of the role's process once it is not `old` any more."""
    return until(lambda: (p := m.children().get(role)) and p != old and p)


def status_of(pid):
    return dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())


@pytest.fixture
def stocked(tree):
    for i in range(30):
        tree.add("example.com/m", f"v1.0.{i}")
    return tree


def test_fetch_comes_back(modgate, stocked):
    expect.success(modgate.get(M + "v1.0.0.info"))
    for i in range(1, 4):
        fetch = modgate.children()["fetch"]
        front = modgate.children()["front"]
        os.kill(fetch, signal.SIGKILL)
        expect.success(modgate.get(M + "v1.0.0.info"))  # a hit: front alone
        expect.success(modgate.get(M + f"v1.0.{i}.info"))  # a miss: waits for the new one
        assert another(modgate, "fetch", fetch)
        assert modgate.children()["front"] == front


def test_hits_never_notice_a_crash_of_fetch(modgate, stocked):
    target = M + "v1.0.0.mod"
    expect.success(modgate.get(target))
    with modgate.session() as s:
        for i in range(200):
            if i % 40 == 20:
                pid = modgate.children().get("fetch")
                if pid:
                    with contextlib.suppress(ProcessLookupError):  # the last one may still be going
                        os.kill(pid, signal.SIGKILL)
            expect.success(s.request(target))


def test_a_fetch_that_crashes_at_once_is_started_ever_later(modgate, stocked):
    expect.success(modgate.get(M + "v1.0.0.info"))
    starts, end = set(), time.monotonic() + 3
    while time.monotonic() < end:
        pid = modgate.children().get("fetch")
        if pid and pid not in starts:
            starts.add(pid)
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.005)
        expect.success(modgate.get(M + "v1.0.0.info"))
    assert 3 <= len(starts) <= 8, starts  # 0, 0, 100, 200, 400, 800, 1600 ms
    expect.success(modgate.get(M + "v1.0.1.info"))


def test_readyz_names_what_is_not_ready(modgate, stocked):
    """Fetch is started again ever later: killed often enough it is missing for a while."""
    expect.success(modgate.get(M + "v1.0.0.info"))

    def missing():
        with contextlib.suppress(ProcessLookupError):  # it ends on its own now and then: of the kill before
            if pid := modgate.children().get("fetch"):
                os.kill(pid, signal.SIGKILL)
        answer = modgate.get("/readyz")
        return answer if answer.status != 200 else None

    answer = until(missing)
    assert answer.status == 503 and answer.field("Retry-After")
    assert answer.text.startswith("not ready: fetch: ")
    assert modgate.get("/livez").status == 200
    expect.success(modgate.get(M + "v1.0.0.info"))
    modgate.wait_ready()


def test_front_comes_back_on_the_same_sockets(modgate, stocked):
    expect.success(modgate.get(M + "v1.0.0.info"))
    front = modgate.children()["front"]
    os.kill(front, signal.SIGKILL)
    # No connection is refused meanwhile: the supervisor holds the sockets.
    expect.success(modgate.get(M + "v1.0.0.info"))
    expect.success(modgate.get(M + "v1.0.1.info"))
    assert modgate.children()["front"] != front


def test_children_die_with_the_supervisor(modgate_of, origin, stocked):
    m = modgate_of(origin.url)
    expect.success(m.get(M + "v1.0.0.info"))
    group = m.process.pid
    children = m.children()
    assert set(children) == {"front", "fetch"}
    m.process.kill()
    m.process.wait()
    # Nobody holds the listening socket then. (The port may be another program's by now: not to be asked.)
    until(lambda: not group_members(group))
    m.process = None


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_whole_group_drains_too(modgate_of, origin, stocked, how):
    """As a terminal's Ctrl-C and service managers send it: the children must not die of it on their own."""
    gate = threading.Event()
    origin.on(r"/v1\.0\.5\.info$", hold=gate)
    m = modgate_of(origin.url)
    with m.session() as s:
        s.send_request(M + "v1.0.5.info")
        origin.wait_for(r"/v1\.0\.5\.info$")
        os.killpg(m.process.pid, how)
        until(lambda: "draining" in m.log())
        gate.set()
        expect.success(s.answer())
    assert m.process.wait(20) == 0, m.log()


def test_drain_timeout_cuts_what_is_left(modgate_of, origin, stocked):
    gate = threading.Event()
    origin.on(r"/v1\.0\.5\.info$", hold=gate)
    m = modgate_of(origin.url, config="drain-timeout: 500ms\n")
    with m.session() as s:
        s.send_request(M + "v1.0.5.info")
        origin.wait_for(r"/v1\.0\.5\.info$")
        begin = time.monotonic()
        m.process.send_signal(signal.SIGTERM)
        assert m.process.wait(20) == 0, m.log()
        assert time.monotonic() - begin < 10
    gate.set()


def test_the_one_line_to_copy(modgate_of, origin):
    m = modgate_of(origin.url, config="path-prefix: /go\n")
    # It may serve a moment before it says so.
    assert until(lambda: re.findall(r"(?m)^export .*$", m.log())) == [f"export GOPROXY=http://127.0.0.1:{m.port}/go"]


def test_a_port_in_use(modgate, tmp_path):
    done = run_serve(tmp_path, "--listen", f"127.0.0.1:{modgate.port}")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert f"127.0.0.1:{modgate.port}" in done.stderr and "in use" in done.stderr


def test_a_store_in_use(modgate, tmp_path):
    done = run_serve(tmp_path, "--listen", "127.0.0.1:0", store=modgate.store)
    assert done.returncode == 1
    assert "is writing to it; stop that one first" in done.stderr
    assert "export GOPROXY" not in done.stdout
    (tmp_path / "cache" / "download").mkdir(parents=True)
    done = subprocess.run([binary(), "import", tmp_path, "--store", modgate.store], env={"PATH": os.environ["PATH"], "GOPROXY": "off"},
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "is writing to it" in done.stderr


def test_a_store_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    done = run_serve(tmp_path, "--listen", "127.0.0.1:0", store=tmp_path / "file" / "store")
    assert done.returncode == 1
    assert "file/store" in done.stderr


def run_serve(folder, *args, store=None, env=()):
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "GOPROXY": "off", **dict(env)}
    return subprocess.run([binary(), "serve", "--store", str(store or folder / "store"), *args], env=env,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, start_new_session=True)


# -- what the children may not


def test_children_are_confined(modgate):
    for pid in modgate.children().values():
        status = status_of(pid)
        assert status["NoNewPrivs"].strip() == "1"
        limits = pathlib.Path(f"/proc/{pid}/limits").read_text()
        assert re.search(r"Max core file size +0 +0 ", limits)
    for role in ("front", "fetch"):
        until(lambda: re.search(rf"role={role} msg=started .*landlock_abi=\d+ seccomp=(on|off)", modgate.log()))


def test_seccomp_is_a_filter_where_it_is_built_in(modgate):
    until(lambda: modgate.log().count("seccomp=") == 2)
    if "seccomp=on" not in modgate.log():
        pytest.skip("this build or kernel has no seccomp")
    for pid in modgate.children().values():
        assert status_of(pid)["Seccomp"].strip() == "2"


def test_without_the_sandbox(modgate_of, origin, stocked):
    m = modgate_of(origin.url, config="sandbox: false\n")
    until(lambda: m.log().count("landlock_abi=0 seccomp=off") == 2)
    expect.success(m.get(M + "v1.0.0.zip"))


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_root_becomes_the_user(origin, stocked):
    nobody = pwd.getpwnam("nobody")
    # Not below pytest's own folder, which is closed to other users.
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        m = Modgate(pathlib.Path(folder) / "modgate", origin.url, config="user: nobody\n")
        m.folder.mkdir()
        m.start(True)
        group, children = m.process.pid, m.children()
        try:
            for pid in children.values():
                assert set(status_of(pid)["Uid"].split()) == {str(nobody.pw_uid)}
                assert set(status_of(pid)["Gid"].split()) == {str(nobody.pw_gid)}
            expect.success(m.get(M + "v1.0.0.zip"))
            stored = list((m.store / "modules").rglob("v1.0.0.zip"))
            assert stored and stored[0].stat().st_uid == nobody.pw_uid
        finally:
            m.process.kill()
            m.process.wait()
        # The tie to the supervisor holds although the user changed.
        until(lambda: not any(pid in group_members(group) for pid in children.values()))


def test_an_unknown_user(tmp_path):
    done = run_serve(tmp_path, "--listen", "127.0.0.1:0", "--user", "nosuchuser")
    assert done.returncode == 1 and 'no user "nosuchuser"' in done.stderr


def test_a_free_port_is_told(tmp_path, origin):
    """--listen with port 0: the line names the port the system chose."""
    out = open(tmp_path / "out", "w")
    p = subprocess.Popen([binary(), "serve", "--listen", "127.0.0.1:0", "--store", str(tmp_path / "s")],
                         env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "GOPROXY": origin.url},
                         stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        line = until(lambda: re.search(r"export GOPROXY=http://127\.0\.0\.1:(\d+)\n", (tmp_path / "out").read_text()))
        assert int(line.group(1)) != 0
        with socket.create_connection(("127.0.0.1", int(line.group(1))), timeout=10):
            pass
    finally:
        p.send_signal(signal.SIGTERM)
        assert p.wait(20) == 0
        out.close()


def test_both_wait_to_be_started(modgate, stocked):
    """Fetch for a moment, front, which died more often, for longer: the one that is started first starts both,
    and nothing is started a second time."""

    def kill(*roles):
        for pid in [modgate.children()[role] for role in roles]:
            os.kill(pid, signal.SIGKILL)

    expect.success(modgate.get(M + "v1.0.0.info"))
    for i, role in enumerate(["fetch", "front", "front", "front"], 1):
        kill(role)
        expect.success(modgate.get(M + f"v1.0.{i}.info"))
        until(lambda: len(modgate.children()) == 2)
    kill("fetch", "front")
    expect.success(modgate.get(M + "v1.0.9.info"))
    pids = modgate.children()
    end = time.monotonic() + 2  # front's own wait is over by then
    while time.monotonic() < end:
        assert modgate.children() == pids
        time.sleep(0.05)


# -- who does not begin


WATCHDOG = 8  # seconds: shortens the time in which a process must begin, which is a minute otherwise


@pytest.fixture(scope="session")
def shim(tmp_path_factory):
    library = tmp_path_factory.mktemp("shim") / "hang_start.so"
    source = pathlib.Path(__file__).with_name("hang_start.c")
    subprocess.run([os.environ.get("CC", "cc"), "-shared", "-fPIC", "-O1", "-o", library, source], check=True)
    return library


def hanging(shim, role, file):
    # The sanitizers' own library wants to be the first.
    options = "abort_on_error=0:halt_on_error=1:detect_leaks=1:verify_asan_link_order=0"
    return {"LD_PRELOAD": str(shim), "HANG_START": f"{role}:{file}", "ASAN_OPTIONS": options,
            "NOTIFY_SOCKET": f"@modgate-{uuid.uuid4()}", "WATCHDOG_USEC": str(WATCHDOG * 1000000)}


@pytest.mark.parametrize("role", ["fetch", "front"])
def test_a_process_that_never_begins_ends_the_start(modgate_of, origin, tmp_path, shim, role):
    file = tmp_path / "hangs"
    file.touch()
    m = modgate_of(origin.url, env=hanging(shim, role, file), wait=False)
    assert m.process.wait(30) == 1
    assert re.search(rf'level=error .*msg="a process does not begin its work and is killed" process={role}', m.log())
    m.process = None
    until(lambda: not group_members(m.group))


def test_a_process_that_does_not_begin_again_is_replaced(modgate_of, origin, stocked, tmp_path, shim):
    file = tmp_path / "hangs"
    m = modgate_of(origin.url, env=hanging(shim, "fetch", file))
    expect.success(m.get(M + "v1.0.0.info"))
    file.touch()
    os.kill(m.children()["fetch"], signal.SIGKILL)
    until(lambda: 'msg="a process does not begin its work and is killed" process=fetch' in m.log(), 30)
    expect.success(m.get(M + "v1.0.0.info"))
    file.unlink()
    expect.success(m.get(M + "v1.0.1.info"))
