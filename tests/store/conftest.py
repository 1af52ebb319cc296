# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the store's tests."""

import os
import pathlib
import tempfile

import pytest


@pytest.fixture
def tmp_path(tmp_path):
    """In memory where that can be had: hundreds of commits, each with its syncs, would otherwise wait for
    whatever else the disk is doing. What power loss does is not what these tests are about."""
    if not os.access("/dev/shm", os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(prefix="modgate-", dir="/dev/shm") as folder:
        yield pathlib.Path(folder)
