// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "journal/runner.hpp"
#include "reconcilers/guest/guest_plan.hpp"
#include "reconcilers/guest/guest_world.hpp"

// The journaled operations on one guest. Each has a file of its own: what it is given (a
// NewOperation, journaled whole) and the table of steps that is built from that alone.
namespace holdfast {

// An operation that is about to begin.
struct NewOperation {
  std::string kind{};
  std::string input{};
  bool forward_only = false;
  // To be written in the same commit as the begin; `created_by` is filled in then.
  std::optional<Provenance> claim{};
};

// Kinds are journal records: add, never rename.
namespace operation_kind {
inline constexpr std::string_view create = "guest.create";
inline constexpr std::string_view provision = "guest.provision";
inline constexpr std::string_view redefine = "guest.redefine";
inline constexpr std::string_view rename = "guest.rename";
inline constexpr std::string_view grow_disk = "guest.grow-disk";
inline constexpr std::string_view add_volume = "guest.add-volume";
inline constexpr std::string_view configure = "guest.configure";
inline constexpr std::string_view start = "guest.start";
inline constexpr std::string_view stop = "guest.stop";
inline constexpr std::string_view suspend = "guest.suspend";
inline constexpr std::string_view resume = "guest.resume";
inline constexpr std::string_view destroy = "guest.destroy";
inline constexpr std::string_view undelete = "guest.undelete";
inline constexpr std::string_view free_tombstone = "guest.free-tombstone";
inline constexpr std::string_view snapshot = "guest.snapshot";
inline constexpr std::string_view roll_back = "guest.roll-back";
inline constexpr std::string_view remove_snapshot = "guest.remove-snapshot";
inline constexpr std::string_view reimage = "guest.reimage";
inline constexpr std::string_view shrink_disk = "guest.shrink-disk";
inline constexpr std::string_view move_disk = "guest.move-disk";
inline constexpr std::string_view remove_volume = "guest.remove-volume";
inline constexpr std::string_view free_set_aside = "guest.free-set-aside";
inline constexpr std::string_view adopt = "guest.adopt";
inline constexpr std::string_view backup = "guest.backup";
inline constexpr std::string_view restore = "guest.restore";
inline constexpr std::string_view restore_over = "guest.restore-over";
}  // namespace operation_kind

// An operation that is under way: its steps, and what is written when it ends.
struct GuestOperation {
  std::vector<Step> steps{};
  std::function<Result<void>(Writes&)> on_success{};
  std::function<Result<void>(Writes&)> on_rollback{};
  bool tries_again_in_place = true;  // as RunPolicy's
};

// A snapshot, and on whose word; `job` is empty while nobody signed.
struct SnapshotOrder {
  GuestIdentity identity{};
  std::string snapshot{};
  std::string job{};
};
struct DestroyOrder {
  GuestIdentity identity{};
  host::ObservedGuestPtr observed{};  // as it was when the order was taken
  std::string spec_digest{};          // of the spec that still wants it; empty when none does
  std::string job{};
};

// What each action becomes. Draws ids and addresses; has no other effect.
Result<NewOperation> begin(const GuestWorld& world, const GuestFacts& facts, const CreateGuest& a);
Result<NewOperation> begin(const GuestWorld& world, const GuestFacts& facts,
                           const RedefineGuest& a);
Result<NewOperation> begin(const GuestWorld& world, const GuestFacts& facts, const RenameGuest& a);
Result<NewOperation> begin(const GuestWorld& world, const GuestFacts& facts, const GrowDisk& a);
Result<NewOperation> begin(const GuestWorld& world, const GuestFacts& facts, const AddVolume& a);
Result<NewOperation> begin(const GuestWorld& world, const GuestFacts& facts,
                           const ConfigureGuest& a);
Result<NewOperation> begin(const GuestWorld& world, const GuestFacts& facts, const ChangePower& a);
Result<NewOperation> begin(const GuestWorld& world, const GuestFacts& facts,
                           const FreeTombstone& a);
Result<NewOperation> begin(const GuestWorld& world, const GuestFacts& facts, const FreeSetAside& a);
// Never begun: Errc::denied.
Result<NewOperation> begin(const GuestWorld& world, const GuestFacts& facts,
                           const RefusedChange& a);

// The journal's row of a guest that is about to be made.
Provenance claim_of(const GuestIdentity& identity);
// Whether the provider's own backups are to hold it.
bool is_backed_up(const Volume& volume);

NewOperation destroy_guest(const DestroyOrder& order);
NewOperation undelete_guest(const GuestIdentity& identity, const std::string& job);
NewOperation free_tombstone(const GuestIdentity& identity, const std::string& job);
NewOperation snapshot_guest(const SnapshotOrder& order);
NewOperation roll_back_guest(const SnapshotOrder& order);
NewOperation remove_snapshot(const SnapshotOrder& order);

// `definition` names the marker and the disks; see host::Hypervisor::adopt.
NewOperation adopt_guest(const GuestIdentity& identity, const host::GuestDefinition& definition,
                         const std::string& job);
// `job` is empty when its seven days are over.
NewOperation free_set_aside(const GuestIdentity& identity, const std::string& path,
                            const std::string& job);

// The table of steps of a journaled operation, whatever its kind. `world` outlives it.
// Errc::corrupt: its kind or input is not one of ours.
Result<GuestOperation> load_operation(const GuestWorld& world, const Operation& op);

// The guest that a journaled operation is about, whatever its kind. Errc::corrupt: it names none.
Result<Uuid> subject_of(const Operation& op);

// One of each kind; private to the folder.
Result<GuestOperation> load_create(const GuestWorld& world, const Operation& op);
Result<GuestOperation> load_provision(const GuestWorld& world, const Operation& op);
Result<GuestOperation> load_redefine(const GuestWorld& world, const Operation& op);
Result<GuestOperation> load_rename(const GuestWorld& world, const Operation& op);
Result<GuestOperation> load_grow_disk(const GuestWorld& world, const Operation& op);
Result<GuestOperation> load_add_volume(const GuestWorld& world, const Operation& op);
Result<GuestOperation> load_configure(const GuestWorld& world, const Operation& op);
Result<GuestOperation> load_power(const GuestWorld& world, const Operation& op);
Result<GuestOperation> load_destroy(const GuestWorld& world, const Operation& op);
Result<GuestOperation> load_undelete(const GuestWorld& world, const Operation& op);
Result<GuestOperation> load_free_tombstone(const GuestWorld& world, const Operation& op);
Result<GuestOperation> load_snapshot(const GuestWorld& world, const Operation& op);
Result<GuestOperation> load_roll_back(const GuestWorld& world, const Operation& op);
Result<GuestOperation> load_remove_snapshot(const GuestWorld& world, const Operation& op);
Result<GuestOperation> load_reimage(const GuestWorld& world, const Operation& op);
Result<GuestOperation> load_shrink_disk(const GuestWorld& world, const Operation& op);
Result<GuestOperation> load_move_disk(const GuestWorld& world, const Operation& op);
Result<GuestOperation> load_remove_volume(const GuestWorld& world, const Operation& op);
Result<GuestOperation> load_adopt(const GuestWorld& world, const Operation& op);
Result<GuestOperation> load_free_set_aside(const GuestWorld& world, const Operation& op);
Result<GuestOperation> load_backup(const GuestWorld& world, const Operation& op);
Result<GuestOperation> load_restore(const GuestWorld& world, const Operation& op);
Result<GuestOperation> load_restore_over(const GuestWorld& world, const Operation& op);

}  // namespace holdfast
