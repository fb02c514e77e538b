// SPDX-License-Identifier: Apache-2.0
#include "reconcilers/guest/guest_permits.hpp"

#include <algorithm>

#include "gate/codes.hpp"
#include "reconcilers/guest/guest_shape.hpp"

namespace holdfast {
namespace {

constexpr Duration day = std::chrono::hours{24};

// How often a guest was given other data: a new root disk or a restore over it counts as a
// guest destroyed, too.
unsigned replacements_after(const GuestIdentity& identity, Time since) {
  const auto new_roots =
      std::count_if(identity.aside.begin(), identity.aside.end(), [&](const SetAside& aside) {
        return aside.verb == gate::to_string(gate::Verb::replace_image) && aside.since > since;
      });
  const bool was_restored = identity.restored && *identity.restored > since;
  return static_cast<unsigned>(new_roots) + (was_restored ? 1U : 0U);
}

Result<gate::Budget> budget_of(const GuestWorld& world) {
  gate::Budget budget;
  const Time since = world.clock.now() - day;
  for (const Provenance& row : TRY(world.journal.all_provenance())) {
    if (!guest_name_of(row.subject)) continue;
    if (const auto identity = parse_identity(row.detail))
      budget.destroyed_today += replacements_after(*identity, since);
    const bool was_destroyed_today = row.tombstoned_at && *row.tombstoned_at > since;
    if (was_destroyed_today) ++budget.destroyed_today;
    if (row.life == Life::live || was_destroyed_today) ++budget.guests;
  }
  return budget;
}

Result<gate::Facts> facts_without_guest(const GuestWorld& world, const PermitRequest& request) {
  gate::Facts facts;
  facts.verb = request.verb;
  facts.requester = request.requester;
  facts.subject = guest_subject(request.identity.name);
  facts.object = request.object;
  facts.uuid = request.identity.uuid;
  facts.incarnation = request.identity.incarnation;
  facts.operation = request.operation;
  facts.provenance = TRY(world.journal.provenance(request.identity.uuid));
  facts.copies = request.copies;
  facts.set_aside = request.set_aside;
  facts.budget = TRY(budget_of(world));
  facts.authority = request.authority;
  facts.now = world.clock.now();
  facts.witnessed = world.journal.witnessed();
  return facts;
}

}  // namespace

Result<gate::Facts> gate_facts(const GuestWorld& world, const PermitRequest& request) {
  auto observed = world.host.inventory.observe(request.identity.uuid);
  if (observed) return gate_facts(world, request, *observed);
  return facts_without_guest(world, request);  // the marker stays `unread`
}

Result<gate::Facts> gate_facts(const GuestWorld& world, const PermitRequest& request,
                               const host::ObservedGuestPtr& observed) {
  gate::Facts facts = TRY(facts_without_guest(world, request));
  facts.marker = marker_state(observed, request.identity, world.host_id);
  // A journal that is older than the guest may call it a tombstone after it was undeleted.
  if (request.verb == gate::Verb::free_tombstone && observed && observed->marker &&
      facts.marker == gate::MarkerState::matches && !is_tombstone(*observed->marker))
    facts.marker = gate::MarkerState::differs;
  if (observed) facts.fingerprint = guest_fingerprint(*observed);
  if (!request.fingerprint.empty()) facts.fingerprint = request.fingerprint;
  return facts;
}

gate::TicketDetail ticket_detail(const GuestWorld& world, const PermitRequest& request) {
  gate::TicketDetail detail;
  detail.host_id = world.host_id;
  detail.guest_name = request.identity.name;
  detail.effects = request.effects;
  return detail;
}

Result<gate::Permit> ask_permit(const GuestWorld& world, const PermitRequest& request) {
  const gate::Facts facts = TRY(gate_facts(world, request));
  auto answer = TRY(world.gate.ask(facts, ticket_detail(world, request)));
  if (auto* permit = std::get_if<gate::Permit>(&answer)) return std::move(*permit);
  const auto& refusal = std::get<gate::Refusal>(answer);
  const Errc code = refusal.decision.code == gate::code::unread ? Errc::unavailable : Errc::denied;
  const std::string ticket = refusal.ticket.empty() ? "" : " (ticket " + refusal.ticket + ")";
  return Error{code,
               std::string{refusal.decision.code} + ": " + refusal.decision.sentence + ticket};
}

std::optional<OrderRefusal> refusal_of(const Error& error) {
  if (error.code() != Errc::denied) return std::nullopt;
  // "authorize: Expired: the signed job has expired": steps are named in lower case, codes
  // are CamelCase words.
  const auto is_code = [](std::string_view word) {
    return !word.empty() && word.front() >= 'A' && word.front() <= 'Z' &&
           std::all_of(word.begin(), word.end(),
                       [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); });
  };
  std::string_view rest = error.message();
  for (auto colon = rest.find(": "); colon != std::string_view::npos; colon = rest.find(": ")) {
    const std::string_view word = rest.substr(0, colon);
    rest.remove_prefix(colon + 2);
    if (is_code(word)) return OrderRefusal{std::string{word}, std::string{rest}};
  }
  return std::nullopt;
}

Result<std::optional<gate::Authority>> authority_of(const GuestWorld& world,
                                                    const std::string& job) {
  if (job.empty()) return std::optional<gate::Authority>{};
  return world.authorities.find(job);
}

}  // namespace holdfast
