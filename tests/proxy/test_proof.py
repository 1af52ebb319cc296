# SPDX-License-Identifier: Apache-2.0
"""No byte that the checksum database does not vouch for is served or stored, and who asks for it learns
why (T01, T13, T14); what is right needs no network a second time."""

import copy
import hashlib
import json
import os
import re
import shutil
import ssl
import subprocess
import threading

import pytest

from lib import expect, gocmd, herd, modules
from lib.modgate import sanitized
from lib.ports import free_port
from lib.origin import Reply
from lib.sumdb import NO_HASH, Sumdb, h1_mod
from lib.tree import h1, make_zip

INFO, MOD, ZIP = (f"/example.com/m/@v/v1.0.0.{kind}" for kind in ("info", "mod", "zip"))
RETAGGED, ALTERED, CORRUPT, RULES = CAUSES = (
    "re-tagged upstream", "altered on the way", "corrupt store", "built by other zip rules")
HASH = re.compile(r"h1:[0-9A-Za-z+/]{43}=")
PROVES = "-modcacherw -mod=mod"


def stored(m, kind, path="example.com/m", version="v1.0.0"):
    return m.store / "modules" / path / "@v" / f"{version}.{kind}"


def not_stored(m, *kinds, path="example.com/m", version="v1.0.0"):
    for kind in kinds or ("mod", "zip"):
        assert not stored(m, kind, path, version).exists()
    tries = threading.Event()  # what is fetched ahead may be under way
    for _ in range(100):
        left = list((m.store / "tmp").glob("*"))
        if not left:
            return
        tries.wait(0.1)
    raise AssertionError(left)


def mismatch(m, origin, target, cause, wanted, got=None):
    """The refusal of what does not match: which of the four it was, and all that helps to see why."""
    answer = expect.failure(m.get(target), 502, wanted, origin.url.removeprefix("http://"), "first seen ")
    causes = [c for c in CAUSES if c in answer.text]
    assert len(causes) == 1 and causes[0] in (cause if isinstance(cause, tuple) else (cause,)), answer.text
    if got:
        assert got in answer.text
    path, file = target.split("/@v/")
    not_stored(m, file.rsplit(".", 1)[1], path=path[1:], version=file.rsplit(".", 1)[0])
    expect_logged(m, causes[0])
    return answer


def chain(tree):
    """A few modules that need each other."""
    tree.add("github.com/Azure/dep", "v1.2.3-RC1").add("example.com/m", "v1.0.0")
    tree.add("example.com/lib/v2", "v2.0.0", files={"m.go": 'package m\n\nimport (\n\t_ "github.com/Azure/dep"\n\t_ "example.com/m"\n)\n'},
             gomod="module example.com/lib/v2\n\ngo 1.20\n\nrequire (\n\tgithub.com/Azure/dep v1.2.3-RC1\n\texample.com/m v1.0.0\n)\n")


def build(go, folder):
    work = gocmd.project(folder, requires=[("example.com/lib/v2", "v2.0.0")],
                         source='package main\n\nimport _ "example.com/lib/v2"\n\nfunc main() {}\n')
    go.run("build", "./...", cwd=work)
    return (work / "go.sum").read_text()


# --- what is right


@pytest.mark.smoke
@pytest.mark.parametrize("way", ["direct", "through the upstream"])
def test_a_build_is_proven_and_once_more_without_a_network(proving, origin, sumdb, tree, go_of, tmp_path, way):
    chain(tree)
    sumdb.fill(300)
    if way == "direct":
        m = proving()
    else:
        sumdb.mount(origin)
        sumdb.stop()
        m = proving(gosumdb=sumdb.key)
    first = build(go_of(m.url, GOSUMDB=sumdb.key, GOFLAGS=PROVES), tmp_path / "first")
    for path, version, escaped in (("github.com/Azure/dep", "v1.2.3-RC1", "github.com/!azure/dep/@v/v1.2.3-!r!c1"),
                                   ("example.com/lib/v2", "v2.0.0", "example.com/lib/v2/@v/v2.0.0")):
        assert f"{path} {version} {h1(tree.files[escaped + '.zip'])}\n" in first
        assert f"{path} {version}/go.mod {h1_mod(tree.files[escaped + '.mod'])}\n" in first
    assert len(sumdb.paths("^/lookup/")) == len(set(sumdb.paths("^/lookup/"))) == 3
    if way == "direct":
        assert origin.count("^/sumdb/") == 0
    else:
        assert origin.count(rf"^/sumdb/{sumdb.name}/supported$") == 1
    assert json.loads(stored(m, "provenance").read_text())  # one of each version, and it says how
    assert stored(m, "provenance").read_text().count('"sumdb"') == 2

    m.stop()
    origin.stop()
    sumdb.stop()
    m.start()
    again = build(go_of(m.url, GOSUMDB=sumdb.key, GOFLAGS=PROVES), tmp_path / "again")
    assert again == first


def test_a_database_at_the_url_of_its_name(proving, sumdb_program, origin, tree, tmp_path):
    """Neither a URL in GOSUMDB nor an upstream that offers it: https://NAME."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                    "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", tmp_path / "key", "-out",
                    tmp_path / "cert"], check=True, capture_output=True)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(tmp_path / "cert", tmp_path / "key")
    port = free_port()
    tree.add("example.com/m", "v1.0.0")
    with Sumdb(sumdb_program, name=f"localhost:{port}", port=port, tls=tls).know(tree) as db:
        m = proving(gosumdb=db.key, upstream=f"  ca-file: {tmp_path}/cert\n")
        expect.success(m.get(ZIP), tree.files[ZIP[1:]])
        assert db.count("^/lookup/example.com/m@v1.0.0$") == 1
        assert origin.count("/supported$") == 1


def test_an_upstream_that_fails_to_say_is_not_passed_by(proving, origin, sumdb, tree):
    tree.add("example.com/m", "v1.0.0")
    sumdb.mount(origin)
    rule = origin.on("/supported$", Reply(500))
    m = proving(gosumdb=sumdb.key)
    expect.failure(m.get(ZIP), (502, 503), "500")
    not_stored(m)
    origin.off(rule)
    assert expect_soon(m, ZIP) == tree.files[ZIP[1:]]


def expect_logged(m, text):
    """The log is written a moment after what it tells of."""
    tries = threading.Event()
    for _ in range(100):
        if text in m.log():
            return
        tries.wait(0.1)
    raise AssertionError(f"{text!r} is not in the log:\n{m.log()[-3000:]}")


def expect_soon(m, target):
    """What was remembered of a fault is forgotten within seconds."""
    tries = threading.Event()
    for _ in range(100):
        answer = m.get(target)
        if answer.status == 200:
            return answer.body
        tries.wait(0.2)
    raise AssertionError(answer)


def test_one_lookup_for_many_who_ask(proving, sumdb, tree):
    tree.add("example.com/m", "v1.0.0")
    m = proving()
    gate = threading.Event()
    sumdb.on("^/lookup/", hold=gate)
    asked = threading.Thread(target=sumdb.wait_for, args=("^/lookup/",))
    asked.start()
    opener = threading.Thread(target=lambda: (asked.join(), gate.set()))
    opener.start()
    members = herd.run(m.address, [ZIP] * 50, tree.files[ZIP[1:]])
    opener.join()
    assert {c.status for c in members} == {200} and all(c.as_expected for c in members)
    expect.success(m.get(MOD))
    assert sumdb.count("^/lookup/") == 1


def test_an_older_head_is_no_fork(proving, sumdb, tree):
    tree.add("example.com/m", "v1.0.0").add("example.com/n", "v1.0.0")
    m = proving()
    for path in ("m", "n"):
        sumdb.learn(f"/lookup/example.com/{path}@v1.0.0")
    sumdb.fill(600)
    expect.success(m.get(ZIP))
    older = sumdb.latest(400)
    sumdb.alter("^/lookup/", lambda body: body.split(b"\n\n")[0] + b"\n\n" + older)
    expect.success(m.get("/example.com/n/@v/v1.0.0.zip"))
    assert "SECURITY" not in m.log()


def test_a_chain_of_two(proving, origin, sumdb, tree, go_of, tmp_path):
    """The second reaches the database through the first."""
    chain(tree)
    sumdb.fill(300)
    first = proving()
    second = proving(goproxy=first.url, gosumdb=sumdb.key)
    sums = build(go_of(second.url, GOSUMDB=sumdb.key, GOFLAGS=PROVES), tmp_path / "cold")
    first.stop()
    assert build(go_of(second.url, GOSUMDB=sumdb.key, GOFLAGS=PROVES), tmp_path / "warm") == sums


def test_what_needs_no_proof_does_not_wait_for_it(proving, sumdb, tree):
    tree.add("example.com/m", "v1.0.0").latest("example.com/m", "v1.0.0")
    gate = threading.Event()
    sumdb.on("^/", hold=gate)
    m = proving()
    try:
        for target in (INFO, "/example.com/m/@v/list", "/example.com/m/@latest"):
            expect.success(m.get(target, timeout=20), tree.files[target[1:]])
    finally:
        gate.set()


def test_a_name_without_a_known_key_is_told_at_the_start(modgate_of, origin):
    m = modgate_of(origin.url, wait=False, env={"GOSUMDB": "sum.nobody.test"})
    assert m.process.wait(30) != 0
    assert "GOSUMDB" in m.log() and "sum.nobody.test" in m.log()
    m.process = None


# --- what is wrong


def test_a_wrong_mod(proving, origin, sumdb, tree, go_of, tmp_path):
    tree.add("example.com/m", "v1.0.0")
    right = tree.files[MOD[1:]]
    sumdb.learn("/lookup/example.com/m@v1.0.0")
    wrong = tree.files[MOD[1:]] = right + b"\nrequire example.com/evil v1.0.0\n"
    m = proving()
    mismatch(m, origin, MOD, (RETAGGED, ALTERED), h1_mod(right), h1_mod(wrong))
    shown = go_of(m.url, GOSUMDB="off").run("mod", "download", "example.com/m@v1.0.0", cwd=gocmd.project(tmp_path / "user"),
                                            check=False)
    assert shown.returncode != 0 and h1_mod(right) in shown.stderr and h1_mod(wrong) in shown.stderr
    tree.files[MOD[1:]] = right
    assert expect_soon(m, MOD) == right


def test_t13_a_tag_that_moved(proving, origin, sumdb, tree, go_of, tmp_path):
    tree.add("example.com/m", "v1.0.0")
    right = tree.files[ZIP[1:]]
    m = proving()
    expect.success(m.get(MOD))
    moved = tree.files[ZIP[1:]] = make_zip("example.com/m", "v1.0.0", {"go.mod": "module example.com/m\n", "evil.go": "package m\n"})
    for _ in range(2):
        mismatch(m, origin, ZIP, RETAGGED, h1(right), h1(moved))
    shown = go_of(m.url, GOSUMDB="off").run("mod", "download", "example.com/m@v1.0.0", cwd=gocmd.project(tmp_path / "user"),
                                            check=False)
    assert shown.returncode != 0 and RETAGGED in shown.stderr and h1(right) in shown.stderr
    tree.files[ZIP[1:]] = right
    assert expect_soon(m, ZIP) == right
    # From now on it does not matter what upstream has.
    tree.files[ZIP[1:]] = moved
    m.stop()
    m.start()
    expect.success(m.get(ZIP), right)


def broken(data):
    """One byte of the first file's compressed content."""
    at = 30 + int.from_bytes(data[26:28], "little") + int.from_bytes(data[28:30], "little") + 3
    return data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :]


def test_a_zip_broken_on_the_way(proving, origin, sumdb, tree):
    tree.add("example.com/m", "v1.0.0")
    right = tree.files[ZIP[1:]]
    m = proving()
    rule = origin.on(r"\.zip$", lambda _: Reply(200, broken(right)))
    mismatch(m, origin, ZIP, ALTERED, h1(right))
    origin.off(rule)
    assert expect_soon(m, ZIP) == right
    tree.add("example.com/n", "v1.0.0")
    origin.on(r"/n/.*\.zip$", lambda _: Reply(200, broken(tree.files["example.com/n/@v/v1.0.0.zip"])), times=1)
    assert expect_soon(m, "/example.com/n/@v/v1.0.0.zip") == tree.files["example.com/n/@v/v1.0.0.zip"]


@pytest.mark.parametrize("more", ["directories", "vendor list", "archive note"])
def test_a_zip_built_by_other_rules(proving, origin, sumdb, tree, more):
    gomod = "module example.com/m\n\ngo 1.24\n"
    files = {"go.mod": gomod, "m.go": "package m\n", "sub/s.go": "package sub\n"}
    tree.add("example.com/m", "v1.0.0", gomod=gomod)
    right = tree.files[ZIP[1:]] = make_zip("example.com/m", "v1.0.0", files)
    sumdb.learn("/lookup/example.com/m@v1.0.0")
    extra = {"directories": {"": b"", "sub/": b""}, "vendor list": {"vendor/modules.txt": "# none\n"},
             "archive note": {".hg_archival.txt": "repo: 0\n"}}[more]
    other = tree.files[ZIP[1:]] = make_zip("example.com/m", "v1.0.0", {**files, **extra})
    assert h1(right) != h1(other)
    m = proving()
    mismatch(m, origin, ZIP, RULES, h1(right), h1(other))
    tree.files[ZIP[1:]] = right
    assert expect_soon(m, ZIP) == right


@pytest.mark.parametrize("kind", ["mod", "zip"])
@pytest.mark.parametrize("how", ["changed", "cut", "empty"])
def test_a_damaged_store_heals(proving, origin, sumdb, tree, kind, how):
    tree.add("example.com/m", "v1.0.0")
    target = {"mod": MOD, "zip": ZIP}[kind]
    right = tree.files[target[1:]]
    m = proving()
    expect.success(m.get(target), right)
    m.stop()
    damage(stored(m, kind), how)
    m.start()
    assert expect_soon(m, target) == right
    assert stored(m, kind).read_bytes() == right
    expect_logged(m, CORRUPT)
    # Without anybody to heal it by, it is refused.
    m.stop()
    damage(stored(m, kind), how)
    wrong = stored(m, kind).read_bytes()
    origin.stop()
    m.start()
    both = [hashlib.sha256(data).hexdigest() for data in (wrong, right)]
    answer = expect.failure(m.get(target), (502, 503), CORRUPT, *both, origin.url.removeprefix("http://"), "first seen ")
    assert right not in answer.body


@pytest.mark.parametrize("artifact", ["there", "gone"])
@pytest.mark.parametrize("record", ["garbage", "empty", "gone", "of another version", "a folder"])
def test_a_damaged_record_heals(proving, origin, sumdb, tree, artifact, record):
    tree.add("example.com/m", "v1.0.0").add("example.com/m", "v1.0.1")
    m = proving()
    for version in ("v1.0.0", "v1.0.1"):
        expect.success(m.get(f"/example.com/m/@v/{version}.mod"))
        expect.success(m.get(f"/example.com/m/@v/{version}.zip"))
    m.stop()
    file = stored(m, "provenance")
    other = stored(m, "provenance", version="v1.0.1").read_bytes()
    file.unlink()
    if record == "a folder":
        file.mkdir()
    elif record != "gone":
        file.write_bytes({"garbage": b"no record\n", "empty": b"", "of another version": other}[record])
    if artifact == "gone":
        stored(m, "mod").unlink()
        stored(m, "zip").unlink()
    m.start()
    for target in (MOD, ZIP):
        expect.success(m.get(target), tree.files[target[1:]])
    m.stop()
    m.start()
    origin.stop()
    sumdb.stop()
    for target in (MOD, ZIP):
        expect.success(m.get(target), tree.files[target[1:]])


@pytest.mark.parametrize("flaw", ["not JSON", "not JSON where it says how it was proven"])
def test_a_damaged_record_heals_without_upstream(proving, origin, sumdb, tree, flaw):
    tree.add("example.com/m", "v1.0.0")
    m = proving()
    expect.success(m.get(MOD))
    expect.success(m.get(ZIP))
    m.stop()
    origin.stop()
    sumdb.stop()
    text = stored(m, "provenance").read_text()
    stored(m, "provenance").write_text(text[1:] if flaw == "not JSON" else text.replace('"verified":"sumdb"', '"verified":"sumdb'))
    m.start()
    for target in (MOD, ZIP):
        expect.success(m.get(target), tree.files[target[1:]])
    record = json.loads(stored(m, "provenance").read_text())
    assert record["mod"]["verified"] == record["zip"]["verified"] == "sumdb"


def test_f05_two_versions_exchanged_with_their_records(proving, sumdb, tree):
    """Each is whole and as recorded, but for its name."""
    one, two = (f"/example.com/m/@v/v1.0.{i}." for i in (0, 1))
    for version in ("v1.0.0", "v1.0.1"):
        tree.add("example.com/m", version, gomod=f"module example.com/m\n\n// {version}\n")
    m = proving()
    for kind in ("mod", "zip"):
        expect.success(m.get(one + kind))
        expect.success(m.get(two + kind))
    m.stop()
    for kind in ("mod", "zip", "provenance"):
        a, b = stored(m, kind), stored(m, kind, version="v1.0.1")
        was = a.read_bytes()
        a.write_bytes(b.read_bytes())
        b.write_bytes(was)
    m.start()
    for target in (one, two):
        for kind in ("mod", "zip"):
            expect.success(m.get(target + kind), tree.files[(target + kind)[1:]])


def test_a_damaged_record_of_the_mod_is_no_word_against_the_zip(proving, sumdb, tree):
    tree.add("example.com/m", "v1.0.0")
    m = proving()
    expect.success(m.get(MOD))
    expect.success(m.get(ZIP))
    m.stop()
    record = json.loads(stored(m, "provenance").read_text())
    record["mod"].update(origin="import", h1=NO_HASH)
    stored(m, "provenance").write_text(json.dumps(record))
    stored(m, "zip").unlink()
    m.start()
    expect.success(m.get(ZIP), tree.files[ZIP[1:]])


def damage(file, how):
    data = file.read_bytes()
    at = len(data) // 2
    file.write_bytes({"changed": data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :], "cut": data[:-1], "empty": b""}[how])


def test_a_damaged_store_and_a_wrong_upstream(proving, origin, sumdb, tree):
    tree.add("example.com/m", "v1.0.0")
    right = tree.files[ZIP[1:]]
    m = proving()
    expect.success(m.get(ZIP), right)
    m.stop()
    damage(stored(m, "zip"), "changed")
    tree.files[ZIP[1:]] = make_zip("example.com/m", "v1.0.0", {"go.mod": "module example.com/m\n"})
    m.start()
    answer = expect.failure(m.get(ZIP), 502, h1(right), h1(tree.files[ZIP[1:]]))
    assert RETAGGED in answer.text or CORRUPT in answer.text
    not_stored(m, "zip")


@pytest.mark.parametrize("was", ["off", "a copied cache"])
def test_what_was_stored_without_proof_is_proven_before_it_is_served(proving, modgate_of, origin, sumdb, tree, was):
    tree.add("example.com/m", "v1.0.0")
    right = copy.deepcopy(tree)
    sumdb.learn("/lookup/example.com/m@v1.0.0")
    tree.files[ZIP[1:]] = make_zip("example.com/m", "v1.0.0", {"go.mod": "module example.com/m\n"})
    m = proving(config="sumdb: off\n")
    if was == "off":
        expect.success(m.get(ZIP), tree.files[ZIP[1:]])
        assert sumdb.count() == 0
    m.stop()
    if was != "off":
        tree.write(m.store / "modules")
    m.config = m.config.replace("sumdb: off\n", "")
    m.start()
    expect.failure(m.get(ZIP), (502, 503), h1(right.files[ZIP[1:]]))
    tree.files.update(right.files)
    assert expect_soon(m, ZIP) == right.files[ZIP[1:]]


@pytest.mark.parametrize("right", [True, False])
@pytest.mark.parametrize("way", ["athens", "a copied cache"])
def test_when_reachable_the_database_is_asked_about_what_was_copied_in(proving, origin, sumdb, tree, way, right):
    tree.add("example.com/m", "v1.0.0")
    sumdb.learn("/lookup/example.com/m@v1.0.0")
    bytes_of_it = tree.files[ZIP[1:]]
    if not right:
        tree.files[ZIP[1:]] = make_zip("example.com/m", "v1.0.0", {"go.mod": "module example.com/m\n"})
    m = proving(config="sumdb: when-reachable\n")
    m.stop()
    origin.stop()
    if way == "athens":
        folder = m.store / "example.com/m/v1.0.0"
        folder.mkdir(parents=True)
        for kind, name in (("info", "v1.0.0.info"), ("mod", "go.mod"), ("zip", "source.zip")):
            (folder / name).write_bytes(tree.files[f"example.com/m/@v/v1.0.0.{kind}"])
    else:
        tree.write(m.store / "modules")
    m.start()
    if not right:
        expect.failure(m.get(ZIP), (502, 503, 504))
        not_stored(m, "zip")
        return
    sumdb.stop()
    expect.success(m.get(ZIP), bytes_of_it)
    assert json.loads(stored(m, "provenance").read_text())["zip"]["verified"] == "unasked"
    # Who wants proof has it proven.
    sumdb.start()
    m.stop()
    m.config = m.config.replace("sumdb: when-reachable\n", "")
    m.start()
    expect.success(m.get(ZIP), bytes_of_it)
    assert json.loads(stored(m, "provenance").read_text())["zip"]["verified"] == "sumdb"


# --- what the database says


@pytest.mark.parametrize("status", [404, 410])
@pytest.mark.parametrize("mode", ["required", "when-reachable"])
def test_a_version_the_database_does_not_know(proving, origin, sumdb, tree, status, mode):
    tree.add("example.com/m", "v1.0.0")
    rule = sumdb.on("^/lookup/", Reply(status, "not found: example.com/m@v1.0.0: invalid version: unknown revision\n"))
    m = proving(config=f"sumdb: {mode}\n")
    for target in (MOD, ZIP):
        expect.failure(m.get(target), 403, "example.com/m@v1.0.0", sumdb.name)
    not_stored(m)
    sumdb.off(rule)
    assert expect_soon(m, ZIP) == tree.files[ZIP[1:]]


@pytest.mark.parametrize("how", ["refused", "503", "silent"])
def test_a_database_that_is_down(proving, origin, sumdb, tree, how):
    tree.add("example.com/m", "v1.0.0").add("example.com/n", "v1.0.0")
    gate = threading.Event()
    quick = "  first-byte-timeout: 1s\n  connect-timeout: 1s\n"
    strict = proving(upstream=quick)
    lenient = proving(upstream=quick, config="sumdb: when-reachable\n")
    off = proving(config="sumdb: off\n")
    if how == "refused":
        sumdb.stop()
    else:
        sumdb.on("^/(lookup|tile|latest)", Reply(503) if how == "503" else None, hold=gate if how == "silent" else None)
    try:
        for target in (MOD, ZIP):
            expect.failure(strict.get(target), (502, 503, 504), sumdb.name)
            expect.success(lenient.get(target), tree.files[target[1:]])
        not_stored(strict)
        before = sumdb.count()
        expect.success(off.get(ZIP), tree.files[ZIP[1:]])
        assert sumdb.count() == before
    finally:
        gate.set()
    if how == "refused":
        sumdb.start()
    sumdb.off()
    assert expect_soon(strict, ZIP) == tree.files[ZIP[1:]]
    # What cannot be reached now and then still decides when it can.
    tree.files["example.com/n/@v/v1.0.0.zip"] = make_zip("example.com/n", "v1.0.0", {"go.mod": "module example.com/n\n"})
    sumdb.add("example.com/n", "v1.0.0", mod=h1_mod(tree.files["example.com/n/@v/v1.0.0.mod"]))
    assert expect_soon(lenient, "/example.com/n/@v/v1.0.0.mod")
    mismatch(lenient, origin, "/example.com/n/@v/v1.0.0.zip", RETAGGED, NO_HASH)


@pytest.mark.parametrize("text", [
    "example.com/other v1.0.0 {zip}\nexample.com/other v1.0.0/go.mod {mod}\n",
    "example.com/m v1.0.0/go.mod {mod}\n", "example.com/m v1.0.0 {zip}\n",
    "example.com/m v1.0.0 {zip}x\nexample.com/m v1.0.0/go.mod {mod}x\n",
    "example.com/m v1.0.00 {zip}\nexample.com/m v1.0.00/go.mod {mod}\n"])
def test_t01_a_record_without_the_lines_vouches_for_nothing(proving, sumdb, tree, text):
    tree.add("example.com/m", "v1.0.0")
    text = text.format(zip=h1(tree.files[ZIP[1:]]), mod=h1_mod(tree.files[MOD[1:]]))
    sumdb.add("example.com/m", "v1.0.0", text=text)
    m = proving()
    for target in (MOD, ZIP):
        expect.failure(m.get(target), 502, "example.com/m@v1.0.0")
    not_stored(m)


def test_t01_an_empty_answer_vouches_for_nothing(proving, sumdb, tree):
    tree.add("example.com/m", "v1.0.0")
    m = proving()
    for body in (b"", b"\n", b"0\n", b"0\n\n", b"0\n\n" + sumdb.latest()):
        rule = sumdb.on("^/lookup/", Reply(200, body))
        expect.failure(m.get(ZIP), 502)
        sumdb.off(rule)
    not_stored(m)
    assert expect_soon(m, ZIP) == tree.files[ZIP[1:]]


def test_answers_without_an_end(proving, sumdb, tree):
    tree.add("example.com/m", "v1.0.0")
    sumdb.learn("/lookup/example.com/m@v1.0.0")
    m = proving()
    for path in ("^/lookup/", "^/tile/"):
        sent = []

        def endless(conn, request):
            conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4000000000\r\n\r\n")
            try:
                while len(sent) < 4000:
                    conn.sendall(b"x" * 65536)
                    sent.append(65536)
            except OSError:
                pass

        rule = sumdb.on(path, raw=endless)
        expect.failure(m.get(ZIP), 502)
        assert sum(sent) < 32 << 20
        sumdb.off(rule)
        not_stored(m)
    assert expect_soon(m, ZIP) == tree.files[ZIP[1:]]


def test_another_key_vouches_for_nothing(proving, sumdb, sumdb_program, tree):
    tree.add("example.com/m", "v1.0.0").add("example.com/n", "v1.0.0")
    with Sumdb(sumdb_program, seed="17" * 32).know(tree) as other:
        other.fill(7)
        m = proving(gosumdb=f"{sumdb.key} {other.url}")
        expect.failure(m.get(ZIP), 502, sumdb.name)
        not_stored(m)
        # The operator means it: what another key said is trusted no more.
        m.env["GOSUMDB"] = sumdb.gosumdb
        m.stop()
        m.start()
        expect.success(m.get(ZIP), tree.files[ZIP[1:]])
        m.env["GOSUMDB"] = other.gosumdb
        m.stop()
        m.start()
        expect.success(m.get("/example.com/n/@v/v1.0.0.zip"), tree.files["example.com/n/@v/v1.0.0.zip"])
        expect.success(m.get(f"/sumdb/{sumdb.name}/lookup/example.com/m@v1.0.0"))
        assert other.count("^/lookup/example.com/m@") == 1 + 1  # the one that was refused, and anew


def test_what_another_database_has_proven_is_not_proven(proving, origin, sumdb, sumdb_program, tree):
    tree.add("example.com/m", "v1.0.0").add("example.com/n", "v1.0.0")
    with Sumdb(sumdb_program, name="sum.else.test", seed="17" * 32) as other:
        other.add("example.com/m", "v1.0.0")
        other.add("example.com/n", "v1.0.0", *(h(tree.files[f"example.com/n/@v/v1.0.0.{k}"]) for h, k in ((h1, "zip"), (h1_mod, "mod"))))
        m = proving()
        for name in "mn":
            for kind in ("mod", "zip"):
                expect.success(m.get(f"/example.com/{name}/@v/v1.0.0.{kind}"))
        m.env["GOSUMDB"] = other.gosumdb
        m.stop()
        m.start()
        for kind, target in (("mod", MOD), ("zip", ZIP)):
            expect.failure(m.get(target), (502, 503), NO_HASH)
            not_stored(m, kind)
            expect.success(m.get(f"/example.com/n/@v/v1.0.0.{kind}"))
        assert other.count("^/lookup/example.com/n@") == 1


# --- whom the database hears of


PRIVATE = ("github.com/Corp/secret", "v1.0.0-RC1")


@pytest.mark.parametrize("name", ["GONOSUMDB", "GOPRIVATE"])
def test_t16_private_names_are_not_sent_to_the_database(proving, origin, sumdb, tree, go_of, tmp_path, name):
    path, version = PRIVATE
    tree.add(path, version)
    tree.add("example.com/m", "v1.0.0", gomod=f"module example.com/m\n\ngo 1.20\n\nrequire {path} {version}\n",
             files={"m.go": f'package m\n\nimport _ "{path}"\n'})
    sumdb.mount(origin)
    env = {name: "github.com/Corp/*", "GONOPROXY": "none"}
    m = proving(**env)
    through = proving(gosumdb=sumdb.key, **env)
    work = gocmd.project(tmp_path / "user", requires=[("example.com/m", "v1.0.0")],
                         source='package main\n\nimport _ "example.com/m"\n\nfunc main() {}\n')
    for one in (m, through):
        go_of(one.url, GOSUMDB=sumdb.key, GOFLAGS=PROVES, GONOSUMDB="github.com/Corp/*").run("build", "./...", cwd=work)
        (work / "go.sum").unlink()
        for kind in ("info", "mod", "zip"):
            expect.success(one.get(f"/github.com/%21corp/secret/@v/v1.0.0-%21r%21c1.{kind}"))
        for spelling in ("github.com/!corp/secret@v1.0.0-!r!c1", "github.com/%21corp/secret@v1.0.0-%21r%21c1",
                         "github.com/!corp/%73ecret@v1.0.0-!r!c1", "github.com/!corp/%2e/secret@v1.0.0-!r!c1",
                         "github.com/!corp/secret/sub@v1.0.0", "github.com/Corp/secret@v1.0.0"):
            for base in (f"/sumdb/{sumdb.name}", ""):
                assert one.get(f"{base}/lookup/{spelling}").status in (400, 404)
    assert sumdb.count("^/lookup/example.com/m@v1.0.0$") >= 2
    assert sumdb.count("(?i)corp|secret") == 0 and origin.count("(?i)^/sumdb/.*(corp|secret)") == 0


def toolchain(tree, version):
    script = "#!/bin/sh\necho this is the toolchain\n"
    tree.add("golang.org/toolchain", version, gomod="module golang.org/toolchain\n")
    tree.files[f"golang.org/toolchain/@v/{version}.zip"] = make_zip(
        "golang.org/toolchain", version, {"bin/go": script, "bin/gofmt": script, "lib/x": "", "pkg/tool/x": script, "src/_go.mod": "module std\n"})


def test_toolchains_are_proven_whatever_is_private(proving, origin, sumdb, tree, go_of, tmp_path):
    version = "v0.0.1-go1.99.0.linux-amd64"
    toolchain(tree, version)
    toolchain(tree, "v0.0.1-go1.99.1.linux-amd64")
    sumdb.learn("/lookup/golang.org/toolchain@v0.0.1-go1.99.1.linux-amd64")
    right = tree.files["golang.org/toolchain/@v/v0.0.1-go1.99.1.linux-amd64.zip"]
    tree.files["golang.org/toolchain/@v/v0.0.1-go1.99.1.linux-amd64.zip"] = make_zip(
        "golang.org/toolchain", "v0.0.1-go1.99.1.linux-amd64", {"bin/go": "#!/bin/sh\necho evil\n"})
    m = proving(GONOSUMDB="*", GOPRIVATE="golang.org/*", GONOPROXY="none")
    for _ in range(2):
        go = go_of(m.url, GOSUMDB=sumdb.key, GONOSUMDB="*", GOTOOLCHAIN="go1.99.0")
        assert go.run("version", cwd=tmp_path).stdout == "this is the toolchain\n"
        origin.stop()
        sumdb.stop()
    assert sumdb.count("^/lookup/golang.org/toolchain@") == 1
    origin.start()
    sumdb.start()
    answer = m.get("/golang.org/toolchain/@v/v0.0.1-go1.99.1.linux-amd64.zip")
    expect.failure(answer, 502, RETAGGED, h1(right))


@pytest.mark.smoke
def test_a_large_toolchain_needs_little_memory(proving, origin, sumdb, tree):
    version = "v0.0.1-go1.99.2.linux-amd64"
    name = f"golang.org/toolchain/@v/{version}.zip"
    tree.add("golang.org/toolchain", version, gomod="module golang.org/toolchain\n")
    mib = 6 if sanitized() else 48  # its allocator keeps what was freed: nothing to be seen there
    noise = os.urandom(1 << 20)
    tree.files[name] = make_zip("golang.org/toolchain", version, {"bin/go": mib * noise, "pkg/lib.a": bytes(mib << 21)})
    assert len(tree.files[name]) > mib << 20
    m = proving()
    expect.success(m.get(f"/golang.org/toolchain/@v/{version}.mod"))
    before = m.peak_rss()
    expect.success(m.get("/" + name, timeout=120), tree.files[name])
    grown = m.peak_rss() - before
    assert sanitized() or grown < 8 << 20, f"{grown >> 10} KiB"


# --- what is asked for ahead


def earn(m, tree, first, end):
    """What is fetched ahead is paid by what was asked for."""
    for i in range(first, end):
        tree.add(f"example.com/earn{i}", "v1.0.0")
        expect.success(m.get(f"/example.com/earn{i}/@v/v1.0.0.mod"))


def requiring(tree, path, requires):
    lines = "".join(f"require {name} v1.0.0\n" for name in requires)
    tree.add(path, "v1.0.0", gomod=f"module {path}\n\ngo 1.16\n\n{lines}")  # read whole: not pruned


def test_what_comes_next_is_fetched_ahead(proving, origin, sumdb, tree):
    requiring(tree, "example.com/m", ["example.com/dep", "corp.example.com/secret"])
    tree.add("example.com/dep", "v1.0.0").add("corp.example.com/secret", "v1.0.0")
    m = proving(GOPRIVATE="corp.example.com")
    earn(m, tree, 0, 40)
    expect.success(m.get(INFO))
    origin.wait_for("/example.com/m/@v/v1.0.0.mod")
    sumdb.wait_for("^/lookup/example.com/m@")
    expect.success(m.get(MOD))
    origin.wait_for("/example.com/dep/@v/v1.0.0.mod")
    sumdb.wait_for("^/lookup/example.com/dep@")
    expect.success(m.get("/example.com/dep/@v/v1.0.0.mod"))
    earn(m, tree, 40, 60)  # more than is there to be guessed
    assert origin.count("/example.com/(m|dep)/@v/v1.0.0.mod$") == 2
    assert origin.count("secret") == 0 and sumdb.count("secret") == 0 and origin.count(r"\.zip$") == 0


def test_stopping_in_the_middle_of_what_is_fetched_ahead(proving, origin, tree):
    names = [f"example.com/dep{i}" for i in range(60)]
    requiring(tree, "example.com/m", names)
    for name in names:
        tree.add(name, "v1.0.0")
    gate = threading.Event()
    m = proving()
    earn(m, tree, 0, 60)
    origin.on("/dep", hold=gate)
    try:
        expect.success(m.get(MOD))
        origin.wait_for("/dep", 4)
        m.stop()
    finally:
        gate.set()


def test_a_prefetch_asks_little_and_never_for_zips(proving, origin, sumdb, cache, go_of, tmp_path):
    origin.tree = cache
    sumdb.know(cache)

    def run(go, name):
        asked = origin.count() + sumdb.count()
        work = modules.copy_project(tmp_path / name, keep_sum=False)
        go.run("list", "-m", "all", cwd=work)
        zips = origin.count(r"\.zip$")
        go.run("mod", "download", "all", cwd=work)
        go.run("mod", "tidy", cwd=work)
        shutil.rmtree(go.folder)
        return origin.count() + sumdb.count() - asked, zips, (work / "go.sum").read_text(), set(origin.paths(r"\.zip$"))

    direct, _, sums, zips = run(go_of(origin.url, GOSUMDB=sumdb.gosumdb, GOFLAGS=PROVES), "direct")
    origin.forget()
    sumdb.forget()
    m = proving()
    cold, early, sums_through, zips_through = run(go_of(m.url, GOSUMDB=sumdb.key, GOFLAGS=PROVES), "cold")
    print(f"upstream requests: {direct} without modgate, {cold} through it")
    assert sums_through == sums
    assert early == 0 and zips_through == zips
    assert cold <= 1.3 * direct
    repeated = [p for p in set(origin.paths()) if origin.paths().count(p) > 1 and not p.endswith(("/list", "@latest"))]
    assert not repeated
    m.stop()
    origin.stop()
    sumdb.stop()
    m.config += "list:\n  fresh: 0s\n  stale: 0s\n"
    m.start()
    work = modules.copy_project(tmp_path / "warm", keep_sum=False)
    go_of(m.url, GOSUMDB=sumdb.key, GOFLAGS=PROVES).run("list", "-m", "all", cwd=work)
    proven = (work / "go.sum").read_text().splitlines()
    assert len(proven) > 100 and set(proven) >= {line for line in sums.splitlines() if "/go.mod " in line}
