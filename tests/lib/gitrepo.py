# SPDX-License-Identifier: Apache-2.0
"""Bare git repositories made up by a test: the same calls give the same commit ids, on every machine.

    r = Repository(folder / "x.git")
    a = r.commit({"go.mod": "module git.example.test/x\\n"}, branch="main")
    b = r.commit({"x.go": "package x\\n"}, parents=[a], branch="main")      # on top of a's files
    r.tag("v1.0.0", a)
    r.tag("sub/v0.1.0", b, annotated=True)
    r.write()                                                              # one git fast-import for all of it
    b.id
"""

import pathlib
import subprocess

BEGIN = 1577836800  # 2020-01-01T00:00:00Z, the time of a first commit; each further one comes an hour later
WHO = b"a <a@b>"


class Link(str):
    """The target of a symbolic link, as a file's content."""


class Submodule(str):
    """The commit id of a submodule, as a file's content."""


class Executable(str):
    """The content of a file that may be run."""


class Commit:
    def __init__(self, mark, files, time, parents=()):
        self.mark, self.files, self.time, self.parents, self.id = mark, files, time, parents, None

    @property
    def short(self):
        return self.id[:12]


def git(folder, *args, input=None):
    env = {"PATH": "/usr/local/bin:/usr/bin:/bin", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null",
           "HOME": "/nonexistent", "LC_ALL": "C"}
    done = subprocess.run(["git", *args], cwd=folder, env=env, input=input, capture_output=True, timeout=60,
                          stdin=None if input is not None else subprocess.DEVNULL)
    assert done.returncode == 0, f"git {args[0]}: {done.stderr.decode(errors='replace')[-2000:]}"
    return done.stdout


def quoted(path):
    special = {0x22: b'\\"', 0x5C: b"\\\\", 0x0A: b"\\n"}
    return b'"' + b"".join(special.get(c, bytes([c])) for c in path.encode("utf-8", "surrogateescape")) + b'"'


class Repository:
    def __init__(self, folder, sha256=False, head="main"):
        self.folder = pathlib.Path(folder)
        for d in ("objects/pack", "refs/heads", "refs/tags", "info"):  # git init, without its process
            (self.folder / d).mkdir(parents=True, exist_ok=True)
        config = "[core]\n\trepositoryformatversion = 0\n\tbare = true\n"
        if sha256:
            config = config.replace("= 0", "= 1") + "[extensions]\n\tobjectformat = sha256\n"
        (self.folder / "config").write_text(config)
        self.head(head)
        self.stream = []
        self.commits = []
        self.refs = {}   # to be written
        self.known = {}  # all there are, but HEAD

    def head(self, branch):
        """What HEAD points to; the branch need not be there."""
        (self.folder / "HEAD").write_text(f"ref: refs/heads/{branch}\n")

    def detach(self, commit):
        """HEAD is a commit and no branch. The commit must have been written."""
        (self.folder / "HEAD").write_text(commit.id + "\n")

    def commit(self, files=None, parents=(), branch=None, time=None, remove=(), base=None):
        """files: {path: content}, added to those of the first parent, or of `base`; remove: paths that go away. Content
        is str, bytes, Link, Submodule or Executable."""
        parents = list(parents)
        tree = dict((base or (parents[0] if parents else Commit(0, {}, 0))).files)
        for path in remove:
            del tree[path]
        tree.update(files or {})
        c = Commit(len(self.commits) + 1, tree, BEGIN + 3600 * len(self.commits) if time is None else time,
                   parents)
        self.commits.append(c)
        out = self.stream
        if not parents:
            out.append(b"reset refs/making/x\n")
        out.append(b"commit refs/making/x\nmark :%d\nauthor %s %d +0000\ncommitter %s %d +0000\ndata 2\nx\n"
                   % (c.mark, WHO, c.time, WHO, c.time))
        for i, p in enumerate(parents):
            out.append(b"%s :%d\n" % (b"merge" if i else b"from", p.mark))
        out.append(b"deleteall\n")
        for path, content in tree.items():
            if isinstance(content, Submodule):
                out.append(b"M 160000 %s %s\n" % (content.encode(), quoted(path)))
                continue
            mode = 120000 if isinstance(content, Link) else 100755 if isinstance(content, Executable) else 100644
            data = content if isinstance(content, bytes) else content.encode()
            out.append(b"M %d inline %s\ndata %d\n%s\n" % (mode, quoted(path), len(data), data))
        if branch:
            self.branch(branch, c)
        return c

    def branch(self, name, commit):
        self.ref(f"refs/heads/{name}", commit)

    def tag(self, name, commit, annotated=False):
        if not annotated:
            self.ref(f"refs/tags/{name}", commit)
            return
        self.refs.pop(f"refs/tags/{name}", None)
        self.known[f"refs/tags/{name}"] = commit
        self.stream.append(b"tag %s\nfrom :%d\ntagger %s %d +0000\ndata 2\nt\n"
                           % (name.encode(), commit.mark, WHO, commit.time + 60))

    def ref(self, name, commit):
        """Any ref, such as refs/pull/1/head. None removes it."""
        self.refs[name] = self.known[name] = commit

    def write(self):
        """Brings what was asked for since the last time into the repository."""
        zero = b"0" * 64 if "sha256" in (self.folder / "config").read_text() else b"0" * 40
        for name, commit in self.refs.items():
            self.stream.append(b"reset %s\nfrom %s\n\n" % (name.encode(), b":%d" % commit.mark if commit else zero))
        if any(s.startswith(b"commit ") for s in self.stream):
            self.stream.append(b"reset refs/making/x\nfrom %s\n\n" % zero)
        self.refs = {}
        if not self.stream:
            return self
        marks = self.folder / "marks"
        git(self.folder, "-c", "fastimport.unpackLimit=0", "fast-import", "--quiet", "--force",
            f"--import-marks-if-exists={marks}", f"--export-marks={marks}", input=b"".join(self.stream) + b"done\n")
        self.stream = []
        for line in marks.read_text().split("\n"):
            if line:
                mark, _, id = line.partition(" ")
                if int(mark[1:]) <= len(self.commits):
                    self.commits[int(mark[1:]) - 1].id = id
        return self
