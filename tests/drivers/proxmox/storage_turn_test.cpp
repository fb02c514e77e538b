// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cstdio>
#include <mutex>
#include <thread>

#include "tests/catch.hpp"
#include "tests/drivers/proxmox/proxmox_site.hpp"
#include "tests/sim/seeded_random.hpp"

using namespace holdfast;
using namespace holdfast::test;
using standin::GuestKind;

namespace {

// The wire for several threads. Counts changes that are sent while a task of the node runs.
class SharedWire final : public proxmox::Exchange {
 public:
  explicit SharedWire(ProxmoxSite& site) : site_{site} {}

  Result<http::Response> request(const http::Request& request,
                                 const http::Patience& patience) override {
    const std::lock_guard lock{mutex_};
    if (request.method != "GET") {
      ++changes;
      if (!site_.stand_in.tasks().is_idle()) ++crossings;
    }
    return site_.wire.request(request, patience);
  }
  void pass_time(Duration by) {
    {
      const std::lock_guard lock{mutex_};
      site_.stand_in.advance(by);
    }
    std::this_thread::yield();  // somebody else's turn to try
  }

  int changes = 0;
  int crossings = 0;

 private:
  ProxmoxSite& site_;
  std::mutex mutex_{};
};

host::GuestDefinition definition(host::Host& ports, std::uint8_t number) {
  sim::SeededRandom random{number};
  host::GuestDefinition made;
  made.marker.uuid = Uuid::random(random);
  made.marker.incarnation = Incarnation{1};
  made.marker.name = made.name = "guest-" + std::to_string(number);
  made.marker.host_id = "0123456789abcdef0123456789abcdef";
  made.marker.provenance = "created";
  made.shape.memory = mebibytes(256);
  const auto path = ports.disks.path_of("fast", made.marker.uuid, "root");
  made.shape.disks = {{"root", "fast", path ? *path : "", "raw", gibibytes(1)}};
  std::array<char, 18> mac{};
  std::snprintf(mac.data(), mac.size(), "02:00:00:00:00:%02x", number);
  made.shape.nics = {{mac.data(), Interface::Kind::bridge, "vmbr0"}};
  return made;
}

Result<void> live(host::Host ports, const host::GuestDefinition& guest, const std::string& image) {
  const Uuid& uuid = guest.marker.uuid;
  TRY(ports.contained->restore(guest, {{}, image}));
  const auto path = TRY(ports.disks.path_of("fast", uuid, "db"));
  TRY(ports.contained->add_disk(uuid, {"db", "fast", path, "raw", gibibytes(1)}));
  TRY(ports.disks.grow(path, gibibytes(2)));
  return ports.snapshots.create(uuid, "before");
}

}  // namespace

TEST_CASE("proxmox storages: at most one change of volumes is under way, whoever asks",
          "[proxmox]") {
  const auto kind = GENERATE(GuestKind::lxc, GuestKind::qemu);
  ProxmoxSite site;
  const std::string image = site.add_image(kind);
  SharedWire wire{site};
  const SystemClock clock;  // the driver's deadlines are not what this is about
  proxmox::Options options;
  options.node = "pve1";
  options.storages = site.storages;
  options.user = "agent@pve!holdfast";
  options.pause = [&](Duration by) { wire.pass_time(by); };
  proxmox::ProxmoxHost host{wire, options, clock};
  constexpr std::uint8_t guests = 4;
  std::array<std::string, guests> errors{};
  {
    std::vector<std::jthread> threads;
    for (std::uint8_t i = 0; i < guests; ++i)
      threads.emplace_back([&, i] {
        host::Host ports = host.ports();
        if (const auto lived = live(ports, definition(ports, i), image); !lived)
          errors.at(i) = lived.error().message();
      });
  }
  for (const std::string& error : errors) CHECK(error.empty());
  CHECK(site.stand_in.world().guests.size() == guests);
  CHECK(wire.changes >= 4 * guests);
  CHECK(wire.crossings == 0);
}
