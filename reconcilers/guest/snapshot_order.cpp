// SPDX-License-Identifier: Apache-2.0
#include "reconcilers/guest/snapshot_order.hpp"

#include <algorithm>

namespace holdfast {

NewOperation new_snapshot_operation(std::string_view kind, const SnapshotOrder& order) {
  NewOperation operation;
  operation.kind = kind;
  operation.input = dump(
      {{"identity", json_of(order.identity)}, {"snapshot", order.snapshot}, {"job", order.job}});
  return operation;
}

Result<SnapshotOrder> read_snapshot_order(const Operation& op) {
  const auto json = TRY(parse_json(op.input));
  SnapshotOrder order;
  Fields fields{json};
  fields.value("identity", order.identity, read_identity);
  fields.text("snapshot", order.snapshot).text("job", order.job);
  TRY(fields.end(op.kind));
  return order;
}

Result<std::optional<gate::CopyFacts>> copies_around(const GuestWorld& world,
                                                     const SnapshotOrder& order) {
  const auto snapshots = TRY(world.host.snapshots.list(order.identity.uuid));
  const auto found = std::find_if(
      snapshots.begin(), snapshots.end(),
      [&](const host::SnapshotFacts& snapshot) { return snapshot.name == order.snapshot; });
  if (found == snapshots.end()) return std::optional<gate::CopyFacts>{};
  gate::CopyFacts copies;
  copies.made_by_this_incarnation =
      found->is_ours && found->incarnation == order.identity.incarnation;
  copies.is_ours = found->is_ours;
  // The port promises it: what was written since stays in files beside the disks.
  copies.has_safety_copy = true;
  copies.newer = static_cast<unsigned>(std::count_if(
      snapshots.begin(), snapshots.end(),
      [&](const host::SnapshotFacts& other) { return other.created > found->created; }));
  copies.age = world.clock.now() - found->created;
  return std::optional<gate::CopyFacts>{copies};
}

Result<PermitRequest> snapshot_request(const GuestWorld& world, gate::Verb verb,
                                       const SnapshotOrder& order,
                                       const std::optional<gate::Authority>& authority) {
  const auto copies = TRY(copies_around(world, order));
  if (!copies) return Error{Errc::not_found, "there is no snapshot " + order.snapshot};
  PermitRequest request;
  request.verb = verb;
  request.requester = authority ? gate::Requester::job : gate::Requester::operation;
  request.identity = order.identity;
  request.object = order.snapshot;
  request.copies = *copies;
  request.authority = authority;
  const std::string guest = "guest " + order.identity.name;
  if (verb == gate::Verb::roll_back_snapshot)
    request.effects = {"stops " + guest, "puts all its disks back to snapshot " + order.snapshot,
                       "keeps what was written since in files beside them, out of use"};
  else
    request.effects = {"forgets snapshot " + order.snapshot + " of " + guest};
  return request;
}

}  // namespace holdfast
