// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "journal/writes.hpp"
#include "reconcilers/guest/guest_json.hpp"
#include "reconcilers/guest/guest_operations.hpp"
#include "reconcilers/guest/guest_permits.hpp"
#include "reconcilers/guest/guest_steps.hpp"
#include "reconcilers/guest/json_fields.hpp"
#include "reconcilers/guest/signed_steps.hpp"

// The end of a disk that a signed job took out of use: forward only from its first file.
namespace holdfast {
namespace {

struct Freeing {
  GuestIdentity identity{};
  std::string path{};
  std::string job{};
};

const SetAside* find_aside(const GuestIdentity& identity, const std::string& path) {
  const auto found = std::find_if(identity.aside.begin(), identity.aside.end(),
                                  [&](const SetAside& aside) { return aside.disk.path == path; });
  return found == identity.aside.end() ? nullptr : &*found;
}

// What the journal says of it now, not what it said when this was begun.
Result<gate::Permit> ask(const GuestWorld& world, const Operation& op, const Freeing& what) {
  PermitRequest request;
  request.verb = gate::Verb::free_set_aside;
  if (!what.job.empty()) request.requester = gate::Requester::job;
  request.identity = what.identity;
  request.object = what.path;
  request.operation = op.id;
  request.authority = TRY(authority_of(world, what.job));
  if (const auto row = TRY(world.journal.provenance(what.identity.uuid))) {
    const GuestIdentity known = TRY(parse_identity(row->detail));
    if (const SetAside* aside = find_aside(known, what.path))
      request.set_aside = {.since = aside->since, .witnessed = aside->witnessed};
  }
  return ask_permit(world, request);
}

Step remove_step(const GuestWorld& world, const Operation& op, const Freeing& what,
                 const std::string& file, std::string name) {
  Step step;
  step.name = std::move(name);
  step.input = dump({{"path", file}});
  step.no_return = true;
  step.probe = apply_again;
  step.apply = [&world, op, what, file]() -> Result<Effect> {
    const auto observed = TRY(observe_existing(world, what.identity));
    for (const host::Disk& disk : observed->configured.disks)
      if (disk.path == file) return Error{Errc::invalid, file + " is in use"};
    auto permit = TRY(ask(world, op, what));
    TRY(world.host.disks.remove(std::move(permit), file));
    return Effect::done();
  };
  return step;
}

}  // namespace

NewOperation free_set_aside(const GuestIdentity& identity, const std::string& path,
                            const std::string& job) {
  NewOperation operation;
  operation.kind = operation_kind::free_set_aside;
  operation.input = dump({{"identity", json_of(identity)}, {"path", path}, {"job", job}});
  return operation;
}

Result<NewOperation> begin(const GuestWorld&, const GuestFacts&, const FreeSetAside& action) {
  return free_set_aside(action.identity, action.path, "");
}

Result<GuestOperation> load_free_set_aside(const GuestWorld& world, const Operation& op) {
  const auto json = TRY(parse_json(op.input));
  Freeing what;
  Fields fields{json};
  fields.value("identity", what.identity, read_identity).text("path", what.path);
  fields.text("job", what.job);
  TRY(fields.end(op.kind));
  const SetAside* aside = find_aside(what.identity, what.path);
  if (aside == nullptr) return Error{Errc::corrupt, what.path + " was not set aside"};
  GuestOperation operation;
  if (!what.job.empty())
    add_signed_start(
        world, what.identity, what.job, [&world, op, what] { return ask(world, op, what); },
        operation.steps);
  const auto files = files_of(aside->disk);
  for (std::size_t i = 0; i < files.size(); ++i)
    operation.steps.push_back(
        remove_step(world, op, what, files[i], "remove_" + std::to_string(i)));
  GuestIdentity without = what.identity;
  std::erase_if(without.aside, [&](const SetAside& other) { return other.disk.path == what.path; });
  operation.on_success = TRY(remember(world, without));
  return operation;
}

}  // namespace holdfast
