// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cstdio>

#include "tests/catch.hpp"
#include "tests/drivers/proxmox/proxmox_site.hpp"
#include "tests/sim/permits.hpp"
#include "tests/sim/seeded_random.hpp"

using namespace holdfast;
using namespace holdfast::test;
using standin::GuestKind;

namespace {

// A stopped guest with its customer's data on its root and on volume "db", and one of volume
// "media" that no backup takes.
class BackedUp {
 public:
  explicit BackedUp(GuestKind of_kind, standin::Version version = standin::Version::v8_4)
      : kind{of_kind}, site{version}, image{site.add_image(of_kind)} {
    wanted = definition("acme");
    must(ports().contained->restore(wanted, {{}, image}));
    must(ports().hypervisor.define(wanted));
    add_volume("db", true);
    write("root", "old root");
    write("db", "old db");
  }
  ~BackedUp() {
    for (const auto& violation : site.stand_in.violations())
      FAIL_CHECK(standin::to_string(violation));
  }

  host::Host ports() { return site.ports(); }
  host::Backups& backups() { return *ports().backups; }
  standin::World& world() { return site.stand_in.world(); }

  host::GuestDefinition definition(const std::string& name) {
    host::GuestDefinition made;
    made.marker.uuid = Uuid::random(random);
    made.marker.incarnation = Incarnation{2};
    made.marker.name = name;
    made.marker.host_id = "0123456789abcdef0123456789abcdef";
    made.marker.provenance = "created";
    made.name = name;
    made.shape.cpus = 2;
    made.shape.memory = mebibytes(256);
    const auto path = ports().disks.path_of("fast", made.marker.uuid, "root").value();
    made.shape.disks = {{"root", "fast", path, "raw", gibibytes(1)}};
    std::array<char, 18> mac{};
    std::snprintf(mac.data(), mac.size(), "02:00:00:00:00:%02x", ++nics);
    made.shape.nics = {{mac.data(), Interface::Kind::bridge, "vmbr0"}};
    return made;
  }
  void add_volume(const std::string& name, bool is_backed_up) {
    const auto path = ports().disks.path_of("fast", uuid(), name).value();
    must(ports().contained->add_disk(uuid(),
                                     {name, "fast", path, "raw", gibibytes(1), is_backed_up}));
  }
  Uuid uuid() const { return wanted.marker.uuid; }
  int vmid(const Uuid& of) {
    for (auto& [number, guest] : world().guests)
      if (guest.config["description"].find(to_string(of)) != std::string::npos) return number;
    return 0;
  }
  std::string key(const std::string& disk) const {
    const bool is_container = kind == GuestKind::lxc;
    if (disk == "root") return is_container ? "rootfs" : "scsi0";
    return (is_container ? "mp" : "scsi") + std::to_string((disk == "db" ? 0 : 1) + !is_container);
  }
  void write(const std::string& disk, const std::string& content) {
    world().write_content(vmid(uuid()), key(disk), content);
  }
  std::string content(const Uuid& of, const std::string& disk) {
    return world().content_of(vmid(of), key(disk)).value_or("(none)");
  }
  host::BackupFacts take(const std::string& label, bool is_protected = false) {
    auto taken = backups().take(uuid(), {label, "for the test", is_protected});
    if (!taken) FAIL(taken.error().describe());
    return std::move(taken).value();
  }
  void must(const Result<void>& result) {
    if (!result) FAIL(result.error().describe());
  }
  host::GuestDefinition next_incarnation() {
    host::GuestDefinition next = wanted;
    ++next.marker.incarnation.value;
    return next;
  }
  gate::Permit permit() {
    return mint.permit(gate::Verb::restore_over, uuid(), wanted.marker.incarnation);
  }

  GuestKind kind;
  ProxmoxSite site;
  std::string image;
  sim::SeededRandom random{3};
  sim::PermitMint mint{};
  unsigned nics = 0;
  host::GuestDefinition wanted{};
};

const auto kinds = [] { return GENERATE(GuestKind::lxc, GuestKind::qemu); };
const auto versions = [] { return GENERATE(standin::Version::v8_4, standin::Version::v9_1); };

}  // namespace

TEST_CASE("proxmox backups: one is taken once for each label, and says whose it is", "[proxmox]") {
  BackedUp host{kinds(), versions()};
  const auto first = host.take("00aa", true);
  CHECK(first.is_protected);
  CHECK(first.guest == host.uuid());
  CHECK(first.incarnation == Incarnation{2});
  CHECK(first.guest_name == "acme");
  CHECK(first.note == "for the test");
  CHECK(first.host_id == host.wanted.marker.host_id);
  host.site.stand_in.advance(std::chrono::seconds{2});
  CHECK(host.take("00aa").id == first.id);
  const auto second = host.take("00bb");
  CHECK(second.id != first.id);
  CHECK_FALSE(second.is_protected);
  const auto listed = host.backups().list(host.uuid()).value();
  REQUIRE(listed.size() == 2);
  CHECK(listed.front().id == first.id);
  CHECK(host.backups().list(host.definition("other").marker.uuid).value().empty());
}

TEST_CASE("proxmox backups: an archive of others is nobody's, whatever its notes say",
          "[proxmox][safety]") {
  BackedUp host{kinds()};
  const auto ours = host.take("00aa");
  auto& world = host.world();
  const std::string notes = world.find_volume(ours.id)->notes;
  // Somebody's own archive with our words in its notes; ours with somebody's; a clone's.
  world.add_guest(host.kind, 700, {{host.kind == GuestKind::lxc ? "rootfs" : "scsi0", "local:1"}},
                  "theirs");
  standin::Archive theirs{.kind = host.kind, .vmid = 700, .config = world.guests.at(700).config};
  world.add_archive("local", theirs, notes);
  standin::Archive clone = *world.find_volume(ours.id)->archive;
  clone.vmid = 701;
  world.add_archive("local", clone, notes);
  host.site.boot();
  const auto mine = host.backups().list(host.uuid()).value();
  REQUIRE(mine.size() == 1);
  CHECK(mine.front().id == ours.id);
  const auto all = host.backups().list(std::nullopt).value();
  CHECK(all.size() == 3);  // the golden image is none
  CHECK(std::count_if(all.begin(), all.end(),
                      [](const auto& facts) { return !facts.host_id.empty(); }) == 1);
  world.find_volume(ours.id)->notes = "mine now";
  CHECK(host.backups().list(host.uuid()).value().empty());
}

TEST_CASE("proxmox backups: a list that cannot be judged is no list", "[proxmox][safety]") {
  BackedUp host{GuestKind::lxc};
  host.take("00aa");
  host.site.boot();
  host.site.stand_in.add_fault(
      {.kind = standin::Fault::Kind::connection_refused, .path = "extractconfig"});
  CHECK(host.backups().list(host.uuid()).error().code() == Errc::unavailable);
  CHECK(host.backups().list(host.uuid()).value().size() == 1);
}

TEST_CASE("proxmox backups: taking one never prunes older ones", "[proxmox][safety]") {
  BackedUp host{GuestKind::lxc};
  std::string sent;
  host.site.stand_in.before = [&](std::uint64_t, const http::Request& request) {
    if (request.path.ends_with("/vzdump")) sent = request.body;
  };
  host.take("00aa");
  CHECK(sent.find("remove=0") != std::string::npos);
}

TEST_CASE("proxmox backups: a restore is another guest, stopped and with addresses of its own",
          "[proxmox]") {
  BackedUp host{kinds(), versions()};
  host.add_volume("media", false);
  host.write("media", "media");
  const auto backup = host.take("00aa");
  host.write("root", "new root");
  auto copy = host.definition("copy");
  const auto content = host.backups().inspect(backup.id, copy.marker.uuid).value();
  CHECK(content.marker.uuid == host.uuid());
  CHECK(content.left_out == std::vector<std::string>{"media"});
  copy.shape.disks = content.shape.disks;
  copy.shape.nics.front().is_linked = false;
  host.must(host.backups().restore(copy, backup.id));
  host.must(host.backups().restore(copy, backup.id));  // once
  host.must(host.ports().hypervisor.define(copy));
  const Uuid uuid = copy.marker.uuid;
  CHECK(host.content(uuid, "root") == "old root");
  CHECK(host.content(uuid, "db") == "old db");
  CHECK(host.content(uuid, "media") == "(none)");
  CHECK(host.content(host.uuid(), "root") == "new root");
  CHECK(host.world().guests.size() == 2);
  const auto observed = host.ports().inventory.observe(uuid).value();
  REQUIRE(observed != nullptr);
  CHECK(observed->power == host::PowerState::stopped);
  CHECK(observed->marker == copy.marker);
  CHECK(observed->configured.nics == copy.shape.nics);
  CHECK(observed->configured.disks == content.shape.disks);
  CHECK(host.world().guests[host.vmid(uuid)].config["net0"].find("link_down=1") !=
        std::string::npos);
  CHECK(host.backups().inspect("local:backup/nothing.tar", uuid).error().code() == Errc::not_found);
}

TEST_CASE("proxmox backups: a restore over a guest takes its marker along", "[proxmox]") {
  BackedUp host{kinds(), versions()};
  const auto backup = host.take("00aa");
  host.write("root", "new root");
  host.write("db", "new db");
  const auto next = host.next_incarnation();
  const int vmid = host.vmid(host.uuid());
  host.must(host.backups().restore_over(host.permit(), next, backup.id));
  CHECK(host.vmid(host.uuid()) == vmid);
  CHECK(host.content(host.uuid(), "root") == "old root");
  CHECK(host.content(host.uuid(), "db") == "old db");
  const auto observed = host.ports().inventory.observe(host.uuid()).value();
  REQUIRE(observed != nullptr);
  CHECK(observed->marker == next.marker);
  CHECK(observed->configured.nics == host.wanted.shape.nics);
  CHECK(observed->configured.disks.size() == 2);
  // The permit was for the incarnation before.
  CHECK(host.backups().restore_over(host.permit(), next, backup.id).error().code() == Errc::denied);
}

TEST_CASE("proxmox backups: a restore over a guest that would lose something is denied",
          "[proxmox][safety]") {
  BackedUp host{kinds()};
  const auto backup = host.take("00aa");
  host.add_volume("media", false);
  host.write("media", "all there is");
  const bool is_container = host.kind == GuestKind::lxc;
  const auto outlook = host.backups().forecast(host.uuid(), backup.id).value();
  CHECK(outlook.lost.size() == (is_container ? 1 : 0));
  CHECK(outlook.kept.size() == (is_container ? 0 : 1));
  const auto done = host.backups().restore_over(host.permit(), host.next_incarnation(), backup.id);
  if (is_container) {
    REQUIRE_FALSE(done);
    CHECK(done.error().code() == Errc::denied);
    CHECK(done.error().message().find("media") != std::string::npos);
    CHECK(host.content(host.uuid(), "media") == "all there is");
    return;
  }
  host.must(done);
  CHECK(host.content(host.uuid(), "media") == "(none)");
  host.must(host.backups().reattach(host.uuid(), outlook.kept.front()));
  host.must(host.backups().reattach(host.uuid(), outlook.kept.front()));
  CHECK(host.content(host.uuid(), "media") == "all there is");
  const auto observed = host.ports().inventory.observe(host.uuid()).value();
  CHECK(observed->configured.disks.back() == outlook.kept.front().disk);
}

TEST_CASE("proxmox backups: snapshots, a running guest and a strange permit stop a restore over",
          "[proxmox][safety]") {
  BackedUp host{kinds()};
  const auto backup = host.take("00aa");
  const auto next = host.next_incarnation();
  const auto error = [&](gate::Permit permit) {
    return host.backups().restore_over(std::move(permit), next, backup.id).error().code();
  };
  CHECK(error(host.mint.permit(gate::Verb::destroy_guest, host.uuid(), Incarnation{2})) ==
        Errc::denied);
  CHECK(error(host.mint.permit(gate::Verb::restore_over, host.uuid(), Incarnation{9})) ==
        Errc::denied);
  host.must(host.ports().power.start(host.uuid()));
  CHECK(error(host.permit()) == Errc::conflict);
  host.must(host.ports().power.power_off(host.uuid()));
  host.must(host.ports().snapshots.create(host.uuid(), "before"));
  CHECK(error(host.permit()) == Errc::denied);
  CHECK(host.content(host.uuid(), "root") == "old root");
}
