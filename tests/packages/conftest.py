# SPDX-License-Identifier: Apache-2.0
"""The packages of build/modgate, made once, and a Debian system that they are installed in. What cannot be tried
on a machine is told at the end (the mark packages)."""

import os
import re
import shutil
import subprocess

import pytest

from lib import debroot
from lib.debroot import make
from lib.modgate import sanitized

INCLUDED = ("systemd", "man-db", "bash-completion", "zsh")


@pytest.fixture(scope="session")
def able():
    if sanitized():
        pytest.skip("packages are made of the program as it is shipped")
    if not shutil.which("dh"):
        pytest.skip("packages were not made: debhelper is missing")


@pytest.fixture(scope="session")
def privileged(able):
    if os.geteuid() != 0:
        pytest.skip("packages were not installed: only root can")
    tried = subprocess.run(["unshare", "--mount", "--pid", "--fork", "--mount-proc", "true"], capture_output=True, text=True)
    if tried.returncode:
        pytest.skip(f"packages were not installed: {tried.stderr.strip()}")


@pytest.fixture(scope="session")
def deb(able, tmp_path_factory):
    return next(f for f in make("deb", tmp_path_factory.mktemp("deb")) if "dbgsym" not in f)


@pytest.fixture(scope="session")
def image(able, tmp_path_factory):
    """The layout's folder."""
    return make("image.py", tmp_path_factory.mktemp("image"))[0]


@pytest.fixture(scope="session")
def root(privileged, deb, tmp_path_factory):
    """A system without the package, but with all that it depends on."""
    depends = subprocess.run(["dpkg-deb", "-f", deb, "Depends"], capture_output=True, text=True, check=True).stdout
    folder = tmp_path_factory.mktemp("debian") / "root"
    try:
        yield debroot.bootstrap(folder, [*INCLUDED, *(re.split(r"[ |(]", d.strip())[0] for d in depends.split(","))])
    except debroot.CannotBeMade as why:
        pytest.skip(f"packages were not installed: {why}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
