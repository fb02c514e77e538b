#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A real daemon and a hub that is scripted to be hostile. Each part that it plays is refused with
its own reason and told to the operator's watcher, customers' data and the daemon's memory stay as
they are, and the host follows again once the hub is honest.

    hostile_hub_test.py BUILD_DIR

libvirt's test driver stands in for the hypervisor, so that all of it takes about a minute."""

import hashlib
import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

from hostile_hub import Authority, Exchange, Hub, Listener, Watcher
from world import Answer, Overdue, eventually

MEMORY_LIMIT = 128 << 20
REST_LIMIT = 64 << 20
DEADLINE = 60


def host_config(resync="60s", level="info"):
    return {"apiVersion": "holdfast/v1", "kind": "HostConfig", "metadata": {"name": "host"},
            "spec": {"resyncInterval": resync, "logLevel": level}}


def guest(name, memory="128Mi"):
    return {"apiVersion": "holdfast/v1", "kind": "Guest", "metadata": {"name": name},
            "spec": {"image": {"name": "tiny", "version": "1.0.0"}, "memory": memory,
                     "rootDisk": {"size": "64Mi"}}}


def parse_exposition(text):
    """Prometheus' text format, strictly enough: each sample belongs to a family that was declared
    with help and type, and none comes twice."""
    families, samples = {}, {}
    for line in text.splitlines():
        if line.startswith("# HELP "):
            helped = line.split()[2]
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            assert name == helped and name not in families, line
            families[name] = kind
        else:
            found = re.fullmatch(r'([a-z_]+)(\{(?:[a-z]+="[^"]*",?)*\})? (-?[0-9.]+)', line)
            assert found, line
            name, labels, value = found.groups()
            family = re.sub("_(bucket|sum|count)$", "", name) if name not in families else name
            assert family in families and (name, labels) not in samples, line
            samples[name, labels or ""] = float(value)
    return samples


class Site:
    """One enrolled host, its hub, its watcher, and data that nobody may touch."""

    def __init__(self, build):
        self.programs = {name: os.path.join(build, folder, name)
                         for folder, name in (("controller", "holdfastd"), ("cli", "holdfast"))}
        self.folder = tempfile.mkdtemp(prefix="holdfast-hostile.")
        self.socket = os.path.join(self.folder, "admin.sock")
        self.authority = Authority(self.folder, "ours")
        self.stranger = Authority(self.folder, "stranger")
        self.certificate = self.authority.issue("hub", "IP:127.0.0.1")
        self.hub = Hub(self.certificate, self.authority.key_pin(self.certificate[0]))
        with open(self.authority.pem, encoding="utf-8") as pem:
            self.hub.ca_pem = pem.read()
        self.watcher = Watcher(self.certificate)
        self.config = os.path.join(self.folder, "agent.yaml")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.metrics_port = probe.getsockname()[1]
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(f"stateDir: {self.folder}/state\nsocket: {self.socket}\n"
                       f"connect: test:///default\nhub: {self.hub.url}\n"
                       f"alarmUrl: {self.watcher.url}/note?key=1\nalarmCa: {self.authority.pem}\n"
                       f"metrics: 127.0.0.1:{self.metrics_port}\n"
                       f"targets: {{nvme: {self.folder}/nvme}}\n")
            self.configure(file)
        self.plant_data()
        self.peak = 0
        self.start()

    def configure(self, file):
        """More of agent.yaml."""

    def plant_data(self):
        for place in ("state/guests/acme", "nvme/acme"):
            folder = os.path.join(self.folder, place)
            os.makedirs(folder)
            with open(os.path.join(folder, "root.raw"), "wb") as disk:
                disk.write(os.urandom(1 << 20))
        self.data = self.data_digest()

    def data_digest(self):
        digest = hashlib.sha256()
        for top in ("state/guests", "nvme"):
            for folder, _, names in sorted(os.walk(os.path.join(self.folder, top))):
                for name in sorted(names):
                    digest.update(os.path.join(folder, name).encode())
                    with open(os.path.join(folder, name), "rb") as file:
                        digest.update(file.read())
        return digest.hexdigest()

    def start(self):
        self.log = open(os.path.join(self.folder, "daemon.log"), "a", encoding="utf-8")
        self.daemon = subprocess.Popen([self.programs["holdfastd"], "--config", self.config],
                                       stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        eventually(lambda: self.holdfast("get", "host").status == 0, "the daemon answers", DEADLINE)

    def stop(self):
        self.note_memory()
        self.daemon.terminate()
        assert self.daemon.wait(timeout=DEADLINE) == 0
        self.log.close()

    def end(self):
        if self.daemon.poll() is None:
            self.daemon.kill()
            self.daemon.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def memory(self, name):
        with open(f"/proc/{self.daemon.pid}/status", encoding="utf-8") as status:
            return next(int(line.split()[1]) << 10 for line in status if line.startswith(name))

    def note_memory(self):
        self.peak = max(self.peak, self.memory("VmHWM:"))

    def holdfast(self, *words):
        return Answer(subprocess.run([self.programs["holdfast"], "--socket", self.socket, *words],
                                     capture_output=True, text=True, check=False))

    def metrics(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.metrics_port)
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        assert answer.status == 200 and answer.getheader("Content-Type").startswith("text/plain")
        return parse_exposition(answer.read().decode())

    def status(self):
        answer = self.holdfast("get", "host", "-o", "json")
        assert answer.status == 0, answer
        return answer.json()

    def condition(self, kind):
        for condition in self.status()["conditions"]:
            if condition["type"] == kind:
                return condition
        return {"status": "", "reason": "", "message": ""}

    def says(self, reason, kind="DesiredStateAccepted"):
        found = self.condition(kind)
        assert found["status"] == "False" and found["reason"] == reason, found
        return True

    def hub_says(self, words):
        message = self.status()["hub"]["message"]
        assert words in message, message
        return True

    def holds(self, generation):
        status = self.status()
        assert status["generation"] == generation, status["generation"]
        accepted = self.condition("DesiredStateAccepted")
        assert accepted["status"] == "True", accepted
        return True

    def turn_honest(self):
        """The hub is itself again, and an edit arrives."""
        self.hub.present(self.certificate)
        self.hub.time_shift = 0.0
        self.hub.play_part(None)
        generation = self.hub.publish([host_config(resync=f"{5 + self.hub.generation % 20}s")])
        eventually(lambda: self.holds(generation), "the host follows the honest hub", DEADLINE)
        eventually(lambda: self.status()["hub"]["state"] == "connected", "it says so", DEADLINE)


def play_desired(site, envelope, reason):
    def part(hub, exchange, _request):
        exchange.answer(200, hub.response(desired=envelope))
    held = site.status()["generation"]
    site.hub.play_part(part)
    eventually(lambda: site.says(reason), reason, DEADLINE)
    assert site.status()["generation"] == held, "a refused state was taken"
    eventually(lambda: reason in site.watcher.reasons(), f"the watcher hears of {reason}", DEADLINE)


def rollback(site):
    hub = site.hub
    play_desired(site, hub.envelope(hub.generation - 1), "DesiredStateRolledBack")


def agrees_again(site):
    """Without any edit: the refusal is over as soon as the hub no longer contradicts."""
    rollback(site)
    held = site.status()["generation"]
    site.hub.play_part(None)
    eventually(lambda: site.holds(held), "the refusal is over", DEADLINE)


def fork(site):
    hub = site.hub
    play_desired(site, hub.envelope(resources=[host_config(level="debug")]), "DesiredStateForked")


def mix_of_parts(site):
    """Resources of an older generation among those of the newest, under its number."""
    hub = site.hub
    older = [guest("acme")]
    play_desired(site, hub.envelope(resources=hub.resources + older), "DesiredStateForked")


def generation_jump(site):
    play_desired(site, site.hub.envelope(9_007_199_254_740_991), "GenerationJump")


def wrong_host(site):
    hub = site.hub
    play_desired(site, hub.envelope(hub.generation + 1, host_id="f" * 32), "WrongHost")


def damaged_enrolment(site):
    """Half of hub.json is gone: the host goes on with what it has and says what to do."""
    held = site.status()["generation"]
    path = os.path.join(site.folder, "state", "hub.json")
    with open(path, encoding="utf-8") as file:
        whole = file.read()
    site.stop()
    with open(path, "w", encoding="utf-8") as file:
        file.write(whole[:100])
    site.start()
    eventually(lambda: site.says("NotEnrolled", "HubAnswers"), "it says so", DEADLINE)
    assert site.status()["generation"] == held
    assert "holdfast enroll" in site.holdfast("why", "host").out
    site.stop()
    with open(path, "w", encoding="utf-8") as file:
        file.write(whole)
    site.start()


def freeze(site):
    """Its clock goes back: what it says may be what it said once."""
    site.hub.time_shift = -7200.0
    site.hub.play_part(None)
    eventually(lambda: site.condition("HubFresh")["reason"] == "DesiredStateFrozen", "frozen", 90)
    eventually(lambda: "DesiredStateFrozen" in site.watcher.reasons(), "the watcher hears", DEADLINE)
    site.turn_honest()
    eventually(lambda: site.condition("HubFresh")["status"] == "True", "forgiven", DEADLINE)


def play_answer(site, part, words):
    site.hub.play_part(part)
    eventually(lambda: site.hub_says(words), words, DEADLINE)
    site.note_memory()


def raw(head, body=b"", repeat=False, pause=0.0):
    """An answer in bytes, its body once or for ever."""
    def part(hub, exchange, _request):
        exchange.close_connection = True
        exchange.wfile.write(head)
        exchange.wfile.write(body)
        while repeat and hub.misbehave is part:
            exchange.wfile.write(body)
            if pause:
                time.sleep(pause)
    return part


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"


def endless_body(site):
    play_answer(site, raw(HEAD, b"[" + b'"x",' * 16384, repeat=True), "larger than 8388608 bytes")


def endless_headers(site):
    play_answer(site, raw(b"HTTP/1.1 200 OK\r\n", b"X-More: " + b"x" * 4096 + b"\r\n", repeat=True),
                "headers")


def one_byte_a_second(site):
    play_answer(site, raw(HEAD, b" ", repeat=True, pause=1.0), "slower than 1024 bytes a second")


def fixed(body, status=200, headers=()):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return lambda hub, exchange, request: exchange.answer(status, data, headers)


def response_around(site, text):
    shell = json.dumps(site.hub.response(desired="HERE"))
    return shell.replace('"HERE"', text).encode()


def million_resources(site):
    envelope = json.dumps(site.hub.envelope(site.hub.generation + 1, ["HERE"]))
    many = ",".join(["{}"] * 1_000_000)
    play_answer(site, fixed(response_around(site, envelope.replace('"HERE"', many))), "found too much")


def deep_json(site):
    play_answer(site, fixed(response_around(site, "[" * 100_000 + "]" * 100_000)), "nesting deeper")


def wide_json(site):
    """As much as fits into the cap, of what takes the most memory for its bytes."""
    many = ",".join(['{"":{}}'] * 1_000_000)
    play_answer(site, fixed(response_around(site, f'{{"x":[{many}]}}')), "found too much")


def one_after_the_other(site):
    """Over both of the host's connections, and nothing of it stays."""
    for _ in range(6):
        for case in (million_resources, wide_json):
            case(site)
            site.turn_honest()
    assert site.memory("VmRSS:") < REST_LIMIT, f"{site.memory('VmRSS:') >> 20} MiB stay"


def long_heartbeat(site):
    site.hub.beat_answer = {"serverTime": "x" * 65536}
    eventually(lambda: site.hub_says("larger than 65536 bytes"), "a heartbeat's own cap", DEADLINE)
    site.hub.beat_answer = None


def wrong_types(site):
    answer = site.hub.response()
    answer["serverTime"] = 7
    play_answer(site, fixed(answer), "/serverTime")


def no_json(site):
    play_answer(site, fixed(b"<html>it works</html>"), "not JSON")


def server_errors(site):
    play_answer(site, fixed({"error": {"kind": "internal", "message": "out of \x1b[31morder"}}, 500),
                "answered 500: out of  [31morder")


def unknown_key(site):
    play_answer(site, fixed({"error": {"kind": "denied", "message": "unknown key"}}, 401), "unknown key")


def redirect(site):
    class Elsewhere(Listener):
        def play(self, exchange, _body):
            exchange.answer(200, {})
    elsewhere = Elsewhere(site.certificate, Exchange)
    play_answer(site, fixed(b"", 302, [("Location", elsewhere.url + "/v1/steal")]), "a redirect is never")
    assert not elsewhere.requests, elsewhere.requests


def other_certificate(site, certificate, words):
    site.hub.present(certificate)
    site.hub.play_part(lambda hub, exchange, request: setattr(exchange, "close_connection", True))
    eventually(lambda: site.hub_says(words), words, DEADLINE)


def wrong_name(site):
    other_certificate(site, site.authority.issue("other", "DNS:hub.example"), "not who it should be")


def other_ca(site):
    other_certificate(site, site.stranger.issue("hub", "IP:127.0.0.1"), "not signed by the expected CA")


def answers_at_once(site):
    """It never parks a poll: the daemon must not spin."""
    asked = []

    def part(hub, exchange, _request):
        asked.append(time.monotonic())
        exchange.answer(200, hub.response())
    site.hub.play_part(part)
    eventually(lambda: len(asked) >= 14, "some polls", DEADLINE)
    pace = (asked[-1] - asked[10]) / (len(asked) - 11)
    assert pace > 0.5, f"a poll every {pace:.3f} s"


def restart_offline(site):
    """The hub is away and the host reboots: what was accepted stays in force."""
    held = site.status()["generation"]
    site.hub.play_part(fixed(b"", 503))
    site.stop()
    site.start()
    assert site.holds(held)


def support_tells_no_secrets(site):
    """Neither the key at the hub nor that in the watcher's URL."""
    bundle = os.path.join(site.folder, "bundle.tar.gz")
    made = site.holdfast("support-bundle", "-o", bundle)
    made = made if made.status == 0 else site.holdfast("support-bundle", "--output-file", bundle)
    assert made.status == 0, made
    text = subprocess.run(["tar", "-xzOf", bundle], check=True, capture_output=True).stdout
    assert site.watcher.url.encode() in text
    for secret in (b"note?key=1", site.hub.key.encode()):
        assert secret not in text, secret


def metrics_tell(site):
    held = site.status()["generation"]
    before = site.metrics()
    assert before["holdfast_generation", ""] == held, before
    assert before["holdfast_hub_last_heartbeat_age_seconds", ""] < 10, before
    assert before['holdfast_host_pass_seconds_bucket', '{le="+Inf"}'] > 0, before
    rollback(site)
    refused = '{type="DesiredStateAccepted",reason="DesiredStateRolledBack"}'
    assert site.metrics()["holdfast_condition", refused] == 0
    assert site.metrics()["holdfast_hub_syncs_total", '{result="answered"}'] > \
        before["holdfast_hub_syncs_total", '{result="answered"}']


CASES = [rollback, agrees_again, fork, mix_of_parts, generation_jump, wrong_host, endless_body,
         endless_headers, one_byte_a_second, million_resources, deep_json, wide_json, one_after_the_other,
         long_heartbeat, wrong_types, no_json, server_errors, unknown_key, redirect, wrong_name, other_ca, answers_at_once,
         restart_offline, damaged_enrolment, freeze, metrics_tell,
         support_tells_no_secrets]


def main():
    if shutil.which("openssl") is None:
        print("skipped: no openssl(1) to make certificates with")
        sys.exit(77)
    build = os.path.abspath(sys.argv[1])
    chosen = [case for case in CASES if not sys.argv[2:] or case.__name__ in sys.argv[2:]]
    site = Site(build)
    try:
        enrolled = site.holdfast("enroll", "--hub", site.hub.url, site.hub.enroll_token())
        assert enrolled.status == 0, enrolled
        site.turn_honest()
        site.turn_honest()
        for case in chosen:
            began = time.monotonic()
            case(site)
            site.turn_honest()
            site.note_memory()
            assert site.data_digest() == site.data, f"{case.__name__}: customers' data changed"
            print(f"ok {case.__name__}  {time.monotonic() - began:.1f} s, {site.peak >> 20} MiB at most",
                  flush=True)
        assert site.peak < MEMORY_LIMIT, f"the daemon took {site.peak >> 20} MiB"
        print(f"peak memory of the daemon: {site.peak >> 20} MiB")
        site.stop()
    except (AssertionError, Overdue):
        with open(os.path.join(site.folder, "daemon.log"), encoding="utf-8") as log:
            print("--- the daemon's log:\n" + "".join(log.readlines()[-40:]), file=sys.stderr)
        raise
    finally:
        site.end()


if __name__ == "__main__":
    main()
