// SPDX-License-Identifier: Apache-2.0
// Signed jobs in the real controller: on the host as a whole, and after the journal was
// put back from an older copy.
#include "base/sha256.hpp"
#include "gate/tickets.hpp"
#include "schema/desired_state.hpp"
#include "tests/catch.hpp"
#include "tests/sim/engine_site.hpp"

using namespace holdfast;
using namespace holdfast::sim;

namespace {

const Duration day = std::chrono::hours{24};

Resources guests_named(const std::vector<std::string>& names) {
  Resources resources;
  for (const std::string& name : names) resources.guests.push_back(small_guest(name));
  return resources;
}

// Three guests that run, and a hub that then drops two of them, which is held.
struct MassChange : EngineSite {
  std::string digest{};

  MassChange() {
    world().add_image(image, gibibytes(4));
    want(guests_named({"acme", "beta", "gamma"}));
    REQUIRE(scenario->settle());
    drop_two();
    REQUIRE(scenario->settle());
  }
  void drop_two() {
    Resources rest = guests_named({"acme"});
    rest.guests.front().spec.cpus = 4;
    digest = digest_of(resources_to_canonical_json(
        with_envelope(rest, hub->host_id(), 1, scenario->clock().now())));
    want(std::move(rest));
  }
  gate::Authority sign(const std::string& object) {
    return sign_order(*hub, *scenario, gate::Verb::allow_mass_change, SimDomain{}, object);
  }
  gate::Authority give(const gate::Authority& authority) {
    give_job(*scenario, job_of(authority, "host"));
    REQUIRE(scenario->settle());
    return authority;
  }
  JobRecord job(const gate::Authority& authority) {
    return scenario->daemon().journal().job(authority.job_id()).value().value();
  }
  bool is_in_force() { return world().find_by_name("acme")->configured.cpus == 4; }
  std::size_t open_tickets() {
    std::size_t count = 0;
    for (const TicketRecord& ticket : scenario->daemon().journal().open_tickets().value())
      if (ticket.subject == "host") ++count;
    return count;
  }
};

}  // namespace

TEST_CASE_METHOD(MassChange,
                 "mass change: a held state is accepted once on a signature that names it",
                 "[sim][job]") {
  CHECK_FALSE(is_in_force());
  CHECK(open_tickets() == 1);
  const auto authority = give(sign(digest));
  CHECK(job(authority).state == JobState::done);
  CHECK(is_in_force());
  CHECK(open_tickets() == 0);
  CHECK(world().find_by_name("beta") != nullptr);  // not wanted any more, and kept
  CHECK(scenario->at_rest() == Breaches{});
}

TEST_CASE_METHOD(MassChange, "mass change: a signature for another state is refused",
                 "[sim][job]") {
  const auto authority = give(sign("sha256:" + std::string(64, '0')));
  CHECK(job(authority).state == JobState::refused);
  CHECK(job(authority).code == "SignedOtherObject");
  CHECK_FALSE(is_in_force());
  CHECK(open_tickets() == 1);
}

TEST_CASE_METHOD(MassChange, "mass change: a signature that came first waits for its state",
                 "[sim][job]") {
  want(guests_named({"acme", "beta", "gamma"}));  // the hub takes it back
  REQUIRE(scenario->settle());
  const auto authority = give(sign(digest));
  CHECK(job(authority).state == JobState::accepted);
  drop_two();
  REQUIRE(scenario->settle());
  CHECK(job(authority).state == JobState::done);
  CHECK(is_in_force());
}

TEST_CASE_METHOD(MassChange, "mass change: a signature that nothing came for expires",
                 "[sim][job]") {
  want(guests_named({"acme", "beta", "gamma"}));
  REQUIRE(scenario->settle());
  const auto authority = give(sign(digest));
  scenario->run_for(3 * day);
  CHECK(job(authority).state == JobState::refused);
  CHECK(job(authority).code == "Expired");
}

TEST_CASE("job: a state database put back from an older copy carries no job out again",
          "[sim][job][replay]") {
  EngineSite site;
  site.world().add_image(EngineSite::image, gibibytes(4));
  site.want(guests_named({"acme"}));
  REQUIRE(site.scenario->settle());
  const SavedScenario older = site.scenario->save();

  const SimDomain guest = *site.world().find_by_name("acme");
  const auto authority = sign_order(*site.hub, *site.scenario, gate::Verb::destroy_guest, guest);
  const JobRecord job = job_of(authority, "guest/acme");
  give_job(*site.scenario, job);
  REQUIRE(site.scenario->settle());
  REQUIRE(site.scenario->daemon().journal().job(job.id).value()->state == JobState::done);
  SavedScenario now = site.scenario->save();
  now.journal = older.journal;

  EngineSite heir{5, *site.hub};
  heir.scenario->load(now);
  give_job(*heir.scenario, job);  // the hub was never told
  REQUIRE(heir.scenario->settle());
  const JobRecord again = heir.scenario->daemon().journal().job(job.id).value().value();
  CHECK(again.state == JobState::refused);
  CHECK(again.code == "ReplayedJob");
  const SimDomain& stone = *heir.world().domain(guest.uuid);
  CHECK(stone.name != "acme");
  CHECK(stone.configured.nics.empty());
  CHECK(stone.boots == guest.boots);
  CHECK(heir.world().domains.size() == 1);
  CHECK(heir.scenario->breaches() == Breaches{});
}

TEST_CASE("job: no jump of the clock and no restart ends a tombstone's seven days early or never",
          "[sim][job]") {
  EngineSite site;
  site.world().add_image(EngineSite::image, gibibytes(4));
  site.want(guests_named({"acme", "beta", "gamma"}));
  REQUIRE(site.scenario->settle());
  site.scenario->run_for(std::chrono::hours{3});  // it has found that nothing is kept
  const SimDomain guest = *site.world().find_by_name("acme");
  const auto authority = sign_order(*site.hub, *site.scenario, gate::Verb::destroy_guest, guest);
  give_job(*site.scenario, job_of(authority, "guest/acme"));
  REQUIRE(site.scenario->settle());
  const Time destroyed =
      *site.scenario->daemon().journal().provenance(guest.uuid).value()->tombstoned_at;
  const auto is_kept = [&] { return site.world().domain(guest.uuid) != nullptr; };
  const auto why = [&] { return site.engine().guests().why("acme").value(); };
  const auto says = [&](const std::string& text) {
    for (const std::string& sentence : why())
      if (sentence.find(text) != std::string::npos) return true;
    return false;
  };
  CHECK(says("kept until " + to_string(destroyed + 7 * day)));
  CHECK_FALSE(says("by the clock"));

  site.scenario->run_for(2 * day);
  site.scenario->clock().jump_wall(365 * day);
  CHECK(says("kept until " + to_string(destroyed + 372 * day)));
  CHECK(says("365d later than 7 days by the clock"));
  site.scenario->run_for(day);
  CHECK(is_kept());
  site.scenario->restart_daemon();
  site.scenario->run_for(day);
  CHECK(is_kept());  // four days
  site.scenario->restart_daemon();
  REQUIRE(site.scenario->daemon().journal().mode());  // it runs
  site.scenario->clock().jump_wall(-400 * day);
  site.scenario->run_for(2 * day);
  CHECK(is_kept());  // six
  CHECK(says("earlier than 7 days by the clock"));
  SECTION("nor does time for which nobody was there count") {
    site.scenario->save();  // ends the daemon
    site.scenario->clock().advance(30 * day);
    site.scenario->run_for(std::chrono::hours{12});
    CHECK(is_kept());
  }
  // Each restart forgets an hour at most, and a due tombstone is found within six.
  site.scenario->run_for(day + std::chrono::hours{9});
  CHECK_FALSE(is_kept());
  CHECK(site.scenario->breaches() == Breaches{});
}

TEST_CASE("job: a guest destroyed while it is wanted stays so until desired state has dropped it",
          "[sim][job]") {
  EngineSite site;
  site.world().add_image(EngineSite::image, gibibytes(4));
  const auto all = guests_named({"acme", "beta", "gamma"});
  site.want(all);
  REQUIRE(site.scenario->settle());
  const SimDomain guest = *site.world().find_by_name("acme");
  const auto authority = sign_order(*site.hub, *site.scenario, gate::Verb::destroy_guest, guest);
  give_job(*site.scenario, job_of(authority, "guest/acme"));
  REQUIRE(site.scenario->settle());
  site.scenario->run_for(8 * day);
  CHECK(site.world().domain(guest.uuid) == nullptr);  // its seven days are over
  CHECK(site.world().find_by_name("acme") == nullptr);
  auto other = all;
  other.guests.back().spec.cpus = 4;  // another generation that says the same of it
  site.want(other);
  REQUIRE(site.scenario->settle());
  CHECK(site.world().find_by_name("acme") == nullptr);
  site.want(guests_named({"beta", "gamma"}));
  REQUIRE(site.scenario->settle());
  site.want(all);
  REQUIRE(site.scenario->settle());
  const SimDomain* anew = site.world().find_by_name("acme");
  REQUIRE(anew != nullptr);
  CHECK(anew->uuid != guest.uuid);
  CHECK(site.scenario->breaches() == Breaches{});
}
