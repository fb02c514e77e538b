// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "drivers/libvirt/domains.hpp"

// Snapshots as libvirt keeps them, with our note in the description. Private to this folder.
namespace holdfast::libvirt {

// What we write into a snapshot's <description>, as JSON.
struct SnapshotNote {
  // One disk's part in a removal that has begun, so that it can be taken up again.
  struct Layer {
    std::string device{};       // "vda"
    std::string overlay{};      // made by the snapshot
    std::string base{};         // frozen by it
    std::string base_format{};  // "raw" or "qcow2"
    std::string above{};        // what rests on the overlay; empty: the guest itself
    bool operator==(const Layer&) const = default;
  };
  Incarnation incarnation{};
  std::vector<Layer> merging{};
};
std::string to_json(const SnapshotNote& note);
// Absent: somebody else's snapshot.
std::optional<SnapshotNote> parse_note(std::string_view description);

// Errc::invalid unless `name` can be part of a file name: letters, digits, '-', '_', '.', at
// most 64 and no leading '.'.
Result<void> check_snapshot_name(std::string_view name);

struct SnapshotRecord {
  SnapshotHandle handle{};
  std::string xml{};
  ParsedSnapshot parsed{};
  std::optional<SnapshotNote> note{};
};

// Errc::conflict when the guest has no snapshot of that name: not_found speaks of guests.
Result<SnapshotRecord> find_snapshot(Core& core, const Connection& connection, virDomain* domain,
                                     const std::string& name);
Result<std::vector<SnapshotRecord>> list_snapshots(Core& core, const Connection& connection,
                                                   virDomain* domain);

// Writes `xml` over the record of the same name.
Result<void> redefine_snapshot(Core& core, virDomain* domain, const std::string& xml);
// `xml` with another description.
Result<std::string> with_note(std::string_view xml, const SnapshotNote& note);
// `xml` with `from` replaced by `to` wherever it is a frozen disk.
Result<std::string> with_base(std::string_view xml, const std::string& from, const std::string& to,
                              const std::string& to_format);

}  // namespace holdfast::libvirt
