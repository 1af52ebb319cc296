# SPDX-License-Identifier: Apache-2.0
"""The git host that the tests of this folder share, and the fixtures of protocol appendix C: what the go command, asking
it directly, makes of them is what protocol.md says."""

import json

import pytest

from lib import gocmd
from lib.gitrepo import Executable, Link, git
from lib.gitserver import GitServer


def appendix_c1(server):
    """The repository of appendix C.1, to the bit."""
    r = server.add("git.example.com/fx", head="master")
    c = r.commit({
        ".gitattributes": "crlf.txt text eol=crlf\nid.txt ident\nsub.txt export-subst\nign.txt export-ignore\n",
        "crlf.txt": "a\nb\n", "id.txt": "$Id$\n", "sub.txt": "$Format:%H$\n", "ign.txt": "x\n",
        "go.mod": "module git.example.com/fx\n", "LICENSE": "L\n",
        "m/go.mod": "module git.example.com/fx/m\n", "m/a.go": "package m\n",
        "vendor/modules.txt": "v\n", "vendor/p/p.go": "package p\n", "pkg/vendor/q.go": "package q\n",
        "link": Link("go.mod"), "run.sh": Executable("#!/bin/sh\n"),
    }, branch="master")
    r.tag("v1.0.0", c)
    r.tag("m/v0.1.0", c)
    r.write()
    return r, c


def test_appendix_c1(tmp_path):
    if gocmd.go_binary() is None:
        pytest.skip("there is no go command")
    with GitServer(tmp_path, ["DNS:git.example.com"]) as server:
        r, c = appendix_c1(server)
        assert c.id == "7b1a704847ce4c8be0a5e9b6ae34aa3f785331be"
        assert git(r.folder, "rev-parse", f"{c.id}^{{tree}}").decode().strip() == "ea2c6000c0977dc1ea7df5ddba32ab2c3099b858"
        done = server.go(tmp_path / "go").run(
            "mod", "download", "-json", "git.example.com/fx@master", "git.example.com/fx/m@v0.1.0", cwd=tmp_path)
        decoder, text, found = json.JSONDecoder(), done.stdout.strip(), {}
        while text:
            module, end = decoder.raw_decode(text)
            found[module["Path"]] = (module["Version"], module["Sum"], module["GoModSum"])
            text = text[end:].strip()
        assert found == {
            "git.example.com/fx": ("v1.0.0", "h1:aQOdT8EoRd421TeiiryRqPbpq5JixeBHWODYLT9mE4Y=",
                                   "h1:5+OOfVYjXkZOrizdiOScC52HuMW1RTsbXpb5koZ1+NE="),
            "git.example.com/fx/m": ("v0.1.0", "h1:/hUI13PJ9shjjo3phPpSpeV61GR88t/fCCacP4sVJc8=",
                                     "h1:0+SI1kXR5L3ZKKu1wpiuK7Xyel/4GyTX0cVF1uEVsBI="),
        }
        assert server.asked(r"^GET https://git\.example\.com/fx\.git/info/refs\?service=git-upload-pack$")


def test_a_secret_is_asked_for(tmp_path):
    with GitServer(tmp_path) as server:
        r = server.add("localhost/x", secret="user:word")
        r.commit({"a": "b"}, branch="main")
        r.write()
        options = ["-c", f"http.sslCAInfo={server.authority.pem}"]
        url = f"localhost:{server.port}/x.git"
        assert b"refs/heads/main" in git(r.folder, *options, "ls-remote", f"https://user:word@{url}")
        with pytest.raises(AssertionError):
            git(r.folder, *options, "ls-remote", f"https://user:other@{url}")
