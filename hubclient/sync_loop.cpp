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
// How long the next request waits for one that is under way beside the last.
constexpr Duration beside_time = 2s;

}  // namespace

SyncLoop::SyncLoop(SyncParts parts)
    : parts_{std::move(parts)}, pacer_{burst, each}, shared_{Shared{parts_.random}} {}

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

SyncFacts SyncLoop::facts() {
  SyncFacts facts{.have = parts_.held()};
  facts.has_refused = parts_.source.has_refused(facts.have);
  if (auto results = parts_.jobs.results(limits::job_results_per_sync)) {
    facts.results = std::move(*results);
  } else {
    parts_.log.warn("job results cannot be read", {{"error", results.error().describe()}});
  }
  return facts;
}

Duration SyncLoop::once(const std::stop_token& stop) {
  wait_for_beside(stop);
  std::stop_source parked;
  auto known = facts();
  SyncRequest request;
  Duration wait{};
  {
    auto shared = shared_.lock();
    known.snapshot = shared->snapshot;
    if (known.snapshot) shared->known_digest = known.snapshot->digest;
    request = shared->core.next(known, parts_.clock.elapsed());
    wait = shared->core.wait();
    shared->parked = parked;
    shared->is_cut = false;
  }
  const std::stop_callback relay{stop, [&parked] { parked.request_stop(); }};
  auto response = parts_.channel.sync(request, wait, parked.get_token());
  bool hub_agrees = false;
  {
    auto shared = shared_.lock();
    shared->parked.reset();
    if (response) {
      shared->core.answered(*response, parts_.clock.elapsed());
      hub_agrees = shared->core.hub_agrees();
    } else if (shared->is_cut || stop.stop_requested()) {
      shared->core.lost_answer();
      return 0ms;
    }
  }
  if (!response) return fail(response.error());
  take(*response, hub_agrees, stop);
  return 0ms;
}

void SyncLoop::took_advice(const HubConfig& config) {
  const HubConfig before = std::exchange(*config_.lock(), config);
  if (parts_.on_advice && before != config) parts_.on_advice();
}

void SyncLoop::take(SyncResponse& response, bool hub_agrees, const std::stop_token& stop) {
  const std::scoped_lock taking{taking_};
  took_advice(clamped(response.config));
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
  } else if (hub_agrees && parts_.source.agree()) {
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
    shared_.lock()->core.want_again();
    parts_.log.warn("a job from the hub was not taken", {{"error", taken.error().describe()}});
  }
}

Duration SyncLoop::fail(const Error& error) {
  const std::scoped_lock taking{taking_};
  parts_.board.sync_failed(error);
  if (error.message() != last_error_)
    parts_.log.warn("no sync with the hub", {{"error", error.describe()}});
  last_error_ = error.message();
  return shared_.lock()->core.failed();
}

void SyncLoop::post(std::shared_ptr<const Snapshot> snapshot, const std::stop_token& stop) {
  {
    auto shared = shared_.lock();
    const bool is_news = snapshot->digest != shared->known_digest;
    shared->snapshot = std::move(snapshot);
    if (!is_news || !shared->parked) return;  // it goes along with the next request
  }
  tell(stop);
}

void SyncLoop::hurry(const std::stop_token& stop) {
  if (shared_.lock()->parked) tell(stop);
}

// A failure is left to the loop: it backs off, says so, and sends everything again.
void SyncLoop::tell(const std::stop_token& stop) {
  if (parts_.beside == nullptr) return cut();
  auto known = facts();
  std::stop_source source;
  SyncRequest request;
  {
    auto shared = shared_.lock();
    if (!shared->parked) return;  // by now it goes along with the next
    known.snapshot = shared->snapshot;
    if (known.snapshot) shared->known_digest = known.snapshot->digest;
    request = shared->core.beside(known);
    shared->beside = source;
  }
  const std::stop_callback relay{stop, [&source] { source.request_stop(); }};
  auto response = parts_.beside->sync(request, 0ms, source.get_token());
  {
    auto shared = shared_.lock();
    shared->beside.reset();
    if (response) shared->core.beside_answered(*response, parts_.clock.elapsed());
  }
  shared_.notify_all();
  if (!response) return cut();
  take(*response, false, stop);
}

void SyncLoop::cut() {
  auto shared = shared_.lock();
  if (!shared->parked) return;
  shared->is_cut = true;
  shared->parked->request_stop();
}

// The hub takes requests in their order only.
void SyncLoop::wait_for_beside(const std::stop_token& stop) {
  auto shared = shared_.lock();
  const auto is_back = [&shared] { return !shared->beside; };
  const auto limit = std::chrono::steady_clock::now() + beside_time;
  if (shared.wait_until(stop, limit, is_back)) return;
  if (shared->beside) shared->beside->request_stop();
  shared.wait(std::stop_token{}, is_back);
}

}  // namespace holdfast
