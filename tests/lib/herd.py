# SPDX-License-Identifier: Apache-2.0
"""Many clients at once, in one thread: all connect first, then all ask, each reads its answer whole."""

import re
import select
import socket
import time

from lib.http import head


class Member:
    def __init__(self, address):
        self.socket = socket.create_connection(address, 30)
        self.socket.setblocking(False)
        self.data = bytearray()
        self.end = None
        self.took = None

    def complete(self):
        if self.end is None:
            at = self.data.find(b"\r\n\r\n")
            if at < 0:
                return False
            length = re.search(rb"\r\nContent-Length: (\d+)", self.data[:at], re.I)
            self.end = at + 4 + int(length.group(1))
        return len(self.data) >= self.end

    @property
    def status(self):
        return int(self.data[9:12])

    @property
    def body(self):
        return bytes(self.data[self.data.find(b"\r\n\r\n") + 4 :])


def run(address, targets, seconds=60, joined=None):
    """One client per target. Returns the members; `took` counts from when the first one asked.
    `joined` is called when all have asked."""
    members = [Member(address) for _ in targets]
    poll = select.epoll()
    by_fd = {m.socket.fileno(): m for m in members}
    for fd in by_fd:
        poll.register(fd, select.EPOLLIN)
    start = time.monotonic()
    for member, target in zip(members, targets):
        member.socket.send(head(target))
    if joined:
        joined()
    open_ = len(members)
    try:
        while open_:
            left = start + seconds - time.monotonic()
            assert left > 0, f"{open_} of {len(members)} clients have no answer after {seconds} s"
            for fd, _ in poll.poll(left):
                member = by_fd[fd]
                try:
                    data = member.socket.recv(1 << 20)
                except BlockingIOError:
                    continue
                member.data += data
                if member.complete() or not data:
                    assert data, f"closed after {bytes(member.data[:200])!r}"
                    member.took = time.monotonic() - start
                    poll.unregister(fd)
                    open_ -= 1
    finally:
        for member in members:
            member.socket.close()
        poll.close()
    return members
