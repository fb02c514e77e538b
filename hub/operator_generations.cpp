// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "base/sha256.hpp"
#include "hub/operator_desk.hpp"

namespace holdfast::hub {
namespace {

Error no_generation(std::uint64_t number) {
  return {Errc::not_found, "there is no generation " + std::to_string(number) +
                               " of this host; see `holdfast hub history`"};
}

Result<HostDesiredState> state_of(const Generation& stored) {
  return parse_stored_state(stored.envelope)
      .context("generation " + std::to_string(stored.generation));
}

GenerationReport report_of(const Generation& stored) {
  return {.generation = stored.generation,
          .digest = stored.digest,
          .created = stored.created,
          .author = stored.author,
          .comment = stored.comment};
}

}  // namespace

Result<HostDesiredState> OperatorDesk::newest(const std::string& id) const {
  const auto found =
      TRY(to_.store.get([&](const Tables& tables) { return tables.generations.newest(id); }));
  if (!found) return with_envelope({}, id, 0, Time{});
  return state_of(*found);
}

Result<HostDesiredState> OperatorDesk::content(const std::string& id,
                                               std::uint64_t generation) const {
  const auto found = TRY(
      to_.store.get([&](const Tables& tables) { return tables.generations.find(id, generation); }));
  if (!found) return no_generation(generation);
  return state_of(*found);
}

Result<HubApplyReport> OperatorDesk::apply(const EditOrder& order, const Edit& edit) {
  const std::scoped_lock lock{editing_};
  const auto before = TRY(newest(order.host));
  return store(order, before, TRY(edited(before, edit)));
}

Result<HubApplyReport> OperatorDesk::roll_back(const EditOrder& order, std::uint64_t generation) {
  const std::scoped_lock lock{editing_};
  const auto before = TRY(newest(order.host));
  return store(order, before, TRY(content(order.host, generation)));
}

Result<HubApplyReport> OperatorDesk::store(const EditOrder& order, const HostDesiredState& before,
                                           HostDesiredState after) {
  HubApplyReport report{.generation = before.generation,
                        .diff = {before.generation, 0, changes(before, after)}};
  const bool is_same = before.generation != 0 && report.diff.changes.empty();
  if (order.is_dry_run || is_same) return report;
  std::uint64_t held = 0;
  {
    auto known = to_.hosts.lock();
    const auto found = known->by_id.find(order.host);
    if (found == known->by_id.end()) return Error{Errc::not_found, "this host was removed"};
    held = found->second.held.generation;
    if (found->second.beat) held = std::max(held, found->second.beat->said.generation);
  }
  after.host_id = order.host;
  after.generation = TRY(next_generation(before.generation, held));
  after.issued_at = to_.clock.now();
  const Generation stored{.generation = after.generation,
                          .digest = digest_of(resources_to_canonical_json(after)),
                          .created = after.issued_at,
                          .author = order.author,
                          .comment = order.comment,
                          .envelope = to_canonical_json(after)};
  TRY(to_.store.commit(
      [&](const Tables& tables) { return tables.generations.add(order.host, stored); }));
  {
    auto known = to_.hosts.lock();
    const auto found = known->by_id.find(order.host);
    if (found != known->by_id.end()) found->second.newest = {stored.generation, stored.digest};
  }
  polls_.wake(order.host);
  ++to_.metrics.edits;
  to_.log.info("generation stored", {{"host", order.host},
                                     {"generation", stored.generation},
                                     {"operator", order.author},
                                     {"changes", report.diff.changes.size()}});
  report.generation = report.diff.to = stored.generation;
  report.is_stored = true;
  return report;
}

Result<std::vector<GenerationReport>> OperatorDesk::history(const std::string& id,
                                                            std::size_t limit) const {
  const auto list =
      TRY(to_.store.get([&](const Tables& tables) { return tables.generations.list(id, limit); }));
  std::vector<GenerationReport> reports;
  reports.reserve(list.size());
  for (const auto& stored : list) reports.push_back(report_of(stored));
  return reports;
}

Result<GenerationReport> OperatorDesk::generation(const std::string& id,
                                                  std::uint64_t number) const {
  const auto found =
      TRY(to_.store.get([&](const Tables& tables) { return tables.generations.find(id, number); }));
  if (!found) return no_generation(number);
  auto report = report_of(*found);
  report.desired = to_yaml(TRY(state_of(*found)));
  return report;
}

Result<DiffReport> OperatorDesk::diff(const std::string& id, std::uint64_t from,
                                      std::uint64_t to) const {
  const auto before = from == 0 ? with_envelope({}, id, 0, Time{}) : TRY(content(id, from));
  const auto after = to == 0 ? TRY(newest(id)) : TRY(content(id, to));
  return DiffReport{from, after.generation, changes(before, after)};
}

}  // namespace holdfast::hub
