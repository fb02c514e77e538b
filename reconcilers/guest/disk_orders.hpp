// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "gate/authority.hpp"
#include "reconcilers/guest/disk_swap.hpp"
#include "reconcilers/guest/guest_permits.hpp"

// What a signed order about a disk would do to the guest as it is, or why it cannot be
// done. Asks the provider and the stores; has no effect. Private to the folder.
namespace holdfast {

namespace job_code {
inline constexpr std::string_view no_disk = "NoDisk";
inline constexpr std::string_view bad_order = "BadOrder";  // its object makes no sense here
inline constexpr std::string_view has_snapshots = "HasSnapshots";
inline constexpr std::string_view no_target = "NoTarget";
inline constexpr std::string_view image_missing = "ImageMissing";
inline constexpr std::string_view disk_too_small = "DiskTooSmall";
inline constexpr std::string_view not_desired = "NotDesired";
}  // namespace job_code

struct DiskOrder {
  const GuestWorld& world;
  const gate::Authority& authority;
  GuestIdentity identity{};
  const host::ObservedGuest& observed;
};

using SwapAnswer = std::variant<DiskSwap, OrderRefusal>;

Result<SwapAnswer> judge_shrink(const DiskOrder& order);
Result<SwapAnswer> judge_move(const DiskOrder& order);
Result<SwapAnswer> judge_removal(const DiskOrder& order);
Result<SwapAnswer> judge_reimage(const DiskOrder& order);

}  // namespace holdfast
