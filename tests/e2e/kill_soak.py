#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kill -9 of the daemon at random moments while three guests are provisioned, changed and stopped.

Each round edits desired state, kills the daemon at a random moment (sometimes again while it
recovers), starts it, and asks of the host: converged, nothing leaked, the foreign guest untouched,
every guest that should have kept running is the same process and the same boot, all data there."""

import os
import random
import sys
import time

import cases
import host_view
from world import World, guest

ROUNDS_A_WORLD = 10   # a guest is never destroyed unasked, so births need a new world
KILL_WITHIN = 2.0     # seconds after the edit; nearly all steps happen in that time
AT_WORK_CHANCE = 0.6  # of waiting for an operation first, and striking soon after
AT_WORK_WITHIN = 0.7
AGAIN_WITHIN = 1.0    # for a kill of a daemon that is recovering
AGAIN_CHANCE = 0.35
NAMES = ("north", "south", "west")


class Soak:
    """One world and what is remembered of its guests."""

    def __init__(self, world, rng):
        self.world = world
        self.rng = rng
        self.births = {}
        self.kills = 0
        self.strikes = 0  # rounds whose last kill left an operation open

    # --- edits; each returns the words that tell of it

    def provision(self, name):
        number = 21 + NAMES.index(name)
        volumes = [{"name": "db", "size": "16Mi"}] if self.rng.random() < 0.5 else []
        self.world.want(guest(name, number, volumes=volumes, stopTimeout="40s"))
        return f"provision {name}"

    def change(self, name):
        spec = self.world.wanted[name]["spec"]
        kind = self.rng.choice(["cpus", "memory", "limits", "rootDisk", "volumes", "interfaces", "userData"])
        if kind == "cpus":
            self.world.edit(name, cpus=3 - spec["cpus"])
        elif kind == "memory":
            self.world.edit(name, memory="112Mi" if spec["memory"] == "128Mi" else "128Mi")
        elif kind == "limits":
            self.world.edit(name, limits=None if "limits" in spec else {"ioReadBps": "50Mi"})
        elif kind == "rootDisk":
            self.world.edit(name, rootDisk={"size": f"{int(spec['rootDisk']['size'][:-2]) + 16}Mi"})
        elif kind == "volumes":
            fresh = {"name": f"extra{len(spec['volumes'])}", "size": "16Mi"}
            self.world.edit(name, volumes=[*spec["volumes"], fresh])
        elif kind == "interfaces":
            more = [{"bridge": "hfbr0"}, {"bridge": "hfbr0", "name": "lan"}]
            self.world.edit(name, interfaces=more[:1] if len(spec["interfaces"]) == 2 else more)
        else:
            data = f"#cloud-config\n{{}}\n# {self.rng.randrange(10**6)}\n"
            self.world.edit(name, bootstrap=dict(spec["bootstrap"], userData=data))
        return f"change {kind} of {name}"

    def power(self, name):
        now = self.world.wanted[name]["spec"].get("power", "Running")
        wanted = self.rng.choice([p for p in ("Running", "Stopped", "Suspended") if p != now])
        self.world.edit(name, power=wanted)
        return f"{name} to be {wanted}"

    def some_edits(self):
        born = [name for name in NAMES if name in self.world.wanted]
        unborn = [name for name in NAMES if name not in born]
        said = []
        for name in born:
            if self.rng.random() < 0.6:
                said.append(self.change(name) if self.rng.random() < 0.6 else self.power(name))
        if unborn and (self.rng.random() < 0.7 or not said):
            said.append(self.provision(unborn[0]))
        elif not said:
            said.append(self.change(self.rng.choice(born)))
        return said

    # --- what must hold

    def is_wanted_running(self, name):
        return self.world.wanted.get(name, {"spec": {"power": "Stopped"}})["spec"].get("power", "Running") \
            == "Running"

    def running(self):
        """Process and boot of all guests that should run and do."""
        processes = self.world.processes()
        return {name: (processes[name], self.world.answers(name)["boot_id"])
                for name in processes if self.is_wanted_running(name)}

    def check(self, before):
        self.world.settle()
        for name in self.world.wanted:
            state = host_view.domain_state(self.world.uuid(name))
            wanted = self.world.wanted[name]["spec"].get("power", "Running")
            expected = {"Running": "running", "Stopped": "shut off", "Suspended": "paused"}[wanted]
            assert state == expected, f"{name} is {state}, not {expected}"
        now = self.running()
        for name, was in before.items():
            if self.is_wanted_running(name):
                assert now.get(name) == was, f"{name} was restarted: {was} became {now.get(name)}"
        for name in now:
            said = self.world.answers(name)
            assert said["birth"] == self.births.setdefault(name, said["birth"]), f"{name} has a new disk"
            kept = self.world.web(name).read("witness")
            assert kept in (None, said["birth"]), f"{name} has the data of another guest"
            assert kept or said["boots"] == "1", f"{name} lost its data"
            assert self.world.web(name).write("witness", said["birth"])
        self.world.audit()

    def kill_soon(self, within):
        """Kills at a random moment and says when."""
        began = time.monotonic()
        if within == KILL_WITHIN and self.rng.random() < AT_WORK_CHANCE:
            end = began + within
            while time.monotonic() < end and not (self.world.ask("/v1/status") or {}).get("openOperations"):
                time.sleep(0.01)
            within = AT_WORK_WITHIN
        time.sleep(self.rng.uniform(0, within))
        self.world.kill()
        self.kills += 1
        return f"{time.monotonic() - began:.2f} s"

    def round(self, number):
        began = time.monotonic()
        before = self.running()
        said = self.some_edits()
        moments = [self.kill_soon(KILL_WITHIN)]
        while self.rng.random() < AGAIN_CHANCE:
            self.world.start(wait=False)
            moments.append(self.kill_soon(AGAIN_WITHIN))
        struck = self.world.interrupted()
        self.strikes += bool(struck)
        print(f"      round {number}: {'; '.join(said)}; killed after {', '.join(moments)}"
              f"{' in ' + struck if struck else ''}", flush=True)
        self.world.start()
        self.check(before)
        print(f"ok    {time.monotonic() - began:7.1f} s  round {number}", flush=True)


def soak(options):
    rng = random.Random(options.seed)
    print(f"seed {options.seed}, {options.rounds} rounds", flush=True)
    kills = strikes = done = 0
    while done < options.rounds:
        with World(options.build, options.image, "soak") as world:
            world.plant_foreign()
            world.start()
            world.must("image", "import", options.image)
            state = Soak(world, rng)
            try:
                for _ in range(min(ROUNDS_A_WORLD, options.rounds - done)):
                    done += 1
                    state.round(done)
            except AssertionError as error:
                print(f"FAIL  round {done}, seed {options.seed}: {error}", flush=True)
                raise
            kills += state.kills
            strikes += state.strikes
    print(f"{kills} kills in {done} rounds, {strikes} in the middle of an operation: converged each time, "
          "nothing leaked, nothing restarted")
    assert strikes or done < 5, "no kill ever struck an operation: this proved nothing"


if __name__ == "__main__":
    parser = cases.arguments(__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seed", type=int,
                        default=int(os.environ.get("HOLDFAST_SEED", random.SystemRandom().randrange(10**9))))
    sys.exit(soak(parser.parse_args()))
