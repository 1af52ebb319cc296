# SPDX-License-Identifier: Apache-2.0
"""The go command with GOPROXY=direct and modgate, beside each other, over the same git host: the same lists, versions, times,
commits, go.mod files and hashes, and failures where the other fails. The repositories are those of lib/gitcases.py, one for each
rule, and random ones; ORACLE_SEED and the number in a name give a random one again."""

import json
import os
import random
import re
import shutil

import pytest

from lib import directgo, gitcases, gocmd, vcsprobe
from lib.gitserver import GitServer
from lib.tree import escape, h1

# Always the same ones: new ones are the soak test's, lest a landing fail by luck for what was wrong before.
SEED = os.environ.get("ORACLE_SEED", "11")

pytestmark = pytest.mark.skipif(gocmd.go_binary() is None, reason="there is no go command")


def served(case, probe, wrong):
    """modgate's lists and answers. What it cannot give must be an absence."""
    def ask(order):
        code, text = probe(order)
        if code not in ("ok", "not_found") and "malformed module path" not in text:
            wrong.append(f"{order}: {code} {text}")
        return text if code == "ok" else None

    lists, answers = {}, {}
    for p, queries in case.modules.items():
        text = ask(f"list {p}")
        lists[p] = None if text is None else text.split()
        for q in queries:
            text = ask(f"latest {p}" if q == "latest" else f"stat {p} {q}")
            mod = text and ask(f"mod {p} {text.split()[0]}")
            if mod is None:
                answers[p, q] = None
                continue
            version, time, commit, _, subdir = text.split(" ", 4)
            answers[p, q] = directgo.Answer(version, directgo.seconds(time), commit, subdir, mod, ask(f"zip {p} {version}"), None)
    return lists, answers


def truth_of(server, tmp_path, cases):
    modules = {p: qs for case in cases for p, qs in case.modules.items()}
    lists, truth = directgo.ask(server.go(tmp_path / "go"), tmp_path / "work", modules)
    for key, a in truth.items():
        # The probe has one line for an answer.
        truth[key] = a._replace(why=None, mod=a.mod.decode(errors="replace").replace("\n", "|")) if a.version else None
    return lists, truth


def mappings(server, cases):
    places = {root: (server.url_of(case.root), subdir) for case in cases for root, subdir in case.places.values()}
    return [f"{root}={url} {subdir}".rstrip() for root, (url, subdir) in sorted(places.items(), reverse=True)]


def differ(cases, lists, truth, ask, wrong, guesses=False):
    """guesses: is the highest version of the list as good an @latest as none, when all are retracted? (The go command looks
    for itself, protocol §1.6.)"""
    for case in cases:
        our_lists, ours = ask(case)
        for p in case.modules:
            # "No versions" would be an answer for good; without a module go goes on and fails.
            want = lists[p] if lists[p] or truth[p, "latest"] else None
            if our_lists[p] != want:
                wrong.append(f"{p} list: {our_lists[p]}, go: {want}")
        for (p, q), our in ours.items():
            our = our or ours[p, gitcases.without_metadata(q)]
            go = truth[p, q]
            if go and our and q == "latest":  # go tells only a part of where that was
                go = go._replace(commit=our.commit, subdir=our.subdir)
            if guesses and q == "latest" and go is None and our and our.version in (lists[p] or ()):
                continue
            if our != go:
                wrong.append(f"{p}@{q}: {our}, go: {go}")
    assert not wrong, f"seed {SEED}, {len(wrong)} of {len(truth)} answers differ:\n" + "\n".join(wrong)


def compare(server, tmp_path, names):
    cases = [gitcases.build(server, name, SEED) for name in names]
    lists, truth = truth_of(server, tmp_path, cases)
    mirrors = tmp_path / "mirrors"
    mirrors.mkdir()
    wrong = []
    with vcsprobe.Probe(mirrors, *mappings(server, cases), env=server.environment()) as probe:
        differ(cases, lists, truth, lambda case: served(case, probe, wrong), wrong)


NAMES = sorted(gitcases.CASES)


@pytest.mark.parametrize("part", range(8))
def test_every_rule(tmp_path, part):
    with GitServer(tmp_path) as server:
        compare(server, tmp_path, NAMES[part::8])


@pytest.mark.parametrize("part", range(8))
def test_random_repositories(tmp_path, part):
    with GitServer(tmp_path) as server:
        compare(server, tmp_path, [f"chance{part}x{i}" for i in range(25)])


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_thousands_of_random_repositories(tmp_path):
    first = random.randrange(10**9)
    for i in range(40):
        with GitServer(tmp_path / str(i)) as server:
            compare(server, tmp_path / str(i), [f"chance{first + i}y{j}" for j in range(100)])
        shutil.rmtree(tmp_path / str(i))


def over_http(m, path, rest):
    answer = m.get(f"/{escape(path)}/{rest}")
    assert answer.status in (200, 404), (path, rest, answer.status, answer.text)
    return answer.body if answer.status == 200 else None


def can_be_asked(q):
    """Does the go command send this revision to a proxy (protocol §1.2)?"""
    return not re.search(r"[/!]|[^\x00-\x7f]", q)


def through_modgate(m, case):
    """The same as `served`, of a whole modgate."""
    lists, answers = {}, {}
    for p, queries in case.modules.items():
        text = over_http(m, p, "@v/list")
        lists[p] = None if text is None else text.decode().split()
        for q in filter(can_be_asked, queries):
            text = over_http(m, p, "@latest" if q == "latest" else f"@v/{escape(q)}.info")
            info = text and json.loads(text)
            mod = info and over_http(m, p, f"@v/{escape(info['Version'])}.mod")
            if mod is None:
                answers[p, q] = None
                continue
            zip = over_http(m, p, f"@v/{escape(info['Version'])}.zip")
            origin = info.get("Origin", {})
            answers[p, q] = directgo.Answer(info["Version"], directgo.seconds(info["Time"]), origin.get("Hash"),
                                            origin.get("Subdir", ""), mod.decode(errors="replace").replace("\n", "|"),
                                            zip and h1(zip), None)
    return lists, answers


@pytest.mark.parametrize("part", range(4))
def test_a_whole_modgate(tmp_path, modgate_of, part):
    """A quarter of the rules, asked as the go command asks a proxy."""
    with GitServer(tmp_path) as server:
        cases = [gitcases.build(server, name, SEED) for name in [*NAMES[part::16], *(f"chance{part}z{i}" for i in range(4))]]
        m = modgate_of("off", env={**server.environment(), "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1",
                                   "GOPRIVATE": "*.example.test,gopkg.in"})
        differ(cases, *truth_of(server, tmp_path, cases), lambda case: through_modgate(m, case), [], guesses=True)
