# SPDX-License-Identifier: Apache-2.0
"""Certificates made by the openssl command, and TLS clients that trust them."""

import collections
import pathlib
import socket
import ssl
import subprocess

from lib import http

Pair = collections.namedtuple("Pair", "cert key")  # paths


def openssl(*args, input=None):
    done = subprocess.run(["openssl", *map(str, args)], input=input, capture_output=True, timeout=60)
    assert done.returncode == 0, f"openssl {args[0]}: {done.stderr.decode(errors='replace')[-2000:]}"
    return done.stdout


class Authority:
    def __init__(self, folder, name="Test Authority"):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.pem, self.key = self.folder / "ca.pem", self.folder / "ca.key"
        self.count = 0
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", 30,
                "-subj", f"/CN={name}", "-keyout", self.key, "-out", self.pem)

    def issue(self, common_name, names=(), days=20, rsa=False, more=""):
        """A certificate with this authority's behind it, and its key. more: lines of further extensions."""
        self.count += 1
        base = self.folder / f"{self.count}-{common_name}"
        request, leaf, cert, key = (pathlib.Path(f"{base}.{e}") for e in ("csr", "leaf", "pem", "key"))
        kind = ["rsa:2048"] if rsa else ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        openssl("req", "-newkey", *kind, "-nodes", "-subj", f"/O=Example/CN={common_name}", "-keyout", key, "-out", request)
        extensions = pathlib.Path(f"{base}.ext")
        extensions.write_text(f"subjectAltName={','.join(names)}\n" if names else "keyUsage=digitalSignature\n")
        with extensions.open("a") as f:
            f.write(more)
        openssl("x509", "-req", "-in", request, "-CA", self.pem, "-CAkey", self.key, "-set_serial", self.count + 1000,
                "-days", days, "-extfile", extensions, "-out", leaf)
        cert.write_bytes(leaf.read_bytes() + self.pem.read_bytes())
        key.chmod(0o600)
        return Pair(cert, key)

    def staple(self, pair, revoked=False, days=7):
        """An OCSP answer about a certificate of this authority, in DER."""
        file, index = pair.cert.with_suffix(".ocsp"), pair.cert.with_suffix(".index")
        serial = openssl("x509", "-in", pair.cert, "-noout", "-serial").decode().strip().split("=")[1]
        status = "R\t300101000000Z\t200101000000Z" if revoked else "V\t300101000000Z\t"
        index.write_text(f"{status}\t{serial}\tunknown\t/CN=x\n")
        openssl("ocsp", "-index", index, "-rsigner", self.pem, "-rkey", self.key, "-CA", self.pem, "-issuer", self.pem,
                "-cert", pair.cert, "-ndays", days, "-respout", file)
        return file


def context(authority, client=None, version=None):
    """A client that trusts the authority alone; client: the pair it shows; version: the only one it speaks."""
    c = ssl.create_default_context(cafile=str(authority.pem))
    if client:
        c.load_cert_chain(client.cert, client.key)
    if version:
        c.minimum_version = c.maximum_version = version
    return c


class Session(http.Session):
    """One HTTP/1.1 connection over TLS. An end without a farewell is an error, as it must be."""

    def __init__(self, address, context, name="localhost", session=None, timeout=60):
        raw = socket.create_connection(address, timeout)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self.socket = context.wrap_socket(raw, server_hostname=name, session=session, suppress_ragged_eofs=False)
        except BaseException:
            raw.close()
            raise
        self.buffer = b""

    @property
    def serial(self):
        return int(self.socket.getpeercert()["serialNumber"], 16)


def serial(pair):
    return int(openssl("x509", "-in", pair.cert, "-noout", "-serial").decode().strip().split("=")[1], 16)
