// SPDX-License-Identifier: Apache-2.0
#include "reconcilers/guest/guest_json.hpp"
#include "reconcilers/guest/guest_operations.hpp"
#include "reconcilers/guest/guest_steps.hpp"
#include "reconcilers/guest/json_fields.hpp"

// Two ways to give a guest back what somebody took: its definition, and its name.
namespace holdfast {

Result<NewOperation> begin(const GuestWorld&, const GuestFacts&, const RedefineGuest& action) {
  NewOperation operation;
  operation.kind = operation_kind::redefine;
  operation.input = dump({{"identity", json_of(action.identity)},
                          {"definition", json_of(action.definition)},
                          {"seed", json_of(action.seed)}});
  return operation;
}

Result<GuestOperation> load_redefine(const GuestWorld& world, const Operation& op) {
  const auto json = TRY(parse_json(op.input));
  GuestIdentity identity;
  host::GuestDefinition definition;
  std::optional<SeedFile> seed;
  Fields fields{json};
  fields.value("identity", identity, read_identity);
  fields.value("definition", definition, read_definition);
  fields.value("seed", seed, read_optional_seed);
  TRY(fields.end(op.kind));
  GuestOperation operation;
  if (seed) operation.steps.push_back(write_seed_step(world, *seed));
  operation.steps.push_back(define_step(world, identity, definition));
  operation.on_success = TRY(remember(world, identity));
  return operation;
}

Result<NewOperation> begin(const GuestWorld&, const GuestFacts& facts, const RenameGuest& action) {
  if (!facts.identity) return Error{Errc::internal, "name of a guest that was never made"};
  NewOperation operation;
  operation.kind = operation_kind::rename;
  operation.input = dump({{"identity", json_of(*facts.identity)}, {"to", action.to}});
  return operation;
}

Result<GuestOperation> load_rename(const GuestWorld& world, const Operation& op) {
  const auto json = TRY(parse_json(op.input));
  GuestIdentity identity;
  std::string to;
  Fields fields{json};
  fields.value("identity", identity, read_identity).text("to", to);
  TRY(fields.end(op.kind));
  GuestOperation operation;
  operation.steps.push_back(rename_step(world, identity, to));
  return operation;
}

}  // namespace holdfast
