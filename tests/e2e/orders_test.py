#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What only an operator can order, on a guest that runs: go back to a snapshot, move, shrink,
replace and remove disks, adopt a stranger, let a mass change through. Each is refused first, its
ticket signed as it stands, and the daemon killed at a random moment of carrying it out."""

import json
import os
import random
import subprocess
import time

import cases
import host_view
import images
from cases import case
from signed_jobs import Operators, audited, ended
from world import World, eventually, guest

VOLUME = {"name": "db", "size": "48Mi"}
KILL_WITHIN = 0.7  # seconds after the operation was begun; most take longer
PAYLOAD = 48       # MiB that image 1.1.0 has more, so that its restore can be struck


@case("a guest with data comes up beside a stranger, on a host with an operator")
def come_up(world):
    world.rng = random.Random(world.seed)
    print(f"      seed {world.seed}", flush=True)
    world.strikes = []
    world.operators = Operators(world.folder)
    config = os.path.join(world.folder, "agent.yaml")
    with open(config, "w", encoding="utf-8") as file:
        # Nothing keeps a sandbox's clock right.
        file.write(f"operators: {world.operators.file}\nrequireSynchronizedClock: false\n")
    world.options = ("--config", config)
    world.plant_foreign()
    world.start()
    world.must("image", "import", world.image)
    world.want(guest("acme", 11, volumes=[VOLUME]))
    world.settle()
    world.birth = world.answers("acme")["birth"]
    eventually(lambda: world.web("acme").write("color", "green", disk="vdb"), "data on the volume")
    assert world.web("acme").write("color", "green")


# --- one order, from its refusal to its end

def ticket_for(world, verb, name="acme"):
    """The ticket that the refusal of `verb` left, and proof that it does nothing unsigned."""
    def find():
        return next((t for t in world.tickets(name) if f'"{verb}"' in t["job"]), None)
    ticket = eventually(find, f"a ticket to {verb}")
    envelope = os.path.join(world.folder, "unsigned.json")
    subprocess.run([world.cli_program, "--socket", world.socket, "ticket", "sign", ticket["id"], "-k",
                    world.operators.key("stranger"), "--to", envelope], check=True, capture_output=True)
    answer = world.cli("job", "submit", envelope)
    assert answer.status == 2 and "UnknownSigner" in answer.err, answer
    with open(envelope, encoding="utf-8") as file:
        unsigned = dict(json.load(file), signatures=[])
    with open(envelope, "w", encoding="utf-8") as file:
        json.dump(unsigned, file)
    answer = world.cli("job", "submit", envelope)
    assert answer.status == 2 and "not signed" in answer.err, answer
    return ticket["id"]


def sign_ticket(world, ticket):
    envelope = os.path.join(world.folder, f"{ticket}.signed.json")
    world.must("ticket", "sign", ticket, "-k", world.operators.key("alice"), "--to", envelope)
    return envelope


def signed_order(world, action, name, **params):
    """A job that no ticket asked for: its id, and its envelope."""
    path = os.path.join(world.folder, f"{action}.json")
    arguments = [word for key, value in params.items() for word in ("--param", f"{key}={value}")]
    world.must("job", "new", action, "--guest", name, "--reason", "a test", *arguments, "-f", path)
    envelope = os.path.join(world.folder, f"{action}.signed.json")
    world.must("job", "sign", path, "-k", world.operators.key("alice"), "--to", envelope)
    with open(path, encoding="utf-8") as file:
        return json.load(file)["id"], envelope


def carry_out(world, identifier, envelope, within=KILL_WITHIN):
    """Hands it in, kills the daemon at a random moment of the work, and waits for the job's end."""
    world.must("job", "submit", envelope)
    end = time.monotonic() + 10

    def is_at_work():
        report = world.ask(f"/v1/jobs/{identifier}")
        return report and (report["state"] != "accepted" or time.monotonic() > end)
    eventually(is_at_work, "the job is taken up", every=0.01)
    time.sleep(world.rng.uniform(0, within))
    world.kill()
    world.strikes.append(world.interrupted())
    print(f"      killed in {world.strikes[-1] or 'no operation'}", flush=True)
    world.start()
    world.generation = 0  # what was accepted is settled again, without an edit
    ended(world, identifier, "done")
    answer = world.cli("job", "submit", envelope)
    assert answer.status == 2 and "ReplayedJob" in answer.err, answer


def carry_out_ticket(world, ticket):
    carry_out(world, ticket, sign_ticket(world, ticket))


def disk_path(world, name, guest_name="acme"):
    """Where a disk of a guest lies, from libvirt's definition alone: root is vda, then vdb."""
    return host_view.disk_paths(world.uuid(guest_name))[name]


def color(world, disk=""):
    return eventually(lambda: world.web("acme").read("color", disk=disk), f"acme has data on {disk or 'root'}")


# --- snapshots

@case("a rollback is refused, then signed: all disks are as they were at the snapshot")
def roll_back(world):
    world.must("snapshot", "create", "acme", "before", "--wait")
    assert world.web("acme").write("color", "red") and world.web("acme").write("color", "red", disk="vdb")
    answer = world.cli("snapshot", "rollback", "acme", "before")
    assert answer.status == 2 and "signature" in answer.err, answer
    ticket = ticket_for(world, "roll_back_snapshot")
    assert color(world) == "red" and color(world, "vdb") == "red"
    carry_out_ticket(world, ticket)
    world.settle("acme runs again")
    assert world.answers("acme")["birth"] == world.birth
    assert color(world) == "green" and color(world, "vdb") == "green"
    # What was written since the snapshot is kept beside the disks.
    in_use = set().union(*(host_view.chain(disk_path(world, disk)) for disk in ("vda", "vdb")))
    world.aside.update(path for path in host_view.files_under(*world.targets.values())
                       if path.endswith(".qcow2") and path not in in_use)
    world.audit()


@case("while a snapshot rests on a disk it is not exchanged; the snapshot goes on a signature")
def remove_snapshot(world):
    identifier, envelope = signed_order(world, "guest.shrink", "acme", verb="move_disk", object="db second")
    world.must("job", "submit", envelope)
    assert ended(world, identifier, "refused")["code"] == "HasSnapshots"
    answer = world.cli("snapshot", "delete", "acme", "before")
    assert answer.status == 2, answer
    assert [s["name"] for s in world.ask("/v1/guests/acme/snapshots")] == ["before"]
    carry_out_ticket(world, ticket_for(world, "remove_snapshot"))
    eventually(lambda: not world.ask("/v1/guests/acme/snapshots"), "the snapshot is gone")
    world.settle()
    assert color(world) == "green" and color(world, "vdb") == "green"
    world.audit()


# --- disks

@case("a volume moves to another target on a signature, with its data, and its source goes")
def move_volume(world):
    source = {path for path in host_view.files_under(world.targets["local"])
              if os.path.basename(path).startswith("db")}
    VOLUME["target"] = "second"
    world.edit("acme", volumes=[VOLUME])
    world.settle_refused("acme", "moving the volume is refused")
    boot = world.answers("acme")["boot_id"]
    ticket = ticket_for(world, "move_disk")
    assert world.answers("acme")["boot_id"] == boot and disk_path(world, "vdb") in source
    carry_out_ticket(world, ticket)
    world.settle("acme runs from the copy")
    moved = disk_path(world, "vdb")
    assert moved.startswith(world.targets["second"] + "/"), moved
    for path in source:
        assert not os.path.exists(path), f"{path}, which was moved, is still there"
    world.aside -= source
    assert color(world) == "green" and color(world, "vdb") == "green"
    world.audit()


@case("a volume shrinks on a signature once its file system fits, and the long one is set aside")
def shrink_volume(world):
    world.edit("acme", volumes=[dict(VOLUME, size="32Mi")])
    world.settle_refused("acme", "shrinking is refused")
    world.edit("acme", power="Stopped")
    world.settle_refused("acme", "shrinking is refused still")
    eventually(lambda: host_view.domain_state(world.uuid("acme")) == "shut off",
               "acme stops, whatever else is refused")
    long = disk_path(world, "vdb")
    make_room(long, "24M")
    ticket = ticket_for(world, "shrink_disk")
    assert os.path.getsize(long) == 48 << 20
    carry_out_ticket(world, ticket)
    world.settle("the shorter disk is in use")
    assert os.path.getsize(disk_path(world, "vdb")) == 32 << 20
    assert os.path.getsize(long) == 48 << 20, "what was cut off cannot be had back"
    world.aside.add(long)
    VOLUME["size"] = "32Mi"
    world.edit("acme", power="Running")
    world.settle()
    eventually(lambda: world.answers("acme")["disks"] == f"vdb:{32 * 1024}", "acme sees the new size")
    assert color(world) == "green" and color(world, "vdb") == "green"
    world.audit()


def make_room(disk, size):
    """What the guest's owner does before a shrink: a smaller file system."""
    tools = dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin:/sbin")
    subprocess.run(["e2fsck", "-fp", disk], check=False, capture_output=True, env=tools)
    length = os.path.getsize(disk)
    subprocess.run(["resize2fs", disk, size], check=True, capture_output=True, env=tools)
    os.truncate(disk, length)  # a disk does not shrink with its file system; a plain file does


@case("a reimage gives a new root and a new life on a signature, and leaves the volume")
def reimage(world):
    folder = os.path.join(world.folder, "tiny-1.1.0")
    images.make_bulky(world.image, folder, "1.1.0", PAYLOAD)
    world.must("image", "import", folder)
    world.edit("acme", rootDisk={"size": "128Mi"})
    world.settle()
    before = world.answers("acme")
    old = host_view.chain(disk_path(world, "vda"))
    world.edit("acme", image={"name": "tiny", "version": "1.1.0"})
    world.settle_refused("acme", "another image is refused")
    ticket = ticket_for(world, "replace_image")
    assert world.answers("acme")["boot_id"] == before["boot_id"]
    carry_out_ticket(world, ticket)
    world.settle("acme is of the new image")
    said = world.answers("acme")
    assert said["birth"] != before["birth"] and said["boots"] == "1", said
    assert said["instance_id"] == f"{world.uuid('acme')}-2", said
    assert said["machine_id"] != before["machine_id"], said
    assert said["root_kb"] == str(128 * 1024), said
    assert world.report("acme")["incarnation"] == 2
    assert world.web("acme").read("color") is None and color(world, "vdb") == "green"
    assert disk_path(world, "vda") not in old
    world.aside.update(old)
    world.audit()


@case("a volume is removed on a signature and kept; a new one of its name is another disk")
def remove_volume(world):
    old = disk_path(world, "vdb")
    world.edit("acme", volumes=None)
    world.settle_refused("acme", "removing the volume is refused")
    ticket = ticket_for(world, "remove_volume")
    assert color(world, "vdb") == "green"
    carry_out_ticket(world, ticket)
    world.settle("acme runs without it")
    assert world.answers("acme")["disks"] == ""
    world.aside.add(old)
    world.audit()
    world.edit("acme", volumes=[{"name": "db", "size": "16Mi"}])
    world.settle()
    eventually(lambda: world.answers("acme")["volumes"] == "vdb", "acme has a new volume")
    assert world.web("acme").read("color", disk="vdb") is None
    assert disk_path(world, "vdb") != old
    world.audit()


# --- the stranger

@case("a running stranger is adopted on a signature, runs on, and then follows desired state")
def adopt(world):
    stranger = world.foreign
    wanted = guest("somebody-else", 12, memory="32Mi", rootDisk={"size": "1Mi"}, interfaces=[],
                   stopTimeout="2s")
    del wanted["spec"]["bootstrap"]
    world.want(wanted)
    eventually(lambda: world.condition("somebody-else", "Blocked")["reason"] == "NameTaken",
               "its name is taken")
    identifier, envelope = signed_order(world, "guest.adopt", "somebody-else")
    stranger.assert_untouched()
    carry_out(world, identifier, envelope)
    world.foreign = None
    world.settle("what was adopted is as wanted")
    assert world.uuid("somebody-else") == stranger.uuid
    now = stranger.look()
    assert now["process"] == stranger.before["process"], "it was restarted"
    assert now["disk"] == stranger.before["disk"] and now["state"] == "running"
    assert stranger.uuid in host_view.definition(stranger.uuid, "--inactive").split("<metadata>")[1]
    # From here on it is a guest like the others.
    world.edit("somebody-else", memory="48Mi", power="Stopped")
    world.settle()
    assert host_view.domain_state(stranger.uuid) == "shut off"
    world.edit("somebody-else", rootDisk={"size": "2Mi"}, power="Running")
    eventually(lambda: host_view.domain_state(stranger.uuid) == "running", "it starts, although its disk "
               "is where Holdfast grows none")
    assert world.condition("somebody-else", "Blocked")["reason"] == "DiskNotOnTarget"
    world.edit("somebody-else", rootDisk={"size": "1Mi"})
    world.settle()
    assert world.report("somebody-else")["memory"] == "48Mi"
    with open(stranger.disk, "rb") as file:
        assert file.read(8) == b"precious"
    assert os.path.getsize(stranger.disk) == 1 << 20
    world.audit()


# --- the host

@case("a mass change is held, and let through on a signature: each guest is then a ticket, and runs on")
def mass_change(world):
    processes = host_view.qemu_processes()
    uuids = {name: world.uuid(name) for name in ("acme", "somebody-else")}
    world.want(guest("beta", 13))
    world.settle()
    world.drop("acme", "somebody-else")
    held = eventually(lambda: (c := world.host_condition("DesiredStateAccepted"))["status"] == "False" and c,
                      "the mass change is held")
    assert held["reason"] == "MassChangeHeld", held
    ticket = eventually(lambda: [t for t in world.tickets() if t["subject"] == "host"], "a ticket for the host")[0]
    envelope = sign_ticket(world, ticket["id"])
    world.must("job", "submit", envelope)
    time.sleep(world.rng.uniform(0, 0.3))
    world.kill()
    world.start()
    ended(world, ticket["id"], "done")
    eventually(lambda: world.host_condition("DesiredStateAccepted")["status"] == "True", "it is let through")
    for name, uuid in uuids.items():
        world.settle_refused(name, f"destroying {name} is refused")
        assert [t for t in world.tickets(name) if '"destroy_guest"' in t["job"]], world.tickets(name)
        assert host_view.qemu_processes()[uuid] == processes[uuid], f"{name} was restarted"
    world.answers("beta")
    world.audit()


@case("all of it is in the audit chain, and the kills struck")
def at_the_end(world):
    done = [entry for entry in audited(world, "job") if "done" in json.dumps(entry)]
    assert len(done) >= 8, done
    world.must("audit", "verify", "--state-dir", world.state)
    assert world.stop() == 0
    answer = world.cli("journal", "verify", "--state-dir", world.state)
    assert answer.status == 0, answer
    struck = [strike for strike in world.strikes if strike]
    assert struck, "no kill ever struck an operation: this proved nothing"
    print(f"      {len(struck)} of {len(world.strikes)} kills struck an operation", flush=True)


if __name__ == "__main__":
    parser = cases.arguments(__doc__)
    parser.add_argument("--seed", type=int,
                        default=int(os.environ.get("HOLDFAST_SEED", random.SystemRandom().randrange(10**9))))
    options = parser.parse_args()
    host = World(options.build, options.image, "orders")
    host.seed = options.seed
    cases.run(host)
