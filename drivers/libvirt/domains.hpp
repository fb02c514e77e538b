// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.hpp"
#include "drivers/libvirt/core.hpp"
#include "drivers/libvirt/domain_parse.hpp"
#include "drivers/libvirt/handles.hpp"

// The few calls that every port begins with, typed. Private to this folder.
namespace holdfast::libvirt {

enum class Config { live, persistent };

Result<DomainHandle> find_domain(Core& core, const Connection& connection, const Uuid& uuid);
Result<std::string> read_xml(Core& core, virDomain* domain, Config config);

struct DomainState {
  int state = VIR_DOMAIN_NOSTATE;
  int reason = 0;
  bool is_active() const;
};
Result<DomainState> read_state(Core& core, virDomain* domain);
host::PowerState power_of(const DomainState& state);

// A guest about to be changed: found by UUID, and its marker read just now.
struct OurDomain {
  DomainHandle handle{};
  DomainState state{};
  std::string xml{};  // persistent
  ParsedDomain parsed{};

  virDomain* get() const { return handle.get(); }
  const host::Marker& marker() const { return parsed.metadata->marker; }
  // Where a change is to be made: LIVE too when it runs.
  unsigned affect() const;
};

// Errc::conflict when the domain carries no marker of ours, or one of another guest.
Result<OurDomain> find_ours(Core& core, const Connection& connection, const Uuid& uuid);

}  // namespace holdfast::libvirt
