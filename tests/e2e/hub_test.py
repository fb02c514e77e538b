#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The real hub and the real daemon: enrolment, edits and how fast they arrive, a hub and a host that
die, and the alerts that follow.

    hub_test.py BUILD_DIR [--edits N]

libvirt's test driver stands in for the hypervisor; no sandbox is needed."""

import argparse
import ctypes
import http.client
import http.server
import json
import os
import shutil
import signal
import socket
import ssl
import statistics
import subprocess
import tempfile
import threading
import time

import images
from world import Answer, Overdue, eventually

DEADLINE = 60
LATE, DEAD = 3, 6  # seconds of silence
RESYNC, STALLED = 1, 12  # seconds between passes, and without one


class Receiver(http.server.ThreadingHTTPServer):
    """Takes alerts and remembers when."""

    daemon_threads = True

    class Exchange(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.server.taken.append((time.monotonic(), body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *words):
            pass

    def __init__(self):
        super().__init__(("127.0.0.1", 0), self.Exchange)
        self.taken = []
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}/alerts"

    def named(self, alert, since=0):
        """When each different delivery of that alert came."""
        seen = {}
        for at, body in self.taken[since:]:
            if body["alert"] == alert:
                seen.setdefault(body["id"], at)
        return sorted(seen.values())


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Link:
    """A network namespace for the host, and the cable to it. Needs root."""

    def __init__(self):
        self.name = f"hf{os.getpid() % 100000}"
        number = os.getpid() % 250 + 2
        self.hub_address, host = f"10.98.{number}.1", f"10.98.{number}.2"
        self.near, far = self.name + "a", self.name + "b"
        for words in (["netns", "add", self.name],
                      ["link", "add", self.near, "type", "veth", "peer", "name", far],
                      ["link", "set", far, "netns", self.name],
                      ["addr", "add", self.hub_address + "/30", "dev", self.near],
                      ["link", "set", self.near, "up"],
                      ["-n", self.name, "addr", "add", host + "/30", "dev", far],
                      ["-n", self.name, "link", "set", far, "up"],
                      ["-n", self.name, "link", "set", "lo", "up"]):
            subprocess.run(["ip", *words], check=True, capture_output=True)

    @classmethod
    def make(cls):
        try:
            return cls()
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"no network namespace here, so the network is not cut: {error}", flush=True)
            return None

    def set(self, state):
        subprocess.run(["ip", "link", "set", self.near, state], check=True)

    def end(self):
        subprocess.run(["ip", "link", "del", self.near], check=False, capture_output=True)
        subprocess.run(["ip", "netns", "del", self.name], check=False, capture_output=True)


def guest(power):
    return {"apiVersion": "holdfast/v1", "kind": "Guest", "metadata": {"name": "acme"},
            "spec": {"image": {"name": "blank", "version": "1.0.0"}, "memory": "64Mi",
                     "rootDisk": {"size": "2Mi"}, "power": power}}


class Pair:
    """One hub, one host, nothing between them but loopback or a virtual cable."""

    def __init__(self, build, link):
        self.link = link
        address = link.hub_address if link else "127.0.0.1"
        self.programs = {name: os.path.join(build, folder, name) for folder, name in
                         (("controller", "holdfastd"), ("cli", "holdfast"), ("hub", "holdfast-hub"))}
        self.folder = tempfile.mkdtemp(prefix="holdfast-hub-e2e.")
        self.socket = os.path.join(self.folder, "admin.sock")
        self.data = os.path.join(self.folder, "hub")
        self.receiver = Receiver()
        self.hub = self.host = None
        self.edits = 0
        self.port = free_port()
        subprocess.run([self.programs["holdfast-hub"], "init", "--data", self.data, "--name",
                        address, "--name", "127.0.0.1", "--port", str(self.port)], check=True,
                       stdout=subprocess.DEVNULL)
        with open(os.path.join(self.data, "hub.yaml"), "w", encoding="utf-8") as file:
            file.write(f'listen: "0.0.0.0:{self.port}"\nlate: {LATE}s\ndead: {DEAD}s\n'
                       f'stalled: {STALLED}s\n'
                       f"webhooks: [{self.receiver.url}]\n"
                       "advice: {heartbeat: 1s, retryAtMost: 1s, wait: 25s}\n")
        with open(os.path.join(self.data, "operator.json"), encoding="utf-8") as file:
            self.operator = json.load(file)
        self.tls = ssl.create_default_context(cadata=self.operator["ca"])
        self.log = open(os.path.join(self.folder, "log"), "w", encoding="utf-8")
        self.start_hub()
        self.start_host()

    def spawn(self, *command):
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def start_hub(self):
        self.hub = self.spawn(self.programs["holdfast-hub"], "serve", "--data", self.data)
        eventually(lambda: self.answers("GET", "/v1/hosts"), "the hub answers", DEADLINE)

    def answers(self, *words):
        try:
            return self.ask(*words) is not None
        except OSError:
            return False

    def start_host(self):
        inside = ["ip", "netns", "exec", self.link.name] if self.link else []
        self.host = self.spawn(*inside, self.programs["holdfastd"], "--hub", self.operator["url"], "--state-dir",
                               os.path.join(self.folder, "state"), "--socket", self.socket, "--connect",
                               "test:///default")
        eventually(lambda: self.holdfast("get", "host").status == 0, "the daemon answers", DEADLINE)

    def end(self):
        for process in (self.host, self.hub):
            if process is not None and process.poll() is None:
                process.kill()
                process.wait()
        if self.link:
            self.link.end()
        shutil.rmtree(self.folder, ignore_errors=True)

    def holdfast(self, *words):
        return Answer(subprocess.run([self.programs["holdfast"], "--socket", self.socket, *words],
                                     capture_output=True, text=True, check=False))

    def ask(self, method, path, body=None):
        """The operator API."""
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=self.tls, timeout=30)
        try:
            connection.request(method, path, body, {"Authorization": "Bearer " + self.operator["key"]})
            answer = connection.getresponse()
            text = answer.read().decode()
            assert answer.status == 200, f"{method} {path}: {answer.status} {text}"
            return json.loads(text) if text else {}
        finally:
            connection.close()

    def status(self):
        return self.look("/v1/status")

    def look(self, path):
        """At the daemon, without a process for each look."""
        connection = http.client.HTTPConnection("localhost", timeout=30)
        try:
            connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.sock.connect(self.socket)
            connection.request("GET", path)
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def edit(self):
        """Publishes another HostConfig; the generation that it became."""
        self.edits += 1
        resource = {"apiVersion": "holdfast/v1", "kind": "HostConfig", "metadata": {"name": "host"},
                    "spec": {"resyncInterval": f"{RESYNC}s", "workers": self.edits % 60 + 1}}
        return self.publish(resource)

    def publish(self, resource):
        return self.ask("POST", f"/v1/hosts/{self.host_id}/desired", json.dumps(resource))["generation"]

    def wait_for(self, generation):
        eventually(lambda: self.status()["generation"] == generation, f"generation {generation}",
                   DEADLINE, every=0.001)

    def enroll(self):
        token = self.ask("POST", "/v1/enroll-tokens")["token"]
        enrolled = self.holdfast("enroll", "--hub", self.operator["url"], token)
        assert enrolled.status == 0, enrolled
        self.host_id = self.status()["hostId"]
        again = self.holdfast("enroll", "--hub", self.operator["url"], token)
        assert again.status == 2 and "TokenSpent" in again.err, again


def spread(what, took):
    took = sorted(1000 * value for value in took)
    print(f"{what}: least {took[0]:.1f} ms, median {statistics.median(took):.1f} ms, "
          f"95 % {took[int(len(took) * 0.95)]:.1f} ms, most {took[-1]:.1f} ms", flush=True)
    return statistics.median(took)


def edits_arrive(pair, count):
    """From just before the operator's request to the host having it in force, and to the guest
    being what it says. The hub is not asked again too soon: a report follows each effect."""
    blank = os.path.join(pair.folder, "blank")
    images.make_blank(blank)
    assert pair.holdfast("image", "import", blank).status == 0

    def is_at(power):
        return pair.look("/v1/guests/acme").get("power") == power
    pair.edit()
    pair.publish(guest("Running"))
    eventually(lambda: is_at("Running"), "the guest runs", DEADLINE)
    in_force, in_effect = [], []
    for number in range(count):
        eventually(lambda: pair.status()["hub"]["state"] == "connected", "connected", DEADLINE)
        time.sleep(0.4 + 0.7 * (number % 4))  # in the midst of reports, and long after them
        power = ("Stopped", "Running")[number % 2]
        began = time.monotonic()
        pair.wait_for(pair.publish(guest(power)))
        in_force.append(time.monotonic() - began)
        eventually(lambda power=power: is_at(power), power, DEADLINE, every=0.001)
        in_effect.append(time.monotonic() - began)
    spread(f"edit to its being in force, {count} edits", in_force)
    return spread(f"edit to effect (a guest stopped or started), {count} edits", in_effect)


def reports_arrive(pair):
    def is_known():
        host = pair.ask("GET", f"/v1/hosts/{pair.host_id}")
        text = json.dumps(host)
        assert pair.host_id in text and "ProviderAvailable" in text, text[:400]
        return True
    eventually(is_known, "the hub has the host's report", DEADLINE)


def hub_dies(pair):
    """kill -9: the host goes on, comes back by itself, and nobody calls it dead."""
    before = len(pair.receiver.taken)
    held = pair.status()["generation"]
    pair.hub.kill()
    pair.hub.wait()
    time.sleep(DEAD + 1)  # longer than a host may be silent
    assert pair.status()["generation"] == held
    pair.start_hub()
    pair.wait_for(pair.edit())
    time.sleep(2)
    for alert in ("HostLate", "HostDead"):
        assert not pair.receiver.named(alert, before), f"{alert} for a hub that was down itself"


def host_stops(pair, stop, resume):
    """Late, dead, recovered: each once and in time."""
    before = len(pair.receiver.taken)
    began = time.monotonic()
    stop()
    times = {}
    for alert, after in (("HostLate", LATE), ("HostDead", DEAD)):
        eventually(lambda alert=alert: pair.receiver.named(alert, before), alert, DEADLINE, every=0.02)
        times[alert] = pair.receiver.named(alert, before)[0] - began
        # A heartbeat a second: the silence began up to that long before, or just after.
        assert after - 1.5 <= times[alert] <= after + 2.5, f"{alert} after {times[alert]:.1f} s"
    resume()
    began = time.monotonic()
    eventually(lambda: pair.receiver.named("HostRecovered", before), "HostRecovered", DEADLINE)
    pair.wait_for(pair.edit())
    time.sleep(1)
    for alert in ("HostLate", "HostDead", "HostRecovered"):
        count = len(pair.receiver.named(alert, before))
        assert count == 1, f"{alert} came {count} times"
    print(f"late after {times['HostLate']:.1f} s, dead after {times['HostDead']:.1f} s of {LATE} and "
          f"{DEAD}", flush=True)


def host_is_stopped(pair):
    host_stops(pair, lambda: pair.host.send_signal(signal.SIGSTOP),
               lambda: pair.host.send_signal(signal.SIGCONT))


def network_is_cut(pair):
    if pair.link is None:
        return
    host_stops(pair, lambda: pair.link.set("down"), lambda: pair.link.set("up"))


class StoppedThread:
    """One thread of a process, held by ptrace(2) while the others run; in a system call, as what
    hangs does: elsewhere it may hold a lock of malloc(3), which nobody survives."""

    SEIZE, INTERRUPT, CONTINUE, DETACH = 0x4206, 0x4207, 7, 17  # sys/ptrace.h

    def __init__(self, pid, name):
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/comm", encoding="utf-8") as file:
                if file.read().strip() == name:
                    self.tid = int(task)
        self.ptrace(self.SEIZE)
        eventually(lambda: self.stops_in_a_call(pid), f"{name} waits in a system call", DEADLINE)

    def stops_in_a_call(self, pid):
        self.ptrace(self.INTERRUPT)
        os.waitpid(self.tid, 0x40000000)  # __WALL
        with open(f"/proc/{pid}/task/{self.tid}/syscall", encoding="utf-8") as file:
            if file.read().split()[0] not in ("-1", "running"):
                return True
        self.ptrace(self.CONTINUE)
        return False

    def ptrace(self, request):
        libc = ctypes.CDLL(None, use_errno=True)
        libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
        if libc.ptrace(request, self.tid, None, None) < 0:
            raise OSError(ctypes.get_errno(), f"ptrace {request:#x} of {self.tid}")

    def go_on(self):
        self.ptrace(self.DETACH)


def loop_is_wedged(pair):
    """The reconcile loop alone hangs: heartbeats come, and the hub is not fooled."""
    pair.wait_for(pair.edit())
    before = len(pair.receiver.taken)
    try:
        loop = StoppedThread(pair.host.pid, "host")
    except OSError as error:
        print(f"no thread can be held here, so none is: {error}", flush=True)
        return
    began = time.monotonic()
    try:
        eventually(lambda: pair.receiver.named("HostStalled", before), "HostStalled", DEADLINE, every=0.02)
        took = time.monotonic() - began
        # The last pass may be as old as the resync interval when the loop stops.
        assert STALLED - 1.1 * RESYNC - 1.5 <= took <= STALLED + 3, f"stalled after {took:.1f} s"
    finally:
        loop.go_on()  # a process with a held thread cannot be killed and waited for
    pair.wait_for(pair.edit())
    time.sleep(DEAD + 1)
    assert len(pair.receiver.named("HostStalled", before)) == 1
    for alert in ("HostLate", "HostDead"):
        assert not pair.receiver.named(alert, before), f"{alert} for a host that beats"
    print(f"stalled after {took:.1f} s of {STALLED}", flush=True)


def host_reboots(pair):
    def resume():
        pair.start_host()
    def stop():
        pair.host.kill()
        pair.host.wait()
    host_stops(pair, stop, resume)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--edits", type=int, default=6)
    parser.add_argument("--only-edits", action="store_true", help="measure and nothing else")
    words = parser.parse_args()
    link = None if words.only_edits else Link.make()
    pair = Pair(os.path.abspath(words.build), link)
    try:
        pair.enroll()
        median = edits_arrive(pair, words.edits)
        assert median < 1000, "an edit takes seconds"
        if not words.only_edits:
            for case in (reports_arrive, hub_dies, host_is_stopped, network_is_cut, loop_is_wedged,
                         host_reboots):
                began = time.monotonic()
                case(pair)
                print(f"ok {case.__name__}  {time.monotonic() - began:.1f} s", flush=True)
        pair.host.terminate()
        assert pair.host.wait(timeout=DEADLINE) == 0
    except (AssertionError, Overdue):
        with open(os.path.join(pair.folder, "log"), encoding="utf-8") as log:
            print("--- log:\n" + "".join(log.readlines()[-40:]))
        print("--- alerts:\n" + "\n".join(json.dumps(body) for _, body in pair.receiver.taken))
        raise
    finally:
        pair.end()


if __name__ == "__main__":
    main()
