// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/guarded.hpp"
#include "base/unique_fd.hpp"
#include "http/unix_client.hpp"
#include "http/unix_server.hpp"
#include "tests/catch.hpp"

namespace holdfast::http {

// A folder that goes away with the test.
class ScratchFolder {
 public:
  ScratchFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "holdfast-http-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~ScratchFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const std::string& path() const { return path_; }
  std::string socket() const { return path_ + "/api.sock"; }

 private:
  std::string path_{};
};

inline std::unique_ptr<UnixServer> serve(ServerOptions options, RequestHandler handler) {
  auto server = UnixServer::listen(std::move(options), std::move(handler));
  INFO((server ? "" : server.error().message()));
  REQUIRE(server);
  return std::move(server).value();
}

inline ServerOptions at(const std::string& path) {
  ServerOptions options;
  options.path = path;
  return options;
}

inline ClientOptions to(const std::string& path) {
  ClientOptions options;
  options.socket_path = path;
  options.deadline = Duration{10'000};
  return options;
}

// A client that may say anything.
class RawClient {
 public:
  explicit RawClient(const std::string& path) : fd_{::socket(AF_UNIX, SOCK_STREAM, 0)} {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.size());
    REQUIRE(::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  }
  void send(std::string_view bytes) const {
    // The server may have left already: what it answered is what the test looks at.
    static_cast<void>(::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL));
  }
  // Everything until the server closes; fails the test when it does not within ten seconds.
  std::string read_to_end() const {
    std::string all;
    for (;;) {
      pollfd ready{fd_.get(), POLLIN, 0};
      REQUIRE(::poll(&ready, 1, 10'000) == 1);
      char buffer[4096];
      const auto n = ::recv(fd_.get(), buffer, sizeof buffer, 0);
      if (n <= 0) return all;
      all.append(buffer, static_cast<std::size_t>(n));
    }
  }
  void hang_up() { fd_ = UniqueFd{}; }

 private:
  UniqueFd fd_;
};

inline bool has_status(std::string_view answer, int status) {
  return answer.rfind("HTTP/1.1 " + std::to_string(status) + " ", 0) == 0;
}

// One event between two threads; waiting gives up after ten seconds.
class Event {
 public:
  void set() {
    *happened_.lock() = true;
    happened_.notify_all();
  }
  bool wait(std::stop_token stop = {}) {
    auto happened = happened_.lock();
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{10};
    return happened.wait_until(std::move(stop), deadline, [&] { return *happened; });
  }

 private:
  Guarded<bool> happened_{};
};

}  // namespace holdfast::http
