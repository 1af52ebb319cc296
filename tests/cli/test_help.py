# SPDX-License-Identifier: Apache-2.0
"""The commands as they are told, for people and for what manual pages and completions are made from."""

import json
import re
import subprocess

import pytest

from lib.modgate import ROOT, binary


def modgate(*args):
    return subprocess.run([binary(), *args], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)


@pytest.fixture(scope="module")
def described():
    return json.loads(modgate("help", "--json").stdout)


def test_each_command_that_is_told_exists(described):
    told = modgate("help").stdout
    assert {c["name"] for c in described["commands"]} >= {"serve", "config", "import", "verify", "warm", "sumdb", "version", "help"}
    for c in described["commands"]:
        assert re.search(rf"(?m)^  modgate {c['name']}\b", told) and c["help"] in told
        # None of these begins to work: a word or a file that cannot be.
        if c["settings"]:
            done = modgate(c["name"], *filter(None, [c["word"]]), *(s["name"] for s in c["switches"]), "--no-such-flag", "1", "/no/such")
            assert done.returncode in (1, 2) and "there is no command" not in done.stderr
            assert not any(f"unknown flag {s['name']}" in done.stderr for s in c["switches"])


def test_each_setting_that_is_told_exists(described):
    shown, section = set(), ""
    for line in modgate("config", "show").stdout.splitlines():
        inner, name, value = re.match(r"( *)([a-z-]+):(.*)", line).groups()
        section = section if inner else name
        if value:
            shown.add(f"{section}.{name}" if inner else name)
    assert {s["name"] for s in described["settings"]} == shown
    for s in described["settings"]:
        assert s["flag"] == "--" + s["name"].replace(".", "-") and s["env"] == "MODGATE" + s["flag"][1:].upper().replace("-", "_")
        assert (s["kind"] == "enum") == bool(s["words"])


@pytest.mark.parametrize("args, line", [
    (["config"], "usage: modgate config check [--config FILE] [settings as flags]"),
    (["config", "chek"], "       modgate config show [--config FILE] [settings as flags]"),
    (["import"], "usage: modgate import DIR [--config FILE] [settings as flags]"),
    (["verify", "all"], "usage: modgate verify [--repair] [--config FILE] [settings as flags]"),
    (["warm"], "usage: modgate warm go.mod|go.sum|MODULE@VERSION... [--config FILE] [settings as flags]"),
    (["sumdb", "--start-over"], "usage: modgate sumdb acknowledge [--start-over] [--config FILE] [settings as flags]"),
])
def test_who_calls_it_wrongly_is_told_how(args, line):
    done = modgate(*args)
    assert done.returncode == 2 and line in done.stderr.splitlines()


def test_manual_pages_and_completions_are_made(tmp_path, described):
    subprocess.run([ROOT / "tools/packages/documents.py", binary(), tmp_path], check=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["_modgate", "modgate.1", "modgate.bash", "modgate.yaml.5"]
    for page in tmp_path.iterdir():
        text = page.read_text()
        assert not re.search(r"@[a-z_]+@", text)
        if page.name != "modgate.1":
            missing = [s["flag"] for s in described["settings"] if s["flag"] not in text.replace("\\-", "-")]
            assert not missing
