# SPDX-License-Identifier: Apache-2.0
"""F05: a thousand changes of one bit in what is stored, what upstream sends, and the database's tiles and notes, and a
thousand larger ones of stored files. None is ever served, each is called by its name, and all is well afterwards."""

import copy
import os
import random
import re

import pytest

from lib import expect
from lib.origin import Reply
from lib.sumdb import h1_mod
from lib.tree import h1, h1_as_go

HALF = [f"v1.0.{i}" for i in range(125)]
EACH = [f"v1.0.{i}" for i in range(250)]
NO_GUESSES = {"MODGATE_PREFETCH": "false"}


def flip(rng, data):
    at = rng.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1 :]


def url(version, kind):
    return f"/example.com/m/@v/{version}.{kind}"


def same(body, right, kind):
    """Of a zip the content is proven; dates and such are not."""
    return body == right or kind == "zip" and h1_as_go(body) == h1(right)


def known(sumdb, tree, versions, gap=0):
    for version in versions:
        tree.add("example.com/m", version, files={"sub/s.go": "package sub\n" * 5})
        sumdb.fill(gap)
        sumdb.learn(f"/lookup/example.com/m@{version}")


def test_f05_one_bit_of_what_is_stored(proving, origin, sumdb, tree):
    rng = random.Random(3)
    known(sumdb, tree, HALF)
    m = proving(**NO_GUESSES)
    names = [(version, kind) for version in HALF for kind in ("mod", "zip")]
    for name in names:
        expect.success(m.get(url(*name)), tree.files[url(*name)[1:]])
    m.stop()
    for name in names:
        file = m.store / "modules" / url(*name)[1:]
        file.write_bytes(flip(rng, file.read_bytes()))
    m.start()
    rule = origin.gone()  # nobody to heal by
    for name in names[:50]:
        expect.failure(m.get(url(*name)), (502, 503), "corrupt store")
    origin.off(rule)
    for name in names:
        expect.success(m.get(url(*name)), tree.files[url(*name)[1:]])
        assert (m.store / "modules" / url(*name)[1:]).read_bytes() == tree.files[url(*name)[1:]]
    why = [file.read_text() for file in (m.store / "quarantine").glob("*.why")]
    assert len(why) == len(names) and all("corrupt store" in text for text in why)


@pytest.mark.parametrize("kind", ["mod", "zip"])
def test_f05_one_bit_of_what_upstream_sends(proving, origin, sumdb, tree, kind):
    """Now and then, as somebody on the way would, and always, as an upstream does that means it."""
    rng = random.Random(4)
    known(sumdb, tree, HALF)
    right = copy.deepcopy(tree.files)
    m = proving(**NO_GUESSES)
    passed = 0
    for i, version in enumerate(HALF):
        name = url(version, kind)[1:]
        wrong = flip(rng, right[name])
        if i % 2:
            tree.files[name] = wrong
            causes = ("re-tagged upstream", "altered on the way")  # what is no zip nobody means
        else:
            rule = origin.on(re.escape("/" + name) + "$", Reply(200, wrong), times=1)
            causes = ("altered on the way",)
        answer = m.get("/" + name)
        tree.files[name] = right[name]
        if answer.status == 200:
            assert kind == "zip" and same(answer.body, right[name], kind)
            passed += 1
            continue
        recorded = {"mod": h1_mod, "zip": h1}[kind](right[name])
        expect.failure(answer, 502, "example.com/m@" + version, recorded, "first seen ")
        assert any(cause in answer.text for cause in causes), answer.text
        assert not (m.store / "modules" / name).exists()
        if not i % 2:
            origin.off(rule)
        assert m.get("/" + name).body == right[name]
    assert passed < len(HALF) / 2


def test_f05_one_bit_of_a_tile(proving, sumdb, tree):
    rng = random.Random(6)
    known(sumdb, tree, EACH, gap=256)  # each needs a tile of its own
    m = proving(**NO_GUESSES)
    expect.success(m.get(url(EACH[0], "mod")))
    healed = 0
    for i, version in enumerate(EACH[1:] + ["v1.0.0"]):
        kind = "zip" if version == "v1.0.0" else "mod"
        target = url(version, kind)
        rule = sumdb.alter(r"^/tile/8/0/", lambda body: flip(rng, body), times=-1 if i % 2 else 1)
        answer = m.get(target)
        sumdb.off(rule)
        if answer.status == 200:  # asked again at once
            assert answer.body == tree.files[target[1:]]
            healed += 1
            continue
        expect.failure(answer, 502, f"example.com/m@{version}", f"not proven by {sumdb.name}")
        assert re.search("tiles? of the checksum database", answer.text), answer.text
        assert not (m.store / "modules" / target[1:]).exists()
        expect.success(m.get(target), tree.files[target[1:]])
    assert 0 < healed < 150
    tiles = m.store / "sumdb" / sumdb.name / "tile"
    files = [p for p in tiles.rglob("*") if p.is_file()]
    assert len(files) > 250
    for file in files:
        assert file.read_bytes() == sumdb.get("/tile/" + str(file.relative_to(tiles)))["body"]


def test_f05_one_bit_of_a_note(proving, sumdb, tree):
    rng = random.Random(7)
    known(sumdb, tree, EACH)
    sumdb.fill(400)
    m = proving(**NO_GUESSES)
    passed = 0

    def change(body):
        at = body.index(b"\n\n") + 2
        return body[:at] + flip(rng, body[at:])

    for version in EACH:
        rule = sumdb.alter("^/lookup/", change)
        answer = m.get(url(version, "mod"))
        sumdb.off(rule)
        if answer.status == 200:  # base64 has bits that say nothing
            passed += 1
        else:
            expect.failure(answer, 502, f"example.com/m@{version}", f"not proven by {sumdb.name}")
            assert re.search("signed note|signed head|has signed", answer.text), answer.text
            assert not (m.store / "modules" / url(version, "mod")[1:]).exists()
        expect.success(m.get(url(version, "mod")), tree.files[url(version, "mod")[1:]])
    assert passed < 20


def mutate(rng, path, other):
    how = rng.choice(["truncate", "empty", "extend", "flip", "zero", "swap", "link", "fifo", "folder", "remove"])
    data = path.read_bytes()
    if how == "swap":
        third = path.with_name("swap")
        path.rename(third)
        other.rename(path)
        third.rename(other)
        return
    if how in ("link", "fifo", "folder", "remove"):
        path.unlink()
    if how == "link":
        path.symlink_to(other)
    elif how == "fifo":
        os.mkfifo(path)
    elif how == "folder":
        path.mkdir()
    elif how != "remove":
        path.write_bytes({"truncate": data[: rng.randrange(max(1, len(data)))], "empty": b"", "extend": data + b"x",
                          "flip": flip(rng, data or b"x"), "zero": bytes(len(data))}[how])


def test_f05_a_thousand_changes_behind_its_back(proving, origin, sumdb, tree):
    """Of artifacts, their records, tiles, lookups and the head; by turns, and all that is asked is right."""
    rng = random.Random(5)
    versions = [f"v1.0.{i}" for i in range(40)]
    for version in versions:
        tree.add("example.com/m", version)
        sumdb.learn(f"/lookup/example.com/m@{version}")
    sumdb.fill(300)
    m = proving()
    artifacts = [f"/example.com/m/@v/{version}.{kind}" for version in versions for kind in ("mod", "zip")]
    lookups = [f"/sumdb/{sumdb.name}/lookup/example.com/m@{version}" for version in versions]
    changed = 0
    while changed < 1000:
        for target in artifacts:
            body = expect.success(m.get(target)).body
            # A zip whose record is gone too is taken back if what Go reads of it is proven.
            assert body == tree.files[target[1:]] or target.endswith(".zip") and h1_as_go(body) == h1(tree.files[target[1:]])
        for target, version in zip(lookups, versions):
            lines = expect.success(m.get(target)).text.split("\n")
            assert lines[1] == f"example.com/m {version} {h1(tree.files[f'example.com/m/@v/{version}.zip'])}"
        assert "SECURITY" not in m.log()
        m.stop()
        files = [p for top in ("modules", "sumdb") for p in sorted((m.store / top).rglob("*")) if p.is_file() and not p.is_symlink()]
        assert len(files) >= 160
        rng.shuffle(files)
        for path, other in zip(files[:120], files[120:]):
            if path.is_file() and other.is_file():
                mutate(rng, path, other)
                changed += 1
        m.start()
