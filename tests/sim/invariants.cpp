// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/invariants.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

namespace holdfast::sim {
namespace {

constexpr std::size_t everything = 1'000'000;

void append(Breaches& to, Breaches from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

std::string describe(const Destroyed& effect) {
  return std::string{to_string(effect.call)} + " of " + to_string(effect.uuid) + " " +
         effect.object + " as " + std::string{to_string(effect.verb)};
}

Breaches destroyed_unsigned(const SimWorld& world) {
  Breaches broken;
  for (const Destroyed& effect : world.destroyed) {
    if (needs_signature(effect.verb) && !effect.is_signed) {
      broken.push_back(describe(effect) + " without a signature");
    }
  }
  return broken;
}

Breaches duplicates(const SimWorld& world) {
  Breaches broken;
  std::map<std::string, Uuid> owners;
  for (const auto& [uuid, domain] : world.domains) {
    if (!domain.marker || domain.marker->provenance == "tombstone") continue;
    const auto [owner, is_first] = owners.emplace(domain.marker->name, uuid);
    if (!is_first) {
      broken.push_back("guest " + domain.marker->name +
                       " exists twice: " + to_string(owner->second) + " and " + to_string(uuid));
    }
  }
  return broken;
}

// What one permit allows, as a key.
std::string permit_key(std::string_view verb, const std::string& uuid, std::uint64_t incarnation,
                       const std::string& operation) {
  return std::string{verb} + " " + uuid + " " + std::to_string(incarnation) + " " + operation;
}

std::map<std::string, int> permits_in(const std::vector<AuditEntry>& chain) {
  std::map<std::string, int> permits;
  for (const AuditEntry& entry : chain) {
    if (entry.kind != "permit") continue;
    const auto detail = nlohmann::json::parse(entry.detail, nullptr, false);
    if (!detail.is_object()) continue;
    ++permits[permit_key(detail.value("verb", ""), detail.value("uuid", ""),
                         detail.value("incarnation", std::uint64_t{0}),
                         detail.value("operation", ""))];
  }
  return permits;
}

// One audited permit for each effect: fewer means one was used twice, or never written down.
Breaches effects_without_permit(const SimWorld& world, const Journal& journal) {
  const auto chain = journal.audit_tail(everything);
  if (!chain) return {"the audit chain cannot be read: " + chain.error().message()};
  auto permits = permits_in(*chain);
  Breaches broken;
  for (const Destroyed& effect : world.destroyed) {
    const auto key = permit_key(to_string(effect.verb), to_string(effect.uuid),
                                effect.incarnation.value, to_string(effect.operation));
    if (--permits[key] < 0)
      broken.push_back(describe(effect) + " has no permit in the audit chain");
  }
  return broken;
}

Breaches one_owner_each(const std::vector<Provenance>& rows) {
  Breaches broken;
  std::set<std::string> owned;
  for (const Provenance& row : rows) {
    if (row.life == Life::tombstone || row.life == Life::gone) continue;
    if (!owned.insert(row.subject).second) broken.push_back(row.subject + " has two owners");
  }
  return broken;
}

Breaches one_operation_each(const std::vector<Operation>& unfinished) {
  Breaches broken;
  std::set<std::string> held;
  for (const Operation& operation : unfinished) {
    if (!held.insert(operation.subject).second) {
      broken.push_back(operation.subject + " has two unfinished operations");
    }
  }
  return broken;
}

// A job and its operation say the same, and no second operation rests on it.
Breaches jobs_once(const Journal& journal) {
  const auto jobs = journal.jobs(everything);
  const auto operations = journal.recent("", everything);
  if (!jobs || !operations) return {"jobs or operations cannot be read"};
  Breaches broken;
  for (const JobRecord& job : *jobs) {
    std::size_t begun = 0;
    for (const Operation& op : *operations)
      if (op.input.find("\"job\":\"" + job.id + "\"") != std::string::npos) ++begun;
    if (begun > 1) broken.push_back("job " + job.id + " began " + std::to_string(begun) + " times");
    if (job.operation.value == 0) continue;
    const auto op = journal.operation(job.operation);
    if (!op) continue;
    const bool has_closed =
        op->state == OperationState::succeeded || op->state == OperationState::rolled_back;
    const bool agree = (job.state == JobState::running) == !has_closed &&
                       (job.state == JobState::done) == (op->state == OperationState::succeeded);
    if (!agree)
      broken.push_back("job " + job.id + " is " + std::string{to_string(job.state)} + " and " +
                       to_string(op->id) + " is " + std::string{to_string(op->state)});
  }
  return broken;
}

// Every file that a guest has a use for: its disks, the layers below them and below its
// snapshots, its seed; and what rests upon those, which is how safety copies are kept.
std::set<std::string> files_in_use(const SimWorld& world) {
  std::set<std::string> used;
  const auto use = [&](std::string path) {
    while (!path.empty() && used.insert(path).second) {
      const auto file = world.files.find(path);
      path = file == world.files.end() ? std::string{} : file->second.backing;
    }
  };
  for (const auto& [uuid, domain] : world.domains) {
    for (const host::Disk& disk : domain.configured.disks) use(disk.path);
    if (domain.live) {
      for (const host::Disk& disk : domain.live->disks) use(disk.path);
    }
    use(domain.configured.seed_path);
    for (const SimSnapshot& snapshot : domain.snapshots) {
      for (const auto& [disk, path] : snapshot.frozen) use(path);
    }
  }
  for (const auto& [path, file] : world.files) {
    if (used.count(file.backing) > 0) use(path);
  }
  return used;
}

Breaches leaks(const SimWorld& world, const std::vector<Provenance>& rows) {
  std::map<Uuid, Life> known;
  std::string remembered;  // a seed that was replaced is kept in mind until its guest goes
  for (const Provenance& row : rows) {
    known[row.uuid] = row.life;
    remembered += row.detail;
  }
  Breaches broken;
  for (const auto& [uuid, domain] : world.domains) {
    if (domain.marker && known.count(uuid) == 0) {
      broken.push_back("domain " + domain.name + " is not in the journal");
    }
  }
  const auto used = files_in_use(world);
  for (const auto& [path, file] : world.files) {
    if (file.is_partial) {
      broken.push_back(path + " was left half-written");
    } else if (known.count(file.owner) == 0) {
      broken.push_back(path + " belongs to a guest that is not in the journal");
    } else if (used.count(path) == 0 && world.domain(file.owner) != nullptr &&
               remembered.find('"' + path + '"') == std::string::npos) {
      broken.push_back(path + " is used by nobody");
    }
  }
  return broken;
}

}  // namespace

Breaches broken_now(const SimWorld& world) {
  Breaches broken = world.offences;
  append(broken, destroyed_unsigned(world));
  append(broken, world.lost_customer_data());
  append(broken, duplicates(world));
  return broken;
}

Breaches broken_in_journal(const SimWorld& world, const Journal& journal) {
  Breaches broken;
  if (const auto rows = journal.all_provenance()) {
    append(broken, one_owner_each(*rows));
  } else {
    broken.push_back("provenance cannot be read: " + rows.error().message());
  }
  if (const auto unfinished = journal.unfinished()) {
    append(broken, one_operation_each(*unfinished));
  } else {
    broken.push_back("operations cannot be read: " + unfinished.error().message());
  }
  if (const auto chain = journal.verify_audit(); !chain) {
    broken.push_back("audit chain: " + chain.error().message());
  }
  append(broken, effects_without_permit(world, journal));
  append(broken, jobs_once(journal));
  return broken;
}

Breaches broken_at_rest(const SimWorld& world, const Journal& journal) {
  Breaches broken = broken_now(world);
  append(broken, broken_in_journal(world, journal));
  if (const auto unfinished = journal.unfinished()) {
    for (const Operation& operation : *unfinished) {
      broken.push_back(to_string(operation.id) + " " + operation.kind + " of " + operation.subject +
                       " is " + std::string{to_string(operation.state)} + " " + operation.cause);
    }
  }
  if (const auto waiting = journal.waiting_jobs()) {
    for (const JobRecord& job : *waiting)
      broken.push_back("job " + job.id + " of " + job.subject + " waits for nothing");
  }
  if (const auto rows = journal.all_provenance()) append(broken, leaks(world, *rows));
  return broken;
}

Breaches restarted_by_us(const SimWorld& before, const SimWorld& after) {
  Breaches broken;
  for (const auto& [uuid, then] : before.domains) {
    const SimDomain* now = after.domain(uuid);
    if (!then.is_up() || now == nullptr || now->stops_by_us == then.stops_by_us) continue;
    broken.push_back(now->name + " was running and was stopped " +
                     std::to_string(now->stops_by_us - then.stops_by_us) + " times");
  }
  return broken;
}

Breaches InvariantWatch::look() {
  if (version_ == world_.version && offences_ == world_.offences.size() &&
      destroyed_ == world_.destroyed.size()) {
    return {};
  }
  version_ = world_.version;
  offences_ = world_.offences.size();
  destroyed_ = world_.destroyed.size();
  Breaches found = broken_now(world_);
  Breaches fresh;
  for (const std::string& breach : found) {
    if (std::find(known_.begin(), known_.end(), breach) == known_.end()) fresh.push_back(breach);
  }
  known_ = std::move(found);
  return fresh;
}

}  // namespace holdfast::sim
