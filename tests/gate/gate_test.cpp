// SPDX-License-Identifier: Apache-2.0
#include "gate/gate.hpp"

#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>

#include <nlohmann/json.hpp>

#include "gate/codes.hpp"
#include "tests/catch.hpp"
#include "tests/gate/gated_journal.hpp"

using namespace holdfast;
using namespace holdfast::gate;
using std::chrono::hours;

namespace {

struct PowerLoss {};

// Fails the machine before or after the n-th commit from now.
class PowerCut final : public CommitObserver {
 public:
  enum class When { never, before, after };
  void before_commit() override { cut(When::before); }
  void after_commit() override { cut(When::after); }
  When when = When::never;

 private:
  void cut(When at) const {
    if (when == at) throw PowerLoss{};
  }
};

Facts signed_destroy() {
  const Facts facts = live_guest(Verb::destroy_guest);
  return signed_by(facts, order_for(facts));
}

Facts scratch_removal() {
  Facts facts = live_guest(Verb::remove_scratch);
  facts.provenance->origin = Origin::scratch;
  facts.provenance->data_bearing = false;
  return facts;
}

}  // namespace

TEST_CASE("gate: a permit is in the audit chain with its order and its rule", "[gate][audit]") {
  GatedJournal host;
  [[maybe_unused]] const Permit permit =
      take_permit(host.gate.ask(signed_destroy(), acme_detail()));
  const auto entries = host.audit("permit");
  REQUIRE(entries.size() == 1);
  CHECK(entries[0].subject == "guest/acme");
  const auto detail = nlohmann::json::parse(entries[0].detail);
  CHECK(detail.at("verb") == "destroy_guest");
  CHECK(detail.at("uuid") == to_string(uuid_number(1)));
  CHECK(detail.at("incarnation") == 3);
  CHECK(detail.at("operation") == "op-42");
  CHECK(detail.at("requester") == "operation");
  CHECK(detail.at("code") == "SignedOrder");
  CHECK(detail.at("job") == SignedOrder{}.job_id);
  CHECK(host.journal->verify_audit());
}

TEST_CASE("gate: each permit has its own audit entry", "[gate][audit]") {
  GatedJournal host;
  [[maybe_unused]] const Permit first =
      take_permit(host.gate.ask(scratch_removal(), acme_detail()));
  [[maybe_unused]] const Permit second =
      take_permit(host.gate.ask(scratch_removal(), acme_detail()));
  CHECK(host.audit("permit").size() == 2);
}

TEST_CASE("gate: a preview writes nothing", "[gate][audit]") {
  GatedJournal host;
  CHECK_FALSE(host.gate.preview(live_guest(Verb::destroy_guest)).allowed);
  CHECK(host.gate.preview(signed_destroy()).allowed);
  CHECK(host.journal->audit_tail(10).value().empty());
  CHECK(host.journal->open_tickets().value().empty());
}

TEST_CASE("gate: what expired while facts were gathered is refused", "[gate]") {
  GatedJournal host;
  const Facts facts = signed_destroy();
  REQUIRE(host.gate.preview(facts).allowed);
  host.clock.advance(hours{1});
  const Refusal refusal = take_refusal(host.gate.ask(facts, acme_detail()));
  CHECK(refusal.decision.code == code::expired);
  CHECK(host.audit("permit").empty());
}

TEST_CASE("gate: what a caller says was witnessed is not believed", "[gate]") {
  GatedJournal host;
  Facts facts = live_guest(Verb::free_tombstone);
  facts.provenance->life = Life::tombstone;
  facts.provenance->tombstoned_at = noon;
  const Duration week = hours{7 * 24};
  facts.witnessed = week;
  REQUIRE(host.gate.preview(facts).allowed);
  const Refusal refusal = take_refusal(host.gate.ask(facts, acme_detail()));
  CHECK(refusal.decision.code == code::tombstone_young);
  host.clock.advance(week);
  const Permit permit = take_permit(host.gate.ask(facts, acme_detail()));
  CHECK(permit.verb() == Verb::free_tombstone);
}

TEST_CASE("gate: nothing is permitted outside an operation", "[gate]") {
  GatedJournal host;
  Facts facts = signed_destroy();
  facts.operation = {};
  const auto answer = host.gate.ask(facts, acme_detail());
  REQUIRE_FALSE(answer);
  CHECK(answer.error().code() == Errc::invalid);
  CHECK(host.journal->audit_tail(10).value().empty());
}

TEST_CASE("gate: a mass change needs no operation but its signature", "[gate]") {
  GatedJournal host;
  Facts facts{.verb = Verb::allow_mass_change,
              .subject = "host",
              .object = "sha256:" + std::string(64, 'c'),
              .now = noon};
  const Refusal refusal = take_refusal(host.gate.ask(facts, acme_detail()));
  CHECK(refusal.decision.code == code::needs_signature);
  CHECK_FALSE(refusal.ticket.empty());
  const Permit permit =
      take_permit(host.gate.ask(signed_by(facts, order_for(facts)), acme_detail()));
  CHECK(permit.verb() == Verb::allow_mass_change);
}

TEST_CASE("gate: a refusal is audited once for as long as it stands", "[gate][audit]") {
  GatedJournal host;
  const Facts facts = live_guest(Verb::destroy_guest);
  for (int pass = 0; pass < 3; ++pass) take_refusal(host.gate.ask(facts, acme_detail()));
  const auto entries = host.audit("refusal");
  REQUIRE(entries.size() == 1);
  const auto detail = nlohmann::json::parse(entries[0].detail);
  CHECK(detail.at("code") == "NeedsSignature");
  CHECK(detail.at("ticket") == host.journal->open_tickets().value().at(0).id);
}

TEST_CASE("gate: a refusal that no signature lifts is audited once too", "[gate][audit]") {
  GatedJournal host;
  Facts facts = signed_destroy();
  facts.marker = MarkerState::missing;
  for (int pass = 0; pass < 3; ++pass) {
    const Refusal refusal = take_refusal(host.gate.ask(facts, acme_detail()));
    CHECK(refusal.decision.code == code::foreign);
    CHECK(refusal.ticket.empty());
  }
  CHECK(host.audit("refusal").size() == 1);
  CHECK(host.journal->open_tickets().value().empty());
}

TEST_CASE("gate: a refusal for another reason is audited anew", "[gate][audit]") {
  GatedJournal host;
  Facts facts = live_guest(Verb::destroy_guest);
  take_refusal(host.gate.ask(facts, acme_detail()));
  facts.marker = MarkerState::unread;
  take_refusal(host.gate.ask(facts, acme_detail()));
  CHECK(host.audit("refusal").size() == 2);
}

TEST_CASE("gate: refusals of two guests do not hide each other", "[gate][audit]") {
  GatedJournal host;
  Facts other = live_guest(Verb::destroy_guest);
  other.uuid = uuid_number(2);
  other.provenance->uuid = uuid_number(2);
  other.subject = "guest/bell";
  for (int pass = 0; pass < 2; ++pass) {
    take_refusal(host.gate.ask(live_guest(Verb::destroy_guest), acme_detail()));
    take_refusal(host.gate.ask(other, acme_detail()));
  }
  CHECK(host.audit("refusal").size() == 2);
  CHECK(host.journal->open_tickets().value().size() == 2);
}

TEST_CASE("gate: a flood of refusals does not grow the audit chain with it", "[gate][audit]") {
  GatedJournal host;
  const auto refuse = [&](std::uint8_t number) {
    Facts facts = live_guest(Verb::destroy_guest);
    facts.object = "wish " + std::to_string(number);
    return take_refusal(host.gate.ask(facts, acme_detail()));
  };
  const auto audited = [&] { return host.journal->audit_tail(10'000).value().size(); };
  // A hub that wants something and takes it back, again and again.
  for (int i = 0; i < 1'500; ++i) {
    CHECK_FALSE(refuse(1).ticket.empty());
    REQUIRE(host.gate.settle("guest/acme", {}));
  }
  CHECK(audited() == 1'000);
  host.clock.advance(std::chrono::minutes{1});
  refuse(2);
  REQUIRE(audited() == 1'001);
  CHECK(nlohmann::json::parse(host.audit("refusal").back().detail).at("leftOut") == 500);
  CHECK(host.journal->verify_audit());
}

TEST_CASE("gate: an allowed step cannot be written down as refused", "[gate]") {
  GatedJournal host;
  const Facts facts = signed_destroy();
  const auto refusal = host.gate.refuse(facts, decide(facts), acme_detail());
  REQUIRE_FALSE(refusal);
  CHECK(refusal.error().code() == Errc::invalid);
}

TEST_CASE("gate: no environment variable opens it", "[gate]") {
  for (const char* name : {"HOLDFAST_FORCE", "HOLDFAST_NO_GATE", "HOLDFAST_GATE", "FORCE", "DEBUG"})
    REQUIRE(::setenv(name, "1", 1) == 0);
  GatedJournal host;
  const Facts facts = live_guest(Verb::destroy_guest);
  CHECK(take_refusal(host.gate.ask(facts, acme_detail())).decision.code == code::needs_signature);
}

TEST_CASE("gate: a machine that dies around the audit commit has given no permit",
          "[gate][crash]") {
  using When = PowerCut::When;
  for (const When when : {When::before, When::after}) {
    PowerCut power;
    GatedJournal host{&power};
    power.when = when;
    bool got_permit = false;
    try {
      [[maybe_unused]] const Permit permit =
          take_permit(host.gate.ask(signed_destroy(), acme_detail()));
      got_permit = true;
    } catch (const PowerLoss&) {
    }
    power.when = When::never;
    CHECK_FALSE(got_permit);
    // After the commit the entry may stand for a permit that never was; never the reverse.
    CHECK(host.audit("permit").size() == (when == When::after ? 1 : 0));
    [[maybe_unused]] const Permit retried =
        take_permit(host.gate.ask(signed_destroy(), acme_detail()));
    CHECK(host.audit("permit").size() == (when == When::after ? 2 : 1));
    CHECK(host.journal->verify_audit());
  }
}

TEST_CASE("gate: a machine that dies around a refusal leaves ticket and entry or neither",
          "[gate][crash]") {
  using When = PowerCut::When;
  for (const When when : {When::before, When::after}) {
    PowerCut power;
    GatedJournal host{&power};
    power.when = when;
    const Facts facts = live_guest(Verb::destroy_guest);
    CHECK_THROWS_AS(host.gate.ask(facts, acme_detail()), PowerLoss);
    power.when = When::never;
    const std::size_t written = when == When::after ? 1 : 0;
    CHECK(host.audit("refusal").size() == written);
    CHECK(host.journal->open_tickets().value().size() == written);
    take_refusal(host.gate.ask(facts, acme_detail()));
    CHECK(host.audit("refusal").size() == 1);
    CHECK(host.journal->open_tickets().value().size() == 1);
  }
}

TEST_CASE("gate: workers that are refused the same step share one ticket", "[gate][threads]") {
  GatedJournal host;
  const auto ask_often = [&host] {
    for (int i = 0; i < 20; ++i) {
      const auto answer = host.gate.ask(live_guest(Verb::destroy_guest), acme_detail());
      if (!answer) std::abort();
    }
  };
  std::thread other{ask_often};
  ask_often();
  other.join();
  CHECK(host.journal->open_tickets().value().size() == 1);
  CHECK(host.audit("refusal").size() == 1);
}
