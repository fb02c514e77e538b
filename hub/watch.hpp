// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "hub/services.hpp"

namespace holdfast::hub {

// The dead man: looks at every lease, raises what is to be raised, and journals each alert with
// what receivers are owed in one transaction. One thread calls look(); the rest is
// thread-safe.
class Watch {
 public:
  // `on_owed`: receivers have something to fetch.
  Watch(const Services& services, std::function<void()> on_owed);

  // First: since when nobody watched, as the last hub noted it, becomes HubWasDown. What is owed
  // to receivers that the configuration has no more is forgotten.
  Result<void> start();
  // To be called every look_every. Nothing is said that could not be stored: it is looked at
  // again the next time. Errors as the store's.
  Result<void> look();
  // Notes that the hub stopped watching now.
  Result<void> stop();

  // Whether the last look succeeded a moment ago.
  bool is_working() const;

  static constexpr Duration look_every{200};

 private:
  struct Change;
  struct Findings;
  void judge_all(Duration now, Findings& findings);
  Result<void> record(const Tables& tables, Findings& findings) const;
  Result<void> record(const Tables& tables, Change& change, const std::vector<Silence>& silences,
                      const std::vector<Alert>& ended, Time now) const;
  Result<void> raise(const Tables& tables, const Alert& alert,
                     const std::vector<Alert>& ended) const;
  Result<void> owe(const Tables& tables, const Alert& alert, const std::vector<Alert>& ended) const;
  void follow(const Findings& findings);  // once they are stored
  Result<void> deliver_unsilenced(const Tables& tables, Findings& findings) const;
  Result<void> forget_receivers() const;
  Result<void> forget_old(const Tables& tables, Time now) const;
  void hub_was_down(Time from, Time to, std::vector<Alert>& alerts) const;

  Services to_;
  std::function<void()> on_owed_;
  std::atomic<Duration> last_look_{Duration{0}};  // that succeeded
  std::atomic<Duration> last_try_{Duration{0}};
  Duration watched_{};                // since when without a gap
  Time noted_{};                      // when last noted that somebody watches
  std::optional<Duration> forgot_{};  // when last forgotten what is old
  std::vector<Alert> unsaid_{};       // of the hub itself; kept until they are stored
  Time last_look_at_{};
};

// The receivers of a configuration: where a delivery goes, as stored with it.
std::vector<std::string> receivers_of(const HubServerConfig& config);
std::string alertmanager_url(const std::string& base);

}  // namespace holdfast::hub
