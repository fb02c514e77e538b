// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <random>

#include "tests/http/server_fixture.hpp"

namespace holdfast::http {
namespace {

// A server whose handler must not be reached, and that must still serve afterwards.
class AbusedServer {
 public:
  explicit AbusedServer(ServerOptions options = {}) {
    options.path = folder_.socket();
    server_ = serve(std::move(options), [this](const Request& request) {
      if (request.path != "/good") ++bad_;
      return Response{};
    });
  }
  ~AbusedServer() {
    Request good;
    good.path = "/good";
    const auto answer = request(to(folder_.socket()), good);
    CHECK(answer);
    if (answer) CHECK(answer->status == 200);
    CHECK(bad_ == 0);
  }
  AbusedServer(const AbusedServer&) = delete;
  AbusedServer& operator=(const AbusedServer&) = delete;
  RawClient client() const { return RawClient{folder_.socket()}; }
  std::string path() const { return folder_.socket(); }

 private:
  ScratchFolder folder_;
  std::atomic<int> bad_{0};
  std::unique_ptr<UnixServer> server_{};
};

TEST_CASE("unix server: a body over the limit is answered 413", "[http]") {
  ServerOptions options;
  options.max_body = 1000;
  const AbusedServer server{options};
  SECTION("announced") {
    Request large;
    large.method = "POST";
    large.path = "/large";
    large.body = std::string(4 << 20, 'x');
    const auto answer = request(to(server.path()), large);
    REQUIRE(answer);
    CHECK(answer->status == 413);
  }
  SECTION("announced and never sent") {
    const auto client = server.client();
    client.send("POST /large HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999\r\n\r\n");
    CHECK(has_status(client.read_to_end(), 413));
  }
  SECTION("in chunks") {
    const auto client = server.client();
    client.send("POST /large HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
    client.send("7d0\r\n" + std::string(2000, 'x') + "\r\n0\r\n\r\n");
    CHECK(has_status(client.read_to_end(), 413));
  }
}

TEST_CASE("unix server: a header over the limit is answered 431", "[http]") {
  const AbusedServer server;
  const auto client = server.client();
  client.send("GET /large HTTP/1.1\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n");
  CHECK(has_status(client.read_to_end(), 431));
}

TEST_CASE("unix server: malformed requests are answered 400 and closed", "[http]") {
  const AbusedServer server;
  const std::string bytes = GENERATE(
      "\x16\x03\x01\x02\x01 this is TLS\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n",
      "GET /a%00b HTTP/1.1\r\n\r\n", "GET /x?a=1&a=2 HTTP/1.1\r\n\r\n", "GET * HTTP/1.1\r\n\r\n",
      "G\x01T / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nno colon\r\n\r\n",
      "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
      "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
      "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
  const auto client = server.client();
  client.send(bytes);
  INFO(bytes);
  CHECK(has_status(client.read_to_end(), 400));
}

TEST_CASE("unix server: random bytes never bring it down", "[http]") {
  const AbusedServer server;
  std::mt19937 random{4711};
  for (int round = 0; round < 300; ++round) {
    std::string bytes = round % 2 == 0 ? "" : "POST /fuzz HTTP/1.1\r\nContent-Length: ";
    const auto size = random() % 600;
    while (bytes.size() < size) bytes += static_cast<char>(random());
    auto client = server.client();
    client.send(bytes);
    client.hang_up();
  }
}

TEST_CASE("unix server: a request that dribbles in is answered 408", "[http]") {
  ServerOptions options;
  options.request_timeout = Duration{50};
  const AbusedServer server{options};
  const auto client = server.client();
  client.send("GET /slow HTTP/1.1\r\nX-");
  CHECK(has_status(client.read_to_end(), 408));
}

TEST_CASE("unix server: a connection that says nothing is closed", "[http]") {
  ServerOptions options;
  options.idle_timeout = Duration{50};
  const AbusedServer server{options};
  CHECK(server.client().read_to_end().empty());
}

TEST_CASE("unix server: silent and slow clients do not hold up another", "[http]") {
  const AbusedServer server;
  const auto silent = server.client();
  const auto slow = server.client();
  slow.send("POST /slow HTTP/1.1\r\nContent-Length: 100\r\n\r\nabc");
  // The destructor of `server` asks and must be answered.
}

TEST_CASE("unix server: one connection too many is answered 503", "[http]") {
  ServerOptions options;
  options.max_connections = 2;
  const AbusedServer server{options};
  auto first = server.client();
  auto second = server.client();
  CHECK(has_status(server.client().read_to_end(), 503));
  first.hang_up();
  // The freed place is taken as soon as the server has noticed.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{10};
  int status = 503;
  while (status == 503 && std::chrono::steady_clock::now() < deadline) {
    Request good;
    good.path = "/good";
    const auto answer = request(to(server.path()), good);
    REQUIRE(answer);
    status = answer->status;
  }
  CHECK(status == 200);
  second.hang_up();
}

}  // namespace
}  // namespace holdfast::http
