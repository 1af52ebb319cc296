# SPDX-License-Identifier: Apache-2.0
"""New settings without a failed request; bad ones without effect."""

import contextlib
import os
import pathlib
import re
import signal
import socket
import stat
import threading

import pytest

from lib import expect, http
from lib.load import Load
from lib.metrics import eventually, read
from lib.modgate import free_port
from lib.wait import until

M = "/example.com/m/@v/"


@pytest.fixture
def stocked(tree):
    for i in range(20):
        tree.add("example.com/m", f"v1.0.{i}", files={"noise": os.urandom(1000 * i)})
    return tree.add("example.com/m", "v1.9.0", files={"noise": os.urandom(24 << 20)})


def hits(m, n=10):
    """What is stored from now on, and its bytes."""
    targets = [M + f"v1.0.{i}.{kind}" for i in range(n) for kind in ("info", "mod", "zip")]
    return {t: expect.success(m.get(t)).body for t in targets}


def header(value, more=""):
    return f"go-proxy-header: {value}\n{more}"


def reloads(m):
    return len(re.findall(r"(?m)msg=reloaded ", m.log()))


def refusals(m):
    return m.log().count("the old ones stay in force")


def reload(m, config):
    before = reloads(m)
    (m.folder / "modgate.yaml").write_text(config)
    m.process.send_signal(signal.SIGHUP)
    until(lambda: reloads(m) > before)


def reload_refused(m, config, *words):
    before, log = refusals(m), len(m.log())
    (m.folder / "modgate.yaml").write_text(config)
    m.process.send_signal(signal.SIGHUP)
    until(lambda: refusals(m) > before)
    for word in words:
        assert word in m.log()[log:]


def test_new_settings_are_in_force(modgate_of, origin, stocked):
    m = modgate_of(origin.url, config=header("one"))
    assert m.get(M + "v1.0.0.mod").field("X-Go-Proxy") == "one"
    children = m.children()
    reload(m, header("two", "list:\n  fresh: 5m\n"))
    assert m.get(M + "v1.0.0.mod").field("X-Go-Proxy") == "two"
    expect.success(m.get(M + "v1.0.1.mod"))
    assert re.search(r'a setting changed" setting=list.fresh from=1m to=5m said_by="?[^ ]*modgate.yaml:3', m.log()), m.log()
    assert 'changed="go-proxy-header, list.fresh"' in m.log()
    until(lambda: len(m.children()) == 2)
    assert not set(m.children().values()) & set(children.values())
    reload(m, header("two", "list:\n  fresh: 5m\n"))
    assert "changed=nothing" in m.log()


@pytest.mark.parametrize("config, words", [
    (header("two", "list:\n  fesh: 5m\n"), ["modgate.yaml:3", "fesh"]),
    (header("two", "list:\n  fresh: soon\n"), ["modgate.yaml:3", "list.fresh"]),
    (header("two", "user: nobody\n"), ["user", "restart"]),
    (header("two", "go-get: ["), ["modgate.yaml:3"]),
])
def test_bad_settings_change_nothing(modgate_of, origin, stocked, config, words):
    m = modgate_of(origin.url, config=header("one"))
    expect.success(m.get(M + "v1.0.0.mod"))
    children = m.children()
    reload_refused(m, config, *words)
    assert m.get(M + "v1.0.0.mod").field("X-Go-Proxy") == "one"
    assert m.children() == children
    expect.success(m.get(M + "v1.0.1.mod"))
    reload(m, header("three"))
    assert m.get(M + "v1.0.0.mod").field("X-Go-Proxy") == "three"
    now = read(m)
    assert [now.of("modgate_settings_reloads_total", result=r) for r in ("taken", "refused")] == [1, 1]


def test_the_store_stays(modgate_of, origin, stocked, tmp_path):
    m = modgate_of(origin.url, config=f"store: {tmp_path}/one\n", store=tmp_path / "one")
    expect.success(m.get(M + "v1.0.0.mod"))
    reload_refused(m, f"store: {tmp_path}/two\n", "modgate.yaml:1:1: store: it cannot change while modgate runs")
    assert not (tmp_path / "two").exists()


def test_hits_do_not_notice(modgate_of, origin, stocked):
    """12 reloads, 3 of them broken, and fetch killed between them and in their midst."""
    m = modgate_of(origin.url, config=header("0"))
    bodies = hits(m)
    with Load(m.address, bodies) as load:
        for i in range(1, 13):
            if i % 4 == 0:
                reload_refused(m, "nonsense: here\n", "nonsense")
            else:
                reload(m, header(str(i), f"workers: {1 + i % 3}\nhot-cache: {i % 2}MiB\n"))
            if i % 3 == 0:
                m.process.send_signal(signal.SIGHUP)
                with contextlib.suppress(ProcessLookupError, KeyError):
                    os.kill(m.children()["fetch"], signal.SIGKILL)
            load.wait(5)
            assert not load.failures, load.failures
            expect.success(m.get(M + f"v1.0.{10 + i % 8}.info"))  # a miss, or one not long ago
    assert not load.failures, load.failures
    assert load.done > 12 * 5 * 6


def test_old_processes_go(modgate_of, origin, stocked):
    """Who keeps a connection open may ask once more on it; then the old front is gone."""
    m = modgate_of(origin.url, config=header("one"))
    with m.session() as kept:
        expect.success(kept.request(M + "v1.0.0.mod"))
        reload(m, header("two"))
        answer = expect.success(kept.request(M + "v1.0.0.mod"))
        assert answer.field("X-Go-Proxy") == "one" and answer.field("Connection") == "close"
        assert kept.closed()
    # Nothing of a load balancer's business: the instance is as ready as before.
    with m.session() as kept:
        expect.success(kept.request(M + "v1.0.0.mod"))
        reload(m, header("three"))
        assert kept.request("/readyz").status == 200
    until(lambda: len(all_children(m)) == 2)


def test_sockets_in_the_file_system(modgate_of, origin, stocked, tmp_path):
    """They stay while they are named, whatever else happens, and go with the setting."""
    one, two = tmp_path / "one.sock", tmp_path / "two.sock"
    port = free_port()

    def config(*paths, mode="0600"):
        return f"listen: ['127.0.0.1:{port}', {', '.join(f'unix:{p}' for p in paths)}]\nlisten-mode: '{mode}'\n"

    m = modgate_of(origin.url, config=config(one), listen=port)
    bodies = hits(m, 2)
    made = one.stat().st_ino
    with Load(str(one), bodies, threads=2) as load:
        reload(m, config(one, two, mode="0660"))
        assert [stat.S_IMODE(p.stat().st_mode) for p in (one, two)] == [0o660, 0o660]
        expect.success(http.request(str(two), M + "v1.0.0.mod"))
        taken = tmp_path / "taken"
        taken.write_text("precious")
        three = tmp_path / "three.sock"
        reload_refused(m, config(one, three, taken, mode="0666"), "is no socket")
        assert not three.exists() and two.exists()
        assert stat.S_IMODE(one.stat().st_mode) == 0o660
        m.store.rename(m.store.with_name("away"))
        reload_refused(m, config(one, three), "a new process could not start")
        m.store.with_name("away").rename(m.store)
        assert not three.exists() and two.exists()
        reload(m, config(one))
        assert not two.exists()
        load.wait(5)
    assert not load.failures, load.failures
    assert one.stat().st_ino == made
    m.stop()
    assert not one.exists()


def test_limits_are_settings_too(modgate_of, origin, stocked):
    m = modgate_of(origin.url, config="prefetch: false\n")
    target = M + "v1.0.0.mod"
    for _ in range(5):
        expect.success(m.get(target))
    reload(m, "prefetch: false\nlimits:\n  requests-per-address: 1\n  burst-per-address: 2\n")
    with m.session() as s:
        assert any(s.request(target).status == 429 for _ in range(20))
    reload(m, "prefetch: false\n")
    for _ in range(20):
        expect.success(m.get(target))


def test_a_balancers_connection_that_has_not_said_whose_it_is(modgate_of, origin, stocked):
    m = modgate_of(origin.url, config=header("one", "proxy-protocol:\n  from: 127.0.0.2\n"))
    expect.success(m.get(M + "v1.0.0.mod"))

    def connect():
        return http.Session(m.address, source="127.0.0.2")

    with connect() as silent, connect() as half:
        half.send(b"PROXY TCP4 192.0.2.1 ")
        eventually(m, lambda now: now.of("modgate_http_connections") == 3)
        reload(m, header("two", "proxy-protocol:\n  from: 127.0.0.2\n"))
        for s, rest in [(silent, b"PROXY UNKNOWN\r\n"), (half, b"198.51.100.2 1 2\r\n")]:
            s.send(rest + http.head(M + "v1.0.0.mod"))
            answer = expect.success(s.answer())
            assert answer.field("X-Go-Proxy") == "one" and answer.field("Connection") == "close"
    until(lambda: len(all_children(m)) == 2)
    with connect() as silent, connect() as half:
        half.send(b"PROXY TCP4 192.0.2.1 ")
        eventually(m, lambda now: now.of("modgate_http_connections") == 3)
        m.terminate()
        until(lambda: "draining" in m.log())
        for s, rest in [(silent, b"PROXY UNKNOWN\r\n"), (half, b"198.51.100.2 1 2\r\n")]:
            s.send(rest + http.head(M + "v1.0.0.mod"))
            expect.success(s.answer())


def all_children(m):
    found = []
    for pid in os.listdir("/proc"):
        if pid.isdigit():
            try:
                stat = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(stat[1]) == m.process.pid and stat[0] != "Z":
                found.append(int(pid))
    return found


def test_many_reloads_leave_nothing_behind(modgate_of, origin, stocked):
    m = modgate_of(origin.url, config=header("0"))
    expect.success(m.get(M + "v1.0.0.mod"))

    def descriptors():
        return len(os.listdir(f"/proc/{m.process.pid}/fd"))

    reload(m, header("1"))
    until(lambda: len(all_children(m)) == 2)
    before = descriptors()
    for i in range(2, 12):
        reload(m, header(str(i)))
    until(lambda: len(all_children(m)) == 2)
    until(lambda: descriptors() == before)


def test_downloads_from_the_old_front_finish(modgate_of, origin, stocked):
    m = modgate_of(origin.url, config=header("one", "drain-timeout: 100ms\n"))
    body = m.get(M + "v1.9.0.zip").body
    with m.session() as slow:
        slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        slow.send_request(M + "v1.9.0.zip")
        slow.fill()  # the answer is under way
        for i in range(3):
            reload(m, header(str(i), "drain-timeout: 100ms\n"))
        expect.success(slow.answer(), body)


def test_orders_are_handed_over(modgate_of, origin, stocked):
    """What is under way is finished by the old fetch or begun anew by the next one; nobody is told."""
    gate = threading.Event()
    origin.on(r"/v1\.0\.5\.info$", hold=gate)
    origin.on(r"/v1\.0\.6\.info$", hold=gate)
    m = modgate_of(origin.url, config=header("one", "drain-timeout: 1s\n"))
    with m.session() as early, m.session() as late:
        early.send_request(M + "v1.0.5.info")
        origin.wait_for(r"/v1\.0\.5\.info$")
        (m.folder / "modgate.yaml").write_text(header("two", "drain-timeout: 1s\n"))
        m.process.send_signal(signal.SIGHUP)
        until(lambda: "new settings are in force" in m.log())
        late.send_request(M + "v1.0.6.info")  # waits for the new fetch, which waits for the old one
        until(lambda: reloads(m) == 1)  # by now the first was given back
        origin.wait_for(r"/v1\.0\.6\.info$")
        # And once more: handing over is no crash, however often it happens.
        for i in range(3):
            reload(m, header(str(i), "drain-timeout: 100ms\n"))
        gate.set()
        expect.success(early.answer())
        expect.success(late.answer())


def test_what_can_be_finished_is_not_begun_anew(modgate_of, origin, stocked):
    gate = threading.Event()
    origin.on(r"/v1\.0\.5\.zip$", hold=gate)
    m = modgate_of(origin.url, config=header("one"), env={"MODGATE_PREFETCH": "false"})
    with m.session() as s:
        s.send_request(M + "v1.0.5.zip")
        origin.wait_for(r"/v1\.0\.5\.zip$")
        m.process.send_signal(signal.SIGHUP)
        until(lambda: "new settings are in force" in m.log())
        gate.set()
        expect.success(s.answer())
        until(lambda: reloads(m) == 1)
    assert origin.count(r"/v1\.0\.5\.zip$") == 1


def test_addresses_come_and_go(modgate_of, origin, stocked):
    port, other = free_port(), free_port()
    m = modgate_of(origin.url, config=f"listen: ['127.0.0.1:{port}']\n", listen=port)
    with Load(m.address, hits(m, 2), threads=2) as load:
        reload(m, f"listen: ['127.0.0.1:{port}', '127.0.0.1:{other}']\n")
        expect.success(http.request(("127.0.0.1", other), M + "v1.0.0.mod"))
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            reload_refused(m, f"listen: ['127.0.0.1:{port}', '127.0.0.1:{taken.getsockname()[1]}']\n", "in use")
        expect.success(http.request(("127.0.0.1", other), M + "v1.0.0.mod"))
        reload(m, f"listen: ['127.0.0.1:{port}']\n")

        def refused():
            try:
                http.request(("127.0.0.1", other), "/livez")
            except ConnectionRefusedError:
                return True

        until(refused)
    assert not load.failures, load.failures


def test_a_reload_that_cannot_start_its_processes(modgate_of, origin, stocked):
    """The new front does not find the store: the old one has never stopped."""
    m = modgate_of(origin.url, config=header("one"))
    bodies = hits(m, 3)
    old = m.children()
    away = m.store.with_name("away")
    with Load(m.address, bodies, threads=2) as load:
        m.store.rename(away)
        reload_refused(m, header("two"), "a new process could not start")
        load.wait(5)
        away.rename(m.store)
        assert m.get(M + "v1.0.0.mod").field("X-Go-Proxy") == "one"
        until(lambda: len(all_children(m)) == 2)
        assert m.children() == old
        reload(m, header("two"))
    assert not load.failures, load.failures


def test_reload_while_it_ends(modgate_of, origin, stocked):
    m = modgate_of(origin.url, config=header("one", "drain:\n  delay: 500ms\n"))
    m.process.send_signal(signal.SIGHUP)
    m.terminate()
    m.process.send_signal(signal.SIGHUP)
    assert m.process.wait(20) == 0, m.log()
