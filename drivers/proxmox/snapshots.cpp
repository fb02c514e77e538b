// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "drivers/proxmox/ports.hpp"

namespace holdfast::proxmox {
namespace {

constexpr std::string_view our_words = "holdfast incarnation ";

// Proxmox: a letter, then letters, digits, '-' and '_'; 2 to 40 characters.
Result<void> check_snapshot_name(const std::string& name) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const bool is_fine = name.size() >= 2 && name.size() <= 40 && is_letter(name.front()) &&
                       name != "current" && std::all_of(name.begin(), name.end(), [&](char c) {
                         return is_letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '_';
                       });
  if (is_fine) return ok();
  return Error{Errc::invalid, "'" + name +
                                  "' is no name for a snapshot at Proxmox: a letter, then letters, "
                                  "digits, '-' or '_', 2 to 40 in all"};
}

bool has(const std::vector<host::SnapshotFacts>& list, const std::string& name) {
  return std::any_of(list.begin(), list.end(),
                     [&](const host::SnapshotFacts& facts) { return facts.name == name; });
}

host::SnapshotFacts facts_of(const Json& entry) {
  host::SnapshotFacts facts;
  facts.name = text_of(entry, "name");
  facts.created = Time{Duration{static_cast<Duration::rep>(number_of(entry, "snaptime") * 1000)}};
  const std::string words = text_of(entry, "description");
  if (words.starts_with(our_words)) {
    const auto number = words.substr(our_words.size());
    facts.incarnation = Incarnation{std::strtoull(number.c_str(), nullptr, 10)};
    facts.is_ours = facts.incarnation.value > 0;
  }
  return facts;
}

}  // namespace

Result<std::vector<host::SnapshotFacts>> Snapshots::list_of(const Place& place) {
  const Json data = TRY(node_.client().get(node_.path(place, "/snapshot")));
  std::vector<host::SnapshotFacts> list;
  if (!data.is_array()) return Error{Errc::unavailable, "the list of snapshots is no list"};
  for (const Json& entry : data)
    if (text_of(entry, "name") != "current") list.push_back(facts_of(entry));
  std::sort(list.begin(), list.end(),
            [](const auto& one, const auto& other) { return one.created < other.created; });
  return list;
}

Result<std::vector<host::SnapshotFacts>> Snapshots::list(const Uuid& uuid) {
  return list_of(TRY(node_.ours(uuid)).config.place);
}

Result<void> Snapshots::take(const Uuid& uuid, const Ours& guest, const std::string& name) {
  const Place& place = guest.config.place;
  node_.forget(place);
  const std::string words =
      std::string{our_words} + std::to_string(guest.text.marker.incarnation.value);
  const Json answer = TRY(node_.client().post(node_.path(place, "/snapshot"),
                                              {{"snapname", name}, {"description", words}}));
  return node_.finish(uuid, answer);
}

Result<void> Snapshots::create(const Uuid& uuid, const std::string& name) {
  TRY(check_snapshot_name(name));
  const auto turn = node_.storage_turn();
  const Ours first = TRY(node_.ours(uuid));
  if (has(TRY(list_of(first.config.place)), name))
    return Error{Errc::conflict, "snapshot " + name + " exists"};
  return take(uuid, TRY(node_.ours(uuid)), name);
}

Result<void> Snapshots::roll_back(gate::Permit permit, const Uuid& uuid, const std::string& name) {
  TRY(permit.covers({gate::Verb::roll_back_snapshot}, uuid));
  const auto turn = node_.storage_turn();
  const Ours first = TRY(node_.ours_stopped(uuid));
  TRY(permit.covers(uuid, first.text.marker.incarnation));
  const auto list = TRY(list_of(first.config.place));
  if (!has(list, name)) return Error{Errc::not_found, "there is no snapshot " + name};
  const std::string safety = "undo-" + to_string(permit.operation());
  if (!has(list, safety)) TRY(take(uuid, first, safety).context("keep what is there now"));
  const Ours guest = TRY(node_.ours_stopped(uuid));
  const Place& place = guest.config.place;
  node_.forget(place);
  return node_.finish(
      uuid, TRY(node_.client().post(node_.path(place, "/snapshot/" + name + "/rollback"), {})));
}

Result<void> Snapshots::remove(gate::Permit permit, const Uuid& uuid, const std::string& name) {
  TRY(permit.covers({gate::Verb::remove_snapshot}, uuid));
  const auto turn = node_.storage_turn();
  const Ours first = TRY(node_.ours(uuid));
  TRY(permit.covers(uuid, first.text.marker.incarnation));
  if (!has(TRY(list_of(first.config.place)), name)) return ok();
  const Ours guest = TRY(node_.ours(uuid));
  node_.forget(guest.config.place);
  return node_.finish(
      uuid, TRY(node_.client().remove(node_.path(guest.config.place, "/snapshot/" + name), {})));
}

}  // namespace holdfast::proxmox
