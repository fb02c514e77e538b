// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace holdfast::http {

// A key and the certificates that speak for it, PEM.
struct TlsIdentity {
  std::string key{};
  std::string certificate{};
  std::string key_pin{};          // SHA-256 of the public key, 32 bytes
  std::string certificate_pin{};  // and of the certificate
};

struct LeafOptions {
  std::string name = "DNS:localhost,IP:127.0.0.1";  // subjectAltName, as openssl(1) writes it
  std::chrono::seconds not_before{-60};             // from now
  std::chrono::seconds not_after{3600};
};

// A certificate authority that lives as long as the test.
class TestCa {
 public:
  TestCa();
  ~TestCa();
  const std::string& pem() const { return pem_; }
  TlsIdentity issue(const LeafOptions& options = {}) const;

 private:
  struct Keys;
  std::unique_ptr<Keys> keys_;
  std::string pem_{};
};

// One TLS connection of the server below, on its thread. Blocking.
class TlsPeer {
 public:
  virtual ~TlsPeer() = default;
  // The next request's head and body; empty when the client left.
  virtual std::string read_request() = 0;
  // What comes next, whatever it is; empty when the client left or said nothing for 5 s.
  virtual std::string read_some() = 0;
  // False when the client left.
  virtual bool write(std::string_view bytes) = 0;
};

// Serves TLS on `port` of 127.0.0.1 (0: any that is free); `serve` is called once a connection,
// each on a thread of its own, and ends it by returning. It must return once write() says false.
class TlsServer {
 public:
  TlsServer(const TlsIdentity& identity, std::function<void(TlsPeer&)> serve,
            int max_tls_version = 0, std::uint16_t port = 0);
  // Breaks off what is still open.
  ~TlsServer();
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;

  std::string url(const std::string& host = "127.0.0.1") const;
  int connections() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// A complete answer.
std::string http_answer(int status, std::string_view body, std::string_view headers = {});

}  // namespace holdfast::http
