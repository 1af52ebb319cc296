# SPDX-License-Identifier: Apache-2.0
"""The container image: its layout, what is in it, and the program served from it as a runtime would start it."""

import hashlib
import json
import pathlib
import re
import shutil
import stat
import subprocess
import tarfile

import pytest

from lib import debroot, expect, http
from lib.debroot import make
from lib.modgate import binary
from lib.ports import free_port
from lib.wait import until

pytestmark = [pytest.mark.packages, pytest.mark.timeout(900)]


class Image:
    """As a runtime reads it: every digest and size is checked."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        assert json.loads((self.folder / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
        (self.descriptor,) = json.loads((self.folder / "index.json").read_text())["manifests"]
        self.manifest = json.loads(self.blob(self.descriptor))
        self.config = json.loads(self.blob(self.manifest["config"]))

    def blob(self, descriptor):
        kind, digest = descriptor["digest"].split(":")
        data = (self.folder / "blobs" / kind / digest).read_bytes()
        assert kind == "sha256" and hashlib.sha256(data).hexdigest() == digest and len(data) == descriptor["size"]
        return data

    def unpack(self, to):
        for layer, diff in zip(self.manifest["layers"], self.config["rootfs"]["diff_ids"], strict=True):
            self.blob(layer)
            file = self.folder / "blobs/sha256" / layer["digest"].split(":")[1]
            plain = subprocess.run(["gzip", "-dc", file], capture_output=True, check=True).stdout
            assert "sha256:" + hashlib.sha256(plain).hexdigest() == diff
            subprocess.run(["tar", "-x", "-C", to, "--numeric-owner", "--same-owner", "-p"], input=plain, check=True)


@pytest.fixture(scope="module")
def layout(image):
    return Image(image)


@pytest.fixture(scope="module")
def unpacked(privileged, layout, tmp_path_factory):
    folder = tmp_path_factory.mktemp("unpacked")
    folder.chmod(0o755)
    layout.unpack(folder)
    for name in ("proc", "dev"):  # what a runtime makes itself
        (folder / name).mkdir()
    (folder / "etc/hosts").write_text("127.0.0.1 localhost upstream.internal\n")
    (folder / "dev/null").touch()
    return folder


def test_two_images_of_one_program_are_equal(image, tmp_path):
    again = pathlib.Path(make("image.py", tmp_path, TZ="Asia/Tokyo", LANG="C")[0])
    def listing(top):
        return {str(p.relative_to(top)): p.read_bytes() for p in top.rglob("*") if p.is_file()}

    assert listing(pathlib.Path(image)) == listing(again)
    assert pathlib.Path(f"{image}.tar").read_bytes() == pathlib.Path(f"{again}.tar").read_bytes()


def test_the_archive_is_the_layout(image):
    with tarfile.open(f"{image}.tar") as tar:
        inside = {m.name: tar.extractfile(m).read() for m in tar if m.isfile()}
    assert {"oci-layout", "index.json"} < set(inside)
    assert all((pathlib.Path(image) / name).read_bytes() == data for name, data in inside.items())


def test_what_a_runtime_is_told(layout):
    config = layout.config["config"]
    assert re.fullmatch(r"[1-9][0-9]*:[1-9][0-9]*", config["User"]), "a number, not root: Kubernetes asks for it"
    assert config["Entrypoint"] + config["Cmd"] == ["/usr/bin/modgate", "serve"]
    assert config["StopSignal"] == "SIGTERM" and config["Volumes"] == {"/var/lib/modgate": {}}
    architecture = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True).stdout.strip()
    assert layout.config["architecture"] == layout.descriptor["platform"]["architecture"] == architecture


def test_nothing_in_it_gives_rights(unpacked):
    """No file is set-user-id; but for the store nothing belongs to anybody but root, and nothing else may be written."""
    odd = []
    for p in unpacked.rglob("*"):
        s = p.lstat()
        if p.is_symlink() or p.relative_to(unpacked).parts[0] in ("proc", "dev"):
            continue
        if s.st_mode & (stat.S_ISUID | stat.S_ISGID) or s.st_mode & stat.S_IWOTH or s.st_uid:
            odd.append((str(p.relative_to(unpacked)), oct(stat.S_IMODE(s.st_mode)), s.st_uid))
    assert sorted(odd) == [("tmp", "0o1777", 0), ("var/lib/modgate", "0o750", 65532)]
    assert (unpacked / "etc/ssl/certs/ca-certificates.crt").read_text().count("BEGIN CERTIFICATE") > 100


def test_it_serves(unpacked, layout, origin, tree, tmp_path):
    """As its user, on every address, below an Athens' environment, with an upstream's name looked up."""
    tree.add("example.com/m", "v1.0.0")
    port, ids = free_port(), layout.config["config"]["User"].split(":")
    env = dict(e.split("=", 1) for e in layout.config["config"]["Env"])
    env |= {"GOPROXY": origin.url.replace("127.0.0.1", "upstream.internal"), "GOSUMDB": "off", "ATHENS_PORT": f":{port}"}
    command = layout.config["config"]["Entrypoint"] + layout.config["config"]["Cmd"]
    with open(tmp_path / "log", "wb") as log:
        process = subprocess.Popen(debroot.inside(unpacked, *command, user=ids, namespace=()), env=env,
                                   stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        def ready():
            assert process.poll() is None, (tmp_path / "log").read_text()
            try:
                return http.request(("127.0.0.2", port), "/readyz").status == 200
            except OSError:
                return False

        until(ready, 60)
        answer = http.request(("127.0.0.2", port), "/healthz")
        assert (answer.status, answer.body) == (200, b"ok\n")
        expect.success(http.request(("127.0.0.1", port), "/example.com/m/@v/v1.0.0.zip"))
        stored = unpacked / "var/lib/modgate/modules/example.com/m/@v/v1.0.0.zip"
        assert stored.stat().st_uid == int(ids[0])
        status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
        assert re.search(rf"(?m)^Uid:(\t{ids[0]}){{4}}$", status)
    finally:
        process.terminate()
        assert process.wait(60) == 0
        shutil.rmtree(unpacked / "var/lib/modgate")


def test_the_settings_of_the_image_are_for_every_address(unpacked):
    env = {"GOPROXY": "https://mirror.example"}
    done = subprocess.run(debroot.inside(unpacked, "/usr/bin/modgate", "config", "show", user=(65532, 65532)),
                          env=env, capture_output=True, text=True)
    assert re.search(r'(?m)^listen: \[":3000"\] +# /etc/modgate/modgate.yaml', done.stdout), done
    assert re.search(r"(?m)^store: /var/lib/modgate ", done.stdout)


# -- the bill of materials


def ldd(program):
    said = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    return [str(pathlib.Path(f).resolve()) for f in re.findall(r"(/\S+) \(0x", said)]


def bills(deb, layout, tmp_path):
    """(what it is about, the document, the program shipped with it)"""
    subprocess.run(["dpkg-deb", "-x", deb, tmp_path / "deb"], check=True)
    layout.unpack(tmp_path)
    for what, top in (("modgate", tmp_path / "deb"), ("modgate-image", tmp_path)):
        text = (top / "usr/share/doc/modgate/modgate.spdx.json").read_text()
        yield what, json.loads(text), (top / "usr/bin/modgate").read_bytes()


def test_what_is_inside_is_told(deb, layout, tmp_path):
    installed = dict(line.split("\t") for line in subprocess.run(
        ["dpkg-query", "-W", "-f", "${Package}\\t${Version}\\n"], capture_output=True, text=True, check=True).stdout.splitlines())
    for what, bill, program in bills(deb, layout, tmp_path):
        packages = {p["SPDXID"]: p for p in bill["packages"]}
        assert len(packages) == len(bill["packages"]) and bill["spdxVersion"] == "SPDX-2.3"
        ends = {r["relatedSpdxElement"] for r in bill["relationships"]}
        assert ends == set(packages), "each is related to something, and nothing else is"
        (first,) = [r["relatedSpdxElement"] for r in bill["relationships"] if r["relationshipType"] == "DESCRIBES"]
        assert packages[first]["name"] == what
        assert packages["SPDXRef-modgate"]["checksums"][0]["checksumValue"] == hashlib.sha256(program).hexdigest()
        linked = {r["relatedSpdxElement"].removeprefix("SPDXRef-deb-"): r["relationshipType"]
                  for r in bill["relationships"] if r["spdxElementId"] == "SPDXRef-modgate"}
        assert linked["libcurl4"] == "DYNAMIC_LINK" and linked["libnghttp2-14"] in ("DYNAMIC_LINK", "DEPENDS_ON")
        for p in bill["packages"]:
            if p["SPDXID"].startswith("SPDXRef-deb-"):
                assert p["versionInfo"] == installed[p["name"]]
                assert f"/{p['name'].replace('+', '%2B')}@" in p["externalRefs"][0]["referenceLocator"]
        assert len(linked) <= len(ldd(binary())) and {"libc6", "libssl3", "zlib1g", "libuv1", "libyaml-0-2", "libjansson4"} <= set(linked)


def test_each_library_has_its_licence(unpacked):
    for status in (unpacked / "var/lib/dpkg/status.d").iterdir():
        assert (unpacked / "usr/share/doc" / status.name / "copyright").stat().st_size > 0
        assert re.match(rf"Package: {re.escape(status.name)}\nStatus: install ok installed\n", status.read_text())
