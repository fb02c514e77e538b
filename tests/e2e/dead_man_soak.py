#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Many simulated hosts beat at a real hub over a line that loses packets: no alert may be false, and
the one host that stops at the end must be told of once, in time.

    tests/e2e/dead_man_soak.py BUILD_DIR [--hosts 200] [--minutes 30] [--loss 0.01]

The line is a proxy: where the kernel has no netem, what TCP makes of a lost packet is played instead, a
pause of a retransmission timeout during which nothing behind it arrives. Now and then it cuts a connection."""

import argparse
import asyncio
import base64
import hashlib
import json
import os
import random
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time

LATE, DEAD = 30.0, 90.0  # the hub's defaults
SLACK = 1.5              # a second is promised; the rest is for this script's own polling
RETRANSMIT = 0.2         # Linux' shortest retransmission timeout, doubled for each loss in a row
PACKET = 1400
CUT = 0.0005             # of packets: the connection ends with it


def openssl(*words, data=None):
    return subprocess.run(["openssl", *words], input=data, check=True, capture_output=True).stdout


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Line:
    """Everything that is said between the hosts and the hub goes through here."""

    def __init__(self, target, loss, seed):
        self.target, self.loss, self.random = target, loss, random.Random(seed)
        self.lost = self.cut = self.packets = 0

    async def serve(self):
        self.server = await asyncio.start_server(self.accept, "127.0.0.1", 0)
        return self.server.sockets[0].getsockname()[1]

    async def accept(self, reader, writer):
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.close()
            return
        try:
            await asyncio.gather(self.carry(reader, back), self.carry(there, writer))
        except asyncio.CancelledError:
            back.close()

    async def carry(self, reader, writer):
        try:
            while data := await reader.read(PACKET):
                self.packets += 1
                if self.random.random() < CUT:
                    self.cut += 1
                    break
                pause = RETRANSMIT
                while self.random.random() < self.loss:
                    self.lost += 1
                    await asyncio.sleep(pause)
                    pause *= 2
                writer.write(data)
                await writer.drain()
        except (OSError, asyncio.CancelledError):
            pass  # one of the ends left, or all is over
        finally:
            writer.close()


class Host:
    """Enrols like a real one, then only beats."""

    def __init__(self, folder, number):
        key = os.path.join(folder, f"host-{number}.pem")
        openssl("genpkey", "-algorithm", "ed25519", "-out", key)
        raw = openssl("pkey", "-in", key, "-pubout", "-outform", "DER")[-32:]
        self.key, self.public = key, base64.b64encode(raw).decode()
        self.id = hashlib.sha256(raw).digest()[:16].hex()
        self.name = f"site-{number}"
        self.bearer = ""
        self.is_beating = True
        self.beats = self.failures = 0
        self.last = 0.0

    def enrolment(self, token):
        message = os.path.join(os.path.dirname(self.key), "message")
        with open(message, "wb") as file:
            file.write(b"holdfast-enroll-v1\0" + token.encode() + b"\0" + self.id.encode())
        proof = openssl("pkeyutl", "-sign", "-rawin", "-inkey", self.key, "-in", message)
        return {"apiVersion": "holdfast/v1", "kind": "EnrollRequest", "token": token, "hostId": self.id,
                "publicKey": self.public, "proof": base64.b64encode(proof).decode(),
                "hostname": self.name, "version": "0.0.0"}

    async def live(self, port, context):
        session, connection = os.urandom(16).hex(), None
        await asyncio.sleep(random.uniform(0, 10))
        while self.is_beating:
            self.beats += 1
            body = {"apiVersion": "holdfast/v1", "kind": "Heartbeat", "session": session,
                    "sequence": self.beats, "passAge": "3s", "journalAge": "12s", "openOperations": 0,
                    "generation": 1, "mode": "normal"}
            try:
                connection = connection or await connect(port, context)
                sent = time.monotonic()
                await asyncio.wait_for(post(connection, f"/v1/hosts/{self.id}/heartbeat", body, self.bearer), 30)
                self.last = sent
                await asyncio.sleep(random.uniform(9, 11))
            except (OSError, EOFError, asyncio.TimeoutError, asyncio.IncompleteReadError):
                self.failures += 1
                if connection:
                    connection[1].close()
                connection = None
                await asyncio.sleep(random.uniform(0, 2))
        if connection:
            connection[1].close()


async def connect(port, context):
    return await asyncio.wait_for(
        asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="127.0.0.1"), 20)


async def post(connection, path, body, bearer=""):
    reader, writer = connection
    data = json.dumps(body).encode()
    key = f"Authorization: Bearer {bearer}\r\n" if bearer else ""
    writer.write(f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n{key}"
                 f"Content-Length: {len(data)}\r\n\r\n".encode() + data)
    await writer.drain()
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    length = int(head.split("content-length:")[1].split("\r\n")[0])
    answer = await reader.readexactly(length)
    status = int(head.split()[1])
    assert status == 200, f"{path}: {status} {answer!r}"
    return json.loads(answer)


class Soak:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.data = os.path.join(folder, "hub")
        self.port = free_port()
        self.programs = {name: os.path.join(options.build, part, name)
                         for part, name in (("hub", "holdfast-hub"), ("cli", "holdfast"))}
        self.environment = dict(os.environ,
                                HOLDFAST_HUB_CONFIG=os.path.join(self.data, "operator.json"))

    def holdfast(self, *words):
        done = subprocess.run([self.programs["holdfast"], "hub", *words, "-o", "json"], check=False,
                              capture_output=True, text=True, env=self.environment)
        assert done.returncode in (0, 1), f"hub {words}: {done}"
        return json.loads(done.stdout)

    def alerts(self):
        return [(alert["alert"], alert["hostname"]) for alert in self.holdfast("alerts", "-n", "1000")]

    def start(self):
        subprocess.run([self.programs["holdfast-hub"], "init", "--data", self.data, "--name", "127.0.0.1",
                        "--port", str(self.port)], check=True, capture_output=True)
        log = open(os.path.join(self.folder, "hub.log"), "w", encoding="utf-8")
        self.hub = subprocess.Popen([self.programs["holdfast-hub"], "serve", "--data", self.data, "--listen",
                                     f"127.0.0.1:{self.port}"], stdout=log, stderr=log)
        end = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                assert time.monotonic() < end, "the hub does not listen"
                time.sleep(0.05)

    async def enrol(self, host):
        token = self.holdfast("enroll-token")["token"]
        while not host.bearer:
            connection = await connect(self.port, self.context)
            try:
                answer = await post(connection, "/v1/enroll", host.enrolment(token.split(".")[1]))
                host.bearer = answer["key"]
            except AssertionError as refusal:
                if "429" not in str(refusal):  # so many from one address are slowed down
                    raise
                await asyncio.sleep(1)
            finally:
                connection[1].close()

    async def run(self):
        self.start()
        self.context = ssl.create_default_context(cadata=self.certificate())
        hosts = [Host(self.folder, number) for number in range(self.options.hosts)]
        line = Line(self.port, self.options.loss, self.options.seed)
        port = await line.serve()
        lives = []
        for host in hosts:
            await self.enrol(host)
            lives.append(asyncio.create_task(host.live(port, self.context)))
        print(f"{len(hosts)} hosts beat for {self.options.minutes:g} minutes, {self.options.loss:.1%} lost",
              flush=True)
        end = time.monotonic() + 60 * self.options.minutes
        while time.monotonic() < end:
            await asyncio.sleep(min(10.0, max(0.0, end - time.monotonic())))
            false = await asyncio.to_thread(self.alerts)
            assert not false, f"{len(false)} false alerts: {false[:5]} ..."
            assert self.hub.poll() is None, "the hub ended"
        print(f"no false alert; {sum(host.beats for host in hosts)} heartbeats, of which "
              f"{sum(host.failures for host in hosts)} failed; {line.packets} packets, {line.lost} losses, "
              f"{line.cut} cut connections", flush=True)
        await self.one_dies(hosts[len(hosts) // 2])
        for host in hosts:
            host.is_beating = False
        for life in lives:
            life.cancel()
        await asyncio.gather(*lives, return_exceptions=True)

    async def one_dies(self, host):
        host.is_beating = False
        for alert, after in (("HostLate", LATE), ("HostDead", DEAD)):
            while (alert, host.name) not in await asyncio.to_thread(self.alerts):
                assert time.monotonic() < host.last + after + 30, f"{alert} did not come"
                await asyncio.sleep(0.2)
            took = time.monotonic() - host.last
            # The last beat may have been on its way for a while when it counted.
            assert after - SLACK < took < after + SLACK + 20, f"{alert} after {took:.1f} s"
            print(f"{alert} {took:.1f} s after the last heartbeat", flush=True)
        told = [found for found in await asyncio.to_thread(self.alerts) if found[1] == host.name]
        assert sorted(told) == [("HostDead", host.name), ("HostLate", host.name)], told

    def certificate(self):
        with open(os.path.join(self.data, "operator.json"), encoding="utf-8") as file:
            return json.load(file)["ca"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build")
    parser.add_argument("--hosts", type=int, default=200)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--loss", type=float, default=0.01)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    options = parser.parse_args()
    if shutil.which("openssl") is None:
        print("skipped: no openssl(1) to make hosts' keys with")
        sys.exit(77)
    print(f"seed {options.seed}", flush=True)
    folder = tempfile.mkdtemp(prefix="holdfast-dead-man.")
    soak = Soak(options, folder)
    try:
        asyncio.run(soak.run())
    except AssertionError:
        with open(os.path.join(folder, "hub.log"), encoding="utf-8") as log:
            print("--- the hub's log:\n" + "".join(log.readlines()[-40:]), file=sys.stderr)
        raise
    finally:
        if hasattr(soak, "hub"):
            soak.hub.terminate()
            soak.hub.wait()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
