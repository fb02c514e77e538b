// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/crash_enumeration.hpp"

#include <map>
#include <utility>
#include <vector>

namespace holdfast::sim {
namespace {

constexpr std::size_t most_breaches = 50;

struct Run {
  std::size_t points = 0;  // since the last death, or since the act
  std::size_t deaths = 0;
  std::string outcome{};
  Breaches breaches{};
};

Run play_once(const MakePlay& make_play, const Enumeration& how, std::vector<std::size_t> deaths) {
  Play play = make_play();
  Scenario& scenario = *play.scenario;
  Run run;
  if (!scenario.settle()) run.breaches.push_back("did not settle before the act");
  const SimWorld before = scenario.world();
  const bool dies = !deaths.empty();
  scenario.lose_power_with_daemon(how.power_too);
  scenario.die_at(std::move(deaths));
  play.act(scenario);
  if (!scenario.settle()) run.breaches.push_back("did not settle");
  run.points = scenario.points();
  run.deaths = scenario.deaths();
  run.outcome = outcome(scenario.world());
  scenario.at_rest();
  const auto add = [&](const Breaches& found) {
    run.breaches.insert(run.breaches.end(), found.begin(), found.end());
  };
  add(scenario.breaches());
  if (!play.may_stop_guests) add(restarted_by_us(before, scenario.world()));
  if (play.verdict) add(play.verdict(scenario));
  std::string where = play.name;
  for (const std::string& point : scenario.died_at()) where += ", died at " + point;
  if (dies && scenario.died_at().empty()) where += ", never died";
  for (std::string& breach : run.breaches) breach = where + ": " + breach;
  return run;
}

}  // namespace

std::string outcome(const SimWorld& world) {
  std::map<std::string, std::string> lines;
  for (const auto& [uuid, domain] : world.domains) {
    if (!domain.marker) continue;
    std::string line = domain.marker->provenance + " " + std::string{to_string(domain.power)} +
                       " cpus " + std::to_string(domain.configured.cpus) + " memory " +
                       to_string(domain.configured.memory) + " nics " +
                       std::to_string(domain.configured.nics.size());
    for (const host::Disk& disk : domain.configured.disks) {
      const auto file = world.files.find(disk.path);
      const bool is_there = file != world.files.end();
      line += " disk " + disk.name + (is_there ? " " + to_string(file->second.size) : " missing");
      if (!world.data_on(disk.path).empty()) line += " with data";
    }
    if (domain.live) {
      line += " live cpus " + std::to_string(domain.live->cpus) + " memory " +
              to_string(domain.live->memory) + " disks " +
              std::to_string(domain.live->disks.size());
    }
    lines[domain.marker->name + "/" + domain.marker->provenance] += line + "\n";
  }
  std::string text;
  for (const auto& [name, line] : lines) text += name + ": " + line;
  return text;
}

CrashReport enumerate_crashes(const MakePlay& make_play, const Enumeration& how) {
  CrashReport report;
  const Run undisturbed = play_once(make_play, how, {});
  report.points = undisturbed.points;
  report.breaches = undisturbed.breaches;

  const auto die = [&](std::vector<std::size_t> deaths) {
    const std::size_t wanted = deaths.size();
    Run run = play_once(make_play, how, std::move(deaths));
    ++report.runs;
    report.deaths += run.deaths;
    if (how.same_end && run.deaths == wanted && run.outcome != undisturbed.outcome) {
      run.breaches.push_back("ends otherwise than undisturbed:\n" + run.outcome + "instead of\n" +
                             undisturbed.outcome);
    }
    for (std::string& breach : run.breaches) {
      if (report.breaches.size() < most_breaches) report.breaches.push_back(std::move(breach));
    }
    return run.points;
  };
  for (std::size_t first = 1; first <= undisturbed.points; ++first) {
    const std::size_t recovery = die({first});
    if (!how.twice) continue;
    // Thinned out, the second deaths still come to each point after some first one.
    for (std::size_t second = 1 + first % how.every; second <= recovery; second += how.every)
      die({first, second});
  }
  return report;
}

}  // namespace holdfast::sim
