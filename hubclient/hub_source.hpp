// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/guarded.hpp"
#include "hubclient/desired_source.hpp"
#include "schema/hub_protocol.hpp"

namespace holdfast {

// Desired state as the sync loop brings it. Thread-safe: the loop offers, the host pass
// fetches. What was refused once is not handed out again until the hub sends something else.
class HubSource final : public DesiredSource {
 public:
  // `in_force` answers the state that was accepted last.
  HubSource(std::string url, std::string origin,
            std::function<std::optional<HostDesiredState>()> in_force);

  // From the hub, as it came.
  void offer(std::string text);
  // The hub has nothing else for us than what we hold. True when that is news.
  bool agree();
  // Whether what the hub sent last is not what is `held`, though it was looked at.
  bool has_refused(const std::optional<Held>& held) const;
  // Whether something waits to be looked at.
  bool is_pending() const;

  Result<std::optional<Fetched>> fetch() override;
  std::string describe() const override { return "hub " + url_; }

 private:
  struct State {
    std::optional<std::string> pending{};
    std::string offered{};             // digest of the text that was offered last
    std::optional<Held> offered_as{};  // what it says to be; absent when it could not be read
    // Also at first: an earlier life of the daemon may have refused something.
    bool has_offered = true;
    bool agrees = false;
  };
  std::string url_;
  std::string origin_;
  std::function<std::optional<HostDesiredState>()> in_force_;
  mutable Guarded<State> state_{};
};

}  // namespace holdfast
