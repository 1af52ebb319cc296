# SPDX-License-Identifier: Apache-2.0
import pytest

from lib import certs
from lib.ports import free_port


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return certs.Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def stranger(tmp_path_factory):
    return certs.Authority(tmp_path_factory.mktemp("stranger"), "Somebody Else")


@pytest.fixture(scope="session")
def pair(authority):
    return authority.issue("localhost", ["DNS:localhost", "IP:127.0.0.1"])


@pytest.fixture
def secure_of(modgate_of, origin, pair):
    """Starts modgates that listen with TLS too: on their `secure` address."""

    def start(*pairs, args=(), **more):
        port = free_port()
        flags = ["--listen", f"https://127.0.0.1:{port}"]
        for p in pairs or (pair,):
            flags += ["--tls-cert", str(p.cert), "--tls-key", str(p.key)]
        m = modgate_of(origin.url, args=[*flags, *map(str, args)], **more)
        m.secure = ("127.0.0.1", port)
        return m

    return start
