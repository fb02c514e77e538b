// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace holdfast::sim {

// Every call that the code under test can make to the simulated host.
enum class Call {
  observe_all,
  observe,
  define,
  redefine,
  adopt,
  rename,
  undefine,
  start,
  request_stop,
  power_off,
  suspend,
  resume,
  set_cpus,
  set_memory,
  set_limits,
  grow_disk,
  attach_disk,
  attach_nic,
  detach_nic,
  snapshot_create,
  snapshot_list,
  snapshot_roll_back,
  snapshot_remove,
  backup_list,
  backup_take,
  backup_inspect,
  backup_restore,
  backup_forecast,
  restore_over,
  reattach,
  restore,
  create_blank,
  grow_file,
  copy_disk,
  find_disk,
  write_seed,
  remove_file,
  find_image,
  list_images,
  import_image,
  verify_image,
};
inline constexpr std::size_t call_count = static_cast<std::size_t>(Call::verify_image) + 1;

inline constexpr std::array<std::string_view, call_count> call_names{
    "observe_all",     "observe",
    "define",          "redefine",
    "adopt",           "rename",
    "undefine",        "start",
    "request_stop",    "power_off",
    "suspend",         "resume",
    "set_cpus",        "set_memory",
    "set_limits",      "grow_disk",
    "attach_disk",     "attach_nic",
    "detach_nic",      "snapshot_create",
    "snapshot_list",   "snapshot_roll_back",
    "snapshot_remove", "backup_list",
    "backup_take",     "backup_inspect",
    "backup_restore",  "backup_forecast",
    "restore_over",    "reattach",
    "restore",         "create_blank",
    "grow_file",       "copy_disk",
    "find_disk",       "write_seed",
    "remove_file",     "find_image",
    "list_images",     "import_image",
    "verify_image"};

constexpr std::size_t index_of(Call call) { return static_cast<std::size_t>(call); }
constexpr std::string_view to_string(Call call) { return call_names[index_of(call)]; }

// Calls that go to the hypervisor, and fail while it is away; the others use files.
constexpr bool is_to_provider(Call call) { return call < Call::restore; }

}  // namespace holdfast::sim
