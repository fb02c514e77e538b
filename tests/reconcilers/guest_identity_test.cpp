// SPDX-License-Identifier: Apache-2.0
#include "reconcilers/guest/guest_identity.hpp"

#include <set>

#include <nlohmann/json.hpp>

#include "reconcilers/guest/recover.hpp"
#include "tests/catch.hpp"
#include "tests/reconcilers/plan_facts.hpp"

using namespace holdfast;
using namespace holdfast::test;

TEST_CASE("identity: is read back as it was written", "[identity]") {
  GuestIdentity identity = identity_of(acme());
  identity.first_boot = FirstBoot::kernel_cmdline;
  identity.kernel = "/images/vmlinuz";
  identity.cmdline = "console=ttyS0";
  identity.seeds = {"/guests/seed-1.iso"};
  identity.deferred = {"cpus=4"};
  identity.parked_nics = {{"02:00:00:00:00:01", Interface::Kind::network, "default"}};
  identity.disks[0].layers = {"/guests/old.qcow2"};
  CHECK(parse_identity(to_json(identity)).value() == identity);
}

TEST_CASE("identity: anything that was not written by us is corrupt", "[identity]") {
  const auto whole = nlohmann::json::parse(to_json(identity_of(acme())));
  for (const auto& [key, value] : whole.items()) {
    CAPTURE(key);
    auto without = whole;
    without.erase(key);
    CHECK(bool{parse_identity(without.dump())} == (key == "aside"));  // older ones have none
    auto mistyped = whole;
    mistyped[key] = nlohmann::json::object({{"no", "such"}});
    CHECK_FALSE(parse_identity(mistyped.dump()));
  }
  auto more = whole;
  more["surprise"] = 1;
  for (const std::string& text :
       {more.dump(), std::string{""}, std::string{"[]"}, std::string{"{"}}) {
    const auto parsed = parse_identity(text);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code() == Errc::corrupt);
  }
}

TEST_CASE("identity: a marker and a journal row rebuild each other", "[identity]") {
  const GuestIdentity identity = identity_of(acme());
  auto marker = make_marker(identity, host_id, "sha256:0", "");
  CHECK(identity_from_marker(marker).value() == identity);
  marker.incarnation.value = 2;
  CHECK_FALSE(identity_from_marker(marker));
}

TEST_CASE("identity: addresses are local to us and never given twice", "[identity]") {
  sim::SeededRandom random{5};
  std::vector<std::string> taken;
  for (int i = 0; i < 1000; ++i) {
    const std::string mac = random_mac(random, taken);
    REQUIRE(mac.size() == 17);
    REQUIRE(mac.substr(0, 3) == "02:");
    taken.push_back(mac);
  }
  CHECK(std::set<std::string>(taken.begin(), taken.end()).size() == taken.size());
  sim::SeededRandom again{5};
  CHECK(random_mac(again, {taken[0]}) == taken[1]);
}

TEST_CASE("identity: subjects are read back", "[identity]") {
  CHECK(guest_name_of(guest_subject("acme")) == "acme");
  CHECK_FALSE(guest_name_of("target/usb"));
}

TEST_CASE("recovery: rebuilds what is certain and leaves the rest alone", "[recover]") {
  const auto facts = converged();
  const auto base = *facts.observed;
  const auto recovered = [&](std::vector<host::ObservedGuest> guests,
                             std::vector<Provenance> known = {}) {
    host::Inventory inventory;
    for (auto& guest : guests) inventory.guests.push_back(share(guest));
    return plan_recovery(inventory, known, host_id, facts.now);
  };

  const Recovery whole = recovered({base});
  REQUIRE(whole.rows.size() == 1);
  CHECK(whole.rows[0].uuid == base.uuid);
  CHECK(whole.rows[0].subject == "guest/acme");
  CHECK(whole.rows[0].life == Life::live);
  CHECK(whole.rows[0].data_bearing);
  CHECK(parse_identity(whole.rows[0].detail).value() == *facts.identity);

  CHECK(recovered({base}, {*facts.provenance}).rows.empty());

  auto reimaged = *facts.identity;
  reimaged.aside = {{reimaged.disks[0], {}, Duration{7}, "job", "replace_image"}};
  auto changed = base;
  changed.marker = make_marker(reimaged, host_id, "", "");
  REQUIRE(recovered({changed}).rows.size() == 1);
  const auto kept = parse_identity(recovered({changed}).rows[0].detail).value().aside;
  REQUIRE(kept.size() == 1);
  CHECK(kept[0].since == facts.now.wall);
  CHECK(kept[0].witnessed == facts.now.witnessed);  // not what another journal had

  auto stone = base;
  stone.marker->provenance = "tombstone";
  REQUIRE(recovered({stone}).rows.size() == 1);
  CHECK(recovered({stone}).rows[0].life == Life::tombstone);
  CHECK(recovered({stone}).rows[0].tombstoned_at == facts.now.wall);

  auto foreign = base;
  foreign.marker.reset();
  CHECK(recovered({foreign}).rows.empty());
  CHECK(recovered({foreign}).sentences.empty());

  auto moved_in = base;
  moved_in.marker->host_id = "another";
  CHECK(recovered({moved_in}).rows.empty());
  CHECK(recovered({moved_in}).sentences.size() == 1);

  auto copied = base;
  copied.uuid = Uuid{};
  CHECK(recovered({copied}).rows.empty());

  auto garbled = base;
  garbled.marker->detail = "{}";
  CHECK(recovered({garbled}).rows.empty());

  auto rival = base;
  sim::SeededRandom random{99};
  GuestIdentity other = *facts.identity;
  other.uuid = Uuid::random(random);
  rival.uuid = other.uuid;
  rival.marker = make_marker(other, host_id, "", "");
  CHECK(recovered({base, rival}).rows.empty());
  CHECK(recovered({base, rival}).sentences.size() == 2);

  auto overlaid = base;
  overlaid.configured.disks[0].path = "/guests/overlay.qcow2";
  const auto identity = parse_identity(recovered({overlaid}).rows.at(0).detail).value();
  CHECK(identity.disks[0].active == "/guests/overlay.qcow2");
}
