// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "drivers/proxmox/client.hpp"
#include "drivers/proxmox/options.hpp"
#include "host/host.hpp"

namespace holdfast::proxmox {

// One thing that the token must be allowed, or that must be there.
struct Check {
  std::string what{};  // "VM.PowerMgmt on /pool/holdfast"
  bool is_fine = false;
  std::string problem{};  // what to do about it
};

// A storage that guests' disks lie on.
struct StorageFacts {
  std::string target{};
  std::string storage{};
  Bytes size{};
  Bytes available{};
  std::string problem{};
};

// The guests of one node of Proxmox VE, as the ports of host/. Thread-safe.
class ProxmoxHost {
 public:
  // Both outlive it. Asks nothing yet.
  ProxmoxHost(Exchange& exchange, Options options, const Clock& clock);
  ~ProxmoxHost();
  ProxmoxHost(const ProxmoxHost&) = delete;
  ProxmoxHost& operator=(const ProxmoxHost&) = delete;

  host::Host ports();
  // Everything the token needs and what is missing of it; an Error when it cannot be asked.
  Result<std::vector<Check>> check();
  Result<std::vector<StorageFacts>> storages();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace holdfast::proxmox
