# SPDX-License-Identifier: Apache-2.0
"""`modgate config check|show` and what start-up says: where each value came from, every mistake named."""

import os
import socket
import subprocess

import pytest

from lib.modgate import binary

MIRROR = "https://mirror.example"


class Config:
    """Runs modgate with an environment of the test's own: no Go installation, no settings, and not the store
    that somebody may have on this machine, which remembers upstreams."""

    def __init__(self, folder):
        self.folder = folder
        self.env = {"HOME": str(folder / "home"), "PATH": "/nonexistent", "GOROOT": str(folder / "goroot"),
                    "MODGATE_STORE": str(folder / "store")}
        (folder / "home").mkdir()
        (folder / "goroot").mkdir()

    def run(self, *args, **env):
        merged = {k: str(v) for k, v in {**self.env, **env}.items() if v is not None}
        return subprocess.run([binary(), *map(str, args)], env=merged, cwd=self.folder, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60)

    def check(self, *args, **env):
        return self.run("config", "check", *args, **env)

    def show(self, *args, **env):
        """{dotted name: (value, where from)}"""
        done = self.run("config", "show", *args, **env)
        self.noted = done.stderr
        self.shown = done.stdout
        found, section = {}, ""
        for line in done.stdout.splitlines():
            text, _, origin = line.rpartition(" # ")
            if not text:
                section = line.rstrip(":")
                continue
            name, _, value = text.strip().partition(": ")
            found[f"{section}.{name}" if line.startswith(" ") else name] = (value.strip(), origin)
        return found

    def file(self, text, name="modgate.yaml"):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path


@pytest.fixture
def config(tmp_path):
    return Config(tmp_path)


def test_precedence(config):
    file = config.file(f"goproxy: {MIRROR}/file\nlog:\n  level: warn\n  format: json\nworkers: 3\n")
    config.file(f"GOPROXY={MIRROR}/user\nGOPRIVATE=corp.example\n", "home/.config/go/env")
    config.file(f"GOPROXY={MIRROR}/root\nGOSUMDB=sum.example\n", "goroot/go.env")

    shown = config.show()
    assert shown["goproxy"] == (f'"{MIRROR}/user"', str(config.folder / "home/.config/go/env"))
    assert shown["goprivate"][0] == "corp.example"
    assert shown["gosumdb"] == ("sum.example", str(config.folder / "goroot/go.env"))
    assert shown["log.level"] == ("info", "default")

    assert config.show(GOPROXY=f"{MIRROR}/env")["goproxy"] == (f'"{MIRROR}/env"', "environment GOPROXY")

    shown = config.show("--config", file, GOPROXY=f"{MIRROR}/env")
    assert shown["goproxy"] == (f'"{MIRROR}/file"', f"{file}:1:1")
    assert shown["log.level"] == ("warn", f"{file}:3:3")

    shown = config.show("--log-level=error", MODGATE_CONFIG=file, MODGATE_WORKERS=2, MODGATE_LOG_LEVEL="debug")
    assert shown["workers"] == ("2", "environment MODGATE_WORKERS")
    assert shown["log.level"] == ("error", "flag --log-level")
    assert shown["log.format"] == ("json", f"{file}:4:3")


def test_what_is_shown_can_be_kept_as_a_file(config):
    config.show("--listen", ":3001", "--listen", "127.0.0.1:3002", "--store", "/srv/go modules",
                "--list-fresh", "90s", GOPROXY=f"{MIRROR}|direct", GOPRIVATE="*.corp.example,x.example/a")
    first = config.shown
    file = config.file(first)
    config.show("--config", file, MODGATE_STORE=None)
    values = [line.rpartition(" # ")[0] for line in config.shown.splitlines()]
    assert values == [line.rpartition(" # ")[0] for line in first.splitlines()]
    assert "error" not in config.noted
    assert config.check("--config", file).returncode == 0


def test_the_file_in_its_usual_place(config):
    config.file("workers: 5\n", "home/.config/modgate/modgate.yaml")
    shown = config.show(GOPROXY=MIRROR)
    if os.getuid() != 0:
        assert shown["workers"][0] == "5"
    assert config.show(GOPROXY=MIRROR, MODGATE_CONFIG=config.file("workers: 6\n"))["workers"][0] == "6"


@pytest.mark.parametrize("text, says", [
    ("stroe: /x\n", ':1:1: unknown setting "stroe"; did you mean "store"?'),
    ("log:\n  levle: info\n", ':2:3: unknown setting "log.levle"; did you mean "log.level"?'),
    ("level: info\n", 'did you mean "log.level"?'),
    ("zebra: 1\n", ':1:1: unknown setting "zebra"; `modgate config show` lists them all'),
    ("store: /a\nstore: /b\n", ":2:1: "),
    ("store: [\n", ":2:1: "),
    ("list:\n  fresh: 5 minutes\n", 'list.fresh: expected a duration such as'),
    ("hot-cache: 1MB\n", "hot-cache: expected a size such as"),
    ("workers: many\n", 'workers: expected a number, not "many"'),
    ("group: staff\n", "group is half a pair: it needs user too"),
    ("sumdb: maybe\n", 'sumdb: expected required, when-reachable or off, not "maybe"'),
    ("listen: nowhere\n", "listen: expected an address such as 127.0.0.1:3000"),
    ('listen: [":3000", "h2c://:3000"]\n', "listen: :3000 is named twice"),
    ('listen: [":3000"]\nmetrics:\n  listen: ":3000"\n', "metrics.listen: :3000 is an address of listen"),
    ("goproxy: ftp://mirror.example\n", "goproxy: "),
    ("\x1b[31m: 1\n", "control"),
])
def test_mistakes_in_the_file(config, text, says):
    file = config.file(text)
    done = config.check("--config", file, GOPROXY=MIRROR)
    assert done.returncode == 1, done
    assert says in done.stderr
    assert str(file) in done.stderr
    assert "\x1b" not in done.stderr
    served = config.run("serve", "--config", file, GOPROXY=MIRROR)
    assert served.returncode == 1 and says in served.stderr


def test_every_mistake_at_once(config):
    done = config.check("--config", config.file("stroe: 1\nworkers: x\n"), "--lisen=:1", GOPROXY=MIRROR)
    assert done.returncode == 1
    assert done.stderr.count("error: ") == 3
    assert "unknown flag --lisen; did you mean --listen?" in done.stderr


def test_a_file_that_is_not_there(config):
    done = config.check("--config", "/nonexistent/modgate.yaml", GOPROXY=MIRROR)
    assert done.returncode == 1 and "/nonexistent/modgate.yaml: cannot read the settings" in done.stderr


def test_fine_settings(config):
    done = config.check(GOPROXY=MIRROR)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "the settings are fine\n"
    assert done.stderr == ""


def test_an_unknown_variable_is_told_and_passed_over(config):
    done = config.check(GOPROXY=MIRROR, MODGATE_STROE="/x", MODGATE_SERVICE_HOST="10.0.0.1",
                        MODGATE_PORT="tcp://10.0.0.1:3000")
    assert done.returncode == 0
    assert done.stderr.count("\n") == 1 and "MODGATE_STROE is ignored" in done.stderr and '"store"' in done.stderr


# -- upstreams


def test_no_upstream(config):
    for command in (["config", "check"], ["serve", "--listen", "127.0.0.1:0", "--store", "s"]):
        done = config.run(*command)
        assert done.returncode == 1
        assert done.stderr.count("\n") == 1, done.stderr
        assert "no upstream to fetch modules from" in done.stderr and "GOPROXY=" in done.stderr
    assert not (config.folder / "s").exists()


def test_off_and_offline_need_no_upstream(config):
    assert config.check(GOPROXY="off").returncode == 0
    assert config.show(MODGATE_OFFLINE="true")["goproxy"][0] == "off"
    assert config.check("--offline").returncode == 0


def test_gosumdb_off_is_accepted(config):
    assert config.check(GOPROXY=MIRROR, GOSUMDB="off").returncode == 0


def test_direct_alone_is_a_list(config):
    done = config.check(GOPROXY="direct")
    assert done.returncode == 0 and "goproxy" not in done.stderr


@pytest.mark.parametrize("us", ["http://127.0.0.1:3000", "http://localhost:3000/", "http://user:pw@127.0.0.1:3000",
                                "http://" + socket.gethostname() + ":3000"])
def test_our_own_address_is_no_upstream(config, us):
    shown = config.show("--listen", "127.0.0.1:3000", GOPROXY=f"{us},{MIRROR}|direct")
    assert shown["goproxy"][0] == f'"{MIRROR}|direct"'
    assert "names modgate itself" in config.noted and "pw" not in config.noted

    done = config.check("--listen", "127.0.0.1:3000", GOPROXY=f"{us},direct")
    assert done.returncode == 1 and "GOPROXY names only modgate itself" in done.stderr


def test_the_port_of_another_is_an_upstream(config):
    assert config.show("--listen", "127.0.0.1:3000", GOPROXY="http://127.0.0.1:3001")["goproxy"][0] == \
        '"http://127.0.0.1:3001"'


def test_upstreams_are_kept_for_the_next_start(config, modgate_of, origin):
    m = modgate_of(f"{origin.url},off")
    store = m.store
    m.stop()
    shown = config.show("--store", store)
    assert shown["goproxy"] == (f'"{origin.url},off"', "kept in the store by an earlier start")
    shown = config.show("--store", store, "--listen", "127.0.0.1:3000", GOPROXY="http://127.0.0.1:3000")
    assert shown["goproxy"][0] == f'"{origin.url},off"'
    # A start that says otherwise wins.
    assert config.show("--store", store, GOPROXY=MIRROR)["goproxy"][0] == f'"{MIRROR}"'


def test_credentials_are_never_shown_kept_or_put_on_the_command_line(config, modgate_of, origin):
    secret = "hunter2"
    url = origin.url.replace("://", f"://me:{secret}@")
    assert config.show(GOPROXY=url)["goproxy"][0] == f'"{origin.url.replace("://", "://***@")}"'
    assert secret not in config.noted + config.shown

    done = config.check("--goproxy", url)
    assert done.returncode == 1 and "credentials on the command line" in done.stderr
    assert secret not in done.stderr

    m = modgate_of(url)
    front = m.children()["front"]
    with open(f"/proc/{front}/environ", "rb") as f:
        assert secret.encode() not in f.read()
    m.stop()
    assert secret not in m.log()
    for path in m.store.rglob("*"):
        if path.is_file():
            assert secret.encode() not in path.read_bytes(), path


def test_credentials_in_a_file_everybody_can_read(config):
    file = config.file("goproxy: https://me:hunter2@mirror.example\n")
    file.chmod(0o644)
    done = config.check("--config", file)
    assert done.returncode == 1 and "chmod o-r" in done.stderr and "hunter2" not in done.stderr
    file.chmod(0o640)
    assert config.check("--config", file).returncode == 0
    # Without credentials there is nothing to hide.
    assert config.check("--config", config.file(f"goproxy: {MIRROR}\n", "other.yaml")).returncode == 0


# -- Athens


def test_a_running_athens_in_place(config):
    shown = config.show(GOPROXY=MIRROR, MODGATE_STORE=None, ATHENS_DISK_STORAGE_ROOT="/srv/athens", ATHENS_PORT=":3005",
                        ATHENS_STORAGE_TYPE="disk", ATHENS_DOWNLOAD_MODE="sync", ATHENS_LOG_LEVEL="debug",
                        ATHENS_PATH_PREFIX="/athens", ATHENS_GOGET_WORKERS="5")
    assert shown["store"] == ("/srv/athens", "environment ATHENS_DISK_STORAGE_ROOT")
    assert shown["listen"] == ('[":3005"]', "environment ATHENS_PORT")
    assert shown["log.level"][0] == "debug"
    assert shown["path-prefix"][0] == "/athens"
    assert config.noted.count("\n") == config.noted.count("note: ") == 7, config.noted


def test_athens_names_yield_to_ours(config):
    shown = config.show(GOPROXY=MIRROR, ATHENS_PORT="3005", MODGATE_LISTEN="127.0.0.1:1", ATHENS_DOWNLOAD_MODE="none")
    assert shown["listen"][0] == '["127.0.0.1:1"]'
    assert shown["offline"] == ("true", "environment ATHENS_DOWNLOAD_MODE")


@pytest.mark.parametrize("name, value", [
    ("BASIC_AUTH_USER", "me"), ("BASIC_AUTH_PASS", "hunter2"), ("ATHENS_FILTER_FILE", "/f"),
    ("ATHENS_PROXY_VALIDATOR", "http://v.example"), ("ATHENS_TLSCERT_FILE", "/c"), ("ATHENS_TLSKEY_FILE", "/k"),
    ("ATHENS_STORAGE_TYPE", "s3"),
    ("ATHENS_DOWNLOAD_MODE", "file:/etc/athens/mode.hcl"),
])
def test_no_protection_falls_away_silently(config, name, value):
    done = config.run("serve", "--listen", "127.0.0.1:0", "--store", "s", GOPROXY=MIRROR, **{name: value})
    assert done.returncode == 1
    assert name in done.stderr and "hunter2" not in done.stderr
    assert not (config.folder / "s").exists()


def test_an_athens_name_without_an_equal_is_told(config):
    done = config.check(GOPROXY=MIRROR, ATHENS_ROBOTS_FILE="/r", ATHENS_SERVICE_HOST="10.0.0.1")
    assert done.returncode == 0
    assert done.stderr.count("\n") == 1 and "ATHENS_ROBOTS_FILE is ignored" in done.stderr


# -- the rest of the command line


def test_help_names_every_setting(config):
    text = config.run("help").stdout
    for name in config.show(GOPROXY=MIRROR):
        assert f"  --{name.replace('.', '-')} " in text, name


def test_version(config):
    lines = config.run("version").stdout.splitlines()
    assert lines[0].startswith("modgate ")
    for library in ("libuv ", "libcurl ", "nghttp2 ", "zlib ", "jansson ", "libyaml ", "OpenSSL "):
        assert any(line.startswith(library) for line in lines), library


def test_t32_a_library_that_nobody_mends_any_more(config, tmp_path):
    old = tmp_path / "old.c"
    old.write_text('const char *zlibVersion(void);\nconst char *zlibVersion(void) { return "1.2.11"; }\n')
    subprocess.run([os.environ.get("CC", "cc"), "-shared", "-fPIC", "-o", tmp_path / "old.so", old], check=True,
                   env=dict(os.environ))
    preloaded = {"LD_PRELOAD": tmp_path / "old.so", "ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=0"}
    done = config.run("serve", "--listen", "127.0.0.1:0", GOPROXY=MIRROR, **preloaded)
    assert done.returncode == 1
    assert "zlib of this system is 1.2.11" in done.stderr and "to 1.2.13 or newer" in done.stderr
    assert "zlib 1.2.11" in config.run("version", **preloaded).stdout


def test_unknown_commands(config):
    done = config.run("sevre")
    assert done.returncode == 2 and 'no command "sevre"' in done.stderr
    assert config.run().returncode == 2
    assert config.run("config").returncode == 2
    # The roles are not for people: they say so and do no harm.
    for role in ("front", "fetch"):
        done = config.run(role)
        assert done.returncode != 0 and "started by `modgate serve`" in done.stderr
