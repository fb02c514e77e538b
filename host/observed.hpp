// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "schema/guest.hpp"
#include "schema/image.hpp"
#include "schema/quantity.hpp"

namespace holdfast::host {

// `unknown` is what a provider says when it cannot tell; it is never read as stopped.
enum class PowerState { running, suspended, stopping, stopped, crashed, unknown };

std::string_view to_string(PowerState state);

// A signed job that acted on the guest. Until it expires nobody may carry it out again,
// whatever an older copy of the journal says.
struct ExecutedJob {
  std::string id{};
  Time expires{};
  bool operator==(const ExecutedJob&) const = default;
};

// What Holdfast wrote into the object itself (libvirt: <metadata>; Proxmox: the
// description). Read back before each change; lost journals are rebuilt from it.
struct Marker {
  Uuid uuid{};
  Incarnation incarnation{};
  std::string name{};               // the guest's name in desired state
  std::string host_id{};            // which installation made it
  std::string provenance{};         // "created", "scratch", "adopted", "tombstone"
  std::string image{};              // "name/version" it was born from
  std::string spec_digest{};        // of the desired spec last applied in full
  std::string last_job{};           // id of the last signed job that acted on it
  std::string detail{};             // the reconciler's own JSON: enough to rebuild provenance
  std::vector<ExecutedJob> jobs{};  // not expired when it was written, oldest first

  bool operator==(const Marker&) const = default;
};

struct Disk {
  std::string name{};          // "root", or the volume's name; written as the disk's serial
  std::string target{};        // storage target it lies on
  std::string path{};          // absolute; for a disk with snapshots the active overlay
  std::string format = "raw";  // or "qcow2" for an overlay
  Bytes size{};                // virtual size as the guest sees it
  // False: the provider's own backups leave it out, where it knows of such.
  bool is_backed_up = true;

  bool operator==(const Disk&) const = default;
};

struct Nic {
  std::string mac{};  // chosen and remembered by Holdfast, lower case with colons
  Interface::Kind kind = Interface::Kind::user;
  std::string source{};  // bridge or network name; empty for user mode
  std::string model = "virtio";
  bool is_linked = true;  // false: it is there and its cable is not

  bool operator==(const Nic&) const = default;
};

// The adjustable part of a guest. A running guest has two: the one it runs with
// and the one it will have after its next stop.
struct Shape {
  unsigned cpus = 1;
  Bytes memory{};
  std::vector<Disk> disks{};  // in attachment order, "root" first
  std::vector<Nic> nics{};
  Limits limits{};
  std::string seed_path{};  // config ISO, empty when none is attached

  bool operator==(const Shape&) const = default;
};

// One guest as the provider reports it. Immutable: a driver shares one object until
// something about the guest changes, so that equal pointers mean "nothing new".
struct ObservedGuest {
  Uuid uuid{};
  std::string name{};              // the provider's name; ours carries the guest's name
  std::optional<Marker> marker{};  // absent: foreign, listed and never touched
  PowerState power = PowerState::unknown;
  Shape configured{};           // what it has, or will have after its next stop
  std::optional<Shape> live{};  // what it runs with; absent when stopped
  std::string problem{};        // why parts could not be read; then it must not be changed
  std::string lock{};           // what somebody else is doing to it ("backup"); changes must wait
};

using ObservedGuestPtr = std::shared_ptr<const ObservedGuest>;

// Every guest of the provider, complete or not at all: a driver that could list only
// some of them answers an Error, because absent here means "does not exist".
struct Inventory {
  std::vector<ObservedGuestPtr> guests{};  // sorted by UUID
};

// Everything needed to define a guest at the provider.
struct GuestDefinition {
  Marker marker{};
  std::string name{};  // the provider's name for it
  Shape shape{};
  // Direct kernel boot, absolute paths; all empty to boot from the root disk.
  std::string kernel{};
  std::string initrd{};
  std::string cmdline{};
};

struct SnapshotFacts {
  std::string name{};
  Incarnation incarnation{};  // of the guest when it was made
  Time created{};
  bool is_ours = false;
};

}  // namespace holdfast::host
