# SPDX-License-Identifier: Apache-2.0
"""Power loss (F02): what was answered 200 is there after it, with the right bytes and proven, with nobody to ask;
what was not is right or not there. docs/reliability.md says how this is held; power_loss.py shows it alone."""

import random
import shutil
import threading
import time

import pytest
from store import power_loss

from lib import disk, expect, http, modgate, storecheck
from lib.kills import KillAt
from lib.origin import Origin
from lib.tree import Made

pytestmark = pytest.mark.power

CONFIG = "upstream:\n  retries: 0\n  breaker-failures: 1000\nfetch:\n  absent: 0s\n  denied: 0s\n  down: 0s\n"


@pytest.fixture(params=disk.KINDS)
def kind(request):
    missing = disk.why_not(request.param)
    if missing:
        pytest.skip(f"no power loss on {request.param} here: {missing}")
    return request.param


def check_database_alone(get, sumdb, lookups):
    """What the proxy has of the database answers with the database gone."""
    base = f"/sumdb/{sumdb.name}/"
    storecheck.check_head(expect.success(get(base + "latest")).body, sumdb)
    for name in lookups:
        storecheck.check_lookup(expect.success(get(base + name)).body, name, sumdb)


def lose_power_at(kind, folder, sumdb, delays):
    tree = power_loss.made()
    sumdb.know(tree).fill(300)

    def watch(proxy):
        storecheck.check(proxy.store / "modgate", tree, sumdb)
        check_database_alone(proxy.get, sumdb, ["lookup/example.com/m@v1.0.0"])

    outcomes = list(power_loss.sweep(folder, kind, delays, tree=tree, env={"GOSUMDB": sumdb.gosumdb},
                                     others=[sumdb], watch=watch))
    assert len(outcomes) == len(delays)
    for o in outcomes:
        assert set(o.verdicts.values()) == {"kept"}, o
    print(f"{kind}: {len(outcomes)} power losses {delays[0]} to {delays[-1]} s after the last answer, all kept")


# Journals are written 5 s (ext4) and 30 s (XFS) after a change: before that, all that was not synced is gone.
def test_f02_what_is_acknowledged_is_kept(kind, tmp_path, sumdb):
    lose_power_at(kind, tmp_path, sumdb, [0, 0, 1, 3, 6])


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_f02_after_every_half_second_of_a_minute(kind, tmp_path, sumdb):
    delays = [i / 2 for i in range(121)]
    lose_power_at(kind, tmp_path, sumdb, delays)


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_f02_the_loss_is_real(kind, tmp_path):
    """A modgate that does not sync loses it all: what the other tests see is not the kindness of the disk."""
    command = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync", "-e", "inject=fsync:retval=0"]
    outcomes = list(power_loss.sweep(tmp_path, kind, [0, 1], command + power_loss.MODGATE))
    assert [set(o.verdicts.values()) for o in outcomes] == [{"lost"}] * 2


class Client(threading.Thread):
    """Fetches module after module until there is no more to be had; `acknowledged` is what it was answered."""

    def __init__(self, m, tree, modules):
        super().__init__(daemon=True)
        self.m, self.tree, self.modules = m, tree, modules
        self.acknowledged, self.trouble = set(), None

    def run(self):
        try:
            with http.Session(self.m.address) as session:
                for name in (module + end for module in self.modules for end in power_loss.ENDS):
                    answer = session.request("/" + name)
                    if answer.status != 200:
                        expect.failure(answer, (502, 503, 504))
                        return  # the disk is gone
                    assert answer.body == self.tree.files[name], name
                    self.acknowledged.add(name)
        except Exception as e:
            self.trouble = repr(e)


def lose_power_under_load(kind, folder, sumdb, rng):
    """-> number of artifacts that were answered"""
    folder.mkdir()
    tree = Made()
    modules = [f"example.com/m{i}/@v/v1.0.{rng.randrange(10**6)}." for i in range(400)]
    for module in modules:
        path, version = module[:-1].split("/@v/")
        tree.add(path, version, files={"noise.bin": rng.randbytes(rng.choice((100, 20_000, 200_000)))})
    sumdb.know(tree)
    with disk.Disk(folder, kind) as d, Origin(tree) as origin:
        store = d.mount / "store"
        m = modgate.Modgate(folder, origin.url, config=CONFIG + f"store: {store}\n", store=store,
                            env={"GOSUMDB": sumdb.gosumdb}).start()
        try:
            # In pairs: who asks a moment later must not be told of what is not yet on the disk.
            clients = [Client(m, tree, modules[i // 2::2]) for i in range(4)]
            for c in clients:
                c.start()
            origin.wait_for("", 20)
            time.sleep(rng.random() * 2)
            d.lose_power()
            for c in clients:
                c.join(60)
                assert not c.is_alive() and c.trouble is None, c.trouble
            m.kill()
            d.mount_again()
            origin.stop()
            gone = sumdb.gone()
            m.start_elsewhere()
            acknowledged = set().union(*(c.acknowledged for c in clients))
            storecheck.check(store, tree, sumdb)
            for name in (module + end for module in modules for end in power_loss.ENDS):
                answer = m.get("/" + name)
                if name in acknowledged or answer.status == 200:
                    assert expect.success(answer).body == tree.files[name], name
                else:
                    expect.failure(answer, (502, 503))
                    break  # nobody came further than this
            zips = (n for n in acknowledged if n.endswith(".zip"))
            check_database_alone(m.get, sumdb, [f"lookup/{n[:-4].replace('/@v/', '@')}" for n in zips])
            for name in acknowledged:
                assert expect.success(m.get("/" + name)).body == tree.files[name], name
            m.stop()
            sumdb.off(gone)
        finally:
            m.stop(check=False)
    return len(acknowledged)


def test_f02_power_goes_under_load(kind, tmp_path, sumdb):
    sumdb.fill(300)
    assert lose_power_under_load(kind, tmp_path / "0", sumdb, random.Random()) > 0


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_f02_power_goes_under_load_often(kind, tmp_path, sumdb):
    sumdb.fill(300)
    rng = random.Random()
    answers = [lose_power_under_load(kind, tmp_path / str(i), sumdb, rng) for i in range(40)]
    print(f"{kind}: {len(answers)} power losses under load, {sum(answers)} artifacts answered, all kept")


def lose_power_after_a_kill(kind, folder, name, nth):
    """The writer dies at that call, another one takes its place, and when all is answered the power goes. What the
    dead one had given a name and not synced was there for everybody to see."""
    folder.mkdir()
    tree, targets = power_loss.made(), [power_loss.MODULE + end for end in power_loss.ENDS]
    with disk.Disk(folder, kind) as d, Origin(tree) as origin:
        store = d.mount / "store"
        m = modgate.Modgate(folder, origin.url, config=CONFIG + f"store: {store}\n", store=store).start()
        try:
            with KillAt(m.children()["fetch"], nth, name) as killer:
                for target in targets:
                    assert expect.success(m.get(target)).body == tree.files[target[1:]]
            d.lose_power()
            m.kill()
            d.mount_again()
            origin.stop()
            m.start_elsewhere()
            storecheck.check(store, tree)
            for target in targets:
                assert expect.success(m.get(target)).body == tree.files[target[1:]], (name, nth)
            m.stop()
        finally:
            m.stop(check=False)
    return killer


def test_f02_power_goes_after_a_kill(kind, tmp_path):
    calls = lose_power_after_a_kill(kind, tmp_path / "0", "none", 1).counted
    assert calls["linkat"] == 3  # .info, .mod, .zip: each followed by the sync of its folder
    for nth in (1, 2, 3):
        killer = lose_power_after_a_kill(kind, tmp_path / str(nth), "linkat+", nth)
        assert (killer.what, killer.value) == ("killed", "fsync")


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_f02_power_goes_after_a_kill_at_any_sync(kind, tmp_path):
    calls = lose_power_after_a_kill(kind, tmp_path / "0", "none", 1).counted
    for name in ("fsync", "linkat", "renameat"):
        for nth in range(1, calls[name] + 1):
            lose_power_after_a_kill(kind, tmp_path / f"{name}{nth}", name, nth)
