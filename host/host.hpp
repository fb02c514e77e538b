// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/hypervisor.hpp"
#include "host/storage.hpp"

namespace holdfast::host {

// The parts of the machine that a reconciler may touch, handed over together.
struct Host {
  GuestInventory& inventory;
  Hypervisor& hypervisor;
  PowerControl& power;
  LiveTuning& tuning;
  GuestSnapshots& snapshots;
  DiskStore& disks;
  DiskCopies& copies;
  ImageStore& images;
};

}  // namespace holdfast::host
