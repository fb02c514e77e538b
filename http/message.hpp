// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace holdfast::http {

// The process at the other end of a Unix socket, as the kernel saw it connect.
struct Peer {
  uid_t uid = 0;
  gid_t gid = 0;
  pid_t pid = 0;
};

// ASCII case does not matter in header names.
struct HeaderLess {
  using is_transparent = void;
  bool operator()(std::string_view a, std::string_view b) const;
};
using Headers = std::map<std::string, std::string, HeaderLess>;

// One request, on either side. `path` and `query` are decoded; a server never sees a
// path with NUL, an encoded slash or a query parameter given twice (answered 400).
struct Request {
  std::string method = "GET";
  std::string path = "/";
  std::map<std::string, std::string> query{};
  Headers headers{};
  std::string body{};

  // Set by servers only.
  std::optional<Peer> peer{};  // Unix sockets
  std::string remote{};        // TCP: the address of the other end, without its port
  std::stop_token stop{};      // the server stops or the client left: a long poll answers now
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::string body{};
  Headers headers{};  // besides those that speak of the body and the connection
};

// What our own APIs answer instead of an error: its status, and its kind as one word for
// programs, "not_found".
int status_of(Errc code);
std::string word_of(Errc code);

// "/v1/guests?watch=true": path and query, percent-encoded.
std::string encode_target(const Request& request);
// Fills path and query from the request line's target. Errc::invalid otherwise.
Result<void> decode_target(std::string_view target, Request& request);

}  // namespace holdfast::http
