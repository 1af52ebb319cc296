# SPDX-License-Identifier: Apache-2.0
"""`modgate sumdb acknowledge`: after a fork nothing is proven until an operator has said so."""

import json

import pytest

from lib import expect

RUNNING = pytest.mark.parametrize("running", [True, False], ids=["server", "no-server"])


def url(name, kind="mod"):
    return f"/example.com/{name}/@v/v1.0.0.{kind}"


def held(sumdb):
    """An answer of the database that the server has ready."""
    return f"/sumdb/{sumdb.name}/lookup/example.com/b@v1.0.0"


@pytest.fixture
def forked(proving, sumdb, tree):
    """A modgate that has seen a fork, and the history that it trusts."""
    for name in "abcd":
        tree.add(f"example.com/{name}", "v1.0.0", gomod=f"module example.com/{name}\n")
    m = proving(config="workers: 1\n")
    expect.success(m.get(url("a")))
    sumdb.fill(20)
    expect.success(m.get(url("b")))
    expect.success(m.get(held(sumdb)))
    trusted = sumdb.history
    sumdb.fork(at=3)
    sumdb.fill(40)
    expect.failure(m.get(url("c")), 502)
    assert (m.store / "sumdb" / sumdb.name / "fork").exists()
    expect.failure(m.get(url("d")), 502, "two histories")
    return m, trusted


def evidence(m, sumdb):
    return sorted(str(f.relative_to(m.store / "sumdb")) for f in (m.store / "sumdb").rglob("fork*") if f.is_file())


@RUNNING
def test_acknowledged_the_old_history_is_trusted_on(forked, sumdb, running):
    m, trusted = forked
    was = (m.store / "sumdb" / sumdb.name / "fork").read_bytes()
    if not running:
        m.stop()
    done = m.run("sumdb", "acknowledge")
    assert done.returncode == 0, done.stderr
    kept = evidence(m, sumdb)
    assert len(kept) == 1 and kept[0].startswith(f"{sumdb.name}/fork.2") and kept[0] in done.stdout
    assert (m.store / "sumdb" / kept[0]).read_bytes() == was
    if not running:
        m.start()
    expect.failure(m.get(url("d")), 502)  # the other history is no better for it
    assert len(evidence(m, sumdb)) == 2
    sumdb.history = trusted
    assert m.run("sumdb", "acknowledge").returncode == 0
    expect.success(m.get(url("d")))
    expect.success(m.get(url("a")))


@RUNNING
def test_start_over_trusts_what_is_shown_now(forked, sumdb, running):
    m, _ = forked
    old = m.get(held(sumdb)).body if running else b""
    if not running:
        m.stop()
    done = m.run("sumdb", "acknowledge", "--start-over")
    assert done.returncode == 0, done.stderr
    kept = evidence(m, sumdb)
    assert len(kept) == 1 and kept[0].startswith(f"{sumdb.name}.2") and kept[0] in done.stdout
    aside = m.store / "sumdb" / kept[0].split("/")[0]
    assert (aside / "latest").exists() and (aside / "lookup").is_dir() and (aside / "tile").is_dir()
    if not running:
        m.start()
    for name in "abcd":
        expect.success(m.get(url(name)))
    assert len(evidence(m, sumdb)) == 1
    assert m.get(held(sumdb)).body != old
    record = json.loads((m.store / "modules/example.com/d/@v/v1.0.0.provenance").read_bytes())
    assert record["mod"]["verified"] == "sumdb"


def test_start_over_forgets_what_was_proven(forked, sumdb):
    m, _ = forked
    old = (m.store / "sumdb" / sumdb.name / "latest").read_bytes()
    assert m.run("sumdb", "acknowledge", "--start-over").returncode == 0
    for name in "dc":
        sumdb.learn(f"/lookup/example.com/{name}@v1.0.0")
    sumdb.fill(5)
    expect.success(m.get(url("c")))
    sumdb.alter("^/lookup/", lambda body: body.split(b"\n\n")[0] + b"\n\n" + old)
    # The lookup that is made while the .mod is on its way may be the one that finds it.
    expect.failure(m.get(url("d")), 502, sumdb.name)
    assert (m.store / "sumdb" / sumdb.name / "fork").exists()


@RUNNING
def test_without_evidence_there_is_nothing_to_acknowledge(proving, sumdb, tree, running):
    tree.add("example.com/a", "v1.0.0")
    m = proving()
    expect.success(m.get(url("a")))
    if not running:
        m.stop()
    for more in ([], ["--start-over"]):
        done = m.run("sumdb", "acknowledge", *more)
        assert done.returncode == 1 and "nothing to acknowledge" in done.stderr
    assert (m.store / "sumdb" / sumdb.name / "latest").exists()


def test_without_a_database(modgate):
    done = modgate.run("sumdb", "acknowledge")
    assert done.returncode == 1 and "no checksum database" in done.stderr
    assert modgate.run("sumdb").returncode == modgate.run("sumdb", "forget").returncode == 2
