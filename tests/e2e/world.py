# SPDX-License-Identifier: Apache-2.0
"""One host for one test: a daemon with its own state, desired and target directories, inside the
sandbox of tests/sandbox. Everything is waited for with a deadline; nothing is proved by a sleep."""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import host_view
from host_view import Web

DEADLINE = float(os.environ.get("HOLDFAST_E2E_DEADLINE", "180"))  # seconds, for a busy machine
BRIDGE = "hfbr0"
NETWORK = "10.77.0"


class Overdue(AssertionError):
    """Something did not come about in time."""


def eventually(predicate, what, deadline=None, every=0.1):
    """Asks until `predicate` answers with something true, and returns that. AssertionErrors in
    between are "not yet"; the last one is part of the message when the time is over."""
    end = time.monotonic() + (deadline or DEADLINE)
    last = None
    while True:
        try:
            last = None
            answer = predicate()
            if answer:
                return answer
            last = answer
        except AssertionError as error:
            last = error
        if time.monotonic() > end:
            raise Overdue(f"not within {deadline or DEADLINE:.0f} s: {what}; at last: {last!r}")
        time.sleep(every)


def scalar(value):
    """Plain where YAML takes it for nothing else, else quoted."""
    if isinstance(value, str) and re.fullmatch(r"[A-Za-z][\w./-]*|\d+[A-Za-z]+|\d+\.\d+\.\d+", value) \
            and value.lower() not in ("true", "false", "null", "yes", "no", "on", "off", "y", "n"):
        return value
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {scalar(inner)}" for key, inner in value.items()) + "}"
    return json.dumps(value)


def to_yaml(value, indent=""):
    """YAML of dictionaries, lists and scalars, about as a person would write it."""
    lines = []
    for key, inner in value.items():
        if isinstance(inner, str) and "\n" in inner:
            lines.append(f"{indent}{key}: |\n")
            lines += [f"{indent}  {line}\n" for line in inner.splitlines()]
        elif isinstance(inner, list) and inner:
            lines.append(f"{indent}{key}:\n")
            lines += [f"{indent}  - {scalar(item)}\n" for item in inner]
        elif isinstance(inner, dict) and key in ("spec", "bootstrap"):
            lines.append(f"{indent}{key}:\n{to_yaml(inner, indent + '  ')}")
        else:
            lines.append(f"{indent}{key}: {scalar(inner)}\n")
    return "".join(lines)


def guest(name, number, **spec):
    """A tiny guest at 10.77.0.NUMBER; `spec` replaces or adds fields."""
    fields = {
        "image": {"name": "tiny", "version": "1.0.0"},
        "cpus": 1,
        "memory": "128Mi",
        "rootDisk": {"size": "64Mi"},
        "interfaces": [{"bridge": BRIDGE}],
        "bootstrap": {"networkConfig": network_config(number)},
        "stopTimeout": "30s",
    }
    fields.update(spec)
    return {"apiVersion": "holdfast/v1", "kind": "Guest", "metadata": {"name": name}, "spec": fields}


def network_config(number):
    return ("version: 2\nethernets:\n  eth0:\n"
            f"    addresses: [{NETWORK}.{number}/24]\n"
            f"    routes: [{{to: default, via: {NETWORK}.1}}]\n")


class Answer:
    """What the CLI said."""

    def __init__(self, done):
        self.status = done.returncode
        self.out = done.stdout
        self.err = done.stderr

    def json(self):
        return json.loads(self.out)

    def __repr__(self):
        return f"exit {self.status}: {(self.out + self.err).strip()[:2000]}"


class World:
    """Use as a context manager: leaving it ends the daemon and everything it made."""

    def __init__(self, build, image, name="world"):
        self.daemon_program = os.path.join(build, "controller", "holdfastd")
        self.cli_program = os.path.join(build, "cli", "holdfast")
        self.hub_program = os.path.join(build, "hub", "holdfast-hub")
        self.image = image
        self.folder = tempfile.mkdtemp(prefix=f"holdfast-e2e-{name}.", dir="/var/tmp")
        os.chmod(self.folder, 0o755)
        self.state = os.path.join(self.folder, "state")
        self.desired = os.path.join(self.folder, "desired")
        self.socket = os.path.join(self.folder, "admin.sock")
        self.log = os.path.join(self.folder, "daemon.log")
        self.targets = {"local": os.path.join(self.state, "guests")}
        for target in ("second",):
            self.targets[target] = os.path.join(self.folder, target)
            os.mkdir(self.targets[target])
        os.mkdir(self.desired)
        self.small_disks = []
        self.daemon = None
        self.options = ()     # of the daemon, each time it is started
        self.foreign = None
        self.aside = set()    # disks that a signed order took out of use, and that have to stay
        self.wanted = {}      # name -> resource, as written last
        self.addresses = {}
        self.generation = 0   # accepted before the last edit

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if kind is not None:
            self.show_state()
        self.kill()
        for uuid in host_view.domains():
            host_view.virsh("destroy", uuid, check=False)
            host_view.virsh("undefine", uuid, "--snapshots-metadata", "--nvram", check=False)
        for disk in self.small_disks:
            disk.unmount()
        if kind is None or not os.environ.get("HOLDFAST_E2E_KEEP"):
            shutil.rmtree(self.folder, ignore_errors=True)

    # --- the daemon

    def start(self, wait=True, extra=()):
        assert self.daemon is None, "the daemon runs already"
        command = [self.daemon_program, "--desired", self.desired, "--state-dir", self.state,
                   "--connect", "qemu:///system", "--socket", self.socket, *self.options, *extra]
        for name, folder in self.targets.items():
            if name != "local":
                command += ["--target", f"{name}={folder}"]
        with open(self.log, "a", encoding="utf-8") as log:
            self.daemon = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        if wait:
            self.wait_until_up()

    def wait_until_up(self):
        def is_up():
            if self.daemon.poll() is not None:
                raise SystemExit(f"holdfastd ended with {self.daemon.returncode}: {self.last_log()}")
            return self.ask("/v1/status") is not None
        eventually(is_up, "the daemon answers at its socket", every=0.02)

    def stop(self):
        """Asks the daemon to end and returns its exit status."""
        self.daemon.send_signal(signal.SIGTERM)
        status = self.daemon.wait(timeout=DEADLINE)
        self.daemon = None
        return status

    def kill(self):
        """kill -9, as a crash; no effect when none runs."""
        if self.daemon is not None:
            self.daemon.kill()
            self.daemon.wait()
            self.daemon = None

    def ask(self, path, timeout=60):
        """One GET at the admin socket; None when nobody answers."""
        connection = http.client.HTTPConnection("localhost", timeout=timeout)
        try:
            connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.sock.settimeout(timeout)
            connection.sock.connect(self.socket)
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read().decode()
            return json.loads(body) if answer.status == 200 else None
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def cli(self, *arguments, timeout=300, environment=None):
        command = [self.cli_program, "--socket", self.socket, *arguments]
        return Answer(subprocess.run(command, capture_output=True, text=True, timeout=timeout,
                                     env=environment))

    def must(self, *arguments):
        """A command that has to succeed."""
        answer = self.cli(*arguments)
        assert answer.status == 0, f"holdfast {' '.join(arguments)}: {answer}"
        return answer

    # --- desired state

    def path_of(self, name):
        return os.path.join(self.desired, f"{name}.yaml")

    def write_text(self, file_name, text):
        """Replaces a file as an editor does: written beside it, then renamed."""
        path = os.path.join(self.desired, file_name)
        with open(path + "~", "w", encoding="utf-8") as file:
            file.write(text)
        os.rename(path + "~", path)

    def note_generation(self):
        self.generation = (self.ask("/v1/status") or {}).get("generation", self.generation)

    def want(self, *resources):
        """Writes resources whole. They must differ from what was written before."""
        self.note_generation()
        for resource in resources:
            name = resource["metadata"]["name"]
            self.wanted[name] = json.loads(json.dumps(resource))
            if found := re.search(r"addresses: \[([\d.]+)/", json.dumps(resource)):
                self.addresses[name] = found.group(1)
            self.write_text(f"{name}.yaml", to_yaml(resource))

    def edit(self, name, **spec):
        """Replaces fields of a guest's spec; None removes one. Returns the spec before."""
        resource = json.loads(json.dumps(self.wanted[name]))
        before = json.loads(json.dumps(resource["spec"]))
        for field, value in spec.items():
            if value is None:
                resource["spec"].pop(field, None)
            else:
                resource["spec"][field] = value
        self.want(resource)
        return before

    def drop(self, *names):
        """Removes guests from the desired state, in one edit."""
        self.note_generation()
        for name in names:
            os.unlink(self.path_of(name))
            del self.wanted[name]

    # --- what the daemon says

    def host(self):
        status = self.ask("/v1/status")
        assert status is not None, "the daemon does not answer"
        return status

    def host_condition(self, kind):
        return find_condition(self.host(), kind)

    def guests(self):
        """Reported guests that are ours, by name."""
        reports = self.ask("/v1/guests")
        assert reports is not None, "the daemon does not answer"
        return {report["name"]: report for report in reports if not report["foreign"]}

    def report(self, name):
        found = self.guests().get(name)
        assert found, f"guest {name} is not reported"
        return found

    def condition(self, name, kind):
        return find_condition(self.report(name), kind)

    def uuid(self, name):
        return self.report(name)["uuid"]

    def tickets(self, name=None):
        found = self.ask("/v1/tickets")
        assert found is not None, "the daemon does not answer"
        return [t for t in found if name is None or t["subject"] == f"guest/{name}"]

    def is_settled(self):
        """The last edit is accepted, nothing is under way, all say so, and the plan is empty."""
        host = self.host()
        assert host["generation"] > self.generation, f"generation {host['generation']} is in force"
        assert host["openOperations"] == 0, f"{host['openOperations']} operations are open"
        for name, report in self.guests().items():
            ready = find_condition(report, "Ready")
            assert name not in self.wanted or (ready["status"] == "True" and
                                               ready["observedGeneration"] == host["generation"]), ready
        plan = self.cli("plan")
        assert plan.status == 0, f"plan: {plan}"
        return True

    def settle(self, what="the host is as wanted", deadline=None):
        eventually(self.is_settled, what, deadline, every=0.25)

    def settle_refused(self, name, what, deadline=None):
        """The edit is taken up, and `plan` shows a refusal for `name`, exit 1."""
        def is_refused():
            host = self.host()
            assert host["generation"] > self.generation, f"generation {host['generation']} is in force"
            plan = self.cli("plan", "-o", "json")
            assert plan.status == 1, f"plan: {plan}"
            refused = [action for action in plan.json()["actions"]
                       if action["subject"] == f"guest/{name}" and action["verdict"] == "refused"]
            assert refused, f"nothing is refused: {plan}"
            return refused
        return eventually(is_refused, what, deadline, every=0.25)

    # --- the world itself

    def web(self, name):
        """The guest's web server, also once it is no longer wanted."""
        return Web(self.addresses[name])

    def answers(self, name):
        """Waits until the guest answers and returns what it says."""
        web = self.web(name)
        return eventually(web.status, f"{name} answers at {web.address}")

    def processes(self):
        """Name -> QEMU process id, for our guests that run."""
        running = host_view.qemu_processes()
        return {name: running[report["uuid"]] for name, report in self.guests().items()
                if report["uuid"] in running}

    def plant_foreign(self):
        self.foreign = host_view.ForeignGuest(os.path.join(self.folder, "foreign"))

    def audit(self):
        """Nothing leaked, the foreign guest is as it was."""
        known = {report["uuid"] for report in self.guests().values()}
        foreign = {self.foreign.uuid} if self.foreign else set()
        found = host_view.leaks(known, foreign, list(self.targets.values()), self.aside)
        assert not found, "leaked: " + "; ".join(found)
        if self.foreign:
            self.foreign.assert_untouched()

    def interrupted(self):
        """With the daemon dead: kind and step of what is open, from the journal alone."""
        answer = self.cli("journal", "list", "--state-dir", self.state, "-o", "json")
        assert answer.status == 0, f"journal list with the daemon dead: {answer}"
        return ", ".join(f"{op['kind']}/{op['step'] or 'start'}" for op in answer.json()
                         if op["state"] in ("open", "rolling_back"))

    # --- for people who look at a failure

    def last_log(self, lines=40):
        try:
            with open(self.log, encoding="utf-8", errors="replace") as file:
                return "".join(file.readlines()[-lines:])
        except OSError as error:
            return str(error)

    def show_state(self):
        print(f"--- state at the failure; the world is {self.folder}", file=sys.stderr)
        for arguments in (["get", "guests"], ["plan"], ["get", "operations"]):
            try:
                print(f"$ holdfast {' '.join(arguments)}\n{self.cli(*arguments, timeout=30)}",
                      file=sys.stderr)
            except (OSError, subprocess.SubprocessError) as error:
                print(error, file=sys.stderr)
        print(f"--- end of the daemon's log\n{self.last_log()}", file=sys.stderr)


def find_condition(report, kind):
    """The condition of a report, or one that says nothing."""
    for condition in report.get("conditions", []):
        if condition["type"] == kind:
            return condition
    return {"type": kind, "status": "", "reason": "", "message": ""}
