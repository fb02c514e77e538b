// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace holdfast::libvirt {

// What kind of machine this host can run: asked once per connection, never assumed.
struct Platform {
  std::string domain_type = "qemu";  // "kvm", "qemu" (TCG), or "test" for test:///
  std::string arch = "x86_64";
  std::string machine{};  // a family such as "q35", pinned by libvirt at define; empty: its default
  std::string emulator{};  // empty: libvirt's choice
  unsigned host_cpus = 1;
  unsigned max_cpus = 1;  // that one guest may have
  // Control groups v2 take a CPU weight of 1 to 10000 (default 100) where v1 took shares of
  // 2 to 262144 (default 1024); libvirt passes the number through.
  bool cpu_weights = false;
  std::string console_dir{};  // where serial consoles are logged, empty for nowhere

  bool is_qemu() const { return domain_type != "test"; }
};

// From virConnectGetDomainCapabilities (<domainCapabilities>); Errc::invalid when it is not one.
Result<Platform> parse_domain_capabilities(std::string_view xml);

// The first guest architecture of virConnectGetCapabilities, "" when there is none.
std::string parse_guest_arch(std::string_view xml);

// `shares` as the number this host's libvirt expects in <shares>.
unsigned scheduler_weight(unsigned shares, const Platform& platform);

}  // namespace holdfast::libvirt
