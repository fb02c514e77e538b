// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "reconcilers/guest/guest_diff.hpp"
#include "reconcilers/guest/guest_shape.hpp"

// What a definition says of a guest, and which of it a running guest may learn at once.
namespace holdfast {
namespace {

std::string show(const std::vector<host::Nic>& nics) {
  std::vector<std::string> words;
  for (const host::Nic& nic : nics) {
    const std::string source = nic.source.empty() ? "" : " " + nic.source;
    words.push_back(std::string{to_string(nic.kind)} + source);
  }
  return words.empty() ? "none" : join(words, ", ");
}

std::string show(const Limits& limits) {
  std::vector<std::string> words;
  if (limits.cpu_shares) words.push_back("cpuShares " + std::to_string(*limits.cpu_shares));
  if (limits.io_read_bps) words.push_back("ioReadBps " + to_string(*limits.io_read_bps));
  if (limits.io_write_bps) words.push_back("ioWriteBps " + to_string(*limits.io_write_bps));
  return words.empty() ? "none" : join(words, ", ");
}

std::string differs(const std::string& what, const std::string& now, const std::string& wanted) {
  return what + " " + now + " should be " + wanted;
}

// Interfaces that stay keep their order; new ones follow.
std::vector<host::Nic> in_observed_order(std::vector<host::Nic> wanted,
                                         const std::vector<host::Nic>& observed) {
  const auto place = [&](const host::Nic& nic) {
    return std::find_if(observed.begin(), observed.end(),
                        [&](const host::Nic& other) { return other.mac == nic.mac; }) -
           observed.begin();
  };
  std::stable_sort(wanted.begin(), wanted.end(), [&](const host::Nic& one, const host::Nic& other) {
    return place(one) < place(other);
  });
  return wanted;
}

// One thing a running guest has other than it should, and how to tell it.
struct LiveDifference {
  std::string field{};  // "cpus"
  std::string sentence{};
  LiveChange change{};
};

std::vector<LiveDifference> live_differences(const host::Shape& live, const host::Shape& wanted) {
  std::vector<LiveDifference> found;
  if (live.cpus != wanted.cpus)
    found.push_back({"cpus",
                     "cpus: runs with " + std::to_string(live.cpus) + ", will have " +
                         std::to_string(wanted.cpus),
                     LiveCpus{wanted.cpus}});
  if (live.memory != wanted.memory)
    found.push_back(
        {"memory",
         "memory: runs with " + to_string(live.memory) + ", will have " + to_string(wanted.memory),
         LiveMemory{wanted.memory}});
  if (live.limits != wanted.limits)
    found.push_back(
        {"limits", "limits: runs with " + show(live.limits) + ", will have " + show(wanted.limits),
         LiveLimits{wanted.limits}});
  for (const host::Nic& nic : live.nics) {
    if (find_nic(wanted, nic.mac) != nullptr) continue;
    found.push_back({"interfaces", "interfaces: still has " + show({nic}), LiveDetachNic{nic.mac}});
  }
  for (const host::Nic& nic : wanted.nics) {
    if (find_nic(live, nic.mac) != nullptr) continue;
    found.push_back({"interfaces", "interfaces: will have " + show({nic}), LiveAttachNic{nic}});
  }
  return found;
}

// What only a stop can change: the seed is read and disks are found at boot, and an
// interface exchanged under a running guest would come back without its addresses.
std::vector<std::string> pending_until_stop(const host::Shape& live, const host::Shape& wanted) {
  std::vector<std::string> pending;
  if (live.seed_path != wanted.seed_path)
    pending.emplace_back("bootstrap: the new first-boot configuration is read at the next start");
  for (const host::Nic& nic : wanted.nics) {
    const host::Nic* other = find_nic(live, nic.mac);
    if (other != nullptr && !(*other == nic))
      pending.push_back("interfaces: " + show({*other}) + " (" + other->model + ") becomes " +
                        show({nic}) + " (" + nic.model + ") at the next start");
  }
  for (const host::Disk& disk : wanted.disks) {
    const host::Disk* other = find_disk(live, disk.name);
    if (other == nullptr)
      pending.push_back("volumes." + disk.name + ": attached at the next start");
  }
  return pending;
}

bool contains(const std::vector<std::string>& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// The persistent configuration against the wish: fields and sentences, in spec order.
struct Differences {
  std::vector<std::string> fields{};
  std::vector<std::string> sentences{};

  void add(std::string field, std::string sentence) {
    fields.push_back(std::move(field));
    sentences.push_back(std::move(sentence));
  }
};

Differences persistent_differences(const host::Shape& now, const host::Shape& wanted) {
  Differences found;
  if (now.cpus != wanted.cpus)
    found.add("cpus", differs("cpus", std::to_string(now.cpus), std::to_string(wanted.cpus)));
  if (now.memory != wanted.memory)
    found.add("memory", differs("memory", to_string(now.memory), to_string(wanted.memory)));
  if (!same_nics(now.nics, wanted.nics))
    found.add("interfaces", differs("interfaces", show(now.nics), show(wanted.nics)));
  if (now.limits != wanted.limits)
    found.add("limits", differs("limits", show(now.limits), show(wanted.limits)));
  if (now.seed_path != wanted.seed_path)
    found.add("bootstrap", "the first-boot configuration is another");
  return found;
}

bool has_refusal(const GuestPlan& plan) {
  return std::any_of(plan.actions.begin(), plan.actions.end(), [](const PlannedAction& action) {
    return action.verdict == Verdict::refused;
  });
}

// Sorts live differences into those to try now and those that wait for a stop.
void plan_live(const GuestDiff& diff, const host::Shape& wanted, Differences& found,
               ConfigureGuest& change) {
  std::vector<std::string> kept;
  for (LiveDifference& live : live_differences(*diff.observed.live, wanted)) {
    const std::string remember = deferral_of(live.change);
    const bool is_declined = contains(diff.identity.deferred, remember);
    const bool is_new = contains(found.fields, live.field);
    const bool is_restless = diff.facts.oscillating.count("live." + live.field) > 0;
    if (is_declined || (is_restless && !is_new)) {
      diff.plan.pending.push_back(live.sentence);
      if (is_declined) kept.push_back(remember);
      continue;
    }
    if (!is_new && !contains(found.fields, "live." + live.field))
      found.add("live." + live.field, live.sentence);
    change.live.push_back(std::move(live.change));
  }
  change.identity.deferred = std::move(kept);
  for (std::string& sentence : pending_until_stop(*diff.observed.live, wanted))
    diff.plan.pending.push_back(std::move(sentence));
}

}  // namespace

void plan_configuration(const GuestDiff& diff) {
  ConfigureGuest change;
  change.identity = with_macs(diff.identity, diff.facts.new_macs);
  auto nics = in_observed_order(wanted_nics(diff.guest, diff.identity, diff.facts.new_macs),
                                diff.observed.configured.nics);
  change.definition =
      definition_of(diff.guest, change.identity, std::move(nics), diff.observed.configured.disks);
  change.definition.name = diff.observed.name;      // renaming is a step of its own
  if (diff.identity.first_boot == FirstBoot::none)  // a CD-ROM there is not of our making
    change.definition.shape.seed_path = diff.observed.configured.seed_path;

  Differences found = persistent_differences(diff.observed.configured, change.definition.shape);
  if (contains(found.fields, "bootstrap")) {
    change.seed = seed_of(diff.guest, change.identity);
    change.identity = with_seed(std::move(change.identity), change.seed);
  }
  if (diff.is_active() && diff.observed.live)
    plan_live(diff, change.definition.shape, found, change);

  // A spec that is not applied in full is not written down as if it were.
  const host::Marker& marker = *diff.observed.marker;
  const bool is_refused = has_refusal(diff.plan) || !diff.plan.blocked.empty();
  const std::string digest = is_refused ? marker.spec_digest : applied_digest(diff.facts.desired);
  if (digest != marker.spec_digest && found.fields.empty())
    found.add("spec", "the spec changed where nothing has to be done; it is written down");
  if (found.fields.empty()) return;
  change.definition.marker =
      make_marker(change.identity, diff.facts.host_id, digest, marker.last_job);
  diff.act(std::move(change), found.fields, join(found.sentences, "; "));
}

}  // namespace holdfast
