#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A guest is removed, its ticket signed with stock ssh-keygen and handed in: it becomes a tombstone
and is undeleted by a second signed job. What is not signed, or was used, does nothing."""

import json
import os
import subprocess

import cases
import host_view
from cases import case
from signed_jobs import audited, ended
from world import World, eventually, guest


def make_key(world, name):
    path = os.path.join(world.folder, name)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", path], check=True)
    return path


def public(path):
    with open(path + ".pub", encoding="utf-8") as file:
        return " ".join(file.read().split()[:2])


def write_operators(world, **keys):
    path = os.path.join(world.folder, "operators")
    with open(path, "w", encoding="utf-8") as file:
        file.write("".join(f"{name} {public(key)}\n" for name, key in keys.items()))
    os.chmod(path, 0o644)
    return path


@case("a guest comes up on a host with two operators")
def come_up(world):
    world.anna = make_key(world, "anna")
    world.ben = make_key(world, "ben")
    world.stranger = make_key(world, "stranger")
    world.operators = write_operators(world, anna=world.anna, ben=world.ben)
    config = os.path.join(world.folder, "agent.yaml")
    with open(config, "w", encoding="utf-8") as file:
        # Nothing keeps a sandbox's clock right.
        file.write(f"operators: {world.operators}\nrequireSynchronizedClock: false\n"
                   "signers: {default: 1, keys.rotate: 2}\n")
    world.start(extra=("--config", config))
    world.must("image", "import", world.image)
    world.want(guest("acme", 11), guest("beta", 12))
    world.settle()
    world.answers("acme")
    keys = world.host_condition("OperatorKeys")
    assert keys["status"] == "True", keys


@case("removed from desired state it keeps running, and there is a ticket that says what signing does")
def removed(world):
    world.acme = world.uuid("acme")
    world.drop("acme")
    world.settle_refused("acme", "destroying acme is refused")
    world.ticket = eventually(lambda: world.tickets("acme"), "a ticket for acme")[0]
    shown = world.must("ticket", "show", world.ticket["id"]).out
    for part in ("guest.destroy", world.acme, "keeps its disks for 7 days", "64Mi", "Last backup",
                 "Restore test"):
        assert part in shown, f"{part} is missing in:\n{shown}"
    assert world.web("acme").status()


@case("a job nobody or a stranger signed is refused by code, and nothing happens")
def refused(world):
    path = os.path.join(world.folder, "job.json")
    with open(path, "w", encoding="utf-8") as file:
        file.write(world.must("ticket", "show", world.ticket["id"], "--job").out)
    assert world.cli("job", "submit", path).status == 2
    world.must("job", "sign", path, "-k", world.stranger, "--to", path + ".stranger")
    answer = world.cli("job", "submit", path + ".stranger")
    assert answer.status == 2 and "UnknownSigner" in answer.err, answer
    # Signed for another purpose.
    subprocess.run(["ssh-keygen", "-q", "-Y", "sign", "-n", "git", "-f", world.anna, path], check=True,
                   stderr=subprocess.DEVNULL)
    with open(path + ".sig", encoding="utf-8") as file:
        armored = file.read()
    os.unlink(path + ".sig")
    with open(path + ".stranger", encoding="utf-8") as file:
        envelope = json.load(file)
    envelope["signatures"] = [armored]
    with open(path + ".git", "w", encoding="utf-8") as file:
        json.dump(envelope, file)
    answer = world.cli("job", "submit", path + ".git")
    assert answer.status == 2 and "WrongNamespace" in answer.err, answer
    assert world.web("acme").status()
    assert not audited(world, "job")


@case("signed by an operator it is carried out: the guest is a tombstone, its disks are there")
def destroyed(world):
    world.envelope = os.path.join(world.folder, "acme.signed.json")
    signed = world.must("ticket", "sign", world.ticket["id"], "-k", world.anna, "--to", world.envelope)
    assert "keeps its disks for 7 days" in signed.err, signed
    verified = world.must("job", "verify", world.envelope, "--operators", world.operators)
    assert "anna" in verified.out, verified
    assert world.must("job", "submit", world.envelope, "--wait").status == 0
    ended(world, world.ticket["id"], "done")
    assert world.acme not in host_view.qemu_processes()
    assert world.acme in host_view.domains()
    assert world.web("beta").status(), "the other guest is as it was"
    entries = audited(world, "job")
    assert any(world.ticket["id"] in json.dumps(entry) and "anna" in json.dumps(entry)
               for entry in entries), entries
    eventually(lambda: not world.tickets("acme"), "the ticket is closed")


@case("the same job again is refused as a replay, also by a daemon that was killed in between")
def replayed(world):
    for _ in range(2):
        answer = world.cli("job", "submit", world.envelope)
        assert answer.status == 2 and "ReplayedJob" in answer.err, answer
        world.kill()
        world.start(extra=("--config", os.path.join(world.folder, "agent.yaml")))


@case("a signed job undeletes it, and it comes up with its data once it is wanted again")
def undeleted(world):
    path = os.path.join(world.folder, "undelete.json")
    incarnation = json.loads(world.ticket["job"])["guest"]["incarnation"]
    world.must("job", "new", "guest.undelete", "--guest", "acme", "--uuid", world.acme,
               "--incarnation", str(incarnation), "--reason", "it was needed after all", "-f", path)
    world.must("job", "sign", path, "-k", world.ben)
    world.want(guest("acme", 11))
    answer = world.must("job", "submit", os.path.join(world.folder, "undelete.signed.json"), "--wait")
    assert answer.status == 0, answer
    eventually(lambda: world.uuid("acme") == world.acme, "acme is the guest that it was")
    world.settle()
    said = world.answers("acme")
    assert said["boots"] == "2", said  # its disk remembers the first


@case("operators' keys change by the word of both, and the old ones then count for nothing")
def rotated(world):
    fresh = make_key(world, "dora")
    new_set = os.path.join(world.folder, "new-operators")
    with open(new_set, "w", encoding="utf-8") as file:
        file.write(f"ben {public(world.ben)}\ndora {public(fresh)}\n")
    path = os.path.join(world.folder, "rotate.json")
    world.must("job", "new", "keys.rotate", "--operators", new_set, "--replaces", world.operators,
               "-f", path)
    world.must("job", "sign", path, "-k", world.anna)
    envelope = os.path.join(world.folder, "rotate.signed.json")
    answer = world.cli("job", "submit", envelope)
    assert answer.status == 2 and "TooFewSigners" in answer.err, answer
    world.must("job", "sign", path, "-k", world.ben)
    world.must("job", "submit", envelope, "--wait")
    with open(world.operators, encoding="utf-8") as file, open(new_set, encoding="utf-8") as expected:
        assert file.read() == expected.read()
    assert len(audited(world, "keys")) == 1
    again = os.path.join(world.folder, "again.json")
    world.must("job", "new", "guest.destroy", "--guest", "beta", "-f", again)
    world.must("job", "sign", again, "-k", world.anna)
    answer = world.cli("job", "submit", os.path.join(world.folder, "again.signed.json"))
    assert answer.status == 2 and "UnknownSigner" in answer.err, answer
    assert world.web("beta").status()
    world.audit()
    world.must("audit", "verify", "--state-dir", world.state)


if __name__ == "__main__":
    options = cases.arguments(__doc__).parse_args()
    cases.run(World(options.build, options.image, "jobs"))
