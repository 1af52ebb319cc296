# SPDX-License-Identifier: Apache-2.0
"""Requests to hosts that strangers name (T48): which addresses they may reach, through the probe of src/upstream."""

import ipaddress
import json
import os
import socket

import pytest

from lib.origin import Origin, Reply
from test_get import certificate, failed, fine, get, run, secure  # noqa: F401: fixtures too

INSIDE, PUBLIC = 1, 2


@pytest.fixture
def o():
    with Origin() as origin:
        origin.on("", Reply(200, b"hello"))
        yield origin


def refused(result):
    return failed(result, "denied", "policy", "may not reach")


@pytest.mark.parametrize("reach", [INSIDE, PUBLIC])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0", "[::1]", "[::]",
                                  "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::7f00:1]", "localhost.", "127.0.0.1.", "%31%32%37.0.0.1"])
def test_t48_no_spelling_of_loopback_gets_through(o, host, reach):
    r = get(f"http://{host}:{o.port}/x", reach=reach)
    if host == "127.0.0.1.":  # which resolvers take or leave
        assert r["code"] != "ok", r
    else:
        refused(r)
    assert o.count() == 0


@pytest.mark.parametrize("reach, host", [
    (PUBLIC, "10.0.0.1"), (PUBLIC, "[fd12::1]"), (PUBLIC, "[::ffff:10.0.0.1]"), (PUBLIC, "172.16.5.4"), (INSIDE, "169.254.169.254"),
    (INSIDE, "[::ffff:a9fe:a9fe]"), (INSIDE, "2852039166"), (INSIDE, "0xa9.0xfe.0xa9.0xfe"), (INSIDE, "[fe80::1]"), (INSIDE, "[64:ff9b::a9fe:a9fe]"),
    (INSIDE, "100.100.100.200"), (INSIDE, "[fd00:ec2::254]"), (INSIDE, "224.0.0.1"), (INSIDE, "255.255.255.255"),
])
def test_t48_inside_and_metadata(host, reach):
    refused(get(f"http://{host}/latest/meta-data", reach=reach, connect_ms=2000))


def test_t48_the_address_counts_and_not_the_name(o):
    """As after DNS rebinding: the name is fine, what it stands for is not."""
    name = socket.gethostname()
    try:
        addresses = {ipaddress.ip_address(a[4][0]) for a in socket.getaddrinfo(name, o.port, socket.AF_INET)}
    except OSError:
        pytest.skip("this machine's name has no address")
    if not all(a.is_private for a in addresses) or name == "localhost":
        pytest.skip("this machine's name stands for a public address, or none of its own")
    refused(get(f"http://{name}:{o.port}/x", reach=PUBLIC))
    assert o.count() == 0


def test_t48_a_kept_connection_is_looked_at_again(o):
    """The first GET may go anywhere, and leaves its connection behind for the second one, which may not."""
    name = socket.gethostname()
    try:
        if not ipaddress.ip_address(socket.gethostbyname(name)).is_loopback or name == "localhost":
            pytest.skip("this machine's name is not one of loopback")
    except OSError:
        pytest.skip("this machine's name has no address")
    first, second = run(f"http://{name}:{o.port}/x", retries=0, times=2, reach=PUBLIC, after_reach=1)
    fine(first, b"hello")
    refused(second)
    assert o.count() == 1 and o.accepted == 1


def test_t48_redirects_are_looked_at(o):
    with Origin() as inner:
        inner.on("", Reply(200, b"secret"))
        o.on("/x$", Reply(302, fields=[("Location", f"http://127.0.0.2:{inner.port}/y")]))
        r = get(f"http://127.0.0.1:{o.port}/x", reach=PUBLIC, networks="127.0.0.1")
        refused(r)
        assert "127.0.0.2" in r["error"]
        assert o.count() == 1 and inner.count() == 0


def test_allowed_networks(o):
    fine(get(f"{o.url}/x", reach=PUBLIC, networks="192.0.2.0/24,127.0.0.0/8"), b"hello")
    fine(get(f"http://localhost:{o.port}/x", reach=PUBLIC, networks="127.0.0.1,::1"), b"hello")
    refused(get(f"{o.url}/x", reach=PUBLIC, networks="127.0.0.2"))


def test_a_refusal_opens_no_circuit(o):
    results = run(f"{o.url}/x", retries=2, times=9, breaker_failures=3, reach=PUBLIC)
    assert len(results) == 9
    for r in results:
        refused(r)


def test_behind_a_proxy_what_is_written_counts(o):
    """The proxy's own address is the operator's business; what it is asked for is not."""
    env = {"HTTP_PROXY": o.url}
    (r,) = run("http://mirror.example/x", env=env, retries=0, reach=PUBLIC)
    fine(r, b"hello")
    (r,) = run("http://169.254.169.254/x", env=env, retries=0, reach=INSIDE)
    refused(r)
    (r,) = run("http://0xa9fea9fe/x", env=env, retries=0, reach=INSIDE)
    refused(r)
    assert [q.target for q in o.requests] == ["http://mirror.example/x"]


def test_a_bearer_token_stays_with_its_origin(o):
    with Origin() as other:
        other.on("", Reply(200, b"there"))
        o.on("/x$", Reply(302, fields=[("Location", f"http://127.0.0.1:{other.port}/y")]))
        r = fine(get(f"{o.url}/x", bearer="CANARY"), b"there")
        assert r["landed"] == f"{other.url}/y"
        assert o.requests[0].headers["authorization"] == ["Bearer CANARY"]
        assert "authorization" not in other.requests[0].headers and "CANARY" not in json.dumps(r)


def test_a_post(o):
    r = fine(get(f"{o.url}/x", post=1, bearer="t"), b"hello")
    assert o.requests[0].method == "POST" and o.requests[0].headers["content-length"] == ["0"] and r["landed"] == f"{o.url}/x"
    o.on("/moved$", Reply(307, fields=[("Location", "/x")]))
    failed(get(f"{o.url}/moved", post=1), "unavailable", "upstream", "redirects what cannot be sent twice")
    assert o.count() == 2


def test_https_without_looking_at_the_certificate(secure):
    url = f"https://127.0.0.1:{secure.port}/x"
    failed(get(url), "unavailable", "tls")
    fine(get(url, insecure=1), b"hello")
