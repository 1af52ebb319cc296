# SPDX-License-Identifier: Apache-2.0
"""Repositories for the oracle of modules straight from git: one for each rule of protocol §3.5–3.10, §4 and appendix C,
and random ones. Each case fills a repository and names the modules that are asked for."""

import datetime
import hashlib
import itertools
import random
import re

from lib.gitrepo import Executable, Link, Submodule, git

CASES = {}


def case(f):
    CASES[f.__name__] = f
    return f


class Case:
    def __init__(self, server, name, host="git.example.test", **more):
        self.server, self.name = server, name
        self.root = f"{host}/{name}"
        self.repo = server.add(self.root, **more)
        self.modules = {}  # module path: the queries that are asked besides the usual ones
        self.places = {}   # module path: (root, subdir), as a go-import page has it
        self.tags = {}     # name: commit
        self.branches = {}
        self.head = "main"

    def mod(self, suffix="", more=""):
        return f"module {self.root}{suffix}\n{more}"

    def commit(self, tags="", files=None, parents=(), branch=None, annotated=False, remove=(), **more):
        c = self.repo.commit(files or {f"f{len(self.repo.commits)}.go": "package f\n"}, parents, branch, remove=remove, **more)
        if branch:
            self.branches[branch] = c
        for tag in tags.split():
            self.tag(tag, c, annotated)
        return c

    def tag(self, name, c, annotated=False):
        self.tags[name] = c
        self.repo.tag(name, c, annotated)

    def line(self, *steps, branch="main", parents=()):
        """Commits on one another: (tags, files, removed files)."""
        made = []
        for tags, files, *removed in steps:
            parents = [self.commit(tags, files, parents, branch, remove=removed)]
            made += parents
        return made

    def ask(self, suffix="", *queries, path=None, root=None, subdir=""):
        path = path or self.root + suffix
        self.modules.setdefault(path, []).extend(queries)
        self.places[path] = (root or self.root, subdir)

    def page(self, prefix, subdir=""):
        self.server.page(prefix, "git", self.server.url_of(self.root), subdir)

    def finish(self, rng):
        """Writes the repository; what is asked is complete then."""
        self.repo.write()
        if not self.modules:
            self.ask()
        for path, queries in self.modules.items():
            asked = [q(self) if callable(q) else q for q in queries] + self.usual(path, rng)
            asked += [without_metadata(q) for q in asked]
            self.modules[path] = sorted(set(asked))
        return self

    def usual(self, path, rng):
        """HEAD, branches, versions by name, some commits, and pseudo-versions that are right or wrong."""
        root, subdir = self.places[path]
        prefix = re.sub(r"/v\d+$", "", path)[len(root):].strip("/") if path != root else ""
        prefix = f"{subdir}/{prefix}".strip("/") + "/" if subdir or prefix else ""
        versions = sorted({t[len(prefix):] for t in self.tags if t.startswith(prefix) and "/" not in t[len(prefix):]})
        commits = rng.sample(self.repo.commits, min(3, len(self.repo.commits)))
        asked = ["latest", "HEAD", *rng.sample(versions, min(8, len(versions)))]
        asked += [b for b in self.branches if rng.random() < 0.7]
        asked += [f"{v}+incompatible" for v in versions if re.match(r"v([2-9]|\d\d+)\.", v) and rng.random() < 0.5]
        asked += [c.id[:rng.choice([7, 12, len(c.id)])] for c in commits[:2]]
        bases = rng.sample(versions, min(3, len(versions))) + [""]
        asked += [pseudo(base, c, path, rng) for c in commits for base in bases if rng.random() < 0.6]
        return [q for q in asked if is_query(q)]


def is_query(q):
    """Will the go command ask the repository, and about one revision? Prefixes as v1 and v1.2 it answers from the list."""
    return q and not re.fullmatch(r"v\d+(\.\d+)?|upgrade|patch|none", q) and q[0] not in "<>-"


def without_metadata(q):
    """What the go command asks for next when it does not find a version that has build metadata."""
    return q if q.endswith("+incompatible") else q.partition("+")[0]


def stamp(c):
    return datetime.datetime.fromtimestamp(c.time, datetime.timezone.utc).strftime("%Y%m%d%H%M%S")


def pseudo(base, c, path, rng):
    """The pseudo-version of a commit on a tag, or one with a fault."""
    time, id = stamp(c), c.short
    spoiled = rng.random()
    if spoiled < 0.04:
        time = f"{int(time) + 1}"
    elif spoiled < 0.08:
        id = c.id[:rng.choice([11, 13])]
    m = re.fullmatch(r"v(\d+)\.(\d+)\.(\d+)(-[^+]*)?(\+.*)?", base)
    more = rng.choice(["", "", "", "+incompatible"])
    if not m:
        major = re.search(r"/v(\d+)$", path)
        return f"v{major.group(1) if major else rng.choice('00001')}.0.0-{time}-{id}"
    if m.group(4):
        return f"v{m.group(1)}.{m.group(2)}.{m.group(3)}{m.group(4)}.0.{time}-{id}{more}"
    return f"v{m.group(1)}.{m.group(2)}.{int(m.group(3)) + 1}-0.{time}-{id}{more}"


GO = "package p\n"

# -- tags and branches (§3.5, §3.7, §3.8)


@case
def plain(c):
    c.line(("v1.0.0", {"go.mod": c.mod()}), ("v1.1.0", None), ("", None))
    c.ask("", "v1.2.0", "nothing", "refs/heads/main", "0123456789ab", "v1.1.0+meta", "v0.0.0-20200101000000-0123456789ab")


@case
def untagged(c):
    c.line(("", {"go.mod": c.mod()}), ("", None))


@case
def empty(c):
    c.ask()


@case
def only_other_tags(c):
    c.line(("release v1 v1.0 1.0.0 V1.0.0 v01.0.0 v1.0.0.0 v1.0.0-01 sub/v1.0.0 v1.0.0-é", {"go.mod": c.mod()}), ("", None))
    c.ask("", "release", "1.0.0", "V1.0.0", "v01.0.0")
    c.ask("/sub")


@case
def shorthands(c):
    a = c.line(("v1", {"go.mod": c.mod()}), ("v1.1", None), ("v1.1.0", None))[0]
    c.tag("v1.0.5", a)


@case
def prereleases(c):
    c.line(("v0.1.0-alpha", {"go.mod": c.mod()}), ("v0.1.0-alpha.2", None), ("v0.1.0-rc", None), ("", None))


@case
def prerelease_above(c):
    c.line(("v1.0.0", {"go.mod": c.mod()}), ("v1.1.0-rc.1", None), ("", None))


@case
def metadata(c):
    c.line(("v1.0.0", {"go.mod": c.mod()}), ("v1.1.0 v1.1.0+meta", None), ("v1.1.1+build.5", None), ("v1.2.0+a v1.2.0+b", None),
           ("", None))
    c.ask("", "v1.1.0+meta", "v1.1.1+build.5", "v1.1.1", "v1.2.0+a", "v1.2.0+c", "v1.2.0")


@case
def incompatible_tags(c):
    c.line(("v2.0.0+incompatible", {"a.go": GO}), ("v2.1.0", None), ("v1.0.0+incompatible", None))
    c.ask("", "v2.0.0+incompatible", "v2.1.0+incompatible", "v1.0.0+incompatible")


@case
def looks_like_pseudo(c):
    a, b = c.line(("v1.0.0", {"go.mod": c.mod()}), ("v1.5.0-0.20200101000000-abcdefabcdef", None))
    c.ask("", "v1.5.0-0.20200101000000-abcdefabcdef")


@case
def looks_like_pseudo_in_folder(c):
    a, b = c.line(("sub/v1.0.0", {"sub/go.mod": c.mod("/sub")}), ("sub/v1.5.0-0.20200101000000-abcdefabcdef", None))
    d = c.commit("", None, [b], "main")
    c.repo.write()
    c.tag(f"sub/v1.0.1-0.{stamp(d)}-{d.short}", d)
    c.ask("/sub", "v1.5.0-0.20200101000000-abcdefabcdef")


@case
def annotated(c):
    a = c.commit("v1.0.0", {"go.mod": c.mod()}, branch="main", annotated=True)
    b = c.commit("v1.1.0-rc.1 marker", None, [a], "main", annotated=True)
    c.commit("", None, [b], "main")
    c.ask("", "marker")


@case
def side_branch(c):
    a, b = c.line(("v1.0.0", {"go.mod": c.mod()}), ("", None))
    c.line(("v1.5.0", None), ("", None), branch="side", parents=[a])


@case
def merged(c):
    a, b = c.line(("v1.0.0", {"go.mod": c.mod()}), ("", None))
    (s,) = c.line(("v1.3.0", None), branch="side", parents=[a])
    m = c.commit("", None, [b, s], "main")
    c.commit("", None, [m], "main")


@case
def two_roots(c):
    c.line(("v1.0.0", {"go.mod": c.mod()}), ("", None))
    c.line(("v0.5.0", {"go.mod": c.mod()}), ("", None), branch="other")


@case
def proposed_change(c):
    (a,) = c.line(("v1.0.0", {"go.mod": c.mod()}))
    p = c.commit("", {"p.go": GO}, [a])
    c.repo.ref("refs/pull/1/head", p)
    q = c.commit("", {"q.go": GO}, [p])
    c.repo.ref("refs/changes/01/1/1", q)
    c.ask("", lambda c: p.id, lambda c: p.short, lambda c: q.short, "refs/pull/1/head", "pull/1/head",
          lambda c: f"v1.0.1-0.{stamp(p)}-{p.short}")


@case
def branch_named_as_tag(c):
    a, b = c.line(("v1.0.0 same", {"go.mod": c.mod()}), ("", None))
    c.repo.branch("same", b)
    c.repo.branch("v1.0.0", b)
    c.repo.branch("v1.7.0", b)
    c.ask("", "same", "v1.0.0", "v1.7.0")


@case
def names_of_digits(c):
    a, b, d = c.line(("v1.0.0", {"go.mod": c.mod()}), ("", None), ("", None))
    c.repo.branch("1234567", a)
    c.repo.branch("123456", a)
    c.repo.branch("abcdefabcdef", b)
    c.repo.branch("ABCDEF1", b)
    c.ask("", "1234567", "123456", "abcdefabcdef", "ABCDEF1", lambda c: b.id[:6], lambda c: b.id.upper())


@case
def branch_with_slash(c):
    (a,) = c.line(("v1.0.0", {"go.mod": c.mod()}))
    c.line(("", None), branch="feature/x", parents=[a])
    c.line(("", None), branch="feature.y", parents=[a])


@case
def other_head(c):
    (a,) = c.line(("v0.1.0", {"go.mod": c.mod()}))
    c.line(("", None), branch="trunk", parents=[a])
    c.repo.head("trunk")
    c.head = "trunk"


@case
def head_to_nowhere(c):
    c.line(("v0.1.0", {"go.mod": c.mod()}), ("", None), branch="work")


@case
def head_to_nowhere_untagged(c):
    c.line(("", {"go.mod": c.mod()}), branch="work")


@case
def detached_head(c):
    a, b = c.line(("v1.0.0", {"go.mod": c.mod()}), ("", None))
    c.repo.write()
    c.repo.detach(a)
    c.ask("", "v1.1.0")


@case
def detached_head_untagged(c):
    """At a commit that no branch leads to."""
    a, b = c.line(("", {"go.mod": c.mod()}), ("", None))
    alone = c.commit("", {"alone.go": GO}, [a])
    c.repo.write()
    c.repo.detach(alone)
    c.ask("", lambda c: alone.short)


def twins():
    """Two times at which commits with no more than `go.mod` have ids that begin with the same seven digits."""
    def object_id(kind, data):
        return hashlib.sha1(b"%s %d\0" % (kind, len(data)) + data).digest()
    blob = object_id(b"blob", TWINS_MOD)
    tree = object_id(b"tree", b"100644 go.mod\0" + blob).hex().encode()
    seen = {}
    for time in itertools.count(1577836800):
        who = b"a <a@b> %d +0000" % time
        id = object_id(b"commit", b"tree %s\nauthor %s\ncommitter %s\n\nx\n" % (tree, who, who)).hex()
        if id[:7] in seen:
            return seen[id[:7]], time
        seen[id[:7]] = time


TWINS_MOD = b"module git.example.test/ambiguous\n"


@case
def ambiguous(c):
    """Both on branches; and one on top of which a branch goes on."""
    one, two = (c.repo.commit({"go.mod": TWINS_MOD}, time=t) for t in twins())
    c.branches.update(main=one, other=two)
    c.repo.branch("main", one)
    c.repo.branch("other", two)
    c.repo.write()
    assert one.id[:7] == two.id[:7]
    c.ask("", one.id[:7], one.id[:12], two.id[:12])
    c.commit("", None, [two], "other")
    c.commit("", None, [one], "main")


@case
def ambiguous_below_branches(c):
    one, two = (c.repo.commit({"go.mod": TWINS_MOD}, time=t) for t in twins())
    c.commit("", None, [two], "other")
    c.commit("", None, [one], "main")
    c.repo.write()
    c.ask("", one.id[:7], one.id[:12], two.id[:12])


@case
def tags_of_other_things(c):
    """Of trees and files, and of tags of these."""
    a, b = c.line(("v1.0.0", {"go.mod": c.mod(), "x/y.go": GO}), ("", None))
    c.repo.write()
    for name, what in (("v1.1.0", f"{a.id}^{{tree}}"), ("v1.2.0", f"{a.id}:go.mod"), ("v0.9.0", f"{a.id}:x")):
        git(c.repo.folder, "tag", name, what)
    who = ("-c", "user.name=a", "-c", "user.email=a@b")
    git(c.repo.folder, *who, "tag", "-a", "-m", "t", "v1.3.0", f"{a.id}^{{tree}}")
    git(c.repo.folder, *who, "tag", "-a", "-m", "t", "inner", a.id)
    git(c.repo.folder, *who, "tag", "-a", "-m", "t", "v1.4.0", "inner")
    git(c.repo.folder, *who, "tag", "-a", "-m", "t", "v1.5.0", "v1.3.0")
    c.ask("", "v1.1.0", "v1.2.0", "v0.9.0", "v1.3.0", "v1.4.0", "v1.5.0", "inner", lambda c: git(
        c.repo.folder, "rev-parse", f"{a.id}^{{tree}}").decode().strip())


@case
def many_tags_on_one(c):
    c.line(("v1.0.0 v1.0.1 v1.1.0-rc.1 v0.9.0 v2.0.0 sub/v0.1.0", {"go.mod": c.mod(), "sub/go.mod": c.mod("/sub")}), ("", None))
    c.ask()
    c.ask("/sub")


@case
def three_hundred_tags(c):
    a = c.commit("", {"go.mod": c.mod()}, branch="main")
    for i in range(150):
        c.tag(f"v0.{i}.0", a)
        c.tag(f"v1.{i}.{i * 7 % 13}-rc.{i}", a)
    c.commit("", None, [a], "main")


@case
def large_numbers(c):
    c.line(("v1.2.99999999999999999999", {"go.mod": c.mod()}), ("", None), ("v1.123456789012345678901234.0", None), ("", None))
    c.ask("", lambda c: f"v1.2.100000000000000000000-0.{stamp(c.repo.commits[1])}-{c.repo.commits[1].short}")


@case
def times(c):
    a = c.commit("v1.0.0", {"go.mod": c.mod()}, branch="main", time=0)
    b = c.commit("", None, [a], "main", time=951868799)
    d = c.commit("", None, [b], "main", time=951782400)
    c.commit("", None, [d], "main", time=4102444800)


# -- where the go.mod is (§3.6, §5.4)


@case
def no_gomod(c):
    c.line(("v1.0.0", {"a.go": GO}), ("", None))
    c.ask()
    c.ask("/sub", "v1.0.0", "main")


def spelled(name, text):
    def build(c):
        c.line(("v1.0.0", {"go.mod": text.replace("PATH", c.root)}), ("", None))
        c.ask()
    CASES[f"gomod_{name}"] = build


spelled("quoted", 'module "PATH"\n')
spelled("raw", "module `PATH`\n")
spelled("block", "module (\n\tPATH\n)\n")
spelled("block_without_space", "module(\n\tPATH\n)\n")
spelled("commented", "// module other.example/v9\n\n\tmodule PATH // indeed\n")
spelled("empty", "")
spelled("without_module", "go 1.20\n")
spelled("bom", "\ufeffmodule PATH\n")
spelled("crlf", "module PATH\r\n\r\ngo 1.20\r\n")
spelled("fork", "module other.example/fork\n")
spelled("of_v2", "module PATH/v2\n")
spelled("of_v1", "module PATH/v1\n")
spelled("of_v0", "module PATH/v0\n")
spelled("of_v02", "module PATH/v02\n")
spelled("of_gopkg", "module gopkg.in/some/thing.v3\n")
spelled("of_gopkg_v1", "module gopkg.in/thing.v1\n")
spelled("second_line", "go 1.20\nmodule other.example/v7\nmodule PATH\n")
spelled("bad", "module PATH\n)(\n")
spelled("latin", "module PATH // \u00e9\n")
spelled("no_value", "module\nmodule PATH\n")
spelled("bad_quote", 'module "PATH\n')


@case
def gomod_is_link(c):
    c.line(("v1.0.0", {"go.mod": Link("real.mod"), "real.mod": c.mod()}), ("", None))


@case
def gomod_link_says_module(c):
    c.line(("v1.0.0", {"go.mod": Link(f"module {c.root}"), "a.go": GO}), ("", None))


@case
def gomod_is_folder(c):
    c.line(("v1.0.0", {"go.mod/x": "x\n"}), ("v2.0.0", None))


@case
def gomod_is_submodule(c):
    c.line(("v1.0.0", {"go.mod": Submodule("1" * 40), "a.go": GO}))


@case
def major_folder(c):
    c.line(("v1.0.0", {"go.mod": c.mod()}), ("v2.0.0 v2.1.0-rc", {"v2/go.mod": c.mod("/v2"), "v2/a.go": GO}), ("", None))
    c.ask()
    c.ask("/v2", "v1.0.0")


@case
def major_branch(c):
    (a,) = c.line(("v1.0.0", {"go.mod": c.mod()}))
    c.line(("v2.0.0", {"go.mod": c.mod("/v2")}), ("", None), branch="v2", parents=[a])
    c.ask("", "v2")
    c.ask("/v2")


@case
def major_twice(c):
    c.line(("v2.0.0", {"go.mod": c.mod("/v2"), "v2/go.mod": c.mod("/v2")}), ("", None))
    c.ask()
    c.ask("/v2")


@case
def major_folder_of_another(c):
    c.line(("v2.0.0", {"go.mod": c.mod("/v2"), "v2/go.mod": c.mod()}), ("v2.1.0", {"v2/go.mod": c.mod("/v3")}),
           ("v2.2.0", {"v2/go.mod": "go 1.20\n"}))
    c.ask("/v2")


@case
def major_without_gomod(c):
    c.line(("v2.0.0", {"a.go": GO}), ("", None))
    c.ask()
    c.ask("/v2")


@case
def major_of_fork(c):
    c.line(("v3.0.0", {"go.mod": "module other.example/x/v3\n"}), ("v3.1.0", {"go.mod": "module gopkg.in/x.v3\n"}),
           ("v3.2.0", {"go.mod": "module gopkg.in/x.v3-unstable\n"}))
    c.ask("/v3")


@case
def major_ten(c):
    c.line(("v9.0.0 v10.0.0", {"go.mod": c.mod("/v10"), "v9/go.mod": c.mod("/v9")}), ("", None))
    c.ask("/v9")
    c.ask("/v10")
    c.ask("/v1", "v1.0.0")


@case
def tag_of_other_major(c):
    c.line(("v1.0.0", {"go.mod": c.mod("/v2")}), ("v2.0.0 v1.5.0", None), ("", None))
    c.ask()
    c.ask("/v2")


@case
def folder(c):
    c.line(("v1.0.0 sub/v0.1.0", {"go.mod": c.mod(), "sub/go.mod": c.mod("/sub"), "sub/a.go": GO}), ("sub/v0.2.0", None), ("", None))
    c.ask()
    c.ask("/sub", "v1.0.0")
    c.ask("/other", "main", "v1.0.0")


@case
def folder_without_gomod(c):
    c.line(("sub/v1.0.0", {"go.mod": c.mod(), "sub/a.go": GO}), ("", None))
    c.ask("/sub")


@case
def folder_deep(c):
    c.line(("a/b/c/v1.0.0 a/v0.1.0 a/b/c/v1.1.0", {"a/b/c/go.mod": c.mod("/a/b/c"), "a/go.mod": c.mod("/a")}), ("", None))
    c.ask("/a/b/c")
    c.ask("/a")
    c.ask("/a/b")


@case
def folder_major(c):
    c.line(("sub/v2.0.0", {"sub/v2/go.mod": c.mod("/sub/v2"), "sub/go.mod": c.mod("/sub")}), ("sub/v3.0.0", {"sub/go.mod": c.mod("/sub/v3")}),
           ("", None))
    c.ask("/sub/v2")
    c.ask("/sub/v3")
    c.ask("/sub")


@case
def folder_below_major(c):
    c.line(("v2/sub/v1.0.0 v2/sub/v0.1.0", {"v2/sub/go.mod": c.mod("/v2/sub"), "v2/go.mod": c.mod("/v2")}), ("", None))
    c.ask("/v2/sub")
    c.ask("/v2")


@case
def folder_comes_and_goes(c):
    c.line(("sub/v0.1.0", {"go.mod": c.mod(), "sub/a.go": GO}), ("sub/v0.2.0", {"sub/go.mod": c.mod("/sub")}),
           ("sub/v0.3.0", None, "sub/go.mod"), ("", None))
    c.ask("/sub")
    c.ask()


@case
def folder_and_root_tags(c):
    a, b = c.line(("v1.1.0", {"go.mod": c.mod(), "sub/go.mod": c.mod("/sub")}), ("sub/v1.1.0", None))
    d = c.commit("v1.2.0", None, [b], "main")
    c.ask("/sub", lambda c: f"v1.1.1-0.{stamp(b)}-{b.short}", lambda c: f"v1.1.1-0.{stamp(d)}-{d.short}",
          lambda c: f"v1.2.1-0.{stamp(d)}-{d.short}")


@case
def capitals(c):
    c.line(("Sub/v1.0.0 v1.0.0", {"go.mod": c.mod(), "Sub/go.mod": c.mod("/Sub"), "Sub/A.go": GO}), ("", None))
    c.ask("/Sub", "V1.0.0")
    c.ask("/sub")


@case
def odd_path(c):
    c.line(("a.b-d_e/v1.0.0", {"a.b-d_e/go.mod": c.mod("/a.b-d_e"), "a~b/go.mod": c.mod("/a~b")}), ("", None))
    c.ask("/a.b-d_e")
    c.ask("/a~b", "main")


@case
def page_with_subdir(c):
    c.line(("go/mod/v1.0.0 v1.0.0", {"go/mod/go.mod": "module vanity.example.test/sd\n", "LICENSE": "L\n"}),
           ("go/mod/x/v0.1.0 go/mod/v2.0.0", {"go/mod/x/go.mod": "module vanity.example.test/sd/x\n",
                                               "go/mod/v2/go.mod": "module vanity.example.test/sd/v2\n"}), ("", None))
    c.page("vanity.example.test/sd", "go/mod")
    for suffix in ("", "/x", "/v2"):
        c.ask(path=f"vanity.example.test/sd{suffix}", root="vanity.example.test/sd", subdir="go/mod")


@case
def page_of_whole_path(c):
    c.line(("v2.0.0", {"go.mod": "module vanity.example.test/whole/v2\n"}), ("v2.1.0", {"v2/go.mod": "module vanity.example.test/whole/v2\n"}),
           ("v2.2.0", {}, "go.mod"))
    c.page("vanity.example.test/whole/v2")
    c.ask(path="vanity.example.test/whole/v2", root="vanity.example.test/whole/v2")


@case
def page_of_other_name(c):
    c.line(("v1.0.0", {"go.mod": c.mod()}), ("", None))
    c.page("vanity.example.test/renamed")
    c.ask(path="vanity.example.test/renamed", root="vanity.example.test/renamed")
    c.ask(path="vanity.example.test/renamed/sub", root="vanity.example.test/renamed")


def gopkg(name, path, *steps):
    def build(c):
        c.line(*steps, ("", None))
        c.page(path)
        c.ask(path=path, root=path)
    CASES[f"gopkg_{name}"] = build


gopkg("v1", "gopkg.in/one.v1", ("v1.0.0", {"a.go": GO}), ("v1.1.0 v2.0.0", {"go.mod": "module gopkg.in/one.v1\n"}))
gopkg("v0", "gopkg.in/zero.v0", ("v0.1.0 v1.0.0", {"a.go": GO}))
gopkg("v2", "gopkg.in/two.v2", ("v2.0.0", {"a.go": GO}), ("v2.1.0", {"go.mod": "module gopkg.in/two.v2\n"}),
      ("v2.2.0", {"go.mod": "module other.example/two\n"}), ("v2.3.0", {"go.mod": "module other.example/two/v2\n"}))
gopkg("unstable", "gopkg.in/two.v2-unstable", ("v2.0.0", {"a.go": GO}), ("", {"go.mod": "module gopkg.in/two.v2-unstable\n"}))


# -- +incompatible (§3.7, §3.8)


@case
def legacy(c):
    c.line(("v1.0.0", {"a.go": GO}), ("v2.0.0", None), ("v3.1.0-beta", None), ("v4.0.0", {"go.mod": c.mod("/v4")}),
           ("v4.0.1", None, "go.mod"), ("", None))
    c.ask("", "v4.0.0+incompatible", "v1.0.0+incompatible")
    c.ask("/v4")


@case
def legacy_only(c):
    c.line(("v2.0.0", {"a.go": GO}), ("v2.1.0-rc.1", None), ("v5.0.0", None), ("", None))


@case
def legacy_before_modules(c):
    c.line(("v2.0.0", {"a.go": GO}), ("v1.9.0", {"go.mod": c.mod()}), ("v3.0.0", None), ("", None))


@case
def legacy_with_modular_v1(c):
    c.line(("v1.0.0", {"go.mod": c.mod()}), ("v2.0.0", {}, "go.mod"), ("v1.1.0", None), ("v3.0.0", None), ("", None))


@case
def legacy_with_folder(c):
    c.line(("v3.0.0", {"a.go": GO, "v3/go.mod": c.mod("/v3")}), ("v4.0.0", None), ("", None))
    c.ask("", "v3.0.0", "v3.0.0+incompatible", "v4.0.0+incompatible",
          lambda c: f"v3.0.1-0.{stamp(c.repo.commits[2])}-{c.repo.commits[2].short}+incompatible",
          lambda c: f"v3.0.1-0.{stamp(c.repo.commits[2])}-{c.repo.commits[2].short}",
          lambda c: f"v2.0.0-{stamp(c.repo.commits[2])}-{c.repo.commits[2].short}+incompatible")
    c.ask("/v3")


@case
def legacy_major_drops(c):
    c.line(("v2.0.0 v3.0.0", {"a.go": GO}), ("v2.5.0", {"go.mod": c.mod("/v2")}), ("v3.1.0", {}, "go.mod"))
    c.ask("", "v2.0.0+incompatible", "v2.0.0")


# -- retractions (§3.8, §3.9)


def retracting(name, *steps):
    def build(c):
        c.line(*((tags, {"go.mod": c.mod("", text)} if text is not None else None) for tags, text in steps))
        c.ask()
    CASES[f"retract_{name}"] = build


retracting("one", ("v1.0.0", ""), ("v1.1.0", None), ("v1.2.0", "retract v1.1.0\n"), ("", None))
retracting("itself", ("v1.0.0", ""), ("v1.1.0", None), ("v1.2.0", "retract [v1.1.0, v1.2.0]\n"), ("", None))
retracting("all", ("v1.0.0", ""), ("v1.1.0", "retract [v0.0.0, v1.99.0]\n"), ("", None))
retracting("head_too", ("v1.0.0", ""), ("v1.1.0", "retract [v0.0.0, v1.99.0]\n"), ("", "retract [v0.0.0, v2.0.0]\n"))
retracting("by_prerelease", ("v1.0.0", ""), ("v1.1.0-rc.1", "retract v1.0.0\n"), ("", None))
retracting("by_only_prerelease", ("v0.1.0-a", ""), ("v0.1.0-b", "retract v0.1.0-a\n"), ("", None))
retracting("by_older_release", ("v1.5.0", "retract v1.4.0\n"), ("v1.4.0", ""), ("", None))
retracting("malformed", ("v1.0.0", ""), ("v1.1.0", "retract (v1.0.0)\nretract v1.1\nretract [v1.0.0 v1.1.0]\n"), ("", None))
retracting("bad_gomod", ("v1.0.0", ""), ("v1.1.0", "retract v1.1.0\n)\n"), ("", None))
retracting("pseudo", ("v1.0.0", ""), ("", "retract [v1.0.1-0, v1.0.1]\n"), ("", None))
retracting("by_head_only", ("v1.0.0", ""), ("", "retract v1.0.0\n"))


@case
def retract_in_folder(c):
    c.line(("sub/v1.0.0", {"sub/go.mod": c.mod("/sub")}), ("sub/v1.1.0", {"sub/go.mod": c.mod("/sub", "retract v1.1.0\n")}), ("", None))
    c.ask("/sub")


# -- what is in the zip (§3.10, §4)


def zipped(name, files, **more):
    def build(c):
        c.line(("v1.0.0", {k: v.replace("PATH", c.root) if isinstance(v, str) and type(v) is str else v for k, v in files.items()}))
        c.ask("", "v1.0.0")
        for path, tag in more.get("modules", {}).items():
            c.tag(f"{path}/{tag}", c.repo.commits[0])
            c.ask(f"/{path}", tag)
    CASES[f"zip_{name}"] = build


M = {"go.mod": "module PATH\n"}
VENDOR = {"vendor/modules.txt": "v\n", "vendor/foo.go": GO, "vendor/x/y.go": GO, "pkg/vendor/vendor.go": GO,
          "pkg/vendor/foo/foo.go": GO, "x/vendor/modules.txt": "v\n", "a/vendor": "f\n", "vendorx/a.go": GO, "xvendor/a.go": GO}

zipped("vendor_old", {"go.mod": "module PATH\n\ngo 1.23\n", **VENDOR})
zipped("vendor_new", {"go.mod": "module PATH\n\ngo 1.24\n", **VENDOR})
zipped("vendor_rc", {"go.mod": "module PATH\n\ngo 1.24rc1\n", **VENDOR})
zipped("vendor_no_go", {**M, **VENDOR})
zipped("vendor_bad_gomod", {"go.mod": "module PATH\n\ngo 1.24\n)\n", **VENDOR})
zipped("vendor_no_gomod", VENDOR)
zipped("vendor_toolchain", {"go.mod": "module PATH\n\ngo 1.25.1\ntoolchain go1.26.0\nunknown x\n", **VENDOR})
zipped("nested", {**M, "sub/go.mod": "module PATH/sub\n", "sub/a.go": GO, "sub/deep/b.go": GO, "s2/GO.MOD": "x", "s2/c.go": GO,
                  "s3/go.mod": Link("../go.mod"), "s3/d.go": GO, "s4/go.mod/x": "x", "s4/e.go": GO}, modules={"sub": "v0.1.0"})
zipped("links", {**M, "link": Link("go.mod"), "dangling": Link("nowhere"), "dir": Link("sub"), "sub/a.go": GO})
zipped("submodule", {**M, "third": Submodule("2" * 40), ".gitmodules": "[submodule \"third\"]\n\tpath = third\n\turl = ../x\n"})
zipped("modes", {**M, "run.sh": Executable("#!/bin/sh\n"), "nothing": "", "bytes": bytes(range(256))})
zipped("gomod_alone", M)
zipped("hidden", {**M, ".hg_archival.txt": "x\n", "a/.hg_archival.txt": "x\n", ".github/x.yml": "x\n", ".git_x": "x\n", ".a/b": "c"})
zipped("names", {**M, "sp ace.txt": "x\n", "ünï.go": GO, "日本.go": GO, "a+b,c@d=e[f]{g}~h!.go": GO, "(p)#$%&.go": GO})
zipped("collision", {**M, "README": "x\n", "readme": "y\n"})
zipped("collision_of_folders", {**M, "a/x.go": GO, "A/y.go": GO})
zipped("collision_of_kelvin", {**M, "k.go": GO, "\u212a.go": GO})
zipped("collision_with_link", {**M, "a": "x\n", "A": Link("a")})
zipped("collision_in_vendor", {**M, "vendor/p/x.go": GO, "vendor/p/X.go": GO})
zipped("sharp_s", {**M, "ß.go": GO, "ss.go": GO})
zipped("bad_name", {**M, "a:b.go": GO})
zipped("bad_name_in_nested", {**M, "sub/go.mod": "module PATH/sub\n", "sub/a:b.go": GO})
zipped("device", {**M, "aux.go": GO})
zipped("trailing_dot", {**M, "a./x.go": GO})
zipped("backslash", {**M, "a\\b.go": GO})
zipped("quote", {**M, "it's.go": GO})
zipped("emoji", {**M, "\U0001f600.go": GO})
zipped("GOMOD", {"GO.MOD": "module PATH\n", "a.go": GO})
zipped("gomod_both_cases", {**M, "GO.MOD": "module PATH\n"})
zipped("license", {**M, "LICENSE": "L\n", "sub/go.mod": "module PATH/sub\n", "own/go.mod": "module PATH/own\n", "own/LICENSE": "own\n",
                   "txt/go.mod": "module PATH/txt\n", "txt/LICENSE.txt": "txt\n", "below/go.mod": "module PATH/below\n",
                   "below/x/LICENSE": "x\n", "link/go.mod": "module PATH/link\n", "link/LICENSE": Link("../LICENSE"),
                   "dir/go.mod": "module PATH/dir\n", "dir/LICENSE/x": "x\n"},
       modules={p: "v1.0.0" for p in ("sub", "own", "txt", "below", "link", "dir")})
zipped("license_link", {**M, "LICENSE": Link("COPYING"), "COPYING": "C\n", "sub/go.mod": "module PATH/sub\n"}, modules={"sub": "v1.0.0"})
zipped("license_none", {**M, "COPYING": "C\n", "LICENSE/x": "x\n", "sub/go.mod": "module PATH/sub\n"}, modules={"sub": "v1.0.0"})
zipped("license_converted", {**M, ".gitattributes": "LICENSE eol=crlf\n", "LICENSE": "L\n", "sub/go.mod": "module PATH/sub\n"},
       modules={"sub": "v1.0.0"})
zipped("attributes", {
    **M, ".gitattributes": "crlf.txt text eol=crlf\nid.txt ident\nsub.txt export-subst\nign.txt export-ignore\nbin.txt binary eol=crlf\n"
    "auto.txt text=auto eol=crlf\nlf.txt text eol=lf\nold.txt crlf\nplain.txt text\nlfs.bin filter=lfs diff=lfs merge=lfs -text\n"
    "e.txt eol=crlf\nun.txt -text eol=crlf\nauto2.txt text=auto eol=crlf\nauto3.txt text=auto eol=crlf\n",
    "crlf.txt": "a\nb\r\nc\rd\n", "id.txt": "$Id$ $Id: x $\n", "sub.txt": "$Format:%H$\n", "ign.txt": "x\n", "bin.txt": "a\n",
    "auto.txt": "a\nb\n", "lf.txt": "a\r\nb\n", "old.txt": "a\nb\n", "plain.txt": "a\r\nb\n", "lfs.bin": "version x\n",
    "e.txt": b"a\n\0b\n", "un.txt": "a\nb\n", "auto2.txt": "a\r\nb\n", "auto3.txt": b"a\n\0b\n"})
zipped("attributes_nested", {**M, ".gitattributes": "*.txt text\n[attr]mine ident\n", "d/.gitattributes": "*.txt eol=crlf mine\n",
                             "d/a.txt": "a\n$Id$\n", "a.txt": "a\n"})
zipped("attributes_encoding", {**M, ".gitattributes": "u.txt working-tree-encoding=UTF-16LE\nx.txt working-tree-encoding=nonsense\n",
                               "u.txt": "aé\n", "x.txt": "a\n"})
zipped("attributes_of_gomod", {**M, ".gitattributes": "go.mod text eol=crlf\n* export-ignore\n", "a.go": GO})
zipped("attributes_link", {**M, ".gitattributes": Link("attrs"), "attrs": "*.txt eol=crlf\n", "a.txt": "a\n"})
zipped("attributes_above", {**M, ".gitattributes": "*.txt eol=crlf\nsub/b.txt -text\n", "sub/go.mod": "module PATH/sub\n", "sub/a.txt": "a\n",
                            "sub/b.txt": "b\n", "LICENSE": "L\n"}, modules={"sub": "v1.0.0"})
zipped("attributes_of_links_folder", {**M, ".gitattributes/x": "*.txt eol=crlf\n", "a.txt": "a\n"})
zipped("no_unicode", {**M, "a\udcff.go": GO})
zipped("no_unicode_in_nested", {**M, "sub/go.mod": "module PATH/sub\n", "sub/a\udcff.go": GO, "sub/\udcffd/b.go": GO}, modules={"sub": "v1.0.0"})
zipped("control_characters", {**M, "a\tb.go": GO})
zipped("line_feed", {**M, "a\nb.go": GO})
zipped("long_names", {**M, "d" * 200 + "/" + "e" * 200 + "/" + "f" * 100 + ".go": GO, "g" * 255: "x\n"})
LARGE = 16 << 20  # of a go.mod, and of a LICENSE (§4.5)
GOMOD = "module git.example.test/zip_large_gomod\n//"
zipped("large_gomod", {"go.mod": GOMOD + "x" * (LARGE - len(GOMOD)), "a.go": GO})
zipped("large_license", {**M, "LICENSE": "x" * (LARGE + 1), "sub/go.mod": "module PATH/sub\n", "own/go.mod": "module PATH/own\n",
                         "own/LICENSE": "own\n"}, modules={"sub": "v1.0.0", "own": "v1.0.0"})
zipped("license_of_all_bytes", {**M, "LICENSE": "x" * LARGE, "sub/go.mod": "module PATH/sub\n"}, modules={"sub": "v1.0.0"})
zipped("major_folder", {**M, "v2/go.mod": "module PATH/v2\n", "v2/a.go": GO, "a.go": GO, "LICENSE": "L\n"})


@case
def zip_of_major_folder(c):
    c.line(("v2.0.0", {"go.mod": c.mod(), "v2/go.mod": c.mod("/v2", "\ngo 1.24\n"), "v2/vendor/modules.txt": "x\n", "v2/a.go": GO,
                       "LICENSE": "L\n"}))
    c.ask("/v2", "v2.0.0")


@case
def appendix_c1(c):
    c.line(("v1.0.0 m/v0.1.0", {
        ".gitattributes": "crlf.txt text eol=crlf\nid.txt ident\nsub.txt export-subst\nign.txt export-ignore\n",
        "crlf.txt": "a\nb\n", "id.txt": "$Id$\n", "sub.txt": "$Format:%H$\n", "ign.txt": "x\n", "go.mod": c.mod(), "LICENSE": "L\n",
        "m/go.mod": c.mod("/m"), "m/a.go": "package m\n", "vendor/modules.txt": "v\n", "vendor/p/p.go": "package p\n",
        "pkg/vendor/q.go": "package q\n", "link": Link("go.mod"), "run.sh": Executable("#!/bin/sh\n")}))
    c.ask("", "v1.0.0", "main")
    c.ask("/m", "v0.1.0")


@case
def appendix_c2(c):
    (a, b, v1, build) = c.line(("v0.1.0", {"go.mod": c.mod()}), ("v1.0.0 v1 release", None), ("v1.1.0 v1.1.0+meta", None),
                               ("v1.1.1+build.5", None), branch="old")
    rc, dev = c.line(("v1.2.0-rc.1", None), ("v2.0.0", None), parents=[v1])
    c.tag("v1.5.0-0.20200101000000-abcdefabcdef", rc)
    side = c.commit("", None, [a], "side")

    def p(base, commit, more=0, cut=12):
        return lambda c: f"{base}{int(stamp(commit)) + more}-{commit.id[:cut]}"
    c.ask("", p("v1.0.1-0.", dev), p("v1.1.1-0.", dev), p("v1.2.0-rc.1.0.", dev), p("v0.0.0-", dev), p("v1.1.1-0.", dev, 1),
          p("v1.1.1-0.", dev, 0, 11), p("v1.1.1-0.", dev, 0, 13), p("v1.9.1-0.", dev), p("v1.0.0-", dev), p("v1.1.1-0.", v1),
          p("v1.1.1-0.", side), p("v0.1.1-0.", side), lambda c: p("v2.0.1-0.", dev)(c) + "+incompatible",
          "v1.5.0-0.20200101000000-abcdefabcdef", p("v1.1.2-0.", build), p("v1.1.0-0.", dev), p("v1.1.0-rc.0.", dev))


# -- by chance


def chance(c, rng):
    """A random history with random tags, go.mod files and folders."""
    dirs = rng.choice([[""], [""], ["", "sub"], ["", "sub", "sub/deep"]])
    commits, tips = [], {}
    for i in range(rng.randint(1, 9)):
        branch = rng.choice(["main", "main", "main", "dev", "v2"])
        parents = [tips[branch]] if branch in tips else [rng.choice(commits)] if commits and rng.random() < 0.85 else []
        if commits and parents and rng.random() < 0.2:
            other = rng.choice(commits)
            parents += [other] if other is not parents[0] else []
        files, remove = {f"f{i}.go": "package f\n"}, []
        have = parents[0].files if parents else {}
        for d in dirs:
            for inner in ("", rng.choice(["v2", "v3"])):
                name = "/".join(x for x in (d, inner, "go.mod") if x)
                if rng.random() < (0.5 if not inner else 0.15):
                    suffix = "/".join(x for x in ("", d, inner or rng.choice(["", "", "", "v2", "v3"])) if x)
                    text = c.mod(f"/{suffix}" if suffix else "")
                    if rng.random() < 0.25:
                        text += rng.choice(["retract v1.0.0\n", "retract [v1.0.0, v1.1.0]\n", "retract v1.1.0-rc.1\n", "retract v0.2.0\n",
                                            "go 1.24\n"])
                    files[name] = text
                elif name in have and rng.random() < 0.15:
                    remove.append(name)
        for name in ("LICENSE", "sub/LICENSE", "vendor/modules.txt", "vendor/a/a.go", "x/vendor/y.go"):
            if rng.random() < 0.15:
                files[name] = f"{name} {i}\n"
        tips[branch] = c.commit("", files, parents, branch, remove=remove,
                                time=None if rng.random() < 0.8 else 1577836800 + rng.randint(0, 40000))
        commits.append(tips[branch])
    versions = ["v0.1.0", "v0.2.0", "v1.0.0", "v1.1.0-rc.1", "v1.1.0", "v1.1.0+x", "v1.2.0+y", "v2.0.0", "v2.1.0-a", "v2.1.0", "v3.0.0",
                "v3.0.1", "v1", "v0.0.0", "w"]
    for _ in range(rng.randint(0, 7)):
        d = rng.choice(dirs)
        tag = "/".join(x for x in (d, rng.choice(versions)) if x)
        if tag not in c.tags:
            c.tag(tag, rng.choice(commits), annotated=rng.random() < 0.2)
    for d in dirs:
        for major in ("", "/v2", "/v3"):
            if not major or rng.random() < 0.4:
                c.ask("/".join(x for x in ("", d) if x is not None).rstrip("/") + major)


def build(server, name, seed):
    """The case of that name, written."""
    rng = random.Random(f"{seed} {name}")
    if name in CASES:
        c = Case(server, name)
        CASES[name](c)
    else:
        c = Case(server, name, sha256=rng.random() < 0.1)
        chance(c, rng)
    return c.finish(rng)
