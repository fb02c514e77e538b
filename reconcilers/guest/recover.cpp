// SPDX-License-Identifier: Apache-2.0
#include "reconcilers/guest/recover.hpp"

#include <algorithm>
#include <set>

#include "reconcilers/guest/guest_identity.hpp"
#include "reconcilers/guest/guest_shape.hpp"

namespace holdfast {
namespace {

const Provenance* find_row(const std::vector<Provenance>& known, const Uuid& uuid) {
  const auto found = std::find_if(known.begin(), known.end(),
                                  [&](const Provenance& row) { return row.uuid == uuid; });
  return found == known.end() ? nullptr : &*found;
}

bool is_known(const std::vector<Provenance>& known, const Uuid& uuid) {
  return find_row(known, uuid) != nullptr;
}

// The journal is an older copy: since it was made the guest was given new data, destroyed
// or brought back. An operation under way writes its marker first, too, and ends by itself.
bool is_ahead_of(const host::Marker& marker, const Provenance& row) {
  if (row.life != Life::live && row.life != Life::tombstone) return false;
  return marker.incarnation > row.incarnation ||
         (marker.incarnation == row.incarnation &&
          is_tombstone(marker) != (row.life == Life::tombstone));
}

// Marked guests by the name they claim, tombstones left out: they dispute no name.
std::multiset<std::string> claimed_names(const host::Inventory& inventory,
                                         const std::vector<Provenance>& known,
                                         const std::string& host_id) {
  std::multiset<std::string> names;
  for (const Provenance& row : known)
    if (row.life == Life::live || row.life == Life::provisioning)
      if (const auto name = guest_name_of(row.subject)) names.insert(*name);
  for (const host::ObservedGuestPtr& guest : inventory.guests)
    if (guest->marker && guest->marker->host_id == host_id &&
        guest->marker->provenance != "tombstone" && !is_known(known, guest->uuid))
      names.insert(guest->marker->name);
  return names;
}

Result<GuestIdentity> read_back(const host::ObservedGuest& guest, const Moment& now) {
  if (guest.marker->uuid != guest.uuid)
    return Error{Errc::corrupt, "its marker names another guest"};
  if (!guest.problem.empty()) return Error{Errc::corrupt, guest.problem};
  GuestIdentity identity = TRY(identity_from_marker(*guest.marker));
  // As with tombstones: too long is safe, too short is not.
  for (SetAside& aside : identity.aside) {
    aside.since = now.wall;
    aside.witnessed = now.witnessed;
  }
  return moved_identity(identity, guest).value_or(identity);
}

Provenance row_of(const host::ObservedGuest& guest, const GuestIdentity& identity, Time now) {
  Provenance row;
  row.uuid = identity.uuid;
  row.incarnation = identity.incarnation;
  row.subject = guest_subject(identity.name);
  row.origin = guest.marker->provenance == "adopted" ? Origin::adopted : Origin::created;
  row.life = Life::live;
  row.data_bearing = true;
  row.detail = to_json(identity);
  row.created_at = now;
  row.updated_at = now;
  // The clock of its 7 days starts again: too long is safe, too short is not.
  if (guest.marker->provenance == "tombstone") {
    row.life = Life::tombstone;
    row.tombstoned_at = now;
  }
  return row;
}

std::string disks_of(const GuestIdentity& identity) {
  std::string paths;
  for (const DiskIdentity& disk : identity.disks)
    paths += (paths.empty() ? "" : ", ") + disk.name + " at " + disk.active;
  return paths;
}

// A guest that can be taken into the journal.
struct Recovered {
  GuestIdentity identity;
  Provenance row;
};

std::string describe(const Recovered& found) {
  const GuestIdentity& identity = found.identity;
  return (found.row.life == Life::tombstone ? "the tombstone of " : "") + identity.name +
         ", incarnation " + std::to_string(identity.incarnation.value) + ", born from image " +
         identity.image.name + " " + identity.image.version + ", disks " + disks_of(identity);
}

// The error's message says why the guest is left alone. `before` is what the journal has of
// it, null when nothing; `names` are those that all guests claim.
Result<Recovered> recover_guest(const host::ObservedGuest& guest, const Provenance* before,
                                const std::multiset<std::string>& names, const std::string& host_id,
                                const Moment& now) {
  if (guest.marker->host_id != host_id)
    return Error{Errc::denied, "its marker is of another installation, " + guest.marker->host_id};
  GuestIdentity identity = TRY(read_back(guest, now));
  Provenance row = row_of(guest, identity, now.wall);
  if (before != nullptr) row.created_at = before->created_at;
  // A tombstone of the journal's has no name; all others are counted once themselves.
  const bool is_counted = before == nullptr || before->life == Life::live;
  if (row.life == Life::live && names.count(identity.name) > (is_counted ? 1U : 0U))
    return Error{Errc::conflict, "another guest claims the name " + identity.name + ", too"};
  return Recovered{std::move(identity), std::move(row)};
}

}  // namespace

Recovery plan_recovery(const host::Inventory& inventory, const std::vector<Provenance>& known,
                       const std::string& host_id, const Moment& now) {
  Recovery recovery;
  const auto names = claimed_names(inventory, known, host_id);
  recovery.claimed.insert(names.begin(), names.end());
  for (const host::ObservedGuestPtr& guest : inventory.guests) {
    if (!guest->marker) continue;
    const Provenance* before = find_row(known, guest->uuid);
    if (before != nullptr && !is_ahead_of(*guest->marker, *before)) continue;
    const std::string who = "guest " + guest->name + " (" + to_string(guest->uuid) + ")";
    const auto found = recover_guest(*guest, before, names, host_id, now);
    if (!found) {
      recovery.sentences.push_back(who + " is left alone: " + found.error().message());
      continue;
    }
    recovery.sentences.push_back(who + " is " + describe(*found));
    recovery.rows.push_back(found->row);
  }
  return recovery;
}

}  // namespace holdfast
