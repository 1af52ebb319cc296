# SPDX-License-Identifier: Apache-2.0
"""src/gomod against golang.org/x/mod: 270,000 generated vectors with that library's answers."""

import os
import pathlib
import re
import subprocess

import pytest

from lib import gocmd, modgate

PROGRAM = os.environ.get("GOMOD_VECTORS") or str(pathlib.Path(modgate.binary()).parent / "gomod_vectors")
ORACLE = pathlib.Path(__file__).parents[1] / "oracle"


@pytest.fixture(scope="module")
def oracle(tmp_path_factory):
    """The generator, built. x/mod comes from wherever the go command of this machine gets modules."""
    program = tmp_path_factory.mktemp("oracle") / "vectors"
    env = dict(os.environ, GOFLAGS="-mod=readonly", GOWORK="off")
    subprocess.run([gocmd.go_binary(), "build", "-o", program, "./vectors"], cwd=ORACLE, env=env, check=True, timeout=200)
    return program


@pytest.mark.parametrize("seed", [1, 2])
def test_same_answers(oracle, seed):
    with subprocess.Popen([oracle, str(seed), "100"], stdout=subprocess.PIPE) as vectors:
        compared = subprocess.run([PROGRAM], stdin=vectors.stdout, text=True, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, errors="replace", timeout=200)
        vectors.stdout.close()
    assert vectors.returncode == 0
    assert compared.returncode == 0, compared.stdout[-5000:]
    passed, failed = map(int, re.search(r"^(\d+) passed, (\d+) failed$", compared.stdout, re.M).groups())
    assert failed == 0 and passed > 100000, compared.stdout
    for line in compared.stdout.splitlines():
        if " passed" in line:
            assert not re.search(r"\b0 passed", line), f"no vectors of this kind: {line}"
