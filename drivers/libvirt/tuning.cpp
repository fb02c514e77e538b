// SPDX-License-Identifier: Apache-2.0
#include "drivers/libvirt/tuning.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "drivers/libvirt/disk_sizes.hpp"
#include "drivers/libvirt/domain_xml.hpp"
#include "drivers/libvirt/domains.hpp"
#include "drivers/libvirt/errors.hpp"
#include "drivers/libvirt/ports.hpp"

namespace holdfast::libvirt {

using host::Disk;

Error needs_restart(std::string_view what) {
  return Error{Errc::denied, std::string{what} + " takes effect at the next start"};
}

// What libvirt cannot do to a running guest it may still do to a stopped one.
Error last_tuning_error(Call call) {
  const int number = last_error_number();
  Error error = last_error(to_string(call));
  const bool has_no_slot = error.message().find("PCI slots") != std::string::npos;
  const bool cannot = number == VIR_ERR_NO_SUPPORT || number == VIR_ERR_OPERATION_UNSUPPORTED ||
                      number == VIR_ERR_CONFIG_UNSUPPORTED ||
                      number == VIR_ERR_ARGUMENT_UNSUPPORTED;
  // "cgroup CPU controller is not mounted", as in a container: an invalid operation to libvirt.
  const bool has_no_cgroup =
      number == VIR_ERR_OPERATION_INVALID && error.message().find("cgroup") != std::string::npos;
  if (cannot || has_no_slot || has_no_cgroup) return Error{Errc::denied, error.message()};
  return error;
}

Result<OurDomain> find_running(Core& core, const Connection& connection, const Uuid& uuid) {
  OurDomain ours = TRY(find_ours(core, connection, uuid));
  if (!ours.state.is_active()) return Error{Errc::conflict, "the guest is not running"};
  return ours;
}

Result<ParsedDomain> read_running(Core& core, const Connection& connection, const OurDomain& ours) {
  return parse_domain(TRY(read_xml(core, ours.get(), Config::live)), connection.platform);
}

Result<void> write_metadata(Core& core, const OurDomain& ours, const Metadata& metadata) {
  core.calls->add(Call::set_metadata);
  if (virDomainSetMetadata(ours.get(), VIR_DOMAIN_METADATA_ELEMENT, to_xml(metadata).c_str(),
                           std::string{metadata_prefix}.c_str(),
                           std::string{metadata_namespace}.c_str(), ours.affect()) != 0) {
    return last_error(to_string(Call::set_metadata));
  }
  return ok();
}

namespace {

Result<void> set_vcpus(Core& core, const OurDomain& ours, unsigned cpus, unsigned affect) {
  core.calls->add(Call::set_vcpus);
  if (virDomainSetVcpusFlags(ours.get(), cpus, affect) != 0) {
    return last_tuning_error(Call::set_vcpus);
  }
  return ok();
}

Result<void> tune_cpus(Core& core, const Connection& connection, const Uuid& uuid, unsigned cpus) {
  const OurDomain ours = TRY(find_running(core, connection, uuid));
  const auto live = TRY(read_running(core, connection, ours));
  // CPUs that were there at boot cannot be taken from most guests.
  if (cpus < live.shape.cpus) return needs_restart("a smaller number of CPUs");
  const int most =
      virDomainGetVcpusFlags(ours.get(), affect_live | unsigned{VIR_DOMAIN_VCPU_MAXIMUM});
  if (most >= 0 && cpus > static_cast<unsigned>(most)) {
    return needs_restart("more CPUs than the guest was started with places for");
  }
  if (cpus > live.shape.cpus) TRY(set_vcpus(core, ours, cpus, affect_live));
  if (cpus == ours.parsed.shape.cpus) return ok();
  return set_vcpus(core, ours, cpus, affect_persistent);
}

Result<void> set_memory(Core& core, const OurDomain& ours, std::uint64_t kib, unsigned flags) {
  core.calls->add(Call::set_memory);
  if (virDomainSetMemoryFlags(ours.get(), kib, flags) != 0) {
    return last_tuning_error(Call::set_memory);
  }
  return ok();
}

// Both numbers of the persistent configuration, in the order that keeps current <= maximum.
Result<void> set_persistent_memory(Core& core, const OurDomain& ours, std::uint64_t kib) {
  const bool grows = kib * 1024 > ours.parsed.shape.memory.value;
  const unsigned most = affect_persistent | unsigned{VIR_DOMAIN_MEM_MAXIMUM};
  if (grows) TRY(set_memory(core, ours, kib, most));
  TRY(set_memory(core, ours, kib, affect_persistent));
  if (!grows) TRY(set_memory(core, ours, kib, most));
  return ok();
}

// Within what the guest was started with, by its balloon; more needs a restart.
Result<void> tune_memory(Core& core, const Connection& connection, const Uuid& uuid, Bytes memory) {
  const OurDomain ours = TRY(find_running(core, connection, uuid));
  const std::uint64_t wanted = (memory.value + 1023) / 1024;
  virDomainInfo info{};
  const auto read = [&] {
    core.calls->add(Call::get_info);
    return virDomainGetInfo(ours.get(), &info) == 0;
  };
  if (!read()) return last_error(to_string(Call::get_info));
  if (wanted > info.maxMem) return needs_restart("more memory than the guest was started with");
  const std::uint64_t before = info.memory;
  if (wanted != before) {
    TRY(set_memory(core, ours, wanted, affect_live));
    if (!wait_for_guest([&] { return read() && info.memory == wanted; })) {
      // A guest without a balloon driver would never get there: leave no wish behind.
      static_cast<void>(set_memory(core, ours, before, affect_live));
      return needs_restart("the guest does not give up memory; it");
    }
  }
  return set_persistent_memory(core, ours, wanted);
}

// Owns what virTypedParams* allocated.
struct TypedParams {
  virTypedParameterPtr list = nullptr;
  int count = 0;
  int room = 0;
  TypedParams() = default;
  TypedParams(const TypedParams&) = delete;
  TypedParams& operator=(const TypedParams&) = delete;
  ~TypedParams() { virTypedParamsFree(list, count); }
};

Result<void> set_shares(Core& core, const OurDomain& ours, unsigned weight) {
  TypedParams params;
  virTypedParamsAddULLong(&params.list, &params.count, &params.room,
                          VIR_DOMAIN_SCHEDULER_CPU_SHARES, weight);
  core.calls->add(Call::set_scheduler);
  if (virDomainSetSchedulerParametersFlags(ours.get(), params.list, params.count, ours.affect()) !=
      0) {
    return last_tuning_error(Call::set_scheduler);
  }
  return ok();
}

Result<void> set_throttle(Core& core, const OurDomain& ours, const std::string& device,
                          const Limits& limits) {
  TypedParams params;
  const auto add = [&](const char* name, const std::optional<Bytes>& bytes) {
    virTypedParamsAddULLong(&params.list, &params.count, &params.room, name,
                            bytes ? bytes->value : 0);  // 0: no limit
  };
  add(VIR_DOMAIN_BLOCK_IOTUNE_READ_BYTES_SEC, limits.io_read_bps);
  add(VIR_DOMAIN_BLOCK_IOTUNE_WRITE_BYTES_SEC, limits.io_write_bps);
  if (limits.io_read_bps || limits.io_write_bps) {
    virTypedParamsAddString(&params.list, &params.count, &params.room,
                            VIR_DOMAIN_BLOCK_IOTUNE_GROUP_NAME,
                            std::string{throttle_group}.c_str());
  }
  core.calls->add(Call::set_block_io_tune);
  if (virDomainSetBlockIoTune(ours.get(), device.c_str(), params.list, params.count,
                              ours.affect()) != 0) {
    return last_tuning_error(Call::set_block_io_tune);
  }
  return ok();
}

// The wish beside its weight, so that it reads back as it was said.
Result<void> note_shares(Core& core, const OurDomain& ours,
                         const std::optional<std::uint32_t>& shares) {
  Metadata metadata = *ours.parsed.metadata;
  if (metadata.cpu_shares == shares) return ok();
  metadata.cpu_shares = shares;
  return write_metadata(core, ours, metadata);
}

Result<void> tune_limits(Core& core, const Connection& connection, const Uuid& uuid,
                         const Limits& limits) {
  const OurDomain ours = TRY(find_running(core, connection, uuid));
  const auto live = TRY(read_running(core, connection, ours));
  const Limits& now = live.shape.limits;
  if (now.cpu_shares != limits.cpu_shares ||
      ours.parsed.shape.limits.cpu_shares != limits.cpu_shares) {
    if (!limits.cpu_shares) return needs_restart("lifting the CPU shares");
    TRY(set_shares(core, ours, scheduler_weight(*limits.cpu_shares, connection.platform)));
  }
  TRY(note_shares(core, ours, limits.cpu_shares));
  const auto same_throttle = [&](const Limits& other) {
    return other.io_read_bps == limits.io_read_bps && other.io_write_bps == limits.io_write_bps;
  };
  if (same_throttle(now) && same_throttle(ours.parsed.shape.limits)) return ok();
  for (const std::string& device : live.devices) TRY(set_throttle(core, ours, device, limits));
  return ok();
}

Result<void> tell_size(Core& core, const Connection& connection, const Uuid& uuid,
                       const std::string& name, Bytes size) {
  const OurDomain ours = TRY(find_running(core, connection, uuid));
  const auto live = TRY(read_running(core, connection, ours));
  const auto& disks = live.shape.disks;
  const auto disk = std::find_if(disks.begin(), disks.end(),
                                 [&](const Disk& other) { return other.name == name; });
  if (disk == disks.end()) return Error{Errc::conflict, "it runs without a disk " + name};
  const std::string& device = live.devices[static_cast<std::size_t>(disk - disks.begin())];
  const Bytes now = TRY(read_disk_size(core, connection, ours.get(), device, *disk));
  if (size < now) return Error{Errc::invalid, "disk " + name + " is larger already"};
  const auto on_disk = disk->format == "raw" ? file_size(disk->path) : std::nullopt;
  if (on_disk && size < *on_disk) {
    return Error{Errc::invalid, "the file of disk " + name + " is larger already"};
  }
  if (size == now) return ok();
  core.calls->add(Call::block_resize);
  if (virDomainBlockResize(ours.get(), device.c_str(), size.value, VIR_DOMAIN_BLOCK_RESIZE_BYTES) !=
      0) {
    return last_tuning_error(Call::block_resize);
  }
  return ok();
}

}  // namespace

Result<void> LibvirtTuning::set_cpus(const Uuid& uuid, unsigned cpus) {
  return core_
      ->change(uuid, [uuid, cpus](Core& core,
                                  const Connection& c) { return tune_cpus(core, c, uuid, cpus); })
      .context("set CPUs of guest " + to_string(uuid));
}

Result<void> LibvirtTuning::set_memory(const Uuid& uuid, Bytes memory) {
  return core_
      ->change(uuid,
               [uuid, memory](Core& core, const Connection& c) {
                 return tune_memory(core, c, uuid, memory);
               })
      .context("set memory of guest " + to_string(uuid));
}

Result<void> LibvirtTuning::set_limits(const Uuid& uuid, const Limits& limits) {
  return core_
      ->change(uuid,
               [uuid, limits](Core& core, const Connection& c) {
                 return tune_limits(core, c, uuid, limits);
               })
      .context("set limits of guest " + to_string(uuid));
}

Result<void> LibvirtTuning::grow_disk(const Uuid& uuid, const std::string& disk, Bytes size) {
  return core_
      ->change(uuid,
               [uuid, disk, size](Core& core, const Connection& c) {
                 return tell_size(core, c, uuid, disk, size);
               })
      .context("grow disk " + disk + " of guest " + to_string(uuid));
}

}  // namespace holdfast::libvirt
