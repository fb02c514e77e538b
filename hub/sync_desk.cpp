// SPDX-License-Identifier: Apache-2.0
#include "hub/sync_desk.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "hub/answers.hpp"
#include "schema/hub_report.hpp"
#include "schema/limits.hpp"

namespace holdfast::hub {
namespace {

constexpr std::int64_t longest_wait = 55;             // seconds
constexpr std::size_t jobs_kept_of_strangers = 1000;  // results whose job we never had

// What a result changes. One that is final stays as it is: it was acknowledged already.
Result<void> store_result(const Tables& tables, const std::string& host, const JobResult& result,
                          Time now) {
  auto known = TRY(tables.jobs.find(host, result.payload));
  if (known && is_final(*known)) return ok();
  if (!known) {
    // Handed in at the host itself, or queued before this hub's backup was made.
    if (TRY(tables.jobs.list(host, jobs_kept_of_strangers)).size() == jobs_kept_of_strangers)
      return ok();
    known = StoredJob{.digest = result.payload, .author = "the host", .created = now};
  }
  known->state = std::string{to_string(result.state)};
  known->updated = result.at;
  known->job = result.job;
  known->code = result.code;
  known->message = result.message;
  known->operation = result.operation;
  return tables.jobs.put(host, *known);
}

}  // namespace

Duration wait_of(const http::Request& request) {
  constexpr std::string_view name = "wait=";
  const auto found = request.headers.find("Prefer");
  if (found == request.headers.end()) return {};
  const std::string& text = found->second;
  const auto at = text.find(name);
  if (at == std::string::npos) return {};
  std::int64_t seconds = 0;
  std::from_chars(text.data() + at + name.size(), text.data() + text.size(), seconds);
  return std::chrono::seconds{std::clamp<std::int64_t>(seconds, 0, longest_wait)};
}

// What is to be done about one request.
struct SyncDesk::Turn {
  Duration wait{};
  http::Responder& responder;
  std::vector<std::string> acknowledged{};
  std::optional<Parked> displaced{};  // an older poll of the same host
  bool is_parked = false;
};

void SyncDesk::sync(const std::string& host, const http::Request& request,
                    http::Responder responder) {
  const auto said = parse_message<SyncRequest>(request.body);
  if (!said) return responder.answer(hub::answer(said.error()));
  ++to_.metrics.syncs;
  Turn turn{.wait = wait_of(request), .responder = responder};
  if (const auto taken = take(host, *said, turn); !taken)
    return responder.answer(hub::answer(taken.error()));
  if (turn.displaced) turn.displaced->responder.answer(nothing_new());
  if (!turn.is_parked) answer(host, std::move(responder), std::move(turn.acknowledged));
}

Result<void> SyncDesk::take(const std::string& host, const SyncRequest& said, Turn& turn) {
  {
    auto known = to_.hosts.lock();
    const auto found = known->by_id.find(host);
    if (found == known->by_id.end()) return Error{Errc::denied, "this host was removed"};
    auto& of = found->second;
    if (of.session == said.session && said.sequence < of.sequence)
      return Error{Errc::conflict, "a later sync of this session was here already"};
    if (of.session != said.session) {
      of.sent_generation = 0;
      of.sent_jobs.clear();
      turn.displaced = std::exchange(of.parked, std::nullopt);
    }
    of.session = said.session;
    of.sequence = said.sequence;
  }
  TRY(store_said(host, said));
  for (const auto& result : said.job_results)
    if (is_final(result.state)) turn.acknowledged.push_back(result.payload);
  to_.metrics.job_results += turn.acknowledged.size();

  auto known = to_.hosts.lock();
  const auto found = known->by_id.find(host);
  if (found == known->by_id.end()) return Error{Errc::denied, "this host was removed"};
  auto& of = found->second;
  of.held = said.have.value_or(Held{});
  if (said.report) of.reported = to_.clock.now();
  for (const auto& digest : turn.acknowledged) of.open_jobs.erase(digest);
  // What never waits goes beside a parked poll of the same session.
  if (of.parked && turn.wait.count() > 0) turn.displaced = std::exchange(of.parked, std::nullopt);
  const bool has_news = of.lacks_desired() || of.lacks_jobs() || !turn.acknowledged.empty();
  if (has_news || turn.wait.count() == 0 || is_closed_) return ok();
  of.parked.emplace(Parked{std::move(turn.responder), to_.clock.elapsed() + turn.wait});
  turn.is_parked = true;
  return ok();
}

Result<void> SyncDesk::store_said(const std::string& host, const SyncRequest& said) {
  const Held held = said.have.value_or(Held{});
  bool is_news = said.report.has_value() || !said.job_results.empty();
  {
    auto known = to_.hosts.lock();
    const auto found = known->by_id.find(host);
    is_news = is_news || found == known->by_id.end() || found->second.held != held;
  }
  if (!is_news) return ok();
  const Time now = to_.clock.now();
  return to_.store.commit([&](const Tables& tables) -> Result<void> {
    auto state = TRY(tables.hosts.state(host)).value_or(HostState{});
    state.held = held;
    if (said.report) {
      state.reported = now;
      state.report = to_json(*said.report);
    }
    TRY(tables.hosts.put(host, state));
    for (const auto& result : said.job_results) TRY(store_result(tables, host, result, now));
    return ok();
  });
}

// For a poll that nobody waits for any more: what is new is for the one that came instead.
http::Response SyncDesk::nothing_new() const {
  return hub::answer(Result<std::string>{
      to_json(SyncResponse{.server_time = to_.clock.now(), .config = to_.config.advice})});
}

// What a host lacks, as stored.
struct SyncDesk::News {
  std::uint64_t generation = 0;  // of `desired`; 0: none
  std::string desired{};
  std::vector<StoredJob> jobs{};
};

Result<SyncDesk::News> SyncDesk::news_for(const std::string& host) {
  bool lacks_desired = false;
  bool lacks_jobs = false;
  {
    auto known = to_.hosts.lock();
    const auto found = known->by_id.find(host);
    if (found != known->by_id.end()) {
      lacks_desired = found->second.lacks_desired();
      lacks_jobs = found->second.lacks_jobs();
    }
  }
  News news;
  if (!lacks_desired && !lacks_jobs) return news;
  const auto was_read = to_.store.read([&](const Tables& tables) -> Result<void> {
    if (lacks_desired) {
      if (auto newest = TRY(tables.generations.newest(host))) {
        news.generation = newest->generation;
        news.desired = std::move(newest->envelope);
      }
    }
    if (lacks_jobs) news.jobs = TRY(tables.jobs.open(host, max_open_jobs));
    return ok();
  });
  if (!was_read) return was_read.error();
  return news;
}

// The jobs that go into one answer; they, and the generation, count as sent from now on.
std::vector<JobEnvelope> SyncDesk::send_news(const std::string& host, News& news) {
  std::vector<JobEnvelope> sent;
  auto known = to_.hosts.lock();
  const auto found = known->by_id.find(host);
  if (found == known->by_id.end()) return sent;
  auto& of = found->second;
  if (news.generation != 0) of.sent_generation = news.generation;
  for (auto& job : news.jobs) {
    if (sent.size() == limits::jobs_per_sync) break;
    if (!of.sent_jobs.insert(job.digest).second) continue;
    sent.push_back(std::move(job.envelope));
  }
  return sent;
}

void SyncDesk::answer(const std::string& host, http::Responder responder,
                      std::vector<std::string> acknowledged) {
  SyncResponse response{.server_time = to_.clock.now(),
                        .acknowledged = std::move(acknowledged),
                        .config = to_.config.advice};
  auto news = news_for(host);
  if (!news) return responder.answer(hub::answer(news.error()));
  response.desired = std::move(news->desired);
  response.jobs = send_news(host, *news);
  responder.answer(hub::answer(Result<std::string>{to_json(response)}));
}

void SyncDesk::wake(const std::string& host) {
  std::optional<Parked> parked;
  {
    auto known = to_.hosts.lock();
    const auto found = known->by_id.find(host);
    if (found == known->by_id.end()) return;
    if (!found->second.lacks_desired() && !found->second.lacks_jobs()) return;
    parked = std::exchange(found->second.parked, std::nullopt);
  }
  if (parked) answer(host, std::move(parked->responder), {});
}

void SyncDesk::answer_overdue() {
  const Duration now = to_.clock.elapsed();
  std::vector<std::pair<std::string, Parked>> overdue;
  {
    auto known = to_.hosts.lock();
    for (auto& [id, host] : known->by_id) {
      if (!host.parked || (host.parked->until > now && !is_closed_)) continue;
      overdue.emplace_back(id, std::move(*std::exchange(host.parked, std::nullopt)));
    }
  }
  for (auto& [id, parked] : overdue) answer(id, std::move(parked.responder), {});
}

void SyncDesk::close() {
  is_closed_ = true;
  answer_overdue();
}

}  // namespace holdfast::hub
