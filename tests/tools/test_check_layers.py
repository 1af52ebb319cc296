# SPDX-License-Identifier: Apache-2.0
"""tools/check-layers finds each kind of violation, and none in the tree as it is."""

import subprocess
import sys

import pytest

from lib.gocmd import ROOT

CHECK = [sys.executable, str(ROOT / "tools" / "check-layers")]


def run(*args):
    return subprocess.run([*CHECK, *map(str, args)], capture_output=True, text=True)


def test_this_tree_is_clean():
    done = run()
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("file, text, wrong", [
    ("base/x.c", '#include "loop/loop.h"', "base stands below loop"),
    ("crypto/x.h", '#include "text/json.h"', "crypto stands below text"),
    ("serve/x.c", "#include <curl/curl.h>", "belongs to the room upstream"),
    ("serve/x.c", "#include <nonesuch.h>", "in no list"),
    ("serve/x.c", "#include <cmocka.h>", "unit tests"),
    ("serve/x.c", '#include "store/store_internal.h"', "private to store"),
    ("serve/x.c", '  #  include "x.h"', "not named by its room"),
    ("newroom/x.c", "", "is not a room"),
    ("base/x.h", "/* many\n * lines */\nstruct x *y_make(int n);", "x.h:3: y_make does not begin with x_"),
    ("base/x_internal.h", "MG_CHECK enum mg_code xy(void);", "xy does not begin with x_"),
    ("base/x.h", "struct x { missing_type y; };", "does not compile alone"),
    ("base/x.h", "struct x { int y; };", "does not compile alone"),  # no include guard
])
def test_violations_are_found(tmp_path, file, text, wrong):
    (tmp_path / file).parent.mkdir()
    (tmp_path / file).write_text(text + "\n")
    done = run("--compile", "cc", tmp_path)
    assert done.returncode == 1
    assert wrong in done.stdout and file.split("/")[0] in done.stdout


@pytest.mark.parametrize("file, text", [
    ("serve/x.c", '#include "fetch/ticket.h"\n#include "base/span.h"\n#include <stdio.h>'),
    ("serve/x_test.c", "#include <cmocka.h>"),
    ("upstream/x.c", "#include <curl/curl.h>"),
    ("store/x.c", '#include "store/store_internal.h"'),
    ("base/x.h", "struct y *x_make(int n) __attribute__((malloc));\nint x(void);\n/* says y(1) */"),
])
def test_what_is_allowed_passes(tmp_path, file, text):
    (tmp_path / file).parent.mkdir()
    (tmp_path / file).write_text(text + "\n")
    done = run(tmp_path)
    assert done.returncode == 0, done.stdout
