// SPDX-License-Identifier: Apache-2.0
#include "reconcilers/guest/guest_steps.hpp"

#include <algorithm>

#include "journal/writes.hpp"
#include "reconcilers/guest/guest_json.hpp"
#include "reconcilers/guest/guest_shape.hpp"
#include "reconcilers/guest/json_fields.hpp"

namespace holdfast {
namespace {

constexpr Duration stop_poll{1'000};

// What the guest has stays attached, on the files it is on: an overlay that was made
// since the definition was written must not be cut off. How it came to be and which jobs
// acted on it stays in its marker.
host::GuestDefinition as_present(host::GuestDefinition definition,
                                 const host::ObservedGuest& observed) {
  if (observed.marker) {
    definition.marker.provenance = observed.marker->provenance;
    definition.marker.jobs = observed.marker->jobs;
    definition.marker.last_job = observed.marker->last_job;
  }
  std::vector<host::Disk> disks = observed.configured.disks;
  for (const host::Disk& disk : definition.shape.disks)
    if (find_disk(observed.configured, disk.name) == nullptr) disks.push_back(disk);
  definition.shape.disks = std::move(disks);
  return definition;
}

// Sizes are the files', not the definition's.
bool same_disks(const std::vector<host::Disk>& one, const std::vector<host::Disk>& other) {
  return std::equal(one.begin(), one.end(), other.begin(), other.end(),
                    [](const host::Disk& a, const host::Disk& b) {
                      return a.name == b.name && a.path == b.path && a.format == b.format;
                    });
}

bool is_defined(const host::ObservedGuest& observed, const host::GuestDefinition& wanted) {
  const host::Shape& now = observed.configured;
  const host::Shape& shape = wanted.shape;
  return observed.marker == wanted.marker && observed.name == wanted.name &&
         now.cpus == shape.cpus && now.memory == shape.memory && now.limits == shape.limits &&
         now.seed_path == shape.seed_path && same_nics(now.nics, shape.nics) &&
         same_disks(now.disks, shape.disks);
}

}  // namespace

Result<Probe> apply_again() { return Probe::not_applied(); }

Result<host::ObservedGuestPtr> observe_ours(const GuestWorld& world,
                                            const GuestIdentity& identity) {
  auto observed = TRY(world.host.inventory.observe(identity.uuid).context("observe"));
  switch (marker_state(observed, identity, world.host_id)) {
    case gate::MarkerState::matches:
    case gate::MarkerState::no_object: return observed;
    case gate::MarkerState::differs:
    case gate::MarkerState::missing:
    case gate::MarkerState::unread: break;
  }
  return Error{Errc::conflict, "guest " + to_string(identity.uuid) +
                                   " does not carry the marker of " + identity.name};
}

Result<host::ObservedGuestPtr> observe_existing(const GuestWorld& world,
                                                const GuestIdentity& identity) {
  auto observed = TRY(observe_ours(world, identity));
  if (!observed)
    return Error{Errc::not_found, "guest " + to_string(identity.uuid) + " does not exist"};
  return observed;
}

host::GuestDefinition definition_as_observed(const host::ObservedGuest& observed,
                                             const GuestIdentity& identity) {
  host::GuestDefinition definition;
  if (observed.marker) definition.marker = *observed.marker;
  definition.marker.detail = to_json(identity);
  definition.name = observed.name;
  definition.shape = observed.configured;
  definition.kernel = identity.kernel;
  definition.initrd = identity.initrd;
  definition.cmdline = cmdline_of(identity);
  return definition;
}

Step define_step(const GuestWorld& world, const GuestIdentity& identity,
                 const host::GuestDefinition& definition) {
  Step step;
  step.name = "define";
  step.input = dump(json_of(definition));
  step.probe = [&world, identity, definition]() -> Result<Probe> {
    const auto observed = TRY(observe_ours(world, identity));
    if (!observed) return Probe::not_applied();
    const bool is_done = is_defined(*observed, as_present(definition, *observed));
    return is_done ? Probe::applied() : Probe::not_applied();
  };
  step.apply = [&world, identity, definition]() -> Result<Effect> {
    const auto observed = TRY(observe_ours(world, identity));
    const auto whole = observed ? as_present(definition, *observed) : definition;
    TRY(world.host.hypervisor.define(whole));
    return Effect::done();
  };
  return step;
}

Step write_seed_step(const GuestWorld& world, const SeedFile& seed) {
  Step step;
  step.name = "write_seed";
  step.input = dump({{"path", seed.path}});
  step.probe = apply_again;
  step.apply = [&world, seed]() -> Result<Effect> {
    TRY(world.host.disks.write_seed(seed.path, seed.content));
    return Effect::done();
  };
  return step;
}

Step start_step(const GuestWorld& world, const GuestIdentity& identity, std::string name) {
  Step step;
  step.name = std::move(name);
  step.probe = [&world, identity]() -> Result<Probe> {
    const auto observed = TRY(observe_existing(world, identity));
    return is_active(observed->power) ? Probe::applied() : Probe::not_applied();
  };
  step.apply = [&world, identity]() -> Result<Effect> {
    const auto observed = TRY(observe_existing(world, identity));
    if (!is_active(observed->power)) TRY(world.host.power.start(identity.uuid));
    return Effect::done();
  };
  return step;
}

Step rename_step(const GuestWorld& world, const GuestIdentity& identity, const std::string& to) {
  Step step;
  step.name = "rename";
  step.input = dump({{"to", to}});
  step.probe = [&world, identity, to]() -> Result<Probe> {
    const auto observed = TRY(observe_existing(world, identity));
    return observed->name == to ? Probe::applied() : Probe::not_applied();
  };
  step.apply = [&world, identity, to]() -> Result<Effect> {
    TRY(world.host.hypervisor.rename(identity.uuid, to));
    return Effect::done();
  };
  return step;
}

namespace {

// A suspended guest hears no request.
Step wake_step(const GuestWorld& world, const GuestIdentity& identity) {
  Step step;
  step.name = "wake";
  step.probe = apply_again;
  step.apply = [&world, identity]() -> Result<Effect> {
    const auto observed = TRY(observe_existing(world, identity));
    if (observed->power == host::PowerState::suspended) TRY(world.host.power.resume(identity.uuid));
    return Effect::done();
  };
  return step;
}

Result<Effect> ask_to_stop(const GuestWorld& world, const GuestIdentity& identity) {
  const auto observed = TRY(observe_existing(world, identity));
  if (!is_active(observed->power)) return Effect::done("stopped");
  auto asked = world.host.power.request_stop(identity.uuid);
  if (asked) return Effect::running("asked", stop_poll);
  const Errc code = asked.error().code();
  if (code == Errc::unavailable || code == Errc::conflict) return std::move(asked).error();
  return Effect::done("cannot be asked: " + asked.error().message());
}

Step request_stop_step(const GuestWorld& world, const GuestIdentity& identity, Duration timeout) {
  Step step;
  step.name = "request_stop";
  step.input = dump({{"timeoutMs", timeout.count()}});
  step.probe = [&world, identity]() -> Result<Probe> {
    const auto observed = TRY(observe_existing(world, identity));
    return is_active(observed->power) ? Probe::not_applied() : Probe::applied("stopped");
  };
  step.apply = [&world, identity] { return ask_to_stop(world, identity); };
  step.poll = [&world, identity, timeout](const StepRecord& record) -> Result<Effect> {
    const auto observed = TRY(observe_existing(world, identity));
    if (!is_active(observed->power)) return Effect::done("stopped");
    const Duration waited = world.clock.now() - record.begun;
    if (waited >= timeout) return Effect::done("did not stop in time");
    return Effect::running("asked", std::min(stop_poll, timeout - waited));
  };
  return step;
}

Step power_off_step(const GuestWorld& world, const GuestIdentity& identity) {
  Step step;
  step.name = "power_off";
  step.probe = [&world, identity]() -> Result<Probe> {
    const auto observed = TRY(observe_existing(world, identity));
    return is_active(observed->power) ? Probe::not_applied() : Probe::applied();
  };
  step.apply = [&world, identity]() -> Result<Effect> {
    const auto observed = TRY(observe_existing(world, identity));
    if (!is_active(observed->power)) return Effect::done("not needed");
    TRY(world.host.power.power_off(identity.uuid));
    return Effect::done("power cut");
  };
  return step;
}

}  // namespace

void add_stop_steps(const GuestWorld& world, const GuestIdentity& identity, Duration timeout,
                    std::vector<Step>& steps) {
  steps.push_back(wake_step(world, identity));
  steps.push_back(request_stop_step(world, identity, timeout));
  steps.push_back(power_off_step(world, identity));
}

Result<std::function<Result<void>(Writes&)>> remember(
    const GuestWorld& world, const GuestIdentity& identity,
    const std::function<void(Provenance&)>& change) {
  const auto row = TRY(world.journal.provenance(identity.uuid));
  if (!row)
    return Error{Errc::corrupt, "the journal does not know guest " + to_string(identity.uuid)};
  Provenance next = *row;
  next.detail = to_json(identity);
  if (change) change(next);
  return std::function<Result<void>(Writes&)>{[next](Writes& writes) { return writes.put(next); }};
}

host::Transfer transfer_of(const GuestWorld& world, const Operation& op, const std::string& step) {
  host::Transfer transfer;
  transfer.stop = world.stop;
  transfer.on_note = [&world, subject = op.subject, step](std::string_view text) {
    world.log.info("disk transfer", {{"subject", subject}, {"step", step}, {"note", text}});
  };
  if (world.progress)
    transfer.on_progress = [&world, subject = op.subject, id = op.id,
                            step](const host::Progress& progress) {
      world.progress({subject, id, step, progress});
    };
  return transfer;
}

Result<Effect> parked_when_stopped(const GuestWorld& world, Result<void> result) {
  if (result) return Effect::done();
  if (result.error().code() == Errc::unavailable && world.stop.stop_requested())
    return Effect::parked();
  return std::move(result).error();
}

}  // namespace holdfast
