# SPDX-License-Identifier: Apache-2.0
"""Many clients at once, in one thread: all connect first, then all ask, each reads its answer whole."""

import re
import select
import socket
import time

from lib.http import head

SMALL = 2000  # bodies up to this size are kept, of larger ones it is known whether they are the expected


class Member:
    def __init__(self, address):
        self.socket = socket.create_connection(address, 30)
        self.socket.setblocking(False)
        self.head = b""
        self.body = b""
        self.length = None  # of the body
        self.got = 0
        self.as_expected = True
        self.took = None

    @property
    def status(self):
        return int(self.head[9:12])

    def take(self, data, expected):
        if self.length is None:
            self.head += data
            at = self.head.find(b"\r\n\r\n")
            if at < 0:
                return
            self.head, data = self.head[:at], self.head[at + 4 :]
            self.length = int(re.search(rb"\r\nContent-Length: (\d+)", self.head, re.I).group(1))
        if self.got < SMALL:
            self.body = (self.body + data)[:SMALL]
        if expected[self.got : self.got + len(data)] != data:
            self.as_expected = False
        self.got += len(data)

    def complete(self):
        return self.length is not None and self.got >= self.length


def run(address, targets, expected=b"", seconds=60):
    """One client per target, all of whom may expect the same body. Returns the members; `took` counts
    from when the first one asked."""
    members = [Member(address) for _ in targets]
    poll = select.epoll()
    by_fd = {m.socket.fileno(): m for m in members}
    for fd in by_fd:
        poll.register(fd, select.EPOLLIN)
    start = time.monotonic()
    for member, target in zip(members, targets):
        member.socket.send(head(target))
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
                assert data, f"closed after {member.head!r} {member.body!r}"
                member.take(data, expected)
                if member.complete():
                    member.as_expected = member.as_expected and member.got == len(expected)
                    member.took = time.monotonic() - start
                    poll.unregister(fd)
                    open_ -= 1
    finally:
        for member in members:
            member.socket.close()
        poll.close()
    return members
