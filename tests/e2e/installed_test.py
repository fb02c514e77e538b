#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The README's way, installed and under systemd, with libvirt's own settings: QEMU is not root, the
units' sandboxes are in force, and systemd starts again what died.

    installed.sh BUILD_DIR        makes the root directory and runs this"""

import json
import os
import signal
import subprocess
import sys
import time

from world import Answer, Overdue, eventually

BOOT, DEADLINE = 120, 60
HOST = "apiVersion: holdfast/v1\nkind: HostConfig\nmetadata: {name: host}\nspec: {resyncInterval: 30s}\n"


class Machine:
    """A booted container. Use as a context manager."""

    def __init__(self, root):
        self.root = root
        self.nspawn = subprocess.Popen(
            ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--private-network", "-D", root,
             "--boot", "systemd.unit=basic.target"],  # and none of this machine's services
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)

    def __enter__(self):
        try:
            eventually(lambda: self.run("systemctl", "is-system-running").out.strip() in ("running", "degraded"),
                       "the container has booted", BOOT)
        except Overdue as error:  # nothing of ours has run yet
            self.end()
            print(f"skipped: systemd does not boot here: {error}")
            sys.exit(77)
        return self

    def __exit__(self, kind, error, trace):
        if kind is not None:
            print(self.run("journalctl", "--no-pager", "-n", "60", "-u", "holdfast*").out)
        self.end()

    def end(self):
        """Its init is what the container lives and dies with, not systemd-nspawn."""
        try:
            os.kill(int(self.leader()), signal.SIGKILL)
        except (OSError, IndexError):
            self.nspawn.kill()
        self.nspawn.wait(timeout=DEADLINE)

    def leader(self):
        path = f"/proc/{self.nspawn.pid}/task/{self.nspawn.pid}/children"
        with open(path, encoding="utf-8") as children:
            return children.read().split()[0]

    def run(self, *words, text=None):
        """In the container, as its root."""
        try:
            inside = ["nsenter", "-t", self.leader(), "-m", "-u", "-i", "-n", "-p", "-r", "-w", "env", "-i",
                      "HOME=/root", "LC_ALL=C.UTF-8", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]
        except (OSError, IndexError):
            return Answer(subprocess.CompletedProcess(words, 1, "", "the container is not there"))
        return Answer(subprocess.run([*inside, *words], input=text, capture_output=True, text=True, check=False))

    def must(self, *words, text=None):
        answer = self.run(*words, text=text)
        assert answer.status == 0, (words, answer)
        return answer.out

    def write(self, path, text):
        self.must("sh", "-c", f"mkdir -p $(dirname {path}) && cat > {path}", text=text)

    def qemu(self):
        """User and process of the one guest."""
        lines = self.run("ps", "-eo", "user:20,pid,comm").out.splitlines()
        found = [line.split()[:2] for line in lines if "qemu-system" in line]
        assert len(found) == 1, found
        return found[0]

    def guest(self):
        return json.loads(self.must("holdfast", "get", "guest", "web", "-o", "json"))

    def is_at(self, phase, power):
        found = self.guest()
        assert (found["phase"], found["power"]) == (phase, power), found
        return True

    def restarts(self, unit):
        return int(self.must("systemctl", "show", "-p", "NRestarts", "--value", unit))


def a_guest_comes_up(machine):
    machine.must("systemctl", "enable", "--now", "libvirtd")
    minimal = machine.must("cat", "/root/examples/minimal-guest.yaml")
    machine.write("/etc/holdfast/desired/web.yaml", minimal)
    machine.must("systemctl", "enable", "--now", "holdfast")
    eventually(lambda: machine.is_at("Blocked", "Absent"), "it waits for its image", DEADLINE)
    machine.must("holdfast", "image", "import", "/root/tiny")
    eventually(lambda: machine.is_at("Ready", "Running"), "the guest runs", DEADLINE)
    user, _ = machine.qemu()
    assert user == "libvirt-qemu", user


def nobody_else_reads_it(machine):
    """Whatever is below the state directory: folders may be passed, files not read."""
    open_ones = machine.must("find", "/var/lib/holdfast", "-type", "f", "-perm", "/o=rwx")
    assert open_ones == "", open_ones
    listable = machine.must("find", "/var/lib/holdfast", "-maxdepth", "2", "-type", "d", "-perm", "/o=rw",
                            "-not", "-path", "*/images/*")
    assert listable == "", listable


def the_daemon_dies_and_stops(machine):
    before = machine.qemu()
    pid = machine.must("systemctl", "show", "-p", "MainPID", "--value", "holdfast").strip()
    machine.must("kill", "-9", pid)
    eventually(lambda: machine.restarts("holdfast") == 1, "systemd starts it again", DEADLINE)
    eventually(lambda: machine.is_at("Ready", "Running"), "all is as it was", DEADLINE)
    machine.must("systemctl", "restart", "libvirtd")
    machine.must("systemctl", "stop", "holdfast")
    assert machine.qemu() == before
    machine.must("systemctl", "start", "holdfast")
    eventually(lambda: machine.is_at("Ready", "Running"), "it found the guest", DEADLINE)
    assert machine.qemu() == before


def an_operator_signs(machine):
    """Nobody keeps a container's clock right, so its owner vouches for it."""
    machine.write("/etc/holdfast/agent.yaml", "requireSynchronizedClock: false\n")
    machine.must("systemctl", "restart", "holdfast")
    machine.must("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/root/anna")
    machine.must("sh", "-c", 'echo "anna $(cat /root/anna.pub)" > /etc/holdfast/operators')
    machine.write("/etc/holdfast/desired/host.yaml", HOST)
    machine.must("rm", "/etc/holdfast/desired/web.yaml")

    def ticket(subject):
        for found in json.loads(machine.must("holdfast", "get", "tickets", "-o", "json")):
            if found["subject"] == subject:
                return found["id"]
        return None
    for subject in ("host", "guest/web"):
        number = eventually(lambda subject=subject: ticket(subject), f"a ticket about {subject}", DEADLINE)
        machine.must("holdfast", "ticket", "sign", number, "-k", "/root/anna", "--submit", "--wait")
    eventually(lambda: machine.is_at("Tombstone", "Stopped"), "it is destroyed", DEADLINE)
    machine.must("holdfast", "undelete", "web", "--wait")


def a_hub_takes_over(machine):
    machine.must("holdfast-hub", "init", "--data", "/var/lib/holdfast-hub", "--name", "localhost")
    machine.must("systemctl", "enable", "--now", "holdfast-hub")
    machine.must("install", "-D", "-m", "0600", "/var/lib/holdfast-hub/operator.json",
                 "/root/.config/holdfast/hub.json")
    token = machine.must("holdfast", "hub", "enroll-token").split()[0]
    machine.must("holdfast", "enroll", "--hub", "https://localhost:8443", token)
    name = machine.must("hostname").strip()
    machine.must("holdfast", "hub", "apply", "-f", "/root/examples/minimal-guest.yaml", "--host", name)
    eventually(lambda: machine.is_at("Ready", "Running"), "the hub's guest runs", DEADLINE)
    pid = machine.must("systemctl", "show", "-p", "MainPID", "--value", "holdfast-hub").strip()
    machine.must("kill", "-9", pid)
    eventually(lambda: machine.restarts("holdfast-hub") == 1, "systemd starts the hub again", DEADLINE)
    eventually(lambda: machine.run("holdfast", "hub", "host", "list").status == 0, "the hub answers", DEADLINE)


CASES = [a_guest_comes_up, nobody_else_reads_it, the_daemon_dies_and_stops, an_operator_signs, a_hub_takes_over]


def main():
    with Machine(sys.argv[1]) as machine:
        for case in CASES:
            began = time.monotonic()
            case(machine)
            print(f"ok {case.__name__}  {time.monotonic() - began:.1f} s", flush=True)
        failed = machine.run("systemctl", "--failed", "--no-legend", "--plain").out
        assert "holdfast" not in failed, failed


if __name__ == "__main__":
    try:
        main()
    except (AssertionError, Overdue) as error:
        print(f"FAILED: {error}")
        sys.exit(1)
