// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/backups.hpp"
#include "host/contained_guests.hpp"
#include "host/hypervisor.hpp"
#include "host/storage.hpp"
#include "host/tasks.hpp"

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
  ContainedGuests* contained = nullptr;  // null: disks are files that exist without their guest
  Tasks* tasks = nullptr;                // null: every change has happened when its call returns
  Backups* backups = nullptr;            // null: the provider takes none
};

}  // namespace holdfast::host
