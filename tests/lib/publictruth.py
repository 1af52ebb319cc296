# SPDX-License-Identifier: Apache-2.0
"""Real repositories, versions drawn from them, and what the public checksum database has recorded of these.

Nothing of either is in this repository: bare repositories come from a folder of whoever runs the test, the records by the
go command of this machine, with its own settings, which keeps them in `cache`.
"""

import collections
import json
import os
import pathlib
import random
import re
import subprocess

from lib import directgo
from lib.gitrepo import git
from lib.gocmd import go_binary
from lib.tree import escape

TAG = re.compile(r"(?:(?P<folder>.+)/)?(?P<version>v(?P<major>0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?)")
MODULE = re.compile(rb'^\s*module\s+"?([^\s"]+)"?', re.M)
AT_ONCE = 100  # versions in one command line

# root: the prefix of module paths that stands for the repository; rev: what to ask for, a version or a commit.
Drawn = collections.namedtuple("Drawn", "repository root path rev")
# commit: of the version, where the public proxy says it; why: there is no version.
Truth = collections.namedtuple("Truth", "version zip mod commit why")


class Found:
    """A bare repository of somebody else's, and what it is called."""

    def __init__(self, folder, name):
        self.folder, self.name = folder, name

    def tags(self):
        return git(self.folder, "for-each-ref", "--format=%(refname:strip=2)", "refs/tags").decode(errors="replace").split()

    def file(self, rev, path):
        try:
            return git(self.folder, "cat-file", "blob", f"{rev}:{path}")
        except AssertionError:
            return None

    def has(self, *what):
        """Are all files of a commit here, or of all the history? Copies of repositories may lack some."""
        listed = git(self.folder, "rev-list", "--objects", "--missing=print", *(what or ("--branches", "--tags")),
                     *(["--no-walk"] if what else []))
        return b"\n?" not in b"\n" + listed

    def commits(self):
        return git(self.folder, "rev-list", "--first-parent", "--max-count=3000", "HEAD").decode().split()


def repositories(folder):
    """Those in folder/OWNER+NAME, folder/OWNER+NAME.git or folder/OWNER+NAME/repo: github.com/OWNER/NAME each."""
    found = []
    for place in sorted(pathlib.Path(folder).iterdir()):
        for at in (place, place / "repo"):
            if "+" in place.name and (at / "HEAD").exists() and (at / "objects").exists():
                found.append(Found(at, "github.com/" + place.name.removesuffix(".git").replace("+", "/", 1)))
    return found


def root_of(path, folder, major):
    """The root that makes `path` the module of a major version in a folder, or None."""
    if path.startswith("gopkg.in/"):
        return path if not folder and path.endswith(f".v{major}") else None
    if major > 1:
        if not path.endswith(f"/v{major}"):
            return None
        path = path.rpartition("/")[0]
    if folder:
        if not path.endswith(f"/{folder}"):
            return None
        path = path[:-len(folder) - 1]
    return path


def module_of(repository, rev, folder, major):
    """(root, path) of the module that a tag is of, by its go.mod; without any it is the old kind. None: it is none."""
    places = [folder, f"{folder}/v{major}".lstrip("/")] if major > 1 else [folder]
    for at in places:
        text = repository.file(rev, f"{at}/go.mod".lstrip("/"))
        if text is None:
            continue
        named = MODULE.search(text)
        root = named and root_of(named[1].decode(errors="replace"), folder, major)
        if root:
            return root, named[1].decode()
    if folder or repository.file(rev, "go.mod") is not None:
        return None
    return repository.name, repository.name


def drawn_tags(repository, chance, count):
    tags = repository.tags()
    chance.shuffle(tags)
    for tag in tags:
        m = TAG.fullmatch(tag)
        module = m and module_of(repository, f"refs/tags/{tag}", m["folder"] or "", int(m["major"]))
        if not module:
            continue
        root, path = module
        if not repository.has(f"refs/tags/{tag}"):
            continue
        suffix = "+incompatible" if path == repository.name and int(m["major"]) > 1 else ""
        yield Drawn(repository, root, path, m["version"] + suffix)
        count -= 1
        if count == 0:
            return


def drawn_commit(repository, chance):
    """A commit of the main branch, as the module that its go.mod says."""
    commit = chance.choice(repository.commits())
    text = repository.file(commit, "go.mod")
    named = text and MODULE.search(text)
    path = named[1].decode() if named else repository.name
    major = re.search(r"[/.]v(\d+)$", path)
    root = root_of(path, "", int(major[1]) if major else 0)
    return [Drawn(repository, root, path, commit[:12])] if root and repository.has() else []


def draw(folder, seed, tags, commits):
    """What this seed gives: at most so many tags of each repository, and a commit of such a share of them."""
    found = []
    for repository in repositories(folder):
        chance = random.Random(f"{seed} {repository.name}")
        found += drawn_tags(repository, chance, tags)
        if chance.random() < commits:
            found += drawn_commit(repository, chance)
    # A repository that was split off, or forked, may say that it is another: of each root there is one.
    claims = collections.Counter((d.root, d.repository.name) for d in found)
    owner = {root: name for (root, name), _ in reversed(claims.most_common())}
    return [d for d in found if owner[d.root] == d.repository.name]


class Database:
    """The public database, by the go command: what it has verified of it lies in its cache."""

    def __init__(self, cache):
        self.cache = pathlib.Path(cache)
        self.cache.mkdir(parents=True, exist_ok=True)

    def run(self, *args):
        env = {**os.environ, "GOMODCACHE": str(self.cache), "GOFLAGS": "-modcacherw", "GOTOOLCHAIN": "local", "GOWORK": "off",
               "GONOSUMDB": "none", "GOPRIVATE": ""}
        return subprocess.run([go_binary(), *args], cwd=self.cache, env=env, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=1200)

    def settings(self):
        """(URL of the first proxy, name of the database, the GOSUMDB that goes to it through that proxy)"""
        goproxy, gosumdb = self.run("env", "GOPROXY", "GOSUMDB").stdout.splitlines()[:2]
        url, key = re.split("[,|]", goproxy)[0].rstrip("/"), gosumdb.split()[0]
        name = key.partition("+")[0]
        assert url.startswith("http") and key != "off", "this machine's go command asks no checksum database"
        return url, name, f"{key} {url}/sumdb/{name}"

    def known(self, questions):
        """{(path, rev): Truth} of what the public proxy and the database say."""
        told = {}
        for i in range(0, len(questions), AT_ONCE):
            some = [f"{path}@{rev}" for path, rev in questions[i:i + AT_ONCE]]
            # Asked for a go.mod it looks that up, and the record has the hash of the zip too.
            done = self.run("list", "-m", "-e", "-json", *some)
            answers = list(directgo.objects(done.stdout))
            assert len(answers) == len(some), done.stderr[-2000:]
            told.update(zip(questions[i:i + AT_ONCE], answers))
        return {question: self.record(answer) for question, answer in told.items()}

    def record(self, answer):
        path, version = answer["Path"], answer.get("Version", "")
        if "GoMod" not in answer:  # go list does not say why
            return Truth(None, None, None, None, answer["Error"]["Err"] if "Error" in answer else self.refusal(path, version))
        name = self.settings_name()
        file = self.cache / "cache/download/sumdb" / name / "lookup" / f"{escape(path)}@{escape(version)}"
        lines = [line.split() for line in file.read_text().splitlines()]
        sums = {line[1]: line[2] for line in lines if len(line) == 3 and line[0] == path}
        info = json.loads((self.cache / "cache/download" / escape(path) / "@v" / f"{escape(version)}.info").read_text())
        return Truth(version, sums[version], sums[f"{version}/go.mod"], info.get("Origin", {}).get("Hash"), "")

    def refusal(self, path, version):
        done = self.run("mod", "download", "-json", f"{path}@{version}")
        return next(directgo.objects(done.stdout)).get("Error") or f"no go.mod, and no reason: {done.stdout}"

    def settings_name(self):
        if not hasattr(self, "name"):
            self.name = self.settings()[1]
        return self.name
