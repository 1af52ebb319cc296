#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""documents.py PROGRAM FOLDER: writes the manual pages and the completions of PROGRAM into FOLDER.

Commands, settings, defaults and bounds are what `PROGRAM help --json` says, so they cannot drift from it; the prose
around them is in deploy/man and deploy/completion. A place "@...@" that nobody fills, or a setting whose default
is worked out at start and not told here, is an error."""

import json
import pathlib
import re
import subprocess
import sys

DEPLOY = pathlib.Path(__file__).resolve().parent.parent.parent / "deploy"
PAGES = ("man/modgate.1", "man/modgate.yaml.5", "completion/modgate.bash", "completion/_modgate")

# Of the settings whose default depends on where it runs.
WORKED_OUT = {
    "listen": "the sockets that systemd opened, if it did; else 127.0.0.1:3000 and [::1]:3000",
    "store": "$STATE_DIRECTORY if systemd set it; /var/lib/modgate for root; else modgate below the user's data directory",
}


def roff(text):
    """As running text: no character of it is roff's."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + text if text.startswith((".", "'")) else text


def call(command):
    parts = [f"\\fBmodgate {roff(command['name'])}\\fR"]
    if command["word"]:
        parts.append(f"\\fB{roff(command['word'])}\\fR")
    parts += [f"[\\fB{roff(s['name'])}\\fR]" for s in command["switches"]]
    if command["arguments"]:
        parts.append(f"\\fI{roff(command['arguments'])}\\fR")
    return " ".join(parts)


def man_synopsis(program):
    lines = []
    for c in program["commands"]:
        lines += [call(c) + (" [\\fB\\-\\-config\\fR \\fIFILE\\fR] [\\fIsettings\\fR]" if c["settings"] else ""), ".br"]
    return "\n".join(lines[:-1])


def man_commands(program):
    lines = []
    for c in program["commands"]:
        lines += [".TP", call(c), roff(c["help"])]
        for s in c["switches"]:
            lines += [".br", f"\\fB{roff(s['name'])}\\fR: {roff(s['help'])}"]
    return "\n".join(lines)


def default(setting):
    if setting["default"]:
        return setting["default"]
    if setting["default"] is None:
        return WORKED_OUT[setting["name"]]
    return f"what {setting['go']} says" if setting["go"] else "none"


def man_settings(program):
    lines = []
    for s in program["settings"]:
        lines += [".TP", f"\\fB{roff(s['name'])}\\fR (\\fI{s['kind']}\\fR)", roff(s["help"]) + "."]
        if s["words"]:
            lines.append(f"One of: {roff(', '.join(s['words']))}.")
        if s["min"] and s["max"]:
            lines.append(f"From {s['min']} to {s['max']}.")
        if s["needs"]:
            lines.append(f"Needs {roff(s['needs'])}.")
        lines += [f"Default: {roff(default(s))}.", ".br", f"{roff(s['flag'])}, {s['env']}"]
    return "\n".join(lines)


def value_kind(setting):
    if setting["kind"] in ("path", "paths"):
        return "path"
    if setting["kind"] == "bool":
        return "bool"
    return " ".join(setting["words"]) or "text"


def own_words(program):
    """Of each command: what may stand first, its own switches, whether it takes settings."""
    own = {}
    for c in program["commands"]:
        first, switches, _ = own.setdefault(c["name"], ([], [], c["settings"]))
        first += [c["word"]] if c["word"] else []
        switches += c["switches"]
    return own


def bash_kinds(program):
    lines = ["\t--config) echo path ;;"]
    return "\n".join(lines + [f"\t{s['flag']}) echo '{value_kind(s)}' ;;" for s in program["settings"]])


def bash_commands(program):
    return " ".join(own_words(program))


def bash_words(program):
    every = " ".join(["--config"] + [s["flag"] for s in program["settings"]])
    lines = []
    for name, (first, switches, settings) in own_words(program).items():
        flags = " ".join([s["name"] for s in switches] + ([every] if settings else []))
        lines.append(f"\t{name}) first='{' '.join(first)}' flags='{flags}' ;;")
    return "\n".join(lines)


def zsh(text):
    """As the description in a specification between single quotes."""
    return re.sub(r"([\\\[\]:])", r"\\\1", text).replace("'", "'\\''")


def zsh_commands(program):
    shown = {}
    for c in program["commands"]:
        shown.setdefault(c["name"], c["help"])
    return "\n".join(f"\t'{name}:{zsh(text)}'" for name, text in shown.items())


def zsh_settings(program):
    lines = ["\t'--config=[read the settings from this file]:file:_files'"]
    for s in program["settings"]:
        kind = value_kind(s)
        many = "*" if s["kind"] in ("list", "paths") else ""
        value = {"path": ":file:_files", "bool": "::value:(true false)", "text": ":value: "}.get(kind, f":value:({kind})")
        equals = "=-" if kind == "bool" else "="
        lines.append(f"\t'{many}{s['flag']}{equals}[{zsh(s['help'])}]{value}'")
    return "\n".join(lines)


def zsh_words(program):
    lines = []
    for name, (first, switches, settings) in own_words(program).items():
        specs = [f"'{s['name']}[{zsh(s['help'])}]'" for s in switches]
        specs += ['"${settings[@]}"'] if settings else []
        specs += [f"'1:what:({' '.join(first)})'"] if first else []
        specs += ["'*:file:_files'"] if not first else []
        lines.append(f"\t{name}) _arguments {' '.join(specs)} ;;")
    return "\n".join(lines)


FILLERS = (man_synopsis, man_commands, man_settings, bash_kinds, bash_commands, bash_words,
           zsh_commands, zsh_settings, zsh_words)


def fill(text, program):
    made = {f.__name__.removeprefix("man_"): f for f in FILLERS}
    made["version"] = lambda p: p["version"]
    return re.sub(r"@([a-z_]+)@", lambda m: made[m.group(1)](program), text)


def main():
    binary, folder = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2])
    program = json.loads(subprocess.run([binary, "help", "--json"], capture_output=True, text=True, check=True).stdout)
    folder.mkdir(parents=True, exist_ok=True)
    for page in PAGES:
        text = (DEPLOY / page).read_text()
        comment = re.compile(r'^\.\\" Lines "@.*\n|; "@\.\.\.@" is filled in by .*', re.M)
        (folder / page.rsplit("/", 1)[-1]).write_text(fill(comment.sub("", text), program))


if __name__ == "__main__":
    main()
