#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The demo of a hub and a host, inside the sandbox: real commands and their real output, with words in
between. Every step is checked too, so that it cannot show what did not happen."""

import http.server
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time

import cases
import host_view
from stage import Stage, keep, paint
from world import NETWORK, World, eventually, guest, to_yaml

DEAD_AFTER = 12  # seconds; 90 by default


class Webhook:
    """Somebody who wants to be told: takes what the hub posts."""

    def __init__(self):
        received = self.received = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/holdfast"

    def forget(self):
        """What a slow machine may have caused before."""
        self.received.clear()

    def alert(self, name):
        return [body for body in self.received if body["alert"] == name]


class HubDemo(Stage):
    def __init__(self, world):
        super().__init__(world)
        self.webhook = Webhook()
        self.hub = None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.host = ""

    def show_file(self, name):
        self.run(f"cat {name}")

    def write(self, name, text):
        with open(os.path.join(self.world.folder, name), "w", encoding="utf-8") as file:
            file.write(text)

    def start_hub(self):
        print(paint("1", "$ holdfast-hub serve --data hub &"), flush=True)
        with open(os.path.join(self.world.folder, "hub.log"), "a", encoding="utf-8") as log:
            self.hub = subprocess.Popen(
                [self.world.hub_program, "serve", "--data", "hub"], cwd=self.world.folder,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        eventually(lambda: self.holdfast("hub", "host", "list").status == 0, "the hub answers", every=0.05)

    def start_daemon(self):
        print(paint("1", "$ holdfastd --config agent.yaml &"), flush=True)
        self.world.start(extra=("--config", os.path.join(self.world.folder, "agent.yaml")))

    def holdfast(self, *words):
        return self.world.cli(*words, environment=self.environment)

    def close(self):
        if self.hub is not None and self.hub.poll() is None:
            self.hub.terminate()
            self.hub.wait()

    def apply(self, what, **spec):
        """Writes a guest, shows the command, and says how long its effect took."""
        self.world.note_generation()
        self.world.wanted[what["metadata"]["name"]] = what
        self.world.addresses[what["metadata"]["name"]] = re.search(
            r"addresses: \[([\d.]+)/", what["spec"]["bootstrap"]["networkConfig"]).group(1)
        self.write(f"{what['metadata']['name']}.yaml", to_yaml(what))

    def play(self):
        self.enrol()
        self.two_guests()
        self.an_edit()
        self.removal()
        self.signed()
        self.undeleted()
        self.silent_host()
        self.end()

    def enrol(self):
        self.chapter("A hub, and a host that enrols there")
        self.tell("""The hub keeps what hosts should be, queues signed jobs that it cannot read, and watches
                  whether hosts are alive. Hosts only dial out. It may be anybody's machine: it is
                  not trusted to destroy.""")
        self.run(f"holdfast-hub init --data hub --name 127.0.0.1 --port {self.port} > /dev/null")
        self.write("hub/hub.yaml",
                   f"listen: 127.0.0.1:{self.port}\nlate: 6s\ndead: {DEAD_AFTER}s\n"
                   f"webhooks: ['{self.webhook.url}']\nadvice: {{heartbeat: 1s}}\n")
        self.set("HOLDFAST_HUB_CONFIG", os.path.join(self.world.folder, "hub", "operator.json"))
        self.start_hub()
        self.tell("""The host has two operators' keys of its own, in the form that ssh-keygen knows. The hub
                  never sees them.""")
        for name in ("anna", "ben"):
            self.run(f"ssh-keygen -q -t ed25519 -N '' -C {name} -f {name}", show=name == "anna")
        self.run("for who in anna ben; do echo \"$who $(cut -d' ' -f1-2 $who.pub)\"; done > operators; "
                 "cat operators")
        # Nothing keeps the clock of a sandbox right.
        self.write("agent.yaml", f"operators: {self.world.folder}/operators\n"
                                 "requireSynchronizedClock: false\n")
        self.world.plant_foreign()
        self.start_daemon()
        self.run(f"holdfast enroll --hub https://127.0.0.1:{self.port} $(holdfast hub enroll-token)")
        eventually(self.is_connected, "the host is connected")
        self.run("holdfast hub host list")
        self.host = self.world.host()["hostId"]
        os.symlink(self.world.image, os.path.join(self.world.folder, "tiny"))
        self.run("holdfast image import tiny")

    def is_connected(self):
        hosts = self.holdfast("hub", "host", "list", "-o", "json").json()
        return len(hosts) == 1 and self.world.host()["hub"]["state"] == "connected"

    def two_guests(self):
        self.chapter("Two guests, through the hub")
        self.apply(guest("acme", 11))
        self.apply(guest("beta", 12, cpus=2))
        self.show_file("acme.yaml")
        self.run(f"holdfast hub apply -f acme.yaml -f beta.yaml --host {self.host[:8]} --comment 'ticket 4701'")
        eventually(lambda: len(self.world.guests()) == 2, "both guests are known")
        self.run("holdfast get guests")
        self.world.settle()
        for name in ("acme", "beta"):
            self.world.answers(name)
        self.run("holdfast get guests")
        self.run(f"curl -s http://{NETWORK}.11/cgi-bin/status | grep -E 'hostname|uptime'")
        self.run("holdfast plan")

    def an_edit(self):
        self.chapter("An edit reaches the host at once")
        held = self.world.host()["generation"]
        self.world.note_generation()
        self.world.wanted["acme"]["spec"]["rootDisk"]["size"] = "128Mi"
        self.run("sed -i 's/64Mi/128Mi/' acme.yaml")
        began = time.monotonic()
        self.run(f"holdfast hub apply -f acme.yaml --host {self.host[:8]}")
        eventually(lambda: self.world.host()["generation"] > held, "the host holds it", every=0.005)
        self.tell(f"The host held it {1000 * (time.monotonic() - began):.0f} ms after the command began.")
        self.world.settle()
        eventually(lambda: self.world.web("acme").status().get("root_kb") == str(128 * 1024),
                   "acme sees 128 MiB")
        self.run(f"curl -s http://{NETWORK}.11/cgi-bin/status | grep -E 'root_kb|boots'")
        self.run(f"holdfast hub history {self.host[:8]}")
        self.run(f"holdfast hub diff {self.host[:8]} {held}", expect=1)

    def removal(self):
        self.chapter("The hub no longer wants beta")
        self.world.note_generation()
        del self.world.wanted["beta"]
        self.process = self.world.processes()["beta"]
        self.run(f"holdfast hub apply -f acme.yaml --host {self.host[:8]} --prune")
        self.world.settle_refused("beta", "destroying beta is refused")
        self.ticket = eventually(lambda: self.world.tickets("beta"), "a ticket for beta")[0]
        self.run("holdfast plan", expect=1)
        self.run(f"holdfast ticket show {self.ticket['id']}")
        assert self.world.processes()["beta"] == self.process, "beta was restarted"
        self.tell("""Whoever owns the hub can get no further than this: beta runs on, with its data.""")

    def signed(self):
        self.chapter("An operator signs, and the hub carries the job without being able to read it")
        uuid = self.world.uuid("beta")
        self.run(f"holdfast ticket sign {self.ticket['id']} -k anna --to beta.signed.json")
        self.run("holdfast job verify beta.signed.json --operators operators")
        self.run(f"holdfast hub job put beta.signed.json --host {self.host[:8]}")
        eventually(self.job_is_done, "the hub knows that the job is done")
        self.run(f"holdfast hub job list {self.host[:8]}")
        assert uuid not in host_view.qemu_processes(), "beta runs"
        assert uuid in host_view.domains(), "beta is gone, not a tombstone"
        self.run("holdfast get guests")
        self.run("holdfast audit tail --state-dir state -n 4")
        self.tell("The same job again does nothing: its number is spent for ever.")
        self.run("holdfast job submit beta.signed.json", expect=2)
        self.beta = uuid

    def job_is_done(self):
        jobs = self.holdfast("hub", "job", "list", self.host, "-o", "json").json()
        return jobs and all(job["state"] == "done" for job in jobs)

    def undeleted(self):
        self.chapter("It was a mistake: within 7 days it comes back")
        self.run("holdfast undelete beta")
        self.world.note_generation()
        self.world.wanted["beta"] = guest("beta", 12, cpus=2)
        self.run(f"holdfast hub apply -f beta.yaml --host {self.host[:8]}")
        self.world.settle()
        assert self.world.uuid("beta") == self.beta, "another guest has its name"
        self.world.answers("beta")
        self.run(f"curl -s http://{NETWORK}.12/cgi-bin/status | grep -E 'hostname|boots'")
        self.world.audit()

    def silent_host(self):
        self.chapter("The daemon stops, and somebody is told")
        processes = self.world.processes()
        eventually(lambda: self.holdfast("hub", "alerts", "--holding").status == 0, "the host is well")
        self.webhook.forget()
        print(paint("1", "$ kill -STOP $(pidof holdfastd)"), flush=True)
        self.world.daemon.send_signal(signal.SIGSTOP)
        began = time.monotonic()
        eventually(lambda: self.webhook.alert("HostDead"), "the webhook hears of it", every=0.02)
        self.tell(f"The webhook was told {time.monotonic() - began:.1f} s later; dead is {DEAD_AFTER} s here, "
                  "90 by default:")
        print(json.dumps(self.webhook.alert("HostDead")[0], indent=2), flush=True)
        self.run("holdfast hub alerts --holding", expect=1)
        self.world.daemon.send_signal(signal.SIGCONT)
        eventually(lambda: self.webhook.alert("HostRecovered"), "the webhook hears that it is back")
        self.run("holdfast hub alerts -n 3")
        assert len(self.webhook.alert("HostDead")) == 1, "told twice"
        assert self.world.processes() == processes, "a guest was touched"


if __name__ == "__main__":
    parser = cases.arguments(__doc__)
    parser.add_argument("--keep", metavar="FILE", help="write the world's folder to FILE and stay")
    options = parser.parse_args()
    with World(options.build, options.image, "hub-demo") as the_world:
        demo = HubDemo(the_world)
        try:
            demo.play()
            if options.keep:
                keep(the_world, options.keep)
        finally:
            demo.close()
