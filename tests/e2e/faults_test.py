#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What may happen to a host: libvirtd dies, the journal is garbage or gone, a disk is full, the
desired directory is emptied or half-written, the daemon is stopped, killed and upgraded. Guests
run on through all of it, conditions say what is wrong, and it heals."""

import os
import shutil
import signal
import subprocess
import threading
import time

import cases
import host_view
from cases import case
from small_disk import SmallDisk
from world import World, eventually, guest, to_yaml

GUESTS = ("acme", "beta")


class Witness:
    """The guests' processes, boots, UUIDs and MACs, which no fault may change."""

    def __init__(self, world):
        self.world = world
        self.uuids = {name: world.uuid(name) for name in GUESTS}
        self.before = self.look()

    def look(self):
        processes = host_view.qemu_processes()
        return {name: {"process": processes.get(self.uuids[name]),
                       "boot": self.world.web(name).status(timeout=20).get("boot_id")} for name in GUESTS}

    def assert_untouched(self):
        now = self.look()
        assert now == self.before, f"guests were touched: {self.before} became {now}"
        self.world.foreign.assert_untouched()


@case("two guests and a foreign one are up")
def come_up(world):
    world.plant_foreign()
    world.start()
    world.must("image", "import", world.image)
    world.want(guest("acme", 31), guest("beta", 32))
    world.settle()
    for name in GUESTS:
        world.answers(name)
        assert world.web(name).write("owner", name)


# --- libvirtd

@case("libvirtd killed: all is unknown, guests run on; an edit made meanwhile is applied after")
def libvirtd_killed(world):
    witness = Witness(world)
    subprocess.run(["kill-libvirtd"], check=True)
    eventually(lambda: world.host_condition("ProviderAvailable")["status"] == "False",
               "the host says that its provider is away")
    for name in GUESTS:
        eventually(lambda name=name: world.report(name)["phase"] == "Unknown", f"{name} is Unknown")
        eventually(lambda name=name: world.condition(name, "Observed")["status"] == "Unknown",
                   f"{name} says that it is not observed")
    world.edit("acme", memory="112Mi")
    eventually(lambda: world.host()["generation"] > world.generation, "the edit is accepted")
    plan = world.cli("plan")
    assert plan.status != 0, f"in sync with a provider that is away: {plan}"
    witness.assert_untouched()
    subprocess.run(["start-libvirtd"], check=True)
    world.settle("the edit is applied once libvirtd is back")
    eventually(lambda: world.host_condition("ProviderAvailable")["status"] == "True", "the provider is back")
    for name in GUESTS:
        eventually(lambda name=name: world.condition(name, "Ready")["status"] == "True", f"{name} is ready")
    witness.assert_untouched()
    world.audit()


@case("libvirtd restarted in the middle of provisioning: the guest still comes up")
def libvirtd_restarted(world):
    witness = Witness(world)
    world.want(guest("gamma", 33))
    eventually(lambda: world.host()["generation"] > world.generation, "gamma is accepted", every=0.01)
    subprocess.run(["restart-libvirtd"], check=True)
    world.settle("gamma is up")
    world.answers("gamma")
    witness.assert_untouched()
    world.audit()


@case("a guest whose QEMU hangs is named and left alone, the others converge, and it heals by itself")
def guest_hangs(world):
    witness = Witness(world)
    process = host_view.qemu_processes()[world.uuid("acme")]
    os.kill(process, signal.SIGSTOP)
    try:
        # What libvirt tells of the guest makes the daemon look at it again.
        subprocess.run(["virsh", "-q", "desc", world.uuid("acme"), "--config", "--title", "--new-desc", "hung"],
                       check=True)
        eventually(lambda: "does not answer" in world.cli("why", "guest", "acme").out
                   or "no answer within" in world.cli("why", "guest", "acme").out,
                   "why names what is wrong with acme")
        acme, beta = (world.edit(name, memory="80Mi") for name in GUESTS)
        eventually(lambda: "Used memory: 81920 KiB" in " ".join(subprocess.run(
            ["virsh", "-q", "dominfo", world.uuid("beta")], check=True, capture_output=True,
            text=True).stdout.split()), "beta is changed beside it")
        assert world.host_condition("ProviderAvailable")["status"] == "True"
    finally:
        os.kill(process, signal.SIGCONT)
    world.settle("acme is changed, too")
    witness.assert_untouched()
    world.edit("acme", **acme)
    world.edit("beta", **beta)
    world.settle()
    world.audit()


@case("the daemon started while libvirtd is away changes nothing and catches up")
def started_without_libvirtd(world):
    witness = Witness(world)
    world.kill()
    subprocess.run(["kill-libvirtd"], check=True)
    world.start()
    eventually(lambda: world.host_condition("ProviderAvailable")["status"] == "False",
               "the host says that its provider is away")
    witness.assert_untouched()
    subprocess.run(["start-libvirtd"], check=True)
    world.generation = 0
    world.settle()
    witness.assert_untouched()
    world.audit()


# --- the journal

def expect_recovery(world, witness, macs):
    """The daemon observes only, until `holdfast recover`; then all is as before."""
    before = {name: report["uuid"] for name, report in world.guests().items()}
    listed = [report["name"] for report in world.ask("/v1/guests")]
    assert len(listed) == len(set(listed)), f"listed twice: {listed}"
    shown = world.cli("recover")
    assert "acme" in shown.out + shown.err, f"recover does not show what it would do: {shown}"
    assert world.host()["mode"] == "observe-only", "shown only, and yet done"
    witness.assert_untouched()
    world.must("recover", "--yes")
    assert world.host()["mode"] == "normal"
    world.generation = 0
    world.settle("in sync after recovery")
    for name in GUESTS:
        assert world.uuid(name) == witness.uuids[name], f"{name} has another UUID"
        assert host_view.macs(witness.uuids[name]) == macs[name], f"{name} has other MACs"
    witness.assert_untouched()
    world.audit()
    return before


def spoil_journal(world, spoil):
    witness = Witness(world)
    macs = {name: host_view.macs(witness.uuids[name]) for name in GUESTS}
    world.kill()
    for name in sorted(os.listdir(world.state)):
        if name.startswith("holdfast.db"):
            spoil(os.path.join(world.state, name))
    world.start()
    return witness, macs


@case("the journal replaced by garbage: kept aside, observe-only, recovered on order")
def garbage_journal(world):
    def garbage(path):
        with open(path, "wb") as file:
            file.write(os.urandom(256 * 1024))
    witness, macs = spoil_journal(world, garbage)
    assert world.host()["mode"] == "observe-only"
    condition = world.host_condition("JournalReadable")
    assert condition["status"] == "False" and "recover" in condition["message"], condition
    kept = condition["message"].split(" kept as ", 1)[1].split(";")[0]
    assert os.path.getsize(kept) == 256 * 1024, "what was unreadable was not kept"
    world.wanted["acme"]["spec"]["memory"] = "96Mi"
    world.write_text("acme.yaml", to_yaml(world.wanted["acme"]))
    passed = world.host().get("lastPass")
    eventually(lambda: world.host().get("lastPass") != passed, "a pass over the host")
    assert not world.ask("/v1/operations"), "observe-only, and yet an operation was begun"
    expect_recovery(world, witness, macs)
    condition = world.host_condition("JournalReadable")
    assert condition["status"] == "True", f"still told after the recovery: {condition}"
    assert world.report("acme")["memory"] == "96Mi" or \
        world.condition("acme", "PendingRestart")["status"] == "True"


@case("the journal gone altogether: no guest is made twice, recovered on order")
def missing_journal(world):
    witness, macs = spoil_journal(world, os.unlink)
    passed = world.host().get("lastPass")
    eventually(lambda: world.host().get("lastPass") != passed and world.host()["generation"] > 0,
               "a pass over the host")
    eventually(lambda: world.cli("plan").status in (1, 2), "the plan is not in sync")
    known = set(witness.uuids.values()) | {world.foreign.uuid}
    extra = {uuid for uuid in host_view.domains() - known
             if host_view.virsh("domname", uuid).strip() != "gamma"}
    assert not extra, f"guests were made anew: {extra}"
    witness.assert_untouched()
    world.must("recover", "--yes")
    world.generation = 0
    world.settle("in sync after recovery")
    for name in GUESTS:
        assert world.uuid(name) == witness.uuids[name], f"{name} has another UUID"
        assert host_view.macs(witness.uuids[name]) == macs[name], f"{name} has other MACs"
    witness.assert_untouched()
    world.audit()


# --- the desired directory

def expect_unreadable(world, witness, reason):
    condition = eventually(
        lambda: (c := world.host_condition("DesiredStateReadable"))["status"] == "False" and c,
        "the host says that desired state cannot be read")
    assert condition["reason"] == reason, condition
    assert world.cli("plan").status == 1
    for name in GUESTS:
        assert world.condition(name, "Blocked")["status"] == "False", f"{name} is blocked"
    witness.assert_untouched()


def expect_readable(world, witness):
    eventually(lambda: world.host_condition("DesiredStateReadable")["status"] == "True",
               "desired state is read again")
    witness.assert_untouched()
    eventually(lambda: all(world.condition(name, "Ready")["status"] == "True" for name in GUESTS), "all ready")


@case("the desired directory emptied, then filled again")
def desired_emptied(world):
    witness = Witness(world)
    aside = os.path.join(world.folder, "aside")
    os.mkdir(aside)
    for name in os.listdir(world.desired):
        shutil.move(os.path.join(world.desired, name), aside)
    expect_unreadable(world, witness, "SourceInvalid")
    world.kill()
    world.start()
    expect_unreadable(world, witness, "SourceInvalid")
    for name in os.listdir(aside):
        shutil.move(os.path.join(aside, name), world.desired)
    expect_readable(world, witness)
    os.rmdir(aside)


@case("the desired directory removed, then there again")
def desired_removed(world):
    witness = Witness(world)
    aside = os.path.join(world.folder, "aside")
    os.rename(world.desired, aside)
    expect_unreadable(world, witness, "SourceUnavailable")
    os.rename(aside, world.desired)
    expect_readable(world, witness)


@case("a file cut off in the middle, or no YAML at all, changes nothing")
def half_written(world):
    witness = Witness(world)
    whole = to_yaml(world.wanted["acme"])
    generation = world.host()["generation"]
    for text in (whole[: whole.index("rootDisk") + 12], "{{{{ not yaml", whole.replace("spec:", "spec: [", 1)):
        world.write_text("acme.yaml", text)
        expect_unreadable(world, witness, "SourceInvalid")
        assert "acme.yaml" in world.host_condition("DesiredStateReadable")["message"]
        assert world.host()["generation"] == generation
        world.write_text("acme.yaml", whole)
        expect_readable(world, witness)


@case("an invalid field: that guest stays as it was, the others go on")
def invalid_field(world):
    witness = Witness(world)
    wrong = to_yaml(world.wanted["acme"]).replace("memory:", "memroy:", 1)
    world.note_generation()
    world.write_text("acme.yaml", wrong)
    rejected = eventually(lambda: (c := world.condition("acme", "Accepted"))["status"] == "False" and c,
                          "acme is rejected")
    assert "memroy" in rejected["message"], rejected
    world.edit("beta", memory="96Mi")
    eventually(lambda: world.condition("beta", "Ready")["status"] == "True" and
               world.condition("beta", "Ready")["observedGeneration"] > world.generation, "beta goes on")
    witness.assert_untouched()
    world.write_text("acme.yaml", to_yaml(world.wanted["acme"]))
    eventually(lambda: world.condition("acme", "Accepted")["status"] == "True", "acme is accepted again")
    expect_readable(world, witness)


# --- the daemon itself

class Pinger(threading.Thread):
    """Asks a guest ten times a second and counts."""

    def __init__(self, web):
        super().__init__(daemon=True)
        self.web = web
        self.good = 0
        self.failed = []
        self.ended = threading.Event()

    def run(self):
        while not self.ended.wait(0.1):
            asked = time.strftime("%H:%M:%S")
            if self.web.status(timeout=20):
                self.good += 1
            else:
                self.failed.append(asked)


@case("the daemon stopped, killed and started 20 times: no request to a guest fails")
def independence(world):
    witness = Witness(world)
    pingers = [Pinger(world.web(name)) for name in GUESTS]
    for pinger in pingers:
        pinger.start()
    for turn in range(20):
        answered = [pinger.good for pinger in pingers]
        if turn % 2:
            world.kill()
        else:
            assert world.stop() == 0, "the daemon did not end well"
        world.start()
        eventually(lambda answered=answered: all(pinger.failed or pinger.good > before
                                                 for pinger, before in zip(pingers, answered)),
                   "the guests answer")
    for pinger in pingers:
        pinger.ended.set()
        pinger.join(30)
        assert not pinger.failed, f"requests failed at {pinger.failed}"
    witness.assert_untouched()
    expect_readable(world, witness)


@case("the journal is read and verified with the daemon dead")
def dead_journal(world):
    world.kill()
    for arguments in (["list"], ["verify"]):
        answer = world.must("journal", *arguments, "--state-dir", world.state)
        assert answer.out.strip(), answer
    listed = world.must("journal", "list", "--state-dir", world.state, "-o", "json").json()
    assert listed, "no operations in the journal"
    newest = world.must("journal", "show", listed[0]["id"], "--state-dir", world.state)
    assert listed[0]["kind"] in newest.out, newest
    assert world.cli("plan").status == 2, "a plan without a daemon"
    world.start()


@case("a second daemon on the same state directory is refused and says why")
def second_daemon(world):
    witness = Witness(world)
    second = subprocess.run([world.daemon_program, "--desired", world.desired, "--state-dir", world.state,
                             "--socket", world.socket + "2", "--connect", "qemu:///system"],
                            capture_output=True, text=True, timeout=60, check=False)
    assert second.returncode == 2, second
    assert "another holdfastd" in second.stderr and world.state in second.stderr, second.stderr
    assert world.host()["guests"], "the first daemon answers"
    witness.assert_untouched()


# --- a full disk

@case("a full disk: provisioning there fails clean, the others converge, and it heals with space")
def disk_full(world):
    small = SmallDisk(world)
    witness = Witness(world)
    try:
        world.stop()
        world.targets["small"] = small.folder
        world.start()
        small.fill(leave=3 << 20)
        world.want(guest("tight", 34, rootDisk={"size": "40Mi", "target": "small"}))
        full = eventually(lambda: (c := world.condition("tight", "Ready"))["status"] == "False"
                          and "space" in c["message"].lower() and c, "tight says that there is no space")
        assert full["reason"] == "Failed", full
        left = [path for path in host_view.files_under(small.folder) if path != small.ballast]
        assert not left, f"left on the full disk: {left}"
        world.edit("beta", memory="112Mi")
        eventually(lambda: world.condition("beta", "Ready")["status"] == "True" and
                   world.condition("beta", "Ready")["observedGeneration"] > world.generation,
                   "beta converges beside it")
        witness.assert_untouched()
        os.unlink(small.ballast)
        world.settle("tight is made once there is space", deadline=400)
        world.answers("tight")
        witness.assert_untouched()
        world.audit()
    finally:
        # Its guest goes with its disk; desired state forgets both.
        if "tight" in world.wanted:
            retire(world, "tight")
        world.targets.pop("small", None)
        world.stop()
        small.unmount()


def retire(world, name):
    """The test's own broom, by hand as an operator would: not Holdfast's business. No longer wanted
    first, or it would be started again."""
    uuid = world.uuid(name)
    world.drop(name)
    eventually(lambda: world.condition(name, "Blocked")["status"] == "True", f"{name} is left alone")
    host_view.virsh("destroy", uuid, check=False)


@case("the daemon starts without that target, and reports what is gone without touching the rest")
def target_gone(world):
    world.start()
    witness = Witness(world)
    eventually(lambda: world.condition("tight", "Blocked")["status"] == "True", "tight is blocked")
    witness.assert_untouched()


if __name__ == "__main__":
    options = cases.arguments(__doc__).parse_args()
    cases.run(World(options.build, options.image, "faults"))
