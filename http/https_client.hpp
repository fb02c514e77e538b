// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "http/message.hpp"

namespace holdfast::http {

struct HttpsOptions {
  std::string url{};     // https://HOST[:PORT][/PREFIX]; requests' paths go behind it
  std::string ca_pem{};  // the only CAs that are believed; empty: the system's
  // SHA-256 of the server's public key (SubjectPublicKeyInfo), 32 bytes. When given, the key
  // alone says who the server is, whatever its name and whoever signed it.
  std::string public_key_pin{};
  // SHA-256 of the server's certificate (DER), 32 bytes each: any of them says who it is, in
  // the same way. Two while one takes the other's place.
  std::vector<std::string> certificate_pins{};
  std::string bearer{};                       // sent with every request; empty: none
  std::uint64_t max_body = 8 * 1024 * 1024;   // bytes of an answer
  std::uint64_t max_headers = 64 * 1024;      // bytes of its headers
  std::uint64_t min_bytes_per_second = 1024;  // once an answer has begun,
  Duration speed_window{10'000};              // over any such time
  Duration connect_deadline{10'000};          // for name, TCP and TLS
  // A connection that was idle for longer is not used again; whole seconds.
  Duration idle_limit{118'000};
  // What is no GET goes over a connection of its own. A server that closes idle connections
  // may do so while a request is on its way, and libcurl would then send it again.
  bool changes_on_fresh_connections = false;
};

// How long one exchange may take, from connecting to the last byte, and what ends it early.
struct Patience {
  Duration deadline{30'000};
  std::stop_token stop{};
};

// HTTP/1.1 over TLS 1.2 or newer to one server, over one connection that is kept open. Never
// follows a redirect, never asks for compression, uses no proxy. Not thread-safe: one request
// at a time.
class HttpsClient {
 public:
  // Errc::invalid when the URL is not one, a CA cannot be read, or the key or pin is no such.
  static Result<std::unique_ptr<HttpsClient>> open(HttpsOptions options);
  ~HttpsClient();
  HttpsClient(const HttpsClient&) = delete;
  HttpsClient& operator=(const HttpsClient&) = delete;

  // Any status is a success here, redirects included.
  //   unavailable  not reached, too slow, past its deadline, broken off, or `stop` was requested
  //                (heeded at once)
  //   denied       the server is not the one it should be: unknown CA, wrong name, certificate
  //                expired or not yet valid, another key
  //   invalid      the answer is over a cap or no HTTP, or the request cannot be sent
  Result<Response> request(const Request& request, const Patience& patience = {});

  const std::string& url() const;

 private:
  struct State;
  explicit HttpsClient(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace holdfast::http
