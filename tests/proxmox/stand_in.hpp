// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "http/message.hpp"
#include "tests/proxmox/faults.hpp"
#include "tests/proxmox/tasks.hpp"
#include "tests/proxmox/world.hpp"

namespace holdfast::standin {

struct StandInOptions {
  Version version = Version::v8_4;
  std::string node = "pve1";
  // Time stands still until advance(); with a clock it also goes on with that.
  const Clock* clock = nullptr;
  Time start{std::chrono::seconds{1'795'370'000}};
  // Each request takes this long, so that polling alone lets tasks end.
  Duration per_request{0};
  // How often the cluster is told of guests' power: /cluster/resources lags behind by this
  // much, and says "unknown" of new guests. The lists of a node do not lag. The real one: 10 s.
  Duration broadcast{10'000};
};

// A request that the schema of `version` refuses, whatever the host's own version.
struct Violation {
  std::uint64_t call = 0;
  Version version{};
  std::string request{};    // "PUT /nodes/pve1/lxc/100/config"
  std::string parameter{};  // empty: the request as a whole
  std::string what{};
};
std::string to_string(const Violation& violation);

// One answer, with what http::Response cannot say.
struct Exchange {
  http::Response response{};
  std::string reason{};  // of the status line
  bool is_lost = false;  // nothing reaches the client
  Duration delay{};      // before it is sent, on purpose (401)
  bool closes = false;   // the connection, afterwards
};

// A Proxmox VE host as its API shows it, without network and threads: each request is answered
// from plain state. How true it is: tests/proxmox/README.md. Not thread-safe.
class StandIn {
 public:
  explicit StandIn(StandInOptions options = {});
  ~StandIn();
  StandIn(const StandIn&) = delete;
  StandIn& operator=(const StandIn&) = delete;

  // `path` with or without /api2/json in front; form or JSON bodies as Content-Type says.
  Exchange exchange(const http::Request& request);
  // As a client sees it: Errc::unavailable when the answer is lost.
  Result<http::Response> request(const http::Request& request);
  // The same for those who lose nothing; status 0 when they did.
  http::Response answer(const http::Request& request);

  // Virtual time. The clock is for the code under test; advancing lets tasks end.
  const Clock& clock() const;
  void advance(Duration by);
  // Lets all tasks end that run now, by advancing; a minute at most.
  void let_tasks_end();

  // The host. Its changes by a test are seen by the next request.
  World& world();
  TaskBook& tasks();
  // A user "agent@pve" with the token "agent@pve!holdfast" and the agent's role on "/", both
  // ways. Returns the header's value.
  std::string add_agent();
  // The same with a role of the caller's choice.
  std::string add_agent(const Privileges& role, const std::string& path = "/");

  // Faults, tried in the order added.
  void add_fault(Fault fault);
  void clear_faults();
  // Called before each request is looked at, with its number from 1, and after its effect,
  // before the answer; may throw, as a process dies in the middle.
  std::function<void(std::uint64_t call, const http::Request&)> before{};
  std::function<void(std::uint64_t call, const http::Request&)> after{};

  std::uint64_t calls() const;
  // How often each was asked, "GET /cluster/resources"; numbers of the path as {vmid} etc.
  const std::map<std::string, std::uint64_t>& calls_by_endpoint() const;
  // Requests that one of both versions' schemas refuses. A driver has none.
  const std::vector<Violation>& violations() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace holdfast::standin
