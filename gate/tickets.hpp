// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>

#include "base/clock.hpp"
#include "gate/facts.hpp"
#include "gate/gate.hpp"
#include "journal/records.hpp"

namespace holdfast::gate {

// How long a ticket can be signed and used: the longest window a job may have.
inline constexpr Duration ticket_window = std::chrono::hours{7 * 24};
// A ticket with less left than this is written anew, so that nobody signs one that
// expires before it arrives.
inline constexpr Duration ticket_margin = std::chrono::hours{24};

// The refused step as a job under `id`, valid from `now` for `ticket_window`, bound to
// host, guest, incarnation, fingerprint and object. Errc::invalid when what was given
// makes no job that could be read back (a host id, name or fingerprint of another form).
Result<TicketRecord> write_ticket(const Facts& facts, const Decision& decision,
                                  const TicketDetail& detail, const std::string& id, Time now);

// Whether signing `ticket` would still order exactly this step, with time to spare.
bool still_fits(const TicketRecord& ticket, const Facts& facts, const Decision& decision,
                const TicketDetail& detail, Time now);

}  // namespace holdfast::gate
