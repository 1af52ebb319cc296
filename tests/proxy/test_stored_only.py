# SPDX-License-Identifier: Apache-2.0
"""Those who must not ask upstream (Disable-Module-Fetch, /cached-only, the setting offline): what is stored is
theirs, a fault is no absence, and what they get is not what the others get."""

import os
import random
import threading

import pytest

from lib import expect

LIST = "/example.com/m/@v/list"
ZIP = "/example.com/m/@v/v1.0.0.zip"
ONLY = [("Disable-Module-Fetch", "true")]
NO_RETRIES = "upstream:\n  retries: 0\n"
ALWAYS_OLD = "list:\n  fresh: 0s\n  stale: 0s\n"


@pytest.fixture
def big(tree):
    return tree.add("example.com/m", "v1.0.0", files={"noise.bin": random.Random(5).randbytes(300_000)})


def damage(m, target, data):
    (m.store / "modules" / target[1:]).write_bytes(data[:-1] + bytes([data[-1] ^ 1]))


def test_damage_is_no_absence(modgate_of, origin, big):
    m = modgate_of(origin.url, config=NO_RETRIES)
    targets = [f"/example.com/m/@v/v1.0.0.{kind}" for kind in ("info", "mod", "zip")]
    for target in targets:
        expect.success(m.get(target))
    m.stop()
    origin.stop()
    for target in targets:
        damage(m, target, big.files[target[1:]])
    for config in (NO_RETRIES, "offline: true\n"):
        m.config = config
        m.start()
        for target in targets:
            expect.failure(m.get(target, ONLY), 503)
            expect.failure(m.get("/cached-only" + target), 503)
        assert m.get("/readyz").status == 200, "one damaged file is no fault of the storage"
        m.stop()


def test_offline_knows_the_cached_only_prefix(modgate_of, origin, big):
    m = modgate_of(origin.url)
    expect.success(m.get(ZIP))
    m.stop()
    m.config = "offline: true\n"
    m.start()
    expect.success(m.get("/cached-only" + ZIP), big.files[ZIP[1:]])


def test_what_is_old_is_theirs_while_others_wait_for_news(modgate_of, origin, tree):
    tree.add("example.com/m", "v1.0.0")
    m = modgate_of(origin.url, config=ALWAYS_OLD)
    expect.success(m.get(LIST))
    gate = threading.Event()
    origin.on(".", hold=gate)
    asker = threading.Thread(target=m.get, args=(LIST,))
    asker.start()
    try:
        origin.wait_for(LIST, 2)
        for _ in range(4):
            expect.success(m.get(LIST, ONLY), b"v1.0.0\n")
            expect.success(m.get("/cached-only" + LIST), b"v1.0.0\n")
            expect.failure(m.get("/example.com/n/@v/list", ONLY), 404)
    finally:
        gate.set()
        asker.join()


def test_what_is_old_for_them_is_not_given_to_others(modgate_of, origin, tree):
    tree.add("example.com/m", "v1.0.0")
    m = modgate_of(origin.url, config=ALWAYS_OLD)
    expect.success(m.get(LIST))
    for i in range(1, 6):
        tree.add("example.com/m", f"v1.{i}.0")
        for _ in range(4):
            expect.success(m.get(LIST, ONLY))
        assert f"v1.{i}.0" in m.get(LIST).text


def test_damage_leaves_no_descriptor_open(modgate_of, origin, big):
    m = modgate_of(origin.url)
    expect.success(m.get(ZIP))
    for _ in range(3):
        m.stop()
        damage(m, ZIP, big.files[ZIP[1:]])
        m.start()
        expect.success(m.get(ZIP), big.files[ZIP[1:]])
        folder = f"/proc/{m.children()['front']}/fd"
        try:
            open_files = [os.readlink(f"{folder}/{fd}") for fd in os.listdir(folder)]
        except PermissionError:
            pytest.skip("only root may look")
        assert not [f for f in open_files if "quarantine" in f]
