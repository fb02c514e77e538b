// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "gate/gate.hpp"
#include "journal/journal.hpp"
#include "journal/writes.hpp"
#include "reconcilers/guest/guest_world.hpp"

namespace holdfast {

inline constexpr std::string_view host_subject = "host";

// What a held mass change is judged with; references outlive the call.
struct MassChangeParts {
  Journal& journal;
  gate::Gate& gate;
  const Authorities& authorities;
  const Clock& clock;
};

// The waiting job that lets the mass change of `facts` through, with the gate's permit in
// the audit chain; those that do not are ended. It takes effect with what it allows: the
// caller ends it (end_as_done) in the commit that accepts the state.
Result<std::optional<JobRecord>> find_allowing_job(const MassChangeParts& parts,
                                                   const gate::Facts& facts,
                                                   const gate::TicketDetail& detail);
Result<void> end_as_done(Writes& writes, const JobRecord& job, std::uint64_t generation);

// Ends jobs for a mass change that expired before there was one. Writes nothing otherwise.
Result<void> end_expired_mass_changes(const MassChangeParts& parts);

}  // namespace holdfast
