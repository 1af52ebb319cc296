# SPDX-License-Identifier: Apache-2.0
"""Names in URLs: what is decoded, what is refused, and that no spelling reaches another's answer."""

import random
import re
import urllib.parse

import pytest

from lib import expect

AZURE = "github.com/Azure/x"
HUGE = "v1.99999999999999999999999999999999.0"


def stock(tree):
    tree.add(AZURE, "v1.0.0").add(AZURE, "v0.1.0-M3").add("github.com/azure/y", "v1.0.0")
    tree.add("example.com/m", "v1.0.0").add("example.com/m", "v2.0.0+incompatible")
    tree.add("gopkg.in/old.v1", "v0.0.0-20200101000000-abcdefabcdef")
    tree.add("gopkg.in/edge.v2-unstable", "v2.0.0")
    tree.add("example.com/huge", HUGE)
    tree.add("example.com/many/v10", "v10.0.0")


def test_s11_01_bang_and_percent_spellings_mean_the_same(shared):
    want = shared.tree.files["github.com/!azure/x/@v/v1.0.0.info"]
    for name in ("/github.com/%21azure/x", "/github.com/!azure/x", "/github.com/%21%61zure/x"):
        expect.success(shared.modgate.get(f"{name}/@v/v1.0.0.info"), want)
    # Decoded once, never twice.
    expect.failure(shared.modgate.get("/github.com/%2521azure/x/@v/v1.0.0.info"), 404)


def test_s11_02_upper_case_is_refused_and_never_stored(shared):
    expect.failure(shared.modgate.get("/github.com/Azure/x/@v/v1.0.0.info"), 404)
    expect.failure(shared.modgate.get("/github.com/azure/x/@v/v1.0.0.info"), 404)
    stored = {p.name for p in (shared.modgate.store / "modules" / "github.com").glob("*")}
    assert "Azure" not in stored


def test_s11_03_plus_means_plus(shared):
    want = shared.tree.files["example.com/m/@v/v2.0.0+incompatible.info"]
    for version in ("v2.0.0+incompatible", "v2.0.0%2Bincompatible", "v2.0.0%2bincompatible"):
        expect.success(shared.modgate.get(f"/example.com/m/@v/{version}.info"), want)
    expect.failure(shared.modgate.get("/example.com/m/@v/v2.0.0%20incompatible.info"), 404)


def test_s11_04_upper_case_in_versions(shared):
    for kind in ("info", "mod", "zip"):
        want = shared.tree.files[f"github.com/!azure/x/@v/v0.1.0-!m3.{kind}"]
        expect.success(shared.modgate.get(f"/github.com/%21azure/x/@v/v0.1.0-%21m3.{kind}"), want)
    expect.failure(shared.modgate.get("/github.com/%21azure/x/@v/v0.1.0-M3.info"), 404)


@pytest.mark.parametrize("target", [
    "/@v/list", "//@v/list", "/x/@v/", "/x/@v/.info", "/x/@v/v1.0.0.info/", "/x/@v/../..", "/x/@v/list/",
    "/example.com/m/@v/v1.0.0", "/example.com/m/@v/v1.0.0.exe", "/example.com/m/@v/%00.info",
    "/example.com/m/@v/v1.0.0%00.info", "/example.com%00/m/@v/list", "/example.com/%c0%af/@v/list",
    "/example.com/%ff/@v/list", "/example.com/m%5cn/@v/list", "/example.com/m/@v/a%2fb.info",
    "/example.com/m//@v/list", "/./example.com/m/@v/list", "/example.com/../m/@v/list",
    "/example.com/m/@v/%zz.info", "/example.com/m/@v/v1%.info", "/example.com/m/@v", "/example.com/m/@latest/",
    "/example.com/m", "/-x.com/m/@v/list", "/nodot/m/@v/list", "/example.com/m./@v/list", "/x_y.com/m/@v/list",
    "/example.com/CON/@v/list", "/example.com/!1/@v/list", "/example.com/a!/@v/list", "/example.com/!!a/@v/list",
    "/" + "a" * 20000, "/" + "a/" * 8000 + "@v/list",
])
def test_s11_37_malformed_names(shared, target):
    before = len(shared.origin.requests)
    answer = shared.modgate.get(target)
    assert 400 <= answer.status < 500, answer
    if answer.status == 404:
        expect.failure(answer, 404)
    assert len(shared.origin.requests) == before, "a malformed name went upstream"


@pytest.mark.parametrize("target", ["/github.com/@v/list", "/github.com/user/@v/list"])
def test_s11_37_prefix_probes_are_absent_and_asked_once(shared, target):
    for _ in range(3):
        expect.failure(shared.modgate.get(target), 404)
    assert shared.origin.paths().count(target) <= 1


def test_s11_37_a_64_kib_target_is_a_clean_refusal(shared):
    with shared.modgate.session() as s:
        s.send(b"GET /" + b"a" * 65536 + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        assert s.answer().status in (414, 431)
        assert s.closed()
    assert shared.modgate.get("/livez").status == 200


def test_s11_43_gopkg_in_and_major_suffixes(shared):
    get = shared.modgate.get
    assert get("/gopkg.in/old.v1/@v/v0.0.0-20200101000000-abcdefabcdef.info").status == 200
    assert get("/gopkg.in/edge.v2-unstable/@v/v2.0.0.mod").status == 200
    assert get("/example.com/many/v10/@v/v10.0.0.info").status == 200
    assert get(f"/example.com/huge/@v/{HUGE}.info").status == 200
    for refused in ("/example.com/m/v1/@v/v1.0.0.info", "/example.com/m/v0/@v/list",
                    "/example.com/m/v02/@v/list", "/gopkg.in/novn/@v/list"):
        expect.failure(get(refused), 404)


def mutations(rng, target):
    """One spelling derived from a canonical request target: mostly wrong, sometimes equivalent."""
    p = list(target)
    kind = rng.randrange(14)
    at = rng.randrange(1, len(p))
    if kind == 0:
        p[at] = f"%{ord(p[at]):02{rng.choice('xX')}}"
    elif kind == 1:
        p[at] = p[at].swapcase()
    elif kind == 2:
        p.insert(at, rng.choice(["/", "//", "/./", "/../", "%2f", "%2F", "%5c", "\\", "%00", "%01"]))
    elif kind == 3:
        p.append(rng.choice(["?", "?x=1", "?v=v9.9.9", "?go-get=0", "?a=b&c=d", "?%00", "?/@v/list"]))
    elif kind == 4:
        p.append(rng.choice(["/", "/.", "//", "%20", ".", ";x", "%3f", "%23", "#x"]))
    elif kind == 5:
        del p[at]
    elif kind == 6:
        p[at] = rng.choice("abcxyz019._~-+@!%/")
    elif kind == 7:
        p.insert(at, rng.choice(["!", "%21", "%2521", "!!", "%", "%g1", "%c3%a9", "%e2%80%8b", "+", "%2b"]))
    elif kind == 8:
        other = rng.randrange(1, len(p))
        p[at], p[other] = p[other], p[at]
    elif kind == 9:
        p = list("/" + rng.choice(["http:/", "x/..", ".", "cached-only", "@v", "sumdb", ""])) + p
    elif kind == 10:
        p = [f"%{ord(c):02x}" if c != "/" else c for c in p]
    elif kind == 11:
        p = list(rng.choice(["http://evil.test", "http://modgate.test", "https://x:1"])) + p
    elif kind == 12:
        p[at:at] = p[max(0, at - rng.randrange(1, 12)) : at]
    else:
        p[at] = chr(rng.choice([0x7F, 0x80, 0xA0, 0xFF, 0x09, 0x3B, 0x22, 0x3C]))
    return "".join(p)


def meaning(target):
    """The file that a spelling stands for, worked out by other means than modgate's: scheme and host go,
    then the query; percent is decoded once. None: the root page."""
    path = re.sub(r"^https?://[^/?]*", "", target).split("?")[0]
    name = urllib.parse.unquote(path, "latin-1").removeprefix("/cached-only")
    return None if name in ("", "/") else name.removeprefix("/")


def test_t28_no_spelling_reaches_another_answer(shared):
    """5,000 mutated targets: each the canonical bytes of its own target, or a 4xx."""
    rng = random.Random(28)
    canonical = {}
    for target in ("/github.com/%21azure/x/@v/v1.0.0.info", "/github.com/%21azure/x/@v/v1.0.0.zip",
                   "/example.com/m/@v/v1.0.0.mod", "/example.com/m/@v/list"):
        canonical[target] = expect.success(shared.modgate.get(target)).body
    session = shared.modgate.session()
    equal = 0
    for _ in range(5000):
        target = rng.choice(list(canonical))
        mutant = mutations(rng, target)
        headers = [("X-Forwarded-Host", "evil.test")] if rng.random() < 0.1 else []
        answer = session.request(mutant, headers)
        if answer.status == 200:
            name = meaning(mutant)
            # A mutation may spell another stored file correctly (.info for .mod): then that one's bytes.
            assert name is None or answer.body == shared.tree.files.get(name), (mutant, answer)
            equal += name == urllib.parse.unquote(target[1:])
        else:
            assert 400 <= answer.status < 500, (mutant, answer)
        if (answer.field("Connection") or "").lower() == "close":
            session.close()
            session = shared.modgate.session()
    session.close()
    assert equal > 200, "hardly any mutation was an equivalent spelling: the test has lost its teeth"
    for target, body in canonical.items():
        expect.success(shared.modgate.get(target), body)
    # Nothing but canonical names was stored.
    modules = shared.modgate.store / "modules"
    for file in modules.rglob("*"):
        if file.is_file() and file.suffix in (".info", ".mod", ".zip"):
            assert str(file.relative_to(modules)) in shared.tree.files, file
