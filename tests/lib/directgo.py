# SPDX-License-Identifier: Apache-2.0
"""What the go command says of modules when it reads git itself: the truth that modgate's answers are compared with."""

import collections
import datetime
import json
import pathlib

# Version and time of .info, where it was found, the bytes of .mod, the h1: of the zip; None from where on go fails. It can
# give a version for a branch and then refuse that version: without a .mod there is none.
Answer = collections.namedtuple("Answer", "version time commit subdir mod h1 why")

AT_ONCE = 300  # questions in one command line


def objects(text):
    decoder, at = json.JSONDecoder(), 0
    while at < len(text):
        value, at = decoder.raw_decode(text, at)
        yield value
        while at < len(text) and text[at].isspace():
            at += 1


def seconds(time):
    return int(datetime.datetime.fromisoformat(time.replace("Z", "+00:00")).timestamp())


def download(go, folder, questions):
    """{(path, query): Answer}"""
    found = {}
    for i in range(0, len(questions), AT_ONCE):
        some = questions[i:i + AT_ONCE]
        done = go.run("mod", "download", "-json", *(f"{p}@{q}" for p, q in some), cwd=folder, check=False)
        for m in objects(done.stdout):
            version = time = mod = None
            if "GoMod" in m:
                info = json.loads(pathlib.Path(m["Info"]).read_text())
                version, time, mod = info["Version"], seconds(info["Time"]), pathlib.Path(m["GoMod"]).read_bytes()
            origin = m.get("Origin", {})
            found[m["Path"], m.get("Query", m["Version"])] = Answer(
                version, time, origin.get("Hash"), origin.get("Subdir", ""), mod, m.get("Sum"), m.get("Error", ""))
        missing = [q for q in some if q not in found]
        assert not missing, (missing[:5], done.stderr[-2000:])
    return found


def versions(go, folder, paths):
    """{path: versions, or None where the go command fails}"""
    done = go.run("list", "-m", "-e", "-json", "-versions", "-retracted", *paths, cwd=folder, check=False)
    found = {m["Path"]: None if "Error" in m else m.get("Versions", []) for m in objects(done.stdout)}
    assert set(found) == set(paths), done.stderr[-2000:]
    return found


def ask(go, folder, modules):
    """modules: {path: queries}. Two dicts: of the lists, and of the queries. The repositories are fetched whole first: with
    parts of their history the go command knows fewer tags to derive pseudo-versions from (protocol §3.8)."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    download(go, folder, [(path, "0123456789abcdef0123456789abcdef01234567") for path in modules])
    lists = versions(go, folder, sorted(modules))
    return lists, download(go, folder, [(p, q) for p in sorted(modules) for q in modules[p]])
