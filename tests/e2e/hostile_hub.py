# SPDX-License-Identifier: Apache-2.0
"""A hub that does to a host whatever a test says. It speaks the protocol of
docs/design/hub-protocol.md with Python's standard library; `misbehave` is the part it plays."""

import base64
import datetime
import hashlib
import http.server
import json
import os
import ssl
import subprocess
import threading

API = "holdfast/v1"


def now(shift=0.0):
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=shift)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


class Authority:
    """A CA and the certificates it issues, through openssl(1)."""

    def __init__(self, folder, name):
        self.folder = os.path.join(folder, name)
        os.mkdir(self.folder)
        self.key, self.pem = self.path("ca.key"), self.path("ca.pem")
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                     "-keyout", self.key, "-out", self.pem, "-days", "2", "-subj", "/CN=Hub CA")

    def path(self, name):
        return os.path.join(self.folder, name)

    @staticmethod
    def openssl(*words):
        subprocess.run(["openssl", *words], check=True, capture_output=True)

    def issue(self, name, alt_names):
        """Paths of certificate and key."""
        key, request, pem = (self.path(name + end) for end in (".key", ".csr", ".pem"))
        extensions = self.path(name + ".ext")
        with open(extensions, "w", encoding="utf-8") as file:
            file.write(f"subjectAltName={alt_names}\n")
        self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                     "-keyout", key, "-out", request, "-subj", "/CN=" + name)
        self.openssl("x509", "-req", "-in", request, "-CA", self.pem, "-CAkey", self.key,
                     "-CAcreateserial", "-days", "2", "-extfile", extensions, "-out", pem)
        return pem, key

    def key_pin(self, pem):
        """SHA-256 of the public key, as an enrolment token carries it."""
        public = subprocess.run(["openssl", "x509", "-in", pem, "-noout", "-pubkey"], check=True,
                                capture_output=True).stdout
        der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=public, check=True,
                             capture_output=True).stdout
        return base64.urlsafe_b64encode(hashlib.sha256(der).digest()).decode().rstrip("=")


class Listener(http.server.ThreadingHTTPServer):
    """HTTPS on a port of 127.0.0.1; its certificate can be changed while it runs."""

    daemon_threads = True

    def __init__(self, certificate, handler):
        super().__init__(("127.0.0.1", 0), handler)
        self.present(certificate)
        self.requests = []  # (path, body)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def present(self, certificate):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        self.context = context

    def get_request(self):
        connection, address = super().get_request()
        connection.settimeout(90)
        return self.context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), \
            address

    def handle_error(self, request, client_address):
        pass  # a client that leaves is the point of most tests

    @property
    def url(self):
        return f"https://127.0.0.1:{self.server_address[1]}"


class Exchange(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *words):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.server.requests.append((self.path, body))
        self.server.play(self, body)

    def do_GET(self):
        self.do_POST()

    def answer(self, status, body, headers=()):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


class Watcher(Listener):
    """The operator's own: keeps the notes it is told."""

    def __init__(self, certificate):
        super().__init__(certificate, Exchange)

    def play(self, exchange, _body):
        exchange.answer(200, {})

    def notes(self):
        return [json.loads(body) for _, body in self.requests]

    def reasons(self):
        return {alarm["reason"] for note in self.notes() for alarm in note["alarms"]}


class Hub(Listener):
    def __init__(self, certificate, pin):
        super().__init__(certificate, Exchange)
        self.token, self.pin = "7" * 32, pin
        self.key = base64.urlsafe_b64encode(os.urandom(32)).decode().rstrip("=")
        self.ca_pem = ""
        self.host_id = None
        self.changed = threading.Condition()
        self.generation, self.resources = 0, []
        self.jobs = []           # envelopes
        self.results = {}        # payload digest -> the newest result
        self.reports = []
        self.have = None         # what the host said it holds
        self.sent = {}           # session -> what it was sent
        self.misbehave = None    # None: honest; else called with (hub, exchange, request)
        self.beats = []
        self.beat_answer = None  # None: an honest one
        self.time_shift = 0.0

    # --- what a test does

    def enroll_token(self):
        return f"hf1.{self.token}.{self.pin}"

    def publish(self, resources, generation=None):
        with self.changed:
            held = self.have["generation"] if self.have else 0
            self.generation = generation or max(self.generation, held) + 1
            self.resources = resources
            self.changed.notify_all()
        return self.generation

    def play_part(self, part):
        with self.changed:
            self.misbehave = part
            self.sent.clear()
            self.changed.notify_all()

    def put_job(self, payload, signatures):
        with self.changed:
            self.jobs.append({"payload": base64.b64encode(payload).decode(), "signatures": signatures})
            self.changed.notify_all()
        return "sha256:" + hashlib.sha256(payload).hexdigest()

    def forget(self):
        """As a hub that lost every result: all jobs are sent again."""
        with self.changed:
            self.results.clear()
            self.sent.clear()
            self.misbehave = lambda hub, exchange, request: exchange.answer(503, {})
            self.changed.notify_all()
        with self.changed:
            self.changed.wait(timeout=10)  # one failed sync begins a new session
            self.misbehave = None

    # --- the protocol

    def envelope(self, generation=None, resources=None, host_id=None):
        return {"apiVersion": API, "kind": "HostDesiredState", "hostId": host_id or self.host_id,
                "generation": generation or self.generation, "issuedAt": "2026-11-22T19:36:00Z",
                "resources": self.resources if resources is None else resources}

    def response(self, **fields):
        return {"apiVersion": API, "kind": "SyncResponse", "serverTime": now(self.time_shift),
                "config": {"wait": "5s", "heartbeat": "1s", "report": "5m", "retryAtMost": "1s"},
                **fields}

    def play(self, exchange, body):
        if exchange.path == "/v1/enroll":
            return self.enroll(exchange, json.loads(body))
        if exchange.headers.get("Authorization") != "Bearer " + self.key:
            return exchange.answer(401, {"error": {"kind": "denied", "message": "unknown key"}})
        request = json.loads(body)
        if exchange.path.endswith("/heartbeat"):
            self.beats.append(request)
            if self.beat_answer is not None:
                return exchange.answer(200, self.beat_answer)
            return exchange.answer(200, {"serverTime": now(self.time_shift)})
        with self.changed:
            self.have = request.get("have")
            if "report" in request:
                self.reports.append(request["report"])
            for result in request["jobResults"]:
                self.results[result["payload"]] = result
            part = self.misbehave
            self.changed.notify_all()
        if part is not None:
            return part(self, exchange, request)
        return self.sync(exchange, request)

    def enroll(self, exchange, request):
        host_id = hashlib.sha256(base64.b64decode(request["publicKey"])).hexdigest()[:32]
        if request["token"] != self.token or request["hostId"] != host_id:
            return exchange.answer(403, {"error": {"kind": "denied", "message": "TokenSpent"}})
        self.token, self.host_id = "", host_id
        return exchange.answer(200, {"apiVersion": API, "kind": "EnrollResponse", "hostId": host_id,
                                     "key": self.key, "ca": self.ca_pem})

    def news(self, request):
        """What the host has not been sent within its session."""
        fields = {}
        sent = self.sent.setdefault(request["session"], {"generation": None, "jobs": set()})
        held = request.get("have") or {"generation": 0}
        if self.generation != 0 and held["generation"] != self.generation != sent["generation"]:
            fields["desired"] = self.envelope()
            sent["generation"] = self.generation
        digests = {"sha256:" + hashlib.sha256(base64.b64decode(job["payload"])).hexdigest(): job
                   for job in self.jobs}
        final = {"done", "refused", "failed"}
        jobs = [digest for digest in digests
                if digest not in sent["jobs"]
                and self.results.get(digest, {}).get("state") not in final][:16]
        if jobs:
            fields["jobs"] = [digests[digest] for digest in jobs]
            sent["jobs"].update(jobs)
        acknowledged = [result["payload"] for result in request["jobResults"]
                        if result["state"] in final]
        if acknowledged:
            fields["acknowledged"] = acknowledged
        return fields

    def sync(self, exchange, request):
        wait = float(exchange.headers.get("Prefer", "wait=0").split("=")[1])
        with self.changed:
            fields = {}

            def has_news():
                fields.update(self.news(request))
                return fields or self.misbehave is not None
            self.changed.wait_for(has_news, timeout=wait)
        exchange.answer(200, self.response(**fields))
