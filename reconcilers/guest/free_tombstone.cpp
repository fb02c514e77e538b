// SPDX-License-Identifier: Apache-2.0
#include <set>

#include "reconcilers/guest/guest_json.hpp"
#include "reconcilers/guest/guest_operations.hpp"
#include "reconcilers/guest/guest_permits.hpp"
#include "reconcilers/guest/guest_steps.hpp"
#include "reconcilers/guest/json_fields.hpp"

// The end of a destroyed guest, for good: forward only. Its files go before its
// definition, so that as long as any of them is left the guest still says whose it is.
namespace holdfast {
namespace {

Result<gate::Permit> ask(const GuestWorld& world, const Operation& op,
                         const GuestIdentity& identity) {
  PermitRequest request;
  request.verb = gate::Verb::free_tombstone;
  request.identity = identity;
  request.operation = op.id;
  return ask_permit(world, request);
}

// Every file that was ever this guest's, each once.
std::vector<std::string> files_of(const GuestIdentity& identity) {
  std::set<std::string> seen;
  std::vector<std::string> files;
  const auto add = [&](const std::string& path) {
    if (!path.empty() && seen.insert(path).second) files.push_back(path);
  };
  for (const DiskIdentity& disk : identity.disks) {
    add(disk.active);
    for (const std::string& layer : disk.layers) add(layer);
    add(disk.path);
  }
  for (const std::string& seed : identity.seeds) add(seed);
  return files;
}

Step remove_step(const GuestWorld& world, const Operation& op, const GuestIdentity& identity,
                 const std::string& path, std::string name) {
  Step step;
  step.name = std::move(name);
  step.input = dump({{"path", path}});
  step.probe = apply_again;  // a file that is gone is removed
  step.apply = [&world, op, identity, path]() -> Result<Effect> {
    auto permit = TRY(ask(world, op, identity));
    TRY(world.host.disks.remove(std::move(permit), path));
    return Effect::done();
  };
  return step;
}

Step undefine_step(const GuestWorld& world, const Operation& op, const GuestIdentity& identity) {
  Step step;
  step.name = "undefine";
  step.probe = [&world, identity]() -> Result<Probe> {
    return TRY(observe_ours(world, identity)) ? Probe::not_applied() : Probe::applied();
  };
  step.apply = [&world, op, identity]() -> Result<Effect> {
    if (!TRY(observe_ours(world, identity))) return Effect::done("was gone");
    auto permit = TRY(ask(world, op, identity));
    TRY(world.host.hypervisor.undefine(std::move(permit), identity.uuid));
    return Effect::done();
  };
  return step;
}

}  // namespace

Result<NewOperation> begin(const GuestWorld&, const GuestFacts&, const FreeTombstone& action) {
  NewOperation operation;
  operation.kind = operation_kind::free_tombstone;
  operation.input = dump({{"identity", json_of(action.identity)}});
  operation.forward_only = true;
  return operation;
}

Result<GuestOperation> load_free_tombstone(const GuestWorld& world, const Operation& op) {
  const auto json = TRY(parse_json(op.input));
  GuestIdentity identity;
  Fields fields{json};
  fields.value("identity", identity, read_identity);
  TRY(fields.end(op.kind));
  GuestOperation operation;
  const auto files = files_of(identity);
  for (std::size_t i = 0; i < files.size(); ++i)
    operation.steps.push_back(
        remove_step(world, op, identity, files[i], "remove_" + std::to_string(i)));
  operation.steps.push_back(undefine_step(world, op, identity));
  operation.on_success =
      TRY(remember(world, identity, [](Provenance& row) { row.life = Life::gone; }));
  return operation;
}

}  // namespace holdfast
