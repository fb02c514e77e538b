// SPDX-License-Identifier: Apache-2.0
#include "drivers/libvirt/platform.hpp"

#include <algorithm>
#include <cstdint>
#include <pugixml.hpp>

namespace holdfast::libvirt {

Result<Platform> parse_domain_capabilities(std::string_view xml) {
  pugi::xml_document document;
  const auto parsed = document.load_buffer(xml.data(), xml.size());
  const pugi::xml_node root = document.child("domainCapabilities");
  if (!parsed || !root) return Error{Errc::invalid, "not a <domainCapabilities> document"};

  Platform platform;
  platform.domain_type = root.child_value("domain");
  platform.arch = root.child_value("arch");
  platform.emulator = root.child_value("path");
  platform.max_cpus = std::max(1U, root.child("vcpu").attribute("max").as_uint());
  if (platform.domain_type.empty() || platform.arch.empty()) {
    return Error{Errc::invalid, "<domainCapabilities> names no domain type or architecture"};
  }
  // The PC of this century: PCI Express and hot plug. Other architectures have one good default.
  if (platform.arch == "x86_64") platform.machine = "q35";
  return platform;
}

std::string parse_guest_arch(std::string_view xml) {
  pugi::xml_document document;
  if (!document.load_buffer(xml.data(), xml.size())) return {};
  return document.child("capabilities").child("guest").child("arch").attribute("name").value();
}

unsigned scheduler_weight(unsigned shares, const Platform& platform) {
  if (!platform.cpu_weights) return shares;
  const std::uint64_t weight = (std::uint64_t{shares} * 100 + 512) / 1024;
  return static_cast<unsigned>(std::clamp<std::uint64_t>(weight, 1, 10000));
}

}  // namespace holdfast::libvirt
