// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "host/observed.hpp"
#include "journal/runner.hpp"
#include "reconcilers/guest/guest_identity.hpp"
#include "reconcilers/guest/guest_operations.hpp"
#include "reconcilers/guest/guest_plan.hpp"
#include "reconcilers/guest/guest_world.hpp"

// Steps that several operations are made of. Every one has exactly one effect outside,
// looks by UUID or by a path that holds it, and may be applied twice. The world they are
// given outlives them. Private to the folder.
namespace holdfast {

// The guest as it is now. Null: the provider says it does not exist. Errc::conflict when
// something else, or something unmarked, has its UUID.
Result<host::ObservedGuestPtr> observe_ours(const GuestWorld& world, const GuestIdentity& identity);
// As above, and Errc::not_found when there is none.
Result<host::ObservedGuestPtr> observe_existing(const GuestWorld& world,
                                                const GuestIdentity& identity);

// A definition that leaves a guest as it is observed, but for what the caller changes.
host::GuestDefinition definition_as_observed(const host::ObservedGuest& observed,
                                             const GuestIdentity& identity);

// Makes `definition` the persistent one. A guest that exists keeps the disks it has, on
// the files they are on now, and the jobs in its marker: a definition never takes them away.
Step define_step(const GuestWorld& world, const GuestIdentity& identity,
                 const host::GuestDefinition& definition);
Step write_seed_step(const GuestWorld& world, const SeedFile& seed);

// Ask the guest to stop, wait, and cut the power at the end of `timeout`. Three steps.
void add_stop_steps(const GuestWorld& world, const GuestIdentity& identity, Duration timeout,
                    std::vector<Step>& steps);
Step start_step(const GuestWorld& world, const GuestIdentity& identity, std::string name);
Step rename_step(const GuestWorld& world, const GuestIdentity& identity, const std::string& to);

// Writes the row of `identity` with it as detail, `change`d; read when the operation is
// loaded, so that no other field is lost.
Result<std::function<Result<void>(Writes&)>> remember(
    const GuestWorld& world, const GuestIdentity& identity,
    const std::function<void(Provenance&)>& change = {});

// How a transfer reports and stops. A stopped one parks its step.
host::Transfer transfer_of(const GuestWorld& world, const Operation& op, const std::string& step);
Result<Effect> parked_when_stopped(const GuestWorld& world, Result<void> result);

// Probes of steps that may simply be applied again.
Result<Probe> apply_again();

}  // namespace holdfast
