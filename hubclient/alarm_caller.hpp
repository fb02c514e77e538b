// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/result.hpp"
#include "hubclient/bell.hpp"
#include "schema/report.hpp"

namespace holdfast {

// What an operator's own watcher is told, whatever the hub says.
struct AlarmNote {
  std::string host_id{};
  std::uint64_t generation = 0;
  std::string digest{};             // of the state in force
  std::vector<Condition> alarms{};  // every one that holds now
  bool operator==(const AlarmNote&) const = default;
};
std::string to_json(const AlarmNote& note, Time at);

// Where notes go.
class AlarmChannel {
 public:
  virtual ~AlarmChannel() = default;
  // Success is a 2xx status.
  virtual Result<void> post(const std::string& body, const std::stop_token& stop) = 0;
};
// POST to a URL; `ca_pem` empty: the system's CAs. Errc::invalid for a bad URL or CA.
Result<std::unique_ptr<AlarmChannel>> open_alarm_url(const std::string& url,
                                                     const std::string& ca_pem);

struct AlarmParts {
  AlarmChannel& channel;
  const Clock& clock;
  Random& random;
  std::function<Result<AlarmNote>()> note{};
  Logger log{};
};

// Tells the watcher regularly that this host lives and what it holds, and at once when an
// alarm begins or ends, over and over until it was taken. An alarm that began and ended while
// nobody answered is told, too.
class AlarmCaller {
 public:
  explicit AlarmCaller(AlarmParts parts) : parts_{std::move(parts)} {}

  void run(const std::stop_token& stop);
  // One look, and one call when it is time for it. How long to wait before the next.
  Duration once(const std::stop_token& stop);
  // Conditions may have changed. Thread-safe.
  void ring() { bell_.ring(); }

 private:
  void collect(const AlarmNote& note);

  AlarmParts parts_;
  Bell bell_{};
  std::vector<Condition> unsaid_{};  // alarms since the last call that was taken
  std::vector<Condition> said_{};    // what the last taken call held
  std::optional<Duration> called_{};
  std::uint32_t failures_ = 0;
  Duration retry_at_{};
};

}  // namespace holdfast
