// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/scenario.hpp"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <utility>

namespace holdfast::sim {
namespace {

// Longer than the longest backoff (300 s and a fifth) and several resyncs: who has done
// nothing for so long will do nothing.
constexpr Duration quiet_for = std::chrono::seconds{400};
// A daemon that works this often without time moving is going in circles.
constexpr int most_steps_at_once = 20'000;

bool has_unmarked_disk(const SimWorld& world, const SimDomain& domain) {
  if (!domain.marker || !domain.live) return false;
  return std::any_of(domain.live->disks.begin(), domain.live->disks.end(),
                     [&](const host::Disk& disk) {
                       const auto file = world.files.find(disk.path);
                       return file != world.files.end() && file->second.customer.empty();
                     });
}

}  // namespace

Scenario::Scenario(StartDaemon start, std::uint64_t seed)
    : start_{std::move(start)}, random_{seed}, host_{world_, clock_, seed} {}

Scenario::~Scenario() { end_daemon(); }

Daemon& Scenario::daemon() {
  if (!daemon_) {
    auto started = start_({host_, clock_, random_, file_.options(&host_.crash())});
    if (!started) throw std::runtime_error{"the daemon: " + started.error().describe()};
    daemon_ = std::move(started).value();
  }
  return *daemon_;
}

void Scenario::run_for(Duration duration) {
  const Duration end = clock_.elapsed() + duration;
  int steps = 0;
  while (true) {
    if (step()) {
      if (++steps < most_steps_at_once) continue;
      breaches_.push_back("the daemon works without end");
    }
    steps = 0;
    const Duration left = end - clock_.elapsed();
    if (left <= Duration::zero()) return;
    host_.advance(std::min(left, until_something()));
  }
}

bool Scenario::settle(Duration limit) {
  const Duration end = clock_.elapsed() + limit;
  while (clock_.elapsed() < end) {
    const std::size_t before = host_points();
    run_for(quiet_for);
    if (host_points() == before && die_at_.empty()) return true;
  }
  return false;
}

void Scenario::die_at(std::vector<std::size_t> points) {
  std::reverse(points.begin(), points.end());
  die_at_ = std::move(points);
  points_before_ = host_points();
  arm_next();
}

void Scenario::restart_daemon() {
  end_daemon();
  host_.disconnect();
}

bool Scenario::attempt(const std::function<void(Daemon&)>& work) {
  try {
    work(daemon());
    look();
    return true;
  } catch (const SimulatedCrash& crash) {
    die(crash);
    return false;
  }
}

SavedScenario Scenario::save() {
  restart_daemon();
  std::ifstream file{file_.path(), std::ios::binary};
  return {world_, {std::istreambuf_iterator<char>{file}, {}}, clock_.elapsed()};
}

void Scenario::load(const SavedScenario& saved) {
  std::ofstream file{file_.path(), std::ios::binary};
  file.write(saved.journal.data(), static_cast<std::streamsize>(saved.journal.size()));
  if (!file.flush()) throw std::runtime_error{"cannot write " + file_.path()};
  world_ = saved.world;
  clock_.advance(saved.elapsed);
}

Breaches Scenario::at_rest() {
  Breaches found = broken_at_rest(world_, daemon().journal());
  breaches_.insert(breaches_.end(), found.begin(), found.end());
  return found;
}

bool Scenario::step() {
  try {
    Daemon& working = daemon();
    write_customer_data();
    const bool did_work = working.step();
    look();
    return did_work;
  } catch (const SimulatedCrash& crash) {
    die(crash);
    return true;
  }
}

void Scenario::look() {
  for (std::string& breach : watch_.look()) breaches_.push_back(std::move(breach));
  const std::size_t after_death = host_.crash().effects_after_death();
  if (after_death == after_death_) return;
  after_death_ = after_death;
  breaches_.push_back("a dead daemon went on, after it died at " +
                      (died_at_.empty() ? std::string{"?"} : died_at_.back()));
}

// A guest whose provisioning is committed belongs to its customer from then on.
void Scenario::write_customer_data() {
  if (data_version_ == world_.version && !has_dataless_guest_) return;
  data_version_ = world_.version;
  has_dataless_guest_ = false;
  std::vector<Uuid> writers;
  for (const auto& [uuid, domain] : world_.domains) {
    if (!has_unmarked_disk(world_, domain)) continue;
    const auto row = daemon_->journal().provenance(uuid);
    if (row && *row && (*row)->life == Life::live) {
      writers.push_back(uuid);
    } else {
      has_dataless_guest_ = true;
    }
  }
  for (const Uuid& uuid : writers) world_.write_customer_data(uuid);
}

void Scenario::end_daemon() {
  host_.crash().bury();
  daemon_.reset();
  host_.crash().revive();
}

void Scenario::die(const SimulatedCrash& crash) {
  ++deaths_;
  died_at_.push_back(std::to_string(crash.point) + " " + crash.where);
  end_daemon();
  host_.disconnect();
  if (power_fails_too_) host_.lose_power();
  look();
  points_before_ = host_points();
  arm_next();
}

void Scenario::arm_next() {
  if (die_at_.empty()) return;
  host_.crash().arm(die_at_.back());
  die_at_.pop_back();
}

Duration Scenario::until_something() const {
  Duration soonest = host_.until_next();
  if (daemon_) {
    if (const auto due = daemon_->next_due()) soonest = std::min(soonest, *due);
  }
  return std::max(Duration{1}, soonest);
}

std::size_t Scenario::host_points() const { return const_cast<SimHost&>(host_).crash().passed(); }

void let_a_week_pass(Scenario& scenario) {
  for (bool is_kept = false; !is_kept;) {
    scenario.attempt([&](Daemon& daemon) {
      scenario.host().advance(std::chrono::hours{24 * 7 + 1});
      const auto kept = daemon.journal().keep_witnessed();
      if (!kept) throw std::runtime_error{"a week: " + kept.error().describe()};
      is_kept = true;
    });
  }
}

}  // namespace holdfast::sim
