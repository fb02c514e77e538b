// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/guarded.hpp"
#include "hubclient/alarm_caller.hpp"
#include "hubclient/hub_board.hpp"
#include "journal/records.hpp"
#include "schema/hub_protocol.hpp"
#include "schema/report.hpp"

namespace holdfast {

// What is known of the hub, for whoever reports it: conditions, `holdfast get host`, metrics.
// Thread-safe.
class HubWatch {
 public:
  explicit HubWatch(const Clock& clock) : clock_{clock}, board_{clock} {}

  HubBoard& board() { return board_; }
  HubStanding standing() const { return board_.standing(); }
  // agent.yaml names this hub, but the host was not enrolled there yet; or it was, and
  // `problem` says why that is of no use.
  void await_enrolment(const std::string& url, const std::string& problem = {});
  void enrolled(const std::string& url);

  // nullopt: this host works without a hub.
  std::optional<HubReport> report() const;
  // `last_contact` is what the journal remembers of earlier lives. None without a hub.
  std::vector<ConditionRecord> conditions(const std::optional<Time>& last_contact) const;

 private:
  struct Where {
    std::string url{};  // empty: no hub
    bool is_enrolled = false;
    std::string problem{};
  };
  const Clock& clock_;
  HubBoard board_;
  mutable Guarded<Where> where_{};
};

// The conditions of the host that somebody outside of the hub should know of.
AlarmNote make_alarm_note(const std::string& host_id, const std::optional<Held>& held,
                          const std::vector<ConditionRecord>& host_conditions);

}  // namespace holdfast
