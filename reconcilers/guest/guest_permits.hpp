// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gate/gate.hpp"
#include "reconcilers/guest/guest_plan.hpp"
#include "reconcilers/guest/guest_world.hpp"

// How guest operations ask the gate. Private to the folder.
namespace holdfast {

// What is to be allowed; the rest of the gate's facts is read when it is asked.
struct PermitRequest {
  gate::Verb verb = gate::Verb::remove_unfinished;
  gate::Requester requester = gate::Requester::operation;
  GuestIdentity identity{};
  std::string object{};
  OperationId operation{};
  gate::CopyFacts copies{};
  gate::SetAsideFacts set_aside{};
  std::string fingerprint{};  // before the operation itself changed the guest; empty: as now
  std::optional<gate::Authority> authority{};
  std::vector<std::string> effects{};
};

// Journal, provider and budget as they are now. A provider that cannot be asked is told
// to the gate as such.
Result<gate::Facts> gate_facts(const GuestWorld& world, const PermitRequest& request);
// As above, with the guest already observed.
Result<gate::Facts> gate_facts(const GuestWorld& world, const PermitRequest& request,
                               const host::ObservedGuestPtr& observed);
gate::TicketDetail ticket_detail(const GuestWorld& world, const PermitRequest& request);

// A permit for right now, or Errc::denied with the gate's sentence and the ticket's id;
// Errc::unavailable when the provider could not be asked.
Result<gate::Permit> ask_permit(const GuestWorld& world, const PermitRequest& request);

// Why the gate said no.
struct OrderRefusal {
  std::string code{};
  std::string sentence{};
};
// The gate's refusal in an error of ask_permit(), also after the journal kept it as the
// cause of a rolled back operation; nothing when it is of another kind.
std::optional<OrderRefusal> refusal_of(const Error& error);

// The order that `job` signed; nothing when there is none any more, or `job` is empty.
Result<std::optional<gate::Authority>> authority_of(const GuestWorld& world,
                                                    const std::string& job);

}  // namespace holdfast
