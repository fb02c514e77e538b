// SPDX-License-Identifier: Apache-2.0
#include "drivers/libvirt/calls.hpp"

namespace holdfast::libvirt {
namespace {

constexpr std::array<std::string_view, static_cast<std::size_t>(Call::end)> names{
    "virConnectOpen",
    "virConnectGetAllDomainStats",
    "virDomainLookupByUUID",
    "virDomainLookupByName",
    "virDomainGetState",
    "virDomainGetXMLDesc",
    "virDomainGetBlockInfo",
    "virDomainGetInfo",
    "virDomainDefineXMLFlags",
    "virDomainRename",
    "virDomainUndefineFlags",
    "virDomainCreateWithFlags",
    "virDomainShutdownFlags",
    "virDomainDestroyFlags",
    "virDomainSuspend",
    "virDomainResume",
    "virDomainSetVcpusFlags",
    "virDomainSetMemoryFlags",
    "virDomainSetSchedulerParametersFlags",
    "virDomainSetBlockIoTune",
    "virDomainSetMetadata",
    "virDomainBlockResize",
    "virDomainAttachDeviceFlags",
    "virDomainDetachDeviceFlags",
    "virDomainSnapshotCreateXML",
    "virDomainListAllSnapshots",
    "virDomainSnapshotLookupByName",
    "virDomainSnapshotGetXMLDesc",
    "virDomainSnapshotDelete",
    "virDomainBlockCommit",
    "virDomainGetBlockJobInfo",
    "virDomainBlockJobAbort",
};

}  // namespace

std::string_view to_string(Call call) { return names.at(static_cast<std::size_t>(call)); }

std::map<std::string, std::uint64_t> CallCounts::read() const {
  std::map<std::string, std::uint64_t> made;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    const auto count = counts_[i].load(std::memory_order_relaxed);
    if (count > 0) made.emplace(names[i], count);
  }
  return made;
}

}  // namespace holdfast::libvirt
