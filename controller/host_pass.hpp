// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/result.hpp"
#include "controller/accepted_guests.hpp"
#include "controller/host_conditions.hpp"
#include "controller/hub_watch.hpp"
#include "gate/gate.hpp"
#include "host/host.hpp"
#include "hubclient/desired_source.hpp"
#include "journal/journal.hpp"
#include "reconcilers/guest/guest_reconciler.hpp"

namespace holdfast {

// What the host pass works with; references outlive it.
struct HostPassParts {
  Journal& journal;
  gate::Gate& gate;
  host::Host host;
  const Clock& clock;
  DesiredSource& source;
  AcceptedGuests& accepted;
  GuestReconciler& guests;
  const Authorities& authorities;
  std::string host_id{};
  Logger log{};
  const HubWatch* hub = nullptr;  // null: no hub
};

// One look at the host as a whole: is there a new desired state, can the provider be
// observed, and which guests need a pass of their own. With nothing new it costs one bulk
// call to the provider and a look at the source, and writes nothing. One caller at a time.
class HostPass {
 public:
  explicit HostPass(HostPassParts parts);

  struct Outcome {
    std::vector<std::string> guests{};  // names that need a pass
    bool has_accepted = false;          // a new desired state is in force
    bool look_again_soon = false;       // the source is being written, or something is away
    bool is_observed = false;           // the provider answered
  };
  Result<Outcome> run();

  // The next run judges every guest afresh, whatever the provider says. Thread-safe.
  void distrust() { *stale_.lock() = true; }

 private:
  struct Seen {
    std::vector<host::ObservedGuestPtr> guests{};
    std::shared_ptr<const Wanted> wanted{};
    Duration judged{};  // when, on the clock's elapsed()
    bool was_quiet = false;
  };

  Result<void> take_desired(Outcome& outcome);
  Result<void> decide(const Fetched& fetched);
  Result<std::vector<std::string>> destroyed_and_dropped(const Wanted& next) const;
  // `allowed_by`: the signed job that lets a mass change through, ended with it.
  Result<void> accept(Acceptance acceptance, const std::optional<JobRecord>& allowed_by);
  Result<void> hold(const Fetched& fetched, Acceptance acceptance);
  Result<void> report_images(const Wanted& wanted);
  Result<void> observe(Outcome& outcome);
  Result<void> keep_witnessed();
  Result<void> watch_journal();
  Result<void> watch_hub();
  Result<void> say(const std::string& type, ConditionStatus status, const std::string& reason,
                   const std::string& message);
  std::uint64_t generation() const;

  HostPassParts parts_;
  ConditionKeeper conditions_;
  std::optional<Time> last_contact_{};  // with the hub, as the journal knows it
  bool knows_contact_ = false;
  std::optional<Seen> seen_{};
  std::optional<Fetched> undecided_{};  // the journal could not take what came of it
  std::optional<Fetched> held_{};       // a mass change that waits for its job; asked about once
  bool provider_was_away_ = false;
  std::optional<Duration> kept_nothing_{};  // when that was found, on the clock's elapsed()
  Guarded<bool> stale_{true};
};

}  // namespace holdfast
