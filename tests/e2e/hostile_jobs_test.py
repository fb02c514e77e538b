#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A hub that passes on jobs which are not for this host, not now, not signed by whom it takes, or
again. Each is refused with its own code and its result comes back; the guest's disk stays as it
is. Then one that two operators signed is carried out, once, however often it is sent.

    hostile_jobs_test.py BUILD_DIR"""

import hashlib
import json
import os
import shutil
import sys
import time

import images
from hostile_hub_test import DEADLINE, MEMORY_LIMIT, Site
from signed_jobs import Operators, job
from world import Overdue, eventually

GUESTS = ("acme", "beta", "gamma")


def guest(name):
    return {"apiVersion": "holdfast/v1", "kind": "Guest", "metadata": {"name": name},
            "spec": {"image": {"name": "blank", "version": "1.0.0"}, "memory": "64Mi",
                     "rootDisk": {"size": "2Mi"}}}


class JobSite(Site):
    def configure(self, file):
        self.operators = Operators(self.folder)
        file.write(f"operators: {self.operators.file}\nsigners: {{guest.destroy: 2}}\n"
                   "requireSynchronizedClock: false\n")

    def make_guests(self):
        blank = os.path.join(self.folder, "blank")
        images.make_blank(blank)
        imported = self.holdfast("image", "import", blank)
        assert imported.status == 0, imported
        generation = self.hub.publish([guest(name) for name in GUESTS])
        eventually(lambda: self.holds(generation), "the guests are wanted", DEADLINE)
        for name in GUESTS:
            eventually(lambda name=name: self.guest(name)["phase"] == "Ready", name, DEADLINE)

    def guest(self, name):
        answer = self.holdfast("get", "guest", name, "-o", "json")
        assert answer.status == 0, answer
        return answer.json()

    def operations(self, kind):
        return [operation for operation in self.holdfast("get", "operations", "-o", "json").json()
                if operation["kind"] == kind]

    def by_both(self, payload):
        return [self.operators.sign(payload, who) for who in ("alice", "bob")]

    def offer(self, payload, signatures):
        """Through the hub; the result that comes back."""
        digest = self.hub.put_job(payload, signatures)

        def result():
            found = self.hub.results.get(digest)
            return found if found and found["state"] in ("done", "refused", "failed") else None
        return eventually(result, "a result comes back", DEADLINE)


def refused_ones(site):
    """(code, payload, signatures) of each job that must not be carried out."""
    acme, host = site.guest("acme"), site.hub.host_id
    sign = site.operators.sign

    def destroy(target=acme, host_id=host, **fields):
        return job("guest.destroy", host_id, target, **fields)

    def both(payload):
        return [sign(payload, "alice"), sign(payload, "bob")]

    def with_both(code, payload):
        return code, payload, both(payload)
    stranger = dict(acme, uuid="00000000-0000-4000-8000-000000000000")
    yield with_both("WrongHost", destroy(host_id="f" * 32))
    yield with_both("WrongGuest", destroy(stranger))
    yield with_both("WrongIncarnation", destroy(dict(acme, incarnation=acme["incarnation"] + 1)))
    yield with_both("StaleFingerprint", destroy(fingerprint="sha256:" + "0" * 64))
    yield with_both("Expired", destroy(not_before=-3, expires=-1))
    yield with_both("WindowTooLong", destroy(expires=24 * 8))
    yield with_both("UnsupportedAction", job("host.decommission", host))
    yield with_both("MalformedJob", b"{}")
    payload = destroy()
    yield "WrongNamespace", payload, [sign(payload, name, "release@holdfast") for name in ("alice", "bob")]
    payload = destroy()
    yield "KeyNotForNamespace", payload, [sign(payload, "carol")]
    payload = destroy()
    yield "UnknownSigner", payload, [sign(payload, "stranger")]
    payload = destroy()
    yield "TooFewSigners", payload, [sign(payload, "alice")]
    payload = destroy()
    yield "TooFewSigners", payload, [sign(payload, "alice"), sign(payload, "stranger")]
    payload = destroy()
    yield "SameSignerTwice", payload, [sign(payload, "alice"), sign(payload, "alice")]
    payload = destroy()
    yield "BadSignature", payload, both(payload + b" ")
    payload = destroy()
    yield "Unsigned", payload, []


def refusals(site):
    disks = site.data_digest()
    for code, payload, signatures in refused_ones(site):
        result = site.offer(payload, signatures)
        assert (result["state"], result["code"]) == ("refused", code), result
        assert site.guest("acme")["power"] == "Running"
        assert site.data_digest() == disks, f"{code}: customers' data changed"
        print(f"  refused: {code}", flush=True)


def not_yet(site):
    """Neither refused nor carried out: it is asked for again until its time has come."""
    payload = job("guest.destroy", site.hub.host_id, site.guest("acme"), not_before=0.5)
    digest = site.hub.put_job(payload, site.by_both(payload))

    def is_told():
        with open(os.path.join(site.folder, "daemon.log"), encoding="utf-8") as log:
            return "NotYetValid" in log.read()
    eventually(is_told, "the daemon says so", DEADLINE)
    assert digest not in site.hub.results
    site.hub.jobs.pop()


def mass_drop(site):
    """A state that wants none of the guests is held as a whole, and told."""
    site.hub.publish([])
    eventually(lambda: site.says("MassChangeHeld"), "held", DEADLINE)
    eventually(lambda: "MassChangeHeld" in site.watcher.reasons(), "the watcher hears", DEADLINE)
    assert all(site.guest(name)["power"] == "Running" for name in GUESTS)
    generation = site.hub.publish([guest(name) for name in GUESTS])
    eventually(lambda: site.holds(generation), "the hub is honest again", DEADLINE)


def run_once(site):
    """Signed by two: carried out once, also when the hub sends it in every session, its result
    never arrives there, the daemon restarts, or the same id comes with other bytes."""
    site.hub.publish([guest(name) for name in GUESTS[1:]])
    eventually(lambda: site.holdfast("get", "tickets", "-o", "json").json(), "a ticket", DEADLINE)
    acme = site.guest("acme")
    payload = job("guest.destroy", site.hub.host_id, acme)
    digest = "sha256:" + hashlib.sha256(payload).hexdigest()
    result = site.offer(payload, site.by_both(payload))
    assert result["state"] == "done", result
    for _ in range(3):
        site.hub.forget()
        eventually(lambda: site.hub.results.get(digest, {}).get("state") == "done",
                   "the result again", DEADLINE)
    # The same id for something else, which would be allowed by itself.
    replay = job("guest.undelete", site.hub.host_id, acme, id=json.loads(payload)["id"])
    result = site.offer(replay, site.by_both(replay))
    assert (result["state"], result["code"]) == ("refused", "ReplayedJob"), result
    assert not site.operations("guest.undelete")
    undelete = job("guest.undelete", site.hub.host_id, acme)
    result = site.offer(undelete, site.by_both(undelete))
    assert result["state"] == "done", result
    # The old order is no order any more, although the guest is there again.
    site.hub.forget()
    eventually(lambda: site.hub.results.get(digest, {}).get("state") == "done", "once more", DEADLINE)
    site.stop()
    site.start()
    site.hub.forget()
    eventually(lambda: site.hub.results.get(digest, {}).get("state") == "done", "and after a restart",
               DEADLINE)
    assert len(site.operations("guest.destroy")) == 1, "it ran twice"


def main():
    for program in ("openssl", "ssh-keygen"):
        if shutil.which(program) is None:
            print(f"skipped: no {program}")
            sys.exit(77)
    site = JobSite(os.path.abspath(sys.argv[1]))
    try:
        enrolled = site.holdfast("enroll", "--hub", site.hub.url, site.hub.enroll_token())
        assert enrolled.status == 0, enrolled
        site.make_guests()
        for case in (refusals, not_yet, mass_drop, run_once):
            began = time.monotonic()
            case(site)
            site.note_memory()
            print(f"ok {case.__name__}  {time.monotonic() - began:.1f} s", flush=True)
        assert site.peak < MEMORY_LIMIT, f"the daemon took {site.peak >> 20} MiB"
        print(f"peak memory of the daemon: {site.peak >> 20} MiB")
        site.stop()
    except (AssertionError, Overdue):
        with open(os.path.join(site.folder, "daemon.log"), encoding="utf-8") as log:
            print("--- the daemon's log:\n" + "".join(log.readlines()[-40:]), file=sys.stderr)
        print("--- results:\n" + json.dumps(site.hub.results, indent=1), file=sys.stderr)
        raise
    finally:
        site.end()


if __name__ == "__main__":
    main()
