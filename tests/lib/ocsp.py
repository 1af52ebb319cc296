# SPDX-License-Identifier: Apache-2.0
"""OCSP responders (RFC 6960): the openssl command's, and one of our own that says whatever a test wants."""

import base64
import datetime
import http.server
import subprocess
import threading
import time
import urllib.parse

from lib.certs import openssl
from lib.ports import free_port


class OpensslResponder:
    """`openssl ocsp` for these certificates of an authority."""

    def __init__(self, authority, pairs, port):
        index = authority.folder / f"index-{port}"
        index.write_text("".join(f"V\t350101000000Z\t\t{number(p)}\tunknown\t/CN=x\n" for p in pairs))
        self.process = subprocess.Popen(
            ["openssl", "ocsp", "-port", str(port), "-index", index, "-CA", authority.pem, "-rsigner", authority.pem,
             "-rkey", authority.key, "-ndays", "3"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)

    def stop(self):
        self.process.kill()
        self.process.wait()


def number(pair):
    return openssl("x509", "-in", pair.cert, "-noout", "-serial").decode().strip().split("=")[1]


# --- as much DER (X.690) as an answer needs


def der(tag, *parts):
    body = b"".join(parts)
    size = len(body)
    if size < 128:
        return bytes([tag, size]) + body
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + body


def split(data):
    """(tag, content, what follows)"""
    size, at = data[1], 2
    if size & 0x80:
        at = 2 + (size & 0x7F)
        size = int.from_bytes(data[2:at], "big")
    return data[0], data[at : at + size], data[at + size :]


def moment(seconds):
    return der(0x18, datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y%m%d%H%M%SZ").encode())


def asked_about(request):
    """The CertID of the one question in a request."""
    inner = request
    for _ in range(4):  # OCSPRequest, TBSRequest, requestList, Request
        _, inner, _ = split(inner)
    _, content, _ = split(inner)
    return der(0x30, content)


ECDSA_SHA256 = der(0x30, bytes.fromhex("06082a8648ce3d040302"))
BASIC = bytes.fromhex("06092b0601050507300101")


def answer(authority, certificate_id, since=-1, lasts=3600, status="good"):
    """since, lasts: seconds from now, and after that; lasts None: it does not say."""
    now = time.time()
    said = {"good": der(0x80), "revoked": der(0xA1, moment(now - 60)), "unknown": der(0x82)}[status]
    single = [certificate_id, said, moment(now + since)]
    if lasts is not None:
        single.append(der(0xA0, moment(now + since + lasts)))
    subject = subject_of(authority)
    signed = der(0x30, der(0xA1, subject), moment(now), der(0x30, der(0x30, *single)))
    signature = openssl("dgst", "-sha256", "-sign", authority.key, input=signed)
    basic = der(0x30, signed, ECDSA_SHA256, der(0x03, b"\0", signature))
    return der(0x30, der(0x0A, b"\0"), der(0xA0, der(0x30, BASIC, der(0x04, basic))))


def subject_of(authority):
    certificate = openssl("x509", "-in", authority.pem, "-outform", "DER")
    _, rest, _ = split(split(certificate)[1])  # tbsCertificate
    fields = []
    while rest:
        tag, content, rest = split(rest)
        fields.append(der(tag, content))
    return fields[5]  # version, serial, signature, issuer, validity, subject


class Responder:
    """says[path] is called with the CertID that a request names, and returns (status, body)."""

    def __init__(self):
        self.says, self.asked = {}, []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                _, path, request = self.path.split("/", 2)
                outer.asked.append(path)
                status, body = outer.says[path](asked_about(base64.b64decode(urllib.parse.unquote(request), validate=True)))
                self.send_response(status)
                self.send_header("Content-Type", "application/ocsp-response")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.port = free_port()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def url(self, path):
        return f"http://127.0.0.1:{self.port}/{path}"

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
