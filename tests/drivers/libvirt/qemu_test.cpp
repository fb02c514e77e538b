// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <fstream>

#include "drivers/libvirt/overlays.hpp"
#include "tests/catch.hpp"
#include "tests/drivers/libvirt/libvirt_world.hpp"

// Real QEMU under a libvirtd of its own: run by tests/sandbox/libvirt_sandbox.sh. The guests
// have an empty disk and never get past their firmware, which most of this does not need.
namespace holdfast::libvirt {
namespace {

namespace fs = std::filesystem;
using host::PowerState;

std::unique_ptr<LibvirtWorld> make_world() {
  return std::make_unique<LibvirtWorld>("qemu:///system");
}

void must(const Result<void>& result) {
  if (!result) FAIL(result.error().describe());
}

host::GuestDefinition add(LibvirtWorld& world, const std::string& name) {
  auto definition = world.definition(name);
  must(world.hypervisor().define(definition));
  return definition;
}

host::ObservedGuestPtr observe(LibvirtWorld& world, const Uuid& uuid) {
  auto guest = world.inventory().observe(uuid);
  if (!guest) FAIL(guest.error().describe());
  REQUIRE(*guest != nullptr);
  return *guest;
}

// Writes into a disk through its whole chain, as a stopped guest's past would have.
void write_disk(const std::string& path, const std::string& format, const std::string& pattern) {
  const std::string command =
      "qemu-io -f " + format + " -c 'write -P " + pattern + " 1M 64k' '" + path + "' >/dev/null";
  REQUIRE(std::system(command.c_str()) == 0);
}
bool disk_holds(const std::string& path, const std::string& format, const std::string& pattern) {
  const std::string command = "qemu-io -f " + format + " -c 'read -P " + pattern + " 1M 64k' '" +
                              path + "' 2>&1 | grep -q 'verification failed'";
  return std::system(command.c_str()) != 0;
}

const host::Disk& root(const host::ObservedGuestPtr& guest) {
  return guest->configured.disks.front();
}

std::size_t files_in(const LibvirtWorld& world) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator{world.folder().path()}, {}));
}

void remove_snapshot(LibvirtWorld& world, const Uuid& uuid, const std::string& name) {
  auto permit = world.permit(gate::Verb::remove_snapshot, uuid, Incarnation{1});
  must(world.snapshots().remove(std::move(permit), uuid, name));
}

TEST_CASE("qemu: it keeps the hypervisor contract", "[qemu][contract]") {
  contract::check_hypervisor_contract([] { return make_world(); });
}

TEST_CASE("qemu: a restarted daemon is found again with its guests running", "[qemu]") {
  const auto world = make_world();
  std::atomic<int> all_changed{0};
  world->inventory().on_change([&](const Uuid& uuid) {
    if (uuid.is_nil()) ++all_changed;
  });
  const Uuid uuid = add(*world, "acme").marker.uuid;
  must(world->power().start(uuid));
  const auto before = world->inventory().observe_all();
  REQUIRE(before);
  if (!world->cut()) return;
  REQUIRE(world->wait_until([&] { return !world->host().is_connected(); }));
  CHECK(world->inventory().observe_all().error().code() == Errc::unavailable);
  CHECK(world->wait_until([&] { return all_changed.load() > 0; }));  // the loss is told
  const int when_lost = all_changed.load();
  world->mend();
  REQUIRE(world->wait_until([&] { return all_changed.load() > when_lost; }));  // and the return
  CHECK(observe(*world, uuid)->power == PowerState::running);

  std::atomic<bool> told{false};  // events come through the new connection too
  world->inventory().on_change([&](const Uuid& changed) {
    if (changed == uuid) told = true;
  });
  const auto domain = world->find(uuid);
  REQUIRE(domain);
  REQUIRE(virDomainSuspend(domain.get()) == 0);
  CHECK(world->wait_until([&] { return told.load(); }));
  CHECK(observe(*world, uuid)->power == PowerState::suspended);
  world->inventory().on_change(nullptr);
}

TEST_CASE("qemu: a pass over unchanged running guests is one bulk call", "[qemu]") {
  const auto world = make_world();
  for (const char* name : {"one", "two", "three"}) {
    must(world->power().start(add(*world, name).marker.uuid));
  }
  REQUIRE(world->wait_until([&] {
    auto before = world->host().calls();
    static_cast<void>(world->inventory().observe_all());
    return world->host().calls()["virDomainGetXMLDesc"] == before["virDomainGetXMLDesc"];
  }));
  auto before = world->host().calls();
  static_cast<void>(world->inventory().observe_all());
  auto after = world->host().calls();
  CHECK(after["virConnectGetAllDomainStats"] == ++before["virConnectGetAllDomainStats"]);
  CHECK(after == before);
}

TEST_CASE("qemu: volumes and interfaces are attached to a running guest and stay", "[qemu]") {
  const auto world = make_world();
  const auto definition = add(*world, "acme");
  const Uuid uuid = definition.marker.uuid;
  must(world->power().start(uuid));
  const host::Disk volume{"a-rather-long-volume-name", "usb",
                          world->folder().add_disk("volume.raw", mebibytes(8)), "raw",
                          mebibytes(8)};
  must(world->tuning().attach_disk(uuid, volume));
  must(world->tuning().attach_disk(uuid, volume));
  const host::Nic nic{"52:54:00:12:34:56", Interface::Kind::user, "", "virtio"};
  must(world->tuning().attach_nic(uuid, nic));
  must(world->tuning().attach_nic(uuid, nic));

  const auto guest = observe(*world, uuid);
  CHECK(guest->problem.empty());
  REQUIRE(guest->live);
  CHECK(*guest->live == guest->configured);
  REQUIRE(guest->configured.disks.size() == 2);
  CHECK(guest->configured.disks[1] == volume);
  CHECK(guest->configured.nics.size() == 2);

  must(world->power().power_off(uuid));
  must(world->power().start(uuid));
  CHECK(observe(*world, uuid)->configured == guest->configured);
}

TEST_CASE("qemu: a seed and a growing disk live through snapshots", "[qemu][snapshots]") {
  const auto world = make_world();
  auto definition = world->definition("acme");
  definition.shape.seed_path = world->folder().add_disk("seed.iso", mebibytes(1));
  must(world->hypervisor().define(definition));
  const Uuid uuid = definition.marker.uuid;
  must(world->power().start(uuid));
  must(world->snapshots().create(uuid, "s1"));
  CHECK(observe(*world, uuid)->configured.seed_path == definition.shape.seed_path);
  must(world->tuning().grow_disk(uuid, "root", mebibytes(24)));
  remove_snapshot(*world, uuid, "s1");
  const auto guest = observe(*world, uuid);
  CHECK(guest->configured.seed_path == definition.shape.seed_path);
  CHECK(root(guest).path == definition.shape.disks[0].path);
  CHECK(root(guest).size == mebibytes(24));
  CHECK(guest->live == guest->configured);
}

TEST_CASE("qemu: limits are set while the guest runs and read back", "[qemu]") {
  const auto world = make_world();
  const Uuid uuid = add(*world, "acme").marker.uuid;
  must(world->power().start(uuid));
  const Limits limits{std::nullopt, mebibytes(10), mebibytes(5)};
  must(world->tuning().set_limits(uuid, limits));
  auto guest = observe(*world, uuid);
  CHECK(guest->live->limits == limits);
  CHECK(guest->configured.limits == limits);
  must(world->tuning().set_limits(uuid, Limits{}));
  guest = observe(*world, uuid);
  CHECK(guest->live->limits == Limits{});
  CHECK(guest->configured.limits == Limits{});
}

TEST_CASE("qemu: a guest that does not give up memory keeps it", "[qemu]") {
  const auto world = make_world();
  const Uuid uuid = add(*world, "acme").marker.uuid;
  must(world->power().start(uuid));
  // No kernel runs in it, so no balloon is ever inflated.
  const auto shrunk = world->tuning().set_memory(uuid, mebibytes(32));
  REQUIRE_FALSE(shrunk);
  CHECK(shrunk.error().code() == Errc::denied);
  CHECK(observe(*world, uuid)->live->memory == mebibytes(64));
}

TEST_CASE("qemu: a stale definition does not undo a snapshot's layer", "[qemu][snapshots]") {
  const auto world = make_world();
  const auto definition = add(*world, "acme");
  must(world->snapshots().create(definition.marker.uuid, "s1"));
  const auto stale = world->hypervisor().define(definition);
  REQUIRE_FALSE(stale);
  CHECK(stale.error().code() == Errc::conflict);
}

TEST_CASE("qemu: a roll-back brings the content back and keeps what was written since",
          "[qemu][snapshots]") {
  const auto world = make_world();
  const auto definition = add(*world, "acme");
  const Uuid uuid = definition.marker.uuid;
  write_disk(definition.shape.disks[0].path, "raw", "0x11");
  must(world->snapshots().create(uuid, "s1"));
  const std::string layer = root(observe(*world, uuid)).path;
  CHECK(layer != definition.shape.disks[0].path);
  write_disk(layer, "qcow2", "0x22");

  auto permit = world->permit(gate::Verb::roll_back_snapshot, uuid, Incarnation{1});
  must(world->snapshots().roll_back(std::move(permit), uuid, "s1"));
  const std::string now = root(observe(*world, uuid)).path;
  CHECK(disk_holds(now, "qcow2", "0x11"));
  CHECK(disk_holds(layer, "qcow2", "0x22"));  // the safety copy
  must(world->power().start(uuid));
  must(world->power().power_off(uuid));

  // The frozen disk carries both branches now, so removing the snapshot merges neither.
  remove_snapshot(*world, uuid, "s1");
  CHECK(disk_holds(root(observe(*world, uuid)).path, "qcow2", "0x11"));
  CHECK(disk_holds(layer, "qcow2", "0x22"));
}

TEST_CASE("qemu: removing a snapshot merges its layer and deletes the file", "[qemu][snapshots]") {
  const auto world = make_world();
  const auto definition = add(*world, "acme");
  const Uuid uuid = definition.marker.uuid;
  const std::size_t files = files_in(*world);
  must(world->snapshots().create(uuid, "s1"));
  write_disk(root(observe(*world, uuid)).path, "qcow2", "0x33");
  SECTION("of a stopped guest") { remove_snapshot(*world, uuid, "s1"); }
  SECTION("of a running guest") {
    must(world->power().start(uuid));
    remove_snapshot(*world, uuid, "s1");
    const auto guest = observe(*world, uuid);
    CHECK(guest->power == PowerState::running);
    CHECK(guest->live->disks == guest->configured.disks);
    must(world->power().power_off(uuid));
  }
  const auto guest = observe(*world, uuid);
  CHECK(root(guest).path == definition.shape.disks[0].path);
  CHECK(root(guest).format == "raw");
  CHECK(disk_holds(root(guest).path, "raw", "0x33"));
  CHECK(files_in(*world) == files);
  must(world->power().start(uuid));
}

TEST_CASE("qemu: removing the older of two snapshots leaves the newer one usable",
          "[qemu][snapshots]") {
  const auto world = make_world();
  const auto definition = add(*world, "acme");
  const Uuid uuid = definition.marker.uuid;
  must(world->snapshots().create(uuid, "s1"));
  write_disk(root(observe(*world, uuid)).path, "qcow2", "0x44");
  must(world->snapshots().create(uuid, "s2"));
  write_disk(root(observe(*world, uuid)).path, "qcow2", "0x55");
  SECTION("of a stopped guest") { remove_snapshot(*world, uuid, "s1"); }
  SECTION("of a running guest") {
    must(world->power().start(uuid));
    remove_snapshot(*world, uuid, "s1");
    must(world->power().power_off(uuid));
  }
  CHECK(disk_holds(root(observe(*world, uuid)).path, "qcow2", "0x55"));
  CHECK(world->snapshots().list(uuid).value().size() == 1);
  auto permit = world->permit(gate::Verb::roll_back_snapshot, uuid, Incarnation{1});
  must(world->snapshots().roll_back(std::move(permit), uuid, "s2"));
  CHECK(disk_holds(root(observe(*world, uuid)).path, "qcow2", "0x44"));
}

TEST_CASE("overlays: heads are read from qcow2 and raw files", "[qemu][snapshots]") {
  const TemporaryFolder folder;
  const std::string base = folder.add_disk("root.raw", mebibytes(4));
  const std::string overlay = free_overlay_path(base, "root", "s1");
  must(create_overlay(overlay, base, "raw"));
  CHECK(overlay == (folder.path() / "root@s1.qcow2").string());
  CHECK(free_overlay_path(base, "root", "s1") != overlay);
  const auto head = read_disk_head(overlay).value();
  CHECK(head.is_qcow2);
  CHECK(head.size == mebibytes(4));
  CHECK(head.backing == base);
  CHECK_FALSE(read_disk_head(base).value().is_qcow2);
  CHECK(read_chain(overlay).value() == std::vector<std::string>{overlay, base});
  CHECK(find_dependents(base).value() == std::vector<std::string>{overlay});
  CHECK_FALSE(read_disk_head((folder.path() / "absent").string()));
}

}  // namespace
}  // namespace holdfast::libvirt
