// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "host/backups.hpp"
#include "reconcilers/guest/guest_operations.hpp"
#include "reconcilers/guest/guest_permits.hpp"

// What a signed order about backups would do here, or why it cannot be done. Asks the
// provider; has no effect. Private to the folder.
namespace holdfast {

namespace job_code {
inline constexpr std::string_view no_backup = "NoBackup";
inline constexpr std::string_view would_lose = "WouldLose";
}  // namespace job_code

using BackupAnswer = std::variant<NewOperation, OrderRefusal>;

struct NewBackup {
  GuestIdentity identity{};
  host::BackupOrder order{};
};

// A guest that will be made from a backup.
struct NewCopy {
  GuestIdentity identity{};
  std::string backup{};
  host::GuestDefinition definition{};
  std::string job{};
  std::vector<std::string> left_out{};  // disks that the backup holds nothing of
};

// A backup that will be put in the place of a guest's data.
struct RestoreOver {
  GuestIdentity before{};
  GuestIdentity after{};
  std::string backup{};
  std::vector<host::KeptDisk> kept{};
  std::string job{};
  bool was_running = false;
  std::vector<std::string> effects{};
};

NewOperation back_up_guest(const NewBackup& what);
NewOperation restore_guest(const NewCopy& what);
NewOperation restore_over_guest(const RestoreOver& what);

// guest.backup and guest.restore, for the guest or name whose turn it is.
Result<BackupAnswer> judge_free_order(const GuestWorld& world, const std::string& name,
                                      const FreeOrder& order);

// guest.restore-over; the gate has not been asked yet. `effects` are filled in as far as they
// can be told, also where it is refused.
struct OverJudgement {
  std::vector<std::string> effects{};
  std::variant<RestoreOver, OrderRefusal> answer{};
};
Result<OverJudgement> judge_restore_over(const GuestWorld& world, const gate::Authority& authority,
                                         const GuestIdentity& identity,
                                         const host::ObservedGuestPtr& observed);

// The backup of `guest` that this installation took under that label; nothing when there is none.
Result<std::optional<host::BackupFacts>> find_backup(const GuestWorld& world, const Uuid& guest,
                                                     const std::string& label);

}  // namespace holdfast
