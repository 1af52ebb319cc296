# SPDX-License-Identifier: Apache-2.0
"""Private modules straight from git: a first fetch beside the git commands alone and beside goproxy, a second version,
what a refresh of the list asks, and the refusal of folders that are no modules. The git host is git http-backend over
TLS, the same for all; caches, stores and clones on tmpfs; server and client on every core."""

import hashlib
import http.client
import io
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

import servers  # noqa: E402
from hot import table  # noqa: E402
from lib.gitserver import GitServer  # noqa: E402

ROUNDS = 5
HOST = "git.example.test"
SIZES = {"small": (40, 3_000), "large": (3_000, 7_000)}  # files, bytes of each
VERSIONS = 12
SUBPATHS = 100
GIT_ENV = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}


def text(rng, n):
    """n bytes that pack as source code does."""
    words = ["func", "return", "if err != nil {", "}", "package", "int", "for i := range", "string", "\n\t", "// the"]
    line = " ".join(rng.choice(words) + str(rng.randrange(1000)) for _ in range(n // 8))
    return line[:n]


def make(server, name):
    """A repository of VERSIONS commits, each with its tag; every one changes some files."""
    files, size = SIZES[name]
    rng = random.Random(name)
    path = f"{HOST}/bench/{name}"
    repository = server.add(path)
    tree = {f"p{i % SUBPATHS:03}/f{i}.go": text(rng, size) for i in range(files)}
    commit = repository.commit({**tree, "go.mod": f"module {path}\n\ngo 1.24\n", "LICENSE": "free\n"}, branch="main")
    for i in range(VERSIONS):
        repository.tag(f"v1.{i}.0", commit)
        changed = {rng.choice(list(tree)): text(rng, size) for _ in range(3)}
        commit = repository.commit(changed, parents=[commit], branch="main")
    repository.write()
    return path


def git(folder, env, *argv):
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run(["git", *argv], cwd=folder, env=env, check=True, **quiet)


def git_alone(work, server, path, version):
    """Seconds of the commands without which nobody gets at a version's files."""
    folder = Path(tempfile.mkdtemp(prefix="clone-", dir=work))
    url = server.url_of(path)
    env = {**os.environ, **server.environment(), **GIT_ENV, "GIT_DIR": str(folder)}
    ref = f"refs/tags/{version}"
    began = time.monotonic()
    git(folder, env, "ls-remote", "-q", "--end-of-options", url)
    git(folder, env, "init", "-q", "--bare")
    git(folder, env, "-c", "protocol.version=2", "fetch", "-q", "--depth=1", "--end-of-options", url, f"{ref}:{ref}")
    git(folder, env, "archive", "--format=tar", "--end-of-options", ref)
    took = time.monotonic() - began
    shutil.rmtree(folder)
    return took


def contents(zipped):
    with zipfile.ZipFile(io.BytesIO(zipped)) as z:
        return sorted((name, hashlib.sha256(z.read(name)).digest()) for name in z.namelist())


def fetch(port, path, version):
    """As `go get` asks; seconds, and the zip."""
    began = time.monotonic()
    for name in ("list", f"{version}.info", f"{version}.mod", f"{version}.zip"):
        status, body = servers.ask(port, f"/{path}/@v/{name}")
        if status != 200:
            raise RuntimeError(f"{path}/@v/{name}: status {status}: {body[:300]!r}")
    return time.monotonic() - began, body


def settle(server, quiet_s=1.5, longest_s=20):
    """Until modgate has brought the rest of the history, which it does within some seconds of a first fetch."""
    asked, since, began = len(server.requests), None, time.monotonic()
    while time.monotonic() < began + longest_s and (since is None or time.monotonic() < since + quiet_s):
        time.sleep(0.05)
        if len(server.requests) != asked:
            asked, since = len(server.requests), time.monotonic()


def every_core():
    return f"0-{os.cpu_count() - 1}"


def start_modgate(options, work, server, **env):
    store = Path(tempfile.mkdtemp(prefix="store-", dir=work))
    env = {**server.environment(), "GOPRIVATE": HOST, **env}
    return store, servers.modgate(options.modgate, work, "off", store, env=env, core=every_core())


def start_goproxy(options, work, server):
    folder = Path(tempfile.mkdtemp(prefix="goproxy-", dir=work))
    port = servers.free_port()
    binary = servers.goproxy_build(options.cache)
    argv = [str(binary), "server", "--address", f"{servers.HOST}:{port}", "--cacher-dir", str(folder / "cache")]
    env = {**server.environment(), **GIT_ENV, "GOPROXY": "direct", "GOSUMDB": "off", "GOPRIVATE": HOST,
           "GOPATH": str(folder), "GOMODCACHE": str(folder / "modcache"), "GOFLAGS": "-modcacherw", "HOME": str(folder),
           "GOTOOLCHAIN": "local", "GOWORK": "off"}
    return folder, servers.Server("goproxy", argv, port, work, env, core=every_core())


def cold(options, work, server, path):
    """Seconds of each way to get the first version, and of modgate's next ones."""
    alone, first, second, other = [], [], [], []
    for i in range(ROUNDS):
        version = f"v1.{i}.0"
        alone.append(git_alone(work, server, path, version))
        store, modgate = start_modgate(options, work, server)
        with modgate:
            modgate.wait_ready("/livez")
            took, ours = fetch(modgate.port, path, version)
            first.append(took)
            settle(server)
            second += [fetch(modgate.port, path, f"v1.{n}.0")[0] for n in range(ROUNDS, VERSIONS)]
        folder, goproxy = start_goproxy(options, work, server)
        with goproxy:
            goproxy.wait_ready("/")
            took, theirs = fetch(goproxy.port, path, version)
            other.append(took)
        if contents(ours) != contents(theirs):
            raise RuntimeError(f"{path}@{version}: another zip than goproxy's")
        shutil.rmtree(store)
        shutil.rmtree(folder)
    return [
        path.rpartition("/")[2],
        f"{median(alone) * 1e3:.0f} ms",
        f"{median(first) * 1e3:.0f} ms",
        f"{median(b / a for a, b in zip(alone, first)):.2f} (≤ 1.2)",
        f"{median(other) * 1e3:.0f} ms",
        f"{median(b / a for a, b in zip(first, other)):.1f} (≥ 5)",
        f"{median(second) * 1e3:.1f} ms" + (" (≤ 15)" if path.endswith("small") else ""),
    ]


def refresh(options, work, server, path):
    """What the git host is asked when the list is to be made anew."""
    store, modgate = start_modgate(options, work, server)
    with modgate:
        modgate.wait_ready("/livez")
        fetch(modgate.port, path, "v1.0.0")
        settle(server)
        asked = len(server.requests)
        subprocess.run([options.modgate, "refresh", "--store", store, path], check=True, stdout=subprocess.DEVNULL)
        status, _ = servers.ask(modgate.port, f"/{path}/@v/list")
        new = server.requests[asked:]
    shutil.rmtree(store)
    if status != 200:
        raise RuntimeError(f"{path}/@v/list: status {status}")
    return " ".join(f"{r.method} {r.path.rpartition('/')[2]}" for r in new if r.scheme == "https")


def refusals(options, work, server, path):
    """Milliseconds of each 404 for a folder of the repository, each asked for the first time. A rule says where the
    repository is: its host would have to be asked for a page about each folder."""
    rule = f"{HOST}/bench/* https://{HOST}/bench/*.git"
    store, modgate = start_modgate(options, work, server, MODGATE_VCS_MAP=rule)
    took = []
    with modgate:
        modgate.wait_ready("/livez")
        fetch(modgate.port, path, "v1.0.0")
        servers.ask(modgate.port, f"/{path}/p000/@v/list")
        connection = http.client.HTTPConnection(servers.HOST, modgate.port, timeout=60)
        for i in range(1, SUBPATHS):
            began = time.monotonic()
            connection.request("GET", f"/{path}/p{i:03}/@v/list")
            answer = connection.getresponse()
            answer.read()
            took.append((time.monotonic() - began) * 1e3)
            if answer.status != 404:
                raise RuntimeError(f"{path}/p{i:03}: status {answer.status}")
        connection.close()
    shutil.rmtree(store)
    return took


def run(options, work):
    memory = Path(tempfile.mkdtemp(prefix="modgate-bench-", dir="/dev/shm"))
    try:
        with GitServer(memory) as server:
            paths = [make(server, name) for name in SIZES]
            lines = [cold(options, memory, server, path) for path in paths]
            asked = refresh(options, memory, server, paths[0])
            took = refusals(options, memory, server, paths[1])
    finally:
        shutil.rmtree(memory, ignore_errors=True)
    head = ["repository", "git alone", "modgate", "ratio (goal)", "goproxy", "goproxy ÷ modgate (goal)"]
    head += ["a second version (goal)"]
    return (
        f"Private modules, list, `.info`, `.mod` and `.zip` of a version, median of {ROUNDS} with empty caches; git"
        " alone: ls-remote, init, fetch --depth=1, archive:\n\n" + table(head, lines)
        + f"\nA refreshed list asks the git host: {asked} (one question: POST git-upload-pack).\n"
        f"A folder that is no module: 404 after {median(took):.2f} ms (≤ 1), at most {max(took):.2f} ms.\n"
    )
