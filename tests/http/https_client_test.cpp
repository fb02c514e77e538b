// SPDX-License-Identifier: Apache-2.0
#include "http/https_client.hpp"

#include <atomic>
#include <chrono>
#include <thread>

#include <openssl/ssl.h>

#include "base/guarded.hpp"
#include "tests/catch.hpp"
#include "tests/http/tls_fixture.hpp"

using namespace std::chrono_literals;

namespace holdfast::http {
namespace {

const TestCa& ca() {
  static const TestCa authority;
  return authority;
}

const TlsIdentity& localhost() {
  static const TlsIdentity identity = ca().issue();
  return identity;
}

// A server that answers every request with the same bytes and remembers the last request.
struct Answering {
  explicit Answering(std::string bytes, const TlsIdentity& identity = localhost())
      : answer{std::move(bytes)}, server{identity, [this](TlsPeer& peer) { serve(peer); }} {}

  void serve(TlsPeer& peer) {
    for (auto request = peer.read_request(); !request.empty(); request = peer.read_request()) {
      *last.lock() = request;
      if (!peer.write(answer)) return;
    }
  }
  std::string answer{};
  Guarded<std::string> last{};
  TlsServer server;
};

std::unique_ptr<HttpsClient> open(HttpsOptions options) {
  auto client = HttpsClient::open(std::move(options));
  if (!client) FAIL(client.error().message());
  return std::move(*client);
}

HttpsOptions believing(const TestCa& authority, const std::string& url) {
  return {.url = url, .ca_pem = authority.pem()};
}

Request post(std::string body) {
  return {.method = "POST", .path = "/v1/enroll", .body = std::move(body)};
}

// The error of a request that must fail, within a tenth of what would be a hang.
Error refused(const HttpsOptions& options, const Patience& patience = {}) {
  const auto began = std::chrono::steady_clock::now();
  const auto answer = open(options)->request({}, patience);
  CHECK(std::chrono::steady_clock::now() - began < 3s);
  REQUIRE_FALSE(answer);
  INFO(answer.error().message());
  return answer.error();
}

void check(const Error& error, Errc code, const std::string& words) {
  CAPTURE(error.message());
  CHECK(to_string(error.code()) == to_string(code));
  CHECK(error.message().find(words) != std::string::npos);
}

}  // namespace

TEST_CASE("https client: requests go over one connection with key and body", "[http][https]") {
  Answering hub{http_answer(201, "{}")};
  auto options = believing(ca(), hub.server.url() + "/prefix/");
  options.bearer = "secret-key";
  const auto client = open(options);
  for (int i = 0; i < 3; ++i) {
    const auto answer = client->request(post("{\"a\":1}"));
    REQUIRE(answer);
    CHECK(answer->status == 201);
    CHECK(answer->body == "{}");
    CHECK(answer->content_type == "application/json");
  }
  CHECK(hub.server.connections() == 1);
  const std::string seen = *hub.last.lock();
  CAPTURE(seen);
  CHECK(seen.starts_with("POST /prefix/v1/enroll HTTP/1.1\r\n"));
  CHECK(seen.find("\r\nAuthorization: Bearer secret-key\r\n") != std::string::npos);
  CHECK(seen.find("\r\nContent-Type: application/json\r\n") != std::string::npos);
  CHECK(seen.ends_with("\r\n\r\n{\"a\":1}"));
}

TEST_CASE("https client: only the pinned CA is believed, and only for the name asked for",
          "[http][https]") {
  const TestCa other;
  Answering hub{http_answer(200, "{}")};
  check(refused(believing(other, hub.server.url())), Errc::denied, "expected CA");
  check(refused({.url = hub.server.url()}), Errc::denied, "expected CA");
  Answering named{http_answer(200, "{}"), ca().issue({.name = "DNS:other.example"})};
  check(refused(believing(ca(), named.server.url("localhost"))), Errc::denied, "localhost");
  Answering late{http_answer(200, "{}"), ca().issue({.not_before = -7200s, .not_after = -3600s})};
  check(refused(believing(ca(), late.server.url())), Errc::denied, "expired");
  Answering early{http_answer(200, "{}"), ca().issue({.not_before = 3600s, .not_after = 7200s})};
  check(refused(believing(ca(), early.server.url())), Errc::denied, "not yet valid");
  CHECK(hub.last.lock()->empty());  // nothing was said to any of them
  CHECK(named.last.lock()->empty());
}

TEST_CASE("https client: a pinned key is enough and another key is not", "[http][https]") {
  Answering hub{http_answer(200, "{}"), ca().issue({.name = "DNS:other.example"})};
  const TlsIdentity right = ca().issue();
  Answering pinned{http_answer(200, "{}"), right};
  const auto client = open({.url = pinned.server.url(), .public_key_pin = right.key_pin});
  const auto answer = client->request({});
  if (!answer) FAIL(answer.error().message());
  check(refused({.url = hub.server.url(), .public_key_pin = right.key_pin}), Errc::denied,
        "another public key");
  CHECK(hub.last.lock()->empty());
}

TEST_CASE("https client: a pinned certificate is enough and another one is not", "[http][https]") {
  const TlsIdentity old = ca().issue({.name = "DNS:other.example"});
  const TlsIdentity next = ca().issue();
  Answering before{http_answer(200, "{}"), old};
  Answering after{http_answer(200, "{}"), next};
  const auto pins = std::vector{old.certificate_pin, next.certificate_pin};
  for (const auto* server : {&before, &after}) {
    const auto client = open({.url = server->server.url(), .certificate_pins = pins});
    const auto answer = client->request({});
    if (!answer) FAIL(answer.error().message());
    CHECK(client->request({}));  // also over the connection that is there
  }
  before.last.lock()->clear();
  check(refused({.url = before.server.url(), .certificate_pins = {next.certificate_pin}}),
        Errc::denied, "none of those pinned");
  CHECK(before.last.lock()->empty());
  CHECK_FALSE(HttpsClient::open({.url = "https://pve1:8006", .certificate_pins = {"short"}}));
}

TEST_CASE("https client: changes can have a connection of their own", "[http][https]") {
  std::atomic<int> connections = 0;
  TlsServer server{localhost(), [&](TlsPeer& peer) {
                     ++connections;
                     while (!peer.read_request().empty())
                       if (!peer.write(http_answer(200, "{}"))) return;
                   }};
  HttpsOptions options = believing(ca(), server.url());
  options.changes_on_fresh_connections = true;
  const auto client = open(options);
  for (int i = 0; i < 3; ++i) REQUIRE(client->request({}));
  CHECK(connections == 1);
  REQUIRE(client->request(post("{}")));
  REQUIRE(client->request(post("{}")));
  CHECK(connections == 3);
}

TEST_CASE("https client: older TLS is refused", "[http][https]") {
  TlsServer old{localhost(), [](TlsPeer& peer) { peer.read_request(); }, TLS1_1_VERSION};
  check(refused(believing(ca(), old.url())), Errc::unavailable, "");
}

TEST_CASE("https client: a redirect is an answer and is not followed", "[http][https]") {
  Answering target{http_answer(200, "{}")};
  Answering hub{http_answer(302, "", "Location: " + target.server.url() + "\r\n")};
  const auto answer = open(believing(ca(), hub.server.url()))->request({});
  REQUIRE(answer);
  CHECK(answer->status == 302);
  CHECK(target.server.connections() == 0);
}

TEST_CASE("https client: an endless answer ends at the cap", "[http][https]") {
  TlsServer body{localhost(), [](TlsPeer& peer) {
                   peer.read_request();
                   peer.write("HTTP/1.1 200 OK\r\n\r\n");
                   while (peer.write(std::string(16'384, 'x'))) {
                   }
                 }};
  check(refused({.url = body.url(), .ca_pem = ca().pem(), .max_body = 100'000}), Errc::invalid,
        "larger than 100000 bytes");
  TlsServer head{localhost(), [](TlsPeer& peer) {
                   peer.read_request();
                   peer.write("HTTP/1.1 200 OK\r\n");
                   while (peer.write("X-More: " + std::string(1'000, 'x') + "\r\n")) {
                   }
                 }};
  check(refused(believing(ca(), head.url())), Errc::invalid, "headers");
}

TEST_CASE("https client: a server that dribbles is left, one that thinks is waited for",
          "[http][https]") {
  TlsServer dribble{localhost(), [](TlsPeer& peer) {
                      peer.read_request();
                      peer.write("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
                      while (peer.write("x")) std::this_thread::sleep_for(20ms);
                    }};
  check(refused({.url = dribble.url(), .ca_pem = ca().pem(), .speed_window = 300ms}),
        Errc::unavailable, "slower than 1024");
  TlsServer thinks{localhost(), [](TlsPeer& peer) {
                     peer.read_request();
                     std::this_thread::sleep_for(600ms);
                     peer.write(http_answer(200, "{}"));
                   }};
  const auto client = open({.url = thinks.url(), .ca_pem = ca().pem(), .speed_window = 300ms});
  CHECK(client->request({}));
}

TEST_CASE("https client: the deadline and a stop end a request that hangs", "[http][https]") {
  std::atomic<bool> is_asked{false};
  TlsServer silent{localhost(), [&](TlsPeer& peer) {
                     peer.read_request();
                     is_asked = true;
                     peer.read_request();
                   }};
  const auto options = believing(ca(), silent.url());
  check(refused(options, {.deadline = 200ms}), Errc::unavailable, "within 200ms");

  is_asked = false;
  std::stop_source stop;
  std::chrono::steady_clock::time_point stopped{};
  std::jthread stopper{[&] {
    while (!is_asked) std::this_thread::yield();
    stopped = std::chrono::steady_clock::now();
    stop.request_stop();
  }};
  const auto answer = open(options)->request({}, {.deadline = 60s, .stop = stop.get_token()});
  const auto ended = std::chrono::steady_clock::now();
  stopper.join();
  REQUIRE_FALSE(answer);
  CHECK(ended - stopped < 500ms);  // at once, but for a busy machine
  check(answer.error(), Errc::unavailable, "stopped");
}

TEST_CASE("https client: who is not there is named", "[http][https]") {
  std::string url;
  {
    TlsServer gone{localhost(), [](TlsPeer&) {}};
    url = gone.url();
  }
  check(refused(believing(ca(), url)), Errc::unavailable, "cannot reach " + url);
  check(refused(believing(ca(), "https://no-such-host.invalid")), Errc::unavailable,
        "cannot find the address");
  TlsServer hangs_up{localhost(), [](TlsPeer& peer) { peer.read_request(); }};
  CHECK(refused(believing(ca(), hangs_up.url())).code() == Errc::unavailable);
  TlsServer babbles{localhost(), [](TlsPeer& peer) {
                      peer.read_request();
                      peer.write("220 mail.example ESMTP\r\n");
                    }};
  check(refused(believing(ca(), babbles.url())), Errc::invalid, "HTTP");
}

TEST_CASE("https client: after a failure the next request connects anew", "[http][https]") {
  std::atomic<int> served{0};
  TlsServer hub{localhost(), [&](TlsPeer& peer) {
                  const bool is_first = served++ == 0;
                  while (!peer.read_request().empty()) {
                    if (!peer.write(http_answer(200, "{}"))) return;
                    if (is_first) return;  // and the idle connection dies
                  }
                }};
  const auto client = open(believing(ca(), hub.url()));
  REQUIRE(client->request(post("1")));
  const auto again = client->request(post("2"));
  if (!again) FAIL(again.error().message());
  CHECK(hub.connections() == 2);
}

TEST_CASE("https client: what cannot work is refused before anything is sent", "[http][https]") {
  for (const auto* url : {"http://hub.example", "hub.example", "", "https://", "https://a b/",
                          "https://user:word@hub.example", "https://hub.example/?q=1",
                          "ftp://hub.example", "file:///etc/passwd"}) {
    CAPTURE(url);
    const auto client = HttpsClient::open({.url = url});
    REQUIRE_FALSE(client);
    CHECK(client.error().code() == Errc::invalid);
  }
  CHECK_FALSE(HttpsClient::open({.url = "https://hub.example", .ca_pem = "nonsense"}));
  CHECK_FALSE(HttpsClient::open({.url = "https://hub.example", .public_key_pin = "short"}));
  CHECK_FALSE(HttpsClient::open({.url = "https://hub.example", .bearer = "a\r\nHost: b"}));
  const auto client = open({.url = "https://127.0.0.1:1"});
  const auto answer =
      client->request({.method = "GET", .path = "/", .headers = {{"A", "b\r\nC: d"}}});
  REQUIRE_FALSE(answer);
  CHECK(answer.error().code() == Errc::invalid);
}

}  // namespace holdfast::http
