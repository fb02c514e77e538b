// SPDX-License-Identifier: Apache-2.0
#include "tests/contract/hypervisor_contract.hpp"

#include <algorithm>

#include "tests/catch.hpp"
#include "tests/contract/expect.hpp"

namespace holdfast::contract {
namespace {

using host::GuestDefinition;
using host::Inventory;
using host::ObservedGuestPtr;
using host::PowerState;

ObservedGuestPtr find(HypervisorWorld& world, const Uuid& uuid) {
  const Inventory all = must(world.inventory().observe_all());
  const auto at = std::find_if(all.guests.begin(), all.guests.end(),
                               [&](const ObservedGuestPtr& guest) { return guest->uuid == uuid; });
  return at == all.guests.end() ? nullptr : *at;
}

PowerState power(HypervisorWorld& world, const Uuid& uuid) {
  const ObservedGuestPtr guest = must(world.inventory().observe(uuid));
  return guest ? guest->power : PowerState::unknown;
}

GuestDefinition add(HypervisorWorld& world, const std::string& name) {
  GuestDefinition definition = world.definition(name);
  must(world.bring(definition));
  return definition;
}

// --- what is there, and what is not

void absent_is_said(HypervisorWorld& world) {
  const Uuid nobody = world.definition("nobody").marker.uuid;
  CHECK(must(world.inventory().observe(nobody)) == nullptr);
  CHECK(find(world, nobody) == nullptr);
  CHECK(code_of(world.power().start(nobody)) == Errc::not_found);
  CHECK(code_of(world.hypervisor().rename(nobody, "other")) == Errc::not_found);
}

void unknown_is_not_absent(HypervisorWorld& world) {
  const auto uuid = add(world, "acme").marker.uuid;
  if (!world.cut()) return;
  CHECK(world.wait_until([&] { return !world.inventory().observe_all(); }));
  CHECK(code_of(world.inventory().observe_all()) == Errc::unavailable);
  CHECK(code_of(world.inventory().observe(uuid)) == Errc::unavailable);
  CHECK(code_of(world.power().start(uuid)) == Errc::unavailable);
  CHECK(code_of(world.bring(world.definition("late"))) == Errc::unavailable);
  world.mend();
  CHECK(world.wait_until([&] { return bool{world.inventory().observe_all()}; }));
  CHECK(find(world, uuid) != nullptr);
}

void everything_is_listed(HypervisorWorld& world) {
  std::vector<Uuid> ours;
  for (const char* name : {"one", "two", "three"}) ours.push_back(add(world, name).marker.uuid);
  must(world.power().start(ours[1]));
  ours.push_back(world.add_foreign("stranger"));

  const Inventory all = must(world.inventory().observe_all());
  for (const Uuid& uuid : ours) {
    CHECK(std::count_if(all.guests.begin(), all.guests.end(),
                        [&](const auto& guest) { return guest->uuid == uuid; }) == 1);
  }
  CHECK(std::is_sorted(all.guests.begin(), all.guests.end(),
                       [](const auto& a, const auto& b) { return a->uuid < b->uuid; }));
}

void same_pointer_when_nothing_changed(HypervisorWorld& world) {
  const auto definition = add(world, "acme");
  const Uuid uuid = definition.marker.uuid;
  const ObservedGuestPtr before = find(world, uuid);
  REQUIRE(before != nullptr);
  CHECK(find(world, uuid) == before);
  must(world.hypervisor().define(definition));  // the same again
  CHECK(find(world, uuid) == before);

  auto changed = definition;
  changed.marker.spec_digest = "sha256:other";
  must(world.hypervisor().define(changed));
  const ObservedGuestPtr after = find(world, uuid);
  CHECK(after != before);
  CHECK(after->marker->spec_digest == "sha256:other");
  CHECK(before->marker->spec_digest == definition.marker.spec_digest);  // a reading never changes
}

// --- definitions

void a_definition_reads_back(HypervisorWorld& world) {
  auto definition = world.definition("acme");
  definition.marker.detail = R"({"text":"<a & 'b' \"c\">","disks":["root"]})";
  definition.marker.image = "tiny/1";
  definition.marker.provenance = "created";
  definition.marker.last_job = "00ff";
  definition.marker.jobs = {{"00ff", Time{Duration{1'790'000'000'123}}},
                            {"01ff", Time{Duration{1'790'000'000'000}}}};
  definition.shape.limits.cpu_shares = 512;
  must(world.bring(definition));

  const auto guest = must(world.inventory().observe(definition.marker.uuid));
  REQUIRE(guest != nullptr);
  CHECK(guest->problem.empty());
  CHECK(guest->name == "acme");
  CHECK(guest->marker == definition.marker);
  CHECK(guest->power == PowerState::stopped);
  CHECK(guest->configured == definition.shape);
  CHECK_FALSE(guest->live);
}

void defining_twice_is_once(HypervisorWorld& world) {
  const auto definition = add(world, "acme");
  must(world.hypervisor().define(definition));
  const Inventory all = must(world.inventory().observe_all());
  CHECK(std::count_if(all.guests.begin(), all.guests.end(),
                      [](const auto& guest) { return guest->name == "acme"; }) == 1);
  CHECK(find(world, definition.marker.uuid)->configured == definition.shape);
}

void a_running_guest_keeps_running_as_it_is(HypervisorWorld& world) {
  auto definition = add(world, "acme");
  const Uuid uuid = definition.marker.uuid;
  must(world.power().start(uuid));
  definition.shape.memory = mebibytes(96);
  must(world.hypervisor().define(definition));

  const auto guest = must(world.inventory().observe(uuid));
  CHECK(guest->power == PowerState::running);
  REQUIRE(guest->live);
  CHECK(guest->live->memory == mebibytes(world.defines_live() ? 96 : 64));
  CHECK(guest->configured.memory == mebibytes(96));
  must(world.power().power_off(uuid));
  must(world.power().start(uuid));
  CHECK(must(world.inventory().observe(uuid))->live->memory == mebibytes(96));
}

void a_taken_name_is_a_conflict(HypervisorWorld& world) {
  const auto first = add(world, "acme");
  const auto second = world.definition("acme");
  REQUIRE(second.marker.uuid != first.marker.uuid);
  CHECK(code_of(world.bring(second)) == Errc::conflict);
  CHECK(must(world.inventory().observe(second.marker.uuid)) == nullptr);

  const auto stranger = world.add_foreign("stranger");
  CHECK(code_of(world.bring(world.definition("stranger"))) == Errc::conflict);
  CHECK(code_of(world.hypervisor().rename(first.marker.uuid, "stranger")) == Errc::conflict);
  CHECK_FALSE(must(world.inventory().observe(stranger))->marker);
}

void a_rename_keeps_everything_else(HypervisorWorld& world) {
  const auto definition = add(world, "acme");
  const Uuid uuid = definition.marker.uuid;
  must(world.hypervisor().rename(uuid, "old-acme"));
  must(world.hypervisor().rename(uuid, "old-acme"));  // again
  const auto guest = must(world.inventory().observe(uuid));
  CHECK(guest->name == "old-acme");
  CHECK(guest->marker == definition.marker);
  CHECK(guest->configured == definition.shape);
  must(world.power().start(uuid));
  CHECK(code_of(world.hypervisor().rename(uuid, "acme")) == Errc::conflict);
}

// --- strangers

void a_stranger_is_listed_and_never_touched(HypervisorWorld& world) {
  const Uuid uuid = world.add_foreign("stranger");
  const auto before = must(world.inventory().observe(uuid));
  REQUIRE(before != nullptr);
  CHECK_FALSE(before->marker);

  auto definition = world.definition("stranger");
  definition.marker.uuid = uuid;
  CHECK(code_of(world.hypervisor().define(definition)) == Errc::conflict);
  CHECK(code_of(world.hypervisor().rename(uuid, "mine")) == Errc::conflict);
  CHECK(code_of(world.power().start(uuid)) == Errc::conflict);
  CHECK(code_of(world.power().power_off(uuid)) == Errc::conflict);
  CHECK(code_of(world.power().request_stop(uuid)) == Errc::conflict);
  CHECK(code_of(world.power().suspend(uuid)) == Errc::conflict);
  CHECK(code_of(world.tuning().set_cpus(uuid, 2)) == Errc::conflict);
  CHECK(code_of(world.snapshots().create(uuid, "s1")) == Errc::conflict);
  auto permit = world.permit(gate::Verb::remove_unfinished, uuid, Incarnation{1});
  const auto removed = world.remove(std::move(permit), uuid);
  CHECK(code_of(removed) == Errc::conflict);

  const auto after = must(world.inventory().observe(uuid));
  REQUIRE(after != nullptr);
  CHECK(after->name == before->name);
  CHECK(after->power == before->power);
  CHECK(after->configured == before->configured);
}

// --- permits

void a_permit_must_speak_of_the_guest(HypervisorWorld& world) {
  const Uuid uuid = add(world, "acme").marker.uuid;
  const Uuid other = add(world, "other").marker.uuid;
  const auto undefine = [&](const Uuid& permitted, std::uint64_t incarnation) {
    auto permit = world.permit(gate::Verb::remove_unfinished, permitted, Incarnation{incarnation});
    return world.remove(std::move(permit), uuid);
  };
  CHECK(code_of(undefine(other, 1)) == Errc::denied);
  CHECK(code_of(undefine(uuid, 2)) == Errc::denied);
  REQUIRE(find(world, uuid) != nullptr);

  must(undefine(uuid, 1));
  CHECK(must(world.inventory().observe(uuid)) == nullptr);
  CHECK(find(world, uuid) == nullptr);
  CHECK(find(world, other) != nullptr);
}

void a_running_guest_is_not_undefined(HypervisorWorld& world) {
  const Uuid uuid = add(world, "acme").marker.uuid;
  must(world.power().start(uuid));
  auto permit = world.permit(gate::Verb::remove_unfinished, uuid, Incarnation{1});
  const auto removed = world.remove(std::move(permit), uuid);
  CHECK(code_of(removed) == Errc::conflict);
  CHECK(power(world, uuid) == PowerState::running);
}

void a_stranger_is_adopted_on_a_permit(HypervisorWorld& world) {
  const Uuid uuid = world.add_foreign("stranger");
  const auto before = must(world.inventory().observe(uuid));
  GuestDefinition wanted = world.definition("stranger");
  wanted.marker.uuid = uuid;
  wanted.marker.provenance = "adopted";
  wanted.marker.jobs = {{"00ff", Time{Duration{1'790'000'000'123}}}};
  wanted.shape.disks = before->configured.disks;
  if (!wanted.shape.disks.empty()) wanted.shape.disks.front().name = "root";
  const auto adopt = [&](gate::Verb verb, const Uuid& permitted) {
    auto permit = world.permit(verb, permitted, Incarnation{1});
    return world.hypervisor().adopt(std::move(permit), wanted);
  };
  CHECK(code_of(adopt(gate::Verb::remove_unfinished, uuid)) == Errc::denied);
  CHECK(code_of(adopt(gate::Verb::adopt_guest, add(world, "other").marker.uuid)) == Errc::denied);
  CHECK_FALSE(must(world.inventory().observe(uuid))->marker);

  must(adopt(gate::Verb::adopt_guest, uuid));
  must(adopt(gate::Verb::adopt_guest, uuid));
  const auto after = must(world.inventory().observe(uuid));
  CHECK(after->marker == wanted.marker);
  CHECK(after->name == before->name);
  CHECK(after->configured.cpus == before->configured.cpus);
  CHECK(after->configured.memory == before->configured.memory);
  CHECK(after->configured.nics == before->configured.nics);
  REQUIRE(after->configured.disks.size() == before->configured.disks.size());
  for (std::size_t i = 0; i < after->configured.disks.size(); ++i) {
    CHECK(after->configured.disks[i].path == before->configured.disks[i].path);
    CHECK(after->configured.disks[i].name == wanted.shape.disks[i].name);
  }
  wanted.marker.spec_digest = "sha256:other";
  CHECK(code_of(adopt(gate::Verb::adopt_guest, uuid)) == Errc::conflict);
}

// --- disks taken away

void a_definition_takes_nothing_away(HypervisorWorld& world) {
  const auto definition = add(world, "acme");
  const Uuid uuid = definition.marker.uuid;
  const auto other = world.definition("other").shape.disks;
  auto swapped = definition;
  swapped.shape.disks.front().path = other.front().path;
  auto emptied = definition;
  emptied.shape.disks.clear();
  auto reborn = definition;
  reborn.marker.incarnation = Incarnation{2};
  for (const auto* bad : {&swapped, &emptied, &reborn})
    CHECK(code_of(world.hypervisor().define(*bad)) == Errc::denied);
  CHECK(must(world.inventory().observe(uuid))->configured == definition.shape);

  if (!world.exchanges_disks()) return;
  const auto redefine = [&](gate::Verb verb, std::uint64_t incarnation,
                            const GuestDefinition& wanted) {
    auto permit = world.permit(verb, uuid, Incarnation{incarnation});
    return world.hypervisor().redefine(std::move(permit), wanted);
  };
  CHECK(code_of(redefine(gate::Verb::remove_unfinished, 1, swapped)) == Errc::denied);
  CHECK(code_of(redefine(gate::Verb::replace_image, 2, swapped)) == Errc::denied);
  must(world.power().start(uuid));
  CHECK(code_of(redefine(gate::Verb::replace_image, 1, swapped)) == Errc::conflict);
  must(world.power().power_off(uuid));
  CHECK(must(world.inventory().observe(uuid))->configured == definition.shape);

  swapped.marker.incarnation = Incarnation{2};
  must(redefine(gate::Verb::replace_image, 1, swapped));
  auto guest = must(world.inventory().observe(uuid));
  CHECK(guest->marker == swapped.marker);
  CHECK(guest->configured.disks.front().path == other.front().path);
  emptied.marker.incarnation = Incarnation{2};
  must(redefine(gate::Verb::remove_volume, 2, emptied));
  CHECK(must(world.inventory().observe(uuid))->configured.disks.empty());
  auto nobody = definition;
  nobody.marker.uuid = world.definition("nobody").marker.uuid;
  auto permit = world.permit(gate::Verb::replace_image, nobody.marker.uuid, Incarnation{1});
  const auto redefined = world.hypervisor().redefine(std::move(permit), nobody);
  CHECK(code_of(redefined) == Errc::not_found);
}

// --- power

void power_goes_up_and_down(HypervisorWorld& world) {
  const Uuid uuid = add(world, "acme").marker.uuid;
  auto& control = world.power();
  CHECK(power(world, uuid) == PowerState::stopped);
  must(control.power_off(uuid));  // it is off
  must(control.request_stop(uuid));
  CHECK(code_of(control.suspend(uuid)) == Errc::conflict);
  CHECK(code_of(control.resume(uuid)) == Errc::conflict);

  must(control.start(uuid));
  must(control.start(uuid));
  CHECK(power(world, uuid) == PowerState::running);
  must(control.resume(uuid));  // it runs

  if (world.can_suspend()) {
    must(control.suspend(uuid));
    must(control.suspend(uuid));
    CHECK(power(world, uuid) == PowerState::suspended);
    CHECK(find(world, uuid)->power == PowerState::suspended);
    must(control.resume(uuid));
    CHECK(power(world, uuid) == PowerState::running);
  }

  must(control.power_off(uuid));
  CHECK(power(world, uuid) == PowerState::stopped);
  CHECK(find(world, uuid)->power == PowerState::stopped);
}

// --- tuning

void tuning_needs_a_running_guest(HypervisorWorld& world) {
  const Uuid uuid = add(world, "acme").marker.uuid;
  CHECK(code_of(world.tuning().set_cpus(uuid, 2)) == Errc::conflict);
}

void tuning_changes_both_configurations(HypervisorWorld& world) {
  if (!world.has_live_tuning()) return;
  const auto definition = add(world, "acme");
  const Uuid uuid = definition.marker.uuid;
  must(world.power().start(uuid));
  must(world.tuning().set_cpus(uuid, 2));
  auto guest = must(world.inventory().observe(uuid));
  CHECK(guest->live->cpus == 2);
  CHECK(guest->configured.cpus == 2);
  CHECK(code_of(world.tuning().set_cpus(uuid, 1)) == Errc::denied);
  CHECK(code_of(world.tuning().set_memory(uuid, gibibytes(1))) == Errc::denied);

  const std::string root = definition.shape.disks.front().name;
  must(world.tuning().grow_disk(uuid, root, mebibytes(32)));
  must(world.tuning().grow_disk(uuid, root, mebibytes(32)));
  CHECK(code_of(world.tuning().grow_disk(uuid, root, mebibytes(16))) == Errc::invalid);
  guest = must(world.inventory().observe(uuid));
  CHECK(guest->live->disks.front().size == mebibytes(32));
  CHECK(guest->configured.disks.front().size == mebibytes(32));
}

// --- snapshots

void snapshots_come_and_go(HypervisorWorld& world) {
  if (!world.has_snapshots()) return;
  const auto definition = add(world, "acme");
  const Uuid uuid = definition.marker.uuid;
  auto& snapshots = world.snapshots();
  CHECK(must(snapshots.list(uuid)).empty());
  must(snapshots.create(uuid, "s1"));
  CHECK(code_of(snapshots.create(uuid, "s1")) == Errc::conflict);
  auto list = must(snapshots.list(uuid));
  REQUIRE(list.size() == 1);
  CHECK(list[0].name == "s1");
  CHECK(list[0].is_ours);
  CHECK(list[0].incarnation == Incarnation{1});

  auto wrong = world.permit(gate::Verb::remove_snapshot, uuid, Incarnation{2});
  const auto removed = snapshots.remove(std::move(wrong), uuid, "s1");
  CHECK(code_of(removed) == Errc::denied);
  CHECK(must(snapshots.list(uuid)).size() == 1);
  auto right = world.permit(gate::Verb::remove_snapshot, uuid, Incarnation{1});
  must(snapshots.remove(std::move(right), uuid, "s1"));
  CHECK(must(snapshots.list(uuid)).empty());
  CHECK(must(world.inventory().observe(uuid))->problem.empty());
}

void a_roll_back_needs_a_stopped_guest(HypervisorWorld& world) {
  if (!world.has_snapshots()) return;
  const Uuid uuid = add(world, "acme").marker.uuid;
  must(world.snapshots().create(uuid, "s1"));
  must(world.power().start(uuid));
  const auto roll_back = [&] {
    auto permit = world.permit(gate::Verb::roll_back_snapshot, uuid, Incarnation{1});
    return world.snapshots().roll_back(std::move(permit), uuid, "s1");
  };
  CHECK(code_of(roll_back()) == Errc::conflict);
  must(world.power().power_off(uuid));
  must(roll_back());
  const auto left = must(world.snapshots().list(uuid));  // one more may hold what was undone
  CHECK(std::count_if(left.begin(), left.end(),
                      [](const auto& snapshot) { return snapshot.name == "s1"; }) == 1);
  CHECK(must(world.inventory().observe(uuid))->problem.empty());
}

}  // namespace

void check_hypervisor_contract(const MakeWorld& make_world) {
  const auto world = make_world();
  SECTION("what does not exist is said to be absent") { absent_is_said(*world); }
  SECTION("unknown is not absent") { unknown_is_not_absent(*world); }
  SECTION("the inventory is complete and sorted") { everything_is_listed(*world); }
  SECTION("same pointer while nothing changed") { same_pointer_when_nothing_changed(*world); }
  SECTION("a definition reads back") { a_definition_reads_back(*world); }
  SECTION("defining twice is once") { defining_twice_is_once(*world); }
  SECTION("define leaves a running guest as it runs") {
    a_running_guest_keeps_running_as_it_is(*world);
  }
  SECTION("a taken name is a conflict") { a_taken_name_is_a_conflict(*world); }
  SECTION("a rename keeps everything else") { a_rename_keeps_everything_else(*world); }
  SECTION("strangers are listed and never touched") {
    a_stranger_is_listed_and_never_touched(*world);
  }
  SECTION("a permit must speak of the guest") { a_permit_must_speak_of_the_guest(*world); }
  SECTION("a running guest is not undefined") { a_running_guest_is_not_undefined(*world); }
  SECTION("a stranger is adopted on a permit") { a_stranger_is_adopted_on_a_permit(*world); }
  SECTION("a definition takes no disk away without a permit") {
    a_definition_takes_nothing_away(*world);
  }
  SECTION("power goes up and down") { power_goes_up_and_down(*world); }
  SECTION("tuning needs a running guest") { tuning_needs_a_running_guest(*world); }
  SECTION("tuning changes both configurations") { tuning_changes_both_configurations(*world); }
  SECTION("snapshots come and go") { snapshots_come_and_go(*world); }
  SECTION("a roll-back needs a stopped guest") { a_roll_back_needs_a_stopped_guest(*world); }
}

}  // namespace holdfast::contract
