// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/result.hpp"
#include "host/hypervisor.hpp"

namespace holdfast::libvirt {

struct Options {
  std::string uri = "qemu:///system";
  Logger log{};
  // Where serial consoles are logged, as `<uuid>.log`, by libvirt's virtlogd; empty: not at all.
  std::string console_dir{};
  // After which the daemon has not answered (Errc::unavailable).
  Duration observe_deadline = std::chrono::seconds{30};
  // After which a guest's QEMU has not: a question for the sizes of its disks, a change.
  Duration ask_deadline = std::chrono::seconds{5};
  Duration change_deadline = std::chrono::seconds{60};
  // For merging the layers of a removed snapshot; given up, it is taken up by the next call.
  Duration merge_deadline = std::chrono::minutes{30};
};

// The guests of one libvirt daemon, as the ports of host/hypervisor.hpp. Thread-safe.
//
// Keeps its connections, notices within 20 s that one died, and connects again by itself;
// meanwhile every call answers Errc::unavailable at once. After each (re)connection the
// listener of on_change() is called with the nil UUID. A guest whose QEMU hangs is listed with
// a `problem`, changes of it are unavailable, and the others do not notice.
class LibvirtHost {
 public:
  // Succeeds also when libvirtd is away. Waits up to five seconds for the first
  // connection, so that a daemon that is there can be used at once. `clock` must outlive
  // the result.
  static Result<std::unique_ptr<LibvirtHost>> open(Options options, const Clock& clock);
  ~LibvirtHost();
  LibvirtHost(const LibvirtHost&) = delete;
  LibvirtHost& operator=(const LibvirtHost&) = delete;

  host::GuestInventory& inventory();
  host::Hypervisor& hypervisor();
  host::PowerControl& power();
  host::LiveTuning& tuning();
  host::GuestSnapshots& snapshots();

  bool is_connected() const;
  // How often each call to the daemon was made, by its C name; for measuring.
  std::map<std::string, std::uint64_t> calls() const;

 private:
  struct Parts;
  explicit LibvirtHost(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace holdfast::libvirt
