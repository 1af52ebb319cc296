# SPDX-License-Identifier: Apache-2.0
"""Waiting for what happens in another process."""

import time


def until(condition, seconds=20, every=0.01):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(every)
    raise AssertionError("did not happen")
