// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/guarded.hpp"
#include "drivers/proxmox/client.hpp"
#include "drivers/proxmox/guest_config.hpp"
#include "drivers/proxmox/options.hpp"
#include "host/observed.hpp"
#include "host/tasks.hpp"

namespace holdfast::proxmox {

struct Upid;

// What the bulk listing says of one guest of this node.
struct Summary {
  Place place{};
  std::string name{};
  std::string status{};
  std::string lock{};
  std::string rest{};  // all that hints at a changed configuration, as one text
  bool operator==(const Summary&) const = default;
};

using Listing = std::vector<Summary>;

// A guest of ours, as it is at this moment.
struct Ours {
  Config config{};
  MarkerText text{};
  host::PowerState power = host::PowerState::unknown;
};

// One node of Proxmox and what is known of its guests: shared by all the ports. Finds guests
// by the UUID in their marker. Thread-safe.
class Node {
 public:
  // All outlive it.
  Node(Exchange& exchange, Options options, const Clock& clock);

  const Options& options() const { return options_; }
  const Client& client() const { return client_; }
  std::string path(const std::string& rest) const { return "/nodes/" + options_.node + rest; }
  std::string path(const Place& place, const std::string& rest = {}) const;

  // All guests of this node that the token may see, in one request for each kind. The
  // cluster's own list lags behind: it learns of guests and their power every ten seconds.
  Result<Listing> list() const;
  // The VMIDs in use anywhere in the cluster, as far as the token may see them.
  Result<std::set<int>> used_vmids() const;
  // Nothing: Proxmox says that there is no such guest.
  Result<std::optional<Config>> config(const Place& place) const;

  // All guests of the node, with configurations read again where that may be needed.
  Result<host::Inventory> observe_all();
  // Read now. Null: there is none.
  Result<host::ObservedGuestPtr> observe(const Uuid& uuid);

  // The guest as it is right now, for a change that follows at once. Errc::not_found;
  // Errc::conflict: it is not ours, or somebody else is at work on it ("LockedByOther").
  Result<Ours> ours(const Uuid& uuid);
  // As above for a guest that must be stopped.
  Result<Ours> ours_stopped(const Uuid& uuid);

  // Changes the configuration, if it still is the one that was read.
  Result<void> change(const Config& config, Form form);
  // After a change: the next listing reads it again.
  void forget(const Place& place);

  // Waits for the task that a change answered; null where it was done at once. Errors by how
  // the task ended.
  Result<void> finish(const Uuid& uuid, const Json& answer);
  Result<host::TaskState> look(const std::string& task) const;
  void watch(const Uuid& uuid, host::Tasks::Begun begun);
  // Tells whoever watches; its error.
  Result<void> begun(const Uuid& uuid, const std::string& task);

  // Whether this Proxmox is at least of that version.
  Result<bool> is_at_least(int major, int minor);
  // VMIDs for the guest, the same each time it is asked.
  std::vector<int> vmids_for(const Uuid& uuid) const;
  // Held by whatever has volumes made, copied or freed, from its last look at the guest until the
  // task ended or goes on without us. Proxmox locks a storage for that and fails whoever has to
  // wait for long; two guests being made could also be given one number.
  [[nodiscard]] std::unique_lock<std::mutex> storage_turn() {
    return std::unique_lock{storage_turn_};
  }

 private:
  struct Entry {
    Summary summary{};
    host::ObservedGuestPtr guest{};
    Duration read{};
    bool is_stale = false;
  };
  using Entries = std::map<int, Entry>;

  Result<void> refresh();
  Result<void> read_entry(const Summary& summary);
  // Nothing: the guest at `place` is gone, or is not that one.
  Result<host::ObservedGuestPtr> read_at(const Place& place, const Uuid& uuid);
  Result<host::ObservedGuestPtr> read_guest(const Place& place, const std::string& status);
  host::ObservedGuestPtr keep(const Summary& summary, host::ObservedGuestPtr guest);
  Result<std::string> status(const Place& place) const;
  std::optional<Place> known_place(const Uuid& uuid);
  Result<void> ensure_absent(const Uuid& uuid) const;
  std::string warnings_of(const std::string& task) const;
  Error failure_of(const Upid& upid, const std::string& task, const std::string& exit) const;
  std::string last_error_of(const std::string& task) const;

  Options options_;
  Client client_;
  const Clock& clock_;
  Guarded<Entries> entries_{};
  Guarded<std::map<Uuid, host::Tasks::Begun>> watchers_{};
  Guarded<std::optional<std::pair<int, int>>> version_{};
  std::mutex refreshing_{};
  std::mutex storage_turn_{};
};

}  // namespace holdfast::proxmox
