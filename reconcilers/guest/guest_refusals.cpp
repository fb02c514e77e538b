// SPDX-License-Identifier: Apache-2.0
#include "reconcilers/guest/guest_refusals.hpp"

#include "reconcilers/guest/guest_permits.hpp"

namespace holdfast {
namespace {

PermitRequest request_for(const GuestFacts& facts, const RefusedChange& refused) {
  PermitRequest request;
  request.verb = refused.verb;
  request.requester = gate::Requester::desired_state;
  request.identity = *facts.identity;
  request.object = refused.object;
  request.effects = refused.effects;
  return request;
}

// Tickets of orders that a person gave are not the plan's to close.
Result<std::vector<std::string>> keys_of_orders(const GuestWorld& world,
                                                const std::string& subject) {
  std::vector<std::string> keys;
  for (const TicketRecord& ticket : TRY(world.journal.open_tickets()))
    for (const gate::Verb verb :
         {gate::Verb::roll_back_snapshot, gate::Verb::remove_snapshot, gate::Verb::restore_over})
      if (ticket.subject == subject && ticket.key.starts_with(gate::to_string(verb)))
        keys.push_back(ticket.key);
  return keys;
}

}  // namespace

Result<void> write_refusals(const GuestWorld& world, const GuestFacts& facts,
                            const GuestPlan& plan) {
  const std::string subject = guest_subject(facts.name);
  std::vector<std::string> keys = TRY(keys_of_orders(world, subject));
  for (const PlannedAction& action : plan.actions) {
    const auto* refused = std::get_if<RefusedChange>(&action.action);
    if (refused == nullptr) continue;
    const PermitRequest request = request_for(facts, *refused);
    const gate::Facts asked = TRY(gate_facts(world, request, facts.observed));
    const gate::Decision decision = world.gate.preview(asked);
    if (decision.allowed)
      return Error{Errc::internal,
                   "the gate allows unsigned what the plan refuses: " + describe(action.action)};
    const auto refusal = TRY(world.gate.refuse(asked, decision, ticket_detail(world, request)));
    keys.push_back(refusal.key);
  }
  return world.gate.settle(subject, keys);
}

Result<void> fill_in_rules(const GuestWorld& world, const GuestFacts& facts, GuestPlan& plan) {
  const std::string subject = guest_subject(facts.name);
  const auto tickets = TRY(world.journal.open_tickets());
  for (PlannedAction& action : plan.actions) {
    const auto* refused = std::get_if<RefusedChange>(&action.action);
    if (refused == nullptr) continue;
    const gate::Facts asked = TRY(gate_facts(world, request_for(facts, *refused), facts.observed));
    action.rule = std::string{world.gate.preview(asked).code};
    for (const TicketRecord& ticket : tickets)
      if (ticket.subject == subject && ticket.key == gate::refusal_key(asked))
        action.ticket = ticket.id;
  }
  return ok();
}

}  // namespace holdfast
