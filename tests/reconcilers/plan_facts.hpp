// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "reconcilers/guest/guest_plan.hpp"
#include "reconcilers/guest/guest_shape.hpp"
#include "tests/catch.hpp"
#include "tests/sim/seeded_random.hpp"

namespace holdfast::test {

inline const std::string host_id = "0123456789abcdef0123456789abcdef";

inline Guest acme() {
  Guest guest;
  guest.name = "acme";
  guest.spec.image = {"debian-12", "1"};
  guest.spec.cpus = 2;
  guest.spec.memory = gibibytes(2);
  guest.spec.root_disk = {gibibytes(16), "local"};
  Volume db;
  db.name = "db";
  db.size = gibibytes(10);
  guest.spec.volumes = {db};
  Interface net0;
  net0.name = "net0";
  net0.kind = Interface::Kind::bridge;
  net0.source = "br0";
  guest.spec.interfaces = {net0};
  return guest;
}

inline host::StoredImage debian() {
  host::StoredImage stored;
  stored.directory = "/images/debian-12/1";
  stored.image.name = "debian-12";
  stored.image.version = "1";
  ImageDisk root;
  root.name = "root";
  root.file = "root.raw";
  root.virtual_size = gibibytes(8);
  stored.image.disks = {root};
  return stored;
}

inline GuestIdentity identity_of(const Guest& guest) {
  sim::SeededRandom random{3};
  GuestIdentity identity;
  identity.uuid = Uuid::random(random);
  identity.name = guest.name;
  identity.image = guest.spec.image;
  const std::string folder = "/guests/" + to_string(identity.uuid) + "/";
  identity.disks.push_back({"root", "local", folder + "root.raw", folder + "root.raw", "raw", {}});
  for (const Volume& volume : guest.spec.volumes) {
    const std::string path = folder + volume.name + ".raw";
    identity.disks.push_back({volume.name, volume.target, path, path, "raw", {}});
  }
  for (const Interface& interface : guest.spec.interfaces)
    identity.nics.push_back({interface.name, random_mac(random, {})});
  return identity;
}

// What the provider shows of `guest` when all is as wanted. Change it and share() it.
inline host::ObservedGuest shown(const Guest& guest, const GuestIdentity& identity) {
  std::vector<host::Disk> disks;
  disks.push_back({"root", "local", identity.disks.at(0).path, "raw", guest.spec.root_disk.size});
  for (const Volume& volume : guest.spec.volumes)
    disks.push_back(
        {volume.name, volume.target, identity.find_disk(volume.name)->path, "raw", volume.size});
  const auto definition =
      definition_of(guest, identity, wanted_nics(guest, identity, {}), std::move(disks));
  host::ObservedGuest observed;
  observed.uuid = identity.uuid;
  observed.name = guest.name;
  observed.marker = make_marker(identity, host_id, applied_digest(guest), "");
  observed.power = host::PowerState::running;
  observed.configured = definition.shape;
  observed.live = definition.shape;
  return observed;
}

inline host::ObservedGuestPtr share(host::ObservedGuest observed) {
  return std::make_shared<const host::ObservedGuest>(std::move(observed));
}

inline Provenance row_of(const GuestIdentity& identity) {
  Provenance row;
  row.uuid = identity.uuid;
  row.subject = guest_subject(identity.name);
  row.origin = Origin::created;
  row.life = Life::live;
  row.data_bearing = true;
  row.detail = to_json(identity);
  return row;
}

// Guest acme, running, exactly as wanted.
inline GuestFacts converged() {
  GuestFacts facts;
  const Guest guest = acme();
  facts.name = guest.name;
  facts.host_id = host_id;
  facts.desired.guest = guest;
  facts.desired.generation = 7;
  facts.identity = identity_of(guest);
  facts.provenance = row_of(*facts.identity);
  facts.observed = share(shown(guest, *facts.identity));
  facts.now = {Time{std::chrono::hours{500'000}}, std::chrono::hours{1'000}};
  return facts;
}

// Guest acme is wanted and was never made.
inline GuestFacts unborn() {
  GuestFacts facts = converged();
  facts.identity.reset();
  facts.provenance.reset();
  facts.observed.reset();
  facts.image = debian();
  return facts;
}

// `facts` with the observation changed.
template <class Edit>
GuestFacts observing(GuestFacts facts, Edit edit) {
  host::ObservedGuest observed = *facts.observed;
  edit(observed);
  facts.observed = share(std::move(observed));
  return facts;
}

template <class Edit>
GuestFacts wanting(GuestFacts facts, Edit edit) {
  edit(facts.desired.guest->spec);
  return facts;
}

inline GuestFacts stopped(GuestFacts facts) {
  return observing(std::move(facts), [](host::ObservedGuest& guest) {
    guest.power = host::PowerState::stopped;
    guest.live.reset();
  });
}

template <class Action>
const Action* find_action(const GuestPlan& plan) {
  for (const PlannedAction& planned : plan.actions)
    if (const auto* action = std::get_if<Action>(&planned.action)) return action;
  return nullptr;
}

inline const PlannedCondition& condition(const GuestPlan& plan, const std::string& type) {
  static const PlannedCondition none{};
  for (const PlannedCondition& c : plan.conditions)
    if (c.type == type) return c;
  return none;
}

// What is refused, where nothing else is planned.
inline const RefusedChange& only_refusal(const GuestPlan& plan) {
  REQUIRE(plan.actions.size() == 1);
  REQUIRE(plan.actions[0].verdict == Verdict::refused);
  return std::get<RefusedChange>(plan.actions[0].action);
}

inline std::vector<PowerChange> power_changes(const GuestPlan& plan) {
  std::vector<PowerChange> changes;
  for (const PlannedAction& planned : plan.actions)
    if (const auto* change = std::get_if<ChangePower>(&planned.action))
      changes.push_back(change->change);
  return changes;
}

}  // namespace holdfast::test
