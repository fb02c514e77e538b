#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two guests from nothing, through every edit that desired state can make, to their removal from
it. A foreign guest stands beside them and is never touched."""

import hashlib
import os
import subprocess
import time

import cases
import host_view
import images
from cases import case
from world import World, eventually, guest

HOST_CONFIG = {"apiVersion": "holdfast/v1", "kind": "HostConfig", "metadata": {"name": "host"},
               "spec": {"resyncInterval": "30s"}}


def running(world, *names):
    """What must not change unasked: process and boot of each guest."""
    processes = world.processes()
    return {name: (processes.get(name), world.web(name).status().get("boot_id")) for name in names}


def assert_no_restart(world, before):
    now = running(world, *before)
    assert now == before, f"restarted unasked: {before} became {now}"


def assert_in_sync(world):
    plan = world.cli("plan")
    assert plan.status == 0, f"plan: {plan}"


@case("two guests come up from nothing and answer")
def come_up(world):
    world.plant_foreign()
    world.start()
    world.must("image", "import", world.image)
    world.want(HOST_CONFIG, guest("acme", 11), guest("beta", 12))
    world.settle()
    for name in ("acme", "beta"):
        world.answers(name)
    assert_in_sync(world)
    world.audit()


@case("each has an identity of its own")
def identity(world):
    said = {name: world.answers(name) for name in ("acme", "beta")}
    for name, status in said.items():
        instance = f"{world.uuid(name)}-1"
        assert status["hostname"] == name, status
        assert status["instance_id"] == instance, status
        assert status["machine_id"] == hashlib.md5(instance.encode()).hexdigest(), status
        assert status["boots"] == "1", status
        assert host_view.macs(world.uuid(name)), "no MAC address"
    for field in ("machine_id", "birth", "boot_id"):
        assert said["acme"][field] != said["beta"][field], f"both have the same {field}"
    assert host_view.macs(world.uuid("acme")) != host_view.macs(world.uuid("beta"))


@case("an edit of the same content, and a restart of the daemon, do nothing")
def nothing_to_do(world):
    before = running(world, "acme", "beta")
    operations = world.ask("/v1/operations?limit=1")[0]["id"]
    generation = world.host()["generation"]
    assert world.stop() == 0
    world.start()
    world.write_text("acme.yaml", "# only a comment\n" + open(world.path_of("acme"), encoding="utf-8").read())
    passed = world.host().get("lastPass")
    eventually(lambda: world.host().get("lastPass") != passed, "a pass over the host")
    assert world.host()["generation"] == generation
    assert world.ask("/v1/operations?limit=1")[0]["id"] == operations, "an operation was begun"
    assert_no_restart(world, before)
    assert_in_sync(world)


def pending(world, name="acme"):
    return world.condition(name, "PendingRestart")["status"] == "True"


def guest_says(world, field, value):
    eventually(lambda: world.web("acme").status().get(field) == value, f"acme says {field}={value}")


def there_and_back(world, changed, back=lambda: None, **fields):
    """One edit and its reverse; in sync after each, and nothing restarted."""
    before = running(world, "acme", "beta")
    old = world.edit("acme", **fields)
    world.settle(f"{fields} is applied")
    changed()
    world.edit("acme", **{field: old.get(field) for field in fields})
    world.settle(f"{fields} is undone")
    back()
    assert_no_restart(world, before)
    world.audit()


@case("cpus: one more while it runs, and back")
def cpus(world):
    def more():
        assert world.report("acme")["cpus"] == 2 or pending(world)
        if not pending(world):
            guest_says(world, "cpus", "2")

    def less():
        assert world.report("acme")["cpus"] == 1 or pending(world)
    there_and_back(world, more, less, cpus=2)


@case("memory: less and more, and back")
def memory(world):
    for amount in ("112Mi", "160Mi"):
        def changed(amount=amount):
            assert world.report("acme")["memory"] == amount or pending(world)
        there_and_back(world, changed, memory=amount)


@case("interfaces: one more, and back")
def interfaces(world):
    uuid = world.uuid("acme")
    first = host_view.macs(uuid)

    def more():
        now = host_view.macs(uuid)
        assert len(now) == 2 and set(first) < set(now), now
    there_and_back(world, more, lambda: assert_same(host_view.macs(uuid), first),
                   interfaces=[{"bridge": "hfbr0"}, {"bridge": "hfbr0", "name": "lan"}])


def assert_same(found, expected):
    assert found == expected, f"expected {expected}, found {found}"


@case("interfaces: another model waits for the next stop, and back")
def interface_model(world):
    def waits():
        assert "interfaces" in world.condition("acme", "PendingRestart")["message"]

    def waits_no_more():
        assert "interfaces" not in world.condition("acme", "PendingRestart")["message"]
    there_and_back(world, waits, waits_no_more, interfaces=[{"bridge": "hfbr0", "model": "e1000"}])


@case("limits: disk throughput and processor shares, and back")
def limits(world):
    uuid = world.uuid("acme")

    def throttled():
        for flags in ([], ["--inactive"]):
            assert "<read_bytes_sec>10485760<" in host_view.definition(uuid, *flags)

    def free():
        assert "read_bytes_sec" not in host_view.definition(uuid, "--inactive")
    there_and_back(world, throttled, free, limits={"ioReadBps": "10Mi"})
    there_and_back(world, lambda: None, limits={"ioReadBps": "10Mi", "ioWriteBps": "8Mi"})
    there_and_back(world, lambda: None, limits={"cpuShares": 512})


@case("power: suspended, and running again without a reboot")
def suspend(world):
    uuid = world.uuid("acme")

    def paused():
        assert_same(host_view.domain_state(uuid), "paused")
        assert_same(world.report("acme")["power"], "Suspended")
    before = running(world, "acme", "beta")
    world.edit("acme", power="Suspended")
    world.settle()
    paused()
    world.edit("acme", power="Running")
    world.settle()
    world.answers("acme")
    assert_no_restart(world, before)


@case("bootstrap: new first-boot data waits for the next stop, and back")
def bootstrap(world):
    def waits():
        assert "bootstrap" in world.condition("acme", "PendingRestart")["message"]

    def waits_no_more():
        assert "bootstrap" not in world.condition("acme", "PendingRestart")["message"]
    there_and_back(world, waits, waits_no_more,
                   bootstrap=dict(world.wanted["acme"]["spec"]["bootstrap"], userData="#cloud-config\n{}\n#\n"))


@case("ports, health, backup, stopTimeout: written down and in sync, and back")
def written_down(world):
    def unsupported():
        assert_same(world.condition("acme", "Supported")["status"], "False")

    def supported():
        assert_same(world.condition("acme", "Supported")["status"], "True")
    for fields in ({"ports": [{"protocol": "tcp", "guestPort": 80, "hostPort": "auto"}]},
                   {"health": {"kind": "http", "port": 80}}, {"backup": {"policy": "nightly"}}):
        there_and_back(world, unsupported, supported, **fields)
    there_and_back(world, supported, stopTimeout="45s")


def refused(world, verb, **fields):
    """An edit that would cost data: refused with a ticket; taken back, all is well again."""
    before = running(world, "acme", "beta")
    old = world.edit("acme", **fields)
    world.settle_refused("acme", f"{fields} is refused")
    ticket = eventually(lambda: world.tickets("acme"), "a ticket for acme")[0]
    assert f'"{verb}"' in ticket["job"], ticket["job"]
    assert_same(world.condition("acme", "Blocked")["status"], "True")
    assert_same(world.condition("beta", "Blocked")["status"], "False")
    world.edit("acme", **{field: old.get(field) for field in fields})
    world.settle("the refused edit is taken back")
    eventually(lambda: not world.tickets("acme"), "the ticket is closed")
    assert_no_restart(world, before)
    world.audit()


@case("rootDisk: grows while it runs; shrinking it back is refused with a ticket")
def root_disk(world):
    before = running(world, "acme", "beta")
    filesystem = int(world.answers("acme")["fs_kb"])
    world.edit("acme", rootDisk={"size": "96Mi"})
    world.settle()
    guest_says(world, "root_kb", str(96 * 1024))
    eventually(lambda: int(world.web("acme").status().get("fs_kb", 0)) > filesystem,
               "acme's file system grew")
    refused(world, "guest.shrink", rootDisk={"size": "64Mi"})
    guest_says(world, "root_kb", str(96 * 1024))
    assert_no_restart(world, before)


@case("rootDisk: another target, another image version or name are refused with a ticket")
def new_root_disk(world):
    birth = world.answers("acme")["birth"]
    refused(world, "guest.reimage", image={"name": "tiny", "version": "9.9.9"})
    refused(world, "guest.reimage", image={"name": "other", "version": "1.0.0"})
    old = world.edit("acme", rootDisk={"size": "96Mi", "target": "second"})
    world.settle_refused("acme", "moving the root disk is refused")
    world.edit("acme", rootDisk=old["rootDisk"])
    world.settle()
    assert_same(world.answers("acme")["birth"], birth)


@case("provider: another one is refused, and back")
def provider(world):
    before = running(world, "acme", "beta")
    world.edit("acme", provider="proxmox")
    world.settle_refused("acme", "another provider is refused")
    world.edit("acme", provider=None)
    world.settle()
    assert_no_restart(world, before)


@case("volumes: added and grown while it runs; shrinking and removing are refused")
def volumes(world):
    before = running(world, "acme", "beta")
    volume = {"name": "db", "size": "32Mi"}
    world.edit("acme", volumes=[volume])
    world.settle()
    guest_says(world, "disks", f"vdb:{32 * 1024}")
    guest_says(world, "volumes", "vdb")
    assert world.web("acme").write("color", "green", disk="vdb")
    for more in ({"class": "bulk"}, {"backup": "none"}):
        there_and_back(world, lambda: None, volumes=[dict(volume, **more)])
    volume["size"] = "48Mi"
    world.edit("acme", volumes=[volume])
    world.settle()
    guest_says(world, "disks", f"vdb:{48 * 1024}")
    refused(world, "guest.shrink", volumes=[dict(volume, size="32Mi")])
    world.edit("acme", volumes=[dict(volume, target="second")])
    world.settle_refused("acme", "moving a volume is refused")
    world.edit("acme", volumes=None)
    world.settle_refused("acme", "removing a volume is refused")
    eventually(lambda: world.tickets("acme"), "a ticket for the volume")
    world.edit("acme", volumes=[volume])
    world.settle()
    assert_same(world.web("acme").read("color", disk="vdb"), "green")
    assert_no_restart(world, before)
    world.audit()


@case("snapshots: made and listed while it runs")
def snapshots(world):
    before = running(world, "acme", "beta")
    assert world.web("acme").write("color", "blue")
    world.must("snapshot", "create", "acme", "before-upgrade")
    eventually(lambda: [s["name"] for s in world.ask("/v1/guests/acme/snapshots") if s["ours"]]
               == ["before-upgrade"], "the snapshot is listed")
    world.generation = 0
    world.settle()
    listed = world.must("snapshot", "list", "acme")
    assert "before-upgrade" in listed.out, listed
    assert world.web("acme").write("color", "red")
    assert_no_restart(world, before)
    world.audit()


@case("interfaces: one given up while suspended holds up nothing")
def given_up_while_suspended(world):
    wanted = list(world.wanted["acme"]["spec"]["interfaces"])
    world.edit("acme", interfaces=[*wanted, {"bridge": "hfbr0"}])
    world.settle()
    for change in ({"power": "Suspended"}, {"interfaces": wanted}, {"power": "Running"}):
        world.edit("acme", **change)
        world.settle()
    world.answers("acme")


@case("power: stopped gracefully, and started with its data")
def stop_and_start(world):
    said = world.answers("acme")
    process = world.processes()["acme"]
    world.edit("acme", power="Stopped", bootstrap=dict(world.wanted["acme"]["spec"]["bootstrap"],
                                                       userData="#cloud-config\n{}\n"))
    world.settle()
    assert_same(host_view.domain_state(world.uuid("acme")), "shut off")
    steps = last_operation(world, "guest.stop")["steps"]
    assert_same({step["name"]: step["output"] for step in steps}.get("request_stop"), "stopped")
    world.edit("acme", power="Running")
    world.settle()
    again = world.answers("acme")
    assert world.processes()["acme"] != process
    assert_same(again["birth"], said["birth"])
    assert_same(int(again["boots"]), int(said["boots"]) + 1)
    assert_same(world.web("acme").read("color"), "red")
    assert_same(world.web("acme").read("color", disk="vdb"), "green")
    assert not pending(world), "something still waits for a stop"


def last_operation(world, kind):
    for operation in world.ask("/v1/operations?subject=guest/acme&limit=50"):
        if operation["kind"] == kind:
            return world.ask(f"/v1/operations/{operation['id']}")
    raise AssertionError(f"no operation {kind} in the journal")


@case("a guest that is deaf to the power button is switched off after its deadline")
def escalation(world):
    folder = os.path.join(world.folder, "blank")
    images.make_blank(folder)
    world.must("image", "import", folder)
    deaf = guest("deaf", 13, image={"name": "blank", "version": "1.0.0"}, memory="32Mi",
                 rootDisk={"size": "1Mi"}, interfaces=[], bootstrap=None, stopTimeout="3s")
    del deaf["spec"]["bootstrap"]
    world.want(deaf)
    world.settle()
    uuid = world.uuid("deaf")
    assert_same(host_view.domain_state(uuid), "running")
    began = time.monotonic()
    world.edit("deaf", power="Stopped")
    world.settle()
    assert time.monotonic() - began >= 3, "it was not given its time"
    assert_same(host_view.domain_state(uuid), "shut off")
    operations = world.ask("/v1/operations?subject=guest/deaf&limit=1")
    steps = {step["name"]: step for step in world.ask(f"/v1/operations/{operations[0]['id']}")["steps"]}
    assert_same(steps["request_stop"]["output"], "did not stop in time")
    assert_same(steps["power_off"]["output"], "power cut")
    world.audit()


@case("a guest that cannot start says why, does not run hot, and an edit mends it")
def mended_by_an_edit(world):
    def has_failed():
        ready = world.condition("deaf", "Ready")
        return ready and ready["reason"] == "Failed" and "nope" in ready["message"]

    world.edit("deaf", power="Running", interfaces=[{"bridge": "nope"}])
    eventually(has_failed, "the failed start is told with its cause")
    before = len(world.ask("/v1/operations?subject=guest/deaf&limit=200"))
    time.sleep(3)  # a rate needs a time: events of our own failures must not drive us
    after = len(world.ask("/v1/operations?subject=guest/deaf&limit=200"))
    assert after - before <= 3, f"{after - before} operations in three seconds"
    world.edit("deaf", interfaces=[])
    world.settle()
    assert_same(host_view.domain_state(world.uuid("deaf")), "running")


@case("a guest changed behind our back is set right")
def drift(world):
    before = running(world, "beta")
    host_view.virsh("destroy", world.uuid("acme"))
    eventually(lambda: host_view.domain_state(world.uuid("acme")) == "running", "acme was started again")
    world.answers("acme")
    world.generation = 0
    world.settle()
    assert_no_restart(world, before)


@case("a guest removed from desired state is blocked with a ticket, and left as it is")
def removed(world):
    before = running(world, "acme", "beta")
    spec = world.wanted["beta"]
    world.drop("beta")
    world.settle_refused("beta", "destroying beta is refused")
    assert_same(world.condition("beta", "Blocked")["status"], "True")
    ticket = eventually(lambda: world.tickets("beta"), "a ticket for beta")[0]
    shown = world.must("ticket", "show", ticket["id"])
    assert "guest.destroy" in shown.out and world.uuid("beta") in shown.out, shown
    assert "sign" in world.must("why", "guest", "beta").out
    assert_no_restart(world, before)
    world.want(spec)
    world.settle("beta is wanted again")
    assert_no_restart(world, before)


@case("dropping most guests at once is held as a whole")
def mass_change(world):
    before = running(world, "acme", "beta")
    specs = [world.wanted["acme"], world.wanted["beta"]]
    world.drop("acme", "beta")
    held = eventually(lambda: (c := world.host_condition("DesiredStateAccepted"))["status"] == "False" and c,
                      "the mass change is held")
    assert_same(held["reason"], "MassChangeHeld")
    assert_same(world.cli("plan").status, 1)
    assert [t for t in world.tickets() if t["subject"] == "host"], world.tickets()
    assert_no_restart(world, before)
    world.want(*specs)
    world.generation = 0
    eventually(lambda: world.host_condition("DesiredStateAccepted")["status"] == "True", "all is accepted again")
    world.settle("all guests are wanted again")
    assert_no_restart(world, before)


@case("all of it is in the audit chain, and nothing leaked")
def at_the_end(world):
    world.must("audit", "verify", "--state-dir", world.state)
    assert world.stop() == 0
    answer = subprocess.run([world.cli_program, "journal", "verify", "--state-dir", world.state],
                            capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer
    world.start()
    world.audit()


if __name__ == "__main__":
    options = cases.arguments(__doc__).parse_args()
    cases.run(World(options.build, options.image, "lifecycle"))
