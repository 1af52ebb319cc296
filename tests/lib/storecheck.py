# SPDX-License-Identifier: Apache-2.0
"""What must be true of a store's files after any crash: a file is right as a whole, or it is not there."""

import json


def check(root, tree, sumdb=None):
    """No file that was half written, none of other bytes than the tree's and the database's. Nobody writes."""
    assert list((root / "tmp").iterdir()) == []
    check_modules(root / "modules", tree, sumdb is not None)
    if sumdb is not None:
        check_database(root / "sumdb" / sumdb.name, sumdb)


def files(folder):
    return sorted((str(f.relative_to(folder)), f) for f in folder.rglob("*") if f.is_file())


def check_modules(folder, tree, proven):
    for name, file in files(folder):
        if name in tree.files:
            assert file.read_bytes() == tree.files[name], name
            record = json.loads(file.with_suffix(".provenance").read_bytes())[file.suffix[1:]]
            assert record["size"] == file.stat().st_size, name
            assert not proven or file.suffix == ".info" or record["verified"] == "sumdb", name
        elif file.suffix == ".provenance":
            assert json.loads(file.read_bytes())["modgate"] == 1, name
        else:
            assert file.suffix == ".ziphash" and file.stat().st_size == len("h1:") + 44, name


def check_database(folder, sumdb):
    for name, file in files(folder):
        body = file.read_bytes()
        if name == "latest":
            check_head(body, sumdb)
        elif name.startswith("tile/"):
            assert body == sumdb.get("/" + name)["body"], name
        else:
            assert name.startswith("lookup/"), name
            check_lookup(body, name, sumdb)


def check_head(body, sumdb):
    """One that the database has signed some time."""
    assert body == sumdb.latest(int(body.split(b"\n")[1]))


def check_lookup(body, name, sumdb):
    """The right record; under whichever head."""
    assert body.split(b"\n\n")[0] == sumdb.get("/" + name)["body"].split(b"\n\n")[0], name
