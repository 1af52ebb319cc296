# SPDX-License-Identifier: Apache-2.0
"""The shared libraries that a program is linked to, and the Debian packages that they come from."""

import os
import pathlib
import re
import subprocess
import sys
from dataclasses import dataclass

FIELDS = ("binary:Package", "Version", "Architecture", "source:Package", "source:Version", "Maintainer", "binary:Summary")


@dataclass(frozen=True, order=True)
class Package:
    name: str
    version: str
    architecture: str
    source: str
    source_version: str
    maintainer: str
    summary: str


@dataclass(frozen=True, order=True)
class Library:
    soname: str
    file: str  # the real one, without links
    package: str
    direct: bool  # the program itself asks for it


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C.UTF-8"})
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}: {done.stderr.strip()}")
    return done.stdout


def owners(files):
    """The package of each file. dpkg knows some by their place before /lib became a link into /usr."""
    names = [name for file in files for name in (file, file.removeprefix("/usr"))]
    said = subprocess.run(["dpkg-query", "-S", *names], capture_output=True, text=True).stdout
    known = {name: who.split(":")[0] for who, name in (line.split(": ", 1) for line in said.splitlines())}
    for file in files:
        if not known.keys() & {file, file.removeprefix("/usr")}:
            sys.exit(f"{file} belongs to no Debian package")
    return {file: known.get(file) or known[file.removeprefix("/usr")] for file in files}


def libraries(program):
    """All of them, those that libraries ask for too, and the loader."""
    needed = set(re.findall(r"\(NEEDED\).*\[(.+)\]", run("readelf", "-dW", program)))
    loaded = re.findall(r"(?m)^\s*(?:(\S+) => )?(/\S+) \(0x", run("ldd", program))
    files = {soname or os.path.basename(path): str(pathlib.Path(path).resolve()) for soname, path in loaded}
    package = owners(sorted(set(files.values())))
    return sorted(Library(soname, file, package[file], soname in needed) for soname, file in files.items())


def packages(names):
    form = "\\t".join(f"${{{field}}}" for field in FIELDS) + "\\n"
    lines = run("dpkg-query", "-W", "-f", form, *sorted(set(names))).splitlines()
    fields = [line.split("\t") for line in lines]
    return sorted(Package(name.split(":")[0], *rest) for name, *rest in fields)
