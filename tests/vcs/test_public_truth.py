# SPDX-License-Identifier: Apache-2.0
"""Versions of real repositories, read by modgate from git, against what the public checksum database has recorded of them:
tests/README.md says how this is run."""

import collections
import concurrent.futures
import json
import os
import pathlib
import random
import re
import types

import pytest

from lib import publictruth
from lib.gitserver import GitServer
from lib.gocmd import ROOT
from lib.sumdb import h1_mod
from lib.tree import escape, h1

FOLDER = os.environ.get("PUBLIC_REPOSITORIES")
SEED = int(os.environ.get("PUBLIC_SEED") or random.randrange(10**6))
TAGS, COMMITS = int(os.environ.get("PUBLIC_TAGS", 4)), float(os.environ.get("PUBLIC_COMMITS", 0.3))
CACHE = os.environ.get("PUBLIC_CACHE", ROOT / ".cache" / "publictruth")

pytestmark = [
    pytest.mark.soak,
    pytest.mark.public,
    pytest.mark.timeout(7200),
    pytest.mark.skipif(not FOLDER, reason="no hash was compared with the public database's: PUBLIC_REPOSITORIES names no "
                       "folder of real repositories (tests/README.md)"),
]

Outcome = collections.namedtuple("Outcome", "drawn version verdict rules why")


def configuration(server, drawn):
    here = f"https://localhost:{server.port}"
    lines = []
    for root, name in sorted({d.root: d.repository.name for d in drawn}.items(), reverse=True):
        if root != name:
            lines.append(f"{root} {here}/{name.partition('/')[2]}")
    return json.dumps({
        "upstream": {"ca-file": str(server.authority.pem)},
        "vcs": {"rewrite": [f"https://github.com/ {here}/"], "map": lines, "networks": ["127.0.0.0/8", "::1/128"]},
    })


def served(m, d, truth):
    """What modgate says of a version."""
    version = truth.version or d.rev

    def get(rest):
        return m.get(f"/{escape(d.path)}/@v/{rest}", timeout=900)

    info = get(f"{escape(d.rev)}.info")
    if info.status == 200 and truth.version is None:
        version = json.loads(info.body)["Version"]
    mod, zip = get(f"{escape(version)}.mod"), get(f"{escape(version)}.zip")
    bad = next((a for a in (info, mod, zip) if a.status != 200), None)
    if truth.version is None:
        verdict = "absent in both" if bad and bad.status in (404, 410) else "unknown to the database"
        return Outcome(d, version, verdict, "", f"public: {truth.why} / ours: {bad.text if bad else 'served'}")
    if bad:
        # The database keeps what was tagged first.
        ours = json.loads(info.body)["Origin"]["Hash"] if info.status == 200 else None
        moved = truth.commit and ours and ours != truth.commit
        return Outcome(d, version, "tag was moved" if moved else "refused", "", f"{truth.commit}, now {ours}: {bad.text}" if moved else
                       f"{bad.status} {bad.text}")
    if h1(zip.body) != truth.zip or h1_mod(mod.body) != truth.mod:
        return Outcome(d, version, "differs", "", "served, although its hash is another")
    record = json.loads((m.store / "modules" / escape(d.path) / "@v" / f"{escape(version)}.provenance").read_text())
    assert record["zip"]["verified"] == record["mod"]["verified"] == "sumdb", record
    named = json.loads(info.body)["Version"]
    why = "" if named == version else f"its .info names {named}"
    return Outcome(d, version, "equal", record["zip"].get("rules", ""), why)


def table(outcomes):
    rows = collections.defaultdict(collections.Counter)
    for o in outcomes:
        rows[o.drawn.repository.name.partition("/")[2]][o.verdict] += 1
    verdicts = ["equal", "differs", "refused", "tag was moved", "unknown to the database", "absent in both"]
    lines = [f"{'repository':45} " + " ".join(f"{v:>15.15}" for v in verdicts)]
    for name, row in sorted(rows.items()):
        lines.append(f"{name:45} " + " ".join(f"{row[v]:15}" for v in verdicts))
    return lines


def test_hashes_are_those_of_the_public_database(tmp_path, modgate_of, capsys):
    database = publictruth.Database(CACHE)
    drawn = publictruth.draw(FOLDER, SEED, TAGS, COMMITS)
    truths = database.known([(d.path, d.rev) for d in drawn])
    with GitServer(tmp_path) as server:
        for d in drawn:
            at = "localhost/" + d.repository.name.partition("/")[2]
            server.repositories[at] = types.SimpleNamespace(folder=d.repository.folder)
        m = modgate_of("direct", config=configuration(server, drawn), env={"GOSUMDB": database.settings()[2]})
        # Each repository's versions one after the other: of one that is asked many things at once they would wait anyway.
        work = collections.defaultdict(list)
        for d in drawn:
            work[d.repository.name].append(d)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            parts = pool.map(lambda some: [served(m, d, truths[d.path, d.rev]) for d in some], work.values())
            outcomes = [o for part in parts for o in part]
    counts = collections.Counter(o.verdict for o in outcomes)
    compared = [o for o in outcomes if truths[o.drawn.path, o.drawn.rev].version]
    rules = collections.Counter(o.rules or "of today" for o in outcomes if o.verdict == "equal")
    lines = [f"seed {SEED} (PUBLIC_SEED), {TAGS} tags of each repository and a commit of {COMMITS:.0%} of them",
             *table(outcomes), str(dict(counts)),
             f"{counts['equal']} of {len(compared)} recorded versions of "
             f"{len({o.drawn.repository.name for o in compared})} repositories are equal", f"zip rules: {dict(rules)}"]
    for o in outcomes:
        if o.verdict not in ("equal", "absent in both") or o.why and o.verdict == "equal" or o.rules:
            lines.append(f"{o.verdict}: {o.drawn.path}@{o.version} ({o.drawn.rev}) {o.rules}{re.sub(chr(10), ' | ', o.why)}")
    text = "\n".join(lines)
    pathlib.Path(CACHE, f"outcome-{SEED}.txt").write_text(text + "\n")
    with capsys.disabled():
        print("\n" + text)
    assert counts["equal"] >= 0.995 * len(compared), text
    assert len(compared) >= 300 and len({o.drawn.repository.name for o in compared}) >= 40, \
        f"{len(compared)} versions: too few to conclude anything"
