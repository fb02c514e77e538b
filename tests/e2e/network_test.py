#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Guests on a libvirt network and on a bridge of this host: each answers over the one it was given,
moves to the other, and a network that is missing or switched off is told of and waited for."""

import os
import subprocess

import cases
import host_view
from cases import case
from world import BRIDGE, World, eventually, guest

# Open: no rules and no DHCP of libvirt's, so neither iptables nor dnsmasq is needed.
LAN = """
<network>
  <name>lan</name>
  <forward mode='open'/>
  <bridge name='hflan0' stp='off' delay='0'/>
  <dns enable='no'/>
  <ip address='10.78.0.1' netmask='255.255.255.0'/>
</network>
"""


def network_config(address, gateway):
    return ("version: 2\nethernets:\n  eth0:\n"
            f"    addresses: [{address}/24]\n    routes: [{{to: default, via: {gateway}}}]\n")


def on_lan(name, number, **spec):
    """A tiny guest on the libvirt network, at 10.78.0.NUMBER."""
    return guest(name, number, interfaces=[{"network": "lan"}],
                 bootstrap={"networkConfig": network_config(f"10.78.0.{number}", "10.78.0.1")}, **spec)


def ports(uuid):
    """(libvirt's type, its source, the bridge that the tap really hangs on) of each interface."""
    found = []
    for line in host_view.virsh("domiflist", uuid).splitlines():
        tap, kind, source = line.split()[:3]
        master = os.path.basename(os.path.realpath(f"/sys/class/net/{tap}/master"))
        found.append((kind, source, master))
    return found


@case("one guest on a libvirt network, one on a bridge: each answers over its own")
def come_up(world):
    path = os.path.join(world.folder, "lan.xml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(LAN)
    host_view.virsh("net-define", path)
    host_view.virsh("net-start", "lan")
    world.start()
    world.must("image", "import", world.image)
    world.want(on_lan("lana", 51), guest("brid", 52))
    world.settle()
    for name in ("lana", "brid"):
        assert world.answers(name)["hostname"] == name
    assert ports(world.uuid("lana")) == [("network", "lan", "hflan0")]
    assert ports(world.uuid("brid")) == [("bridge", BRIDGE, BRIDGE)]
    shown = subprocess.run(["bridge", "link"], check=True, capture_output=True, text=True,
                           env=dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin:/sbin")).stdout
    assert "master hflan0" in shown and f"master {BRIDGE}" in shown, shown


@case("what libvirt adds to a running interface is no difference: in sync, also after a restart")
def in_sync(world):
    operations = world.ask("/v1/operations?limit=1")[0]["id"]
    boot = world.answers("lana")["boot_id"]
    world.kill()
    world.start()
    eventually(lambda: world.cli("plan").status == 0, "in sync")
    assert world.ask("/v1/operations?limit=1")[0]["id"] == operations, "an operation was begun"
    assert world.answers("lana")["boot_id"] == boot


@case("a second interface on the network comes while the guest runs, and goes")
def another_interface(world):
    uuid = world.uuid("brid")
    boot = world.answers("brid")["boot_id"]
    world.edit("brid", interfaces=[{"bridge": BRIDGE}, {"network": "lan", "name": "lan"}])
    world.settle()
    assert ports(uuid) == [("bridge", BRIDGE, BRIDGE), ("network", "lan", "hflan0")], ports(uuid)
    world.edit("brid", interfaces=[{"bridge": BRIDGE}])
    world.settle()
    assert ports(uuid) == [("bridge", BRIDGE, BRIDGE)], ports(uuid)
    assert world.answers("brid")["boot_id"] == boot, "it was restarted"


@case("from the network to the bridge: with its MAC, at its next stop at the latest")
def change_over(world):
    uuid = world.uuid("lana")
    macs = host_view.macs(uuid)
    moved = guest("lana", 51)["spec"]
    world.edit("lana", interfaces=moved["interfaces"], bootstrap=moved["bootstrap"], power="Stopped")
    world.settle()
    world.edit("lana", power="Running")
    world.settle()
    assert ports(uuid) == [("bridge", BRIDGE, BRIDGE)], ports(uuid)
    assert host_view.macs(uuid) == macs, "it has another MAC now"
    assert world.answers("lana")["hostname"] == "lana"
    world.edit("lana", power="Stopped")
    world.settle()


@case("a network that is switched off, or that nobody defined, is told of by its name, and heals")
def no_such_network(world):
    wanted = on_lan("lana", 51)["spec"]
    host_view.virsh("net-destroy", "lan")
    world.edit("lana", interfaces=wanted["interfaces"], bootstrap=wanted["bootstrap"], power="Running")
    eventually(lambda: "'lan'" in world.condition("lana", "Ready")["message"], "the start fails with its cause")
    host_view.virsh("net-start", "lan")
    world.settle("lana starts once its network does", deadline=90)
    world.answers("lana")
    assert ports(world.uuid("lana")) == [("network", "lan", "hflan0")]
    world.edit("brid", interfaces=[{"bridge": BRIDGE}, {"network": "nope", "name": "lan"}])
    eventually(lambda: "nope" in world.condition("brid", "Ready")["message"], "it is told which is missing")
    assert world.web("brid").status(), "and runs on"
    world.edit("brid", interfaces=[{"bridge": BRIDGE}])
    world.settle()
    world.audit()


if __name__ == "__main__":
    options = cases.arguments(__doc__).parse_args()
    cases.run(World(options.build, options.image, "network"))
