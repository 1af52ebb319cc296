# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the black box tests. MODGATE names the binary (default build/modgate)."""

import collections
import os

import pytest

from lib import gocmd, modules
from lib import sumdb as databases
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
def sumdb_program(tmp_path_factory):
    return databases.build(tmp_path_factory.mktemp("oracle"))


@pytest.fixture
def sumdb(sumdb_program):
    """An empty checksum database."""
    with databases.Sumdb(sumdb_program) as db:
        yield db


@pytest.fixture
def proving(modgate_of, origin, sumdb, tree):
    """Starts modgates that prove by the test's database, which knows the test's modules unless it is
    told otherwise. Nothing is tried twice, no failure is remembered."""
    sumdb.know(tree)

    def start(config="", goproxy=None, gosumdb=None, fetch="", upstream="", scheme="", **env):
        text = f"upstream:\n  retries: 0\n  breaker-failures: 1000\n{upstream}"
        text += f"fetch:\n  absent: 0s\n  denied: 0s\n  down: 0s\n{fetch}{config}"
        env = {"GOSUMDB": gosumdb or sumdb.gosumdb, **env}
        return modgate_of(goproxy or origin.url, config=text, env=env, scheme=scheme)

    return start


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


@pytest.fixture(scope="module")
def shared(request, tmp_path_factory):
    """One origin and one modgate for all tests of a file: for tests that only read, or whose modules
    nobody else uses. The file's `stock(tree)` fills the tree."""
    tree = Made()
    request.module.stock(tree)
    with Origin(tree) as o:
        more = dict(getattr(request.module, "SETTINGS", {}))
        # What one test has fetched ahead must not be in another's counts.
        more["env"] = {"MODGATE_PREFETCH": "false", **more.get("env", {})}
        m = Modgate(tmp_path_factory.mktemp("shared"), o.url, **more)
        m.start()
        yield Shared(tree, o, m)
        m.stop()


Shared = collections.namedtuple("Shared", "tree origin modgate")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failing test shows the end of the logs of its modgate processes."""
    outcome = yield
    report = outcome.get_result()
    if not report.failed:
        return
    args = getattr(item, "funcargs", {})
    logs = sorted(args["tmp_path"].glob("modgate*/log.*")) if "tmp_path" in args else []
    if "shared" in args:
        logs += args["shared"].modgate.logs
    for log in logs:
        report.sections.append((str(log), log.read_text(errors="replace")[-5000:]))


def pytest_terminal_summary(terminalreporter):
    """A power loss that could not be tried must not pass for one that was survived; nor what else has such a mark."""
    reasons = {r.longrepr[2] for r in terminalreporter.stats.get("skipped", ()) if {"power", "packages", "network", "public"} & set(r.keywords)}
    if not reasons:
        return
    terminalreporter.section("NOT ALL WAS TRIED", red=True, bold=True)
    for reason in sorted(reasons):
        terminalreporter.line(reason)
    if os.environ.get("NOT_TRIED"):
        with open(os.environ["NOT_TRIED"], "a") as f:
            f.writelines(f"{reason}\n" for reason in sorted(reasons))
