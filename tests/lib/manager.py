# SPDX-License-Identifier: Apache-2.0
"""A service manager as small as can be: listening sockets for the program, and an ear for its messages."""

import select
import socket
import subprocess
import sys
import time

# LISTEN_PID must be the pid of the program itself: set between fork and exec, as systemd does.
LAUNCH = """
import fcntl, os, sys
fds = [int(a) for a in sys.argv[1].split(",") if a]
high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 100) for fd in fds]
for i, fd in enumerate(high):
    os.dup2(fd, 3 + i, inheritable=True)
os.closerange(3 + len(high), 200)
if fds:
    os.environ["LISTEN_PID"] = str(os.getpid())
if "WATCHDOG_USEC" in os.environ:
    os.environ["WATCHDOG_PID"] = str(os.getpid())
os.execv(sys.argv[2], sys.argv[2:])
"""


def listening(address=("127.0.0.1", 0)):
    s = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(address)
    s.listen(128)
    return s


class Ear:
    """$NOTIFY_SOCKET: every datagram, in order."""

    def __init__(self, name):
        """A path, or "@…" for a name in the abstract namespace."""
        self.name = str(name)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + self.name[1:] if self.name.startswith("@") else self.name)
        self.heard = []

    def close(self):
        self.socket.close()

    def listen(self):
        while select.select([self.socket], [], [], 0)[0]:
            self.heard.append((time.monotonic(), self.socket.recv(4096).decode()))
        return [text for _, text in self.heard]

    def wait(self, word, after=0, seconds=30):
        """The index behind the first message from `after` on that holds the line `word`."""
        end = time.monotonic() + seconds
        while True:
            for i, text in enumerate(self.listen()):
                if i >= after and word in text.split("\n"):
                    return i + 1
            left = end - time.monotonic()
            assert left > 0, f"{word!r} was not heard, but {self.listen()[after:]}"
            select.select([self.socket], [], [], left)


def launch(argv, sockets=None, env=None, **more):
    """The program, with the sockets {name: socket} as systemd hands them over; its pid is that of the process."""
    if not sockets and "WATCHDOG_USEC" not in (env or {}):
        return subprocess.Popen(argv, env=env, stdin=subprocess.DEVNULL, start_new_session=True, **more)
    env = dict(env)
    fds = [s.fileno() for s in (sockets or {}).values()]
    if sockets:
        env |= {"LISTEN_FDS": str(len(sockets)), "LISTEN_FDNAMES": ":".join(sockets)}
    python = [sys.executable, "-c", LAUNCH, ",".join(map(str, fds))]
    return subprocess.Popen(python + [str(a) for a in argv], env=env, pass_fds=fds, stdin=subprocess.DEVNULL,
                            start_new_session=True, **more)
