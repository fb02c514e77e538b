// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gate/permit.hpp"
#include "host/observed.hpp"
#include "reconcilers/guest/guest_identity.hpp"
#include "reconcilers/guest/guest_operations.hpp"
#include "reconcilers/guest/guest_plan.hpp"
#include "reconcilers/guest/guest_world.hpp"

// What the signed operations that replace a disk or take one away have in common: the new
// disk is made beside the old one, the guest is stopped and redefined with it in one call,
// and the old one is set aside for seven days. Until that call everything is taken back;
// from there it only goes forward. Private to the folder.
namespace holdfast {

struct DiskSwap {
  gate::Verb verb = gate::Verb::shrink_disk;
  std::string object{};  // as signed
  std::string job{};
  GuestIdentity before{};
  GuestIdentity after{};  // with what is set aside; its date is written at the end
  std::string disk{};
  std::optional<host::Disk> made{};  // what takes its place; nothing: none does
  std::string source{};              // copies: the file that is read
  std::optional<SeedFile> seed{};    // a new incarnation boots for the first time
  ImageRef image{};                  // reimage: what it is restored from
  Bytes image_size{};                // of its root disk
  bool was_running = false;
  std::string fingerprint{};  // of the guest as it was
  std::vector<std::string> effects{};
};

NewOperation new_swap(std::string_view kind, const DiskSwap& swap);
Result<DiskSwap> read_swap(const Operation& op);

// `identity` with `disk` set aside by `job` and `instead`, if anything, in its place.
GuestIdentity with_aside(GuestIdentity identity, const DiskIdentity& disk,
                         const std::optional<DiskIdentity>& instead, gate::Verb verb,
                         const std::string& job);

// A path on `target` for `disk` that no disk of the guest's has, in use or set aside.
Result<std::string> free_path(const GuestWorld& world, const GuestIdentity& identity,
                              const std::string& target, const std::string& disk);

Result<gate::Permit> ask_swap(const GuestWorld& world, const Operation& op, const DiskSwap& swap,
                              const GuestIdentity& identity);
// The steps before the new disk is made: ask, mark, stop.
GuestOperation begin_swap(const GuestWorld& world, const Operation& op, const DiskSwap& swap);
// Copies `source` to the new disk; taken back, the copy is removed.
Step copy_step(const GuestWorld& world, const Operation& op, const DiskSwap& swap);
// Undo of whatever made `path`: nobody has used it yet.
std::function<Result<void>()> remove_made(const GuestWorld& world, const Operation& op,
                                          const DiskSwap& swap, const std::string& path);
// What is remembered at the end, once the guest is as `swap` wants it.
Result<void> remember_swap(const GuestWorld& world, const Operation& op, const DiskSwap& swap,
                           GuestOperation& operation, std::function<bool()> is_source_gone = {});
// Whether the disk is where the operation puts it, or gone where it takes it away.
bool is_swapped(const host::ObservedGuest& observed, const DiskSwap& swap);
// The redefinition, and what is remembered at the end. `is_source_gone`, asked then: the old
// disk is not set aside after all.
Result<void> end_swap(const GuestWorld& world, const Operation& op, const DiskSwap& swap,
                      GuestOperation& operation, std::function<bool()> is_source_gone = {});

}  // namespace holdfast
