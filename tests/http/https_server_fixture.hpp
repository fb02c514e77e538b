// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>

#include <fstream>
#include <memory>
#include <string>

#include <openssl/ssl.h>

#include "base/handle.hpp"
#include "http/https_server.hpp"
#include "tests/http/server_fixture.hpp"
#include "tests/http/tls_fixture.hpp"

namespace holdfast::http {

// A certificate for 127.0.0.1 and its key, as PEM files in a folder.
struct TestCertificate {
  explicit TestCertificate(const ScratchFolder& folder)
      : certificate{folder.path() + "/cert.pem"}, key{folder.path() + "/key.pem"} {
    const auto identity = ca.issue();
    std::ofstream{certificate} << identity.certificate;
    std::ofstream{key} << identity.key;
  }
  TestCa ca{};
  std::string certificate;
  std::string key;
};

// A connection to 127.0.0.1, nothing said yet. Receiving fails after ten seconds.
inline UniqueFd dial(std::uint16_t port) {
  UniqueFd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  const timeval patience{10, 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  return fd;
}

// A TLS client that may say anything. Believes every certificate.
class RawTlsClient {
 public:
  explicit RawTlsClient(std::uint16_t port, int version = 0) : fd_{dial(port)} {
    static const Handle<SSL_CTX, SSL_CTX_free> context{SSL_CTX_new(TLS_client_method())};
    ssl_.reset(SSL_new(context.get()));
    SSL_set_security_level(ssl_.get(), 0);  // so that old versions can be tried
    if (version != 0) {
      SSL_set_min_proto_version(ssl_.get(), version);
      SSL_set_max_proto_version(ssl_.get(), version);
    }
    SSL_set_fd(ssl_.get(), fd_.get());
    is_connected_ = SSL_connect(ssl_.get()) == 1;
  }
  bool is_connected() const { return is_connected_; }
  void send(std::string_view bytes) const {
    static_cast<void>(SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())));
  }
  // What comes next, at most `size` bytes; empty when the server has closed.
  std::string read(std::size_t size = 65536) const {
    std::string bytes(size, '\0');
    const int n = SSL_read(ssl_.get(), bytes.data(), static_cast<int>(size));
    bytes.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    return bytes;
  }
  std::string read_to_end() const {
    std::string all;
    for (auto more = read(); !more.empty(); more = read()) all += more;
    return all;
  }
  void say_goodbye() const { SSL_shutdown(ssl_.get()); }
  void hang_up() { fd_ = UniqueFd{}; }
  int fd() const { return fd_.get(); }

 private:
  UniqueFd fd_;
  Handle<SSL, SSL_free> ssl_{};
  bool is_connected_ = false;
};

// A server for one test.
struct TestHttpsServer {
  explicit TestHttpsServer(AsyncRequestHandler handler, HttpsServerOptions options = {}) {
    options.certificate = pem.certificate;
    options.key = pem.key;
    auto listening = HttpsServer::listen(std::move(options), std::move(handler));
    INFO((listening ? "" : listening.error().message()));
    REQUIRE(listening);
    server = std::move(listening).value();
  }
  std::uint16_t port() const { return server->port(); }

  ScratchFolder folder{};
  TestCertificate pem{folder};
  std::unique_ptr<HttpsServer> server{};
};

}  // namespace holdfast::http
