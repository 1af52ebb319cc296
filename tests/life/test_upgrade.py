# SPDX-License-Identifier: Apache-2.0
"""Another binary takes over without a failed request, or nothing happens."""

import os
import pathlib
import re
import shutil
import signal
import socket
import tempfile
import threading

import pytest

from lib import expect, http, manager, metrics
from lib.load import Load
from lib.modgate import Adopted, binary, group_members
from lib.ports import free_port
from lib.wait import until

M = "/example.com/m/@v/"


@pytest.fixture
def stocked(tree):
    for i in range(20):
        tree.add("example.com/m", f"v1.0.{i}", files={"noise": os.urandom(1000 * i)})
    return tree.add("example.com/m", "v1.9.0", files={"noise": os.urandom(24 << 20)})


@pytest.fixture
def adopting():
    Adopted.adopt()
    yield
    Adopted.adopt(False)


@pytest.fixture
def upgradable(adopting, modgate_of, origin, stocked, tmp_path):
    """Starts modgates from a file of their own, which may be replaced."""

    def start(**more):
        program = tmp_path / "bin" / "modgate"
        program.parent.mkdir()
        install(program)
        return modgate_of(origin.url, program=program, **more)

    return start


def install(program):
    """As a package manager does: the name gets another file."""
    fresh = program.with_suffix(".new")
    shutil.copy2(binary(), fresh)
    fresh.rename(program)


def edit(program, old, new):
    """What another version would be: one with other words in it."""
    data = program.read_bytes()
    assert data.count(old) == 1 and len(old) == len(new)
    fresh = program.with_suffix(".new")
    fresh.write_bytes(data.replace(old, new))
    fresh.chmod(0o755)
    fresh.rename(program)


def hits(m, n=10):
    """What is stored from now on, and its bytes."""
    targets = [M + f"v1.0.{i}.{kind}" for i in range(n) for kind in ("info", "mod", "zip")]
    return {t: expect.success(m.get(t)).body for t in targets}


def runs(pid):
    return os.stat(f"/proc/{pid}/exe").st_ino


def test_another_binary_takes_over(upgradable):
    m = upgradable()
    bodies = hits(m)
    old = {"supervisor": m.process.pid, **m.children()}
    with m.session() as kept, Load(m.address, bodies) as load:
        expect.success(kept.request(M + "v1.0.0.mod"))
        install(m.program)
        m.upgrade()
        new = {"supervisor": m.process.pid, **m.children()}
        assert new.keys() == old.keys() and not set(new.values()) & set(old.values())
        assert {runs(pid) for pid in new.values()} == {m.program.stat().st_ino}
        assert {runs(pid) for pid in old.values() if os.path.exists(f"/proc/{pid}")} != {m.program.stat().st_ino}
        load.wait(5)
        expect.success(m.get(M + "v1.0.15.info"))  # a miss
        answer = expect.success(kept.request(M + "v1.0.16.info"))  # by the old front and the new fetch
        assert answer.field("Connection") == "close" and kept.closed()
        assert m.before[0].wait(20) == 0
        load.wait(5)
    assert not load.failures, load.failures
    assert "export GOPROXY" not in m.log().split("upgrading", 1)[1]
    until(lambda: set(group_members(m.group)) == set(new.values()))
    # The new one is a server like any other.
    done = m.run("reload")
    assert done.returncode == 0, done.stderr
    m.upgrade()
    expect.success(m.get(M + "v1.0.17.info"))


def test_a_program_that_was_called_by_a_relative_name(upgradable):
    """What was kept of the start outlives the settings of the start."""
    m = upgradable()
    m.stop()
    file = m.program
    m.program = os.path.relpath(file, m.folder)
    m.start()
    done = m.run("reload")
    assert done.returncode == 0, done.stderr
    install(file)
    m.upgrade()
    assert runs(m.process.pid) == file.stat().st_ino


def script(text):
    def put(program):
        program.unlink()
        program.write_text("#!/bin/sh\n" + text)
        program.chmod(0o755)

    return put


@pytest.mark.parametrize("spoil, reason", [
    (script("exit 3"), "it ended with exit code 3; what it said is in the server's log"),
    (script("kill -SEGV $$"), "signal 11 ended it"),
    (script("exec 4>&-; exec sleep 1000"), "it was not ready in time"),
    (lambda p: p.unlink(), "cannot run .*/modgate: No such file"),
    (lambda p: p.chmod(0o644), "cannot run .*/modgate: Permission denied"),
    (lambda p: p.write_bytes(b"\x7fELF") if p.unlink() is None and p.touch(0o755) is None else None, "cannot run"),
])
def test_a_bad_binary_changes_nothing(upgradable, spoil, reason):
    m = upgradable()
    bodies = hits(m, 3)
    before = m.process.pid, m.children()
    with Load(m.address, bodies, threads=2) as load:
        spoil(m.program)
        done = m.run("upgrade")
        assert done.returncode == 1 and done.stdout == ""
        assert re.search(r"^modgate upgrade: the new server did not come up, the old one goes on: " + reason, done.stderr)
        load.wait(3)
        assert (m.process.pid, m.children()) == before
        expect.success(m.get(M + "v1.0.9.info"))
        m.program.unlink(missing_ok=True)
        install(m.program)
        m.upgrade()
        load.wait(3)
    assert not load.failures, load.failures


@pytest.mark.soak
def test_a_binary_that_does_nothing_is_given_up(upgradable):
    m = upgradable()
    script("exec sleep 1000")(m.program)
    done = m.run("upgrade")
    assert done.returncode == 1 and "it was not ready in time" in done.stderr
    expect.success(m.get(M + "v1.0.9.info"))
    assert len(group_members(m.group)) == 3


def test_bad_settings_stop_it_early(upgradable, tmp_path):
    store = tmp_path / "store"
    m = upgradable(config=f"store: {store}\n", store=store)
    bodies = hits(m, 3)
    children = m.children()
    with Load(m.address, bodies, threads=2) as load:
        for config, words in [(f"store: {store}\ngo-get: maybe\n", ["modgate.yaml:2:", "go-get"]),
                              ("store: /elsewhere\n", ["modgate.yaml:1:1: store: it cannot change"]),
                              (f"store: {store}\nuser: nobody\n", ["user: it cannot change"])]:
            (m.folder / "modgate.yaml").write_text(config)
            done = m.run("upgrade", "--store", store)
            assert done.returncode == 1
            assert all(w in done.stderr for w in words), done.stderr
        load.wait(3)
        assert m.children() == children
    assert not load.failures, load.failures


def test_one_that_fails_late_gives_the_store_back(upgradable, origin):
    """The new fetch has been given the store, but does not find it."""
    m = upgradable()
    bodies = hits(m, 3)
    front = m.children()["front"]
    away = m.store.with_name("away")
    with Load(m.address, bodies, threads=2) as load:
        # The server is told over a socket that is in the store.
        m.store.rename(away)
        m.store.write_text("no store")
        m.store_args[1] = str(away)
        done = m.run("upgrade")
        assert done.returncode == 1 and "its fetch process could not start" in done.stderr, done.stderr
        load.wait(3)
        m.store.unlink()
        away.rename(m.store)
        m.store_args[1] = str(m.store)
        expect.success(until(lambda: (a := m.get(M + "v1.0.9.info")).status == 200 and a))
        assert m.children()["front"] == front
        m.upgrade()
    assert not load.failures, load.failures


def test_orders_go_on(upgradable, origin):
    """What is being fetched is begun anew by the new server; who waits is not told."""
    gate = threading.Event()
    origin.on(r"/v1\.0\.5\.info$", hold=gate)
    m = upgradable(config="drain-timeout: 1s\n")
    with m.session() as early, m.session() as late:
        early.send_request(M + "v1.0.5.info")
        origin.wait_for(r"/v1\.0\.5\.info$")
        m.upgrade()
        late.send_request(M + "v1.0.6.info")
        expect.success(late.answer())
        gate.set()
        expect.success(early.answer())
    assert m.before[0].wait(20) == 0


def test_downloads_finish_and_end_with_the_new_one(upgradable):
    m = upgradable(config="drain-timeout: 2s\n")
    body = m.get(M + "v1.9.0.zip").body

    def slow_start():
        s = m.session()
        s.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        s.send_request(M + "v1.9.0.zip")
        s.fill()
        return s

    with slow_start() as one, slow_start() as never:
        m.upgrade()
        with slow_start() as two:
            m.upgrade()
            assert [p.poll() for p in m.before] == [None, None]
            expect.success(one.answer(), body)
            expect.success(two.answer(), body)
            assert m.before[0].poll() is None  # `never` still loads
            # The last one's end is theirs, and it waits for them.
            m.terminate()
            assert m.process.wait(20) == 0, m.log()
            assert [p.wait(10) for p in m.before] == [0, 0]
            with pytest.raises(http.Broken):
                never.answer()


def test_an_old_one_ends_when_it_is_told(upgradable):
    m = upgradable(config="drain-timeout: 500ms\n")
    m.get(M + "v1.9.0.zip")
    with m.session() as s:
        s.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        s.send_request(M + "v1.9.0.zip")
        s.fill()
        m.upgrade()
        m.before[0].send_signal(signal.SIGTERM)
        assert m.before[0].wait(20) == 0
    expect.success(m.get(M + "v1.0.1.info"))
    assert metrics.read(m).of("modgate_drain_cut_connections_total") == 1


def test_told_to_end_in_the_midst(upgradable):
    m = upgradable()
    script("exec sleep 1000")(m.program)
    asking = threading.Thread(target=lambda: answers.append(m.run("upgrade")))
    answers = []
    asking.start()
    until(lambda: "msg=upgrading" in m.log())
    m.terminate()
    assert m.process.wait(20) == 0
    asking.join()
    assert answers[0].returncode == 1
    until(lambda: not group_members(m.group))


def test_an_old_front_whose_orders_the_new_fetch_does_not_understand(upgradable, origin):
    """TICKET_FORMAT differs: hits go on, misses of its clients fail honestly, and nobody else notices."""
    gate = threading.Event()
    origin.on(r"/v1\.0\.5\.info$", hold=gate)
    m = upgradable(config="drain-timeout: 1s\n")
    bodies = hits(m, 3)
    # The old one says nothing of its tickets that the new one knows.
    m.stop()
    edit(m.program, b"tickets %d\n", b"tickeds %d\n")
    m.start()
    with m.session() as early, m.session() as late, m.session() as hit, Load(m.address, bodies, threads=2) as load:
        for s in (late, hit):
            expect.success(s.request(M + "v1.0.0.mod"))
        early.send_request(M + "v1.0.5.info")
        origin.wait_for(r"/v1\.0\.5\.info$")
        install(m.program)
        m.upgrade()
        expect.success(hit.request(M + "v1.0.1.mod"), bodies[M + "v1.0.1.mod"])
        late.send_request(M + "v1.0.6.info")
        for s in (early, late):
            a = s.answer()
            assert a.status == 503 and b"the fetch process is being restarted" in a.body, a
        gate.set()
        expect.success(m.get(M + "v1.0.5.info"))
        expect.success(m.get(M + "v1.0.6.info"))
        load.wait(3)
    assert not load.failures, load.failures
    assert m.before[0].wait(20) == 0


def test_what_is_counted_goes_on(upgradable):
    m = upgradable()
    bodies = hits(m, 3)
    before = metrics.read(m).of("modgate_http_requests_total", kind="mod")
    assert before == 3
    script("exit 3")(m.program)
    assert m.run("upgrade").returncode == 1
    m.program.unlink()
    install(m.program)
    with m.session() as kept:  # counted by the old one as long as it is there
        expect.success(kept.request(M + "v1.0.0.mod"))
        m.upgrade()
        now = metrics.read(m)
        assert now.of("modgate_http_requests_total", kind="mod") == before + 1
        assert now.of("modgate_upgrades_total", result="done") == 1
        assert now.of("modgate_upgrades_total", result="failed") == 1
        assert now.of("modgate_drains_total") == 1
        assert now.of("modgate_http_connections") == 2
    assert m.before[0].wait(20) == 0
    m.upgrade()
    assert m.before[1].wait(20) == 0
    with Load(m.address, bodies, threads=2) as load:
        load.wait(3)
    assert not load.failures, load.failures
    now = metrics.eventually(m, lambda now: now.of("modgate_http_connections") == 1)
    assert now.of("modgate_upgrades_total", result="done") == 2
    assert "metrics begin anew" not in m.log()


def test_counts_of_another_layout_are_not_taken_for_ours(upgradable):
    m = upgradable()
    hits(m, 3)
    edit(m.program, b"DRAIN_CUT:1\n", b"DRAIN_CUD:1\n")
    m.upgrade()
    assert "it counts other things, or for fewer workers" in m.log()
    assert metrics.read(m).of("modgate_http_requests_total", kind="mod") == 0
    expect.success(m.get(M + "v1.0.9.mod"))
    assert metrics.read(m).of("modgate_http_requests_total", kind="mod") == 1


def test_the_manager_is_told_whom_to_watch(upgradable):
    with tempfile.TemporaryDirectory() as folder:
        ear = manager.Ear(f"{folder}/notify")
        m = upgradable(env={"NOTIFY_SOCKET": ear.name, "WATCHDOG_USEC": "8000000"})
        ready = ear.wait("READY=1")
        m.upgrade()
        told = ear.wait(f"MAINPID={m.process.pid}", ready)
        assert "READY=1" in ear.heard[told - 1][1]
        assert m.before[0].wait(20) == 0
        after = len(ear.listen())
        ear.wait("WATCHDOG=1", after)  # fed on, by the new one
        assert not any("STOPPING" in text for text in ear.listen())
        m.stop()
        ear.wait("STOPPING=1", after)
        ear.close()


def test_sockets_of_the_manager_stay(upgradable):
    sockets = {"http": manager.listening(), "other": manager.listening()}
    m = upgradable(sockets=sockets)
    m.upgrade()
    for s in sockets.values():
        expect.success(http.request(s.getsockname(), M + "v1.0.0.mod"))
    m.upgrade()
    for s in sockets.values():
        expect.success(http.request(s.getsockname(), M + "v1.0.1.mod"))
        s.close()


def test_sockets_in_the_file_system_stay(upgradable, tmp_path):
    one, two = tmp_path / "one.sock", tmp_path / "two.sock"
    port = free_port()
    config = f"listen: ['127.0.0.1:{port}', 'unix:{one}', 'unix:{two}']\n"
    m = upgradable(config=config, listen=port)
    bodies = hits(m, 2)
    made = one.stat().st_ino
    with Load(str(one), bodies, threads=2) as load:
        script("exit 1")(m.program)
        assert m.run("upgrade").returncode == 1
        assert one.stat().st_ino == made
        install(m.program)
        (m.folder / "modgate.yaml").write_text(f"listen: ['127.0.0.1:{port}', 'unix:{one}']\n")
        m.upgrade()
        assert m.before[0].wait(20) == 0
        assert not two.exists()
        load.wait(3)
    assert not load.failures, load.failures
    assert one.stat().st_ino == made
    m.stop()
    assert not one.exists()


def test_the_store_is_never_free(upgradable):
    m = upgradable()
    for _ in range(2):
        other = m.run("serve", "--listen", f"127.0.0.1:{free_port()}")
        assert other.returncode == 1 and "is writing to it; stop that one first" in other.stderr
        m.upgrade()


def test_reload_is_answered(modgate_of, origin, stocked):
    m = modgate_of(origin.url, config="go-proxy-header: one\n")
    done = m.run("reload")
    assert (done.returncode, done.stdout) == (0, "modgate reload: new settings are in force; changed: nothing\n")
    (m.folder / "modgate.yaml").write_text("go-proxy-header: two\nhot-cache: 1MiB\n")
    done = m.run("reload")
    assert (done.returncode, done.stdout) == (
        0, "modgate reload: new settings are in force; changed: hot-cache, go-proxy-header\n")
    assert m.get(M + "v1.0.0.mod").field("X-Go-Proxy") == "two"  # at once
    (m.folder / "modgate.yaml").write_text("go-proxy-header: two\nhot-cash: 1MiB\n")
    done = m.run("reload")
    assert done.returncode == 1 and done.stdout == ""
    assert "the old settings stay in force: " in done.stderr and "modgate.yaml:2" in done.stderr
    assert pathlib.Path(m.store, "supervisor.sock").stat().st_mode & 0o777 == 0o600
    m.stop()
    for command in ("reload", "upgrade"):
        done = m.run(command)
        assert done.returncode == 1 and "no server runs on the store" in done.stderr
        assert m.run(command, "now").returncode == 2
