// SPDX-License-Identifier: Apache-2.0
// What wrk cannot do for bench/hub.sh: hosts without enrolling each, and polls that wait.
//   hub_bench prepare DATA COUNT   into the hub's database; prints "ID KEY" lines
//   hub_bench park PORT PID COUNT  reads such lines, parks a poll for each, says what the hub
//                                  (process PID) needs for them
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include <openssl/ssl.h>

#include "base/handle.hpp"
#include "base/unique_fd.hpp"
#include "hub/secrets.hpp"
#include "hub/sqlite_store.hpp"

namespace holdfast::hub {
namespace {

int prepare(const std::string& data, int count) {
  const auto store = SqliteStore::open(data + "/hub.db", false);
  if (!store) return std::fprintf(stderr, "%s\n", store.error().message().c_str()), 1;
  std::vector<std::pair<std::string, std::string>> hosts;
  for (int i = 0; i < count; ++i) hosts.emplace_back(random_id(), random_key());
  const Time now = SystemClock{}.now();
  const auto stored = (*store)->commit([&](const Tables& tables) -> Result<void> {
    for (const auto& [id, key] : hosts)
      TRY(tables.hosts.put({id, "bench-" + id.substr(0, 8), "0.2.0", hash_of(key), now}));
    return ok();
  });
  if (!stored) return std::fprintf(stderr, "%s\n", stored.error().message().c_str()), 1;
  for (const auto& [id, key] : hosts) std::printf("%s %s\n", id.c_str(), key.c_str());
  return 0;
}

struct Poll {
  UniqueFd fd{};
  Handle<SSL, SSL_free> ssl{};
};

Poll dial(SSL_CTX* context, std::uint16_t port) {
  Poll poll;
  poll.fd = UniqueFd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(poll.fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    return {};
  poll.ssl.reset(SSL_new(context));
  SSL_set_fd(poll.ssl.get(), poll.fd.get());
  if (SSL_connect(poll.ssl.get()) != 1) return {};
  return poll;
}

// Resident memory of a process, KiB.
long resident(const std::string& pid) {
  std::ifstream status{"/proc/" + pid + "/status"};
  for (std::string line; std::getline(status, line);)
    if (line.rfind("VmRSS:", 0) == 0) return std::stol(line.substr(6));
  return 0;
}

int park(std::uint16_t port, const std::string& pid, int count) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  const Handle<SSL_CTX, SSL_CTX_free> context{SSL_CTX_new(TLS_client_method())};
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
  const std::string body = R"({"apiVersion":"holdfast/v1","kind":"SyncRequest","session":")" +
                           std::string(32, 'b') + R"(","sequence":1,"jobResults":[]})";
  const long before = resident(pid);
  std::vector<Poll> polls;
  std::string id;
  std::string key;
  const auto start = std::chrono::steady_clock::now();
  while (static_cast<int>(polls.size()) < count && std::cin >> id >> key) {
    auto poll = dial(context.get(), port);
    if (!poll.ssl) return std::fprintf(stderr, "connection %zu failed\n", polls.size()), 1;
    const std::string request =
        "POST /v1/hosts/" + id + "/sync HTTP/1.1\r\nHost: h\r\n" +
        "Prefer: wait=55\r\nAuthorization: Bearer " + key +
        "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
        "\r\n\r\n" + body;
    SSL_write(poll.ssl.get(), request.data(), static_cast<int>(request.size()));
    polls.push_back(std::move(poll));
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  std::this_thread::sleep_for(std::chrono::seconds{2});
  const long after = resident(pid);
  std::printf("%zu polls parked in %.1f s: hub from %ld KiB to %ld KiB, %.1f KiB each\n",
              polls.size(), took.count(), before, after,
              static_cast<double>(after - before) / static_cast<double>(polls.size()));
  return 0;
}

}  // namespace
}  // namespace holdfast::hub

int main(int argc, char** argv) {
  using namespace holdfast::hub;
  const std::string mode = argc > 1 ? argv[1] : "";
  if (mode == "prepare" && argc == 4) return prepare(argv[2], std::atoi(argv[3]));
  if (mode == "park" && argc == 5)
    return park(static_cast<std::uint16_t>(std::atoi(argv[2])), argv[3], std::atoi(argv[4]));
  std::fprintf(stderr, "usage: hub_bench prepare DATA COUNT | park PORT PID COUNT\n");
  return 2;
}
