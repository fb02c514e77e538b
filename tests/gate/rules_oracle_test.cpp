// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "gate/gate.hpp"
#include "tests/catch.hpp"
#include "tests/gate/oracle.hpp"
#include "tests/gate/samples.hpp"

using namespace holdfast;
using namespace holdfast::gate;
using std::chrono::hours;

namespace {

const Duration week = hours{7 * 24};
const Duration moment{1};

constexpr Requester requesters[] = {Requester::desired_state, Requester::operation,
                                    Requester::policy, Requester::guest, Requester::job};
constexpr MarkerState markers[] = {MarkerState::matches, MarkerState::differs, MarkerState::missing,
                                   MarkerState::no_object, MarkerState::unread};

struct Rowed {
  std::optional<Provenance> row{};
  OperationId operation{};
};

// When by the wall clock, and by what was witnessed: the one may lie in either direction.
struct Dated {
  std::optional<Time> at{};
  Duration witnessed{};
};

const std::vector<Dated>& all_dates() {
  static const std::vector<Dated> all{{std::nullopt, {}},
                                      {noon - week, by_noon - week + moment},
                                      {noon + moment, by_noon - week},
                                      {noon - week, by_noon + moment}};
  return all;
}

// No row, and every combination of what a row can say; `tombstoned` for all of them,
// so that a date on something that is no tombstone is tried too.
std::vector<Rowed> rows(const std::vector<Dated>& tombstoned) {
  std::vector<Rowed> all{{std::nullopt, {42}}};
  Provenance row{.uuid = uuid_number(1), .subject = "guest/acme"};
  const std::pair<OperationId, OperationId> created_by_and_operation[] = {
      {{42}, {42}}, {{7}, {42}}, {{0}, {0}}};
  for (const Origin origin : {Origin::created, Origin::scratch, Origin::adopted, Origin::foreign})
    for (const Life life : {Life::provisioning, Life::live, Life::tombstone, Life::gone})
      for (const bool data_bearing : {false, true})
        for (const std::uint64_t incarnation : {3U, 2U})
          for (const auto& [created_by, operation] : created_by_and_operation)
            for (const Dated& date : tombstoned) {
              row.origin = origin;
              row.life = life;
              row.data_bearing = data_bearing;
              row.incarnation = {incarnation};
              row.created_by = created_by;
              row.tombstoned_at = date.at;
              row.tombstoned_witnessed = date.witnessed;
              all.push_back({row, operation});
            }
  row.uuid = uuid_number(2);
  all.push_back({row, {42}});
  return all;
}

std::vector<CopyFacts> all_copies() {
  std::vector<CopyFacts> all;
  for (unsigned bits = 0; bits < 128; ++bits)
    all.push_back({.made_by_this_incarnation = (bits & 1) != 0,
                   .is_ours = (bits & 2) != 0,
                   .has_safety_copy = (bits & 4) != 0,
                   .newer = (bits & 8) != 0 ? 1U : 0U,
                   .newer_verified = (bits & 16) != 0 ? 3U : 2U,
                   .age = (bits & 32) != 0 ? week : week - moment,
                   .is_last_tested = (bits & 64) != 0});
  return all;
}

std::vector<SetAsideFacts> all_asides() {
  std::vector<SetAsideFacts> all;
  for (const bool is_ours : {false, true})
    for (const Dated& date : all_dates()) all.push_back({date.at, date.witnessed, is_ours});
  return all;
}

// None, the right one, each single thing wrong with it, and the right one with more budget.
std::vector<std::optional<Authority>> authorities(const Facts& facts) {
  const SignedOrder right = order_for(facts);
  std::vector<SignedOrder> orders(9, right);
  orders[1].verb = facts.verb == Verb::destroy_guest ? Verb::shrink_disk : Verb::destroy_guest;
  orders[2].uuid = uuid_number(9);
  orders[3].incarnation = {right.incarnation.value + 1};
  orders[4].object = "root 1Gi";
  orders[5].expires = facts.now;
  orders[6].fingerprint = fingerprint_before;
  orders[7].fingerprint.clear();
  orders[8].extra_budget = 2;
  std::vector<std::optional<Authority>> all{std::nullopt};
  for (const SignedOrder& order : orders) all.emplace_back(AuthorityIssuer::issue(order));
  return all;
}

struct Count {
  std::uint64_t combinations = 0;
  std::uint64_t allowed = 0;
  std::uint64_t mismatches = 0;
  std::string first{};

  void miss(const Facts& facts, const Decision& decision, const char* what) {
    if (++mismatches > 1) return;
    first = std::string{what} + ": " + std::string{to_string(facts.verb)} + ", the gate says " +
            std::string{decision.code} + ", requester " + std::string{to_string(facts.requester)} +
            ", marker " + std::to_string(static_cast<int>(facts.marker)) + ", object '" +
            facts.object + "'";
    if (facts.provenance)
      first += ", origin " + std::to_string(static_cast<int>(facts.provenance->origin)) +
               ", life " + std::to_string(static_cast<int>(facts.provenance->life));
  }
};

void compare(Facts& facts, const Authority& enough, Count& count) {
  const Decision decision = decide(facts);
  ++count.combinations;
  count.allowed += decision.allowed ? 1 : 0;
  if (decision.allowed != (oracle_rule(facts) != nullptr))
    count.miss(facts, decision, "the oracle disagrees");
  if (facts.authority || decision.allowed) return;
  // A ticket is written exactly when signing it would do.
  facts.authority = enough;
  const bool would_do = oracle_rule(facts) != nullptr;
  facts.authority.reset();
  if (would_do != decision.signature_helps)
    count.miss(facts, decision, "a ticket is wrong or missing");
}

// Copies matter to the snapshot verbs, budget and tombstone dates to the others; each gets
// the whole product of its own and the extremes of the rest.
void enumerate(Verb verb, Count& count) {
  const bool is_snapshot = verb == Verb::roll_back_snapshot || verb == Verb::remove_snapshot;
  const auto copies = is_snapshot ? all_copies() : std::vector<CopyFacts>{{}, all_copies().at(63)};
  const auto budgets =
      is_snapshot ? std::vector<Budget>{{0, 8}} : std::vector<Budget>{{0, 0}, {1, 8}, {2, 8}};
  const auto all_rows =
      rows(is_snapshot ? std::vector<Dated>{{noon - week, by_noon - week}} : all_dates());
  const auto asides = verb == Verb::free_set_aside ? all_asides() : std::vector<SetAsideFacts>{{}};
  Facts facts = live_guest(verb);
  for (const char* object : {"", "root 8Gi"}) {
    facts.object = object;
    auto all_authorities = authorities(facts);
    if (facts.object.empty()) all_authorities.resize(2);  // none and the right one
    SignedOrder plenty = order_for(facts);
    plenty.extra_budget = 100;
    const Authority enough = AuthorityIssuer::issue(plenty);
    for (const Rowed& rowed : all_rows) {
      facts.provenance = rowed.row;
      facts.operation = rowed.operation;
      for (const auto& authority : all_authorities) {
        facts.authority = authority;
        for (const Requester requester : requesters) {
          facts.requester = requester;
          for (const MarkerState marker : markers) {
            facts.marker = marker;
            for (const CopyFacts& copy : copies) {
              facts.copies = copy;
              for (const Budget& budget : budgets) {
                facts.budget = budget;
                for (const SetAsideFacts& aside : asides) {
                  facts.set_aside = aside;
                  compare(facts, enough, count);
                }
              }
            }
          }
        }
      }
    }
  }
}

}  // namespace

TEST_CASE("gate oracle: the whole input space is decided as the design says", "[gate][oracle]") {
  const auto start = std::chrono::steady_clock::now();
  Count counts[2];
  std::atomic<std::size_t> next{0};
  const auto take_verbs = [&](Count& count) {
    for (std::size_t i = next++; i < all_verbs.size(); i = next++)
      enumerate(all_verbs.at(all_verbs.size() - 1 - i), count);
  };
  std::thread second{take_verbs, std::ref(counts[1])};
  take_verbs(counts[0]);
  second.join();

  const auto took = std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - start);
  const std::uint64_t total = counts[0].combinations + counts[1].combinations;
  const std::uint64_t allowed = counts[0].allowed + counts[1].allowed;
  std::printf("gate oracle: %llu combinations, %llu allowed, %llu mismatches, %s\n",
              static_cast<unsigned long long>(total), static_cast<unsigned long long>(allowed),
              static_cast<unsigned long long>(counts[0].mismatches + counts[1].mismatches),
              to_short_string(took).c_str());
  CHECK(counts[0].first == "");
  CHECK(counts[1].first == "");
  CHECK(total > 20'000'000);
  CHECK(allowed > 0);
}
