#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""image.py PROGRAM FOLDER: writes PROGRAM as a container image, FOLDER/modgate_VERSION_ARCH.oci (an OCI image
layout) and the same as an archive, .oci.tar. No daemon and no base image: a layer of the shared libraries and
certificates as this machine's Debian packages have them, and one of modgate. The same program and the same packages give
the same bytes: entries in order, no times, no owners but the one of the store."""

import gzip
import hashlib
import io
import json
import os
import pathlib
import shutil
import sys
import tarfile
import tempfile

import linked
import sbom

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
USER = 65532  # a number, so that Kubernetes sees that it is not root
MORE = ("base-files", "ca-certificates")  # whose files are in it without being linked to
BUNDLE = "etc/ssl/certs/ca-certificates.crt"


class Layer:
    def __init__(self):
        self.entries = {}

    def add(self, name, data=b"", mode=0o644, kind=tarfile.REGTYPE, link="", owner=0):
        for parent in reversed(pathlib.PurePath(name).parents):
            if str(parent) != "." and str(parent) not in self.entries:
                self.add(str(parent), kind=tarfile.DIRTYPE, mode=0o755)
        entry = tarfile.TarInfo(name)
        entry.type, entry.mode, entry.linkname, entry.size = kind, mode, link, len(data)
        entry.uid = entry.gid = owner
        self.entries[name] = (entry, data)

    def folder(self, name, mode=0o755, owner=0):
        self.add(name, mode=mode, kind=tarfile.DIRTYPE, owner=owner)

    def link(self, name, to):
        self.add(name, mode=0o777, kind=tarfile.SYMTYPE, link=to)

    def tar(self):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            for name in sorted(self.entries):
                entry, data = self.entries[name]
                tar.addfile(entry, io.BytesIO(data))
        return out.getvalue()


def status(package):
    """As distroless images have it, so that scanners see the packages and their versions."""
    return (f"Package: {package.name}\nStatus: install ok installed\nMaintainer: {package.maintainer}\n"
            f"Architecture: {package.architecture}\nSource: {package.source} ({package.source_version})\n"
            f"Version: {package.version}\nDescription: {package.summary}\n").encode()


def certificates():
    """The package's own: those that this machine trusts besides are none of the image's business."""
    names = [n for n in linked.run("dpkg-query", "-L", "ca-certificates").splitlines() if n.endswith(".crt")]
    return b"".join(pathlib.Path(n).read_bytes().rstrip(b"\n") + b"\n" for n in sorted(names))


def base(libraries, packages):
    layer = Layer()
    for top in ("bin", "lib", "lib64", "sbin"):
        layer.folder(f"usr/{top}")
        layer.link(top, f"usr/{top}")
    for library in libraries:
        file = pathlib.Path(library.file)
        folder = str(file.parent).removeprefix("/usr").removeprefix("/")
        layer.add(f"usr/{folder}/{library.soname}", file.read_bytes(), mode=0o755)
        if library.soname.startswith("ld-linux"):
            layer.link(f"usr/{loader_folder(library)}/{library.soname}", f"../{folder}/{library.soname}")
    for package in packages:
        doc = pathlib.Path("/usr/share/doc") / package.name / "copyright"
        layer.add(str(doc)[1:], doc.read_bytes())
        layer.add(f"var/lib/dpkg/status.d/{package.name}", status(package))
    layer.add("etc/os-release", pathlib.Path(sbom.RELEASE).read_bytes())
    layer.add(BUNDLE, certificates())
    layer.add("etc/passwd", f"root:x:0:0:root:/:/nonexistent\nmodgate:x:{USER}:{USER}:modgate:/var/lib/modgate:/nonexistent\n".encode())
    layer.add("etc/group", f"root:x:0:\nmodgate:x:{USER}:\n".encode())
    layer.add("etc/nsswitch.conf", b"passwd: files\ngroup: files\nhosts: files dns\n")
    layer.folder("tmp", mode=0o1777)
    return layer


def loader_folder(library):
    """Where programs look for it: /lib64 on most, /lib on arm64."""
    return "lib64" if pathlib.Path("/lib64", library.soname).exists() else "lib"


def top(program, bill):
    layer = Layer()
    layer.add("usr/bin/modgate", program.read_bytes(), mode=0o755)
    layer.add("etc/modgate/modgate.yaml", (ROOT / "deploy/image.yaml").read_bytes())
    layer.add("usr/share/doc/modgate/copyright", (ROOT / "LICENSE").read_bytes())
    layer.add("usr/share/doc/modgate/modgate.spdx.json", bill.encode())
    layer.folder("var/lib/modgate", mode=0o750, owner=USER)
    return layer


class Layout:
    def __init__(self, folder):
        self.folder = folder
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "blobs/sha256").mkdir(parents=True)

    def blob(self, kind, data, **more):
        digest = hashlib.sha256(data).hexdigest()
        (self.folder / "blobs/sha256" / digest).write_bytes(data)
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": f"sha256:{digest}", "size": len(data), **more}

    def json(self, kind, value, **more):
        return self.blob(kind, json.dumps(value, sort_keys=True).encode(), **more)

    def archive(self):
        out = Layer()
        for file in self.folder.rglob("*"):
            name = str(file.relative_to(self.folder))
            if file.is_dir():
                out.folder(name)
            else:
                out.add(name, file.read_bytes())
        return out.tar()


def write(folder, layers, version, architecture, epoch):
    created, layout = sbom.timestamp(epoch), Layout(folder)
    tars = [layer.tar() for layer in layers]
    labels = {
        "org.opencontainers.image.title": "modgate",
        "org.opencontainers.image.description": "Go module gateway",
        "org.opencontainers.image.licenses": "Apache-2.0",
        "org.opencontainers.image.version": version,
        "org.opencontainers.image.created": created,
    }
    config = layout.json("config.v1+json", {
        "architecture": architecture,
        "os": "linux",
        "created": created,
        "config": {
            "User": f"{USER}:{USER}",
            "Env": ["PATH=/usr/bin"],
            "Entrypoint": ["/usr/bin/modgate"],
            "Cmd": ["serve"],
            "ExposedPorts": {"3000/tcp": {}},
            "Volumes": {"/var/lib/modgate": {}},
            "WorkingDir": "/",
            "StopSignal": "SIGTERM",
            "Labels": labels,
        },
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(t).hexdigest() for t in tars]},
        "history": [{"created": created, "created_by": what} for what in ("libraries and certificates", "modgate")],
    })
    zipped = [layout.blob("layer.v1.tar+gzip", gzip.compress(t, 9, mtime=0)) for t in tars]
    manifest = layout.json("manifest.v1+json", {
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": config, "layers": zipped, "annotations": labels,
    }, platform={"architecture": architecture, "os": "linux"}, annotations={"org.opencontainers.image.ref.name": version})
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
                                                   "manifests": [manifest]}, sort_keys=True))
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    folder.with_name(folder.name + ".tar").write_bytes(layout.archive())


def main():
    program, out = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2])
    architecture = linked.run("dpkg", "--print-architecture").strip()
    epoch = sbom.made_at()
    os.environ["SOURCE_DATE_EPOCH"] = str(epoch)
    with tempfile.TemporaryDirectory() as work:
        shipped = pathlib.Path(work) / "modgate"
        linked.run("strip", "--strip-unneeded", "-o", str(shipped), str(program))
        libraries = linked.libraries(shipped)
        packages = linked.packages([library.package for library in libraries] + list(MORE))
        bill = sbom.text(sbom.document(shipped, "modgate-image", MORE))
        version = sbom.version(shipped)
        folder = out / f"modgate_{version}_{architecture}.oci"
        out.mkdir(parents=True, exist_ok=True)
        write(folder, [base(libraries, packages), top(shipped, bill)], version, architecture, epoch)
    print(f"{folder}\n{folder}.tar")


if __name__ == "__main__":
    main()
