// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/scenario.hpp"

#include <set>
#include <string>

#include "gate/gate.hpp"
#include "journal/runner.hpp"
#include "journal/writes.hpp"
#include "tests/catch.hpp"
#include "tests/sim/chaos.hpp"
#include "tests/sim/crash_enumeration.hpp"

using namespace holdfast;
using namespace holdfast::sim;

namespace {

const ImageRef image{"debian-12", "1"};

// What a daemon could get wrong; the scenario must notice each.
enum class Mistake {
  none,
  no_probe,       // answers "not applied" without looking
  looks_by_name,  // chooses a new UUID at each start
  forgets_file,   // makes a disk that its operation does not know
  stops_guests,   // restarts what is running when it starts
};

struct Orders {
  Mistake mistake = Mistake::none;
  std::shared_ptr<bool> is_wanted = std::make_shared<bool>(true);
};

// The smallest daemon there can be: it keeps one guest, made by one journaled operation.
class OneGuestDaemon final : public Daemon {
 public:
  OneGuestDaemon(const DaemonParts& parts, const Orders& orders)
      : parts_{parts},
        mistake_{orders.mistake},
        is_wanted_{orders.is_wanted},
        journal_{Journal::open(parts.journal, parts.clock).value()},
        due_{parts.clock.elapsed()} {}

  bool step() override {
    if (parts_.clock.elapsed() < due_) return false;
    due_ = parts_.clock.elapsed() + std::chrono::seconds{60};
    if (auto worked = reconcile(); !worked) {
      due_ = parts_.clock.elapsed() + std::chrono::seconds{5};
    }
    return true;
  }
  std::optional<Duration> next_due() override {
    return std::max(Duration{0}, due_ - parts_.clock.elapsed());
  }
  Journal& journal() override { return *journal_; }

 private:
  Result<void> reconcile() {
    if (auto open = TRY(journal_->unfinished("guest/acme"))) return finish(*open);
    const auto owner = TRY(journal_->owner_of("guest/acme"));
    if (!owner && *is_wanted_) return finish(TRY(begin()));
    if (!owner) return ok();
    if (mistake_ == Mistake::stops_guests && is_first_pass_) {
      is_first_pass_ = false;
      TRY(ports_.power.power_off(owner->uuid));
      return ports_.power.start(owner->uuid);
    }
    return ok();
  }

  // The operation and who it is for become durable together.
  Result<Operation> begin() {
    Provenance row;
    row.uuid = Uuid::random(parts_.random);
    row.subject = "guest/acme";
    row.origin = Origin::created;
    const auto write = [&](Writes& writes) -> Result<void> {
      row.created_by = TRY(writes.begin("guest.create", row.subject, to_string(row.uuid), false));
      return writes.put(row);
    };
    TRY(journal_->commit(write));
    return journal_->operation(row.created_by);
  }

  Result<void> finish(const Operation& op) {
    Uuid uuid = TRY(Uuid::parse(op.input));
    if (mistake_ == Mistake::looks_by_name) uuid = Uuid::random(parts_.random);
    const std::string path = TRY(ports_.disks.path_of("local", uuid, "root"));
    host::GuestDefinition wanted;
    wanted.marker.uuid = uuid;
    wanted.marker.name = "acme";
    wanted.name = "acme";
    wanted.shape.memory = gibibytes(1);
    wanted.shape.disks = {{"root", "local", path, "raw", {}}};

    const auto found = [&](bool is_there) {
      return is_there && mistake_ != Mistake::no_probe ? Probe::applied() : Probe::not_applied();
    };
    std::vector<Step> steps;
    Step disk{"disk"};
    disk.probe = [&]() -> Result<Probe> { return found(TRY(ports_.disks.find(path)).has_value()); };
    disk.apply = [&]() -> Result<Effect> {
      if (mistake_ == Mistake::forgets_file) {
        const auto spare = TRY(ports_.disks.path_of("local", uuid, "spare"));
        TRY(ports_.disks.create_blank(spare, gibibytes(1)));
      }
      TRY(ports_.disks.restore(image, "root", path, {}));
      return Effect::done();
    };
    steps.push_back(disk);
    Step define{"define"};
    define.probe = [&]() -> Result<Probe> {
      return found(TRY(ports_.inventory.observe(uuid)) != nullptr);
    };
    define.apply = [&]() -> Result<Effect> {
      TRY(ports_.hypervisor.define(wanted));
      return Effect::done();
    };
    steps.push_back(define);
    Step start{"start"};
    start.probe = [&]() -> Result<Probe> {
      const auto guest = TRY(ports_.inventory.observe(uuid));
      return found(guest != nullptr && guest->power == host::PowerState::running);
    };
    start.apply = [&]() -> Result<Effect> {
      TRY(ports_.power.start(uuid));
      return Effect::done();
    };
    steps.push_back(start);

    Provenance row = TRY(journal_->owner_of("guest/acme")).value();
    row.life = Life::live;
    row.data_bearing = true;
    RunPolicy policy;
    policy.on_success = [&](Writes& writes) { return writes.put(row); };
    TRY(run(*journal_, op, steps, policy));
    return ok();
  }

  DaemonParts parts_;
  Mistake mistake_;
  std::shared_ptr<bool> is_wanted_;
  host::Host ports_{parts_.host.ports()};
  std::unique_ptr<Journal> journal_;
  Duration due_;
  bool is_first_pass_ = true;
};

StartDaemon starts(const Orders& orders) {
  return [orders](const DaemonParts& parts) -> Result<std::unique_ptr<Daemon>> {
    return std::unique_ptr<Daemon>{std::make_unique<OneGuestDaemon>(parts, orders)};
  };
}

MakePlay making_the_guest(Mistake mistake) {
  return [mistake] {
    Orders orders{mistake};
    *orders.is_wanted = false;
    Play play;
    play.name = "making the guest";
    play.scenario = std::make_unique<Scenario>(starts(orders), 5);
    play.scenario->world().add_image(image, gibibytes(4));
    play.act = [wanted = orders.is_wanted](Scenario&) { *wanted = true; };
    play.verdict = [](Scenario& scenario) -> Breaches {
      const SimDomain* acme = scenario.world().find_by_name("acme");
      if (acme == nullptr || !acme->is_up()) return {"there is no running guest"};
      if (acme->boots != 1 + acme->outages) return {"the guest was started twice"};
      return {};
    };
    return play;
  };
}

bool mentions(const Breaches& breaches, const std::string& words) {
  for (const std::string& breach : breaches) {
    if (breach.find(words) != std::string::npos) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("scenario: a daemon makes its guest and then is quiet", "[sim]") {
  Scenario scenario{starts({})};
  scenario.world().add_image(image, gibibytes(4));
  REQUIRE(scenario.settle());
  REQUIRE(scenario.world().find_by_name("acme") != nullptr);
  CHECK(scenario.world().find_by_name("acme")->is_up());
  CHECK(scenario.world().marks.size() == 1);
  CHECK(scenario.at_rest() == Breaches{});
  const std::size_t points = scenario.points();
  scenario.run_for(std::chrono::hours{24});
  CHECK(scenario.points() == points);
  scenario.restart_daemon();
  REQUIRE(scenario.settle());
  CHECK(scenario.world().find_by_name("acme")->boots == 1);
  CHECK(scenario.breaches() == Breaches{});
}

TEST_CASE("scenario: a daemon killed at every point makes one guest", "[sim]") {
  const CrashReport report = enumerate_crashes(making_the_guest(Mistake::none));
  CHECK(report.breaches == Breaches{});
  // The commits that begin and end the operation, four points; and each of three steps: its
  // commits around the effect, four more, and the effect, two, or three when it has a middle.
  CHECK(report.points == 23);
  CHECK(report.runs > 10 * report.points);
  CHECK(report.deaths > report.runs);
}

TEST_CASE("scenario: a power loss at every point leaves one guest", "[sim]") {
  Enumeration how;
  how.twice = false;
  how.power_too = true;
  const CrashReport report = enumerate_crashes(making_the_guest(Mistake::none), how);
  CHECK(report.runs == report.points);
  // This daemon never starts its guest again, so a guest that was up is down: the outcome
  // differs from the undisturbed one, and that is all.
  for (const std::string& breach : report.breaches) {
    INFO(breach);
    CHECK((breach.find("no running guest") != std::string::npos ||
           breach.find("ends otherwise") != std::string::npos));
  }
}

TEST_CASE("scenario: the enumeration notices a daemon with a mistake", "[sim]") {
  Enumeration once;
  once.twice = false;
  SECTION("that does not look before it acts again") {
    const auto report = enumerate_crashes(making_the_guest(Mistake::no_probe), once);
    CHECK(mentions(report.breaches, "guest.create of guest/acme is"));
  }
  SECTION("that does not know its guest again") {
    const auto report = enumerate_crashes(making_the_guest(Mistake::looks_by_name), once);
    CHECK(mentions(report.breaches, "not in the journal"));
  }
  SECTION("that makes files it forgets") {
    const auto report = enumerate_crashes(making_the_guest(Mistake::forgets_file), once);
    CHECK(mentions(report.breaches, "used by nobody"));
  }
  SECTION("that stops guests when it starts") {
    const auto report = enumerate_crashes([] {
      Play play;
      play.name = "an upgrade";
      play.scenario = std::make_unique<Scenario>(starts({Mistake::stops_guests}), 5);
      play.scenario->world().add_image(image, gibibytes(4));
      play.act = [](Scenario& scenario) { scenario.restart_daemon(); };
      return play;
    });
    CHECK(mentions(report.breaches, "acme was running and was stopped"));
  }
}

TEST_CASE("scenario: faults and other hands do not lose data", "[sim]") {
  int with_data = 0;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    INFO("seed " << seed);
    Scenario scenario{starts({}), seed};
    scenario.world().add_image(image, gibibytes(4));
    Chaos chaos{scenario.host(), seed};
    chaos.worsen_calls(150'000);
    for (int round = 0; round < 30; ++round) {
      chaos.maybe(4);
      scenario.run_for(std::chrono::minutes{2});
    }
    chaos.calm();
    CHECK(scenario.settle());
    CHECK(scenario.breaches() == Breaches{});
    if (!scenario.world().marks.empty()) ++with_data;
  }
  CHECK(with_data > 25);
}
