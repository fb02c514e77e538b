# SPDX-License-Identifier: Apache-2.0
"""Operators with stock OpenSSH keys, the jobs they sign, and what became of those."""

import datetime
import json
import os
import secrets
import subprocess

from world import eventually


def at(hours):
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=hours)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


class Operators:
    """`names` may sign jobs, `others` other things; `stranger` is none of them."""

    def __init__(self, folder, names=("alice", "bob"), others=("carol",)):
        self.folder = os.path.join(folder, "keys")
        os.mkdir(self.folder, 0o700)
        self.file = os.path.join(folder, "operators")
        lines = [self.line(name, "job@holdfast") for name in names]
        lines += [self.line(name, "release@holdfast") for name in others]
        self.line("stranger", "")
        with open(self.file, "w", encoding="utf-8") as file:
            file.write("".join(lines))
        os.chmod(self.file, 0o644)

    def key(self, name):
        return os.path.join(self.folder, name)

    def line(self, name, namespace):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", self.key(name)],
                       check=True, stdin=subprocess.DEVNULL)
        with open(self.key(name) + ".pub", encoding="utf-8") as file:
            kind, key = file.read().split()[:2]
        return f'{name} namespaces="{namespace}" {kind} {key}\n'

    def sign(self, payload, name, namespace="job@holdfast"):
        """The armored signature of exactly these bytes."""
        return subprocess.run(["ssh-keygen", "-q", "-Y", "sign", "-n", namespace, "-f", self.key(name)],
                              input=payload, check=True, capture_output=True).stdout.decode()


def job(action, host_id, guest=None, not_before=-0.1, expires=1.0, **fields):
    """The bytes of a job file; `guest` is a guest as reported."""
    body = {"apiVersion": "holdfast/v1", "kind": "Job", "id": secrets.token_hex(16), "action": action,
            "hostId": host_id, "notBefore": at(not_before), "expires": at(expires), "params": {},
            "reason": "a test"}
    if guest is not None:
        body["guest"] = {key: guest[key] for key in ("uuid", "incarnation", "name")}
    body.update(fields)
    return (json.dumps(body, indent=2) + "\n").encode()


def ended(world, identifier, state):
    """Waits until the job is `state`, and returns its report."""
    def has_ended():
        report = world.ask(f"/v1/jobs/{identifier}")
        if report and report["state"] != state and report["state"] in ("done", "refused", "failed"):
            raise ValueError(f"it is to be {state} and has ended: {report}")
        assert report and report["state"] == state, report
        return report
    return eventually(has_ended, f"job {identifier} is {state}")


def audited(world, kind):
    """The newest audit entries of a kind."""
    tail = world.must("audit", "tail", "--state-dir", world.state, "-n", "200", "-o", "json").json()
    return [entry for entry in tail if entry["kind"] == kind]
