#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The demo on Proxmox VE: a container and a virtual machine from golden archives, by real commands with
their real output. On a stand-in of this repository, or on a real node when PROXMOX_URL, PROXMOX_TOKEN and
PROXMOX_CA (a file) are set; then also PROXMOX_NODE, PROXMOX_STORAGE, PROXMOX_BACKUP_STORAGE, PROXMOX_POOL, PROXMOX_BRIDGE, and
PROXMOX_CT_IMAGE and PROXMOX_VM_IMAGE as NAME/VERSION, where they differ from what stands below."""

import argparse
import json
import os
import shutil
import ssl
import subprocess
import urllib.request

from stage import Stage, keep, paint
from world import World, eventually

CONTAINER = {"arch": "amd64", "cores": "1", "features": "nesting=1,keyctl=1", "hostname": "golden", "memory": "256",
             "net0": "name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:00:01,type=veth", "ostype": "debian",
             "rootfs": "local:9100/vm-9100-disk-0.raw,size=2G", "swap": "0", "unprivileged": "1"}
MACHINE = {"agent": "1", "boot": "order=scsi0", "cores": "1", "memory": "512", "name": "golden", "ostype": "l26",
           "net0": "virtio=BC:24:11:00:00:02,bridge=vmbr0", "scsi0": "local:9000/vm-9000-disk-0.qcow2,size=4G",
           "scsihw": "virtio-scsi-single"}
# What the stand-in has: two golden archives, and a guest that somebody else made.
STAND_IN = {
    "archives": [
        {"storage": "local", "kind": "lxc", "vmid": 9100, "notes": "holdfast-image tiny-ct 1.0.0",
         "config": CONTAINER, "contents": {"rootfs": "golden container"}},
        {"storage": "local", "kind": "qemu", "vmid": 9000, "notes": "holdfast-image tiny-vm 1.0.0",
         "config": MACHINE, "contents": {"scsi0": "golden machine"}}],
    "guests": [{"kind": "lxc", "vmid": 100, "content": "somebody's data",
                "config": {"hostname": "theirs", "rootfs": "local:1", "unprivileged": "1"}}]}


class ProxmoxWorld(World):
    """A daemon whose guests live on Proxmox VE."""

    def __init__(self, build, without=None):
        """`without`: a privilege that the stand-in's token lacks."""
        build = os.path.abspath(build)
        super().__init__(build, None, "proxmox")
        self.without = without
        self.stand_in_program = os.path.join(build, "tests", "proxmox", "proxmox-standin")
        self.stand_in = None
        self.node = os.environ.get("PROXMOX_NODE", "pve1")
        self.storage = os.environ.get("PROXMOX_STORAGE", "local")
        # Backups are played on a real node only where it is said which storage takes them.
        self.backups = os.environ.get("PROXMOX_BACKUP_STORAGE", "" if "PROXMOX_URL" in os.environ else self.storage)
        self.pool = os.environ.get("PROXMOX_POOL", "holdfast")
        self.bridge = os.environ.get("PROXMOX_BRIDGE", "vmbr0")
        self.images = {"ct": os.environ.get("PROXMOX_CT_IMAGE", "tiny-ct/1.0.0"),
                       "vm": os.environ.get("PROXMOX_VM_IMAGE", "tiny-vm/1.0.0")}
        self.url, self.ca = os.environ.get("PROXMOX_URL"), os.environ.get("PROXMOX_CA")
        self.token = os.environ.get("PROXMOX_TOKEN")
        if not self.url:
            self.start_stand_in()
        assert self.token and self.ca, "PROXMOX_URL needs PROXMOX_TOKEN and PROXMOX_CA beside it"
        self.configure()

    def start_stand_in(self):
        world = os.path.join(self.folder, "world.json")
        self.ca = os.path.join(self.folder, "pve-root-ca.pem")
        with open(world, "w", encoding="utf-8") as file:
            json.dump(STAND_IN, file)
        self.stand_in = subprocess.Popen(
            [self.stand_in_program, "--ca", self.ca, "--world", world, "--pool", self.pool, "--latency-ms", "5",
             "--task-ms", "1500", *(["--without", self.without] if self.without else [])],
            stdout=subprocess.PIPE, text=True)
        for line in self.stand_in.stdout:
            name, _, value = line.strip().partition("=")
            if name == "PROXMOX_URL":
                self.url = value
            if name == "PROXMOX_TOKEN":
                self.token = value
                break

    def configure(self):
        token = os.path.join(self.folder, "token")
        with open(os.open(token, os.O_CREAT | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
            file.write(self.token + "\n")
        with open(os.path.join(self.folder, "agent.yaml"), "w", encoding="utf-8") as file:
            file.write(f"desired: {self.desired}\nstateDir: {self.state}\nsocket: {self.socket}\n"
                       f"proxmox:\n  url: {self.url}\n  tokenFile: {token}\n  caFile: {os.path.abspath(self.ca)}\n"
                       f"  node: {self.node}\n  storages: {{local: {self.storage}}}\n  pool: {self.pool}\n")
            if self.backups:
                # Nothing keeps a sandbox's clock right.
                file.write(f"  backupStorage: {self.backups}\noperators: {self.make_operator()}\n"
                           "requireSynchronizedClock: false\n")

    def make_operator(self):
        key = os.path.join(self.folder, "anna")
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "anna", "-f", key], check=True)
        operators = os.path.join(self.folder, "operators")
        with open(key + ".pub", encoding="utf-8") as public, open(operators, "w", encoding="utf-8") as file:
            file.write("anna " + " ".join(public.read().split()[:2]) + "\n")
        os.chmod(operators, 0o644)
        return operators

    def start(self, wait=True, extra=()):
        assert self.daemon is None, "the daemon runs already"
        with open(self.log, "a", encoding="utf-8") as log:
            self.daemon = subprocess.Popen([self.daemon_program, "--config", os.path.join(self.folder, "agent.yaml")],
                                           stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        if wait:
            self.wait_until_up()

    def __exit__(self, kind, error, trace):
        if kind is not None:
            self.show_state()
        self.kill()
        if self.stand_in is not None:
            self.stand_in.terminate()
            self.stand_in.wait()
        if kind is None or not os.environ.get("HOLDFAST_E2E_KEEP"):
            shutil.rmtree(self.folder, ignore_errors=True)

    def at_host(self):
        """What the stand-in holds; None for a real host, which is asked over its API only."""
        if self.stand_in is None:
            return None
        trust = ssl.create_default_context(cafile=self.ca)
        with urllib.request.urlopen(self.url + "/stand-in", context=trust, timeout=30) as answer:
            return json.load(answer)

    def audit(self):
        host = self.at_host()
        if host is None:
            return
        assert not host["violations"], "requests that a schema refuses: " + "; ".join(host["violations"])
        names = sorted(guest["name"] for guest in host["guests"])
        assert names == sorted([*self.guests(), "theirs"]), f"guests at the host: {names}"
        theirs = [volume for volume in host["volumes"] if volume["vmid"] == 100]
        assert [volume["content"] for volume in theirs] == ["somebody's data"], theirs


class ProxmoxDemo(Stage):
    def guest(self, name, kind, **spec):
        image, version = self.world.images[kind].split("/")
        fields = {"provider": "proxmox", "image": {"name": image, "version": version}, "cpus": 1, "memory": "512Mi",
                  "rootDisk": {"size": "4Gi"}, "interfaces": [{"bridge": self.world.bridge}], "stopTimeout": "30s"}
        fields.update(spec)
        return {"apiVersion": "holdfast/v1", "kind": "Guest", "metadata": {"name": name}, "spec": fields}

    def start_daemon(self):
        print(paint("1", "$ holdfastd --config agent.yaml &"), flush=True)
        self.world.start()

    def play(self):
        world = self.world
        self.chapter("A daemon with a scoped token")
        where = "a stand-in that answers as a real node does" if world.stand_in else world.url
        self.tell(f"The node is {where}. Nobody is root here: all there is is an API token of a small role.")
        self.run("grep -v tokenFile agent.yaml")
        self.start_daemon()
        self.run("holdfast provider check")
        self.run("holdfast get images")

        self.chapter("A container and a virtual machine, by writing two files")
        acme, mail = self.guest("acme", "ct"), self.guest("mail", "vm")
        world.want(acme, mail)
        self.run("cat desired/acme.yaml")
        world.settle()
        self.run("holdfast get guests")
        self.run("holdfast plan")
        world.audit()

        self.chapter("More memory for one, a larger disk for the other")
        world.edit("acme", memory="768Mi")
        world.edit("mail", rootDisk={"size": "6Gi"})
        world.settle()
        self.run("holdfast get guests")

        self.chapter("The daemon is killed while a third guest is made")
        world.want(self.guest("beta", "ct"))
        eventually(self.is_being_made, "beta is being made", every=0.02)
        world.kill()
        print(paint("1", "$ kill -9 $(pidof holdfastd)"), flush=True)
        self.start_daemon()
        world.settle()
        self.run("holdfast get guests")
        self.tell("It found the task that it had begun, and the guest that came of it: there is one beta, not two.")
        world.audit()

        if world.backups:
            self.play_backups()

        self.chapter("A guest is removed from the desired state")
        world.drop("mail")
        world.settle_refused("mail", "destroying mail is refused")
        self.run("holdfast plan", expect=1)
        self.run("holdfast why guest mail")
        self.tell("""Nobody who can write that file can destroy a guest; that takes an operator's signature. The guest
                  that somebody else made on this node is listed; it is in no pool of ours, so that the token could
                  not change it, whatever the daemon believed.""")
        world.audit()
        if world.stand_in is None:
            self.tell("These guests are left on the node: acme, beta and mail.")
        self.end()

    def order(self, name, words):
        """A job that is written, signed with stock ssh-keygen, handed in and followed to its end."""
        self.run(f"holdfast job new {words} -f {name}.json")
        self.run(f"holdfast job sign {name}.json -k anna", show=False)
        self.run(f"holdfast job submit {name}.signed.json --wait")

    def play_backups(self):
        world = self.world
        self.chapter("A backup, another guest made from it, and the guest put back to it")
        self.order("backup", "guest.backup --guest acme -p note=monday")
        self.run("holdfast get backups acme")
        backup = world.ask("/v1/backups?guest=acme")[0]
        assert backup["ours"] and backup["note"] == "monday", backup
        self.order("restore", f"guest.restore -p object={backup['id']} -p name=acme-test -p isolated=true")
        self.run("holdfast get guests")
        copy, acme = world.report("acme-test"), world.report("acme")
        assert copy["power"] == "Stopped" and copy["uuid"] != acme["uuid"], copy
        self.tell("""Nobody wants the new guest yet, so it is left as it is: stopped, with addresses of its own and no
                  link.""")
        self.order("over", f"guest.restore-over --guest acme -p object={backup['id']}")
        self.run("holdfast get backups -o wide")
        kept = [each for each in world.ask("/v1/backups?guest=acme") if each["protected"]]
        assert len(kept) == 1 and kept[0]["job"].startswith("before-"), kept
        eventually(lambda: world.report("acme")["power"] == "Running", "acme runs again")
        assert world.report("acme")["incarnation"] == acme["incarnation"] + 1, world.report("acme")
        self.tell("What was there is in a protected backup.")
        world.audit()

    def is_being_made(self):
        return any(op["kind"] == "guest.provision" and op["state"] == "open"
                   for op in self.world.ask("/v1/operations?subject=guest/beta&limit=9") or [])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True, help="build directory with controller/holdfastd")
    parser.add_argument("--keep", metavar="FILE", help="write the world's folder to FILE and stay")
    options = parser.parse_args()
    with ProxmoxWorld(options.build) as the_world:
        ProxmoxDemo(the_world).play()
        if options.keep:
            keep(the_world, options.keep)
