// SPDX-License-Identifier: Apache-2.0
#include "gate/tickets.hpp"

#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "gate/codes.hpp"
#include "schema/job.hpp"

namespace holdfast::gate {
namespace {

// How many more guests must be allowed today for one more to fit.
unsigned missing_budget(const Budget& budget) {
  const unsigned allowance = daily_budget(budget.guests);
  return budget.destroyed_today < allowance ? 0 : budget.destroyed_today - allowance + 1;
}

Job order(const Facts& facts, const Decision& decision, const TicketDetail& detail,
          const std::string& id, Time now) {
  const std::string verb{to_string(facts.verb)};
  Job job{.id = id,
          .action = std::string{job_action(facts.verb)},
          .host_id = detail.host_id,
          .not_before = now,
          .expires = now + ticket_window,
          .params = detail.params,
          .reason = "ticket " + id + ": " + verb + " " + facts.subject};
  if (facts.verb != Verb::allow_mass_change)
    job.guest = GuestBinding{facts.uuid, facts.incarnation, detail.guest_name};
  if (!facts.fingerprint.empty()) job.fingerprint = facts.fingerprint;
  job.params["verb"] = verb;
  job.params.erase("object");
  job.params.erase("extraBudget");
  if (!facts.object.empty()) {
    job.params["object"] = facts.object;
    job.reason += ", " + facts.object;
  }
  if (decision.code == code::budget_spent)
    job.params["extraBudget"] = std::to_string(missing_budget(facts.budget));
  return job;
}

}  // namespace

std::string refusal_key(const Facts& facts) {
  std::string key = std::string{to_string(facts.verb)} + " " + to_string(facts.uuid) + "#" +
                    std::to_string(facts.incarnation.value);
  if (!facts.object.empty()) key += " " + facts.object;
  return key;
}

Result<TicketRecord> write_ticket(const Facts& facts, const Decision& decision,
                                  const TicketDetail& detail, const std::string& id, Time now) {
  const Job job = order(facts, decision, detail, id, now);
  std::string text = to_json(job);
  // What cannot be read back would be signed in vain.
  TRY(parse_job(text, "ticket " + id));
  nlohmann::json effects = detail.effects;
  if (const auto extra = job.params.find("extraBudget"); extra != job.params.end())
    effects.push_back("raises today's budget by " + extra->second +
                      " for this step: more guests are destroyed in a day than the host allows "
                      "by itself");
  return TicketRecord{
      .id = id,
      .subject = facts.subject,
      .key = refusal_key(facts),
      .rule = std::string{decision.code},
      .message = decision.sentence,
      .job = std::move(text),
      .effects = effects.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace),
      .created = job.not_before,
      .expires = job.expires};
}

bool still_fits(const TicketRecord& ticket, const Facts& facts, const Decision& decision,
                const TicketDetail& detail, Time now) {
  // A job is used once: the signed one that did not do needs a successor.
  const bool is_used = facts.authority && facts.authority->job_id() == ticket.id;
  return ticket.is_open && !is_used && ticket.expires - now > ticket_margin &&
         ticket.created <= now &&
         ticket.job == to_json(order(facts, decision, detail, ticket.id, ticket.created));
}

}  // namespace holdfast::gate
