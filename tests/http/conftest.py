# SPDX-License-Identifier: Apache-2.0
import random

import pytest

from lib.probe import Probe


@pytest.fixture
def probe_of(tmp_path):
    started = []

    def start(**keys):
        started.append(Probe(tmp_path, **keys))
        return started[-1]

    yield start
    for p in started:
        p.stop()


@pytest.fixture(scope="module")
def body(tmp_path_factory):
    file = tmp_path_factory.mktemp("file") / "body"
    file.write_bytes(random.Random(7).randbytes(50 << 20))
    return file


@pytest.fixture(scope="module")
def probe(tmp_path_factory, body):
    p = Probe(tmp_path_factory.mktemp("probe"), file=body)
    yield p
    p.stop()
