// SPDX-License-Identifier: Apache-2.0
#include "reconcilers/guest/signed_steps.hpp"

#include <utility>

#include "reconcilers/guest/executed_jobs.hpp"
#include "reconcilers/guest/guest_permits.hpp"
#include "reconcilers/guest/guest_shape.hpp"
#include "reconcilers/guest/guest_steps.hpp"
#include "reconcilers/guest/json_fields.hpp"

namespace holdfast {
namespace {

constexpr Duration stop_timeout = std::chrono::seconds{60};

Step authorize_step(const std::string& job, AskPermit ask) {
  Step step;
  step.name = "authorize";
  step.input = dump({{"job", job}});
  step.probe = apply_again;
  step.apply = [ask = std::move(ask)]() -> Result<Effect> {
    const auto permit = TRY(ask());
    TRY(permit.covers(permit.uuid()));
    return Effect::done();
  };
  return step;
}

// Not undone: the order is spent, whatever becomes of it.
Step mark_step(const GuestWorld& world, const GuestIdentity& identity, const std::string& job) {
  Step step;
  step.name = "mark";
  step.input = dump({{"job", job}});
  step.probe = [&world, identity, job]() -> Result<Probe> {
    const auto observed = TRY(observe_ours(world, identity));
    // A tombstone whose definition is gone has nothing that could be marked.
    if (!observed || was_executed(*observed->marker, job)) return Probe::applied();
    return Probe::not_applied();
  };
  step.apply = [&world, identity, job]() -> Result<Effect> {
    const auto observed = TRY(observe_ours(world, identity));
    if (!observed || was_executed(*observed->marker, job)) return Effect::done("was there");
    const auto authority = TRY(authority_of(world, job));
    if (!authority) return Error{Errc::denied, "job " + job + " is not signed any more"};
    auto definition = definition_as_observed(*observed, identity);
    definition.marker = with_job(*observed->marker, {job, authority->expires()}, world.clock.now());
    TRY(world.host.hypervisor.define(definition));
    return Effect::done();
  };
  return step;
}

}  // namespace

void add_signed_start(const GuestWorld& world, const GuestIdentity& identity,
                      const std::string& job, AskPermit ask, std::vector<Step>& steps) {
  steps.push_back(authorize_step(job, std::move(ask)));
  steps.push_back(mark_step(world, identity, job));
}

void add_stop_for_order(const GuestWorld& world, const GuestIdentity& identity, bool was_running,
                        std::vector<Step>& steps) {
  add_stop_steps(world, identity, stop_timeout, steps);
  if (!was_running) return;
  for (Step& step : steps)
    if (step.name == "request_stop")
      step.undo = [&world, identity]() -> Result<void> {
        const auto observed = TRY(observe_existing(world, identity));
        if (is_active(observed->power)) return ok();
        return world.host.power.start(identity.uuid);
      };
}

Result<std::string> living_provenance(const GuestWorld& world, const GuestIdentity& identity) {
  const auto row = TRY(world.journal.provenance(identity.uuid));
  return std::string{row && row->origin == Origin::adopted ? "adopted" : "created"};
}

}  // namespace holdfast
