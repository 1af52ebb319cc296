# SPDX-License-Identifier: Apache-2.0
"""Trees of modules that an origin serves: made up on the spot, or a go command's module cache."""

import base64
import hashlib
import io
import json
import pathlib
import re
import zipfile
import zlib

TIME = "2024-05-01T12:00:00Z"
PSEUDO = re.compile(r"^v[0-9]+\.(0\.0-|\d+\.\d+-([^+]*\.)?0\.)\d{14}-[A-Za-z0-9]+(\+incompatible)?$")


def escape(name):
    return re.sub("[A-Z]", lambda m: "!" + m.group().lower(), name)


def semver_key(version):
    m = re.match(r"v(\d+)\.(\d+)\.(\d+)(?:-([^+]*))?", version)
    pre = m.group(4)
    ids = [] if pre is None else [(0, int(i), "") if i.isdigit() else (1, 0, i) for i in pre.split(".")]
    return tuple(int(x) for x in m.group(1, 2, 3)), pre is None, ids


def make_zip(path, version, files):
    """The bytes of a module zip; the same input gives the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        for name, data in sorted(files.items()):
            info = zipfile.ZipInfo(f"{path}@{version}/{name}", (1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            z.writestr(info, data)
    return out.getvalue()


def h1(zip_bytes):
    """dirhash.Hash1 of a module zip, as in go.sum."""
    lines = []
    with zipfile.ZipFile(io.BytesIO(zip_bytes)) as z:
        for name in sorted(z.namelist()):
            lines.append(f"{hashlib.sha256(z.read(name)).hexdigest()}  {name}\n")
    return "h1:" + base64.b64encode(hashlib.sha256("".join(lines).encode()).digest()).decode()


def h1_as_go(data):
    """h1 of a zip of which other things than names and content may be changed: Go's reader goes by the
    directory at the end, Python's wants the local headers to say the same."""
    with zipfile.ZipFile(io.BytesIO(data)) as z:
        lines = []
        for one in sorted(z.infolist(), key=lambda i: i.filename):
            at = one.header_offset
            name, extra = (int.from_bytes(data[at + i : at + i + 2], "little") for i in (26, 28))
            packed = data[at + 30 + name + extra :][: one.compress_size]
            content = zlib.decompress(packed, -15) if one.compress_type else packed
            lines.append(f"{hashlib.sha256(content).hexdigest()}  {one.filename}\n")
    return "h1:" + base64.b64encode(hashlib.sha256("".join(lines).encode()).digest()).decode()


class Made:
    """Modules made up by a test. `files` maps unescaped names below "PATH/@v/" to bytes or a status."""

    def __init__(self):
        self.files = {}

    def add(self, path, version, files=None, gomod=None, time=TIME, list=True, zip=True):
        gomod = gomod if gomod is not None else f"module {path}\n\ngo 1.20\n"
        content = {"go.mod": gomod, "m.go": f"package m\n\nconst Version = {json.dumps(version)}\n"}
        content.update(files or {})
        base = f"{escape(path)}/@v/{escape(version)}"
        self.files[base + ".info"] = json.dumps({"Version": version, "Time": time}).encode()
        self.files[base + ".mod"] = gomod.encode()
        if zip:
            self.files[base + ".zip"] = make_zip(path, version, content)
        known = self.files.setdefault(f"{escape(path)}/@v/list", b"")
        if list and not PSEUDO.match(version):
            self.files[f"{escape(path)}/@v/list"] = known + version.encode() + b"\n"
        return self

    def query(self, path, rev, version):
        base = f"{escape(path)}/@v/"
        self.files[base + escape(rev) + ".info"] = self.files[base + escape(version) + ".info"]
        return self

    def latest(self, path, version):
        self.files[f"{escape(path)}/@latest"] = self.files[f"{escape(path)}/@v/{escape(version)}.info"]
        return self

    def get(self, name):
        return self.files.get(name)

    def write(self, folder):
        """As a static tree, for file:// and plain web servers."""
        for name, data in self.files.items():
            file = pathlib.Path(folder) / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        return folder

    def write_athens(self, folder):
        """As a disk store of Athens: unescaped names, a folder for each version, no lists."""
        for name, data in self.files.items():
            epath, _, file = name.partition("/@v/")
            version, dot, kind = unescape(file).rpartition(".")
            if dot:
                at = pathlib.Path(folder) / unescape(epath) / version
                at.mkdir(parents=True, exist_ok=True)
                (at / {"info": f"{version}.info", "mod": "go.mod", "zip": "source.zip"}[kind]).write_bytes(data)
        return folder


class Cache:
    """The cache/download folder of a module cache, answered the way a proxy would: lists hold what
    has an .info, @latest and names of commits are worked out, queries come from upstream.txt."""

    def __init__(self, folder, queries=()):
        self.folder = pathlib.Path(folder)
        self.queries = {(path, rev): version for path, rev, version in queries}

    def versions(self, epath):
        found = []
        for file in (self.folder / epath / "@v").glob("*.info"):
            if file.with_name(file.name[:-5] + ".mod").exists():
                found.append(unescape(file.name[:-5]))
        return found

    def get(self, name):
        m = re.fullmatch(r"(.+)/(@v/(?P<file>[^/]+)|@latest)", name)
        if not m or not (self.folder / m.group(1) / "@v").is_dir():
            return None
        epath, file = m.group(1), m.group("file")
        if file is None:
            return self.latest(epath)
        if file == "list":
            listed = [v for v in self.versions(epath) if not PSEUDO.match(v)]
            return "".join(v + "\n" for v in sorted(listed, key=semver_key)).encode()
        if not file.endswith((".info", ".mod", ".zip")):
            return None
        stored = self.folder / epath / "@v" / file
        if stored.exists():
            return stored.read_bytes()
        return self.revision(epath, unescape(file[:-5])) if file.endswith(".info") else None

    def latest(self, epath):
        found = self.versions(epath)
        releases = [v for v in found if not PSEUDO.match(v)]
        best = max(releases, key=semver_key) if releases else max(found, key=lambda v: v.split("-")[-2])
        return self.info(epath, best)

    def revision(self, epath, rev):
        version = self.queries.get((unescape(epath), rev))
        if version is None and re.fullmatch("[0-9a-f]{7,40}", rev):
            ends = [v for v in self.versions(epath) if PSEUDO.match(v) and rev.startswith(v.split("-")[-1])]
            ends += [v for v in self.versions(epath) if PSEUDO.match(v) and v.split("-")[-1].startswith(rev)]
            version = ends[0] if ends else None
        return None if version is None else self.info(epath, version)

    def info(self, epath, version):
        return (self.folder / epath / "@v" / f"{escape(version)}.info").read_bytes()


def unescape(name):
    return re.sub("!([a-z])", lambda m: m.group(1).upper(), name)
