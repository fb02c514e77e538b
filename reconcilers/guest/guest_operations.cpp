// SPDX-License-Identifier: Apache-2.0
#include "reconcilers/guest/guest_operations.hpp"

#include <array>

#include "reconcilers/guest/json_fields.hpp"
#include "reconcilers/guest/task_steps.hpp"

namespace holdfast {
namespace {

struct Kind {
  std::string_view name{};
  Result<GuestOperation> (*load)(const GuestWorld&, const Operation&) = nullptr;
};

constexpr std::array<Kind, 26> kinds{{
    {operation_kind::create, load_create},
    {operation_kind::provision, load_provision},
    {operation_kind::redefine, load_redefine},
    {operation_kind::rename, load_rename},
    {operation_kind::grow_disk, load_grow_disk},
    {operation_kind::add_volume, load_add_volume},
    {operation_kind::configure, load_configure},
    {operation_kind::start, load_power},
    {operation_kind::stop, load_power},
    {operation_kind::suspend, load_power},
    {operation_kind::resume, load_power},
    {operation_kind::destroy, load_destroy},
    {operation_kind::undelete, load_undelete},
    {operation_kind::free_tombstone, load_free_tombstone},
    {operation_kind::snapshot, load_snapshot},
    {operation_kind::roll_back, load_roll_back},
    {operation_kind::remove_snapshot, load_remove_snapshot},
    {operation_kind::reimage, load_reimage},
    {operation_kind::shrink_disk, load_shrink_disk},
    {operation_kind::move_disk, load_move_disk},
    {operation_kind::remove_volume, load_remove_volume},
    {operation_kind::free_set_aside, load_free_set_aside},
    {operation_kind::adopt, load_adopt},
    {operation_kind::backup, load_backup},
    {operation_kind::restore, load_restore},
    {operation_kind::restore_over, load_restore_over},
}};

}  // namespace

Result<Uuid> subject_of(const Operation& op) {
  const auto input = TRY(parse_json(op.input));
  const auto identity = input.find("identity");
  if (identity == input.end() || !identity->is_object() || !identity->contains("uuid") ||
      !(*identity)["uuid"].is_string())
    return Error{Errc::corrupt, to_string(op.id) + " names no guest"};
  return Uuid::parse((*identity)["uuid"].get_ref<const std::string&>());
}

Result<NewOperation> begin(const GuestWorld&, const GuestFacts&, const RefusedChange&) {
  return Error{Errc::denied, "a refused change is never begun"};
}

Result<GuestOperation> load_operation(const GuestWorld& world, const Operation& op) {
  for (const Kind& kind : kinds) {
    if (kind.name != op.kind) continue;
    GuestOperation operation = TRY(kind.load(world, op).context("read " + to_string(op.id)));
    if (world.host.tasks != nullptr) follow_tasks(world, op, TRY(subject_of(op)), operation.steps);
    return operation;
  }
  return Error{Errc::corrupt, to_string(op.id) + " is of the unknown kind " + op.kind};
}

}  // namespace holdfast
