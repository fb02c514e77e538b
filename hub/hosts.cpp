// SPDX-License-Identifier: Apache-2.0
#include "hub/hosts.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace holdfast::hub {
namespace {

Result<void> load_one(const Tables& tables, KnownHost& host) {
  const std::string& id = host.record.id;
  if (const auto standing = TRY(tables.hosts.standing(id))) host.lease.standing = *standing;
  if (const auto state = TRY(tables.hosts.state(id))) {
    host.reported = state->reported;
    host.held = state->held;
  }
  if (const auto newest = TRY(tables.generations.newest(id)))
    host.newest = {newest->generation, newest->digest};
  for (const auto& job : TRY(tables.jobs.open(id, max_open_jobs)))
    host.open_jobs.insert(job.digest);
  return ok();
}

}  // namespace

bool KnownHost::lacks_jobs() const {
  return std::any_of(open_jobs.begin(), open_jobs.end(),
                     [&](const std::string& digest) { return !sent_jobs.contains(digest); });
}

Result<void> Hosts::load(Store& store, Duration now) {
  KnownHosts loaded;
  auto was_read = store.read([&](const Tables& tables) -> Result<void> {
    for (auto& record : TRY(tables.hosts.all())) {
      KnownHost host;
      host.record = std::move(record);
      // Heard in another life: judge() takes no recovery from it.
      host.lease.heard = now - Duration{1};
      TRY(load_one(tables, host));
      const std::string id = host.record.id;
      loaded.by_key[host.record.key_hash] = id;
      loaded.by_id.emplace(id, std::move(host));
    }
    for (auto& beat : TRY(tables.hosts.beats())) {
      const auto host = loaded.by_id.find(beat.host);
      if (host == loaded.by_id.end()) continue;
      host->second.lease.pass_age = beat.said.pass_age;
      host->second.beat = std::move(beat);
    }
    return ok();
  });
  if (!was_read) return was_read;
  *known_.lock() = std::move(loaded);
  return ok();
}

Result<std::string> Hosts::resolve(const std::string& name) {
  constexpr std::size_t shortest = 8;
  auto known = known_.lock();
  if (known->by_id.contains(name)) return name;
  std::vector<std::string> found;
  for (const auto& [id, host] : known->by_id)
    if (host.record.hostname == name || (name.size() >= shortest && id.starts_with(name)))
      found.push_back(id);
  if (found.size() == 1) return found.front();
  if (found.empty()) return Error{Errc::not_found, "there is no host " + name.substr(0, 80)};
  return Error{Errc::conflict, std::to_string(found.size()) + " hosts are called " +
                                   name.substr(0, 80) + ": say which by its id"};
}

std::string status_of(const Standing& standing) {
  switch (standing.liveness) {
    case Liveness::alive: return standing.is_stalled ? "Stalled" : "Alive";
    case Liveness::late: return "Late";
    case Liveness::dead: return "Dead";
  }
  return "Dead";
}

}  // namespace holdfast::hub
