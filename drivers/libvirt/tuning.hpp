// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string_view>
#include <thread>

#include "drivers/libvirt/domains.hpp"

// What tuning.cpp and hotplug.cpp share. Private to this folder.
namespace holdfast::libvirt {

// A balloon and a network card move only if the guest's kernel plays along.
inline constexpr auto guest_patience = std::chrono::seconds{10};
inline constexpr auto guest_poll = std::chrono::milliseconds{100};

inline constexpr unsigned affect_live = VIR_DOMAIN_AFFECT_LIVE;
inline constexpr unsigned affect_persistent = VIR_DOMAIN_AFFECT_CONFIG;

Error needs_restart(std::string_view what);

// The error of `call`; Errc::denied for what libvirt can do to stopped guests only.
Error last_tuning_error(Call call);

// find_ours(), and Errc::conflict unless it runs.
Result<OurDomain> find_running(Core& core, const Connection& connection, const Uuid& uuid);
// What it runs with.
Result<ParsedDomain> read_running(Core& core, const Connection& connection, const OurDomain& ours);

// Our metadata anew, in the running and the persistent configuration.
Result<void> write_metadata(Core& core, const OurDomain& ours, const Metadata& metadata);

template <class Holds>
bool wait_for_guest(Holds holds) {
  const auto until = std::chrono::steady_clock::now() + guest_patience;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(guest_poll);
  }
  return true;
}

}  // namespace holdfast::libvirt
