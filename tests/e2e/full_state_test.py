#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The disk of the state directory is full: journal, images and target on one small file system.
The daemon says so, changes nothing, survives being killed and started on it, and goes on by itself
once there is space. The guest's own disks lie elsewhere, and it never notices."""

import os
import subprocess

import cases
import host_view
from cases import case
from small_disk import SmallDisk
from world import World, eventually, guest


@case("a guest is up on a host whose state directory is a small file system of its own")
def come_up(world):
    world.plant_foreign()
    world.start()
    world.must("image", "import", world.image)
    world.want(guest("acme", 41, rootDisk={"size": "64Mi", "target": "second"}))
    world.settle()
    world.answers("acme")
    world.before = look(world)


def look(world):
    return {"process": host_view.qemu_processes().get(world.uuid("acme")),
            "boot": world.web("acme").status(timeout=20).get("boot_id"),
            "definition": host_view.definition(world.uuid("acme"), "--inactive")}


def assert_untouched(world):
    now = look(world)
    assert now == world.before, f"the guest was touched: {world.before} became {now}"
    world.foreign.assert_untouched()


def assert_runs_on(world):
    """The same process and boot, whatever its definition says."""
    now = look(world)
    assert (now["process"], now["boot"]) == (world.before["process"], world.before["boot"]), now
    world.foreign.assert_untouched()


def journal_writable(world):
    return world.host_condition("JournalWritable")


@case("full to the last block: an edit is not taken up, a condition says why, the guest runs on")
def full(world):
    world.small.fill(leave=0)
    world.note_generation()
    world.edit("acme", memory="112Mi")
    said = eventually(lambda: (c := journal_writable(world))["status"] == "False" and c,
                      "the host says that its journal cannot be written")
    assert said["reason"] == "NoSpace" and "state directory" in said["message"], said
    assert world.host()["generation"] == world.generation, "accepted, although it could not be kept"
    assert "NoSpace" in world.must("why", "host").out + world.must("describe", "host").out
    assert world.guests()["acme"]["power"] == "Running"
    assert_untouched(world)


@case("what must be written to be allowed is refused: a snapshot, an import")
def orders_refused(world):
    answer = world.cli("snapshot", "create", "acme", "now")
    assert answer.status == 2 and "full" in answer.err.lower(), answer
    assert not host_view.virsh("snapshot-list", world.uuid("acme"), "--name").strip()
    answer = world.cli("image", "import", world.image)
    assert answer.status in (0, 2), answer  # the same image again writes nothing
    assert_untouched(world)


@case("killed and started on the full disk it forgets nothing and restarts nothing")
def restarted_full(world):
    world.kill()
    verify_journal(world)
    world.start()
    assert world.host()["mode"] == "normal", "a full disk is no unreadable journal"
    assert world.ask("/v1/operations"), "the journal's past is gone"
    passed = world.host().get("lastPass")
    eventually(lambda: world.host().get("lastPass") != passed or
               journal_writable(world)["status"] == "False", "a pass over the host, or why not")
    # What SQLite has of its own file may be enough to go on for a while.
    world.was_full = journal_writable(world)["status"] == "False"
    assert world.was_full or world.host()["generation"] > world.generation
    assert_runs_on(world)


def verify_journal(world):
    """With the daemon dead, and without a block to spare."""
    for arguments in (["journal", "verify"], ["audit", "verify"]):
        answer = world.cli(*arguments, "--state-dir", world.state)
        assert answer.status == 0, f"{arguments}: {answer}"


@case("with space again the edit is carried out by itself, and it is told how long it was full")
def space_again(world):
    os.unlink(world.small.ballast)
    world.settle("the edit is applied once there is space", deadline=90)
    if world.was_full:
        said = journal_writable(world)
        assert said["status"] == "True" and said["reason"] == "WrittenAgain", said
    assert world.report("acme")["memory"] == "112Mi" or \
        world.condition("acme", "PendingRestart")["status"] == "True"
    assert_runs_on(world)
    world.audit()


@case("it fills up in the middle of a birth: nothing half-made is left, and it is born with space")
def full_while_born(world):
    world.small.fill(leave=4 << 20)
    world.want(guest("beta", 42))
    eventually(lambda: "space" in world.condition("beta", "Ready")["message"].lower() or
               journal_writable(world)["status"] == "False", "it is told that there is no space")
    os.unlink(world.small.ballast)
    world.settle("beta is made once there is space", deadline=150)
    world.answers("beta")
    world.audit()
    assert world.stop() == 0
    verify_journal(world)
    world.start()


if __name__ == "__main__":
    options = cases.arguments(__doc__).parse_args()
    host = World(options.build, options.image, "full")
    host.small = SmallDisk(host, name="state", mebibytes=160)
    cases.run(host)
