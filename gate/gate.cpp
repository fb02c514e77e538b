// SPDX-License-Identifier: Apache-2.0
#include "gate/gate.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "gate/tickets.hpp"
#include "journal/writes.hpp"

namespace holdfast::gate {
namespace {

using Json = nlohmann::json;

std::string print(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// What both kinds of audit entry say of the step.
Json describe(const Facts& facts, const Decision& decision) {
  Json entry{{"verb", to_string(facts.verb)},
             {"requester", to_string(facts.requester)},
             {"uuid", to_string(facts.uuid)},
             {"incarnation", facts.incarnation.value},
             {"code", decision.code}};
  if (facts.operation.value > 0) entry["operation"] = to_string(facts.operation);
  if (!facts.object.empty()) entry["object"] = facts.object;
  if (facts.authority) entry["job"] = facts.authority->job_id();
  return entry;
}

// The refusals of one subject that were audited and still stand: key -> code. Kept in
// the journal, so that a restart does not audit them again.
class StandingRefusals {
 public:
  static Result<StandingRefusals> read(const Journal& journal, std::string_view subject) {
    StandingRefusals refusals;
    refusals.fact_ = "refused/" + std::string{subject};
    const auto text = TRY(journal.fact(refusals.fact_));
    if (!text) return refusals;
    // What cannot be read is forgotten: the worst of it is a second audit entry.
    refusals.codes_ = Json::parse(*text, nullptr, false);
    if (!refusals.codes_.is_object()) refusals.codes_ = Json::object();
    return refusals;
  }
  bool has(const std::string& key, std::string_view code) const {
    const auto found = codes_.find(key);
    return found != codes_.end() && *found == code;
  }
  void add(const std::string& key, std::string_view code) { codes_[key] = code; }
  // Whether there was one.
  bool drop(const std::string& key) { return codes_.erase(key) > 0; }
  bool keep_only(const std::vector<std::string>& keys) {
    const std::size_t before = codes_.size();
    for (auto at = codes_.begin(); at != codes_.end();)
      at = std::find(keys.begin(), keys.end(), at.key()) == keys.end() ? codes_.erase(at)
                                                                       : std::next(at);
    return codes_.size() != before;
  }
  Result<void> write(Writes& writes) const { return writes.set_fact(fact_, print(codes_)); }

 private:
  std::string fact_{};
  Json codes_ = Json::object();
};

Result<std::vector<TicketRecord>> open_tickets_for(const Journal& journal,
                                                   const std::string& subject,
                                                   const std::string& key) {
  std::vector<TicketRecord> tickets = TRY(journal.open_tickets());
  std::erase_if(tickets, [&](const TicketRecord& ticket) {
    return ticket.subject != subject || ticket.key != key;
  });
  return tickets;
}

Result<void> close(Writes& writes, const std::vector<TicketRecord>& tickets) {
  for (const TicketRecord& ticket : tickets) TRY(writes.close_ticket(ticket.id));
  return ok();
}

// Out of `tickets` the one that can be signed as it stands.
std::optional<TicketRecord> take_fitting(std::vector<TicketRecord>& tickets, const Facts& facts,
                                         const Decision& decision, const TicketDetail& detail,
                                         Time now) {
  if (!decision.signature_helps) return std::nullopt;
  const auto good = std::find_if(tickets.begin(), tickets.end(), [&](const TicketRecord& ticket) {
    return still_fits(ticket, facts, decision, detail, now);
  });
  if (good == tickets.end()) return std::nullopt;
  std::optional<TicketRecord> taken{std::move(*good)};
  tickets.erase(good);
  return taken;
}

}  // namespace

std::string_view to_string(Requester requester) {
  switch (requester) {
    case Requester::desired_state: return "desired_state";
    case Requester::operation: return "operation";
    case Requester::policy: return "policy";
    case Requester::guest: return "guest";
    case Requester::job: return "job";
  }
  return "unknown";
}

Decision Gate::preview(const Facts& facts) const { return decide(facts); }

Result<std::variant<Permit, Refusal>> Gate::ask(const Facts& asked, const TicketDetail& detail) {
  if (asked.operation.value <= 0 && asked.verb != Verb::allow_mass_change)
    return Error{Errc::invalid, "a permit to " + std::string{to_string(asked.verb)} + " " +
                                    asked.subject + " was asked for outside any operation"};
  Facts facts = asked;
  facts.now = clock_.now();
  facts.witnessed = journal_.witnessed();
  const Decision decision = decide(facts);
  if (!decision.allowed) {
    Refusal refusal = TRY(refuse(facts, decision, detail));
    return std::variant<Permit, Refusal>{std::move(refusal)};
  }

  const std::string key = refusal_key(facts);
  const std::lock_guard lock{mutex_};
  const auto tickets = TRY(open_tickets_for(journal_, facts.subject, key));
  StandingRefusals standing = TRY(StandingRefusals::read(journal_, facts.subject));
  const bool was_refused = standing.drop(key);
  const auto write = [&](Writes& writes) -> Result<void> {
    TRY(writes.audit("permit", facts.subject, print(describe(facts, decision))));
    TRY(close(writes, tickets));
    return was_refused ? standing.write(writes) : ok();
  };
  // Durable before the permit exists: nothing is destroyed that the chain does not name.
  TRY(journal_.commit(write).context("audit the permit to " + key));
  return std::variant<Permit, Refusal>{
      Permit{facts.verb, facts.uuid, facts.incarnation, facts.operation}};
}

Result<Refusal> Gate::refuse(const Facts& facts, const Decision& decision,
                             const TicketDetail& detail) {
  if (decision.allowed)
    return Error{Errc::invalid, "an allowed step cannot be refused: " + refusal_key(facts)};
  Refusal refusal{.decision = decision, .key = refusal_key(facts)};
  const Time now = clock_.now();
  const std::lock_guard lock{mutex_};
  auto stale = TRY(open_tickets_for(journal_, facts.subject, refusal.key));
  std::optional<TicketRecord> fresh;
  if (auto good = take_fitting(stale, facts, decision, detail, now)) {
    refusal.ticket = std::move(good->id);
  } else if (decision.signature_helps) {
    fresh = TRY(write_ticket(facts, decision, detail, random_hex_id(random_), now));
    refusal.ticket = fresh->id;
  }

  TRY(write_down(refusal, facts, stale, fresh));
  return refusal;
}

// With the mutex held: closes `stale` tickets, opens the `fresh` one, audits what is new.
Result<void> Gate::write_down(const Refusal& refusal, const Facts& facts,
                              const std::vector<TicketRecord>& stale,
                              const std::optional<TicketRecord>& fresh) {
  const Decision& decision = refusal.decision;
  StandingRefusals standing = TRY(StandingRefusals::read(journal_, facts.subject));
  const bool is_news = !standing.has(refusal.key, decision.code);
  if (!is_news && !fresh && stale.empty()) return ok();
  Json entry = describe(facts, decision);
  entry["message"] = decision.sentence;
  if (!refusal.ticket.empty()) entry["ticket"] = refusal.ticket;
  standing.add(refusal.key, decision.code);
  const bool is_audited = is_news && audited_refusals_.take(clock_.elapsed());
  if (left_out_ > 0) entry["leftOut"] = left_out_;
  const auto write = [&](Writes& writes) -> Result<void> {
    TRY(close(writes, stale));
    if (fresh) TRY(writes.put(*fresh));
    if (!is_news) return ok();
    if (is_audited) TRY(writes.audit("refusal", facts.subject, print(entry)));
    return standing.write(writes);
  };
  TRY(journal_.commit(write).context("write down the refusal to " + refusal.key));
  if (is_news) left_out_ = is_audited ? 0 : left_out_ + 1;
  return ok();
}

Result<void> Gate::settle(std::string_view subject, const std::vector<std::string>& refused_keys) {
  const std::lock_guard lock{mutex_};
  std::vector<TicketRecord> over = TRY(journal_.open_tickets());
  std::erase_if(over, [&](const TicketRecord& ticket) {
    return ticket.subject != subject ||
           std::find(refused_keys.begin(), refused_keys.end(), ticket.key) != refused_keys.end();
  });
  StandingRefusals standing = TRY(StandingRefusals::read(journal_, subject));
  const bool dropped = standing.keep_only(refused_keys);
  if (over.empty() && !dropped) return ok();
  return journal_
      .commit([&](Writes& writes) -> Result<void> {
        TRY(close(writes, over));
        return dropped ? standing.write(writes) : ok();
      })
      .context("close the tickets of " + std::string{subject});
}

}  // namespace holdfast::gate
