#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The demo of one host without a hub, inside the sandbox: real commands and their real output, with
words in between. Every step is checked too, so that it cannot show what did not happen."""

import glob
import os
import signal

import cases
import images
from stage import Stage, keep, paint
from world import NETWORK, World, eventually, guest, to_yaml

BULKY = 192  # MiB of payload: its restore takes a second or more


class Demo(Stage):
    def write(self, name, number, **spec):
        """A guest as a person writes it, and shown."""
        resource = guest(name, number, **spec)
        self.world.want(resource)
        return to_yaml(resource)

    def start_daemon(self, wait=True):
        print(paint("1", "$ holdfastd --desired desired --state-dir state --socket admin.sock "
                         "--connect qemu:///system &"), flush=True)
        self.world.start(wait=wait)

    def play(self):
        world = self.world
        self.chapter("A daemon, and a golden image")
        self.tell("""This is a libvirt of its own: no guest outside is seen or touched, except one in
                  here that somebody else made. The desired state is a directory; it is empty.""")
        world.plant_foreign()
        self.start_daemon()
        os.symlink(world.image, os.path.join(world.folder, "tiny"))
        self.run("holdfast image import tiny")
        self.run("holdfast get images")

        self.chapter("Two guests, by writing two files")
        print(paint("1", "$ cat desired/acme.yaml"))
        print(self.write("acme", 11), end="")
        self.write("beta", 12, cpus=2)
        self.run("ls desired")
        eventually(lambda: len(world.guests()) == 2, "both guests are known")
        self.run("holdfast get guests")
        self.tell("""Each is born from the image, with a UUID, a MAC and a first-boot medium of its own,
                  and started. Both boot a real kernel, in emulation; that takes some seconds.""")
        world.settle()
        for name in ("acme", "beta"):
            world.answers(name)
        self.run("holdfast get guests")
        show = "curl -s http://%s.%d/cgi-bin/status | grep -E 'hostname|machine_id|root_kb|uptime'"
        self.run(show % (NETWORK, 11))
        self.run(show % (NETWORK, 12))
        self.run("holdfast plan")

        self.chapter("One grows, while it runs")
        before = world.answers("acme")
        self.tell("The root disk of acme shall have 128 MiB instead of 64.")
        world.note_generation()
        self.run("sed -i 's/64Mi/128Mi/' desired/acme.yaml")
        world.wanted["acme"]["spec"]["rootDisk"]["size"] = "128Mi"
        world.settle()
        eventually(lambda: world.web("acme").status().get("root_kb") == str(128 * 1024), "acme sees 128 MiB")
        self.run(f"curl -s http://{NETWORK}.11/cgi-bin/status | grep -E 'root_kb|fs_kb|uptime|boots'")
        after = world.answers("acme")
        assert after["boot_id"] == before["boot_id"], "acme was rebooted"
        self.tell("The same boot: nothing was restarted for it.")

        self.killed_while_provisioning()
        self.removed()
        self.end()

    def killed_while_provisioning(self):
        world = self.world
        self.chapter("The daemon is killed in the middle of provisioning a third guest")
        bulky = os.path.join(world.folder, "tiny-with-payload")
        images.make_bulky(world.image, bulky, "1.1.0", BULKY)
        self.run("holdfast image import tiny-with-payload")
        self.tell(f"This image carries {BULKY} MiB more, so that there is time to strike while its root "
                  "disk is being restored.")
        self.write("gamma", 13, image={"name": "tiny", "version": "1.1.0"}, rootDisk={"size": "1Gi"})
        processes = world.processes()
        partial = eventually(lambda: self.partial_file(), "the restore is under way", every=0.005)
        world.daemon.send_signal(signal.SIGKILL)
        world.kill()
        print(paint("1", "$ kill -9 $(pidof holdfastd)"), flush=True)
        assert os.path.exists(partial), "it was killed too late"
        self.run("du -h --apparent-size state/guests/*/*.partial; du -h state/guests/*/*.partial")
        self.tell("The daemon is dead. Its journal can be read all the same:")
        self.run("holdfast journal list --state-dir state | head -n 3")
        newest = world.cli("journal", "list", "--state-dir", world.state, "-o", "json").json()[0]
        assert newest["kind"] == "guest.create" and newest["state"] == "open", newest
        self.run(f"holdfast journal show {newest['id']} --state-dir state | head -n 20")
        self.tell("And so can the guests, who never needed it:")
        self.run(f"curl -s http://{NETWORK}.11/cgi-bin/status | grep -E 'hostname|uptime'")
        self.start_daemon()
        self.tell("It takes up the same operation where it was cut off.")
        world.settle()
        self.run("holdfast journal list --state-dir state | head -n 3")
        world.answers("gamma")
        self.run(f"curl -s http://{NETWORK}.13/cgi-bin/status | grep -E 'hostname|boots|root_kb'")
        now = world.processes()
        assert all(now.get(name) == process for name, process in processes.items()), "a guest was restarted"
        again = [op for op in world.ask("/v1/operations?subject=guest/gamma&limit=9")
                 if op["kind"] == "guest.create"]
        assert [op["id"] for op in again] == [newest["id"]], f"not resumed but begun again: {again}"
        world.audit()

    def partial_file(self):
        """A disk of which a good part is written, but not all."""
        for path in glob.glob(os.path.join(self.world.targets["local"], "*", "*.partial")):
            try:
                if os.stat(path).st_blocks * 512 > BULKY << 18:  # a quarter
                    return path
            except OSError:
                pass
        return None

    def removed(self):
        world = self.world
        self.chapter("A guest is removed from the desired state")
        process = world.processes()["beta"]
        world.note_generation()
        self.run("rm desired/beta.yaml")
        del world.wanted["beta"]
        world.settle_refused("beta", "destroying beta is refused")
        ticket = eventually(lambda: world.tickets("beta"), "a ticket for beta")[0]
        self.run("holdfast plan", expect=1)
        self.run("holdfast why guest beta")
        self.run(f"holdfast ticket show {ticket['id']}")
        self.tell("""Nobody who can write that file, and no hub, can destroy a guest. Beta is left as it is:
                  running, with its data.""")
        self.run(f"curl -s http://{NETWORK}.12/cgi-bin/status | grep -E 'hostname|uptime'")
        assert world.processes()["beta"] == process, "beta was restarted"
        self.run("holdfast get guests")
        world.audit()


if __name__ == "__main__":
    parser = cases.arguments(__doc__)
    parser.add_argument("--keep", metavar="FILE", help="write the world's folder to FILE and stay")
    options = parser.parse_args()
    with World(options.build, options.image, "demo") as the_world:
        Demo(the_world).play()
        if options.keep:
            keep(the_world, options.keep)
