# SPDX-License-Identifier: Apache-2.0
"""Golden images made from, or beside, the tiny one (tools/build_tiny_image.sh)."""

import hashlib
import json
import os
import shutil
import subprocess

from host_view import digest_of_file


def describe(folder, name, version, disk, boot=None, first_boot="nocloud"):
    """Writes image.json for one raw root disk."""
    size = os.path.getsize(os.path.join(folder, disk))
    digest = digest_of_file(os.path.join(folder, disk))
    spec = {"version": version, "firstBoot": first_boot,
            "disks": [{"name": "root", "file": disk, "format": "raw", "virtualSize": size,
                       "sha256": digest, "fileSha256": digest, "fileSize": size}]}
    if boot:
        spec["boot"] = boot
    with open(os.path.join(folder, "image.json"), "w", encoding="utf-8") as file:
        json.dump({"apiVersion": "holdfast/v1", "kind": "Image", "metadata": {"name": name},
                   "spec": spec}, file, indent=2)


def make_blank(folder):
    """Image `blank` 1.0.0: an empty disk. Its guest stays in the firmware and is deaf to ACPI."""
    os.makedirs(folder)
    with open(os.path.join(folder, "root.raw"), "wb") as file:
        file.truncate(1 << 20)
    describe(folder, "blank", "1.0.0", "root.raw", first_boot="none")


def make_bulky(tiny, folder, version, mebibytes):
    """The tiny image again as `tiny` VERSION, with a payload of MEBIBYTES that does not compress on
    its root disk: big enough for its restore to be watched, and interrupted."""
    os.makedirs(folder)
    disk = os.path.join(folder, "root.raw")
    payload = os.path.join(folder, "payload")
    with open(os.path.join(tiny, "image.json"), encoding="utf-8") as file:
        boot = json.load(file)["spec"]["boot"]
    for name in (boot["kernel"], boot["initrd"]):
        shutil.copy(os.path.join(tiny, name), folder)
    subprocess.run(["zstd", "-qdf", os.path.join(tiny, "root.raw.zst"), "-o", disk], check=True)
    os.truncate(disk, (mebibytes + 64) << 20)
    # Bytes of SHAKE-128: the same each time, and no compression finds the pattern.
    with open(payload, "wb") as file:
        for block in range(mebibytes):
            file.write(hashlib.shake_128(block.to_bytes(4, "big")).digest(1 << 20))
    tools = dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin:/sbin")
    subprocess.run(["e2fsck", "-fp", disk], check=False, capture_output=True, env=tools)
    subprocess.run(["resize2fs", disk], check=True, capture_output=True, env=tools)
    subprocess.run(["debugfs", "-w", "-R", f"write {payload} /data/payload", disk], check=True,
                   capture_output=True, env=tools)
    os.unlink(payload)
    describe(folder, "tiny", version, "root.raw", boot)
