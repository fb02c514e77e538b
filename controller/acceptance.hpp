// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "hubclient/desired_source.hpp"
#include "schema/desired_state.hpp"

namespace holdfast {

// What this host is working towards: the newest accepted state, and for each guest whose
// newest form was rejected the last form that was not.
struct Wanted {
  HostDesiredState state{};   // as received
  std::vector<Guest> kept{};  // earlier forms of guests in state.rejected, sorted by name
  std::string digest{};       // of the resources as received
  std::string origin{};       // whose order of generations it belongs to

  // The guest to converge to; null when it is not wanted, or wanted and never valid.
  const Guest* find_guest(std::string_view name) const;
  // True also for a guest whose every form so far was rejected.
  bool wants_guest(std::string_view name) const;
  const RejectedResource* find_rejected(std::string_view kind, std::string_view name) const;
  std::vector<std::string> guest_names() const;  // every wanted one, sorted
};

// The journal's form: everything a restart without the source needs.
std::string to_json(const Wanted& wanted);
Result<Wanted> parse_wanted(std::string_view text);

struct Acceptance {
  enum class Kind {
    unchanged,    // what we hold already
    accept,       // `wanted` replaces what we hold
    rolled_back,  // a lower generation than the accepted one
    forked,       // the accepted generation with other content
    jumped,       // so far above it that an honest hub could never follow
    wrong_host,
    held,  // drops more than half of the guests: waits for a signature as a whole
  };
  Kind kind = Kind::unchanged;
  Wanted wanted{};                     // accept, held
  std::vector<std::string> dropped{};  // guests no longer wanted, sorted
  std::string reason{};                // CamelCase, for the condition
  std::string message{};               // for people

  bool is_refusal() const { return kind != Kind::unchanged && kind != Kind::accept; }
};

// Decides about a fetched state. Pure. Generations are compared with the accepted one's only
// when both are of one origin: moving a host to a hub, or to another, begins a new order. `held` is
// what was accepted before, null at first; `living` names the guests that exist on this host by the
// journal: a guest that was never made costs nothing to drop.
Acceptance judge(const Fetched& fetched, const Wanted* held, const std::vector<std::string>& living,
                 const std::string& host_id);

}  // namespace holdfast
