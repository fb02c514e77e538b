// SPDX-License-Identifier: Apache-2.0
// Every field that a guest and a host configuration have, changed by itself and changed back.
#include <functional>
#include <set>
#include <string>

#include <nlohmann/json.hpp>

#include "tests/catch.hpp"
#include "tests/sim/engine_site.hpp"

using namespace holdfast;
using namespace holdfast::sim;

namespace {

using nlohmann::json;
using Edit = std::function<void(Guest&)>;

// What a changed field leaves behind.
enum class End {
  in_sync,    // there and back
  refused,    // there: not without a signature; back: in sync
  kept,       // there: in sync; back: refused, since it would cost data
  elsewhere,  // there: blocked, left as it is; back: in sync
};

struct Field {
  std::string path{};  // in the canonical JSON, indices left out
  Edit edit{};
  End end = End::in_sync;
  bool may_stop = false;  // the edit asks for it
};

// Says something of every field, so that each can be changed.
Guest full_guest() {
  Guest guest = small_guest("acme");
  GuestSpec& spec = guest.spec;
  spec.volumes = {Volume{"db", gibibytes(2)}};
  spec.interfaces = {{"lan", Interface::Kind::bridge, "br0", "virtio"},
                     {"wan", Interface::Kind::network, "default", "virtio"},
                     {"nat", Interface::Kind::user, "", "virtio"}};
  spec.ports = {{Protocol::tcp, 80, 8080}};
  spec.limits = {512U, mebibytes(100), mebibytes(100)};
  spec.bootstrap = {"#cloud-config\n{}", "{}"};
  spec.health = Health{Health::Kind::http, 80, "/ok"};
  spec.backup_policy = "nightly";
  return guest;
}

template <class Change>
Edit spec(Change change) {
  return [change](Guest& guest) { change(guest.spec); };
}

std::vector<Field> fields() {
  using S = GuestSpec;
  return {
      {"spec/provider", spec([](S& s) { s.provider = "proxmox"; }), End::elsewhere},
      {"spec/power", spec([](S& s) { s.power = Power::stopped; }), End::in_sync, true},
      {"spec/power", spec([](S& s) { s.power = Power::suspended; })},
      {"spec/image/name", spec([](S& s) { s.image.name = "other"; }), End::refused},
      {"spec/image/version", spec([](S& s) { s.image.version = "2"; }), End::refused},
      {"spec/cpus", spec([](S& s) { s.cpus = 4; })},
      {"spec/cpus", spec([](S& s) { s.cpus = 1; })},
      {"spec/cpus", spec([](S& s) { s.cpus = 64; })},
      {"spec/memory", spec([](S& s) { s.memory = mebibytes(512); })},
      {"spec/memory", spec([](S& s) { s.memory = gibibytes(64); })},
      {"spec/rootDisk/size", spec([](S& s) { s.root_disk.size = gibibytes(9); }), End::kept},
      {"spec/rootDisk/size", spec([](S& s) { s.root_disk.size = gibibytes(7); }), End::refused},
      {"spec/rootDisk/target", spec([](S& s) { s.root_disk.target = "nvme"; }), End::refused},
      {"spec/volumes/name", spec([](S& s) { s.volumes[0].name = "new"; }), End::kept},
      {"spec/volumes/size", spec([](S& s) { s.volumes[0].size = gibibytes(3); }), End::kept},
      {"spec/volumes/size", spec([](S& s) { s.volumes[0].size = gibibytes(1); }), End::refused},
      {"spec/volumes/class", spec([](S& s) { s.volumes[0].cls = VolumeClass::bulk; })},
      {"spec/volumes/target", spec([](S& s) { s.volumes[0].target = "nvme"; }), End::refused},
      {"spec/volumes/backup", spec([](S& s) { s.volumes[0].backup = VolumeBackup::none; })},
      {"spec/volumes", spec([](S& s) { s.volumes.clear(); }), End::refused},
      {"spec/volumes", spec([](S& s) {
         s.volumes.push_back({"more", gibibytes(1)});
       }),
       End::kept},
      {"spec/interfaces/name", spec([](S& s) { s.interfaces[0].name = "lan2"; })},
      {"spec/interfaces/bridge", spec([](S& s) { s.interfaces[0].source = "br1"; })},
      {"spec/interfaces/network", spec([](S& s) { s.interfaces[1].source = "other"; })},
      {"spec/interfaces/user", spec([](S& s) {
         s.interfaces[2].kind = Interface::Kind::bridge;
         s.interfaces[2].source = "br2";
       })},
      {"spec/interfaces/model", spec([](S& s) { s.interfaces[0].model = "e1000"; })},
      {"spec/interfaces", spec([](S& s) { s.interfaces.pop_back(); })},
      {"spec/interfaces", spec([](S& s) { s.interfaces.clear(); })},
      {"spec/ports/protocol", spec([](S& s) { s.ports[0].protocol = Protocol::udp; })},
      {"spec/ports/guestPort", spec([](S& s) { s.ports[0].guest_port = 81; })},
      {"spec/ports/hostPort", spec([](S& s) { s.ports[0].host_port.reset(); })},
      {"spec/limits/cpuShares", spec([](S& s) { s.limits.cpu_shares.reset(); })},
      {"spec/limits/cpuShares", spec([](S& s) { s.limits.cpu_shares = 1024; })},
      {"spec/limits/ioReadBps", spec([](S& s) { s.limits.io_read_bps = mebibytes(7); })},
      {"spec/limits/ioWriteBps", spec([](S& s) { s.limits.io_write_bps.reset(); })},
      {"spec/bootstrap/userData", spec([](S& s) { s.bootstrap.user_data = "#!/bin/sh\n"; })},
      {"spec/bootstrap/networkConfig", spec([](S& s) { s.bootstrap.network_config = "[]"; })},
      {"spec/health/kind", spec([](S& s) {
         s.health = Health{Health::Kind::tcp, 80};
       })},
      {"spec/health/port", spec([](S& s) { s.health->port = 81; })},
      {"spec/health/path", spec([](S& s) { s.health->path = "/other"; })},
      {"spec/health/timeout", spec([](S& s) { s.health->timeout = std::chrono::seconds{5}; })},
      {"spec/backup/policy", spec([](S& s) { s.backup_policy = "weekly"; })},
      {"spec/stopTimeout", spec([](S& s) { s.stop_timeout = std::chrono::seconds{5}; })},
  };
}

// Paths of all values, without the indices of lists.
void collect(const json& node, const std::string& path, std::set<std::string>& paths) {
  if (node.is_object()) {
    for (const auto& [key, child] : node.items())
      collect(child, path.empty() ? key : path + "/" + key, paths);
  } else if (node.is_array()) {
    for (const json& child : node) collect(child, path, paths);
  } else {
    paths.insert(path);
  }
}

struct Bench {
  EngineSite site{5};
  Resources wanted{};

  Bench() {
    site.world().add_image(EngineSite::image, gibibytes(4));
    site.world().add_image({"debian-12", "2"}, gibibytes(4));
    site.world().add_image({"other", "1"}, gibibytes(4));
    site.world().targets["nvme"] = SimTarget{"/sim/nvme"};
    wanted.guests = {full_guest()};
    settle(wanted);
  }
  void settle(const Resources& resources) {
    site.want(resources);
    REQUIRE(site.scenario->settle());
  }
  GuestPlan plan() { return site.engine().guests().plan("acme").value(); }
  unsigned stops() { return site.world().find_by_name("acme")->stops_by_us; }
};

bool is_refused(const GuestPlan& plan) { return !plan.actions.empty() && plan.next() == nullptr; }

}  // namespace

TEST_CASE("fields: each one changed by itself and back ends in sync without a reboot", "[sim]") {
  for (const Field& field : fields()) {
    CAPTURE(field.path);
    Bench bench;
    REQUIRE(bench.plan().in_sync());
    Resources changed = bench.wanted;
    field.edit(changed.guests.front());
    REQUIRE(changed != bench.wanted);

    bench.settle(changed);
    const GuestPlan there = bench.plan();
    if (field.end == End::in_sync) CHECK(there.in_sync());
    if (field.end == End::refused) CHECK(is_refused(there));
    if (field.end == End::elsewhere) CHECK(there.blocked == "ProviderChanged");
    // A volume of another name is added; the one it replaces in the text stays, refused.
    if (field.end == End::kept) CHECK(there.next() == nullptr);

    bench.settle(bench.wanted);
    const GuestPlan back = bench.plan();
    if (field.end == End::kept)
      CHECK(is_refused(back));
    else
      CHECK(back.in_sync());
    if (!field.may_stop) CHECK(bench.stops() == 0);
    CHECK(bench.site.world().find_by_name("acme")->power == host::PowerState::running);
    CHECK(bench.site.scenario->at_rest() == Breaches{});
    CHECK(bench.site.scenario->breaches() == Breaches{});
  }
}

TEST_CASE("fields: the list of fields that are changed is complete", "[sim]") {
  std::set<std::string> all;
  collect(json::parse(to_canonical_json(full_guest())), "", all);
  std::set<std::string> changed{"apiVersion", "kind", "metadata/name"};
  for (const Field& field : fields()) changed.insert(field.path);
  for (const std::string& path : all) {
    CAPTURE(path);
    CHECK(changed.count(path) == 1);
  }
}

TEST_CASE("fields: each one of the host configuration changed and back leaves guests alone",
          "[sim]") {
  Bench bench;
  HostConfig resync;
  resync.resync = std::chrono::seconds{30};
  HostConfig workers;
  workers.workers = 8;
  HostConfig level;
  level.log_level = LogLevel::debug;
  HostConfig name;
  name.name = "other";
  for (const HostConfig& config : {resync, workers, level, name}) {
    CAPTURE(to_canonical_json(config));
    const std::size_t calls = bench.site.world().calls.size();
    Resources changed = bench.wanted;
    changed.host_config = config;
    bench.settle(changed);
    CHECK(bench.plan().in_sync());
    bench.settle(bench.wanted);
    CHECK(bench.plan().in_sync());
    CHECK(bench.site.world().calls.size() == calls);
  }
}
