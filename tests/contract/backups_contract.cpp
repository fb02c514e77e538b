// SPDX-License-Identifier: Apache-2.0
#include "tests/contract/backups_contract.hpp"

#include "tests/catch.hpp"
#include "tests/contract/expect.hpp"

namespace holdfast::contract {
namespace {

using host::GuestDefinition;

struct Taken {
  GuestDefinition guest{};
  host::BackupFacts backup{};
};

Taken take(HypervisorWorld& world) {
  Taken taken;
  taken.guest = world.definition("acme");
  must(world.bring(taken.guest));
  taken.backup = must(world.backups()->take(taken.guest.marker.uuid, {"00aa", "a note", false}));
  return taken;
}

void one_for_each_label(HypervisorWorld& world) {
  const auto [guest, backup] = take(world);
  const Uuid& uuid = guest.marker.uuid;
  CHECK(backup.guest == uuid);
  CHECK(backup.incarnation == guest.marker.incarnation);
  CHECK(backup.host_id == guest.marker.host_id);
  CHECK(backup.label == "00aa");
  CHECK(backup.note == "a note");
  CHECK(must(world.backups()->take(uuid, {"00aa", "another note", true})).id == backup.id);
  CHECK(must(world.backups()->list(uuid)).size() == 1);
  must(world.power().start(uuid));  // running or not
  CHECK(must(world.backups()->take(uuid, {"00bb", "", false})).id != backup.id);
  CHECK(must(world.backups()->list(world.definition("other").marker.uuid)).empty());
}

void of_nobody_there_is_none(HypervisorWorld& world) {
  const auto [guest, backup] = take(world);
  const Uuid nobody = world.definition("nobody").marker.uuid;
  CHECK(code_of(world.backups()->take(nobody, {"00bb", "", false})) == Errc::not_found);
  CHECK(code_of(world.backups()->inspect("no such backup", nobody)) == Errc::not_found);
  CHECK(code_of(world.backups()->forecast(nobody, backup.id)) == Errc::not_found);
  const Uuid theirs = world.add_foreign("theirs");
  CHECK(code_of(world.backups()->take(theirs, {"00cc", "", false})) == Errc::conflict);
}

void a_restore_is_another_guest(HypervisorWorld& world) {
  const auto [guest, backup] = take(world);
  GuestDefinition copy = world.definition("copy");
  const Uuid& uuid = copy.marker.uuid;
  const auto content = must(world.backups()->inspect(backup.id, uuid));
  CHECK(content.marker.uuid == guest.marker.uuid);
  CHECK(content.left_out.empty());
  copy.shape.disks = content.shape.disks;
  must(world.backups()->restore(copy, backup.id));
  must(world.backups()->restore(copy, backup.id));
  const auto observed = must(world.inventory().observe(uuid));
  REQUIRE(observed != nullptr);
  CHECK(observed->marker == copy.marker);
  CHECK(observed->power == host::PowerState::stopped);
  CHECK(must(world.inventory().observe(guest.marker.uuid))->marker == guest.marker);
}

void over_a_guest_takes_a_permit(HypervisorWorld& world) {
  const auto [guest, backup] = take(world);
  const Uuid uuid = guest.marker.uuid;
  GuestDefinition next = guest;
  next.marker.incarnation = Incarnation{2};
  const auto over = [&, &id = backup.id](gate::Verb verb, Incarnation incarnation) {
    return world.backups()->restore_over(world.permit(verb, uuid, incarnation), next, id);
  };
  CHECK(code_of(over(gate::Verb::destroy_guest, Incarnation{1})) == Errc::denied);
  CHECK(code_of(over(gate::Verb::restore_over, Incarnation{2})) == Errc::denied);
  must(world.power().start(uuid));
  CHECK(code_of(over(gate::Verb::restore_over, Incarnation{1})) == Errc::conflict);
  must(world.power().power_off(uuid));
  CHECK(must(world.backups()->forecast(uuid, backup.id)).lost.empty());
  must(over(gate::Verb::restore_over, Incarnation{1}));
  const auto observed = must(world.inventory().observe(uuid));
  CHECK(observed->marker == next.marker);
  CHECK(observed->configured.disks.size() == 1);
}

void unknown_is_not_none(HypervisorWorld& world) {
  const auto [guest, backup] = take(world);
  if (!world.cut()) return;
  CHECK(code_of(world.backups()->list(std::nullopt)) == Errc::unavailable);
  CHECK(code_of(world.backups()->take(guest.marker.uuid, {"00dd", "", false})) ==
        Errc::unavailable);
  CHECK(code_of(world.backups()->inspect(backup.id, guest.marker.uuid)) == Errc::unavailable);
}

}  // namespace

void check_backups_contract(const MakeWorld& make_world) {
  const auto world = make_world();
  REQUIRE(world->backups() != nullptr);
  SECTION("one backup for each label") { one_for_each_label(*world); }
  SECTION("of nobody there is none") { of_nobody_there_is_none(*world); }
  SECTION("a restore is another guest") { a_restore_is_another_guest(*world); }
  SECTION("over a guest takes a permit") { over_a_guest_takes_a_permit(*world); }
  SECTION("unknown is not none") { unknown_is_not_none(*world); }
}

}  // namespace holdfast::contract
