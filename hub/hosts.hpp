// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>

#include "base/guarded.hpp"
#include "base/result.hpp"
#include "http/server.hpp"
#include "hub/leases.hpp"
#include "hub/records.hpp"
#include "hub/store.hpp"

namespace holdfast::hub {

// A long poll that waits. Without it nothing of its request is kept.
struct Parked {
  http::Responder responder;
  Duration until{};  // on the hub's clock
};

// What the hub knows of a host without asking the store.
struct KnownHost {
  Host record{};
  std::optional<Beat> beat{};
  std::optional<Time> reported{};
  Held held{};
  Lease lease{};
  Held newest{};                      // generation and digest at the hub; 0: none
  std::set<std::string> open_jobs{};  // digests without a final result

  // The session of syncs that runs, and what it was sent: nothing goes twice.
  std::string session{};
  std::uint64_t sequence = 0;
  std::uint64_t sent_generation = 0;
  std::set<std::string> sent_jobs{};
  std::optional<Parked> parked{};

  bool lacks_desired() const {
    return newest.generation != 0 && newest != held && sent_generation != newest.generation;
  }
  bool lacks_jobs() const;
};

struct KnownHosts {
  std::unordered_map<std::string, KnownHost> by_id{};
  std::unordered_map<std::string, std::string> by_key{};  // hash of the key -> id
};

// Every host, in memory: heartbeats and parked polls ask no database. Whoever changes what is
// stored too does so in the store first. Thread-safe; hold the lock for a moment only.
class Hosts {
 public:
  // As stored. Leases begin at `now`: before that the hub heard nobody.
  Result<void> load(Store& store, Duration now);
  Guarded<KnownHosts>::Access lock() { return known_.lock(); }

  // The id of the host that `name` means: its id, a beginning of it that no other has (8 digits
  // or more), or its hostname when no other has that. Errc::not_found, conflict.
  Result<std::string> resolve(const std::string& name);

 private:
  Guarded<KnownHosts> known_{};
};

// "Alive", "Late", "Dead", "Stalled"
std::string status_of(const Standing& standing);

}  // namespace holdfast::hub
