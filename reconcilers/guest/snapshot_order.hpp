// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "gate/facts.hpp"
#include "reconcilers/guest/guest_json.hpp"
#include "reconcilers/guest/guest_operations.hpp"
#include "reconcilers/guest/guest_permits.hpp"
#include "reconcilers/guest/guest_steps.hpp"
#include "reconcilers/guest/json_fields.hpp"

// What the three operations on snapshots share. Private to the folder.
namespace holdfast {

NewOperation new_snapshot_operation(std::string_view kind, const SnapshotOrder& order);
Result<SnapshotOrder> read_snapshot_order(const Operation& op);

// What the gate wants to know of the snapshot; nothing when there is no such snapshot.
Result<std::optional<gate::CopyFacts>> copies_around(const GuestWorld& world,
                                                     const SnapshotOrder& order);

// The request to roll back to it or to remove it, with all facts read.
// Errc::not_found: there is no such snapshot.
Result<PermitRequest> snapshot_request(const GuestWorld& world, gate::Verb verb,
                                       const SnapshotOrder& order,
                                       const std::optional<gate::Authority>& authority);

}  // namespace holdfast
