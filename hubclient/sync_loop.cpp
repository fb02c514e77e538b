// SPDX-License-Identifier: Apache-2.0
#include "hubclient/sync_loop.hpp"

#include <chrono>
#include <utility>

#include "schema/limits.hpp"

using namespace std::chrono_literals;

namespace holdfast {
namespace {

// Enough for an edit, its acceptance and its report; then one exchange a second.
constexpr std::uint32_t burst = 10;
constexpr Duration each = 1s;
// How long the host pass may take to look at what was offered before the hub is asked again.
constexpr Duration digest_time = 1s;

}  // namespace

SyncLoop::SyncLoop(SyncParts parts)
    : parts_{std::move(parts)}, core_{parts_.random}, pacer_{burst, each} {}

void SyncLoop::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const Duration pause = once(stop);
    const Duration paced = pacer_.take(parts_.clock.elapsed());
    // Being paced or backing off is not to be hurried; what is new meanwhile goes along.
    if (const auto wait = std::max(pause, paced); wait > 0ms) {
      Bell never;
      never.wait(stop, wait);
    }
  }
}

Duration SyncLoop::once(const std::stop_token& stop) {
  std::stop_source parked;
  SyncFacts facts{.have = parts_.held()};
  facts.has_refused = parts_.source.has_refused(facts.have);
  if (auto results = parts_.jobs.results(limits::job_results_per_sync)) {
    facts.results = std::move(*results);
  } else {
    parts_.log.warn("job results cannot be read", {{"error", results.error().describe()}});
  }
  {
    auto shared = shared_.lock();
    facts.snapshot = shared->snapshot;
    if (facts.snapshot) shared->known_digest = facts.snapshot->digest;
    shared->parked = parked;
    shared->is_cut = false;
  }
  const auto request = core_.next(facts, parts_.clock.elapsed());
  const std::stop_callback relay{stop, [&parked] { parked.request_stop(); }};
  auto response = parts_.channel.sync(request, core_.wait(), parked.get_token());
  const bool was_cut = [&] {
    auto shared = shared_.lock();
    shared->parked.reset();
    return shared->is_cut;
  }();
  if (response) {
    take(*response, stop);
    return 0ms;
  }
  if (was_cut || stop.stop_requested()) {
    core_.lost_answer();
    return 0ms;
  }
  return fail(response.error());
}

void SyncLoop::take(SyncResponse& response, const std::stop_token& stop) {
  core_.answered(response, parts_.clock.elapsed());
  const HubConfig before = std::exchange(*config_.lock(), core_.config());
  if (parts_.on_advice && before != core_.config()) parts_.on_advice();
  parts_.board.synced(response.server_time);
  if (!last_error_.empty()) parts_.log.info("the hub answers again");
  last_error_.clear();
  if (!response.acknowledged.empty()) {
    const auto acknowledged = parts_.jobs.acknowledge(response.acknowledged);
    if (!acknowledged)
      parts_.log.warn("acknowledged results cannot be noted",
                      {{"error", acknowledged.error().describe()}});
  }
  take_jobs(response);
  if (!response.desired.empty()) {
    offer(std::move(response.desired), stop);
  } else if (core_.hub_agrees() && parts_.source.agree()) {
    parts_.on_desired();
  }
}

void SyncLoop::offer(std::string desired, const std::stop_token& stop) {
  parts_.source.offer(std::move(desired));
  if (!parts_.source.is_pending()) return;
  bell_.wait(stop, 0ms);  // what rang before is of no interest
  parts_.on_desired();
  // Asking again before it was decided about would say that we hold the old one.
  bell_.wait(stop, digest_time);
}

void SyncLoop::take_jobs(const SyncResponse& response) {
  for (const JobEnvelope& job : response.jobs) {
    const auto taken = parts_.jobs.take(job);
    if (taken) continue;
    core_.want_again();
    parts_.log.warn("a job from the hub was not taken", {{"error", taken.error().describe()}});
  }
}

Duration SyncLoop::fail(const Error& error) {
  parts_.board.sync_failed(error);
  if (error.message() != last_error_)
    parts_.log.warn("no sync with the hub", {{"error", error.describe()}});
  last_error_ = error.message();
  return core_.failed();
}

void SyncLoop::post(std::shared_ptr<const Snapshot> snapshot) {
  auto shared = shared_.lock();
  const bool is_news = snapshot->digest != shared->known_digest;
  shared->snapshot = std::move(snapshot);
  if (!is_news || !shared->parked) return;
  shared->is_cut = true;
  shared->parked->request_stop();
}

void SyncLoop::hurry() {
  auto shared = shared_.lock();
  if (!shared->parked) return;
  shared->is_cut = true;
  shared->parked->request_stop();
}

}  // namespace holdfast
