# SPDX-License-Identifier: Apache-2.0
"""The real go command, kept apart from the settings and caches of whoever runs the tests."""

import os
import pathlib
import shutil
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]


def go_binary():
    return os.environ.get("GO") or shutil.which("go")


class Go:
    """One go command with caches of its own in `folder`; the build cache is shared, it holds no module."""

    def __init__(self, folder, goproxy, **env):
        self.folder = pathlib.Path(folder)
        self.goproxy = goproxy
        self.extra = env

    @property
    def modcache(self):
        return self.folder / "modcache"

    def environment(self):
        home = self.folder / "home"
        home.mkdir(parents=True, exist_ok=True)
        env = {
            "PATH": f"{pathlib.Path(go_binary()).parent}:{os.environ['PATH']}",
            "HOME": str(home),
            "GOENV": "off",
            "GOPATH": str(self.folder / "gopath"),
            "GOMODCACHE": str(self.modcache),
            "GOCACHE": str(ROOT / ".cache" / "gobuild"),
            "GOFLAGS": "-modcacherw",
            "GOTOOLCHAIN": "local",
            "GOPROXY": self.goproxy,
            "GONOPROXY": "none",
            "GOPRIVATE": "",
            "GOSUMDB": "off",
            "GOVCS": "*:off",
            "GOTELEMETRY": "off",
            "CGO_ENABLED": "0",
            "GOWORK": "off",
        }
        env.update(self.extra)
        return env

    def run(self, *args, cwd, check=True, timeout=300):
        done = subprocess.run(
            [go_binary(), *args], cwd=cwd, env=self.environment(), stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=timeout,
        )
        if check and done.returncode != 0:
            raise AssertionError(f"go {' '.join(args)}: exit code {done.returncode}\n{done.stderr[-6000:]}")
        return done

    def fresh(self):
        """An empty module cache."""
        shutil.rmtree(self.modcache, ignore_errors=True)
        return self


def project(folder, module="example.com/user", requires=(), source=None, go="1.20"):
    """A small main module in `folder`."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f"module {module}", "", f"go {go}", ""]
    lines += [f"require {path} {version}" for path, version in requires]
    (folder / "go.mod").write_text("\n".join(lines) + "\n")
    (folder / "main.go").write_text(source or "package main\n\nfunc main() {}\n")
    return folder
