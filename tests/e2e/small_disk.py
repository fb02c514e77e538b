# SPDX-License-Identifier: Apache-2.0
"""A small file system that a test fills up."""

import errno
import os
import shutil
import subprocess


class SmallDisk:
    """A folder of the world on an ext4 of its own, in a file."""

    def __init__(self, world, name="small", mebibytes=48):
        self.file = os.path.join(world.folder, f"{name}.img")
        self.folder = os.path.join(world.folder, name)
        os.mkdir(self.folder)
        with open(self.file, "wb") as file:
            file.truncate(mebibytes << 20)
        tools = dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin:/sbin")
        subprocess.run(["mkfs.ext4", "-q", "-m", "0", self.file], check=True, env=tools)
        subprocess.run(["mount", "-o", "loop", self.file, self.folder], check=True, env=tools)
        world.small_disks.append(self)
        self.ballast = os.path.join(self.folder, "ballast")

    def fill(self, leave):
        """All but `leave` bytes; to the last block when that is none."""
        block = 4096
        with open(self.ballast, "wb", buffering=0) as file:
            try:
                while leave == 0 or shutil.disk_usage(self.folder).free > leave:
                    file.write(b"\1" * block)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise

    def unmount(self):
        """At once, whoever uses it. Again: no effect."""
        if os.path.ismount(self.folder):
            subprocess.run(["umount", "-l", self.folder], check=True)
