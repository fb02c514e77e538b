#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`holdfast provider check` by the real programs, against a stand-in of Proxmox VE: a token that lacks one
privilege has it named, with where it is missing, and the exit status is 1; one that lacks nothing has 0."""

import os
import sys

from proxmox_demo import ProxmoxWorld

# What docs/proxmox.md has an operator give, by the path on which the check looks for it.
PRIVILEGES = {
    "/pool/holdfast": ["VM.Allocate", "VM.Audit", "VM.Backup", "VM.Config.CPU", "VM.Config.Disk",
                       "VM.Config.HWType", "VM.Config.Memory", "VM.Config.Network", "VM.Config.Options",
                       "VM.PowerMgmt", "VM.Snapshot", "VM.Snapshot.Rollback"],
    "/storage/local": ["Datastore.AllocateSpace", "Datastore.Audit"],
    "/sdn/zones/localnetwork": ["SDN.Use"]}


def check(build, without):
    """The exit status, and the checks that are not fine."""
    with ProxmoxWorld(build, without) as world:
        world.start()
        answer = world.cli("provider", "check", "-o", "json")
        report = answer.json()
        table = world.cli("provider", "check")
        assert table.status == answer.status, f"{table.status} as a table, {answer.status} as JSON"
        wrong = {entry["what"]: entry["problem"] for entry in report["checks"] if not entry["fine"]}
        assert all(what in table.out for what in wrong), f"the table leaves out some of {wrong}: {table.out}"
        return answer.status, wrong


def main():
    for name in ("PROXMOX_URL", "PROXMOX_TOKEN", "PROXMOX_CA"):
        os.environ.pop(name, None)
    build = sys.argv[1]
    status, wrong = check(build, None)
    assert (status, wrong) == (0, {}), f"nothing is missing, and it says {status}: {wrong}"
    count = 0
    for path, privileges in PRIVILEGES.items():
        for privilege in privileges:
            status, wrong = check(build, privilege)
            what = f"{privilege} on {path}"
            assert status == 1, f"without {privilege} it answers {status}"
            assert what in wrong, f"without {privilege} it says only {wrong}"
            assert "user and the token" in wrong[what] and path in wrong[what], wrong[what]
            others = [name for name in wrong if " on " in name and not name.startswith(privilege + " ")]
            assert not others, f"without {privilege} it says that these are missing, too: {others}"
            count += 1
    print(f"provider check: {count} privileges, each missing one named, exit 1")


if __name__ == "__main__":
    main()
