# SPDX-License-Identifier: Apache-2.0
"""src/sumdb against golang.org/x/mod/sumdb: generated inputs with hashes of that library's answers."""

import os
import pathlib
import re
import subprocess

import pytest

from lib import gocmd, modgate

PROGRAM = os.environ.get("SUMDB_VECTORS") or str(pathlib.Path(modgate.binary()).parent / "sumdb_vectors")
ORACLE = pathlib.Path(__file__).parents[1] / "oracle"
KINDS = ["note", "key", "lookup", "tree", "tile", "index", "proof", "reader"]


@pytest.fixture(scope="module")
def oracle(tmp_path_factory):
    """The generator, built. x/mod comes from wherever the go command of this machine gets modules."""
    program = tmp_path_factory.mktemp("oracle") / "sumdb"
    env = dict(os.environ, GOFLAGS="-mod=readonly", GOWORK="off")
    subprocess.run([gocmd.go_binary(), "build", "-o", program, "./sumdb"], cwd=ORACLE, env=env, check=True, timeout=200)
    return program


def compare(oracle, kind, seed, count, timeout):
    with subprocess.Popen([oracle, kind, str(seed), str(count)], stdout=subprocess.PIPE) as vectors:
        done = subprocess.run([PROGRAM, kind], stdin=vectors.stdout, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, errors="replace", timeout=timeout)
        vectors.stdout.close()
    assert vectors.returncode == 0
    assert done.returncode == 0, done.stdout[-5000:]
    compared, refused, differ = map(int, re.search(
        rf"^{kind}: (\d+) compared, (\d+) refused, (\d+) differ$", done.stdout, re.M).groups())
    assert compared == count and differ == 0
    if kind != "index":
        assert 0.02 * count < refused < 0.98 * count, "inputs that say little"


@pytest.mark.parametrize("kind", KINDS)
def test_same_answers(oracle, kind):
    compare(oracle, kind, 1, 20000, 200)


@pytest.mark.soak
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("kind", KINDS)
def test_same_answers_ten_million_times(oracle, kind):
    compare(oracle, kind, 2, 10**7, 7000)
