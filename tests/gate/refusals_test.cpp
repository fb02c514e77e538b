// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <string>

#include "gate/codes.hpp"
#include "gate/gate.hpp"
#include "tests/catch.hpp"
#include "tests/gate/samples.hpp"

using namespace holdfast;
using namespace holdfast::gate;
using std::chrono::hours;

namespace {

const Duration week = hours{7 * 24};
const Duration moment{1};

struct Answer {
  bool allowed = false;
  std::string code{};
  bool signature_helps = false;
  bool operator==(const Answer&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Answer& answer) {
  return out << (answer.allowed ? "allowed " : "refused ") << answer.code
             << (answer.signature_helps ? " (signable)" : "");
}

Answer answer_to(const Facts& facts) {
  const Decision decision = decide(facts);
  CHECK_FALSE(decision.sentence.empty());
  return {decision.allowed, std::string{decision.code}, decision.signature_helps};
}

Answer allowed(std::string_view code) { return {true, std::string{code}, false}; }
Answer never(std::string_view code) { return {false, std::string{code}, false}; }
Answer unless_signed(std::string_view code) { return {false, std::string{code}, true}; }

// What operation 42 is making right now.
Facts unfinished_guest() {
  Facts facts = live_guest(Verb::remove_unfinished);
  facts.provenance->life = Life::provisioning;
  facts.provenance->data_bearing = false;
  facts.provenance->created_by = facts.operation;
  return facts;
}

Facts scratch_guest() {
  Facts facts = live_guest(Verb::remove_scratch);
  facts.provenance->origin = Origin::scratch;
  facts.provenance->data_bearing = false;
  return facts;
}

Facts tombstone(Duration kept) {
  Facts facts = live_guest(Verb::free_tombstone);
  facts.provenance->life = Life::tombstone;
  facts.provenance->tombstoned_at = facts.now - kept;
  facts.provenance->tombstoned_witnessed = facts.witnessed - kept;
  return facts;
}

Facts prunable_snapshot() {
  Facts facts = live_guest(Verb::remove_snapshot);
  facts.requester = Requester::policy;
  facts.copies = {.is_ours = true, .newer_verified = 3, .age = week};
  return facts;
}

// A domain without a marker, of which the journal knows nothing.
Facts foreign_guest() {
  Facts facts = live_guest(Verb::adopt_guest);
  facts.requester = Requester::job;
  facts.marker = MarkerState::missing;
  facts.provenance.reset();
  return facts;
}

Facts own_rollback_request() {
  Facts facts = live_guest(Verb::roll_back_snapshot);
  facts.requester = Requester::guest;
  facts.copies = {.made_by_this_incarnation = true, .is_ours = true, .has_safety_copy = true};
  return facts;
}

Facts signed_destroy() {
  Facts facts = live_guest(Verb::destroy_guest);
  return signed_by(facts, order_for(facts));
}

}  // namespace

TEST_CASE("gate: a provider that cannot be asked allows nothing", "[gate]") {
  Facts facts = signed_destroy();
  facts.marker = MarkerState::unread;
  CHECK(answer_to(facts) == never(code::unread));
  facts = unfinished_guest();
  facts.marker = MarkerState::unread;
  CHECK(answer_to(facts) == never(code::unread));
}

TEST_CASE("gate: a marker that names another guest refuses even a signed order", "[gate]") {
  Facts facts = signed_destroy();
  facts.marker = MarkerState::differs;
  CHECK(answer_to(facts) == never(code::marker_differs));
}

TEST_CASE("gate: a guest without our marker is foreign and no signature helps", "[gate]") {
  Facts facts = signed_destroy();
  facts.marker = MarkerState::missing;
  CHECK(answer_to(facts) == never(code::foreign));
}

TEST_CASE("gate: a guest that the journal calls foreign is never touched", "[gate]") {
  for (const Verb verb : all_verbs) {
    if (verb == Verb::allow_mass_change || verb == Verb::adopt_guest) continue;
    Facts facts = live_guest(verb);
    facts.provenance->origin = Origin::foreign;
    CHECK(answer_to(signed_by(facts, order_for(facts))) == never(code::foreign));
  }
}

TEST_CASE("gate: a guest that is not there is not destroyed", "[gate]") {
  Facts facts = signed_destroy();
  facts.marker = MarkerState::no_object;
  CHECK(answer_to(facts) == never(code::no_object));
}

TEST_CASE("gate: a guest that the journal does not know is not ours", "[gate]") {
  Facts facts = signed_destroy();
  facts.provenance.reset();
  CHECK(answer_to(facts) == never(code::not_ours));
}

TEST_CASE("gate: a journal row of another UUID vouches for nothing", "[gate]") {
  Facts facts = signed_destroy();
  facts.provenance->uuid = uuid_number(2);
  CHECK(answer_to(facts) == never(code::not_ours));
}

TEST_CASE("gate: the nil UUID names no guest", "[gate]") {
  Facts facts = live_guest(Verb::destroy_guest);
  facts.uuid = Uuid{};
  facts.provenance->uuid = Uuid{};
  CHECK(answer_to(signed_by(facts, order_for(facts))) == never(code::not_ours));
}

TEST_CASE("gate: data that was replaced since the request is not destroyed", "[gate]") {
  Facts facts = signed_destroy();
  facts.provenance->incarnation = {4};
  CHECK(answer_to(facts) == never(code::wrong_incarnation));
}

TEST_CASE("gate: what was removed before is not removed again", "[gate]") {
  Facts facts = signed_destroy();
  facts.provenance->life = Life::gone;
  CHECK(answer_to(facts) == never(code::gone));
}

TEST_CASE("gate: a tombstone can only be freed", "[gate]") {
  Facts facts = live_guest(Verb::shrink_disk);
  facts.provenance->life = Life::tombstone;
  CHECK(answer_to(signed_by(facts, order_for(facts))) == never(code::is_tombstone));
}

TEST_CASE("gate: a request that names no disk is refused although it is signed", "[gate]") {
  Facts facts = live_guest(Verb::shrink_disk);
  facts.object.clear();
  CHECK(answer_to(signed_by(facts, order_for(facts))) == never(code::object_unnamed));
}

TEST_CASE("gate: an operation undoes what it created and did not finish", "[gate]") {
  CHECK(answer_to(unfinished_guest()) == allowed(code::own_rollback));
  Facts not_defined_yet = unfinished_guest();
  not_defined_yet.marker = MarkerState::no_object;
  CHECK(answer_to(not_defined_yet) == allowed(code::own_rollback));
}

TEST_CASE("gate: an operation does not undo what another one created", "[gate]") {
  Facts facts = unfinished_guest();
  facts.provenance->created_by = {7};
  CHECK(answer_to(facts) == never(code::not_this_operation));
}

TEST_CASE("gate: a plan without an operation undoes nothing", "[gate]") {
  Facts facts = unfinished_guest();
  facts.operation = {};
  facts.provenance->created_by = {};
  CHECK(answer_to(facts) == never(code::not_this_operation));
}

TEST_CASE("gate: an adoption that fails does not take the guest with it", "[gate]") {
  Facts facts = unfinished_guest();
  facts.provenance->origin = Origin::adopted;
  CHECK(answer_to(facts) == never(code::not_this_operation));
}

TEST_CASE("gate: a finished guest is not undone by the operation that made it", "[gate]") {
  Facts facts = unfinished_guest();
  facts.provenance->life = Life::live;
  CHECK(answer_to(facts) == never(code::not_unfinished));
  facts = unfinished_guest();
  facts.provenance->data_bearing = true;
  CHECK(answer_to(facts) == never(code::not_unfinished));
}

TEST_CASE("gate: our own scratch is removed and a customer's guest is not", "[gate]") {
  CHECK(answer_to(scratch_guest()) == allowed(code::own_scratch));
  Facts facts = scratch_guest();
  facts.provenance->origin = Origin::created;
  CHECK(answer_to(facts) == never(code::not_scratch));
}

TEST_CASE("gate: scratch that is said to hold data is kept", "[gate]") {
  Facts facts = scratch_guest();
  facts.provenance->data_bearing = true;
  CHECK(answer_to(facts) == never(code::scratch_holds_data));
}

TEST_CASE("gate: nothing of a customer goes without a signature", "[gate]") {
  for (const Verb verb :
       {Verb::destroy_guest, Verb::shrink_disk, Verb::remove_volume, Verb::move_disk,
        Verb::replace_image, Verb::restore_over, Verb::allow_mass_change}) {
    for (const Requester requester : {Requester::desired_state, Requester::operation,
                                      Requester::policy, Requester::guest, Requester::job}) {
      Facts facts = live_guest(verb);
      facts.requester = requester;
      CHECK(answer_to(facts) == unless_signed(code::needs_signature));
    }
    const Facts facts = live_guest(verb);
    CHECK(answer_to(signed_by(facts, order_for(facts))) == allowed(code::signed_order));
  }
}

TEST_CASE("gate: an order for another verb does not do", "[gate]") {
  const Facts facts = live_guest(Verb::shrink_disk);
  SignedOrder order = order_for(facts);
  order.verb = Verb::move_disk;
  CHECK(answer_to(signed_by(facts, order)) == unless_signed(code::signed_other_verb));
}

TEST_CASE("gate: an order for another guest does not do", "[gate]") {
  const Facts facts = live_guest(Verb::destroy_guest);
  SignedOrder order = order_for(facts);
  order.uuid = uuid_number(2);
  CHECK(answer_to(signed_by(facts, order)) == unless_signed(code::signed_other_guest));
}

TEST_CASE("gate: an order for another incarnation does not do", "[gate]") {
  const Facts facts = live_guest(Verb::destroy_guest);
  SignedOrder order = order_for(facts);
  order.incarnation = {2};
  CHECK(answer_to(signed_by(facts, order)) == unless_signed(code::signed_other_incarnation));
}

TEST_CASE("gate: an order to shrink to one size does not shrink to another", "[gate]") {
  const Facts facts = live_guest(Verb::shrink_disk);
  SignedOrder order = order_for(facts);
  order.object = "root 1Gi";
  CHECK(answer_to(signed_by(facts, order)) == unless_signed(code::signed_other_object));
}

TEST_CASE("gate: an order is over at the very moment it names", "[gate]") {
  const Facts facts = live_guest(Verb::destroy_guest);
  SignedOrder order = order_for(facts);
  order.expires = facts.now;
  CHECK(answer_to(signed_by(facts, order)) == unless_signed(code::expired));
  order.expires = facts.now + moment;
  CHECK(answer_to(signed_by(facts, order)) == allowed(code::signed_order));
}

TEST_CASE("gate: an order for the guest as it was does not do when it changed", "[gate]") {
  const Facts facts = live_guest(Verb::destroy_guest);
  SignedOrder order = order_for(facts);
  order.fingerprint = fingerprint_before;
  CHECK(answer_to(signed_by(facts, order)) == unless_signed(code::stale_fingerprint));
  order.fingerprint.clear();
  CHECK(answer_to(signed_by(facts, order)) == allowed(code::signed_order));
}

TEST_CASE("gate: signed orders stop at the daily budget unless they raise it", "[gate][budget]") {
  for (const Verb verb : {Verb::destroy_guest, Verb::replace_image, Verb::restore_over}) {
    Facts facts = live_guest(verb);
    SignedOrder order = order_for(facts);
    facts.budget = {.destroyed_today = 1, .guests = 8};
    CHECK(answer_to(signed_by(facts, order)) == allowed(code::signed_order));
    facts.budget.destroyed_today = 2;
    CHECK(answer_to(signed_by(facts, order)) == unless_signed(code::budget_spent));
    order.extra_budget = 1;
    CHECK(answer_to(signed_by(facts, order)) == allowed(code::signed_order));
  }
  Facts shrink = live_guest(Verb::shrink_disk);
  shrink.budget.destroyed_today = 100;
  CHECK(answer_to(signed_by(shrink, order_for(shrink))) == allowed(code::signed_order));
}

TEST_CASE("gate: a tombstone is freed after seven days and earlier on a signature", "[gate]") {
  CHECK(answer_to(tombstone(week)) == allowed(code::tombstone_kept));
  const Facts young = tombstone(week - moment);
  CHECK(answer_to(young) == unless_signed(code::tombstone_young));
  CHECK(answer_to(signed_by(young, order_for(young))) == allowed(code::signed_order));
}

TEST_CASE("gate: a tombstone without a date is not freed unsigned", "[gate]") {
  Facts facts = tombstone(week);
  facts.provenance->tombstoned_at.reset();
  CHECK(answer_to(facts) == unless_signed(code::tombstone_young));
}

TEST_CASE("gate: seven days are counted by time that was witnessed, whatever the clock says",
          "[gate]") {
  const Duration year = hours{365 * 24};
  for (const Duration jump : {year, -year, Duration::zero()}) {
    Facts stone = tombstone(week - moment);
    stone.now += jump;
    CHECK(answer_to(stone) == unless_signed(code::tombstone_young));
    stone.witnessed += moment;
    CHECK(answer_to(stone) == allowed(code::tombstone_kept));
    stone.witnessed = Duration::zero();  // nobody said
    CHECK(answer_to(stone) == unless_signed(code::tombstone_young));

    Facts aside = live_guest(Verb::free_set_aside);
    aside.set_aside = {.since = aside.now, .witnessed = aside.witnessed};
    aside.now += jump;
    aside.witnessed += week - moment;
    CHECK(answer_to(aside) == unless_signed(code::set_aside_young));
    aside.witnessed += moment;
    CHECK(answer_to(aside) == allowed(code::set_aside_kept));
  }
}

TEST_CASE("gate: half-freed tombstones are freed to the end", "[gate]") {
  Facts facts = tombstone(week);
  facts.marker = MarkerState::no_object;
  CHECK(answer_to(facts) == allowed(code::tombstone_kept));
}

TEST_CASE("gate: a live guest cannot be freed", "[gate]") {
  const Facts facts = live_guest(Verb::free_tombstone);
  CHECK(answer_to(signed_by(facts, order_for(facts))) == never(code::not_tombstone));
}

TEST_CASE("gate: policy removes an old snapshot above the floors", "[gate]") {
  CHECK(answer_to(prunable_snapshot()) == allowed(code::by_policy));
}

TEST_CASE("gate: nobody but policy removes a snapshot, unless it is signed", "[gate]") {
  Facts facts = prunable_snapshot();
  facts.copies.age = {};
  facts.copies.newer_verified = 0;
  for (const Requester requester :
       {Requester::desired_state, Requester::operation, Requester::guest, Requester::job}) {
    facts.requester = requester;
    CHECK(answer_to(facts) == unless_signed(code::not_by_policy));
    CHECK(answer_to(signed_by(facts, order_for(facts))) == allowed(code::signed_order));
  }
  facts.copies.is_ours = false;
  CHECK(answer_to(signed_by(facts, order_for(facts))) == never(code::not_our_copy));
}

TEST_CASE("gate: only a tombstone is undeleted", "[gate]") {
  Facts facts = tombstone(moment);
  facts.verb = Verb::undelete_guest;
  CHECK(answer_to(facts) == unless_signed(code::needs_signature));
  CHECK(answer_to(signed_by(facts, order_for(facts))) == allowed(code::signed_order));
  facts = live_guest(Verb::undelete_guest);
  CHECK(answer_to(signed_by(facts, order_for(facts))) == never(code::not_tombstone));
}

TEST_CASE("gate: only what is certainly somebody else's is adopted, on a signature", "[gate]") {
  Facts facts = foreign_guest();
  CHECK(answer_to(facts) == unless_signed(code::needs_signature));
  CHECK(answer_to(signed_by(facts, order_for(facts))) == allowed(code::signed_order));
  const auto answer_with = [&](MarkerState marker) {
    Facts changed = facts;
    changed.marker = marker;
    return answer_to(signed_by(changed, order_for(changed)));
  };
  CHECK(answer_with(MarkerState::unread) == never(code::unread));
  CHECK(answer_with(MarkerState::differs) == never(code::marker_differs));
  CHECK(answer_with(MarkerState::no_object) == never(code::no_object));
  CHECK(answer_with(MarkerState::matches) == never(code::already_ours));
  facts.provenance = live_guest(Verb::adopt_guest).provenance;
  CHECK(answer_with(MarkerState::missing) == never(code::already_ours));
  facts.provenance->life = Life::gone;
  CHECK(answer_with(MarkerState::missing) == never(code::gone));
}

TEST_CASE("gate: a disk that was set aside is freed after seven days and earlier on a signature",
          "[gate]") {
  Facts facts = live_guest(Verb::free_set_aside);
  CHECK(answer_to(signed_by(facts, order_for(facts))) == never(code::not_set_aside));
  facts.set_aside = {.since = facts.now - week, .witnessed = facts.witnessed - week};
  CHECK(answer_to(facts) == allowed(code::set_aside_kept));
  facts.set_aside.witnessed += moment;
  CHECK(answer_to(facts) == unless_signed(code::set_aside_young));
  CHECK(answer_to(signed_by(facts, order_for(facts))) == allowed(code::signed_order));
  facts.set_aside = {.since = {}, .made_by_this_operation = true};
  CHECK(answer_to(facts) == allowed(code::own_rollback));
}

TEST_CASE("gate: policy does not remove what somebody else snapshotted", "[gate]") {
  Facts facts = prunable_snapshot();
  facts.copies.is_ours = false;
  CHECK(answer_to(facts) == never(code::not_our_copy));
}

TEST_CASE("gate: the last copy that was restored in a test is not removed", "[gate]") {
  Facts facts = prunable_snapshot();
  facts.copies.is_last_tested = true;
  CHECK(answer_to(signed_by(facts, order_for(facts))) == never(code::last_tested));
}

TEST_CASE("gate: a snapshot younger than seven days is not removed", "[gate]") {
  Facts facts = prunable_snapshot();
  facts.copies.age = week - moment;
  CHECK(answer_to(facts) == never(code::too_young));
}

TEST_CASE("gate: three newer verified copies must stay", "[gate]") {
  Facts facts = prunable_snapshot();
  facts.copies.newer_verified = 2;
  CHECK(answer_to(facts) == never(code::too_few_newer));
}

TEST_CASE("gate: a guest may go back to its own snapshot when nothing is lost", "[gate]") {
  CHECK(answer_to(own_rollback_request()) == allowed(code::own_snapshot));
}

TEST_CASE("gate: desired state cannot roll a guest back", "[gate]") {
  Facts facts = own_rollback_request();
  facts.requester = Requester::desired_state;
  CHECK(answer_to(facts) == unless_signed(code::needs_signature));
  CHECK(answer_to(signed_by(facts, order_for(facts))) == allowed(code::signed_order));
}

TEST_CASE("gate: a guest cannot go back to what another incarnation snapshotted", "[gate]") {
  Facts facts = own_rollback_request();
  facts.copies.made_by_this_incarnation = false;
  CHECK(answer_to(facts) == unless_signed(code::other_incarnations_snapshot));
}

TEST_CASE("gate: a guest cannot roll back before what it loses was copied", "[gate]") {
  Facts facts = own_rollback_request();
  facts.copies.has_safety_copy = false;
  CHECK(answer_to(facts) == unless_signed(code::no_safety_copy));
}

TEST_CASE("gate: a guest cannot roll back over newer snapshots", "[gate]") {
  Facts facts = own_rollback_request();
  facts.copies.newer = 1;
  CHECK(answer_to(facts) == unless_signed(code::newer_would_be_lost));
}

TEST_CASE("gate: every verb that a signature can allow has a job action", "[gate]") {
  for (const Verb verb : all_verbs) {
    INFO(to_string(verb));
    const bool never_signed = verb == Verb::remove_unfinished || verb == Verb::remove_scratch;
    CHECK(job_action(verb).empty() == never_signed);
    CHECK(parse_verb(to_string(verb)) == verb);
  }
  CHECK_FALSE(parse_verb("destroy").has_value());
}

TEST_CASE("gate budget: one guest or a quarter of them a day", "[gate][budget]") {
  CHECK(daily_budget(0) == 1);
  CHECK(daily_budget(1) == 1);
  CHECK(daily_budget(7) == 1);
  CHECK(daily_budget(8) == 2);
  CHECK(daily_budget(100) == 25);
}

TEST_CASE("gate budget: dropping more than half of the guests is held", "[gate][budget]") {
  CHECK_FALSE(judge_mass_change(0, 0).held);
  CHECK(judge_mass_change(1, 1).held);
  CHECK_FALSE(judge_mass_change(2, 1).held);
  CHECK(judge_mass_change(2, 2).held);
  CHECK_FALSE(judge_mass_change(10, 5).held);
  CHECK(judge_mass_change(10, 6).held);
  CHECK(judge_mass_change(10, 6).sentence.find("6 of 10") != std::string::npos);
  CHECK(judge_mass_change(4'000'000'000U, 3'000'000'000U).held);
}
