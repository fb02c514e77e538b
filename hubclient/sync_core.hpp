// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "schema/hub_protocol.hpp"

namespace holdfast {

// A status report, and what tells it from another one: times that pass by themselves do not.
struct Snapshot {
  StatusReport report{};
  std::string digest{};
};
Snapshot make_snapshot(StatusReport report);

// What the next sync is made of.
struct SyncFacts {
  std::optional<Held> have{};
  std::shared_ptr<const Snapshot> snapshot{};  // null: not yet known
  std::vector<JobResult> results{};
  // The state that the hub sent last is not the one in force: it was refused, or is held.
  bool has_refused = false;
};

// The host's side of the sync exchange, without network, clock and threads: what to send, and
// how long to wait before. Not thread-safe.
class SyncCore {
 public:
  explicit SyncCore(Random& random);

  SyncRequest next(const SyncFacts& facts, Duration now);
  // How long the hub may park what next() made.
  Duration wait() const;
  // What goes beside the request of next() while that one is parked: the report when it is news,
  // and results. The hub answers at once and leaves the other parked.
  SyncRequest beside(const SyncFacts& facts);
  void beside_answered(const SyncResponse& response, Duration now);
  // The hub's agreement to what we hold, told from its silence: it was asked afresh and sent
  // no other state. Only meaningful right after answered().
  bool hub_agrees() const { return hub_agrees_; }
  void answered(const SyncResponse& response, Duration now);
  // The answer may be lost: whatever it held must be sent again.
  void lost_answer();
  // Something in it could not be taken now: it must be sent again, but not at once.
  void want_again() { wants_again_ = true; }
  // As lost_answer(); how long to wait before the next try.
  Duration failed();

  // As advised by the hub, clamped.
  const HubConfig& config() const { return config_; }
  std::uint32_t failures() const { return failures_; }
  // Whether a request that is parked right now should be cut short for this snapshot.
  bool is_news(const Snapshot& snapshot) const { return snapshot.digest != sent_digest_; }

 private:
  void begin_session();

  Random& random_;
  HubConfig config_{};
  std::string session_{};
  std::uint64_t sequence_ = 0;
  bool is_first_of_session_ = true;
  bool has_refused_ = false;
  bool wants_again_ = false;
  bool was_quiet_ = false;  // the last answer held neither state nor jobs
  bool hub_agrees_ = false;
  std::uint32_t failures_ = 0;
  std::string sent_digest_{};  // of the last report that arrived
  std::string open_digest_{};  // of the one on its way; empty: none
  std::string beside_digest_{};
  std::optional<Duration> reported_{};
};

}  // namespace holdfast
