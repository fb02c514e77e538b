// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "journal/writes.hpp"
#include "reconcilers/guest/guest_json.hpp"
#include "reconcilers/guest/guest_operations.hpp"
#include "reconcilers/guest/guest_shape.hpp"
#include "reconcilers/guest/guest_steps.hpp"
#include "reconcilers/guest/json_fields.hpp"

// First the persistent definition, then the running guest, change by change. What the
// provider declines to change while it runs is remembered and waits for its next stop.
// Nothing is undone: a definition that is as wanted is right whatever follows. So a failure
// ends it, and the next plan decides anew.
namespace holdfast {
namespace {

constexpr std::string_view declined = "declined";

Result<void> tell(const GuestWorld& world, const Uuid& uuid, const LiveChange& change) {
  host::LiveTuning& tuning = world.host.tuning;
  if (const auto* cpus = std::get_if<LiveCpus>(&change)) return tuning.set_cpus(uuid, cpus->cpus);
  if (const auto* memory = std::get_if<LiveMemory>(&change))
    return tuning.set_memory(uuid, memory->memory);
  if (const auto* limits = std::get_if<LiveLimits>(&change))
    return tuning.set_limits(uuid, limits->limits);
  if (const auto* attach = std::get_if<LiveAttachNic>(&change))
    return tuning.attach_nic(uuid, attach->nic);
  return tuning.detach_nic(uuid, std::get<LiveDetachNic>(change).mac);
}

// What was declined while the steps ran, also before a crash.
struct Declined {
  GuestIdentity identity{};
  void add(const LiveChange& change) {
    const std::string what = deferral_of(change);
    for (const std::string& known : identity.deferred)
      if (known == what) return;
    identity.deferred.push_back(what);
  }
};

Step live_step(const GuestWorld& world, const LiveChange& change, std::string name,
               const std::shared_ptr<Declined>& waiting) {
  Step step;
  step.name = std::move(name);
  step.input = dump(json_of(change));
  step.probe = apply_again;
  step.apply = [&world, change, waiting]() -> Result<Effect> {
    const GuestIdentity& identity = waiting->identity;
    const auto observed = TRY(observe_existing(world, identity));
    if (!is_active(observed->power)) return Effect::done("not running");
    auto told = tell(world, identity.uuid, change);
    if (told) return Effect::done();
    // Denied: it takes a restart. Invalid: this running machine has no place for it, however
    // often it is asked; the definition that the next start reads is right already.
    const Errc code = told.error().code();
    if (code != Errc::denied && code != Errc::invalid) return std::move(told).error();
    waiting->add(change);
    return Effect::done(std::string{declined});
  };
  return step;
}

}  // namespace

Result<NewOperation> begin(const GuestWorld&, const GuestFacts&, const ConfigureGuest& action) {
  nlohmann::json live = nlohmann::json::array();
  for (const LiveChange& change : action.live) live.push_back(json_of(change));
  NewOperation operation;
  operation.kind = operation_kind::configure;
  operation.input = dump({{"identity", json_of(action.identity)},
                          {"definition", json_of(action.definition)},
                          {"seed", json_of(action.seed)},
                          {"live", std::move(live)}});
  return operation;
}

Result<GuestOperation> load_configure(const GuestWorld& world, const Operation& op) {
  const auto json = TRY(parse_json(op.input));
  auto waiting = std::make_shared<Declined>();
  host::GuestDefinition definition;
  std::optional<SeedFile> seed;
  std::vector<LiveChange> live;
  Fields fields{json};
  fields.value("identity", waiting->identity, read_identity);
  fields.value("definition", definition, read_definition);
  fields.value("seed", seed, read_optional_seed).list("live", live, read_live_change);
  TRY(fields.end(op.kind));

  GuestOperation operation;
  operation.tries_again_in_place = false;  // it would keep the edit waiting that mends it
  if (seed) operation.steps.push_back(write_seed_step(world, *seed));
  operation.steps.push_back(define_step(world, waiting->identity, definition));
  const auto records = TRY(world.journal.steps(op.id));
  for (std::size_t i = 0; i < live.size(); ++i) {
    const std::string name = "live_" + std::to_string(i);
    operation.steps.push_back(live_step(world, live[i], name, waiting));
    for (const StepRecord& record : records)
      if (record.name == name && record.output == declined) waiting->add(live[i]);
  }
  const auto row = TRY(world.journal.provenance(waiting->identity.uuid));
  if (!row) return Error{Errc::corrupt, "the journal does not know the guest it configures"};
  operation.on_success = [waiting, row = *row](Writes& writes) -> Result<void> {
    Provenance next = row;
    next.detail = to_json(waiting->identity);
    return next.detail == row.detail ? ok() : writes.put(next);
  };
  return operation;
}

}  // namespace holdfast
