// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/sim_host.hpp"

#include <array>
#include <chrono>
#include <ctime>

#include "tests/catch.hpp"
#include "tests/sim/permits.hpp"
#include "tests/sim/small_site.hpp"

using namespace holdfast;
using namespace holdfast::sim;
using gate::Verb;
using host::PowerState;

TEST_CASE("simulated host: a guest is born and restored and runs", "[sim]") {
  SmallSite site;
  const Uuid uuid = site.make_guest("acme");
  REQUIRE(site.ports.power.start(uuid));

  const auto observed = site.ports.inventory.observe(uuid).value();
  REQUIRE(observed != nullptr);
  CHECK(observed->name == "acme");
  CHECK(observed->power == PowerState::running);
  CHECK(observed->marker->uuid == uuid);
  CHECK(observed->live->cpus == 2);
  CHECK(observed->configured.disks.at(0).size == gibibytes(8));
  CHECK(site.world.domain(uuid)->boots == 1);
  REQUIRE(site.ports.power.start(uuid));
  CHECK(site.world.domain(uuid)->boots == 1);
}

TEST_CASE("simulated host: an unchanged guest is the same object in each listing", "[sim]") {
  SmallSite site;
  const Uuid uuid = site.make_guest("acme");
  site.make_guest("beta");
  const auto before = site.ports.inventory.observe_all().value();
  CHECK(site.ports.inventory.observe_all().value().guests == before.guests);

  REQUIRE(site.ports.power.start(uuid));
  const auto after = site.ports.inventory.observe_all().value();
  REQUIRE(after.guests.size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    const bool is_same = before.guests[i] == after.guests[i];
    CHECK(is_same == (after.guests[i]->uuid != uuid));
  }
}

TEST_CASE("simulated host: define refuses names and UUIDs of others", "[sim]") {
  SmallSite site;
  const Uuid stranger = site.host.plant_foreign_domain("stranger", false);
  CHECK(site.ports.hypervisor.define(site.definition("stranger")).error().code() == Errc::conflict);
  auto under_its_uuid = site.definition("acme");
  under_its_uuid.marker.uuid = stranger;
  CHECK(site.ports.hypervisor.define(under_its_uuid).error().code() == Errc::conflict);

  auto acme = site.definition("acme");
  REQUIRE(site.ports.hypervisor.define(acme));
  acme.name = "acme-2";
  CHECK(site.ports.hypervisor.define(acme).error().code() == Errc::conflict);
  CHECK(site.world.offences.empty());
}

TEST_CASE("simulated host: defining a running guest changes only what it will have", "[sim]") {
  SmallSite site;
  auto definition = site.definition("acme");
  const Uuid uuid = definition.marker.uuid;
  site.make_guest(definition);
  REQUIRE(site.ports.power.start(uuid));
  definition.shape.cpus = 4;
  REQUIRE(site.ports.hypervisor.define(definition));

  auto observed = site.ports.inventory.observe(uuid).value();
  CHECK(observed->configured.cpus == 4);
  CHECK(observed->live->cpus == 2);
  REQUIRE(site.ports.power.power_off(uuid));
  REQUIRE(site.ports.power.start(uuid));
  observed = site.ports.inventory.observe(uuid).value();
  CHECK(observed->live->cpus == 4);
  CHECK(site.world.domain(uuid)->boots == 2);
}

TEST_CASE("simulated host: a request to stop takes its time or is ignored", "[sim]") {
  SmallSite site;
  const Uuid uuid = site.make_guest("acme");
  REQUIRE(site.ports.power.start(uuid));
  std::vector<Uuid> changed;
  site.ports.inventory.on_change([&](const Uuid& which) { changed.push_back(which); });

  REQUIRE(site.ports.power.request_stop(uuid));
  site.host.advance(std::chrono::seconds{2});
  CHECK(site.power_of(uuid) == PowerState::running);
  CHECK(site.host.until_next() == std::chrono::seconds{1});
  site.host.advance(std::chrono::seconds{1});
  CHECK(site.power_of(uuid) == PowerState::stopped);
  CHECK(changed == std::vector<Uuid>{uuid});
  CHECK(site.host.until_next() == Duration::max());

  site.world.domain(uuid)->on_stop.ignores = true;
  REQUIRE(site.ports.power.start(uuid));
  REQUIRE(site.ports.power.request_stop(uuid));
  site.host.advance(std::chrono::hours{1});
  CHECK(site.power_of(uuid) == PowerState::running);
  REQUIRE(site.ports.power.power_off(uuid));
  CHECK(site.power_of(uuid) == PowerState::stopped);
}

TEST_CASE("simulated host: a suspended guest stops when it is resumed", "[sim]") {
  SmallSite site;
  const Uuid uuid = site.make_guest("acme");
  CHECK(site.ports.power.suspend(uuid).error().code() == Errc::conflict);
  REQUIRE(site.ports.power.start(uuid));
  REQUIRE(site.ports.power.suspend(uuid));
  REQUIRE(site.ports.power.request_stop(uuid));
  site.host.advance(std::chrono::minutes{1});
  CHECK(site.power_of(uuid) == PowerState::suspended);
  REQUIRE(site.ports.power.resume(uuid));
  site.host.advance(Duration{1});
  CHECK(site.power_of(uuid) == PowerState::stopped);
}

TEST_CASE("simulated host: live tuning goes as far as a hypervisor does", "[sim]") {
  SmallSite site;
  const Uuid uuid = site.make_guest("acme");
  auto& tuning = site.ports.tuning;
  CHECK(tuning.set_cpus(uuid, 3).error().code() == Errc::conflict);
  REQUIRE(site.ports.power.start(uuid));

  REQUIRE(tuning.set_cpus(uuid, 4));
  CHECK(tuning.set_cpus(uuid, 3).error().code() == Errc::denied);
  CHECK(tuning.set_cpus(uuid, 64).error().code() == Errc::denied);
  REQUIRE(tuning.set_memory(uuid, gibibytes(1)));
  REQUIRE(tuning.set_memory(uuid, gibibytes(2)));
  CHECK(tuning.set_memory(uuid, gibibytes(3)).error().code() == Errc::denied);
  REQUIRE(tuning.grow_disk(uuid, "root", gibibytes(9)));
  CHECK(tuning.grow_disk(uuid, "root", gibibytes(8)).error().code() == Errc::invalid);
  CHECK(tuning.grow_disk(uuid, "db", gibibytes(8)).error().code() == Errc::conflict);
  REQUIRE(tuning.attach_nic(uuid, {"02:00:00:00:00:02"}));
  REQUIRE(tuning.attach_nic(uuid, {"02:00:00:00:00:02"}));
  REQUIRE(tuning.detach_nic(uuid, "02:00:00:00:00:01"));

  const auto observed = site.ports.inventory.observe(uuid).value();
  CHECK(*observed->live == observed->configured);
  CHECK(observed->live->cpus == 4);
  CHECK(observed->live->disks.at(0).size == gibibytes(9));
  CHECK(observed->live->nics == std::vector<host::Nic>{{"02:00:00:00:00:02"}});
}

TEST_CASE("simulated host: a volume is attached to a running guest once", "[sim]") {
  SmallSite site;
  const Uuid uuid = site.make_guest("acme");
  REQUIRE(site.ports.power.start(uuid));
  host::Disk db{"db", "local", site.path_of(uuid, "db"), "raw", gibibytes(1)};
  CHECK(site.ports.tuning.attach_disk(uuid, db).error().code() == Errc::unavailable);
  REQUIRE(site.ports.disks.create_blank(db.path, db.size));
  REQUIRE(site.ports.tuning.attach_disk(uuid, db));
  REQUIRE(site.ports.tuning.attach_disk(uuid, db));
  CHECK(site.world.domain(uuid)->live->disks.size() == 2);
  CHECK(site.world.domain(uuid)->configured.disks.size() == 2);
  db.path = site.path_of(uuid, "other");
  REQUIRE(site.ports.disks.create_blank(db.path, db.size));
  CHECK(site.ports.tuning.attach_disk(uuid, db).error().code() == Errc::conflict);
}

TEST_CASE("simulated host: the disk store never overwrites and never shrinks", "[sim]") {
  SmallSite site;
  const Uuid uuid = Uuid::random(site.random);
  auto& disks = site.ports.disks;
  const std::string path = site.path_of(uuid, "root");
  CHECK(disks.path_of("usb", uuid, "root").error().code() == Errc::invalid);
  CHECK(disks.create_blank("/etc/passwd", gibibytes(1)).error().code() == Errc::denied);
  REQUIRE(disks.restore(SmallSite::image, "root", path, {}));
  CHECK(disks.restore(SmallSite::image, "root", path, {}).error().code() == Errc::conflict);
  CHECK(disks.create_blank(path, gibibytes(1)).error().code() == Errc::conflict);
  CHECK(disks.restore({"none", "1"}, "root", site.path_of(uuid, "x"), {}).error().code() ==
        Errc::not_found);
  CHECK(disks.grow(path, gibibytes(4)).error().code() == Errc::invalid);
  REQUIRE(disks.grow(path, gibibytes(10)));
  CHECK(disks.find(path).value()->size == gibibytes(10));
  CHECK_FALSE(disks.find(site.path_of(uuid, "x")).value().has_value());

  site.world.targets["local"].is_full = true;
  CHECK(disks.grow(path, gibibytes(11)).error().code() == Errc::exhausted);
  site.world.targets["local"].is_present = false;
  CHECK(disks.find(path).error().code() == Errc::unavailable);
}

TEST_CASE("simulated host: a stopped transfer leaves nothing", "[sim]") {
  SmallSite site;
  const Uuid uuid = Uuid::random(site.random);
  std::stop_source stop;
  host::Transfer transfer;
  transfer.stop = stop.get_token();
  std::uint64_t seen = 0;
  transfer.on_progress = [&](const host::Progress& progress) {
    seen = progress.done;
    stop.request_stop();
  };
  const auto stopped =
      site.ports.disks.restore(SmallSite::image, "root", site.path_of(uuid, "root"), transfer);
  CHECK(stopped.error().code() == Errc::unavailable);
  CHECK(seen == gibibytes(2).value);
  CHECK(site.world.files.empty());
}

TEST_CASE("simulated host: a seed is replaced and a disk is not a seed", "[sim]") {
  SmallSite site;
  const Uuid uuid = site.make_guest("acme");
  const std::string path = site.path_of(uuid, "seed");
  REQUIRE(site.ports.disks.write_seed(path, {"one", "", "", ""}));
  const std::string first = site.world.files.at(path).content;
  REQUIRE(site.ports.disks.write_seed(path, {"two", "", "", ""}));
  CHECK(site.world.files.at(path).content != first);
  CHECK(site.ports.disks.write_seed(site.path_of(uuid, "root"), {}).error().code() ==
        Errc::conflict);
}

TEST_CASE("simulated host: only a permit for this guest removes anything", "[sim]") {
  SmallSite site;
  PermitMint mint;
  const Uuid uuid = site.make_guest("acme");
  const Uuid other = site.make_guest("beta");
  const std::string root = site.path_of(uuid, "root");
  auto& hypervisor = site.ports.hypervisor;

  CHECK(hypervisor.undefine(mint.permit(Verb::remove_unfinished, other, {}), uuid).error().code() ==
        Errc::denied);
  CHECK(hypervisor.undefine(mint.permit(Verb::remove_unfinished, uuid, {2}), uuid).error().code() ==
        Errc::denied);
  CHECK(hypervisor.undefine(mint.spent(Verb::remove_unfinished, uuid, {}), uuid).error().code() ==
        Errc::denied);
  CHECK(hypervisor.undefine(mint.permit(Verb::roll_back_snapshot, uuid, {}), uuid).error().code() ==
        Errc::denied);
  CHECK(site.ports.disks.remove(mint.permit(Verb::remove_unfinished, other, {}), root)
            .error()
            .code() == Errc::denied);
  CHECK(site.world.domains.size() == 2);
  CHECK(site.world.files.size() == 2);
  CHECK(site.world.offences.size() == 5);
  CHECK(site.world.destroyed.empty());

  REQUIRE(hypervisor.undefine(mint.permit(Verb::remove_unfinished, uuid, {}), uuid));
  REQUIRE(site.ports.disks.remove(mint.permit(Verb::remove_unfinished, uuid, {}), root));
  CHECK(site.world.domain(uuid) == nullptr);
  CHECK(site.world.files.count(root) == 0);
  CHECK(site.world.destroyed.size() == 2);
  // Absent already is success, for who holds the permit.
  CHECK(hypervisor.undefine(mint.permit(Verb::remove_unfinished, other, {}), uuid).error().code() ==
        Errc::denied);
  REQUIRE(hypervisor.undefine(mint.permit(Verb::remove_unfinished, uuid, {}), uuid));
  REQUIRE(site.ports.disks.remove(mint.permit(Verb::remove_unfinished, uuid, {}), root));
}

TEST_CASE("simulated host: a running guest is neither undefined nor renamed", "[sim]") {
  SmallSite site;
  PermitMint mint;
  const Uuid uuid = site.make_guest("acme");
  REQUIRE(site.ports.power.start(uuid));
  CHECK(site.ports.hypervisor.rename(uuid, "beta").error().code() == Errc::conflict);
  CHECK(site.ports.hypervisor.undefine(mint.permit(Verb::free_tombstone, uuid, {}), uuid)
            .error()
            .code() == Errc::conflict);
  REQUIRE(site.ports.power.power_off(uuid));
  REQUIRE(site.ports.hypervisor.rename(uuid, "beta"));
  CHECK(site.world.find_by_name("beta")->uuid == uuid);
}

TEST_CASE("simulated host: a roll-back shows the old data and keeps the new beside it", "[sim]") {
  SmallSite site;
  PermitMint mint;
  const Uuid uuid = site.make_guest("acme");
  REQUIRE(site.ports.power.start(uuid));
  site.world.write_customer_data(uuid);
  REQUIRE(site.ports.snapshots.create(uuid, "before"));
  CHECK(site.ports.snapshots.create(uuid, "before").error().code() == Errc::conflict);
  site.world.write_customer_data(uuid);
  const auto active = [&] { return site.world.domain(uuid)->configured.disks.at(0).path; };
  CHECK(site.world.data_on(active()).size() == 2);
  CHECK(site.world.domain(uuid)->live->disks.at(0).path == active());

  const auto permit = [&] { return mint.permit(Verb::roll_back_snapshot, uuid, {}); };
  CHECK(site.ports.snapshots.roll_back(permit(), uuid, "before").error().code() == Errc::conflict);
  REQUIRE(site.ports.power.power_off(uuid));
  REQUIRE(site.ports.snapshots.roll_back(permit(), uuid, "before"));
  CHECK(site.world.data_on(active()).size() == 1);
  CHECK(site.world.lost_customer_data().empty());
  // The safety copy rests upon the snapshot's files, which stay when it is forgotten.
  const std::size_t files = site.world.files.size();
  REQUIRE(
      site.ports.snapshots.remove(mint.permit(Verb::remove_snapshot, uuid, {}), uuid, "before"));
  CHECK(site.world.files.size() == files);
  CHECK(site.world.lost_customer_data().empty());
}

TEST_CASE("simulated host: a definition from before a snapshot is refused", "[sim]") {
  SmallSite site;
  const auto before = site.definition("acme");
  site.make_guest(before);
  REQUIRE(site.ports.snapshots.create(before.marker.uuid, "one"));
  CHECK(site.ports.hypervisor.define(before).error().code() == Errc::conflict);
  auto after = before;
  after.shape = site.ports.inventory.observe(before.marker.uuid).value()->configured;
  CHECK(after.shape.disks.at(0).path != before.shape.disks.at(0).path);
  CHECK(site.ports.hypervisor.define(after));
}

TEST_CASE("simulated host: removing a snapshot keeps the present state", "[sim]") {
  SmallSite site;
  PermitMint mint;
  const Uuid uuid = site.make_guest("acme");
  REQUIRE(site.ports.power.start(uuid));
  for (const char* name : {"one", "two", "three"}) {
    site.world.write_customer_data(uuid);
    REQUIRE(site.ports.snapshots.create(uuid, name));
  }
  site.world.write_customer_data(uuid);
  for (const char* name : {"two", "three", "one"}) {
    REQUIRE(site.ports.snapshots.remove(mint.permit(Verb::remove_snapshot, uuid, {}), uuid, name));
    CHECK(site.world.lost_customer_data().empty());
  }
  CHECK(site.ports.snapshots.list(uuid).value().empty());
  const host::Disk root = site.world.domain(uuid)->live->disks.at(0);
  CHECK(root.path == site.path_of(uuid, "root"));
  CHECK(root.format == "raw");
  CHECK(site.world.data_on(root.path).size() == 4);
  CHECK(site.world.files.size() == 1);
}

TEST_CASE("simulated host: images are imported once and verified", "[sim]") {
  SmallSite site;
  Image image = site.world.images.at(0).stored.image;
  image.version = "2";
  site.world.importable["/media/stick"] = image;
  REQUIRE(site.ports.images.import("/media/stick", {}));
  REQUIRE(site.ports.images.import("/media/stick", {}));
  CHECK(site.ports.images.list().value().size() == 2);
  site.world.importable["/media/stick"].disks.at(0).sha256 = std::string(64, 'f');
  CHECK(site.ports.images.import("/media/stick", {}).error().code() == Errc::conflict);
  CHECK_FALSE(site.ports.images.find({"none", "1"}).value().has_value());

  site.world.image({image.name, "2"})->is_corrupt = true;
  CHECK(site.ports.images.verify({image.name, "2"}, {}).error().code() == Errc::corrupt);
  const Uuid uuid = Uuid::random(site.random);
  CHECK(site.ports.disks.restore({image.name, "2"}, "root", site.path_of(uuid, "root"), {})
            .error()
            .code() == Errc::corrupt);
  CHECK(site.world.files.empty());
}

TEST_CASE("simulated host: looking at three idle guests costs less than a microsecond",
          "[sim][.timing]") {
  SmallSite site;
  for (const char* name : {"acme", "beta", "gamma"}) {
    REQUIRE(site.ports.power.start(site.make_guest(name)));
  }
  constexpr int passes = 1'000'000;
  std::size_t guests = 0;
  const std::clock_t start = std::clock();
  for (int pass = 0; pass < passes; ++pass) {
    guests += site.ports.inventory.observe_all().value().guests.size();
  }
  const double took = 1e9 * static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC / passes;
  WARN("observe_all: " << took << " ns");
  CHECK(guests == std::size_t{passes} * 3);
  CHECK(took < 1000);
}
