# SPDX-License-Identifier: Apache-2.0
"""A small file system of a test's own, and what losing power does to it.

    with Disk(folder, "ext4") as disk:
        ...                      # write below disk.mount
        disk.lose_power()        # what is not on the disk now never gets there
        disk.mount_again()

The disk is a file; the kernel's file system is told to stop as at a power cut (`xfs_io -x -c shutdown`: nothing
more is written, no log is flushed). What a file system has written stays: a disk that forgets what it has
acknowledged is not what this is about.
"""

import os
import pathlib
import shutil
import subprocess
import tempfile
import time

KINDS = ("ext4", "xfs")
# The smallest that its mkfs takes. The files have holes.
SIZES = {"ext4": 48 << 20, "xfs": 320 << 20}
MKFS = {"ext4": ["mkfs.ext4", "-q", "-m", "0"], "xfs": ["mkfs.xfs", "-q"]}
# Copies of one image have one UUID.
OPTIONS = {"ext4": "loop", "xfs": "loop,nouuid"}
PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"


def run(*argv):
    env = dict(os.environ, PATH=PATH)
    done = subprocess.run([str(a) for a in argv], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=120)
    if done.returncode != 0:
        raise OSError(f"{' '.join(map(str, argv))}: {done.stdout.strip()}")


def why_not(kind):
    """What is missing on this machine for such a disk; None if nothing is."""
    if os.geteuid() != 0:
        return "only root can mount file systems"
    for program in (MKFS[kind][0], "xfs_io", "mount"):
        if shutil.which(program, path=PATH) is None:
            return f"{program} is not installed"
    with tempfile.TemporaryDirectory() as folder:
        try:
            with Disk(folder, kind):
                return None
        except OSError as e:
            return "a loop device cannot be mounted: " + str(e).splitlines()[0].rsplit(": ", 1)[-1]


class Disk:
    def __init__(self, folder, kind, name="disk", image=None):
        """`image`: one made earlier, to be copied."""
        self.kind = kind
        self.image = pathlib.Path(folder) / f"{name}.image"
        self.mount = pathlib.Path(folder) / name
        self.mounted = False
        self.mount.mkdir()
        if image is not None:
            run("cp", "--sparse=always", image, self.image)
            return
        with open(self.image, "wb") as f:
            f.truncate(SIZES[kind])
        run(*MKFS[kind], self.image)

    def __enter__(self):
        # Unbindable: a copy of it elsewhere (somebody's chroot) would keep it mounted.
        run("mount", "--make-unbindable", "-o", OPTIONS[self.kind], self.image, self.mount)
        self.mounted = True
        return self

    def __exit__(self, *_):
        self.leave()
        self.mount.rmdir()
        self.image.unlink()

    def discard(self):
        """However far it came."""
        if self.image.exists():
            self.__exit__()

    def leave(self):
        """Who was killed a moment ago may have files open for another one."""
        end = time.monotonic() + 10
        while self.mounted:
            try:
                run("umount", self.mount)
                self.mounted = False
            except OSError as e:
                if "busy" not in str(e) or time.monotonic() > end:
                    raise
                time.sleep(0.02)

    def lose_power(self):
        run("xfs_io", "-x", "-c", "shutdown", self.mount)

    def attached(self):
        """Is the file system still alive somewhere? A mount namespace that was made meanwhile has a copy of each mount."""
        losetup = ["losetup", "-j", str(self.image)]
        end = time.monotonic() + 1
        while subprocess.run(losetup, env=dict(os.environ, PATH=PATH), capture_output=True, timeout=20).stdout:
            if time.monotonic() > end:
                return True
            time.sleep(0.02)
        return False

    def mount_again(self):
        """As after a boot: the log is replayed. Who has files open there must have ended."""
        self.leave()
        if self.attached():  # else the old one would be mounted again, as dead as it is
            other = self.image.with_suffix(".again")
            run("cp", "--sparse=always", self.image, other)
            other.replace(self.image)
        self.__enter__()
