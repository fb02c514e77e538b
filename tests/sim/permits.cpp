// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/permits.hpp"

#include <stdexcept>
#include <string>
#include <utility>
#include <variant>

#include "tests/gate/authority_issuer.hpp"

namespace holdfast::sim {
namespace {

using gate::Facts;
using gate::Requester;
using gate::Verb;

constexpr OperationId some_operation{1};
constexpr Duration long_ago = std::chrono::hours{24 * 30};

std::unique_ptr<Journal> open_journal(const Clock& clock) {
  JournalOptions options;
  options.path = ":memory:";
  options.writer = JournalOptions::Writer::inline_writer;
  auto journal = Journal::open(options, clock);
  if (!journal) throw std::runtime_error{journal.error().describe()};
  return std::move(journal).value();
}

// The journal's row that the rule for `facts.verb` wants to see.
Provenance row_for(const Facts& facts) {
  Provenance row;
  row.uuid = facts.uuid;
  row.incarnation = facts.incarnation;
  row.subject = facts.subject;
  row.origin = Origin::created;
  row.created_by = some_operation;
  row.life = Life::live;
  row.data_bearing = true;
  if (facts.verb == Verb::remove_unfinished || facts.verb == Verb::remove_scratch) {
    row.life = Life::provisioning;
    row.data_bearing = false;
  }
  if (facts.verb == Verb::remove_scratch) row.origin = Origin::scratch;
  if (facts.verb == Verb::free_tombstone) {
    row.life = Life::tombstone;
    row.tombstoned_at = facts.now - long_ago;
  }
  return row;
}

Facts facts_for(Verb verb, const Uuid& uuid, Incarnation incarnation, Time now) {
  Facts facts;
  facts.verb = verb;
  facts.subject = "guest/contract";
  facts.object = "root";
  facts.uuid = uuid;
  facts.incarnation = incarnation;
  facts.operation = some_operation;
  facts.marker = gate::MarkerState::matches;
  facts.now = now;
  facts.provenance = row_for(facts);
  if (verb == Verb::adopt_guest) {
    facts.marker = gate::MarkerState::missing;
    facts.provenance.reset();
  }
  facts.copies.made_by_this_incarnation = true;
  facts.copies.is_ours = true;
  facts.copies.has_safety_copy = true;
  facts.copies.newer_verified = 3;
  facts.copies.age = long_ago;
  facts.requester = Requester::operation;
  if (verb == Verb::remove_snapshot) facts.requester = Requester::policy;
  if (verb == Verb::roll_back_snapshot) facts.requester = Requester::guest;
  gate::SignedOrder order;
  order.verb = verb;
  order.uuid = uuid;
  order.incarnation = incarnation;
  order.expires = now + long_ago;
  order.object = facts.object;
  facts.authority = gate::AuthorityIssuer::issue(order);
  return facts;
}

}  // namespace

PermitMint::PermitMint() : journal_{open_journal(clock_)}, gate_{*journal_, clock_, random_} {}

gate::Permit PermitMint::permit(Verb verb, const Uuid& uuid, Incarnation incarnation) {
  auto answer = gate_.ask(facts_for(verb, uuid, incarnation, clock_.now()), {});
  if (!answer) throw std::runtime_error{answer.error().describe()};
  auto made = std::move(answer).value();
  if (auto* permit = std::get_if<gate::Permit>(&made)) return std::move(*permit);
  throw std::runtime_error{std::get<gate::Refusal>(made).decision.sentence};
}

gate::Permit PermitMint::spent(Verb verb, const Uuid& uuid, Incarnation incarnation) {
  gate::Permit fresh = permit(verb, uuid, incarnation);
  const gate::Permit used = std::move(fresh);
  return fresh;  // NOLINT(bugprone-use-after-move): a spent permit is what is asked for
}

}  // namespace holdfast::sim
