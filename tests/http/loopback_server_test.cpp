// SPDX-License-Identifier: Apache-2.0
#include "http/loopback_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>

#include "base/unique_fd.hpp"
#include "tests/catch.hpp"

namespace holdfast::http {
namespace {

std::string asked(std::uint16_t port, const std::string& request) {
  const UniqueFd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL) > 0);
  std::string answer;
  std::array<char, 4096> buffer{};
  for (ssize_t n = 1; n > 0;) {
    n = ::recv(fd.get(), buffer.data(), buffer.size(), 0);
    if (n > 0) answer.append(buffer.data(), static_cast<std::size_t>(n));
  }
  return answer;
}

}  // namespace

TEST_CASE("loopback server: it answers on its port and on no address that others reach", "[http]") {
  const auto handler = [](const Request& request) { return Response{.body = request.path}; };
  const auto server = LoopbackServer::listen("127.0.0.1:0", {}, handler);
  if (!server) FAIL(server.error().message());
  const auto answer =
      asked((*server)->port(), "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  CHECK(answer.starts_with("HTTP/1.1 200 "));
  CHECK(answer.ends_with("\r\n\r\n/metrics"));
  const auto taken =
      LoopbackServer::listen("127.0.0.1:" + std::to_string((*server)->port()), {}, handler);
  REQUIRE_FALSE(taken);
  CHECK(taken.error().code() == Errc::conflict);
  for (const auto* address : {"0.0.0.0:0", "[::]:0", "127.0.0.1", "localhost:80", "127.0.0.1:x",
                              "127.0.0.1:70000", "192.0.2.1:80", ""})
    CHECK(LoopbackServer::listen(address, {}, handler).error().code() == Errc::invalid);
}

}  // namespace holdfast::http
