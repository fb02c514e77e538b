// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace holdfast::libvirt {

// The calls of libvirt that cross to its daemon, to be counted.
enum class Call : std::size_t {
  open,
  get_all_domain_stats,
  lookup_by_uuid,
  lookup_by_name,
  get_state,
  get_xml,
  get_block_info,
  get_info,
  define,
  rename,
  undefine,
  create,
  shutdown,
  destroy,
  suspend,
  resume,
  set_vcpus,
  set_memory,
  set_scheduler,
  set_block_io_tune,
  set_metadata,
  block_resize,
  attach_device,
  detach_device,
  snapshot_create,
  snapshot_list,
  snapshot_lookup,
  snapshot_get_xml,
  snapshot_delete,
  block_commit,
  block_job_info,
  block_job_abort,
  end
};

std::string_view to_string(Call call);

// How often each was made since the start. Thread-safe, a relaxed increment each.
class CallCounts {
 public:
  void add(Call call) { counts_[index(call)].fetch_add(1, std::memory_order_relaxed); }
  // Only calls that were made, by their C name.
  std::map<std::string, std::uint64_t> read() const;

 private:
  static constexpr std::size_t index(Call call) { return static_cast<std::size_t>(call); }
  std::array<std::atomic<std::uint64_t>, static_cast<std::size_t>(Call::end)> counts_{};
};

}  // namespace holdfast::libvirt
