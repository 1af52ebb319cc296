# SPDX-License-Identifier: Apache-2.0
"""A network of a test's own, in which every packet is seen.

    def work():
        with Capture() as seen:
            ...                      # servers, clients and modgates that are started here are in it, no one else is
            flows = seen.flows()     # {(protocol, source, port, destination, port): bytes that were sent}
    alone(work)

Every IPv4 and IPv6 address is this machine's there, so that nothing is lost for want of a way; and at port 53 of every
address is a DNS server, for which every name has the address 127.0.0.1.
"""

import collections
import ctypes
import os
import shutil
import socket
import struct
import subprocess
import threading

from lib.wait import until

CLONE_NEWNET = 0x40000000
ETH_P_ALL = 3
SO_RCVBUFFORCE = 33
SOL_PACKET, PACKET_STATISTICS, PACKET_OUTGOING = 263, 6, 4
END = b"end of what was to be captured"

Flow = collections.namedtuple("Flow", "protocol source sport destination dport")


def missing():
    """Why this cannot be done here, or None."""
    return None if os.geteuid() == 0 and shutil.which("ip") else "a network of its own needs root and iproute2"


def alone(work):
    """Runs work() in a thread that is in a new network, with all that it starts; raises what it raises."""
    raised = []

    def run():
        try:
            libc = ctypes.CDLL(None, use_errno=True)
            assert libc.unshare(CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
            for command in ("link set lo up", "route add local 0.0.0.0/0 dev lo"):
                subprocess.run(["ip", *command.split()], check=True, timeout=60)
            if os.path.exists("/proc/net/if_inet6"):
                subprocess.run(["ip", "-6", "route", "add", "local", "::/0", "dev", "lo"], check=True, timeout=60)
            work()
        except BaseException as e:
            raised.append(e)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if raised:
        raise raised[0]


def answer_dns(query):
    """127.0.0.1, if the question is of type A; else there is nothing (RFC 1035 §4.1)."""
    end = query.index(b"\0", 12) + 5
    is_a = query[end - 4:end - 2] == b"\0\1"
    head = query[:2] + b"\x81\x80" + struct.pack(">HHHH", 1, is_a, 0, 0)
    return head + query[12:end] + (b"\xc0\x0c\0\1\0\1\0\0\0\0\0\4\x7f\0\0\1" if is_a else b"")


def parse(packet):
    """(Flow, payload) of an IP packet of TCP or UDP, or None."""
    if packet[0] >> 4 == 4:
        protocol, at, end = packet[9], (packet[0] & 15) * 4, int.from_bytes(packet[2:4], "big")
        source, destination = packet[12:16], packet[16:20]
        family = socket.AF_INET
    else:
        protocol, at, end = packet[6], 40, 40 + int.from_bytes(packet[4:6], "big")
        source, destination = packet[8:24], packet[24:40]
        family = socket.AF_INET6
    if protocol not in (socket.IPPROTO_TCP, socket.IPPROTO_UDP):
        return None
    sport, dport = struct.unpack(">HH", packet[at:at + 4])
    start = at + (8 if protocol == socket.IPPROTO_UDP else (packet[at + 12] >> 4) * 4)
    flow = Flow("udp" if protocol == socket.IPPROTO_UDP else "tcp", socket.inet_ntop(family, source), sport,
                socket.inet_ntop(family, destination), dport)
    return flow, packet[start:end or len(packet)]  # a packet that is to be cut by the device has no length yet


class Capture:
    def __init__(self):
        self.lock = threading.Lock()
        self.sent = collections.defaultdict(bytearray)
        self.alive = True

    def __enter__(self):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 256 << 20)
        self.socket.settimeout(0.1)
        self.names = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) if socket.has_dualstack_ipv6() else \
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.names.bind(("::" if self.names.family == socket.AF_INET6 else "0.0.0.0", 53))
        self.names.settimeout(0.1)
        self.threads = [threading.Thread(target=self.read), threading.Thread(target=self.answer)]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.alive = False
        for thread in self.threads:
            thread.join()
        self.socket.close()
        self.names.close()

    def read(self):
        while self.alive:
            try:
                packet, address = self.socket.recvfrom(1 << 17)
            except TimeoutError:
                continue
            found = parse(packet) if address[2] == PACKET_OUTGOING else None
            if found:
                with self.lock:
                    self.sent[found[0]] += found[1]

    def answer(self):
        while self.alive:
            try:
                query, client = self.names.recvfrom(4096)
            except TimeoutError:
                continue
            self.names.sendto(answer_dns(query), client)

    def flows(self):
        """All that was sent until now, in the order in which it was sent."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.sendto(END, ("127.0.0.1", 9))
        until(lambda: any(f.dport == 9 and f.protocol == "udp" for f in list(self.sent)))
        _, dropped = struct.unpack("II", self.socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
        assert dropped == 0, f"{dropped} packets were not seen"
        with self.lock:
            return {flow: bytes(data) for flow, data in self.sent.items() if flow.dport != 9}
