// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/log.hpp"

namespace holdfast::proxmox {

struct Options {
  std::string node{};  // the node this is; its own name, not an address
  // Storage target -> storage of Proxmox.
  std::map<std::string, std::string> storages{};
  // Where golden archives are looked for; empty: in the storages of the targets.
  std::vector<std::string> image_storages{};
  // Where backups are put, and looked for; empty: in the first of the former.
  std::string backup_storage{};
  // VMIDs that new guests may get, both ends included.
  int first_vmid = 20'000;
  int last_vmid = 29'999;
  // New guests are put into it. With the token's rights limited to it, a stranger's guest that
  // takes over a VMID is out of reach whatever this program believes.
  std::string pool{};
  // "agent@pve!holdfast", as tasks name whoever began them; empty: any task may be ours.
  std::string user{};
  Logger log{};

  Duration request_deadline{35'000};  // pveproxy gives its own daemon 30 s
  Duration task_deadline{120'000};    // how long a call waits for its task
  Duration watched_deadline{3'000};   // the same where somebody watches
  Duration task_poll{250};
  // Configurations that seem unchanged are read again after this long, a few each pass.
  Duration reread_after{60'000};
  unsigned rereads_a_pass = 4;
  // How waiting is done; tests let a clock of their own go on.
  std::function<void(Duration)> pause{};
};

}  // namespace holdfast::proxmox
