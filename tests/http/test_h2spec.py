# SPDX-License-Identifier: Apache-2.0
"""Every rule of the protocol, on small answers and on large ones."""

import pytest

from lib import h2spec


@pytest.mark.parametrize("path", ["/small", "/big"])
def test_h2spec(probe_of, path):
    h2spec.run(probe_of(h2c=1).address, path)
