// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <string>

#include <nlohmann/json.hpp>

#include "gate/codes.hpp"
#include "gate/gate.hpp"
#include "gate/tickets.hpp"
#include "schema/job.hpp"
#include "tests/catch.hpp"
#include "tests/gate/gated_journal.hpp"

using namespace holdfast;
using namespace holdfast::gate;
using std::chrono::hours;

namespace {

Job job_of(const GatedJournal& host, const std::string& ticket) {
  const auto record = host.journal->ticket(ticket).value();
  REQUIRE(record);
  auto job = parse_job(record->job, "ticket");
  if (!job) FAIL(job.error().describe());
  return std::move(job).value();
}

Refusal refused(GatedJournal& host, Facts facts, const TicketDetail& detail = acme_detail()) {
  facts.now = host.clock.now();
  return take_refusal(host.gate.ask(facts, detail));
}

std::size_t open_count(const GatedJournal& host) {
  return host.journal->open_tickets().value().size();
}

// The order that a signed ticket becomes, as whoever verifies jobs would make it.
SignedOrder as_signed(const Job& job) {
  const auto param = [&job](const char* name) {
    const auto found = job.params.find(name);
    return found == job.params.end() ? std::string{} : found->second;
  };
  const std::string extra = param("extraBudget");
  return {.job_id = job.id,
          .verb = parse_verb(param("verb")).value(),
          .uuid = job.guest ? job.guest->uuid : Uuid{},
          .incarnation = job.guest ? job.guest->incarnation : Incarnation{},
          .expires = job.expires,
          .fingerprint = job.fingerprint.value_or(""),
          .extra_budget = extra.empty() ? 0U : static_cast<unsigned>(std::stoul(extra)),
          .object = param("object")};
}

}  // namespace

TEST_CASE("ticket: it is a job for exactly this guest and this week", "[gate][ticket]") {
  GatedJournal host;
  const Refusal refusal = refused(host, live_guest(Verb::destroy_guest));
  const Job job = job_of(host, refusal.ticket);
  CHECK(job.id == refusal.ticket);
  CHECK(job.id.size() == 32);
  CHECK(job.action == "guest.destroy");
  CHECK(job.host_id == acme_detail().host_id);
  REQUIRE(job.guest);
  CHECK(*job.guest == GuestBinding{uuid_number(1), {3}, "acme"});
  CHECK(job.fingerprint == fingerprint_now);
  CHECK(job.not_before == noon);
  CHECK(job.expires == noon + hours{7 * 24});
  CHECK(job.params.at("verb") == "destroy_guest");
  CHECK(job.reason.find(refusal.ticket) != std::string::npos);

  const TicketRecord record = host.journal->ticket(refusal.ticket).value().value();
  CHECK(record.subject == "guest/acme");
  CHECK(record.rule == "NeedsSignature");
  CHECK(record.message == refusal.decision.sentence);
  CHECK(record.expires == job.expires);
  CHECK(nlohmann::json::parse(record.effects).get<std::vector<std::string>>() ==
        acme_detail().effects);
}

TEST_CASE("ticket: signing any of them as it stands allows its step", "[gate][ticket]") {
  for (const Verb verb : all_verbs) {
    if (job_action(verb).empty()) continue;
    INFO(to_string(verb));
    GatedJournal host;
    Facts facts = live_guest(verb);
    if (verb == Verb::allow_mass_change) {
      facts = {.verb = verb, .subject = "host", .object = fingerprint_before, .now = noon};
    } else if (verb == Verb::free_tombstone || verb == Verb::undelete_guest) {
      facts.provenance->life = Life::tombstone;
      facts.provenance->tombstoned_at = noon;
    } else if (verb == Verb::adopt_guest) {
      facts.provenance.reset();
      facts.marker = MarkerState::missing;
    }
    facts.copies.is_ours = verb == Verb::remove_snapshot;
    if (verb == Verb::free_set_aside) facts.set_aside.since = noon;
    const Refusal refusal = refused(host, facts);
    const Job job = job_of(host, refusal.ticket);
    CHECK(job.action == job_action(verb));
    CHECK(decide(signed_by(facts, as_signed(job))).allowed);
    const Permit permit =
        take_permit(host.gate.ask(signed_by(facts, as_signed(job)), acme_detail()));
    CHECK(permit.verb() == verb);
    CHECK(open_count(host) == 0);
  }
}

TEST_CASE("ticket: it names the object and the sizes that the caller gives", "[gate][ticket]") {
  GatedJournal host;
  TicketDetail detail = acme_detail();
  detail.params = {
      {"from", "16Gi"}, {"to", "8Gi"}, {"verb", "grow"}, {"object", "x"}, {"extraBudget", "9"}};
  const Job job = job_of(host, refused(host, live_guest(Verb::shrink_disk), detail).ticket);
  CHECK(job.params ==
        std::map<std::string, std::string>{
            {"from", "16Gi"}, {"object", "root 8Gi"}, {"to", "8Gi"}, {"verb", "shrink_disk"}});
}

TEST_CASE("ticket: the caller cannot slip in an object or a budget", "[gate][ticket]") {
  GatedJournal host;
  TicketDetail detail = acme_detail();
  detail.params = {{"object", "root 8Gi"}, {"extraBudget", "9"}};
  const Job job = job_of(host, refused(host, live_guest(Verb::destroy_guest), detail).ticket);
  CHECK(job.params == std::map<std::string, std::string>{{"verb", "destroy_guest"}});
}

TEST_CASE("ticket: one that was used up is not offered again", "[gate][ticket]") {
  GatedJournal host;
  const Facts facts = live_guest(Verb::destroy_guest);
  const Refusal first = refused(host, facts);
  SignedOrder order = as_signed(job_of(host, first.ticket));
  order.expires = noon;  // the order would say the same again, but its id is spent
  const Refusal over = refused(host, signed_by(facts, order));
  CHECK(over.decision.code == code::expired);
  CHECK(over.ticket != first.ticket);
  CHECK(open_count(host) == 1);
}

TEST_CASE("ticket: the same refusal keeps its ticket", "[gate][ticket]") {
  GatedJournal host;
  const Refusal first = refused(host, live_guest(Verb::destroy_guest));
  host.clock.advance(hours{5 * 24});
  const Refusal later = refused(host, live_guest(Verb::destroy_guest));
  CHECK(later.ticket == first.ticket);
  CHECK(open_count(host) == 1);
}

TEST_CASE("ticket: one with a day or less left is written anew", "[gate][ticket]") {
  GatedJournal host;
  const Refusal first = refused(host, live_guest(Verb::destroy_guest));
  host.clock.advance(hours{6 * 24});
  const Refusal later = refused(host, live_guest(Verb::destroy_guest));
  CHECK(later.ticket != first.ticket);
  CHECK(job_of(host, later.ticket).expires == noon + hours{13 * 24});
  REQUIRE(open_count(host) == 1);
  CHECK(host.journal->open_tickets().value().at(0).id == later.ticket);
  CHECK(host.audit("refusal").size() == 1);
}

TEST_CASE("ticket: one for the guest as it was gives way to one as it is", "[gate][ticket]") {
  GatedJournal host;
  Facts facts = live_guest(Verb::destroy_guest);
  const Refusal first = refused(host, facts);
  facts.fingerprint = fingerprint_before;
  const Refusal later = refused(host, facts);
  CHECK(later.ticket != first.ticket);
  CHECK(open_count(host) == 1);
}

TEST_CASE("ticket: two disks of one guest have two", "[gate][ticket]") {
  GatedJournal host;
  Facts facts = live_guest(Verb::shrink_disk);
  const Refusal root = refused(host, facts);
  facts.object = "db 1Gi";
  const Refusal db = refused(host, facts);
  CHECK(root.ticket != db.ticket);
  CHECK(open_count(host) == 2);
}

TEST_CASE("ticket: a signed one that did not do has a successor", "[gate][ticket]") {
  GatedJournal host;
  Facts facts = live_guest(Verb::destroy_guest);
  const Refusal first = refused(host, facts);
  const SignedOrder order = as_signed(job_of(host, first.ticket));
  facts.budget = {.destroyed_today = 4, .guests = 8};
  const Refusal over = refused(host, signed_by(facts, order));
  CHECK(over.decision.code == code::budget_spent);
  CHECK(over.ticket != first.ticket);
  CHECK(open_count(host) == 1);

  // The successor says how much the budget must be raised, and that is enough.
  const Job job = job_of(host, over.ticket);
  CHECK(job.params.at("extraBudget") == "3");
  CHECK(decide(signed_by(facts, as_signed(job))).allowed);
  const std::string effects = host.journal->ticket(over.ticket).value().value().effects;
  CHECK(effects.find("raises today's budget by 3") != std::string::npos);
}

TEST_CASE("ticket: what is no longer refused has none", "[gate][ticket]") {
  GatedJournal host;
  const Refusal destroy = refused(host, live_guest(Verb::destroy_guest));
  const Refusal shrink = refused(host, live_guest(Verb::shrink_disk));
  REQUIRE(host.gate.settle("guest/acme", {shrink.key}));
  REQUIRE(open_count(host) == 1);
  CHECK(host.journal->open_tickets().value().at(0).id == shrink.ticket);
  REQUIRE(host.gate.settle("guest/other", {}));
  CHECK(open_count(host) == 1);

  // When it comes back it is news: a new ticket, a new audit entry.
  const Refusal again = refused(host, live_guest(Verb::destroy_guest));
  CHECK(again.ticket != destroy.ticket);
  CHECK(host.audit("refusal").size() == 3);
}

TEST_CASE("ticket: a host without a proper id gets an error and no ticket", "[gate][ticket]") {
  GatedJournal host;
  TicketDetail detail = acme_detail();
  detail.host_id = "here";
  const auto answer = host.gate.ask(live_guest(Verb::destroy_guest), detail);
  REQUIRE_FALSE(answer);
  CHECK(answer.error().code() == Errc::invalid);
  CHECK(open_count(host) == 0);
}

TEST_CASE("ticket: a standing refusal costs no commit", "[gate][ticket]") {
  struct Commits final : CommitObserver {
    void before_commit() override {}
    void after_commit() override { ++count; }
    int count = 0;
  } commits;
  GatedJournal host{&commits};
  const Refusal refusal = refused(host, live_guest(Verb::destroy_guest));
  const int before = commits.count;
  CHECK(before >= 1);
  refused(host, live_guest(Verb::destroy_guest));
  REQUIRE(host.gate.settle("guest/acme", {refusal.key}));
  CHECK(commits.count == before);
}
