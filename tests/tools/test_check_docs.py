# SPDX-License-Identifier: Apache-2.0
"""tools/check-docs finds each kind of fault in a small tree of its own."""

import subprocess
import sys

import pytest

from lib.gocmd import ROOT

FINE = {
    "README.md": "| `list.fresh` | `60s` | how long |\n\n[map](docs/protocol.md#x)\n",
    "docs/protocol.md": "# Facts\n\n### 1.1 URLs\n",
    "docs/faults.md": "| F07 | cut | nothing stored | `src/base/x_test.c::test_cut` |\n",
    "src/cli/settings.c": '\t{ "list.fresh", SETTINGS_DURATION, AT(list_fresh), "60s", },\n',
    "src/cli/README.md": "`settings.c` and `base/x`\n",
    "src/base/README.md": "# base\n",
    "src/base/x.c": "/* protocol §1.1, F07 */\n",
    "src/base/x_test.c": "static void test_cut(void **state)\n",
}


def run(folder, **changed):
    for file, text in {**FINE, **changed}.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        if text is not None:
            (folder / file).write_text(text)
    (folder / "tools").mkdir()
    (folder / "tools/check-docs").write_text((ROOT / "tools/check-docs").read_text())
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    return subprocess.run([sys.executable, str(folder / "tools/check-docs")], capture_output=True, text=True)


def test_a_tree_that_is_fine(tmp_path):
    done = run(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("file, text, wrong", [
    ("docs/x.md", "see `src/base/gone.c`\n", "x.md:1: there is no src/base/gone.c"),
    ("docs/x.md", "\nheld by `src/base/x_test.c::test_gone`\n", "x.md:2: there is no test"),
    ("docs/x.md", "held by `y_test.c`\n", "there is no y_test.c"),
    ("docs/x.md", "[y](y.md)\n", "there is no y.md"),
    ("src/base/x.c", "/* protocol §1.2 */\n", "protocol §1.2 is not in"),
    ("src/base/x.c", "/* F08. */\n", "F08 is not in"),
    ("src/base/x.c", "/* design §4 */\n", "not in this repository"),
    ("src/base/README.md", None, "src/base:0: has no README.md"),
    ("README.md", "| `list.old` | `1s` | how long |\n", "the setting list.fresh is not in the table"),
    ("README.md", "| `list.old` | `1s` | how long |\n", "a setting list.old that there is not"),
    ("README.md", "| `list.fresh` | `61s` | how long |\n", "the default of list.fresh is `60s`, the table says `61s`"),
])
def test_faults_are_found(tmp_path, file, text, wrong):
    done = run(tmp_path, **{file: text})
    assert done.returncode == 1
    assert wrong in done.stdout
