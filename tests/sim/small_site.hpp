// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "host/host.hpp"
#include "tests/catch.hpp"
#include "tests/sim/sim_host.hpp"

namespace holdfast::sim {

// A simulated host with one golden image, and guests made straight through its ports.
struct SmallSite {
  inline static const ImageRef image{"debian-12", "1"};

  SimWorld world{};
  ManualClock clock{};
  SeededRandom random{7};
  SimHost host{world, clock};
  host::Host ports{host.ports()};

  SmallSite() { world.add_image(image, gibibytes(8)); }

  std::string path_of(const Uuid& uuid, const std::string& disk) {
    return ports.disks.path_of("local", uuid, disk).value();
  }
  host::PowerState power_of(const Uuid& uuid) {
    return ports.inventory.observe(uuid).value()->power;
  }
  holdfast::host::GuestDefinition definition(const std::string& name) {
    holdfast::host::GuestDefinition wanted;
    wanted.marker.uuid = Uuid::random(random);
    wanted.marker.name = name;
    wanted.marker.provenance = "created";
    wanted.name = name;
    wanted.shape.cpus = 2;
    wanted.shape.memory = gibibytes(2);
    wanted.shape.disks = {{"root", "local", path_of(wanted.marker.uuid, "root"), "raw", {}}};
    wanted.shape.nics = {{"02:00:00:00:00:01"}};
    return wanted;
  }
  void make_guest(const holdfast::host::GuestDefinition& wanted) {
    REQUIRE(ports.disks.restore(image, "root", wanted.shape.disks.at(0).path, {}));
    REQUIRE(ports.hypervisor.define(wanted));
  }
  Uuid make_guest(const std::string& name) {
    const auto wanted = definition(name);
    make_guest(wanted);
    return wanted.marker.uuid;
  }
};

}  // namespace holdfast::sim
