# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the black box tests. MODGATE names the binary (default build/modgate)."""

import pytest

from lib import gocmd, modules
from lib.modgate import Modgate
from lib.origin import Origin
from lib.tree import Made


@pytest.fixture
def tree():
    """Modules made up by the test."""
    return Made()


@pytest.fixture
def origin(tree):
    with Origin(tree) as o:
        yield o


@pytest.fixture
def modgate_of(tmp_path):
    """Starts processes that are stopped, and their exits checked, at the end of the test."""
    started = []

    def start(goproxy=None, *, wait=True, **more):
        m = Modgate(tmp_path / f"modgate{len(started)}", goproxy, **more)
        m.folder.mkdir()
        started.append(m)
        return m.start(wait)

    yield start
    failures = []
    for m in started:
        try:
            m.stop()
        except AssertionError as e:
            failures.append(str(e))
    assert not failures, "\n".join(failures)


@pytest.fixture
def modgate(modgate_of, origin):
    """A modgate whose one upstream is the test's origin."""
    return modgate_of(origin.url)


@pytest.fixture(scope="session")
def cache():
    """Real modules, as a tree."""
    return modules.cache()


@pytest.fixture
def go_of(tmp_path):
    """go commands with caches of their own."""
    count = iter(range(1000))

    def make(goproxy, **env):
        return gocmd.Go(tmp_path / f"go{next(count)}", goproxy, **env)

    return make


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failing test shows the end of the logs of its modgate processes."""
    outcome = yield
    report = outcome.get_result()
    folder = item.funcargs.get("tmp_path") if hasattr(item, "funcargs") else None
    if report.failed and folder is not None:
        for log in sorted(folder.glob("modgate*/log.*")):
            report.sections.append((str(log.relative_to(folder)), log.read_text(errors="replace")[-5000:]))
