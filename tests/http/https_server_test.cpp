// SPDX-License-Identifier: Apache-2.0
#include "http/https_server.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <fstream>
#include <list>
#include <random>
#include <stdexcept>
#include <thread>
#include <vector>

#include "base/guarded.hpp"
#include "http/handler_threads.hpp"
#include "tests/http/https_server_fixture.hpp"

namespace holdfast::http {
namespace {

using namespace std::chrono_literals;

void echo(Request request, Responder responder) {
  responder.answer({201, "text/plain", request.method + " " + request.path + "|" + request.body});
}

std::string get(const std::string& path) { return "GET " + path + " HTTP/1.1\r\nHost: h\r\n\r\n"; }

std::string post(const std::string& path, const std::string& body) {
  return "POST " + path + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::size_t threads_of_this_process() {
  std::ifstream status{"/proc/self/status"};
  for (std::string line; std::getline(status, line);)
    if (line.rfind("Threads:", 0) == 0) return std::stoul(line.substr(8));
  return 0;
}

TEST_CASE("https server: requests on one connection are answered one after another",
          "[http][tls]") {
  const TestHttpsServer world{echo};
  const RawTlsClient client{world.port()};
  REQUIRE(client.is_connected());
  for (int i = 0; i < 3; ++i) {
    client.send(get("/" + std::to_string(i)));
    const auto answer = client.read();
    CHECK(has_status(answer, 201));
    CHECK(answer.find("\r\n\r\nGET /" + std::to_string(i) + "|") != std::string::npos);
  }
  client.send(get("/a") + get("/b") + post("/c", "end"));
  const auto answers = client.read_to_end();
  CHECK(answers.find("GET /a|") < answers.find("GET /b|"));
  CHECK(answers.find("GET /b|") < answers.find("POST /c|end"));
}

TEST_CASE("https server: bodies of some MiB pass both ways", "[http][tls]") {
  const TestHttpsServer world{echo};
  const RawTlsClient client{world.port()};
  const std::string body(5 << 20, 'b');
  client.send(post("/x", body));
  const auto answer = client.read_to_end();
  CHECK(answer.size() > body.size());
  CHECK(answer.substr(answer.size() - body.size()) == body);
}

TEST_CASE("https server: the handler sees the client's address and may set headers",
          "[http][tls]") {
  const TestHttpsServer world{[](Request request, Responder responder) {
    responder.answer({429, "text/plain", request.remote, {{"Retry-After", "7"}}});
  }};
  const RawTlsClient client{world.port()};
  client.send(get("/"));
  const auto answer = client.read();
  CHECK(has_status(answer, 429));
  CHECK(answer.find("\r\nRetry-After: 7\r\n") != std::string::npos);
  CHECK(answer.find("127.0.0.1") != std::string::npos);
}

TEST_CASE("https server: a thousand long polls wait at once without a thread each", "[http][tls]") {
  constexpr std::size_t count = 1000;
  Guarded<std::vector<Responder>> parked;
  Event all_parked;
  TestHttpsServer world{[&](Request, Responder responder) {
    auto waiting = parked.lock();
    waiting->push_back(std::move(responder));
    if (waiting->size() == count) all_parked.set();
  }};
  const auto threads = threads_of_this_process();
  std::list<RawTlsClient> clients;
  for (std::size_t i = 0; i < count; ++i) clients.emplace_back(world.port()).send(get("/poll"));
  REQUIRE(all_parked.wait());
  CHECK(threads_of_this_process() == threads);
  CHECK(world.server->connections() == count);
  for (auto& responder : *parked.lock()) responder.answer({200, "text/plain", "news"});
  std::size_t answered = 0;
  for (const auto& client : clients)
    answered += client.read().find("\r\n\r\nnews") != std::string::npos ? 1 : 0;
  CHECK(answered == count);
}

TEST_CASE("https server: a handler learns that its client left", "[http][tls]") {
  const bool is_polite = GENERATE(true, false);
  Event started;
  Event told;
  Guarded<std::vector<Responder>> parked;
  std::optional<std::stop_callback<std::function<void()>>> watch;
  TestHttpsServer world{[&](Request request, Responder responder) {
    watch.emplace(request.stop, [&] { told.set(); });
    parked.lock()->push_back(std::move(responder));
    started.set();
  }};
  RawTlsClient client{world.port()};
  client.send(get("/poll"));
  REQUIRE(started.wait());
  if (is_polite) client.say_goodbye();
  client.hang_up();
  CHECK(told.wait());
  parked.lock()->clear();
}

TEST_CASE("https server: an answer that never comes, or a handler that throws, is a 500",
          "[http][tls]") {
  const TestHttpsServer world{[](Request request, Responder responder) {
    if (request.path == "/throw") throw std::runtime_error{"secret detail"};
    if (request.path == "/twice") {
      responder.answer({200, "text/plain", "first"});
      responder.answer({200, "text/plain", "second"});
    }
  }};
  const RawTlsClient client{world.port()};
  for (const auto* path : {"/throw", "/drop"}) {
    client.send(get(path));
    const auto answer = client.read();
    CHECK(has_status(answer, 500));
    CHECK(answer.find("secret") == std::string::npos);
  }
  client.send(get("/twice"));
  CHECK(client.read().find("first") != std::string::npos);
}

TEST_CASE("https server: blocking handlers run on threads of their own at once", "[http][tls]") {
  HandlerThreads threads{4};
  Event release;
  const TestHttpsServer world{on_threads(
      threads,
      [&](const Request& request) -> Response {
        if (request.path == "/slow") release.wait();
        return {200, "text/plain", request.path};
      },
      Logger{})};
  const RawTlsClient slow{world.port()};
  slow.send(get("/slow"));
  const RawTlsClient quick{world.port()};
  quick.send(get("/quick"));
  CHECK(quick.read().find("/quick") != std::string::npos);
  release.set();
  CHECK(slow.read().find("/slow") != std::string::npos);
}

TEST_CASE("https server: stopping tells parked polls and delivers their answers", "[http][tls]") {
  Event parked;
  std::optional<std::stop_callback<std::function<void()>>> watch;
  std::optional<Responder> waiting;
  auto world = std::make_unique<TestHttpsServer>([&](Request request, Responder responder) {
    waiting.emplace(std::move(responder));
    watch.emplace(request.stop, [&] { waiting->answer({200, "text/plain", "told"}); });
    parked.set();
  });
  const RawTlsClient client{world->port()};
  client.send(get("/poll"));
  REQUIRE(parked.wait());
  world->server.reset();
  CHECK(client.read_to_end().find("told") != std::string::npos);
}

TEST_CASE("https server: older TLS than 1.2 is refused", "[http][tls]") {
  const TestHttpsServer world{echo};
  CHECK_FALSE(RawTlsClient(world.port(), TLS1_VERSION).is_connected());
  CHECK_FALSE(RawTlsClient(world.port(), TLS1_1_VERSION).is_connected());
  CHECK(RawTlsClient(world.port(), TLS1_2_VERSION).is_connected());
  CHECK(RawTlsClient(world.port(), TLS1_3_VERSION).is_connected());
}

TEST_CASE("https server: what it cannot serve with is an error that says what", "[http][tls]") {
  const ScratchFolder folder;
  const TestCertificate pem{folder};
  const auto fails = [&](const std::string& address, const std::string& key) {
    HttpsServerOptions options;
    options.address = address;
    options.certificate = pem.certificate;
    options.key = key;
    const auto server = HttpsServer::listen(options, echo);
    REQUIRE_FALSE(server);
    return server.error().code();
  };
  CHECK(fails("localhost", pem.key) == Errc::invalid);
  CHECK(fails("127.0.0.1:99999", pem.key) == Errc::invalid);
  CHECK(fails("::1:80", pem.key) == Errc::invalid);
  CHECK(fails("127.0.0.1:0", folder.path() + "/none.pem") == Errc::not_found);
  CHECK(fails("127.0.0.1:0", pem.certificate) == Errc::invalid);
  const TestHttpsServer other{echo};
  CHECK(fails("127.0.0.1:" + std::to_string(other.port()), pem.key) == Errc::conflict);
}

// Counts what reaches the handler, which nothing here may, and must still serve afterwards.
struct AbusedHttpsServer {
  explicit AbusedHttpsServer(const HttpsServerOptions& options = {})
      : world{[this](const Request& request, Responder responder) {
                if (request.path != "/good") ++bad;
                responder.answer({});
              },
              options} {}
  ~AbusedHttpsServer() {
    const RawTlsClient client{world.port()};
    client.send(get("/good"));
    CHECK(has_status(client.read(), 200));
    CHECK(bad == 0);
  }
  AbusedHttpsServer(const AbusedHttpsServer&) = delete;
  AbusedHttpsServer& operator=(const AbusedHttpsServer&) = delete;
  std::atomic<int> bad{0};
  TestHttpsServer world;
};

TEST_CASE("https server: too large, too slow and malformed requests never reach the handler",
          "[http][tls]") {
  HttpsServerOptions options;
  options.max_body = 1000;
  options.request_timeout = Duration{1'000};
  const AbusedHttpsServer abused{options};
  const auto status_of = [&](const std::string& bytes) {
    const RawTlsClient client{abused.world.port()};
    client.send(bytes);
    const auto answer = client.read_to_end();
    return answer.size() < 12 ? 0 : std::stoi(answer.substr(9, 3));
  };
  CHECK(status_of(post("/large", std::string(1001, 'x'))) == 413);
  CHECK(status_of("POST /large HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n") == 413);
  CHECK(status_of("GET / HTTP/1.1\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n") == 431);
  CHECK(status_of("GET / HTTP/1.1\r\nno colon\r\n\r\n") == 400);
  CHECK(status_of("GET /%00 HTTP/1.1\r\n\r\n") == 400);
  CHECK(status_of("POST /slow HTTP/1.1\r\nContent-Length: 100\r\n\r\nabc") == 408);
}

TEST_CASE("https server: a large body is read only of whom the server wants it from",
          "[http][tls]") {
  HttpsServerOptions options;
  options.small_body = 100;
  options.body_limit = [](const Request& head) -> std::uint64_t {
    return head.headers.contains("X-Known") ? 2000 : 0;
  };
  const TestHttpsServer world{echo, options};
  const auto status_of = [&](std::size_t size, const std::string& headers) {
    const RawTlsClient client{world.port()};
    client.send("POST /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n" + headers +
                "Content-Length: " + std::to_string(size) + "\r\n\r\n" + std::string(size, 'x'));
    return std::stoi(client.read_to_end().substr(9, 3));
  };
  CHECK(status_of(100, "") == 201);
  CHECK(status_of(101, "") == 413);
  CHECK(status_of(2000, "X-Known: yes\r\n") == 201);
  CHECK(status_of(2001, "X-Known: yes\r\n") == 413);
}

namespace {

// Whether the server has answered, or closed, before the request was whole. Does not wait.
bool is_turned_away(const RawTlsClient& client) {
  const int flags = ::fcntl(client.fd(), F_GETFL);
  ::fcntl(client.fd(), F_SETFL, flags | O_NONBLOCK);
  const std::string answer = client.read();
  char byte = 0;
  const auto left = ::recv(client.fd(), &byte, 1, MSG_PEEK);
  const bool is_closed = left == 0 || (left < 0 && errno != EAGAIN);
  ::fcntl(client.fd(), F_SETFL, flags);
  return !answer.empty() || is_closed;
}

}  // namespace

TEST_CASE("https server: what is being received is bounded for all connections together",
          "[http][tls]") {
  HttpsServerOptions options;
  options.max_receiving = 100'000;
  const TestHttpsServer world{echo, options};
  const RawTlsClient first{world.port()};
  first.send("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 90001\r\n\r\n" +
             std::string(90'000, 'x'));
  const RawTlsClient second{world.port()};
  second.send("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 90001\r\n\r\n" +
              std::string(90'000, 'x'));
  // Neither is whole, so both are held: whichever passes the bound is refused, the other goes on.
  const RawTlsClient* other = nullptr;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{30};
  while (other == nullptr && std::chrono::steady_clock::now() < deadline) {
    pollfd both[2]{{first.fd(), POLLIN, 0}, {second.fd(), POLLIN, 0}};
    REQUIRE(::poll(both, 2, 1'000) >= 0);
    if (is_turned_away(first)) {
      other = &second;
    } else if (is_turned_away(second)) {
      other = &first;
    }
  }
  REQUIRE(other != nullptr);
  other->send("x");
  CHECK(has_status(other->read(), 201));
  const RawTlsClient third{world.port()};
  third.send(post("/y", std::string(90'000, 'y')));
  CHECK(has_status(third.read_to_end(), 201));
}

TEST_CASE("https server: whoever does not finish the handshake is cut off", "[http][tls]") {
  HttpsServerOptions options;
  options.request_timeout = Duration{100};
  const AbusedHttpsServer abused{options};
  const auto silent = dial(abused.world.port());
  char byte = 0;
  CHECK(::recv(silent.get(), &byte, 1, 0) <= 0);
  const auto plain = dial(abused.world.port());
  const auto request = get("/");
  CHECK(::send(plain.get(), request.data(), request.size(), MSG_NOSIGNAL) > 0);
  char answer[64];
  while (::recv(plain.get(), answer, sizeof answer, 0) > 0) {
  }
}

TEST_CASE("https server: random bytes before and after the handshake never bring it down",
          "[http][tls]") {
  const AbusedHttpsServer abused;
  std::mt19937 random{4711};
  for (int round = 0; round < 60; ++round) {
    std::string bytes;
    for (auto size = random() % 600; bytes.size() < size;) bytes += static_cast<char>(random());
    if (round % 2 == 0) {
      const RawTlsClient client{abused.world.port()};
      client.send(bytes);
      // Past TLS and into the session's own bytes.
      static_cast<void>(::send(client.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL));
    } else {
      const auto fd = dial(abused.world.port());
      static_cast<void>(::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL));
    }
  }
}

TEST_CASE("https server: a client that does not take its answer is cut off", "[http][tls]") {
  HttpsServerOptions options;
  options.request_timeout = Duration{100};
  options.answer_rate = 64 * 1024 * 1024;
  const TestHttpsServer world{[](Request, Responder responder) {
                                responder.answer({200, "text/plain", std::string(64 << 20, 'x')});
                              },
                              options};
  const RawTlsClient client{world.port()};
  client.send(get("/large"));  // more than the kernel keeps, and not a byte of it is read
  const auto deadline = std::chrono::steady_clock::now() + 30s;
  while (world.server->connections() > 0 && std::chrono::steady_clock::now() < deadline)
    std::this_thread::yield();
  CHECK(world.server->connections() == 0);
}

TEST_CASE("https server: one connection too many is answered 503", "[http][tls]") {
  HttpsServerOptions options;
  options.max_connections = 2;
  const TestHttpsServer world{echo, options};
  const RawTlsClient first{world.port()};
  const RawTlsClient second{world.port()};
  first.send(get("/1"));
  second.send(get("/2"));
  CHECK(has_status(first.read(), 201));
  CHECK(has_status(second.read(), 201));
  const RawTlsClient third{world.port()};
  CHECK(has_status(third.read_to_end(), 503));
}

}  // namespace
}  // namespace holdfast::http
