// SPDX-License-Identifier: Apache-2.0
#include "reconcilers/guest/guest_observation.hpp"

#include <algorithm>

#include "reconcilers/guest/disk_swap.hpp"
#include "reconcilers/guest/guest_shape.hpp"

namespace holdfast {
namespace {

constexpr Duration day = std::chrono::hours{24};
constexpr std::size_t too_often = 3;

Result<host::ObservedGuestPtr> observe(const GuestWorld& world, const SharedFacts& shared,
                                       const Uuid& uuid) {
  if (shared.inventory == nullptr) return world.host.inventory.observe(uuid).context("observe");
  const auto& guests = shared.inventory->guests;
  const auto found = std::lower_bound(
      guests.begin(), guests.end(), uuid,
      [](const host::ObservedGuestPtr& guest, const Uuid& wanted) { return guest->uuid < wanted; });
  if (found == guests.end() || (*found)->uuid != uuid) return host::ObservedGuestPtr{};
  return *found;
}

// The bulk observation at hand, or one made now into `held`.
Result<const host::Inventory*> inventory_of(const GuestWorld& world, const SharedFacts& shared,
                                            host::Inventory& held) {
  if (shared.inventory != nullptr) return shared.inventory;
  held = TRY(world.host.inventory.observe_all().context("observe all guests"));
  return &held;
}

bool is_known(const SharedFacts& shared, const Uuid& uuid) {
  return std::any_of(shared.rows.begin(), shared.rows.end(),
                     [&](const Provenance& row) { return row.uuid == uuid; });
}

std::optional<NameClash> find_clash(const GuestWorld& world, const SharedFacts& shared,
                                    const host::Inventory& inventory, const std::string& name) {
  for (const host::ObservedGuestPtr& guest : inventory.guests) {
    const bool is_marked = guest->marker && guest->marker->host_id == world.host_id;
    const bool claims_name =
        is_marked && guest->marker->name == name && guest->marker->provenance != "tombstone";
    if (guest->name != name && !claims_name) continue;
    if (is_known(shared, guest->uuid) && guest->name != name) continue;
    return NameClash{guest->uuid, is_marked && !is_known(shared, guest->uuid)};
  }
  return std::nullopt;
}

std::vector<std::string> taken_macs(const SharedFacts& shared, const host::Inventory& inventory) {
  std::vector<std::string> taken;
  for (const host::ObservedGuestPtr& guest : inventory.guests)
    for (const host::Nic& nic : guest->configured.nics) taken.push_back(nic.mac);
  for (const Provenance& row : shared.rows)
    if (const auto identity = parse_identity(row.detail))
      for (const NicIdentity& nic : identity->nics) taken.push_back(nic.mac);
  return taken;
}

bool needs_macs(const GuestFacts& facts) {
  if (!facts.desired.guest) return false;
  const auto& interfaces = facts.desired.guest->spec.interfaces;
  return std::any_of(interfaces.begin(), interfaces.end(), [&](const Interface& wanted) {
    return !facts.identity || facts.identity->find_nic(wanted.name) == nullptr;
  });
}

void draw_macs(const GuestWorld& world, GuestFacts& facts, std::vector<std::string> taken) {
  for (const Interface& wanted : facts.desired.guest->spec.interfaces) {
    if (facts.identity && facts.identity->find_nic(wanted.name) != nullptr) continue;
    const std::string mac = random_mac(world.random, taken);
    facts.new_macs[wanted.name] = mac;
    taken.push_back(mac);
  }
}

// Files are asked for only where the provider does not say what there is.
Result<void> find_disk_files(const GuestWorld& world, GuestFacts& facts) {
  if (!facts.identity) return ok();
  for (const DiskIdentity& ours : facts.identity->disks) {
    const host::Disk* seen =
        facts.observed ? find_disk(facts.observed->configured, ours.name) : nullptr;
    if (seen != nullptr && seen->size.value != 0) continue;
    const std::string& path = seen != nullptr ? seen->path : ours.active;
    const auto file = TRY(world.host.disks.find(path).context("look for disk " + ours.name));
    if (file) facts.disk_files[path] = file->size;
  }
  return ok();
}

void find_targets(const GuestWorld& world, GuestFacts& facts) {
  if (!facts.desired.guest) return;
  const Uuid uuid = facts.identity ? facts.identity->uuid : Uuid{};
  const auto look = [&](const std::string& disk, const std::string& target) {
    if (facts.identity && facts.identity->find_disk(disk) != nullptr) return;
    const auto path = facts.identity ? free_path(world, *facts.identity, target, disk)
                                     : world.host.disks.path_of(target, uuid, disk);
    if (path)
      facts.new_paths[disk] = *path;
    else
      facts.bad_targets[target] = path.error().message();
  };
  look("root", facts.desired.guest->spec.root_disk.target);
  for (const Volume& volume : facts.desired.guest->spec.volumes) look(volume.name, volume.target);
}

Result<void> gather_rows(const GuestWorld& world, const SharedFacts& shared, GuestFacts& facts) {
  const std::string subject = guest_subject(facts.name);
  for (const Provenance& row : shared.rows) {
    if (row.subject != subject || row.life == Life::gone) continue;
    auto identity = TRY(parse_identity(row.detail).context("journal row of " + subject));
    auto observed = TRY(observe(world, shared, row.uuid));
    if (row.life == Life::tombstone) {
      facts.tombstones.push_back({row, std::move(identity), std::move(observed)});
      continue;
    }
    facts.provenance = row;
    facts.identity = std::move(identity);
    facts.observed = std::move(observed);
  }
  return ok();
}

}  // namespace

std::string destruction_fact(std::string_view guest) {
  return "guest.destroyed." + std::string{guest};
}
std::string to_string(const Destruction& destruction) {
  return destruction.spec.empty() ? "" : destruction.spec + " " + destruction.job;
}
Destruction parse_destruction(std::string_view text) {
  const auto blank = std::min(text.find(' '), text.size());
  return {std::string{text.substr(0, blank)},
          std::string{text.substr(std::min(blank + 1, text.size()))}};
}

Result<SharedFacts> shared_facts(const GuestWorld& world) {
  SharedFacts shared;
  shared.rows = TRY(world.journal.all_provenance());
  return shared;
}

Result<GuestFacts> gather_facts(const GuestWorld& world, const std::string& name,
                                const DesiredGuest& desired, const SharedFacts& shared) {
  GuestFacts facts;
  facts.name = name;
  facts.host_id = world.host_id;
  facts.provider = world.provider;
  facts.desired = desired;
  facts.now = {world.clock.now(), world.journal.witnessed()};
  TRY(gather_rows(world, shared, facts));
  if (!desired.is_wanted || !desired.guest || !desired.held.empty()) return facts;

  TRY(find_disk_files(world, facts));
  find_targets(world, facts);
  if (world.host.contained != nullptr)
    if (const auto can = world.host.contained->check(desired.guest->spec); !can)
      facts.unsupported = can.error().message();
  host::Inventory held;
  const bool is_absent = !facts.provenance;
  if (is_absent)
    if (const auto fact = TRY(world.journal.fact(destruction_fact(name))); fact && !fact->empty())
      facts.destroyed = parse_destruction(*fact);
  if (is_absent || needs_macs(facts)) {
    const host::Inventory* inventory = TRY(inventory_of(world, shared, held));
    if (is_absent) facts.name_taken = find_clash(world, shared, *inventory, name);
    draw_macs(world, facts, taken_macs(shared, *inventory));
  }
  if (is_absent)
    facts.image =
        TRY(world.host.images.find(desired.guest->spec.image).context("look for the image"));
  return facts;
}

const ConditionRecord* find_condition(const std::vector<ConditionRecord>& written,
                                      std::string_view type) {
  const auto found = std::find_if(written.begin(), written.end(),
                                  [&](const ConditionRecord& c) { return c.type == type; });
  return found == written.end() ? nullptr : &*found;
}

Result<GuestPlan> plan_with_history(const GuestWorld& world, GuestFacts& facts,
                                    const std::vector<ConditionRecord>& written) {
  GuestPlan plan = plan_guest(facts);
  const ConditionRecord* before = find_condition(written, "Oscillating");
  const bool was_oscillating = before != nullptr && before->status == ConditionStatus::yes;
  // Between two quiet passes no correction was made.
  const ConditionRecord* ready = find_condition(written, "Ready");
  const bool was_quiet = ready != nullptr && ready->reason != "Reconciling" &&
                         ready->reason != "Working" && ready->reason != "Failed";
  if (plan.next() == nullptr && was_quiet && !was_oscillating) return plan;

  const auto corrections =
      TRY(world.journal.corrections(guest_subject(facts.name), world.clock.now() - day));
  for (const auto& [field, count] : corrections)
    if (count >= too_often) facts.oscillating.insert(field);
  return facts.oscillating.empty() ? plan : plan_guest(facts);
}

}  // namespace holdfast
