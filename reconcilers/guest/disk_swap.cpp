// SPDX-License-Identifier: Apache-2.0
#include "reconcilers/guest/disk_swap.hpp"

#include <algorithm>
#include <utility>

#include "journal/writes.hpp"
#include "reconcilers/guest/guest_json.hpp"
#include "reconcilers/guest/guest_permits.hpp"
#include "reconcilers/guest/guest_shape.hpp"
#include "reconcilers/guest/guest_steps.hpp"
#include "reconcilers/guest/json_fields.hpp"
#include "reconcilers/guest/signed_steps.hpp"

namespace holdfast {
namespace {

nlohmann::json json_of(const std::optional<host::Disk>& disk) {
  if (!disk) return nullptr;
  return holdfast::json_of(*disk);
}

Result<std::optional<host::Disk>> read_optional_disk(const nlohmann::json& value) {
  if (value.is_null()) return std::optional<host::Disk>{};
  return std::optional{TRY(read_disk(value))};
}

bool uses(const GuestIdentity& identity, const std::string& path) {
  const auto lies_in = [&](const DiskIdentity& disk) {
    const auto files = files_of(disk);
    return std::find(files.begin(), files.end(), path) != files.end();
  };
  return std::any_of(identity.disks.begin(), identity.disks.end(), lies_in) ||
         std::any_of(identity.aside.begin(), identity.aside.end(),
                     [&](const SetAside& aside) { return lies_in(aside.disk); });
}

// As it is now, but for the disk, what a new incarnation brings, and what is remembered.
host::GuestDefinition swapped(const host::ObservedGuest& observed, const DiskSwap& swap) {
  auto definition = definition_as_observed(observed, swap.after);
  auto& disks = definition.shape.disks;
  for (host::Disk& disk : disks)
    if (swap.made && disk.name == swap.disk) disk = *swap.made;
  if (!swap.made)
    std::erase_if(disks, [&](const host::Disk& disk) { return disk.name == swap.disk; });
  if (swap.seed) definition.shape.seed_path = swap.seed->path;
  definition.marker.incarnation = swap.after.incarnation;
  definition.marker.image = swap.after.image.name + "/" + swap.after.image.version;
  return definition;
}

// In one call the guest is another: its marker says the new incarnation from then on.
Step redefine_step(const GuestWorld& world, const Operation& op, const DiskSwap& swap) {
  Step step;
  step.name = "redefine";
  step.input = dump({{"disk", swap.disk}, {"made", json_of(swap.made)}});
  step.no_return = true;
  step.probe = [&world, swap]() -> Result<Probe> {
    const auto observed = TRY(world.host.inventory.observe(swap.after.uuid).context("observe"));
    const auto marker = marker_state(observed, swap.after, world.host_id);
    if (marker == gate::MarkerState::matches && is_swapped(*observed, swap))
      return Probe::applied();
    TRY(observe_existing(world, swap.before));
    return Probe::not_applied();
  };
  step.apply = [&world, op, swap]() -> Result<Effect> {
    const auto observed = TRY(observe_existing(world, swap.before));
    auto permit = TRY(ask_swap(world, op, swap, swap.before));
    TRY(world.host.hypervisor.redefine(std::move(permit), swapped(*observed, swap)));
    return Effect::done();
  };
  return step;
}

}  // namespace

bool is_swapped(const host::ObservedGuest& observed, const DiskSwap& swap) {
  const host::Disk* disk = find_disk(observed.configured, swap.disk);
  return swap.made ? disk != nullptr && disk->path == swap.made->path : disk == nullptr;
}

NewOperation new_swap(std::string_view kind, const DiskSwap& swap) {
  NewOperation operation;
  operation.kind = kind;
  operation.input = dump({{"verb", gate::to_string(swap.verb)},
                          {"object", swap.object},
                          {"job", swap.job},
                          {"before", holdfast::json_of(swap.before)},
                          {"identity", holdfast::json_of(swap.after)},
                          {"disk", swap.disk},
                          {"made", json_of(swap.made)},
                          {"source", swap.source},
                          {"seed", holdfast::json_of(swap.seed)},
                          {"image", holdfast::json_of(swap.image)},
                          {"imageSize", swap.image_size.value},
                          {"wasRunning", swap.was_running},
                          {"fingerprint", swap.fingerprint},
                          {"effects", swap.effects}});
  return operation;
}

Result<DiskSwap> read_swap(const Operation& op) {
  const auto json = TRY(parse_json(op.input));
  DiskSwap swap;
  std::string verb;
  Fields fields{json};
  fields.text("verb", verb).text("object", swap.object).text("job", swap.job);
  fields.value("before", swap.before, read_identity).value("identity", swap.after, read_identity);
  fields.text("disk", swap.disk).value("made", swap.made, read_optional_disk);
  fields.text("source", swap.source).value("seed", swap.seed, read_optional_seed);
  fields.value("image", swap.image, read_image_ref).bytes("imageSize", swap.image_size);
  fields.flag("wasRunning", swap.was_running).text("fingerprint", swap.fingerprint);
  fields.texts("effects", swap.effects);
  TRY(fields.end(op.kind));
  const auto known = gate::parse_verb(verb);
  if (!known) return Error{Errc::corrupt, "there is no verb " + verb};
  swap.verb = *known;
  return swap;
}

GuestIdentity with_aside(GuestIdentity identity, const DiskIdentity& disk,
                         const std::optional<DiskIdentity>& instead, gate::Verb verb,
                         const std::string& job) {
  identity.aside.push_back({disk, {}, {}, job, std::string{gate::to_string(verb)}});
  const std::string name = disk.name;
  if (instead) {
    for (DiskIdentity& ours : identity.disks)
      if (ours.name == name) ours = *instead;
  } else {
    std::erase_if(identity.disks, [&](const DiskIdentity& ours) { return ours.name == name; });
  }
  return identity;
}

Result<std::string> free_path(const GuestWorld& world, const GuestIdentity& identity,
                              const std::string& target, const std::string& disk) {
  for (int number = 1;; ++number) {
    const std::string suffix = number == 1 ? "" : "-" + std::to_string(number);
    std::string path = TRY(world.host.disks.path_of(target, identity.uuid, disk + suffix));
    if (!uses(identity, path)) return path;
  }
}

Result<gate::Permit> ask_swap(const GuestWorld& world, const Operation& op, const DiskSwap& swap,
                              const GuestIdentity& identity) {
  PermitRequest request;
  request.verb = swap.verb;
  request.requester = gate::Requester::job;
  request.identity = identity;
  request.object = swap.object;
  request.operation = op.id;
  request.authority = TRY(authority_of(world, swap.job));
  request.effects = swap.effects;
  // Once the operation itself has changed the guest, what was signed for is how it was.
  const auto observed = TRY(world.host.inventory.observe(identity.uuid).context("observe"));
  if (observed && is_swapped(*observed, swap)) request.fingerprint = swap.fingerprint;
  return ask_permit(world, request);
}

GuestOperation begin_swap(const GuestWorld& world, const Operation& op, const DiskSwap& swap) {
  GuestOperation operation;
  add_signed_start(
      world, swap.before, swap.job,
      [&world, op, swap] { return ask_swap(world, op, swap, swap.before); }, operation.steps);
  add_stop_for_order(world, swap.before, swap.was_running, operation.steps);
  return operation;
}

std::function<Result<void>()> remove_made(const GuestWorld& world, const Operation& op,
                                          const DiskSwap& swap, const std::string& path) {
  return [&world, id = op.id, swap, path]() -> Result<void> {
    const auto observed = TRY(observe_existing(world, swap.before));
    for (const host::Disk& disk : observed->configured.disks)
      if (disk.path == path) return Error{Errc::conflict, path + " is in use"};
    PermitRequest request;
    request.verb = gate::Verb::free_set_aside;
    request.identity = swap.before;
    request.object = path;
    request.operation = id;
    request.set_aside.made_by_this_operation = true;
    auto permit = TRY(ask_permit(world, request));
    return world.host.disks.remove(std::move(permit), path);
  };
}

Step copy_step(const GuestWorld& world, const Operation& op, const DiskSwap& swap) {
  Step step;
  step.name = "copy";
  step.input = dump({{"from", swap.source}, {"to", swap.made->path}});
  step.probe = [&world, path = swap.made->path]() -> Result<Probe> {
    const auto found = TRY(world.host.disks.find(path));
    return found ? Probe::applied() : Probe::not_applied();
  };
  step.apply = [&world, op, swap]() -> Result<Effect> {
    const auto observed = TRY(observe_existing(world, swap.before));
    if (is_active(observed->power))
      return Error{Errc::conflict, "the guest runs again; its disk cannot be copied"};
    const host::CopySource source{swap.source, swap.before.find_disk(swap.disk)->format};
    return parked_when_stopped(world,
                               world.host.copies.copy(source, swap.made->path, swap.made->size,
                                                      transfer_of(world, op, "copy")));
  };
  step.undo = remove_made(world, op, swap, swap.made->path);
  return step;
}

Result<void> end_swap(const GuestWorld& world, const Operation& op, const DiskSwap& swap,
                      GuestOperation& operation, std::function<bool()> is_source_gone) {
  operation.steps.push_back(redefine_step(world, op, swap));
  return remember_swap(world, op, swap, operation, std::move(is_source_gone));
}

Result<void> remember_swap(const GuestWorld& world, const Operation& op, const DiskSwap& swap,
                           GuestOperation& operation, std::function<bool()> is_source_gone) {
  const auto row = TRY(world.journal.provenance(swap.after.uuid));
  if (!row) return Error{Errc::corrupt, "the journal does not know the guest of " + op.kind};
  operation.on_success = [row = *row, swap,
                          gone = std::move(is_source_gone)](Writes& writes) -> Result<void> {
    GuestIdentity after = swap.after;
    const auto is_this = [&](const SetAside& aside) { return aside.job == swap.job; };
    if (gone && gone()) std::erase_if(after.aside, is_this);
    for (SetAside& aside : after.aside) {
      if (!is_this(aside)) continue;
      aside.since = writes.now();
      aside.witnessed = writes.witnessed();
    }
    Provenance next = row;
    next.incarnation = after.incarnation;
    next.detail = to_json(after);
    return writes.put(next);
  };
  return ok();
}

}  // namespace holdfast
