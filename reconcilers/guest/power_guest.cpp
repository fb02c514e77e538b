// SPDX-License-Identifier: Apache-2.0
#include "reconcilers/guest/guest_json.hpp"
#include "reconcilers/guest/guest_operations.hpp"
#include "reconcilers/guest/guest_shape.hpp"
#include "reconcilers/guest/guest_steps.hpp"
#include "reconcilers/guest/json_fields.hpp"

// Start, stop, suspend, resume. Nothing is undone: each is a state that was asked for.
namespace holdfast {
namespace {

std::string_view kind_of(PowerChange change) {
  switch (change) {
    case PowerChange::start: return operation_kind::start;
    case PowerChange::stop: return operation_kind::stop;
    case PowerChange::suspend: return operation_kind::suspend;
    case PowerChange::resume: return operation_kind::resume;
  }
  return operation_kind::start;
}

// One call that takes a guest that runs, suspended or not, to `wanted`. One that went off
// meanwhile is left to the next plan, which starts it first.
Step switch_step(const GuestWorld& world, const GuestIdentity& identity, std::string name,
                 host::PowerState wanted) {
  Step step;
  step.name = std::move(name);
  step.probe = [&world, identity, wanted]() -> Result<Probe> {
    const auto observed = TRY(observe_existing(world, identity));
    return observed->power == wanted ? Probe::applied() : Probe::not_applied();
  };
  step.apply = [&world, identity, wanted]() -> Result<Effect> {
    const auto observed = TRY(observe_existing(world, identity));
    if (observed->power == wanted) return Effect::done();
    if (!is_active(observed->power)) return Effect::done("not running");
    if (wanted == host::PowerState::suspended)
      TRY(world.host.power.suspend(identity.uuid));
    else
      TRY(world.host.power.resume(identity.uuid));
    return Effect::done();
  };
  return step;
}

}  // namespace

Result<NewOperation> begin(const GuestWorld&, const GuestFacts& facts, const ChangePower& action) {
  if (!facts.identity) return Error{Errc::internal, "power of a guest that was never made"};
  const auto timeout = static_cast<std::uint64_t>(action.stop_timeout.count());
  NewOperation operation;
  operation.kind = kind_of(action.change);
  operation.input = dump({{"identity", json_of(*facts.identity)}, {"stopTimeoutMs", timeout}});
  return operation;
}

Result<GuestOperation> load_power(const GuestWorld& world, const Operation& op) {
  const auto json = TRY(parse_json(op.input));
  GuestIdentity identity;
  std::uint64_t timeout = 0;
  Fields fields{json};
  fields.value("identity", identity, read_identity).number("stopTimeoutMs", timeout);
  TRY(fields.end(op.kind));
  GuestOperation operation;
  // A guest that cannot start as it is defined must not keep the edit waiting that mends it.
  operation.tries_again_in_place = false;
  if (op.kind == operation_kind::start)
    operation.steps.push_back(start_step(world, identity, "start"));
  else if (op.kind == operation_kind::stop)
    add_stop_steps(world, identity, Duration{static_cast<Duration::rep>(timeout)}, operation.steps);
  else if (op.kind == operation_kind::suspend)
    operation.steps.push_back(switch_step(world, identity, "suspend", host::PowerState::suspended));
  else
    operation.steps.push_back(switch_step(world, identity, "resume", host::PowerState::running));
  return operation;
}

}  // namespace holdfast
