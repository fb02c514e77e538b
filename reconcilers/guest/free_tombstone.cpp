// SPDX-License-Identifier: Apache-2.0
#include <set>

#include "reconcilers/guest/guest_json.hpp"
#include "reconcilers/guest/guest_operations.hpp"
#include "reconcilers/guest/guest_permits.hpp"
#include "reconcilers/guest/guest_steps.hpp"
#include "reconcilers/guest/json_fields.hpp"
#include "reconcilers/guest/signed_steps.hpp"

// The end of a destroyed guest, for good: forward only from its first file. Its files go
// before its definition, so that as long as any of them is left the guest still says whose
// it is.
namespace holdfast {
namespace {

// `job` is empty when its seven days are over.
Result<gate::Permit> ask(const GuestWorld& world, const Operation& op,
                         const GuestIdentity& identity, const std::string& job) {
  PermitRequest request;
  request.verb = gate::Verb::free_tombstone;
  if (!job.empty()) request.requester = gate::Requester::job;
  request.identity = identity;
  request.operation = op.id;
  request.authority = TRY(authority_of(world, job));
  return ask_permit(world, request);
}

// Every file that was ever this guest's, each once.
std::vector<std::string> files_of(const GuestIdentity& identity) {
  std::set<std::string> seen;
  std::vector<std::string> files;
  const auto add = [&](const std::string& path) {
    if (!path.empty() && seen.insert(path).second) files.push_back(path);
  };
  for (const DiskIdentity& disk : identity.disks)
    for (const std::string& path : files_of(disk)) add(path);
  for (const SetAside& aside : identity.aside)
    for (const std::string& path : files_of(aside.disk)) add(path);
  for (const std::string& seed : identity.seeds) add(seed);
  return files;
}

struct Freeing {
  GuestIdentity identity{};
  std::string job{};
};

Step remove_step(const GuestWorld& world, const Operation& op, const Freeing& what,
                 const std::string& path, std::string name) {
  Step step;
  step.name = std::move(name);
  step.no_return = true;
  step.input = dump({{"path", path}});
  step.probe = apply_again;  // a file that is gone is removed
  step.apply = [&world, op, what, path]() -> Result<Effect> {
    // A disk that an adopted guest brought along may lie where nothing is ever removed.
    if (const auto found = world.host.disks.find(path);
        !found && found.error().code() == Errc::denied)
      return Effect::done("left: " + found.error().message());
    auto permit = TRY(ask(world, op, what.identity, what.job));
    TRY(world.host.disks.remove(std::move(permit), path));
    return Effect::done();
  };
  return step;
}

// Where disks live inside of guests they go together.
Step free_step(const GuestWorld& world, const Operation& op, const Freeing& what) {
  Step step;
  step.name = "free";
  step.no_return = true;
  step.probe = [&world, identity = what.identity]() -> Result<Probe> {
    return TRY(observe_ours(world, identity)) ? Probe::not_applied() : Probe::applied();
  };
  step.apply = [&world, op, what]() -> Result<Effect> {
    if (!TRY(observe_ours(world, what.identity))) return Effect::done("was gone");
    auto permit = TRY(ask(world, op, what.identity, what.job));
    TRY(world.host.contained->free(std::move(permit), what.identity.uuid));
    return Effect::done();
  };
  return step;
}

Step undefine_step(const GuestWorld& world, const Operation& op, const Freeing& what) {
  Step step;
  step.name = "undefine";
  const GuestIdentity& identity = what.identity;
  step.probe = [&world, identity]() -> Result<Probe> {
    return TRY(observe_ours(world, identity)) ? Probe::not_applied() : Probe::applied();
  };
  step.apply = [&world, op, what]() -> Result<Effect> {
    if (!TRY(observe_ours(world, what.identity))) return Effect::done("was gone");
    auto permit = TRY(ask(world, op, what.identity, what.job));
    TRY(world.host.hypervisor.undefine(std::move(permit), what.identity.uuid));
    return Effect::done();
  };
  return step;
}

void add_file_steps(const GuestWorld& world, const Operation& op, const Freeing& what,
                    std::vector<Step>& steps) {
  const auto files = files_of(what.identity);
  for (std::size_t i = 0; i < files.size(); ++i)
    steps.push_back(remove_step(world, op, what, files[i], "remove_" + std::to_string(i)));
  steps.push_back(undefine_step(world, op, what));
}

}  // namespace

NewOperation free_tombstone(const GuestIdentity& identity, const std::string& job) {
  NewOperation operation;
  operation.kind = operation_kind::free_tombstone;
  operation.input = dump({{"identity", json_of(identity)}, {"job", job}});
  operation.forward_only = job.empty();  // a job may still be refused before its first effect
  return operation;
}

Result<NewOperation> begin(const GuestWorld&, const GuestFacts&, const FreeTombstone& action) {
  return free_tombstone(action.identity, "");
}

Result<GuestOperation> load_free_tombstone(const GuestWorld& world, const Operation& op) {
  const auto json = TRY(parse_json(op.input));
  Freeing what;
  Fields fields{json};
  fields.value("identity", what.identity, read_identity);
  if (json.contains("job")) fields.text("job", what.job);
  TRY(fields.end(op.kind));
  GuestOperation operation;
  if (!what.job.empty())
    add_signed_start(
        world, what.identity, what.job,
        [&world, op, what] { return ask(world, op, what.identity, what.job); }, operation.steps);
  if (world.host.contained != nullptr)
    operation.steps.push_back(free_step(world, op, what));
  else
    add_file_steps(world, op, what, operation.steps);
  operation.on_success =
      TRY(remember(world, what.identity, [](Provenance& row) { row.life = Life::gone; }));
  return operation;
}

}  // namespace holdfast
